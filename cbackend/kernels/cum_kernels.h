/* cum_kernels.h: running sums, products and extremes, included once per instruction set by
 * blocks_impl.h.  The operations are those of reduce_kernels.h.
 *
 * A row of accumulators for a block of columns; the order is op_cum.c's.
 */
#include <math.h>

#define DEFINE_LOGADDEXP(t)                                  \
  static mjx_t_##t logaddexp_##t(mjx_t_##t a, mjx_t_##t b) { \
    double high = a > b ? a : b, low = a > b ? b : a;        \
    if (a != a || b != b) return a + b;                      \
    if (high == low && isinf(high)) return (mjx_t_##t)high;  \
    return (mjx_t_##t)(high + log1p(exp(low - high)));       \
  }
DEFINE_LOGADDEXP(f32)
DEFINE_LOGADDEXP(f64)

/* Sums begin with 0, so that -0 comes first as 0. */
#define FROM_0(x) ((x) + 0)
MJX_INLINE mjx_t_c64 from_0_c64(mjx_t_c64 x) { return (mjx_t_c64){x.re + 0, x.im + 0}; }
MJX_INLINE mjx_t_c128 from_0_c128(mjx_t_c128 x) { return (mjx_t_c128){x.re + 0, x.im + 0}; }

/* Row r of a block: what runs, and what comes out.  FIRST: what is made of the first element. */
#define DEFINE_CUM_ROW(kind, A, FIRST, OP)                                                         \
  MJX_INLINE void kind##_##A##_cum_row(int64_t r, int64_t width, const mjx_t_##A *x, int64_t step, \
                                       mjx_t_##A *restrict running, mjx_t_##A *restrict before,    \
                                       mjx_t_##A *out) {                                           \
    if (r % MJX_CUM_ROWS == 0) {                                                                   \
      for (int64_t c = 0; c < width; c++) running[c] = FIRST(x[c * step]);                         \
    } else {                                                                                       \
      for (int64_t c = 0; c < width; c++) running[c] = OP(running[c], x[c * step]);                \
    }                                                                                              \
    if (r < MJX_CUM_ROWS) {                                                                        \
      for (int64_t c = 0; c < width; c++) out[c] = running[c];                                     \
    } else {                                                                                       \
      for (int64_t c = 0; c < width; c++) out[c] = OP(before[c], running[c]);                      \
    }                                                                                              \
    if (r % MJX_CUM_ROWS == MJX_CUM_ROWS - 1)                                                      \
      for (int64_t c = 0; c < width; c++) before[c] = out[c];                                      \
  }
#define DEFINE_CUM_WIDTH(FN, kind, A)                                                         \
  static FN void kind##_##A##_cum_width(const mjx_cum_args *args) {                           \
    for (int64_t r = 0; r < args->n; r++) {                                                   \
      const mjx_t_##A *x = (const mjx_t_##A *)args->in + r * args->in_row;                    \
      mjx_t_##A *out = (mjx_t_##A *)args->out + r * args->out_row;                            \
      if (args->in_column == 1)                                                               \
        kind##_##A##_cum_row(r, args->width, x, 1, args->running, args->before, out);         \
      else                                                                                    \
        kind##_##A##_cum_row(r, args->width, x, args->in_column, args->running, args->before, \
                             out);                                                            \
    }                                                                                         \
  }
