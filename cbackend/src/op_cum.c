/* op_cum.c: CUM, running sums, products and extremes.
 *
 * Rows are taken in blocks of BLOCK_ROWS: a running value within the block is combined with the
 * value up to the block, so that float sums do not collect one rounding error per row.
 */
#include <math.h>
#include <string.h>

#include "half.h"
#include "internal.h"

enum { BLOCK_ROWS = 64, MAX_WIDTH = 256 };

/* One block of columns.  Strides in elements; running and before hold `width` accumulators. */
typedef struct cum_args {
  int64_t n, width;
  const void *in;
  int64_t in_row, in_column;
  void *out;
  int64_t out_row;
  void *running, *before;
  int64_t lines, in_line, out_line; /* as many, if there is one column */
} cum_args;
typedef void (*cum_fn)(const cum_args *args);

/* ---- operations ---- */

#define OP_SUM(a, b)  ((a) + (b))
#define OP_PROD(a, b) ((a) * (b))
#define OP_MAX(a, b)  ((b) > (a) ? (b) : (a))
#define OP_MIN(a, b)  ((b) < (a) ? (b) : (a))
#define SAME(x)       (x)
/* Sums begin with 0, so that -0 comes first as 0. */
#define FROM_0(x) ((x) + 0)

#define DEFINE_FLOAT_OPS(t)                                                         \
  MJX_INLINE mjx_t_##t nanmax_##t(mjx_t_##t a, mjx_t_##t b) {                       \
    return a != a ? a : b != b ? b : a == b ? (signbit(a) ? b : a) : b > a ? b : a; \
  }                                                                                 \
  MJX_INLINE mjx_t_##t nanmin_##t(mjx_t_##t a, mjx_t_##t b) {                       \
    return a != a ? a : b != b ? b : a == b ? (signbit(a) ? a : b) : b < a ? b : a; \
  }                                                                                 \
  MJX_INLINE mjx_t_##t logaddexp_##t(mjx_t_##t a, mjx_t_##t b) {                    \
    double high = a > b ? a : b, low = a > b ? b : a;                               \
    if (a != a || b != b) return a + b;                                             \
    if (high == low && isinf(high)) return (mjx_t_##t)high;                         \
    return (mjx_t_##t)(high + log1p(exp(low - high)));                              \
  }
DEFINE_FLOAT_OPS(f32)
DEFINE_FLOAT_OPS(f64)

#define DEFINE_COMPLEX_OPS(t)                                                 \
  MJX_INLINE mjx_t_##t sum_op_##t(mjx_t_##t a, mjx_t_##t b) {                 \
    return (mjx_t_##t){a.re + b.re, a.im + b.im};                             \
  }                                                                           \
  MJX_INLINE mjx_t_##t prod_op_##t(mjx_t_##t a, mjx_t_##t b) {                \
    return (mjx_t_##t){a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re}; \
  }                                                                           \
  MJX_INLINE mjx_t_##t from_0_##t(mjx_t_##t x) { return (mjx_t_##t){x.re + 0, x.im + 0}; }
DEFINE_COMPLEX_OPS(c64)
DEFINE_COMPLEX_OPS(c128)

/* ---- the template: S elements, A accumulators; FN: MJX_SMALL for the rarer types; FIRST: what
 * is made of the first element ---- */

#define DEFINE_CUM(FN, kind, S, A, LOAD, STORE, FIRST, OP)                                      \
  static FN void kind##_##S##_width(const cum_args *args, int64_t width) {                      \
    mjx_t_##A *restrict running = args->running, *restrict before = args->before;               \
    int64_t step = args->in_column;                                                             \
    for (int64_t r = 0; r < args->n; r++) {                                                     \
      const mjx_t_##S *x = (const mjx_t_##S *)args->in + r * args->in_row;                      \
      mjx_t_##S *out = (mjx_t_##S *)args->out + r * args->out_row;                              \
      if (r % BLOCK_ROWS == 0) {                                                                \
        for (int64_t c = 0; c < width; c++) running[c] = FIRST(LOAD(x[c * step]));              \
      } else {                                                                                  \
        for (int64_t c = 0; c < width; c++) running[c] = OP(running[c], LOAD(x[c * step]));     \
      }                                                                                         \
      if (r < BLOCK_ROWS) {                                                                     \
        for (int64_t c = 0; c < width; c++) out[c] = STORE(running[c]);                         \
      } else {                                                                                  \
        for (int64_t c = 0; c < width; c++) out[c] = STORE(OP(before[c], running[c]));          \
      }                                                                                         \
      if (r % BLOCK_ROWS == BLOCK_ROWS - 1) {                                                   \
        for (int64_t c = 0; c < width; c++)                                                     \
          before[c] = r < BLOCK_ROWS ? running[c] : OP(before[c], running[c]);                  \
      }                                                                                         \
    }                                                                                           \
  }                                                                                             \
  /* The same for lines of one column, in registers. */                                         \
  MJX_INLINE void kind##_##S##_line(const cum_args *args, const mjx_t_##S *x, mjx_t_##S *out) { \
    int64_t in_row = args->in_row, out_row = args->out_row;                                     \
    int64_t count = MJX_MIN(BLOCK_ROWS, args->n);                                               \
    mjx_t_##A running = FIRST(LOAD(*x)), before;                                                \
    *out = STORE(running);                                                                      \
    for (int64_t r = 1; r < count; r++) {                                                       \
      running = OP(running, LOAD(x[r * in_row]));                                               \
      out[r * out_row] = STORE(running);                                                        \
    }                                                                                           \
    before = running;                                                                           \
    for (int64_t first = BLOCK_ROWS; first < args->n; first += BLOCK_ROWS) {                    \
      mjx_t_##A value = before;                                                                 \
      x += BLOCK_ROWS * in_row;                                                                 \
      out += BLOCK_ROWS * out_row;                                                              \
      count = MJX_MIN(BLOCK_ROWS, args->n - first);                                             \
      for (int64_t r = 0; r < count; r++) {                                                     \
        running = r == 0 ? LOAD(*x) : OP(running, LOAD(x[r * in_row]));                         \
        value = OP(before, running);                                                            \
        out[r * out_row] = STORE(value);                                                        \
      }                                                                                         \
      before = value;                                                                           \
    }                                                                                           \
  }                                                                                             \
  static FN void kind##_##S##_lines(const cum_args *args) {                                     \
    const mjx_t_##S *x = args->in;                                                              \
    mjx_t_##S *out = args->out;                                                                 \
    for (int64_t l = 0; l < args->lines; l++)                                                   \
      kind##_##S##_line(args, x + l * args->in_line, out + l * args->out_line);                 \
  }                                                                                             \
  static void kind##_##S(const cum_args *args) {                                                \
    if (args->width == 1)                                                                       \
      kind##_##S##_lines(args);                                                                 \
    else                                                                                        \
      kind##_##S##_width(args, args->width);                                                    \
  }

