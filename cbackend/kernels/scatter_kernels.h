/* scatter_kernels.h: SCATTER of windows whose elements lie next to each other, included once per
 * instruction set by blocks_impl.h.
 *
 * Windows come one after the other, as an element sees its updates in order; within one, whole
 * vectors are combined, then shorter ones, then what is left.
 */
#include "half_lines.h"
#include "scatter_ops.h"

/* Vectors of 64, 32 and 16 bytes, as far as registers have them. */
#if VECTOR_BYTES == 64
#define IF_64(x) x
#else
#define IF_64(x)
#endif
#if VECTOR_BYTES >= 32
#define IF_32(x) x
#else
#define IF_32(x)
#endif

#define SCATTER_VECTOR(T, BYTES) \
  T __attribute__((vector_size(BYTES), aligned(sizeof(T)), may_alias))

/* B: the integer type of T's size.  OP combines vectors, ONE single elements. */
#define DEFINE_SCATTER_PIECE(kind, S, T, B, BYTES, OP)                       \
  typedef SCATTER_VECTOR(T, BYTES) kind##_##S##_##BYTES;                     \
  typedef SCATTER_VECTOR(B, BYTES) kind##_##S##_bits_##BYTES;                \
  MJX_INLINE void scatter_##kind##_##S##_##BYTES(T *x, const T *y) {         \
    kind##_##S##_##BYTES a = *(kind##_##S##_##BYTES *)(void *)x;             \
    kind##_##S##_##BYTES b = *(const kind##_##S##_##BYTES *)(const void *)y; \
    typedef kind##_##S##_##BYTES vec __attribute__((unused));                \
    typedef kind##_##S##_bits_##BYTES bits __attribute__((unused));          \
    *(kind##_##S##_##BYTES *)(void *)x = OP;                                 \
  }
#define SCATTER_PIECE(kind, S, T, BYTES)                                       \
  for (; i + BYTES / (int64_t)sizeof(T) <= n; i += BYTES / (int64_t)sizeof(T)) \
    scatter_##kind##_##S##_##BYTES(x + i, y + i);
#define DEFINE_SCATTER(kind, S, T, B, OP, ONE)                                                   \
  IF_64(DEFINE_SCATTER_PIECE(kind, S, T, B, 64, OP))                                             \
  IF_32(DEFINE_SCATTER_PIECE(kind, S, T, B, 32, OP))                                             \
  DEFINE_SCATTER_PIECE(kind, S, T, B, 16, OP)                                                    \
  MJX_INLINE void scatter_one_##kind##_##S(char *to, const char *from, int64_t n) {              \
    T *x = (T *)(void *)to;                                                                      \
    const T *y = (const T *)(const void *)from;                                                  \
    int64_t i = 0;                                                                               \
    IF_64(SCATTER_PIECE(kind, S, T, 64))                                                         \
    IF_32(SCATTER_PIECE(kind, S, T, 32))                                                         \
    SCATTER_PIECE(kind, S, T, 16)                                                                \
    for (; i < n; i++) x[i] = (T)ONE(x[i], y[i]);                                                \
  }                                                                                              \
  MJX_INLINE void scatter_at_##kind##_##S(const mjx_scatter_windows of, int64_t n) {             \
    for (int64_t w = 0; w < of.n; w++)                                                           \
      scatter_one_##kind##_##S(of.to + of.index[w] * of.to_step, of.from + w * of.from_step, n); \
  }                                                                                              \
  static void scatter_##kind##_##S(const mjx_scatter_windows *windows) {                         \
    if (!windows->index) {                                                                       \
      for (int64_t w = 0; w < windows->n; w++)                                                   \
        scatter_one_##kind##_##S(windows->to + windows->offsets[w],                              \
                                 windows->from + windows->others[w], windows->width);            \
      return;                                                                                    \
    }                                                                                            \
    switch (windows->width * (int64_t)sizeof(T)) { /* the usual widths without loops */          \
      case 8: scatter_at_##kind##_##S(*windows, 8 / sizeof(T)); break;                           \
      case 12: scatter_at_##kind##_##S(*windows, 12 / sizeof(T)); break;                         \
      case 16: scatter_at_##kind##_##S(*windows, 16 / sizeof(T)); break;                         \
      case 24: scatter_at_##kind##_##S(*windows, 24 / sizeof(T)); break;                         \
      case 32: scatter_at_##kind##_##S(*windows, 32 / sizeof(T)); break;                         \
      case 64: scatter_at_##kind##_##S(*windows, 64 / sizeof(T)); break;                         \
      case 128: scatter_at_##kind##_##S(*windows, 128 / sizeof(T)); break;                       \
      default: scatter_at_##kind##_##S(*windows, windows->width);                                \
    }                                                                                            \
  }

/* b where `second` holds, else a. */
#define CHOOSE_SECOND(second) (vec)(((bits)b & (bits)(second)) | ((bits)a & ~(bits)(second)))
#define NAN_SECOND            ((bits)(b != b) & (bits)(a == a))
#define MIN_SECOND            ((bits)(b < a) | NAN_SECOND | ((bits)(a == b) & ~(bits)((bits)a < 0)))
#define MAX_SECOND            ((bits)(b > a) | NAN_SECOND | ((bits)(a == b) & (bits)((bits)a < 0)))
#define SECOND_OF(a, b)       (b)

#define SCATTER_ARITHMETIC(S, T, B)                \
  DEFINE_SCATTER(add, S, T, B, a + b, SCATTER_ADD) \
  DEFINE_SCATTER(sub, S, T, B, a - b, SCATTER_SUB) \
  DEFINE_SCATTER(mul, S, T, B, a *b, SCATTER_MUL)