/* Lines of one column, in registers. */
#define DEFINE_CUM_LINES(FN, kind, S, A, LOAD, STORE, FIRST, OP)                      \
  MJX_INLINE void kind##_##S##_cum_line(const mjx_cum_args *args, const mjx_t_##S *x, \
                                        mjx_t_##S *out) {                             \
    int64_t in_row = args->in_row, out_row = args->out_row;                           \
    int64_t count = MJX_LEAST(MJX_CUM_ROWS, args->n);                                 \
    mjx_t_##A running = FIRST(LOAD(*x)), before;                                      \
    *out = STORE(running);                                                            \
    for (int64_t r = 1; r < count; r++) {                                             \
      running = OP(running, LOAD(x[r * in_row]));                                     \
      out[r * out_row] = STORE(running);                                              \
    }                                                                                 \
    before = running;                                                                 \
    for (int64_t first = MJX_CUM_ROWS; first < args->n; first += MJX_CUM_ROWS) {      \
      mjx_t_##A value = before;                                                       \
      x += MJX_CUM_ROWS * in_row;                                                     \
      out += MJX_CUM_ROWS * out_row;                                                  \
      count = MJX_LEAST(MJX_CUM_ROWS, args->n - first);                               \
      for (int64_t r = 0; r < count; r++) {                                           \
        running = r == 0 ? LOAD(*x) : OP(running, LOAD(x[r * in_row]));               \
        value = OP(before, running);                                                  \
        out[r * out_row] = STORE(value);                                              \
      }                                                                               \
      before = value;                                                                 \
    }                                                                                 \
  }                                                                                   \
  static FN void kind##_##S##_cum_lines(const mjx_cum_args *args) {                   \
    const mjx_t_##S *x = args->in;                                                    \
    mjx_t_##S *out = args->out;                                                       \
    for (int64_t l = 0; l < args->lines; l++)                                         \
      kind##_##S##_cum_line(args, x + l * args->in_line, out + l * args->out_line);   \
  }
#define DEFINE_EITHER_CUM(kind, S)                         \
  static void kind##_##S##_cum(const mjx_cum_args *args) { \
    if (args->width == 1)                                  \
      kind##_##S##_cum_lines(args);                        \
    else                                                   \
      kind##_##S##_cum_width(args);                        \
  }
#define DEFINE_CUM(FN, kind, S, FIRST, OP)                          \
  DEFINE_CUM_ROW(kind, S, FIRST, OP)                                \
  DEFINE_CUM_WIDTH(FN, kind, S)                                     \
  DEFINE_CUM_LINES(FN, kind, S, S, LOAD_SAME, LOAD_SAME, FIRST, OP) \
  DEFINE_EITHER_CUM(kind, S)

/* Halves: rows, and lines side by side, as float32s. */
#define DEFINE_HALF_CUM(kind, S, FIRST, OP)                                                      \
  static MJX_SMALL void kind##_##S##_cum_width(const mjx_cum_args *args) {                       \
    int64_t width = args->width, step = args->in_column;                                         \
    float from[MJX_CUM_COLUMNS], to[MJX_CUM_COLUMNS];                                            \
    for (int64_t r = 0; r < args->n; r++) {                                                      \
      const mjx_t_##S *x = (const mjx_t_##S *)args->in + r * args->in_row;                       \
      if (step == 1)                                                                             \
        mjx_floats_from_##S(width, from, x);                                                     \
      else                                                                                       \
        for (int64_t c = 0; c < width; c++) from[c] = mjx_f32_from_##S(x[c * step]);             \
      kind##_f32_cum_row(r, width, from, 1, args->running, args->before, to);                    \
      mjx_##S##s_from_floats(width, (mjx_t_##S *)args->out + r * args->out_row, to);             \
    }                                                                                            \
  }                                                                                              \
  DEFINE_CUM_LINES(MJX_SMALL, kind##_apart, S, f32, mjx_f32_from_##S, mjx_##S##_from_f32, FIRST, \
                   OP)                                                                           \
  static MJX_SMALL void kind##_##S##_cum_lines(const mjx_cum_args *args) {                       \
    enum { PIECE = 1024 };                                                                       \
    float from[PIECE], to[PIECE];                                                                \
    mjx_cum_args piece = *args;                                                                  \
    int64_t n = args->n, most = PIECE / n;                                                       \
    if (args->in_row != 1 || args->out_row != 1 || args->in_line != n || args->out_line != n ||  \
        most < 1) {                                                                              \
      kind##_apart_##S##_cum_lines(args);                                                        \
      return;                                                                                    \
    }                                                                                            \
    piece.in = from;                                                                             \
    piece.out = to;                                                                              \
    for (int64_t l = 0; l < args->lines; l += most) {                                            \
      piece.lines = MJX_LEAST(most, args->lines - l);                                            \
      mjx_floats_from_##S(piece.lines * n, from, (const mjx_t_##S *)args->in + l * n);           \
      kind##_f32_cum_lines(&piece);                                                              \
      mjx_##S##s_from_floats(piece.lines * n, (mjx_t_##S *)args->out + l * n, to);               \
    }                                                                                            \
  }                                                                                              \
  DEFINE_EITHER_CUM(kind, S)

