/* half_reduce.h: reductions of float16 and bfloat16, whose accumulators are float32s; part of
 * reduce_kernels.h.
 *
 * Sums and products: float32's kernels, on pieces that are widened first.  Extremes: of the bits as
 * integers in the order of the numbers, where NaNs are beyond the infinities: so both extremes show
 * whether there is one.
 */
#include "half_lines.h"

enum { HALF_PIECE = 4096, HALF_COLUMNS = 256 };

/* Lines of at most HALF_PIECE elements, as they come.  The order is that of float32's. */
#define DEFINE_HALF_SUM_LINES(kind, S)                                                   \
  DEFINE_STRIDED_LINE(kind##_##S, S, f32, mjx_f32_from_##S, HALF_OP_##kind)              \
  static MJX_FN void kind##_##S##_lines(int64_t n_lines, int64_t line_stride, int64_t n, \
                                        int64_t stride, const void *in, void *acc) {     \
    const mjx_t_##S *x = in;                                                             \
    float *out = acc, piece[HALF_PIECE];                                                 \
    if (stride != 1 || n > HALF_PIECE) {                                                 \
      for (int64_t l = 0; l < n_lines; l++)                                              \
        out[l] = kind##_##S##_strided_line(n, stride, x + l * line_stride);              \
      FINISH_##kind(f32, n_lines, out);                                                  \
      return;                                                                            \
    }                                                                                    \
    for (int64_t l = 0, lines = HALF_PIECE / n; l < n_lines; l += lines) {               \
      lines = MJX_LEAST(lines, n_lines - l);                                             \
      if (line_stride == n)                                                              \
        mjx_floats_from_##S(lines * n, piece, x + l * n);                                \
      else                                                                               \
        for (int64_t k = 0; k < lines; k++)                                              \
          mjx_floats_from_##S(n, piece + k * n, x + (l + k) * line_stride);              \
      kind##_f32_lines(lines, n, n, 1, piece, out + l);                                  \
    }                                                                                    \
  }
#define HALF_OP_sum  OP_SUM
#define HALF_OP_prod OP_PROD

#define DEFINE_HALF_SUM_ROWS(kind, S)                                                    \
  static MJX_FN void kind##_##S##_rows(int64_t n_rows, int64_t row_stride, int64_t n,    \
                                       const void *restrict in, void *restrict acc) {    \
    const mjx_t_##S *x = in;                                                             \
    float piece[4 * HALF_COLUMNS];                                                       \
    for (int64_t c = 0; c < n; c += HALF_COLUMNS) {                                      \
      int64_t width = MJX_LEAST(HALF_COLUMNS, n - c);                                    \
      int64_t most = row_stride == n ? HALF_COLUMNS / width * 4 : 4;                     \
      for (int64_t r = 0; r < n_rows; r += most) {                                       \
        int64_t rows = MJX_LEAST(most, n_rows - r);                                      \
        if (row_stride == width)                                                         \
          mjx_floats_from_##S(rows * width, piece, x + r * width);                       \
        else                                                                             \
          for (int64_t k = 0; k < rows; k++)                                             \
            mjx_floats_from_##S(width, piece + k * width, x + (r + k) * row_stride + c); \
        kind##_f32_rows(rows, width, width, piece, (float *)acc + c);                    \
      }                                                                                  \
    }                                                                                    \
  }

/* ---- extremes ---- */

/* The order of a half's bits, -0 below 0; the same function takes it back. */
MJX_INLINE int16_t half_order(uint16_t bits) {
  int16_t x = (int16_t)bits;
  return (int16_t)(x ^ ((x >> 15) & 0x7fff));
}

enum { QUIET_NAN_f16 = 0x7e00, QUIET_NAN_bf16 = 0x7fc0 };

