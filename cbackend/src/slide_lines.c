/* slide_lines.c: combining cells of windows: what op_window.c does at one place of them. */
#include "slide.h"

#include "math_base.h"

/* Cells are smaller than SLIDE_WIDE_CELL here; what is wider is left to the block kernels. */
#define DEFINE_LINE(NAME, T, EXPR)                                                        \
  static void NAME(int64_t n, int64_t cells, void *acc_, const void *in_, int64_t step) { \
    T *restrict acc = acc_;                                                               \
    const T *restrict in = in_;                                                           \
    if (cells == 1 && step == 2) {                                                        \
      for (int64_t i = 0; i < n; i++) {                                                   \
        const T a = acc[i], x = in[2 * i];                                                \
        acc[i] = (T)(EXPR);                                                               \
      }                                                                                   \
      return;                                                                             \
    }                                                                                     \
    if (cells == 1) {                                                                     \
      for (int64_t i = 0; i < n; i++) {                                                   \
        const T a = acc[i], x = in[i * step];                                             \
        acc[i] = (T)(EXPR);                                                               \
      }                                                                                   \
      return;                                                                             \
    }                                                                                     \
    for (; n > 0; n--, acc += cells, in += step) {                                        \
      for (int64_t c = 0; c < cells; c++) {                                               \
        const T a = acc[c], x = in[c];                                                    \
        acc[c] = (T)(EXPR);                                                               \
      }                                                                                   \
    }                                                                                     \
  }

#define DEFINE_COMMON(S, T)      \
  DEFINE_LINE(sum_##S, T, a + x) \
  DEFINE_LINE(prod_##S, T, a *x)
#define DEFINE_INT(S, T)                 \
  DEFINE_COMMON(S, T)                    \
  DEFINE_LINE(max_##S, T, x > a ? x : a) \
  DEFINE_LINE(min_##S, T, x < a ? x : a) \
  DEFINE_LINE(and_##S, T, a &x)          \
  DEFINE_LINE(or_##S, T, a | x)          \
  DEFINE_LINE(xor_##S, T, a ^ x)
/* As in the block kernels: a NaN wins, -0 < +0. */
#define DEFINE_FLOAT(S, T)                                                                   \
  DEFINE_COMMON(S, T)                                                                        \
  DEFINE_LINE(max_##S, T,                                                                    \
              (x > a) | (x != x) | ((x == a) & (mjx_bits_##S(x) < mjx_bits_##S(a))) ? x : a) \
  DEFINE_LINE(min_##S, T,                                                                    \
              (x < a) | (x != x) | ((x == a) & (mjx_bits_##S(x) > mjx_bits_##S(a))) ? x : a)

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
static const slide_line_fn lines[MJX_N_DTYPES][MJX_XOR + 1] = {
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
slide_line_fn mjx_slide_line(int dtype, int64_t kind) {
  return kind < 0 || kind > MJX_XOR ? NULL : lines[dtype][kind];
}