#define INTEGER_CUM(kind, s8, s16, s32, s64, op)  \
  DEFINE_CUM(MJX_SMALL, kind, s8, LOAD_SAME, op)  \
  DEFINE_CUM(MJX_SMALL, kind, s16, LOAD_SAME, op) \
  DEFINE_CUM(MJX_FN, kind, s32, LOAD_SAME, op)    \
  DEFINE_CUM(MJX_FN, kind, s64, LOAD_SAME, op)
#define FLOAT_CUM(kind, first, op32, op64)   \
  DEFINE_CUM(MJX_FN, kind, f32, first, op32) \
  DEFINE_CUM(MJX_FN, kind, f64, first, op64) \
  DEFINE_HALF_CUM(kind, f16, first, op32)    \
  DEFINE_HALF_CUM(kind, bf16, first, op32)

INTEGER_CUM(sum, u8, u16, u32, u64, OP_SUM)
INTEGER_CUM(prod, u8, u16, u32, u64, OP_PROD)
INTEGER_CUM(max, u8, u16, u32, u64, OP_MAX)
INTEGER_CUM(min, u8, u16, u32, u64, OP_MIN)
INTEGER_CUM(max, i8, i16, i32, i64, OP_MAX)
INTEGER_CUM(min, i8, i16, i32, i64, OP_MIN)
FLOAT_CUM(sum, FROM_0, OP_SUM, OP_SUM)
FLOAT_CUM(prod, LOAD_SAME, OP_PROD, OP_PROD)
FLOAT_CUM(max, LOAD_SAME, kept_max_f32, kept_max_f64)
FLOAT_CUM(min, LOAD_SAME, kept_min_f32, kept_min_f64)
FLOAT_CUM(logsumexp, FROM_0, logaddexp_f32, logaddexp_f64)
DEFINE_CUM(MJX_SMALL, sum, c64, from_0_c64, sum_c64)
DEFINE_CUM(MJX_SMALL, sum, c128, from_0_c128, sum_c128)
DEFINE_CUM(MJX_SMALL, prod, c64, LOAD_SAME, prod_c64)
DEFINE_CUM(MJX_SMALL, prod, c128, LOAD_SAME, prod_c128)

#define CUM_INTEGERS(kind, s8, s16, s32, s64)                                                   \
  [MJX_I8] = kind##_##s8##_cum, [MJX_I16] = kind##_##s16##_cum, [MJX_I32] = kind##_##s32##_cum, \
  [MJX_I64] = kind##_##s64##_cum, [MJX_U8] = kind##_u8_cum, [MJX_U16] = kind##_u16_cum,         \
  [MJX_U32] = kind##_u32_cum, [MJX_U64] = kind##_u64_cum
#define CUM_FLOATS(kind)                                                                \
  [MJX_F16] = kind##_f16_cum, [MJX_BF16] = kind##_bf16_cum, [MJX_F32] = kind##_f32_cum, \
  [MJX_F64] = kind##_f64_cum
#define CUM_COMPLEXES(kind) [MJX_C64] = kind##_c64_cum, [MJX_C128] = kind##_c128_cum

static const mjx_cum_fn cum_table[MJX_N_CUM_KINDS][MJX_N_DTYPES] = {
    [MJX_SUM] = {CUM_INTEGERS(sum, u8, u16, u32, u64), CUM_FLOATS(sum), CUM_COMPLEXES(sum)},
    [MJX_PROD] = {CUM_INTEGERS(prod, u8, u16, u32, u64), CUM_FLOATS(prod), CUM_COMPLEXES(prod)},
    [MJX_MAX] = {[MJX_BOOL] = max_u8_cum, CUM_INTEGERS(max, i8, i16, i32, i64), CUM_FLOATS(max)},
    [MJX_MIN] = {[MJX_BOOL] = min_u8_cum, CUM_INTEGERS(min, i8, i16, i32, i64), CUM_FLOATS(min)},
    [MJX_LOGSUMEXP] = {CUM_FLOATS(logsumexp)},
};