/* INFINITE: infinity's bits; OTHER: the other extreme. */
#define IS_HALF_NAN(x, INFINITE) ((x) > (INFINITE) || (x) < -1 - (INFINITE))
#define DEFINE_HALF_EXTREME(kind, S, INFINITE, OP, OTHER, SEE_OTHER)                              \
  static MJX_FN float kind##_##S##_long_line(int64_t n, const uint16_t *x) {                      \
    line_i16 other = at_half(x);                                                                  \
    EXTREME_OF_LINE(kind, i16, n, x, v, at_half, SEE_OTHER);                                      \
    line_i16 most = better_max_i16(v[0], other), least = better_min_i16(v[0], other);             \
    if (any_of_lanes((line_i16)((most > INFINITE) | (least < -1 - INFINITE))))                    \
      return __builtin_nanf("");                                                                  \
    return mjx_f32_from_##S((uint16_t)half_order((uint16_t)kind##_of_lanes_i16(v[0])));           \
  }                                                                                               \
  static MJX_SMALL float kind##_##S##_strided_line(int64_t n, int64_t s, const uint16_t *x) {     \
    int16_t best = half_order(x[0]);                                                              \
    int nan = 0;                                                                                  \
    for (int64_t i = 0; i < n; i++) {                                                             \
      int16_t value = half_order(x[i * s]);                                                       \
      nan |= IS_HALF_NAN(value, INFINITE);                                                        \
      best = OP(best, value);                                                                     \
    }                                                                                             \
    return nan ? __builtin_nanf("") : mjx_f32_from_##S((uint16_t)half_order((uint16_t)best));     \
  }                                                                                               \
  /* Short lines: in order, then as integers; with NaNs, one by one. */                           \
  static MJX_FN void kind##_##S##_short_lines(int64_t n_lines, int64_t line_stride, int64_t n,    \
                                              const uint16_t *x, float *out) {                    \
    int16_t piece[HALF_COLUMNS * 4], best[HALF_COLUMNS];                                          \
    uint16_t bits[HALF_COLUMNS];                                                                  \
    for (int64_t l = 0, lines = HALF_COLUMNS * 4 / n; l < n_lines; l += lines) {                  \
      lines = MJX_LEAST(MJX_LEAST(lines, n_lines - l), HALF_COLUMNS);                             \
      int64_t rows = line_stride == n ? 1 : lines, width = line_stride == n ? lines * n : n;      \
      int16_t most = INT16_MIN, least = INT16_MAX;                                                \
      for (int64_t k = 0; k < rows; k++) {                                                        \
        const uint16_t *from = x + (l + k) * line_stride;                                         \
        for (int64_t i = 0; i < width; i++) {                                                     \
          int16_t value = half_order(from[i]);                                                    \
          most = OP_MAX(most, value);                                                             \
          least = OP_MIN(least, value);                                                           \
          piece[k * n + i] = value;                                                               \
        }                                                                                         \
      }                                                                                           \
      kind##_i16_lines(lines, n, n, 1, piece, best);                                              \
      for (int64_t k = 0; k < lines; k++) bits[k] = (uint16_t)half_order((uint16_t)best[k]);      \
      mjx_floats_from_##S(lines, out + l, bits);                                                  \
      if (!IS_HALF_NAN(most, INFINITE) && !IS_HALF_NAN(least, INFINITE)) continue;                \
      for (int64_t k = 0; k < lines; k++)                                                         \
        out[l + k] = kind##_##S##_strided_line(n, 1, x + (l + k) * line_stride);                  \
    }                                                                                             \
  }                                                                                               \
  static void kind##_##S##_lines(int64_t n_lines, int64_t line_stride, int64_t n, int64_t stride, \
                                 const void *in, void *acc) {                                     \
    const uint16_t *x = in;                                                                       \
    float *out = acc;                                                                             \
    if (stride == 1 && n < NARROW_LINE_16) {                                                      \
      kind##_##S##_short_lines(n_lines, line_stride, n, x, out);                                  \
      return;                                                                                     \
    }                                                                                             \
    for (int64_t l = 0; l < n_lines; l++)                                                         \
      out[l] = stride == 1 ? kind##_##S##_long_line(n, x + l * line_stride)                       \
                           : kind##_##S##_strided_line(n, stride, x + l * line_stride);           \
  }                                                                                               \
  static MJX_FN void kind##_##S##_rows(int64_t n_rows, int64_t row_stride, int64_t n,             \
                                       const void *restrict in, void *restrict acc_) {            \
    const uint16_t *x = in;                                                                       \
    float *acc = acc_;                                                                            \
    int64_t together = row_stride == n ? HALF_COLUMNS / n : 1; /* rows that are one wide row */   \
    together = MJX_LEAST(together > 1 ? together : 1, n_rows);                                    \
    for (int64_t c = 0; c < n; c += HALF_COLUMNS) {                                               \
      int64_t width = MJX_LEAST(HALF_COLUMNS, n - c), wide = width * together;                    \
      int16_t best[HALF_COLUMNS], other[HALF_COLUMNS];                                            \
      uint16_t bits[HALF_COLUMNS];                                                                \
      float value[HALF_COLUMNS];                                                                  \
      for (int64_t i = 0; i < wide; i++) best[i] = other[i] = half_order(x[c + i]);               \
      int64_t r = together, step = row_stride;                                                    \
      for (; together == 1 && r + 4 <= n_rows; r += 4) {                                          \
        const uint16_t *x0 = x + r * step + c, *x1 = x0 + step, *x2 = x1 + step, *x3 = x2 + step; \
        for (int64_t i = 0; i < width; i++) {                                                     \
          int16_t v0 = half_order(x0[i]), v1 = half_order(x1[i]), v2 = half_order(x2[i]);         \
          int16_t v3 = half_order(x3[i]), a = OP(v0, v1), b = OP(v2, v3);                         \
          int16_t p = OTHER(v0, v1), q = OTHER(v2, v3);                                           \
          a = OP(a, b);                                                                           \
          p = OTHER(p, q);                                                                        \
          best[i] = OP(best[i], a);                                                               \
          other[i] = OTHER(other[i], p);                                                          \
        }                                                                                         \
      }                                                                                           \
      for (; r < n_rows; r += together) {                                                         \
        const uint16_t *row = x + r * row_stride + c;                                             \
        int64_t w = MJX_LEAST(together, n_rows - r) * width;                                      \
        for (int64_t i = 0; i < w; i++) {                                                         \
          int16_t value = half_order(row[i]);                                                     \
          best[i] = OP(best[i], value);                                                           \
          other[i] = OTHER(other[i], value);                                                      \
        }                                                                                         \
      }                                                                                           \
      for (int64_t k = 1; k < together; k++)                                                      \
        for (int64_t i = 0; i < width; i++) {                                                     \
          best[i] = OP(best[i], best[k * width + i]);                                             \
          other[i] = OTHER(other[i], other[k * width + i]);                                       \
        }                                                                                         \
      for (int64_t i = 0; i < width; i++) {                                                       \
        int nan = IS_HALF_NAN(best[i], INFINITE) | IS_HALF_NAN(other[i], INFINITE);               \
        bits[i] = nan ? QUIET_NAN_##S : (uint16_t)half_order((uint16_t)best[i]);                  \
      }                                                                                           \
      mjx_floats_from_##S(width, value, bits);                                                    \
      for (int64_t i = 0; i < width; i++) acc[c + i] = nan##kind##_f32(acc[c + i], value[i]);     \
    }                                                                                             \
  }

DEFINE_HALF_SUM_ROWS(sum, f16)
DEFINE_HALF_SUM_ROWS(prod, f16)
DEFINE_ROWS(sum_bf16, bf16, f32, mjx_f32_from_bf16, OP_SUM)
DEFINE_ROWS(prod_bf16, bf16, f32, mjx_f32_from_bf16, OP_PROD)
DEFINE_HALF_SUM_LINES(sum, f16)
DEFINE_HALF_SUM_LINES(sum, bf16)
DEFINE_HALF_SUM_LINES(prod, f16)
DEFINE_HALF_SUM_LINES(prod, bf16)
DEFINE_HALF_EXTREME(max, f16, 0x7c00, OP_MAX, OP_MIN, SEE_LEAST)
DEFINE_HALF_EXTREME(min, f16, 0x7c00, OP_MIN, OP_MAX, SEE_MOST)
DEFINE_HALF_EXTREME(max, bf16, 0x7f80, OP_MAX, OP_MIN, SEE_LEAST)
DEFINE_HALF_EXTREME(min, bf16, 0x7f80, OP_MIN, OP_MAX, SEE_MOST)
