/* reduce_kernels.h: reduction kernels, included once per instruction set by blocks_impl.h.
 *
 * `rows` is the heart: it keeps a row of accumulators and goes over four rows at a time, so that
 * the loop over columns vectorises and accumulators are loaded and stored once per four rows.
 * A long contiguous line is taken as rows of LINE_LANES columns, whose accumulators are then
 * combined as a tree.  The order of operations depends on the extents only.
 */
#include "half.h"

#include "vectors.h"

enum { LINE_LANES = MJX_LONG_LINE };

/* ---- operations ---- */

#define OP_SUM(a, b)  ((a) + (b))
#define OP_PROD(a, b) ((a) * (b))
#define OP_AND(a, b)  ((a) & (b))
#define OP_OR(a, b)   ((a) | (b))
#define OP_XOR(a, b)  ((a) ^ (b))
#define OP_MAX(a, b)  ((b) > (a) ? (b) : (a))
#define OP_MIN(a, b)  ((b) < (a) ? (b) : (a))
/* XLA's order: a NaN wins, from either side, and -0 < +0.  Where both picks agree, & and | change
 * nothing; of two zeros, max keeps the sign bit of neither unless of both, min the other way. */
#define DEFINE_EXTREMES(t)                                                                   \
  MJX_INLINE mjx_t_##t nanmax_##t(mjx_t_##t a, mjx_t_##t b) {                                \
    mjx_t_##t m = mjx_##t##_bits(mjx_bits_##t(b > a ? b : a) & mjx_bits_##t(a > b ? a : b)); \
    return (a != a) | (b != b) ? a + b : m;                                                  \
  }                                                                                          \
  MJX_INLINE mjx_t_##t nanmin_##t(mjx_t_##t a, mjx_t_##t b) {                                \
    mjx_t_##t m = mjx_##t##_bits(mjx_bits_##t(b < a ? b : a) | mjx_bits_##t(a < b ? a : b)); \
    return (a != a) | (b != b) ? a + b : m;                                                  \
  }
DEFINE_EXTREMES(f32)
DEFINE_EXTREMES(f64)
/* The same, but always one of the two whole, also of subnormal numbers that the CPU takes for equal;
 * the first of two NaNs.  LOSES: of two zeros, the sign bits of a that lose. */
#define DEFINE_KEPT_EXTREME(t, I, kind, BETTER, LOSES)                              \
  MJX_INLINE mjx_t_##t kept_##kind##_##t(mjx_t_##t a, mjx_t_##t b) {                \
    mjx_t_##t best = b BETTER a ? b : a, same = (I)mjx_bits_##t(a) LOSES 0 ? b : a; \
    best = a == b ? same : best;                                                    \
    best = b != b ? b : best;                                                       \
    return a != a ? a : best;                                                       \
  }
DEFINE_KEPT_EXTREME(f32, int32_t, max, >, <)
DEFINE_KEPT_EXTREME(f32, int32_t, min, <, >=)
DEFINE_KEPT_EXTREME(f64, int64_t, max, >, <)
DEFINE_KEPT_EXTREME(f64, int64_t, min, <, >=)

#define DEFINE_COMPLEX_OPS(t)                                                 \
  MJX_INLINE mjx_t_##t sum_##t(mjx_t_##t a, mjx_t_##t b) {                    \
    return (mjx_t_##t){a.re + b.re, a.im + b.im};                             \
  }                                                                           \
  MJX_INLINE mjx_t_##t prod_##t(mjx_t_##t a, mjx_t_##t b) {                   \
    return (mjx_t_##t){a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re}; \
  }
DEFINE_COMPLEX_OPS(c64)
DEFINE_COMPLEX_OPS(c128)

#define LOAD_SAME(x) (x)

/* A sum starts from +0, so it is never -0; adding that at the end comes to the same. */
#define FINISH_sum(A, n, out) \
  for (int64_t l = 0; l < (n); l++) (out)[l] = ADD_ZERO_##A((out)[l])