#define SCATTER_INTEGER_EXTREMES(S, T, B)                         \
  DEFINE_SCATTER(min, S, T, B, CHOOSE_SECOND(b < a), SCATTER_MIN) \
  DEFINE_SCATTER(max, S, T, B, CHOOSE_SECOND(b > a), SCATTER_MAX)
#define SCATTER_FLOAT_EXTREMES(S, T, B)                                    \
  DEFINE_SCATTER(min, S, T, B, CHOOSE_SECOND(MIN_SECOND), combine_min_##S) \
  DEFINE_SCATTER(max, S, T, B, CHOOSE_SECOND(MAX_SECOND), combine_max_##S)
DEFINE_SCATTER(set, u8, mjx_t_u8, int8_t, ((void)a, b), SECOND_OF)
DEFINE_SCATTER(set, u32, mjx_t_u32, int32_t, ((void)a, b), SECOND_OF)
SCATTER_ARITHMETIC(u8, mjx_t_u8, int8_t)
SCATTER_ARITHMETIC(u16, mjx_t_u16, int16_t)
SCATTER_ARITHMETIC(u32, mjx_t_u32, int32_t)
SCATTER_ARITHMETIC(u64, mjx_t_u64, int64_t)
SCATTER_ARITHMETIC(f32, float, int32_t)
SCATTER_ARITHMETIC(f64, double, int64_t)
SCATTER_INTEGER_EXTREMES(i32, mjx_t_i32, int32_t)
SCATTER_INTEGER_EXTREMES(i64, mjx_t_i64, int64_t)
SCATTER_FLOAT_EXTREMES(f32, float, int32_t)
SCATTER_FLOAT_EXTREMES(f64, double, int64_t)

/* In half precision, some elements at a time in float32. */
#define DEFINE_SCATTER_HALF(kind, S, OP)                                            \
  static MJX_FN void scatter_##kind##_##S(const mjx_scatter_windows *windows) {     \
    enum { SOME = 64 };                                                             \
    float a[SOME], b[SOME];                                                         \
    for (int64_t w = 0; w < windows->n; w++) {                                      \
      const int32_t *index = windows->index;                                        \
      int64_t to = index ? index[w] * windows->to_step : windows->offsets[w];       \
      int64_t from = index ? w * windows->from_step : windows->others[w];           \
      mjx_t_##S *x = (mjx_t_##S *)(void *)(windows->to + to);                       \
      const mjx_t_##S *y = (const mjx_t_##S *)(const void *)(windows->from + from); \
      for (int64_t at = 0; at < windows->width; at += SOME) {                       \
        int64_t n = windows->width - at < SOME ? windows->width - at : SOME;        \
        mjx_floats_from_##S(n, a, x + at);                                          \
        mjx_floats_from_##S(n, b, y + at);                                          \
        for (int64_t i = 0; i < n; i++) a[i] = OP(a[i], b[i]);                      \
        mjx_##S##s_from_floats(n, x + at, a);                                       \
      }                                                                             \
    }                                                                               \
  }
#define DEFINE_SCATTER_HALVES(S)            \
  DEFINE_SCATTER_HALF(add, S, SCATTER_ADD)  \
  DEFINE_SCATTER_HALF(sub, S, SCATTER_SUB)  \
  DEFINE_SCATTER_HALF(mul, S, SCATTER_MUL)  \
  DEFINE_SCATTER_HALF(min, S, kept_min_f32) \
  DEFINE_SCATTER_HALF(max, S, kept_max_f32)
DEFINE_SCATTER_HALVES(f16)
DEFINE_SCATTER_HALVES(bf16)

#define SCATTER_ARITHMETIC_TABLE(kind)                                \
  [MJX_I8] = scatter_##kind##_u8, [MJX_I16] = scatter_##kind##_u16,   \
  [MJX_I32] = scatter_##kind##_u32, [MJX_I64] = scatter_##kind##_u64, \
  [MJX_U8] = scatter_##kind##_u8, [MJX_U16] = scatter_##kind##_u16,   \
  [MJX_U32] = scatter_##kind##_u32, [MJX_U64] = scatter_##kind##_u64, \
  [MJX_F32] = scatter_##kind##_f32, [MJX_F64] = scatter_##kind##_f64, \
  [MJX_F16] = scatter_##kind##_f16, [MJX_BF16] = scatter_##kind##_bf16
#define SCATTER_EXTREMES_TABLE(kind)                                   \
  {[MJX_I32] = scatter_##kind##_i32, [MJX_I64] = scatter_##kind##_i64, \
   [MJX_F32] = scatter_##kind##_f32, [MJX_F64] = scatter_##kind##_f64, \
   [MJX_F16] = scatter_##kind##_f16, [MJX_BF16] = scatter_##kind##_bf16}

static const mjx_scatter_fn scatter_table[][MJX_N_DTYPES] = {
    [MJX_SCATTER_SET] = {[MJX_U8] = scatter_set_u8, [MJX_U32] = scatter_set_u32},
    [MJX_SCATTER_ADD] = {SCATTER_ARITHMETIC_TABLE(add)},
    [MJX_SCATTER_MUL] = {SCATTER_ARITHMETIC_TABLE(mul)},
    [MJX_SCATTER_MIN] = SCATTER_EXTREMES_TABLE(min),
    [MJX_SCATTER_MAX] = SCATTER_EXTREMES_TABLE(max),
    [MJX_SCATTER_SUB] = {SCATTER_ARITHMETIC_TABLE(sub)},
};