#define INTEGER_CUM(kind, s8, s16, s32, s64, op)              \
  DEFINE_CUM(MJX_SMALL, kind, s8, s8, SAME, SAME, SAME, op)   \
  DEFINE_CUM(MJX_SMALL, kind, s16, s16, SAME, SAME, SAME, op) \
  DEFINE_CUM(, kind, s32, s32, SAME, SAME, SAME, op)          \
  DEFINE_CUM(MJX_SMALL, kind, s64, s64, SAME, SAME, SAME, op)
#define FLOAT_CUM(kind, first, op32, op64)                                                  \
  DEFINE_CUM(MJX_SMALL, kind, f16, f32, mjx_f32_from_f16, mjx_f16_from_f32, first, op32)    \
  DEFINE_CUM(MJX_SMALL, kind, bf16, f32, mjx_f32_from_bf16, mjx_bf16_from_f32, first, op32) \
  DEFINE_CUM(, kind, f32, f32, SAME, SAME, first, op32)                                     \
  DEFINE_CUM(, kind, f64, f64, SAME, SAME, first, op64)

INTEGER_CUM(sum, u8, u16, u32, u64, OP_SUM)
INTEGER_CUM(prod, u8, u16, u32, u64, OP_PROD)
INTEGER_CUM(max, u8, u16, u32, u64, OP_MAX)
INTEGER_CUM(min, u8, u16, u32, u64, OP_MIN)
INTEGER_CUM(max, i8, i16, i32, i64, OP_MAX)
INTEGER_CUM(min, i8, i16, i32, i64, OP_MIN)
FLOAT_CUM(sum, FROM_0, OP_SUM, OP_SUM)
FLOAT_CUM(prod, SAME, OP_PROD, OP_PROD)
FLOAT_CUM(max, SAME, nanmax_f32, nanmax_f64)
FLOAT_CUM(min, SAME, nanmin_f32, nanmin_f64)
FLOAT_CUM(logsumexp, FROM_0, logaddexp_f32, logaddexp_f64)
DEFINE_CUM(MJX_SMALL, sum, c64, c64, SAME, SAME, from_0_c64, sum_op_c64)
DEFINE_CUM(MJX_SMALL, sum, c128, c128, SAME, SAME, from_0_c128, sum_op_c128)
DEFINE_CUM(MJX_SMALL, prod, c64, c64, SAME, SAME, SAME, prod_op_c64)
DEFINE_CUM(MJX_SMALL, prod, c128, c128, SAME, SAME, SAME, prod_op_c128)

#define INTEGERS(kind, s8, s16, s32, s64)                                                         \
  [MJX_I8] = kind##_##s8, [MJX_I16] = kind##_##s16, [MJX_I32] = kind##_##s32,                     \
  [MJX_I64] = kind##_##s64, [MJX_U8] = kind##_u8, [MJX_U16] = kind##_u16, [MJX_U32] = kind##_u32, \
  [MJX_U64] = kind##_u64
