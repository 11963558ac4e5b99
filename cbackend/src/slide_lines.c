/* slide_lines.c: combining cells of windows: what op_window.c does at one place of them. */
#include "slide.h"

#include <math.h>
#include <string.h>

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

/* Which of two elements is kept is a coin toss: chosen by masks, for no branch would be
 * foreseen. */
#define DEFINE_ARG(NAME, T, BITS, KEEPS)                                                  \
  static MJX_SMALL void NAME(const slide_arg_line *line) {                                \
    T *value = line->value;                                                               \
    const T *in = line->in;                                                               \
    int64_t *index = line->index, flat = line->flat, cells = line->cells;                 \
    int64_t n = line->n, step = line->step - cells, apart = line->flat_step - cells;      \
    bool keep_first = line->keep_first;                                                   \
    for (; n > 0; n--, in += step, flat += apart) {                                       \
      for (int64_t c = cells; c > 0; c--, value++, index++, in++, flat++) {               \
        const T a = *value, x = *in;                                                      \
        bool keep = (keep_first | (*index >= 0)) & (KEEPS);                               \
        BITS kept, other, mask = (BITS)(0 - (uint64_t)keep);                              \
        memcpy(&kept, &a, sizeof kept);                                                   \
        memcpy(&other, &x, sizeof other);                                                 \
        kept = (BITS)((kept & mask) | (other & (BITS)~mask));                             \
        memcpy(value, &kept, sizeof kept);                                                \
        *index = (int64_t)((uint64_t)flat ^                                               \
                           (((uint64_t)*index ^ (uint64_t)flat) & (0 - (uint64_t)keep))); \
      }                                                                                   \
    }                                                                                     \
  }

#define DEFINE_COMMON(S, T)      \
  DEFINE_LINE(sum_##S, T, a + x) \
  DEFINE_LINE(prod_##S, T, a *x)
#define DEFINE_ORDERED(S, T, BITS)        \
  DEFINE_COMMON(S, T)                     \
  DEFINE_ARG(argmax_##S, T, BITS, a >= x) \
  DEFINE_ARG(argmin_##S, T, BITS, a <= x)
#define DEFINE_INT(S, T)                 \
  DEFINE_ORDERED(S, T, T)                \
  DEFINE_LINE(max_##S, T, x > a ? x : a) \
  DEFINE_LINE(min_##S, T, x < a ? x : a) \
  DEFINE_LINE(and_##S, T, a &x)          \
  DEFINE_LINE(or_##S, T, a | x)          \
  DEFINE_LINE(xor_##S, T, a ^ x)
/* As in the block kernels: a NaN wins, -0 < +0. */
#define DEFINE_FLOAT(S, T, BITS)                                                             \
  DEFINE_ORDERED(S, T, BITS)                                                                 \
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
DEFINE_FLOAT(f32, float, uint32_t)
DEFINE_FLOAT(f64, double, uint64_t)
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
#define ARGS(S) {argmax_##S, argmin_##S}
static const slide_arg_fn args[MJX_N_DTYPES][2] = {
    [MJX_BOOL] = ARGS(u8), [MJX_I8] = ARGS(i8),   [MJX_I16] = ARGS(i16), [MJX_I32] = ARGS(i32),
    [MJX_I64] = ARGS(i64), [MJX_U8] = ARGS(u8),   [MJX_U16] = ARGS(u16), [MJX_U32] = ARGS(u32),
    [MJX_U64] = ARGS(u64), [MJX_F32] = ARGS(f32), [MJX_F64] = ARGS(f64),
};

slide_line_fn mjx_slide_line(int dtype, int64_t kind) {
  return kind < 0 || kind > MJX_XOR ? NULL : lines[dtype][kind];
}

slide_arg_fn mjx_slide_arg(int dtype, int64_t kind) {
  return kind != MJX_MAX && kind != MJX_MIN ? NULL : args[dtype][kind == MJX_MIN];
}