#define ADD_ZERO_u8(x)   (x)
#define ADD_ZERO_u16(x)  (x)
#define ADD_ZERO_u32(x)  (x)
#define ADD_ZERO_u64(x)  (x)
#define ADD_ZERO_f32(x)  ((x) + 0.0f)
#define ADD_ZERO_f64(x)  ((x) + 0.0)
#define ADD_ZERO_c64(x)  ((mjx_t_c64){(x).re + 0.0f, (x).im + 0.0f})
#define ADD_ZERO_c128(x) ((mjx_t_c128){(x).re + 0.0, (x).im + 0.0})
#define FINISH_prod(A, n, out)
#define FINISH_max(A, n, out)
#define FINISH_min(A, n, out)
#define FINISH_and(A, n, out)
#define FINISH_or(A, n, out)
#define FINISH_xor(A, n, out)

/* ---- the template: name, input suffix, accumulator suffix, load, op ---- */

#define DEFINE_REDUCE(kind, S, A, LOAD, OP) DEFINE_REDUCE_AS(kind##_##S, kind, S, A, LOAD, OP)
#define DEFINE_REDUCE_AS(name, kind, S, A, LOAD, OP) \
  DEFINE_ROWS(name, S, A, LOAD, OP)                  \
  DEFINE_LINES(name, kind, S, A, LOAD, OP)

#define DEFINE_ROWS(name, S, A, LOAD, OP)                                                    \
  static MJX_FN void name##_rows(int64_t n_rows, int64_t row_stride, int64_t n,              \
                                 const void *restrict in_, void *restrict acc_) {            \
    const mjx_t_##S *restrict in = in_;                                                      \
    mjx_t_##A *restrict acc = acc_;                                                          \
    int64_t r = 0;                                                                           \
    for (; r + 4 <= n_rows; r += 4) {                                                        \
      const mjx_t_##S *x0 = in + r * row_stride, *x1 = x0 + row_stride;                      \
      const mjx_t_##S *x2 = x1 + row_stride, *x3 = x2 + row_stride;                          \
      for (int64_t c = 0; c < n; c++) {                                                      \
        mjx_t_##A a = OP(acc[c], LOAD(x0[c]));                                               \
        a = OP(a, LOAD(x1[c]));                                                              \
        a = OP(a, LOAD(x2[c]));                                                              \
        acc[c] = OP(a, LOAD(x3[c]));                                                         \
      }                                                                                      \
    }                                                                                        \
    const mjx_t_##S *x0 = in + r * row_stride, *x1 = x0 + row_stride, *x2 = x1 + row_stride; \
    if (r + 3 == n_rows) {                                                                   \
      for (int64_t c = 0; c < n; c++) {                                                      \
        mjx_t_##A a = OP(acc[c], LOAD(x0[c]));                                               \
        a = OP(a, LOAD(x1[c]));                                                              \
        acc[c] = OP(a, LOAD(x2[c]));                                                         \
      }                                                                                      \
    } else if (r + 2 == n_rows) {                                                            \
      for (int64_t c = 0; c < n; c++) {                                                      \
        mjx_t_##A a = OP(acc[c], LOAD(x0[c]));                                               \
        acc[c] = OP(a, LOAD(x1[c]));                                                         \
      }                                                                                      \
    } else if (r < n_rows) {                                                                 \
      for (int64_t c = 0; c < n; c++) acc[c] = OP(acc[c], LOAD(x0[c]));                      \
    }                                                                                        \
  }

#define DEFINE_LONG_LINE(name, S, A, LOAD, OP)                                           \
  static MJX_FN mjx_t_##A name##_long_line(int64_t n, const mjx_t_##S *x) {              \
    mjx_t_##A lanes[LINE_LANES];                                                         \
    for (int l = 0; l < LINE_LANES; l++) lanes[l] = LOAD(x[l]);                          \
    int64_t rows = n / LINE_LANES;                                                       \
    if (rows > 1) name##_rows(rows - 1, LINE_LANES, LINE_LANES, x + LINE_LANES, lanes);  \
    if (n % LINE_LANES) name##_rows(1, 0, n % LINE_LANES, x + rows * LINE_LANES, lanes); \
    for (int l = 0; l < 32; l++) lanes[l] = OP(lanes[l], lanes[l + 32]);                 \
    for (int l = 0; l < 16; l++) lanes[l] = OP(lanes[l], lanes[l + 16]);                 \
    mjx_t_##A a = OP(OP(lanes[0], lanes[8]), OP(lanes[4], lanes[12]));                   \
    mjx_t_##A b = OP(OP(lanes[1], lanes[9]), OP(lanes[5], lanes[13]));                   \
    mjx_t_##A c = OP(OP(lanes[2], lanes[10]), OP(lanes[6], lanes[14]));                  \
    mjx_t_##A d = OP(OP(lanes[3], lanes[11]), OP(lanes[7], lanes[15]));                  \
    return OP(OP(a, b), OP(c, d));                                                       \
  }
