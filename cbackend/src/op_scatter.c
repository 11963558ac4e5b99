/* op_scatter.c: SCATTER.
 *
 * An element of the output sees its updates in the order of the indices.  Three ways to use several
 * threads keep that:
 *   parts     of the indices, where no two windows share an element, as who encoded it says
 *   ranges    each thread visits all indices, and does those windows that begin in its own part of
 *             the output (windows that begin apart must lie apart)
 *   partials  many updates of few elements, by an operation that is commutative: the indices are
 *             cut into N_PARTIALS parts, whatever the number of threads; each part goes into an
 *             array of its own, and those are combined in order
 */
#include <math.h>
#include <string.h>

#include "half.h"
#include "scatter_ops.h"
#include "window.h"

/* to[i] = op(to[i], from[i]) for n elements, strides in elements. */
typedef void (*line_fn)(char *to, int64_t to_stride, const char *from, int64_t from_stride,
                        int64_t n);
/* to[offsets[i]] = op(to[offsets[i]], from[others[i]]) for all windows of a block, in order. */
typedef void (*elements_fn)(char *to, const char *from, const window_block *block);

/* Scalar windows that are `steered`, all within bounds. */
typedef struct direct_block {
  int64_t n;
  const int32_t *index;
  int64_t to_stride, from_stride; /* in bytes: of an index, from an update to the next */
} direct_block;
/* to[index[i] * to_stride] = op(.., from[i * from_stride]) for all of a block, in order. */
typedef void (*direct_fn)(char *to, const char *from, const direct_block *block);

typedef struct combine {
  line_fn line;
  elements_fn elements;
  direct_fn direct;
} combine;

/* ---- operations ---- */

#define AS_IT_IS(x) (x)
#define DEFINE_COMBINE(FN, kind, S, A, LOAD, STORE, OP)                                         \
  static FN void kind##_##S(char *to, int64_t ts, const char *from, int64_t fs, int64_t n) {    \
    mjx_t_##S *x = (mjx_t_##S *)(void *)to;                                                     \
    const mjx_t_##S *y = (const mjx_t_##S *)(const void *)from;                                 \
    for (int64_t i = 0; i < n; i++) {                                                           \
      mjx_t_##A a = LOAD(x[i * ts]), b = LOAD(y[i * fs]);                                       \
      x[i * ts] = STORE(OP(a, b));                                                              \
    }                                                                                           \
  }                                                                                             \
  static FN void kind##_##S##_elements(char *to, const char *from, const window_block *block) { \
    const int64_t *restrict offsets = block->offsets, *restrict others = block->others;         \
    int64_t n = block->n;                                                                       \
    for (int64_t i = 0; i < n; i++) {                                                           \
      mjx_t_##S *x = (mjx_t_##S *)(void *)(to + offsets[i]);                                    \
      mjx_t_##A a = LOAD(*x);                                                                   \
      mjx_t_##A b = LOAD(*(const mjx_t_##S *)(const void *)(from + others[i]));                 \
      *x = STORE(OP(a, b));                                                                     \
    }                                                                                           \
  }                                                                                             \
  static FN void kind##_##S##_direct(char *to, const char *from, const direct_block *block) {   \
    const int32_t *restrict index = block->index;                                               \
    int64_t n = block->n, ts = block->to_stride, fs = block->from_stride;                       \
    for (int64_t i = 0; i < n; i++) {                                                           \
      mjx_t_##S *x = (mjx_t_##S *)(void *)(to + index[i] * ts);                                 \
      mjx_t_##A a = LOAD(*x), b = LOAD(*(const mjx_t_##S *)(const void *)(from + i * fs));      \
      *x = STORE(OP(a, b));                                                                     \
    }                                                                                           \
  }
