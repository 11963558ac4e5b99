/* op_window.c: REDUCE_WINDOW and ARG_WINDOW: windows slid over an array.
 *
 * Both work on one row of the output (its last dim) at a time: for each place in the window, the
 * part of the row whose windows read inside the input there is combined with a line of the input.
 * So every element sees its window in row-major order, whoever does the row.
 */
#include <math.h>
#include <string.h>

#include "internal.h"

enum { PARAMS_PER_DIM = 5, TILE = 256 };
static const int64_t MAX_EXTENT = INT64_C(1) << 31;

typedef struct window_dim {
  int64_t n_out, n_in, window, stride, low, base, dilation;
  int64_t in_stride, flat_stride; /* flat: of a dense array of the input's shape */
} window_dim;

/* acc[i] = op(acc[i], in[i * step]) for i < n; step in elements. */
typedef void (*line_fn)(int64_t n, void *acc, const void *in, int64_t step);
/* The same for the extreme value and its place: index[i] may become flat + i * flat_step. */
typedef void (*arg_fn)(int64_t n, void *value, int64_t *index, const void *in, int64_t step,
                       int64_t flat, int64_t flat_step, bool keep_first);

typedef struct window_plan {
  int ndim;
  window_dim *dims;
  int64_t rows, cost;
  int size;
  line_fn line;
  arg_fn arg;
  bool from_identity; /* ARG_WINDOW: start from the worst value and no place */
  _Alignas(16) char identity[16];
} window_plan;

/* ---- kernels ---- */

#define DEFINE_LINE(NAME, T, EXPR)                                         \
  static void NAME(int64_t n, void *acc_, const void *in_, int64_t step) { \
    T *restrict acc = acc_;                                                \
    const T *restrict in = in_;                                            \
    if (step == 1) {                                                       \
      for (int64_t i = 0; i < n; i++) {                                    \
        const T a = acc[i], x = in[i];                                     \
        acc[i] = (T)(EXPR);                                                \
      }                                                                    \
    } else {                                                               \
      for (int64_t i = 0; i < n; i++) {                                    \
        const T a = acc[i], x = in[i * step];                              \
        acc[i] = (T)(EXPR);                                                \
      }                                                                    \
    }                                                                      \
  }

#define DEFINE_ARG(NAME, T, KEEPS)                                                         \
  static void NAME(int64_t n, void *value_, int64_t *index, const void *in_, int64_t step, \
                   int64_t flat, int64_t flat_step, bool keep_first) {                     \
    T *value = value_;                                                                     \
    const T *in = in_;                                                                     \
    for (int64_t i = 0; i < n; i++) {                                                      \
      const T a = value[i], x = in[i * step];                                              \
      bool keep = (keep_first || index[i] >= 0) && (KEEPS);                                \
      value[i] = keep ? a : x;                                                             \
      index[i] = keep ? index[i] : flat + i * flat_step;                                   \
    }                                                                                      \
  }