#define FLOATS(kind) \
  [MJX_F16] = kind##_f16, [MJX_BF16] = kind##_bf16, [MJX_F32] = kind##_f32, [MJX_F64] = kind##_f64
#define COMPLEXES(kind) [MJX_C64] = kind##_c64, [MJX_C128] = kind##_c128

static const cum_fn table[][MJX_N_DTYPES] = {
    [MJX_SUM] = {INTEGERS(sum, u8, u16, u32, u64), FLOATS(sum), COMPLEXES(sum)},
    [MJX_PROD] = {INTEGERS(prod, u8, u16, u32, u64), FLOATS(prod), COMPLEXES(prod)},
    [MJX_MAX] = {[MJX_BOOL] = max_u8, INTEGERS(max, i8, i16, i32, i64), FLOATS(max)},
    [MJX_MIN] = {[MJX_BOOL] = min_u8, INTEGERS(min, i8, i16, i32, i64), FLOATS(min)},
    [MJX_LOGSUMEXP] = {FLOATS(logsumexp)},
};
enum { N_KINDS = sizeof table / sizeof table[0] };

/* ---- the instruction ---- */

typedef struct cum_plan {
  cum_fn fn;
  int32_t size;
  int64_t outer, n, inner, width, n_blocks;
  int64_t in_strides[3], out_strides[3];
  int64_t in_first, out_first; /* the row that comes first: the last one if reversed */
} cum_plan;

mjx_status mjx_op_cum_check(mjx_loader *loader, mjx_instr *instr) {
  MJX_TRY(mjx_check_counts(instr, 1, 1, 2));
  const mjx_operand *in = &instr->in[0], *out = &instr->out[0];
  int64_t kind = instr->params[0], sign = instr->params[1] ? -1 : 1;
  MJX_TRY(mjx_check_real(in, "the input", 3));
  MJX_TRY(mjx_check_dense(out, "the output"));
  MJX_TRY(mjx_check_shape(out, "the output", 3, in->shape));
  if (out->dtype != in->dtype) return mjx_fail(MJX_INVALID, "the dtypes differ");
  if (kind < 0 || kind >= N_KINDS || !table[kind][in->dtype])
    return mjx_fail(MJX_INVALID, "no kind %lld for dtype %d", (long long)kind, in->dtype);
  cum_plan *plan;
  MJX_ALLOC(loader, plan, sizeof *plan);
  instr->plan = plan;
  *plan = (cum_plan){.fn = table[kind][in->dtype],
                     .size = in->size,
                     .outer = in->shape[0],
                     .n = in->shape[1],
                     .inner = in->shape[2]};
  int64_t n = plan->n, inner = plan->inner;
  plan->width = MJX_MAX(1, MJX_MIN(inner, MAX_WIDTH));
  plan->n_blocks = (inner + plan->width - 1) / plan->width;
  memcpy(plan->in_strides, in->strides, sizeof plan->in_strides);
  plan->in_first = sign < 0 && n > 0 ? (n - 1) * in->strides[1] : 0;
  plan->out_first = sign < 0 && n > 0 ? (n - 1) * inner : 0;
  plan->in_strides[1] *= sign;
  const int64_t out_strides[3] = {n * inner, sign * inner, 1};
  memcpy(plan->out_strides, out_strides, sizeof out_strides);
  return MJX_OK;
}

typedef struct cum_job {
  const cum_plan *plan;
  const char *in;
  char *out;
} cum_job;

static void cum_task(void *arg, int64_t begin, int64_t end, char *scratch) {
  (void)scratch;
  const cum_job *job = arg;
  const cum_plan *plan = job->plan;
  double running[2 * MAX_WIDTH], before[2 * MAX_WIDTH];
  for (int64_t i = begin; i < end; i++) {
    int64_t outer = i / plan->n_blocks, column = i % plan->n_blocks * plan->width;
    int64_t in = plan->in_first + outer * plan->in_strides[0] + column * plan->in_strides[2];
    int64_t out = plan->out_first + outer * plan->out_strides[0] + column;
    cum_args args = {plan->n,
                     MJX_MIN(plan->width, plan->inner - column),
                     job->in + in * plan->size,
                     plan->in_strides[1],
                     plan->in_strides[2],
                     job->out + out * plan->size,
                     plan->out_strides[1],
                     running,
                     before,
                     plan->inner == 1 ? end - begin : 1,
                     plan->in_strides[0],
                     plan->out_strides[0]};
    plan->fn(&args);
    if (plan->inner == 1) return;
  }
}

mjx_status mjx_op_cum_run(const mjx_instr *instr, mjx_frame *frame) {
  const cum_plan *plan = instr->plan;
  if (instr->out->n == 0) return MJX_OK;
  cum_job job = {plan, mjx_at(frame, instr->in), mjx_at(frame, instr->out)};
  mjx_pool_for(plan->outer * plan->n_blocks, instr->out->n, 0, NULL, cum_task, &job);
  return MJX_OK;
}