#define DEFINE_COMPLEX(t)                                                     \
  MJX_INLINE mjx_t_##t add_op_##t(mjx_t_##t a, mjx_t_##t b) {                 \
    return (mjx_t_##t){a.re + b.re, a.im + b.im};                             \
  }                                                                           \
  MJX_INLINE mjx_t_##t sub_op_##t(mjx_t_##t a, mjx_t_##t b) {                 \
    return (mjx_t_##t){a.re - b.re, a.im - b.im};                             \
  }                                                                           \
  MJX_INLINE mjx_t_##t mul_op_##t(mjx_t_##t a, mjx_t_##t b) {                 \
    return (mjx_t_##t){a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re}; \
  }                                                                           \
  MJX_INLINE mjx_t_##t min_op_##t(mjx_t_##t a, mjx_t_##t b) {                 \
    int first = a.re == b.re ? a.im < b.im : a.re < b.re;                     \
    return first ? a : b;                                                     \
  }                                                                           \
  MJX_INLINE mjx_t_##t max_op_##t(mjx_t_##t a, mjx_t_##t b) {                 \
    int first = a.re == b.re ? a.im > b.im : a.re > b.re;                     \
    return first ? a : b;                                                     \
  }                                                                           \
  DEFINE_COMBINE(MJX_SMALL, add, t, t, AS_IT_IS, AS_IT_IS, add_op_##t)        \
  DEFINE_COMBINE(MJX_SMALL, sub, t, t, AS_IT_IS, AS_IT_IS, sub_op_##t)        \
  DEFINE_COMBINE(MJX_SMALL, mul, t, t, AS_IT_IS, AS_IT_IS, mul_op_##t)        \
  DEFINE_COMBINE(MJX_SMALL, min, t, t, AS_IT_IS, AS_IT_IS, min_op_##t)        \
  DEFINE_COMBINE(MJX_SMALL, max, t, t, AS_IT_IS, AS_IT_IS, max_op_##t)

#define INTEGERS(kind, s8, s16, s32, s64, op)                            \
  DEFINE_COMBINE(MJX_SMALL, kind, s8, s8, AS_IT_IS, (mjx_t_##s8), op)    \
  DEFINE_COMBINE(MJX_SMALL, kind, s16, s16, AS_IT_IS, (mjx_t_##s16), op) \
  DEFINE_COMBINE(, kind, s32, s32, AS_IT_IS, AS_IT_IS, op)               \
  DEFINE_COMBINE(MJX_SMALL, kind, s64, s64, AS_IT_IS, AS_IT_IS, op)
#define FLOATS(kind, op32, op64)                                                         \
  DEFINE_COMBINE(MJX_SMALL, kind, f16, f32, mjx_f32_from_f16, mjx_f16_from_f32, op32)    \
  DEFINE_COMBINE(MJX_SMALL, kind, bf16, f32, mjx_f32_from_bf16, mjx_bf16_from_f32, op32) \
  DEFINE_COMBINE(, kind, f32, f32, AS_IT_IS, AS_IT_IS, op32)                             \
  DEFINE_COMBINE(, kind, f64, f64, AS_IT_IS, AS_IT_IS, op64)

INTEGERS(add, u8, u16, u32, u64, SCATTER_ADD)
INTEGERS(sub, u8, u16, u32, u64, SCATTER_SUB)
INTEGERS(mul, u8, u16, u32, u64, SCATTER_MUL)
INTEGERS(min, u8, u16, u32, u64, SCATTER_MIN)
INTEGERS(max, u8, u16, u32, u64, SCATTER_MAX)
INTEGERS(min, i8, i16, i32, i64, SCATTER_MIN)
INTEGERS(max, i8, i16, i32, i64, SCATTER_MAX)
FLOATS(add, SCATTER_ADD, SCATTER_ADD)
FLOATS(sub, SCATTER_SUB, SCATTER_SUB)
FLOATS(mul, SCATTER_MUL, SCATTER_MUL)
FLOATS(min, combine_min_f32, combine_min_f64)
FLOATS(max, combine_max_f32, combine_max_f64)
DEFINE_COMPLEX(c64)
DEFINE_COMPLEX(c128)

#define ENTRY(kind, S) {kind##_##S, kind##_##S##_elements, kind##_##S##_direct}
#define INTEGER_ENTRIES(kind, s8, s16, s32, s64)                                          \
  [MJX_I8] = ENTRY(kind, s8), [MJX_I16] = ENTRY(kind, s16), [MJX_I32] = ENTRY(kind, s32), \
  [MJX_I64] = ENTRY(kind, s64), [MJX_U8] = ENTRY(kind, u8), [MJX_U16] = ENTRY(kind, u16), \
  [MJX_U32] = ENTRY(kind, u32), [MJX_U64] = ENTRY(kind, u64)
#define FLOAT_ENTRIES(kind)                                                                   \
  [MJX_F16] = ENTRY(kind, f16), [MJX_BF16] = ENTRY(kind, bf16), [MJX_F32] = ENTRY(kind, f32), \
  [MJX_F64] = ENTRY(kind, f64)
#define ARITHMETIC(kind)                                                                        \
  {INTEGER_ENTRIES(kind, u8, u16, u32, u64), FLOAT_ENTRIES(kind), [MJX_C64] = ENTRY(kind, c64), \
   [MJX_C128] = ENTRY(kind, c128)}
#define EXTREME(kind)                        \
  {[MJX_BOOL] = ENTRY(kind, u8),             \
   INTEGER_ENTRIES(kind, i8, i16, i32, i64), \
   FLOAT_ENTRIES(kind),                      \
   [MJX_C64] = ENTRY(kind, c64),             \
   [MJX_C128] = ENTRY(kind, c128)}

static const combine table[][MJX_N_DTYPES] = {
    [MJX_SCATTER_ADD] = ARITHMETIC(add), [MJX_SCATTER_MUL] = ARITHMETIC(mul),
    [MJX_SCATTER_MIN] = EXTREME(min),    [MJX_SCATTER_MAX] = EXTREME(max),
    [MJX_SCATTER_SUB] = ARITHMETIC(sub),
};
enum { N_KINDS = sizeof table / sizeof table[0] };

/* SET. */
#define DEFINE_SET(T)                                                                   \
  static void set_##T(char *to, const char *from, const window_block *block) {          \
    const int64_t *restrict offsets = block->offsets, *restrict others = block->others; \
    int64_t n = block->n;                                                               \
    for (int64_t i = 0; i < n; i++)                                                     \
      *(T *)(void *)(to + offsets[i]) = *(const T *)(const void *)(from + others[i]);   \
  }                                                                                     \
  static void set_##T##_direct(char *to, const char *from, const direct_block *block) { \
    const int32_t *restrict index = block->index;                                       \
    int64_t n = block->n, ts = block->to_stride, fs = block->from_stride;               \
    for (int64_t i = 0; i < n; i++)                                                     \
      *(T *)(void *)(to + index[i] * ts) = *(const T *)(const void *)(from + i * fs);   \
  }
DEFINE_SET(bits8)
DEFINE_SET(bits16)
DEFINE_SET(bits32)
DEFINE_SET(bits64)
DEFINE_SET(pair)

#define SET(T) ((combine){NULL, set_##T, set_##T##_direct})
static combine set_of(int size) {
  switch (size) {
    case 1: return SET(bits8);
    case 2: return SET(bits16);
    case 4: return SET(bits32);
    case 8: return SET(bits64);
    default: return SET(pair);
  }
}

/* ---- the instruction ---- */

enum { N_PARTS = 16, N_PARTIALS = 4, LEAST_FOR_PARTIALS = 1 << 14, PARTIAL_BYTES = 1 << 18 };
/* Below RANGE_WINDOW elements a window costs no more than to leave it to another thread; where its
 * place is all but known, STEERED_RANGE_WINDOW. */
enum {
  RANGE_WINDOW = 4,
  STEERED_RANGE_WINDOW = 64,
  LEAST_FOR_RANGES = 1 << 14,
  UPDATE_COST = 2 /* ns, about */
};

typedef struct scatter_plan {
  window_plan windows;
  mjx_copy_plan whole; /* out := in */
  mjx_copy_plan copy;  /* a window of the updates; its space serves `line` too */
  line_fn line;        /* NULL: SET */
  elements_fn elements;
  bool steered; /* one index of 32 bits steers each window, and those lie in a row */
  direct_fn direct;
  int (*all_inside)(int64_t n, const int32_t *index, uint32_t last);
  mjx_scatter_fn dense; /* windows whose elements lie next to each other; NULL: one by one */
  int64_t dense_width;
  int64_t lowest, span; /* of the windows' offsets, in bytes: [lowest, lowest + span) */
  bool apart;           /* all windows are */
  bool ranges;          /* windows that begin apart lie apart */
  int64_t partial;      /* bytes of a partial array; 0: no partials */
  _Alignas(16) char identity[16];
} scatter_plan;

static mjx_status read_sizes(const mjx_operand *operand, const mjx_operand *updates,
                             const window_dims *dims, int64_t *sizes) {
  bool left_out[MJX_MAX_NDIM] = {false};
  const mjx_list *lists[2] = {&dims->left_out, &dims->operand_batching};
  for (int l = 0; l < 2; l++) {
    for (int64_t i = 0; i < lists[l]->n; i++) {
      int64_t d = lists[l]->items[i];
      if (d < 0 || d >= operand->ndim) return mjx_fail(MJX_INVALID, "no dim %lld", (long long)d);
      left_out[d] = true;
    }
  }
  int64_t k = 0;
  for (int d = 0; d < operand->ndim; d++) {
    sizes[d] = 1;
    if (left_out[d]) continue;
    if (k >= dims->window.n) return mjx_fail(MJX_INVALID, "too few window dims");
    int64_t e = dims->window.items[k++];
    if (e < 0 || e >= updates->ndim) return mjx_fail(MJX_INVALID, "no dim %lld", (long long)e);
    sizes[d] = updates->shape[e];
  }
  return MJX_OK;
}

static mjx_status check_operands(const mjx_instr *instr) {
  const mjx_operand *in = &instr->in[0], *out = &instr->out[0];
  MJX_TRY(mjx_check_real(in, "the operand", -1));
  MJX_TRY(mjx_check_real(&instr->in[1], "the indices", -1));
  MJX_TRY(mjx_check_real(&instr->in[2], "the updates", -1));
  MJX_TRY(mjx_check_shape(out, "the output", in->ndim, in->shape));
  if (in->dtype != out->dtype || instr->in[2].dtype != out->dtype)
    return mjx_fail(MJX_INVALID, "the dtypes differ");
  return MJX_OK;
}

/* Where windows may begin. */
static void find_span(scatter_plan *plan) {
  const window_plan *w = &plan->windows;
  int64_t low = 0, high = 0;
  for (int i = 0; i < w->n_mapped; i++) {
    int64_t reach = w->mapped[i].last * w->mapped[i].stride;
    *(reach < 0 ? &low : &high) += reach;
  }
  for (int d = 0; d < w->batch.ndim; d++) {
    int64_t reach = (w->batch.shape[d] - 1) * w->batch.strides[3][d] * w->size;
    *(reach < 0 ? &low : &high) += reach;
  }
  plan->lowest = low;
  plan->span = high - low + 1;
}

/* What leaves any element as it is; false if there is no such thing. */
static bool find_identity(int64_t kind, int dtype, char *identity) {
  const float zero = -0.0f, low = -INFINITY, high = INFINITY;
  const double zero_d = -0.0, low_d = -INFINITY, high_d = INFINITY;
  bool single = dtype == MJX_F32;
  if (kind == MJX_SCATTER_ADD && mjx_dtype_is_integer(dtype)) return true;
  if (dtype != MJX_F32 && dtype != MJX_F64) return false;
  const float *f = kind == MJX_SCATTER_ADD ? &zero : kind == MJX_SCATTER_MAX ? &low : &high;
  const double *d = kind == MJX_SCATTER_ADD ? &zero_d : kind == MJX_SCATTER_MAX ? &low_d : &high_d;
  if (kind != MJX_SCATTER_ADD && kind != MJX_SCATTER_MAX && kind != MJX_SCATTER_MIN) return false;
  memcpy(identity, single ? (const void *)f : (const void *)d, single ? sizeof *f : sizeof *d);
  return true;
}

/* Partials: scalar updates, many for each element of a dense output. */
static int64_t partial_bytes(const mjx_instr *instr, scatter_plan *plan) {
  const mjx_operand *out = &instr->out[0];
  int64_t bytes = out->n * out->size, n = plan->windows.n_windows;
  if (plan->windows.window_n != 1 || !out->dense || bytes == 0 || bytes > PARTIAL_BYTES) return 0;
  if (n < LEAST_FOR_PARTIALS || n / (2 * N_PARTIALS) < out->n) return 0;
  return find_identity(instr->params[0], out->dtype, plan->identity)
             ? mjx_round_up(bytes, MJX_ALIGN)
             : 0;
}

/* How the work may be cut. */
static void plan_threads(mjx_instr *instr, const window_dims *dims, const int64_t *sizes,
                         scatter_plan *plan) {
  const window_plan *w = &plan->windows;
  find_span(plan);
  plan->ranges = w->window_n >= RANGE_WINDOW && w->n_windows * w->window_n >= LEAST_FOR_RANGES;
  for (int64_t i = 0; i < dims->map.n; i++) plan->ranges &= sizes[dims->map.items[i]] == 1;
  plan->apart = instr->params[2] != 0;
  plan->partial = plan->apart ? 0 : partial_bytes(instr, plan);
  instr->scratch_bytes = N_PARTIALS * plan->partial;
}

static bool is_steered(const mjx_instr *instr, const window_plan *w) {
  return w->n_mapped == 1 && w->mapped[0].last <= INT32_MAX && instr->in[1].dtype == MJX_I32 &&
         w->batch.ndim == 1 && w->batch.strides[1][0] == 1 && w->batch.strides[3][0] == 0;
}

/* Windows of contiguous elements have kernels; sums of complex numbers are those of their parts,
 * and what is SET are words or bytes. */
static void choose_dense(int64_t kind, int dtype, scatter_plan *plan) {
  const mjx_space_plan *space = &plan->copy.space;
  int64_t n = space->n;
  if (space->ndim != 1 || space->strides[0][0] != 1 || space->strides[1][0] != 1) return;
  if (kind == MJX_SCATTER_SET) {
    int unit = plan->copy.size % 4 == 0 ? 4 : 1;
    n *= plan->copy.size / unit;
    dtype = unit == 4 ? MJX_U32 : MJX_U8;
  } else if (mjx_dtype_is_complex(dtype) && kind != MJX_SCATTER_MUL) {
    n *= 2;
    dtype = dtype == MJX_C64 ? MJX_F32 : MJX_F64;
  }
  plan->dense = mjx_block_kernels_get()->scatter[kind][dtype];
  plan->dense_width = n;
}

mjx_status mjx_op_scatter_check(mjx_loader *loader, mjx_instr *instr) {
  MJX_TRY(mjx_check_counts(instr, 1, 3, -1));
  MJX_TRY(check_operands(instr));
  const mjx_operand *in = &instr->in[0], *updates = &instr->in[2], *out = &instr->out[0];
  if (instr->n_params < 3 || instr->params[0] < 0 || instr->params[0] >= N_KINDS ||
      instr->params[1] < MJX_CLIP || instr->params[1] > MJX_PROMISE_IN_BOUNDS)
    return mjx_fail(MJX_INVALID, "no such kind or mode");
  window_dims dims;
  int64_t at = 3, sizes[MJX_MAX_NDIM];
  MJX_TRY(mjx_window_read_dims(instr, &at, &dims));
  if (at != instr->n_params) return mjx_fail(MJX_INVALID, "too many parameters");
  MJX_TRY(read_sizes(in, updates, &dims, sizes));
  scatter_plan *plan;
  MJX_ALLOC(loader, plan, sizeof *plan);
  instr->plan = plan;
  combine by = table[instr->params[0]][in->dtype];
  if (instr->params[0] == MJX_SCATTER_SET) by = set_of(in->size);
  plan->line = by.line;
  plan->elements = by.elements;
  if (!plan->line && instr->params[0] != MJX_SCATTER_SET)
    return mjx_fail(MJX_INVALID, "no such kind for dtype %d", in->dtype);
  MJX_TRY(mjx_copy_prepare(loader, out->ndim, out->shape, out->strides, in->strides, out->size,
                           &plan->whole));
  window_plan *w = &plan->windows;
  MJX_TRY(mjx_window_prepare(loader, out, &instr->in[1], updates, &dims, sizes,
                             instr->params[1] == MJX_CLIP, w));
  plan_threads(instr, &dims, sizes, plan);
  plan->direct = by.direct;
  plan->all_inside = mjx_block_kernels_get()->all_inside;
  MJX_TRY(mjx_copy_prepare(loader, w->ndim, w->shape, w->operand_strides, w->other_strides, w->size,
                           &plan->copy));
  choose_dense(instr->params[0], in->dtype, plan);
  plan->steered = is_steered(instr, w) && (w->window_n == 1 || plan->dense);
  if (plan->steered && w->window_n < STEERED_RANGE_WINDOW) plan->ranges = false;
  return MJX_OK;
}

/* ---- running ---- */

/* Combines dims d.. of a window. */
static void combine_window(const scatter_plan *plan, int d, char *to, const char *from) {
  const mjx_space_plan *space = &plan->copy.space;
  int64_t ts = space->strides[0][d], fs = space->strides[1][d], n = space->shape[d];
  if (d + 1 == space->ndim) {
    plan->line(to, ts, from, fs, n);
    return;
  }
  for (int64_t i = 0; i < n; i++)
    combine_window(plan, d + 1, to + i * ts * plan->copy.size, from + i * fs * plan->copy.size);
}

/* Keeps the windows of a block that begin in [lowest, lowest + span). */
static void keep(window_block *block, int64_t lowest, int64_t span) {
  int64_t kept = 0;
  for (int64_t i = 0; i < block->n; i++) {
    int64_t offset = block->offsets[i], other = block->others[i];
    block->offsets[kept] = offset;
    block->others[kept] = other;
    kept += (uint64_t)offset - (uint64_t)lowest < (uint64_t)span;
  }
  block->n = kept;
}

typedef struct scatter_job {
  const scatter_plan *plan;
  char *out;
  const char *indices, *updates;
  int64_t n_ranges;
  char *partials;
} scatter_job;

/* A block of windows that are steered; false, with nothing done, if some are out of bounds. */
static bool scatter_steered(const scatter_job *job, int64_t first, int64_t n, char *out) {
  const scatter_plan *plan = job->plan;
  const window_plan *w = &plan->windows;
  int64_t from_step = w->batch.strides[2][0] * w->size, to_step = w->mapped[0].stride;
  const int32_t *index = (const int32_t *)(const void *)job->indices + w->mapped[0].index + first;
  const char *from = job->updates + first * from_step;
  if (!plan->all_inside(n, index, (uint32_t)w->mapped[0].last)) return false;
  if (w->window_n == 1) {
    plan->direct(out, from, &(direct_block){n, index, to_step, from_step});
  } else {
    plan->dense(&(mjx_scatter_windows){.n = n,
                                       .width = plan->dense_width,
                                       .to = out,
                                       .from = from,
                                       .index = index,
                                       .to_step = to_step,
                                       .from_step = from_step});
  }
  return true;
}

/* Windows first..last-1 that begin in a range of the output. */
static void scatter(const scatter_job *job, int64_t first, int64_t last, int64_t lowest,
                    int64_t span, char *out) {
  const scatter_plan *plan = job->plan;
  window_walk walk;
  window_block block;
  bool all = lowest == plan->lowest && span >= plan->span;
  mjx_window_seek(&walk, &plan->windows, job->indices, first);
  for (int64_t taken; first < last; first += taken) {
    taken = MJX_MIN(last - first, MJX_WINDOW_BLOCK);
    if (plan->steered && all && scatter_steered(job, first, taken, out)) {
      mjx_window_skip(&walk, taken);
      continue;
    }
    mjx_window_take(&walk, last - first, &block);
    taken = block.n;
    if (block.gaps || !all) keep(&block, lowest, span);
    if (plan->windows.window_n == 1) {
      plan->elements(out, job->updates, &block);
      continue;
    }
    if (plan->dense) {
      plan->dense(&(mjx_scatter_windows){.n = block.n,
                                         .width = plan->dense_width,
                                         .to = out,
                                         .from = job->updates,
                                         .offsets = block.offsets,
                                         .others = block.others});
      continue;
    }
    for (int64_t i = 0; i < block.n; i++) {
      char *to = out + block.offsets[i];
      const char *from = job->updates + block.others[i];
      if (plan->line)
        combine_window(plan, 0, to, from);
      else
        mjx_copy_run(&plan->copy, to, from, false);
    }
  }
}

static void range_task(void *arg, int64_t begin, int64_t end, char *scratch) {
  (void)scratch;
  const scatter_job *job = arg;
  const scatter_plan *plan = job->plan;
  int64_t width = plan->span / job->n_ranges + 1;
  for (int64_t i = begin; i < end; i++)
    scatter(job, 0, plan->windows.n_windows, plan->lowest + i * width, width, job->out);
}

static void part_task(void *arg, int64_t begin, int64_t end, char *scratch) {
  (void)scratch;
  const scatter_job *job = arg;
  const scatter_plan *plan = job->plan;
  int64_t n = plan->windows.n_windows;
  scatter(job, n * begin / N_PARTS, n * end / N_PARTS, plan->lowest, plan->span, job->out);
}

static void partial_task(void *arg, int64_t begin, int64_t end, char *scratch) {
  (void)scratch;
  const scatter_job *job = arg;
  const scatter_plan *plan = job->plan;
  int64_t n = plan->windows.n_windows, size = plan->windows.size;
  for (int64_t i = begin; i < end; i++) {
    char *partial = job->partials + i * plan->partial;
    for (int64_t at = 0; at < plan->partial; at += size)
      memcpy(partial + at, plan->identity, (size_t)size);
    scatter(job, n * i / N_PARTIALS, n * (i + 1) / N_PARTIALS, plan->lowest, plan->span, partial);
  }
}

mjx_status mjx_op_scatter_run(const mjx_instr *instr, mjx_frame *frame) {
  const scatter_plan *plan = instr->plan;
  const window_plan *windows = &plan->windows;
  char *out = mjx_at(frame, instr->out);
  mjx_copy_run(&plan->whole, out, mjx_at(frame, &instr->in[0]), true);
  if (windows->n_windows == 0 || windows->window_n == 0) return MJX_OK;
  scatter_job job = {
      plan, out, mjx_at(frame, &instr->in[1]), mjx_at(frame, &instr->in[2]), 1, frame->scratch};
  int64_t cost = windows->n_windows * (UPDATE_COST + windows->window_n / 4);
  if (plan->partial) {
    mjx_pool_for(N_PARTIALS, cost, 0, NULL, partial_task, &job);
    for (int i = 0; i < N_PARTIALS; i++)
      plan->line(out, 1, job.partials + i * plan->partial, 1, instr->out->n);
    return MJX_OK;
  }
  if (plan->apart) {
    mjx_pool_for(N_PARTS, cost, 0, NULL, part_task, &job);
    return MJX_OK;
  }
  if (plan->ranges) job.n_ranges = mjx_get_num_threads();
  mjx_pool_for(job.n_ranges, cost, 0, NULL, range_task, &job);
  return MJX_OK;
}