#define DEFINE_COMMON(S, T)      \
  DEFINE_LINE(sum_##S, T, a + x) \
  DEFINE_LINE(prod_##S, T, a *x)
#define DEFINE_ORDERED(S, T)        \
  DEFINE_COMMON(S, T)               \
  DEFINE_ARG(argmax_##S, T, a >= x) \
  DEFINE_ARG(argmin_##S, T, a <= x)
#define DEFINE_INT(S, T)                 \
  DEFINE_ORDERED(S, T)                   \
  DEFINE_LINE(max_##S, T, x > a ? x : a) \
  DEFINE_LINE(min_##S, T, x < a ? x : a) \
  DEFINE_LINE(and_##S, T, a &x)          \
  DEFINE_LINE(or_##S, T, a | x)          \
  DEFINE_LINE(xor_##S, T, a ^ x)
#define DEFINE_FLOAT(S, T)                         \
  DEFINE_ORDERED(S, T)                             \
  DEFINE_LINE(max_##S, T, x > a || x != x ? x : a) \
  DEFINE_LINE(min_##S, T, x < a || x != x ? x : a)

DEFINE_INT(i8, int8_t)
DEFINE_INT(i16, int16_t)
DEFINE_INT(i32, int32_t)
DEFINE_INT(i64, int64_t)
DEFINE_INT(u8, uint8_t)
DEFINE_INT(u16, uint16_t)
DEFINE_INT(u32, uint32_t)
DEFINE_INT(u64, uint64_t)
DEFINE_FLOAT(f32, float)
DEFINE_FLOAT(f64, double)
DEFINE_COMMON(c64, float _Complex)
DEFINE_COMMON(c128, double _Complex)

#define INT_LINES(S)   {sum_##S, prod_##S, max_##S, min_##S, and_##S, or_##S, xor_##S}
#define FLOAT_LINES(S) {sum_##S, prod_##S, max_##S, min_##S}
static const line_fn lines[MJX_N_DTYPES][MJX_XOR + 1] = {
    /* booleans are bytes 0 and 1: a sum is their or, a product their and */
    [MJX_BOOL] = {or_u8, and_u8, max_u8, min_u8, and_u8, or_u8, xor_u8},
    [MJX_I8] = INT_LINES(i8),
    [MJX_I16] = INT_LINES(i16),
    [MJX_I32] = INT_LINES(i32),
    [MJX_I64] = INT_LINES(i64),
    [MJX_U8] = INT_LINES(u8),
    [MJX_U16] = INT_LINES(u16),
    [MJX_U32] = INT_LINES(u32),
    [MJX_U64] = INT_LINES(u64),
    [MJX_F32] = FLOAT_LINES(f32),
    [MJX_F64] = FLOAT_LINES(f64),
    [MJX_C64] = {sum_c64, prod_c64},
    [MJX_C128] = {sum_c128, prod_c128},
};
#define ARGS(S) {argmax_##S, argmin_##S}
static const arg_fn args[MJX_N_DTYPES][2] = {
    [MJX_BOOL] = ARGS(u8), [MJX_I8] = ARGS(i8),   [MJX_I16] = ARGS(i16), [MJX_I32] = ARGS(i32),
    [MJX_I64] = ARGS(i64), [MJX_U8] = ARGS(u8),   [MJX_U16] = ARGS(u16), [MJX_U32] = ARGS(u32),
    [MJX_U64] = ARGS(u64), [MJX_F32] = ARGS(f32), [MJX_F64] = ARGS(f64),
};

/* ---- load ---- */

/* Stores an integer as an element of a numeric type. */
static void store_number(void *to, int dtype, double value) {
  switch (dtype) {
    case MJX_F32: *(float *)to = (float)value; break;
    case MJX_F64: *(double *)to = value; break;
    case MJX_C64: *(float _Complex *)to = (float)value; break;
    case MJX_C128: *(double _Complex *)to = value; break;
    default: mjx_store_index(to, dtype, (int64_t)value); break;
  }
}

/* The smallest (or largest) value of a type. */
static void store_extreme(void *to, int dtype, bool smallest) {
  int bits = 8 * mjx_dtype_size(dtype);
  if (mjx_dtype_is_real_float(dtype)) {
    store_number(to, dtype, smallest ? -INFINITY : INFINITY);
  } else if (dtype == MJX_BOOL) {
    *(uint8_t *)to = !smallest;
  } else if (mjx_dtype_is_signed(dtype)) {
    int64_t lowest = -(INT64_C(1) << (bits - 2)) * 2;
    mjx_store_index(to, dtype, smallest ? lowest : -(lowest + 1));
  } else {
    mjx_store_index(to, dtype, smallest ? 0 : -1);
  }
}

static void store_identity(window_plan *plan, int dtype, int64_t kind) {
  void *to = plan->identity;
  switch (kind) {
    case MJX_MAX: store_extreme(to, dtype, true); break;
    case MJX_MIN: store_extreme(to, dtype, false); break;
    case MJX_PROD: store_number(to, dtype, 1); break;
    case MJX_AND: /* all bits; booleans have one */
      mjx_store_index(to, dtype, dtype == MJX_BOOL ? 1 : -1);
      break;
    default: store_number(to, dtype, 0); break;
  }
}

static bool in_range(int64_t value, int64_t low) { return value >= low && value < MAX_EXTENT; }

static mjx_status read_dim(const mjx_instr *instr, window_plan *plan, int d,
                           const int64_t *params) {
  const mjx_operand *in = &instr->in[0], *out = &instr->out[0];
  window_dim *dim = &plan->dims[d];
  dim->n_in = in->shape[d];
  dim->n_out = out->shape[d];
  dim->in_stride = in->strides[d];
  dim->window = params[0];
  dim->stride = params[1];
  dim->low = params[2];
  dim->base = params[3];
  dim->dilation = params[4];
  if (!in_range(dim->n_in, 0) || !in_range(dim->n_out, 0) || !in_range(dim->window, 1) ||
      !in_range(dim->stride, 1) || !in_range(dim->base, 1) || !in_range(dim->dilation, 1) ||
      dim->low <= -MAX_EXTENT || dim->low >= MAX_EXTENT)
    return mjx_fail(MJX_INVALID, "window of dim %d out of range", d);
  return MJX_OK;
}

/* A dim for arrays without any. */
static const window_dim no_dim = {1, 1, 1, 1, 0, 1, 1, 1, 1};

static mjx_status prepare(mjx_loader *loader, mjx_instr *instr, const int64_t *params,
                          int64_t n_params, window_plan **result) {
  const mjx_operand *in = &instr->in[0], *out = &instr->out[0];
  MJX_TRY(mjx_check_real(in, "the input", -1));
  MJX_TRY(mjx_check_real(out, "the output", in->ndim));
  MJX_TRY(mjx_check_dense(out, "the output"));
  if (n_params != (int64_t)PARAMS_PER_DIM * in->ndim)
    return mjx_fail(MJX_INVALID, "%lld window parameters, expected %d", (long long)n_params,
                    PARAMS_PER_DIM * in->ndim);
  window_plan *plan;
  MJX_ALLOC(loader, plan, sizeof *plan);
  plan->ndim = MJX_MAX(1, in->ndim);
  MJX_ALLOC(loader, plan->dims, (size_t)plan->ndim * sizeof *plan->dims);
  plan->dims[0] = no_dim;
  double work = (double)out->n;
  for (int d = 0; d < in->ndim; d++) {
    MJX_TRY(read_dim(instr, plan, d, params + d * PARAMS_PER_DIM));
    work *= (double)plan->dims[d].window;
  }
  int64_t flat = 1;
  for (int d = plan->ndim - 1; d >= 0; d--) {
    plan->dims[d].flat_stride = flat;
    flat *= MJX_MAX(1, plan->dims[d].n_in);
  }
  plan->size = in->size;
  plan->rows = out->n == 0 ? 0 : out->n / plan->dims[plan->ndim - 1].n_out;
  plan->cost = (int64_t)MJX_MIN(work, 1e15);
  instr->plan = plan;
  *result = plan;
  return MJX_OK;
}

mjx_status mjx_op_reduce_window_check(mjx_loader *loader, mjx_instr *instr) {
  if (instr->n_params < 1) return mjx_fail(MJX_INVALID, "no kind");
  MJX_TRY(mjx_check_counts(instr, 1, 1, -1));
  window_plan *plan;
  MJX_TRY(prepare(loader, instr, instr->params + 1, instr->n_params - 1, &plan));
  int dtype = instr->in[0].dtype;
  int64_t kind = instr->params[0];
  if (instr->out[0].dtype != dtype) return mjx_fail(MJX_INVALID, "dtypes differ");
  if (kind < 0 || kind > MJX_XOR || !lines[dtype][kind])
    return mjx_fail(MJX_INVALID, "no window reduction of kind %lld for dtype %d", (long long)kind,
                    dtype);
  plan->line = lines[dtype][kind];
  store_identity(plan, dtype, kind);
  return MJX_OK;
}

mjx_status mjx_op_arg_window_check(mjx_loader *loader, mjx_instr *instr) {
  if (instr->n_params < 2) return mjx_fail(MJX_INVALID, "no kind");
  MJX_TRY(mjx_check_counts(instr, 1, 1, -1));
  window_plan *plan;
  MJX_TRY(prepare(loader, instr, instr->params + 2, instr->n_params - 2, &plan));
  int dtype = instr->in[0].dtype;
  int64_t kind = instr->params[0];
  if (instr->out[0].dtype != MJX_I64) return mjx_fail(MJX_INVALID, "the output is not I64");
  if ((kind != MJX_MAX && kind != MJX_MIN) || !args[dtype][0])
    return mjx_fail(MJX_INVALID, "no extreme of kind %lld for dtype %d", (long long)kind, dtype);
  plan->arg = args[dtype][kind == MJX_MIN];
  plan->from_identity = instr->params[1] != 0;
  store_extreme(plan->identity, dtype, kind == MJX_MAX);
  return MJX_OK;
}

/* ---- run ---- */

typedef struct window_job {
  const window_plan *plan;
  const char *in;
  char *out;
} window_job;

static int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

/* The index that window j reads at place k; -1 outside or in a gap. */
static int64_t input_index(const window_dim *dim, int64_t j, int64_t k) {
  int64_t at = j * dim->stride + k * dim->dilation - dim->low;
  if (at < 0 || at % dim->base) return -1;
  at /= dim->base;
  return at < dim->n_in ? at : -1;
}

/* Windows *first..*last-1 of [j0, j1) read inside at place k of a dim without gaps. */
static void inside_windows(const window_dim *dim, int64_t k, int64_t j0, int64_t j1, int64_t *first,
                           int64_t *last) {
  int64_t shift = k * dim->dilation - dim->low;
  int64_t begin = shift >= 0 ? 0 : ceil_div(-shift, dim->stride);
  int64_t end = shift >= dim->n_in ? 0 : (dim->n_in - 1 - shift) / dim->stride + 1;
  *first = MJX_MAX(begin, j0);
  *last = MJX_MIN(end, j1);
}

/* Elements [j0, j1) of a row in the making. */
typedef struct row_part {
  int64_t j0, j1;
  char *value;
  int64_t *index; /* NULL: REDUCE_WINDOW */
} row_part;

static void apply(const window_plan *plan, const row_part *part, int64_t j, int64_t n,
                  const char *in, int64_t step, int64_t flat, int64_t flat_step) {
  char *value = part->value + (j - part->j0) * plan->size;
  if (!part->index)
    plan->line(n, value, in, step);
  else
    plan->arg(n, value, part->index + (j - part->j0), in, step, flat, flat_step,
              plan->from_identity);
}

/* Combines what the windows of a part see at place k of the last dim. */
static void apply_place(const window_plan *plan, const row_part *part, const char *in, int64_t flat,
                        int64_t k) {
  const window_dim *dim = &plan->dims[plan->ndim - 1];
  int64_t first, last;
  if (dim->base > 1) {
    for (int64_t j = part->j0; j < part->j1; j++) {
      int64_t at = input_index(dim, j, k);
      if (at >= 0) apply(plan, part, j, 1, in + at * dim->in_stride * plan->size, 0, flat + at, 0);
    }
    return;
  }
  inside_windows(dim, k, part->j0, part->j1, &first, &last);
  if (first >= last) return;
  int64_t at = first * dim->stride + k * dim->dilation - dim->low;
  apply(plan, part, first, last - first, in + at * dim->in_stride * plan->size,
        dim->stride * dim->in_stride, flat + at, dim->stride);
}

/* Goes over the places of all dims but the last; false when there are no more. */
static bool next_place(const window_plan *plan, int64_t place[MJX_MAX_NDIM]) {
  for (int d = plan->ndim - 2; d >= 0; d--) {
    if (++place[d] < plan->dims[d].window) return true;
    place[d] = 0;
  }
  return false;
}

static void fill_part(const window_plan *plan, const char *in, const int64_t *window,
                      const row_part *part) {
  int64_t place[MJX_MAX_NDIM] = {0};
  do {
    int64_t offset = 0, flat = 0;
    bool inside = true;
    for (int d = 0; d < plan->ndim - 1 && inside; d++) {
      const window_dim *dim = &plan->dims[d];
      int64_t at = input_index(dim, window[d], place[d]);
      inside = at >= 0;
      offset += at * dim->in_stride;
      flat += at * dim->flat_stride;
    }
    if (!inside) continue;
    for (int64_t k = 0; k < plan->dims[plan->ndim - 1].window; k++)
      apply_place(plan, part, in + offset * plan->size, flat, k);
  } while (next_place(plan, place));
}

static void split_row(const window_plan *plan, int64_t row, int64_t window[MJX_MAX_NDIM]) {
  for (int d = plan->ndim - 2; d >= 0; d--) {
    window[d] = row % plan->dims[d].n_out;
    row /= plan->dims[d].n_out;
  }
}

/* Doubles what is there: copies of one size, whatever the type. */
static void fill_identity(const window_plan *plan, char *to, int64_t n) {
  if (n == 0) return;
  size_t bytes = (size_t)(n * plan->size), done = (size_t)plan->size;
  memcpy(to, plan->identity, done);
  for (; done < bytes; done *= 2) memcpy(to + done, to, MJX_MIN(done, bytes - done));
}

static void reduce_rows(void *arg, int64_t begin, int64_t end, char *scratch) {
  (void)scratch;
  const window_job *job = arg;
  const window_plan *plan = job->plan;
  int64_t n = plan->dims[plan->ndim - 1].n_out, window[MJX_MAX_NDIM];
  for (int64_t row = begin; row < end; row++) {
    row_part part = {0, n, job->out + row * n * plan->size, NULL};
    fill_identity(plan, part.value, n);
    split_row(plan, row, window);
    fill_part(plan, job->in, window, &part);
  }
}

static void arg_rows(void *arg, int64_t begin, int64_t end, char *scratch) {
  (void)scratch;
  const window_job *job = arg;
  const window_plan *plan = job->plan;
  int64_t n = plan->dims[plan->ndim - 1].n_out, window[MJX_MAX_NDIM];
  char value[TILE * 8] __attribute__((aligned(64)));
  for (int64_t row = begin; row < end; row++) {
    split_row(plan, row, window);
    for (int64_t j = 0; j < n; j += TILE) {
      int64_t *index = (int64_t *)job->out + row * n + j;
      row_part part = {j, MJX_MIN(j + TILE, n), value, index};
      fill_identity(plan, value, part.j1 - j);
      for (int64_t i = 0; i < part.j1 - j; i++) index[i] = -1;
      fill_part(plan, job->in, window, &part);
    }
  }
}

static mjx_status run(const mjx_instr *instr, mjx_frame *frame, mjx_task_fn fn) {
  const window_plan *plan = instr->plan;
  window_job job = {plan, mjx_at(frame, &instr->in[0]), mjx_at(frame, &instr->out[0])};
  mjx_pool_for(plan->rows, plan->cost, 0, NULL, fn, &job);
  return MJX_OK;
}

mjx_status mjx_op_reduce_window_run(const mjx_instr *instr, mjx_frame *frame) {
  return run(instr, frame, reduce_rows);
}

mjx_status mjx_op_arg_window_run(const mjx_instr *instr, mjx_frame *frame) {
  return run(instr, frame, arg_rows);
}