/* The same orders in vectors, sums of float32 and float64: the lanes that a last part of a row does
 * not reach get +0, which changes a -0 alone, as the end of every sum does. */
#define DEFINE_SUM_LINES(T, S)                                                             \
  static MJX_FN T sum_##S##_long_line(int64_t n, const T *x) {                             \
    enum { VECTORS = LINE_LANES / LANES_##S };                                             \
    vec_##S v[VECTORS];                                                                    \
    int64_t i = LINE_LANES;                                                                \
    for (int k = 0; k < VECTORS; k++) v[k] = *(const vec_##S *)(x + k * LANES_##S);        \
    for (; i + LINE_LANES <= n; i += LINE_LANES)                                           \
      for (int k = 0; k < VECTORS; k++) v[k] += *(const vec_##S *)(x + i + k * LANES_##S); \
    for (int k = 0; k < VECTORS && i < n; k++, i += LANES_##S)                             \
      v[k] += n - i < LANES_##S ? part_##S(x + i, n - i) : *(const vec_##S *)(x + i);      \
    for (int half = VECTORS / 2; half * LANES_##S >= 4; half /= 2)                         \
      for (int k = 0; k < half; k++) v[k] += v[k + half];                                  \
    return four_lanes_##S(v);                                                              \
  }
MJX_INLINE float four_lanes_f32(const vec_f32 *v) {
  half_16_f32 x = least_f32(v[0]);
  return (x[0] + x[1]) + (x[2] + x[3]);
}
MJX_INLINE double four_lanes_f64(const vec_f64 *v) {
#if VECTOR_BYTES == 16
  return (v[0][0] + v[0][1]) + (v[1][0] + v[1][1]);
#else
  FOLD_TO_32(f64, 32, v[0], x);
  return (x[0] + x[1]) + (x[2] + x[3]);
#endif
}

/* Lines of 8 elements up to a long one's, as strided ones are reduced: four lanes, then the rest. */
#define DEFINE_SHORT_LINE(name, T, S, OP)                             \
  MJX_INLINE T name##_short_line(int64_t n, const T *x) {             \
    four_##S v = *(const four_##S *)x;                                \
    int64_t i = 4;                                                    \
    for (; i + 4 <= n; i += 4) v = OP(v, *(const four_##S *)(x + i)); \
    T a = OP(OP(v[0], v[1]), OP(v[2], v[3]));                         \
    for (; i < n; i++) a = OP(a, x[i]);                               \
    return a;                                                         \
  }
#define DEFINE_FOUR(T, S) \
  typedef T four_##S __attribute__((vector_size(4 * sizeof(T)), aligned(sizeof(T)), may_alias));
DEFINE_FOUR(float, f32)
DEFINE_FOUR(double, f64)
DEFINE_FOUR(uint64_t, u64)

#define DEFINE_STRIDED_LINE(name, S, A, LOAD, OP)                                            \
  static MJX_SMALL mjx_t_##A name##_strided_line(int64_t n, int64_t s, const mjx_t_##S *x) { \
    mjx_t_##A a0 = LOAD(x[0]);                                                               \
    int64_t i = 1;                                                                           \
    if (n >= 8) {                                                                            \
      mjx_t_##A a1 = LOAD(x[s]), a2 = LOAD(x[2 * s]), a3 = LOAD(x[3 * s]);                   \
      for (i = 4; i + 4 <= n; i += 4) {                                                      \
        a0 = OP(a0, LOAD(x[i * s]));                                                         \
        a1 = OP(a1, LOAD(x[(i + 1) * s]));                                                   \
        a2 = OP(a2, LOAD(x[(i + 2) * s]));                                                   \
        a3 = OP(a3, LOAD(x[(i + 3) * s]));                                                   \
      }                                                                                      \
      a0 = OP(OP(a0, a1), OP(a2, a3));                                                       \
    }                                                                                        \
    for (; i < n; i++) a0 = OP(a0, LOAD(x[i * s]));                                          \
    return a0;                                                                               \
  }

/* Lines of two to four elements, side by side: vectors of lines.  False, with nothing done, where
 * they are not that. */
#define DEFINE_TINY_LINES(name, S, A, LOAD, OP)                                              \
  static MJX_FN int name##_tiny_lines(int64_t n_lines, int64_t line_stride, int64_t n,       \
                                      int64_t stride, const mjx_t_##S *restrict x,           \
                                      mjx_t_##A *restrict out) {                             \
    if (stride != 1 || line_stride != n || n < 2 || n > 4) return 0;                         \
    if (n == 2)                                                                              \
      for (int64_t l = 0; l < n_lines; l++) out[l] = OP(LOAD(x[2 * l]), LOAD(x[2 * l + 1])); \
    else if (n == 3)                                                                         \
      for (int64_t l = 0; l < n_lines; l++) {                                                \
        mjx_t_##A two = OP(LOAD(x[3 * l]), LOAD(x[3 * l + 1]));                              \
        out[l] = OP(two, LOAD(x[3 * l + 2]));                                                \
      }                                                                                      \
    else                                                                                     \
      for (int64_t l = 0; l < n_lines; l++) {                                                \
        mjx_t_##A two = OP(LOAD(x[4 * l]), LOAD(x[4 * l + 1]));                              \
        mjx_t_##A three = OP(two, LOAD(x[4 * l + 2]));                                       \
        out[l] = OP(three, LOAD(x[4 * l + 3]));                                              \
      }                                                                                      \
    return 1;                                                                                \
  }
#define NO_TINY_LINES(n_lines, line_stride, n, stride, x, out) 0

#define DEFINE_LINES(name, kind, S, A, LOAD, OP) \
  DEFINE_LONG_LINE(name, S, A, LOAD, OP)         \
  DEFINE_STRIDED_LINE(name, S, A, LOAD, OP)      \
  DEFINE_TINY_LINES(name, S, A, LOAD, OP)        \
  DEFINE_EACH_LINE(name, name##_lines, kind, S, A, name##_tiny_lines)

#define DEFINE_EACH_LINE(name, lines, kind, S, A, TINY)                              \
  static void lines(int64_t n_lines, int64_t line_stride, int64_t n, int64_t stride, \
                    const void *in, void *acc) {                                     \
    const mjx_t_##S *x = in;                                                         \
    mjx_t_##A *out = acc;                                                            \
    if (!TINY(n_lines, line_stride, n, stride, x, out)) {                            \
      for (int64_t l = 0; l < n_lines; l++, x += line_stride)                        \
        out[l] = stride == 1 && n >= LINE_LANES ? name##_long_line(n, x)             \
                                                : name##_strided_line(n, stride, x); \
    }                                                                                \
    FINISH_##kind(A, n_lines, out);                                                  \
  }

/* LONG_LINES: defines the lines of LINE_LANES and more. */                                       \
#define DEFINE_VECTOR_REDUCE(kind, T, S, OP, LONG_LINES)                                          \
  DEFINE_ROWS(kind##_##S, S, S, LOAD_SAME, OP)                                                    \
  LONG_LINES                                                                                      \
  DEFINE_SHORT_LINE(kind##_##S, T, S, OP)                                                         \
  DEFINE_STRIDED_LINE(kind##_##S, S, S, LOAD_SAME, OP)                                            \
  DEFINE_TINY_LINES(kind##_##S, S, S, LOAD_SAME, OP)                                              \
  static void kind##_##S##_lines(int64_t n_lines, int64_t line_stride, int64_t n, int64_t stride, \
                                 const void *in, void *acc) {                                     \
    const T *x = in;                                                                              \
    T *out = acc;                                                                                 \
    if (kind##_##S##_tiny_lines(n_lines, line_stride, n, stride, x, out)) {                       \
    } else if (stride != 1 || n < 8)                                                              \
      for (int64_t l = 0; l < n_lines; l++)                                                       \
        out[l] = kind##_##S##_strided_line(n, stride, x + l * line_stride);                       \
    else if (n < LINE_LANES)                                                                      \
      for (int64_t l = 0; l < n_lines; l++)                                                       \
        out[l] = kind##_##S##_short_line(n, x + l * line_stride);                                 \
    else                                                                                          \
      for (int64_t l = 0; l < n_lines; l++)                                                       \
        out[l] = kind##_##S##_long_line(n, x + l * line_stride);                                  \
    FINISH_##kind(S, n_lines, out);                                                               \
  }

#include "narrow_lines.h"

#define NARROW_REDUCE(kind, S, W, op, VECTOR_OP, identity)        \
  DEFINE_REDUCE_AS(kind##_##S##_plain, kind, S, S, LOAD_SAME, op) \
  DEFINE_NARROW_LINES_OF(kind, S, W, op, VECTOR_OP, identity)
#define INTEGER_REDUCE(kind, op, VECTOR_OP, identity)   \
  NARROW_REDUCE(kind, u8, 8, op, VECTOR_OP, identity)   \
  NARROW_REDUCE(kind, u16, 16, op, VECTOR_OP, identity) \
  NARROW_REDUCE(kind, u32, 32, op, VECTOR_OP, identity) \
  DEFINE_VECTOR_REDUCE(kind, uint64_t, u64, op,         \
                       DEFINE_LONG_LINE(kind##_u64, u64, u64, LOAD_SAME, op))
#define INTEGER_EXTREME(kind, S, op)                   \
  DEFINE_ROWS(kind##_##S, S, S, LOAD_SAME, op)         \
  DEFINE_STRIDED_LINE(kind##_##S, S, S, LOAD_SAME, op) \
  DEFINE_TINY_LINES(kind##_##S, S, S, LOAD_SAME, op)   \
  DEFINE_EACH_LINE(kind##_##S, kind##_##S##_lines, kind, S, S, kind##_##S##_tiny_lines)
#define NARROW_EXTREME(kind, S, W, op, VECTOR_OP, identity)                         \
  DEFINE_ROWS(kind##_##S##_plain, S, S, LOAD_SAME, op)                              \
  DEFINE_STRIDED_LINE(kind##_##S, S, S, LOAD_SAME, op)                              \
  DEFINE_EACH_LINE(kind##_##S, kind##_##S##_plain_lines, kind, S, S, NO_TINY_LINES) \
  DEFINE_NARROW_LINES_OF(kind, S, W, op, VECTOR_OP, identity)
#define INTEGER_EXTREMES(kind, op, VECTOR_OP, signed_identity, unsigned_identity) \
  NARROW_EXTREME(kind, i8, 8, op, VECTOR_OP, INT8_##signed_identity)              \
  NARROW_EXTREME(kind, i16, 16, op, VECTOR_OP, INT16_##signed_identity)           \
  NARROW_EXTREME(kind, u8, 8, op, VECTOR_OP, unsigned_identity)                   \
  NARROW_EXTREME(kind, u16, 16, op, VECTOR_OP, unsigned_identity)                 \
  NARROW_EXTREME(kind, i32, 32, op, VECTOR_OP, INT32_##signed_identity)           \
  INTEGER_EXTREME(kind, i64, op)                                                  \
  NARROW_EXTREME(kind, u32, 32, op, VECTOR_OP, unsigned_identity)                 \
  INTEGER_EXTREME(kind, u64, op)
/* Rows of an extreme.  The loop is a plain comparison per element, one test for NaN per pair, and
 * keeps the first of equal zeros; so where the result is the zero that loses (-0 for max), the
 * column is searched for the other one afterwards. */
#define DEFINE_EXTREME_ROWS(kind, S, A, LOAD, BETTER, LOSER)                              \
  static MJX_SMALL void kind##_##S##_fix_zero(int64_t n_rows, int64_t row_stride,         \
                                              const mjx_t_##S *x, mjx_t_##A *acc) {       \
    for (int64_t r = 0; r < n_rows; r++, x += row_stride) {                               \
      mjx_t_##A value = LOAD(*x);                                                         \
      if (mjx_bits_##A(value) != mjx_bits_##A(-(LOSER))) continue;                        \
      *acc = value;                                                                       \
      return;                                                                             \
    }                                                                                     \
  }                                                                                       \
  static MJX_FN void kind##_##S##_rows(int64_t n_rows, int64_t row_stride, int64_t n,     \
                                       const void *restrict in_, void *restrict acc_) {   \
    const mjx_t_##S *restrict in = in_;                                                   \
    mjx_t_##A *restrict acc = acc_;                                                       \
    int64_t r = 0;                                                                        \
    for (; r + 4 <= n_rows; r += 4) {                                                     \
      const mjx_t_##S *y0 = in + r * row_stride, *y1 = y0 + row_stride;                   \
      const mjx_t_##S *y2 = y1 + row_stride, *y3 = y2 + row_stride;                       \
      for (int64_t c = 0; c < n; c++) {                                                   \
        mjx_t_##A x0 = LOAD(y0[c]), x1 = LOAD(y1[c]), x2 = LOAD(y2[c]), x3 = LOAD(y3[c]); \
        mjx_t_##A a = x0 BETTER x1 ? x0 : x1, b = x2 BETTER x3 ? x2 : x3, m = acc[c];     \
        int nan = __builtin_isunordered(x0, x1) | __builtin_isunordered(x2, x3);          \
        a = b BETTER a ? b : a;                                                           \
        m = a BETTER m ? a : m;                                                           \
        acc[c] = nan ? (mjx_t_##A)__builtin_nan("") : m;                                  \
      }                                                                                   \
    }                                                                                     \
    for (; r < n_rows; r++) {                                                             \
      const mjx_t_##S *x = in + r * row_stride;                                           \
      for (int64_t c = 0; c < n; c++) acc[c] = nan##kind##_##A(acc[c], LOAD(x[c]));       \
    }                                                                                     \
    int zeros = 0;                                                                        \
    for (int64_t c = 0; c < n; c++) zeros |= mjx_bits_##A(acc[c]) == mjx_bits_##A(LOSER); \
    if (!zeros) return;                                                                   \
    for (int64_t c = 0; c < n; c++) {                                                     \
      if (mjx_bits_##A(acc[c]) == mjx_bits_##A(LOSER))                                    \
        kind##_##S##_fix_zero(n_rows, row_stride, in + c, &acc[c]);                       \
    }                                                                                     \
  }
/* Short and strided lines of an extreme: likewise. */
#define DEFINE_EXTREME_LINES(kind, S, A, LOAD, BETTER, LOSER)                                      \
  static MJX_SMALL mjx_t_##A kind##_##S##_strided_line(int64_t n, int64_t s, const mjx_t_##S *x) { \
    mjx_t_##A best = LOAD(x[0]);                                                                   \
    int nan = best != best;                                                                        \
    for (int64_t i = 1; i < n; i++) {                                                              \
      mjx_t_##A value = LOAD(x[i * s]);                                                            \
      nan |= value != value;                                                                       \
      best = value BETTER best ? value : best;                                                     \
    }                                                                                              \
    if (nan) return (mjx_t_##A)__builtin_nan("");                                                  \
    if (best == 0) kind##_##S##_fix_zero(n, s, x, &best);                                          \
    return best;                                                                                   \
  }                                                                                                \
  DEFINE_EACH_LINE(kind##_##S, kind##_##S##_lines, kind, S, A, NO_TINY_LINES)

/* LONG_LINE: defines the lines that are long and contiguous. */
#define DEFINE_EXTREME(kind, S, A, LOAD, BETTER, LOSER, LONG_LINE) \
  DEFINE_EXTREME_ROWS(kind, S, A, LOAD, BETTER, LOSER)             \
  LONG_LINE                                                        \
  DEFINE_EXTREME_LINES(kind, S, A, LOAD, BETTER, LOSER)
#define EXTREME_REDUCE(kind, BETTER, ZERO)                                \
  DEFINE_EXTREME(kind, f32, f32, LOAD_SAME, BETTER, ZERO##f,              \
                 DEFINE_FLOAT_EXTREME(kind, float, f32, BETTER, ZERO##f)) \
  DEFINE_EXTREME(kind, f64, f64, LOAD_SAME, BETTER, ZERO,                 \
                 DEFINE_FLOAT_EXTREME(kind, double, f64, BETTER, ZERO))

INTEGER_REDUCE(sum, OP_SUM, VECTOR_SUM, 0)
INTEGER_REDUCE(prod, OP_PROD, VECTOR_PROD, 1)
INTEGER_REDUCE(and, OP_AND, VECTOR_AND, -1)
INTEGER_REDUCE(or, OP_OR, VECTOR_OR, 0)
INTEGER_REDUCE(xor, OP_XOR, VECTOR_XOR, 0)
#define DEFINE_VECTOR_PROD(T, S) \
  DEFINE_VECTOR_REDUCE(prod, T, S, OP_PROD, DEFINE_LONG_LINE(prod_##S, S, S, LOAD_SAME, OP_PROD))
DEFINE_VECTOR_REDUCE(sum, float, f32, OP_SUM, DEFINE_SUM_LINES(float, f32))
DEFINE_VECTOR_REDUCE(sum, double, f64, OP_SUM, DEFINE_SUM_LINES(double, f64))
DEFINE_VECTOR_PROD(float, f32)
DEFINE_VECTOR_PROD(double, f64)

#include "extreme_lines.h"

DEFINE_INTEGER_EXTREME_LINES(max, >)
DEFINE_INTEGER_EXTREME_LINES(min, <)
INTEGER_EXTREMES(max, OP_MAX, VECTOR_MAX, MIN, 0)
INTEGER_EXTREMES(min, OP_MIN, VECTOR_MIN, MAX, -1)
EXTREME_REDUCE(max, >, -0.0)
EXTREME_REDUCE(min, <, 0.0)
DEFINE_REDUCE(sum, c64, c64, LOAD_SAME, sum_c64)
DEFINE_REDUCE(sum, c128, c128, LOAD_SAME, sum_c128)
DEFINE_REDUCE(prod, c64, c64, LOAD_SAME, prod_c64)
DEFINE_REDUCE(prod, c128, c128, LOAD_SAME, prod_c128)

#include "extreme_places.h"
#include "half_reduce.h"
#include "short_lines.h"

/* ---- the table ---- */

#define ENTRY(kind, S, A) {kind##_##S##_rows, kind##_##S##_lines, MJX_##A}
#define INTEGER_ENTRIES(kind, s8, s16, s32, s64)                        \
  [MJX_I8] = ENTRY(kind, s8, I8), [MJX_I16] = ENTRY(kind, s16, I16),    \
  [MJX_I32] = ENTRY(kind, s32, I32), [MJX_I64] = ENTRY(kind, s64, I64), \
  [MJX_U8] = ENTRY(kind, u8, U8), [MJX_U16] = ENTRY(kind, u16, U16),    \
  [MJX_U32] = ENTRY(kind, u32, U32), [MJX_U64] = ENTRY(kind, u64, U64)
#define FLOAT_ENTRIES(kind, f32_lines, f64_lines)                         \
  [MJX_F16] = ENTRY(kind, f16, F32), [MJX_BF16] = ENTRY(kind, bf16, F32), \
  [MJX_F32] = {kind##_f32_rows, f32_lines, MJX_F32},                      \
  [MJX_F64] = {kind##_f64_rows, f64_lines, MJX_F64}
#define COMPLEX_ENTRIES(kind) \
  [MJX_C64] = ENTRY(kind, c64, C64), [MJX_C128] = ENTRY(kind, c128, C128)

static const mjx_reduce_kernel reduce_table[MJX_N_REDUCE_KINDS][MJX_N_DTYPES] = {
    [MJX_SUM] = {[MJX_BOOL] = ENTRY(or, u8, BOOL),
                 INTEGER_ENTRIES(sum, u8, u16, u32, u64),
                 FLOAT_ENTRIES(sum, sum_f32_lines, sum_f64_lines),
                 COMPLEX_ENTRIES(sum)},
    [MJX_PROD] = {[MJX_BOOL] = ENTRY(and, u8, BOOL),
                  INTEGER_ENTRIES(prod, u8, u16, u32, u64),
                  FLOAT_ENTRIES(prod, prod_f32_lines, prod_f64_lines),
                  COMPLEX_ENTRIES(prod)},
    [MJX_MAX] = {[MJX_BOOL] = ENTRY(or, u8, BOOL),
                 INTEGER_ENTRIES(max, i8, i16, i32, i64),
                 FLOAT_ENTRIES(max, max_f32_any_lines, max_f64_any_lines)},
    [MJX_MIN] = {[MJX_BOOL] = ENTRY(and, u8, BOOL),
                 INTEGER_ENTRIES(min, i8, i16, i32, i64),
                 FLOAT_ENTRIES(min, min_f32_any_lines, min_f64_any_lines)},
    [MJX_AND] = {[MJX_BOOL] = ENTRY(and, u8, BOOL), INTEGER_ENTRIES(and, u8, u16, u32, u64)},
    [MJX_OR] = {[MJX_BOOL] = ENTRY(or, u8, BOOL), INTEGER_ENTRIES(or, u8, u16, u32, u64)},
    [MJX_XOR] = {[MJX_BOOL] = ENTRY(xor, u8, BOOL), INTEGER_ENTRIES(xor, u8, u16, u32, u64)},
};

/* ---- finding the index of an extreme ---- */

#define IS_MATCH(a, b) (((a) == (b)) | (((a) != (a)) & ((b) != (b))))

#define DEFINE_FIND(S, LOAD, A)                                                               \
  static void find_##S(int64_t n_rows, int64_t row_stride, int64_t n, const void *in,         \
                       const void *best, int64_t *restrict index) {                           \
    const mjx_t_##S *want = best;                                                             \
    for (int64_t r = n_rows - 1; r >= 0; r--) {                                               \
      const mjx_t_##S *row = (const mjx_t_##S *)in + r * row_stride;                          \
      for (int64_t c = 0; c < n; c++) {                                                       \
        A a = LOAD(row[c]), b = LOAD(want[c]);                                                \
        index[c] = IS_MATCH(a, b) ? r : index[c];                                             \
      }                                                                                       \
    }                                                                                         \
  }                                                                                           \
  static int64_t find_line_##S(int64_t n, int64_t stride, const void *in, const void *best) { \
    const mjx_t_##S *x = in;                                                                  \
    A b = LOAD(*(const mjx_t_##S *)best);                                                     \
    int64_t i = 0;                                                                            \
    for (; stride == 1 && i + LINE_LANES <= n; i += LINE_LANES) {                             \
      int hit = 0;                                                                            \
      for (int l = 0; l < LINE_LANES; l++) {                                                  \
        A a = LOAD(x[i + l]);                                                                 \
        hit |= IS_MATCH(a, b);                                                                \
      }                                                                                       \
      if (hit) break;                                                                         \
    }                                                                                         \
    for (; i < n; i++) {                                                                      \
      A a = LOAD(x[i * stride]);                                                              \
      if (IS_MATCH(a, b)) return i;                                                           \
    }                                                                                         \
    return 0;                                                                                 \
  }
DEFINE_FIND(u8, LOAD_SAME, uint8_t)
DEFINE_FIND(u16, LOAD_SAME, uint16_t)
DEFINE_FIND(u32, LOAD_SAME, uint32_t)
DEFINE_FIND(u64, LOAD_SAME, uint64_t)
DEFINE_FIND(f16, mjx_f32_from_f16, float)
DEFINE_FIND(bf16, mjx_f32_from_bf16, float)
DEFINE_FIND(f32, LOAD_SAME, float)
DEFINE_FIND(f64, LOAD_SAME, double)

#define FIND_TABLE(find)                                                        \
  {                                                                             \
      [MJX_BOOL] = find##_u8, [MJX_I8] = find##_u8,     [MJX_I16] = find##_u16, \
      [MJX_I32] = find##_u32, [MJX_I64] = find##_u64,   [MJX_U8] = find##_u8,   \
      [MJX_U16] = find##_u16, [MJX_U32] = find##_u32,   [MJX_U64] = find##_u64, \
      [MJX_F16] = find##_f16, [MJX_BF16] = find##_bf16, [MJX_F32] = find##_f32, \
      [MJX_F64] = find##_f64}
static const mjx_find_rows_fn find_table[MJX_N_DTYPES] = FIND_TABLE(find);
static const mjx_find_line_fn find_line_table[MJX_N_DTYPES] = FIND_TABLE(find_line);
static const mjx_find_short_fn find_short_table[MJX_N_DTYPES] = {
    [MJX_BOOL] = find_short_lines_u8,   [MJX_I8] = find_short_lines_u8,
    [MJX_I16] = find_short_lines_u16,   [MJX_U8] = find_short_lines_u8,
    [MJX_U16] = find_short_lines_u16,   [MJX_F16] = find_short_lines_f16,
    [MJX_BF16] = find_short_lines_bf16, [MJX_F32] = find_short_lines_f32};
