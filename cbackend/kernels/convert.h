/* mjx_s_convert_<S>_<T> for every pair of dtypes, with JAX's rules: a float
 * saturates to an integer and NaN becomes 0; integers wrap; to bool is x != 0;
 * complex to real (and to bool) drops the imaginary part; float64 and integers
 * reach float16 and bfloat16 through float32. */
#ifndef MJX_CONVERT_H
#define MJX_CONVERT_H

#include "half.h"

/* MJX_CAST(S, T, expression of a): one conversion function. */
#define MJX_CAST(S, T, expression) \
  MJX_INLINE mjx_t_##T mjx_s_convert_##S##_##T(mjx_t_##S a) { return (mjx_t_##T)(expression); }

/* Saturating float -> integer. LOW and PAST are powers of two (or 0): the lowest
 * integer and one more than the highest, both exact in float. */
#define MJX_SATURATE(F, T, LOW, PAST, LOWEST, HIGHEST)       \
  MJX_INLINE mjx_t_##T mjx_saturate_##F##_##T(mjx_t_##F x) { \
    mjx_t_##F inside = x >= LOW && x < PAST ? x : 0;         \
    mjx_t_##T r = (mjx_t_##T)inside;                         \
    r = x >= PAST ? HIGHEST : r;                             \
    return x < LOW ? LOWEST : r;                             \
  }
/* The same to integers of no more than 16 bits, whose limits are floats: vectors of one width. */
#define MJX_SATURATE_NARROW(F, T, LOWEST, HIGHEST)           \
  MJX_INLINE mjx_t_##T mjx_saturate_##F##_##T(mjx_t_##F x) { \
    mjx_t_##F inside = x == x ? x : 0;                       \
    inside = inside > LOWEST ? inside : LOWEST;              \
    inside = inside < HIGHEST ? inside : HIGHEST;            \
    return (mjx_t_##T)(int32_t)inside;                       \
  }
#define MJX_SATURATE_FROM(F)                                    \
  MJX_SATURATE_NARROW(F, i8, INT8_MIN, INT8_MAX)                \
  MJX_SATURATE_NARROW(F, i16, INT16_MIN, INT16_MAX)             \
  MJX_SATURATE(F, i32, -0x1p31f, 0x1p31f, INT32_MIN, INT32_MAX) \
  MJX_SATURATE(F, i64, -0x1p63f, 0x1p63f, INT64_MIN, INT64_MAX) \
  MJX_SATURATE_NARROW(F, u8, 0, UINT8_MAX)                      \
  MJX_SATURATE_NARROW(F, u16, 0, UINT16_MAX)                    \
  MJX_SATURATE(F, u32, 0.0f, 0x1p32f, 0, UINT32_MAX)            \
  MJX_SATURATE(F, u64, 0.0f, 0x1p64f, 0, UINT64_MAX)
MJX_SATURATE_FROM(f32)
MJX_SATURATE_FROM(f64)

#define MJX_CAST_TO_INTS(S) \
  MJX_CAST(S, i8, a)        \
  MJX_CAST(S, i16, a)       \
  MJX_CAST(S, i32, a)       \
  MJX_CAST(S, i64, a) MJX_CAST(S, u8, a) MJX_CAST(S, u16, a) MJX_CAST(S, u32, a) MJX_CAST(S, u64, a)

/* From an integer. */
#define MJX_CAST_INT(S)                          \
  MJX_CAST_TO_INTS(S)                            \
  MJX_CAST(S, b1, a != 0)                        \
  MJX_CAST(S, f16, mjx_f16_from_f32((float)a))   \
  MJX_CAST(S, bf16, mjx_bf16_from_f32((float)a)) \
  MJX_CAST(S, f32, a)                            \
  MJX_CAST(S, f64, a)                            \
  MJX_CAST_TO_COMPLEX(S, (float)a, (double)a)

#define MJX_CAST_TO_COMPLEX(S, as_f32, as_f64)                  \
  MJX_INLINE mjx_t_c64 mjx_s_convert_##S##_c64(mjx_t_##S a) {   \
    mjx_t_c64 z = {as_f32, 0.0f};                               \
    return z;                                                   \
  }                                                             \
  MJX_INLINE mjx_t_c128 mjx_s_convert_##S##_c128(mjx_t_##S a) { \
    mjx_t_c128 z = {as_f64, 0.0};                               \
    return z;                                                   \
  }

/* From a bool: choices, which become masked vectors where the bool is a comparison's result. */
#define MJX_CAST_BOOL_TO(T, one) MJX_CAST(b1, T, a ? one : 0)
MJX_CAST_TO_INTS(b1)
MJX_CAST(b1, b1, a != 0)
MJX_CAST_BOOL_TO(f16, 0x3c00)
MJX_CAST_BOOL_TO(bf16, 0x3f80)
MJX_CAST_BOOL_TO(f32, 1.0f)
MJX_CAST_BOOL_TO(f64, 1.0)
MJX_CAST_TO_COMPLEX(b1, a ? 1.0f : 0.0f, a ? 1.0 : 0.0)

MJX_CAST_INT(i8)
MJX_CAST_INT(i16)
MJX_CAST_INT(i32)
MJX_CAST_INT(i64)
MJX_CAST_INT(u8)
MJX_CAST_INT(u16)
MJX_CAST_INT(u32)
MJX_CAST_INT(u64)

/* From a dtype whose real part `value` is a float of dtype F. */
#define MJX_CAST_FLOAT(S, F, value)               \
  MJX_CAST(S, i8, mjx_saturate_##F##_i8(value))   \
  MJX_CAST(S, i16, mjx_saturate_##F##_i16(value)) \
  MJX_CAST(S, i32, mjx_saturate_##F##_i32(value)) \
  MJX_CAST(S, i64, mjx_saturate_##F##_i64(value)) \
  MJX_CAST(S, u8, mjx_saturate_##F##_u8(value))   \
  MJX_CAST(S, u16, mjx_saturate_##F##_u16(value)) \
  MJX_CAST(S, u32, mjx_saturate_##F##_u32(value)) \
  MJX_CAST(S, u64, mjx_saturate_##F##_u64(value)) \
  MJX_CAST(S, f32, value)                         \
  MJX_CAST(S, f64, value)

MJX_CAST_FLOAT(f16, f32, mjx_f32_from_f16(a))
MJX_CAST(f16, b1, (a & 0x7fffu) != 0)
MJX_CAST(f16, f16, a)
MJX_CAST(f16, bf16, mjx_bf16_from_f32(mjx_f32_from_f16(a)))
MJX_CAST_TO_COMPLEX(f16, mjx_f32_from_f16(a), (double)mjx_f32_from_f16(a))

MJX_CAST_FLOAT(bf16, f32, mjx_f32_from_bf16(a))
MJX_CAST(bf16, b1, (a & 0x7fffu) != 0)
MJX_CAST(bf16, f16, mjx_f16_from_f32(mjx_f32_from_bf16(a)))
MJX_CAST(bf16, bf16, a)
MJX_CAST_TO_COMPLEX(bf16, mjx_f32_from_bf16(a), (double)mjx_f32_from_bf16(a))

MJX_CAST_FLOAT(f32, f32, a)
MJX_CAST(f32, b1, a != 0)
MJX_CAST(f32, f16, mjx_f16_from_f32(a))
MJX_CAST(f32, bf16, mjx_bf16_from_f32(a))
MJX_CAST_TO_COMPLEX(f32, a, (double)a)

MJX_CAST_FLOAT(f64, f64, a)
MJX_CAST(f64, b1, a != 0)
MJX_CAST(f64, f16, mjx_f16_from_f32((float)a))
MJX_CAST(f64, bf16, mjx_bf16_from_f32((float)a))
MJX_CAST_TO_COMPLEX(f64, (float)a, a)

MJX_CAST_FLOAT(c64, f32, a.re)
MJX_CAST(c64, b1, a.re != 0)
MJX_CAST(c64, f16, mjx_f16_from_f32(a.re))
MJX_CAST(c64, bf16, mjx_bf16_from_f32(a.re))

MJX_CAST_FLOAT(c128, f64, a.re)
MJX_CAST(c128, b1, a.re != 0)
MJX_CAST(c128, f16, mjx_f16_from_f32((float)a.re))
MJX_CAST(c128, bf16, mjx_bf16_from_f32((float)a.re))

MJX_INLINE mjx_t_c64 mjx_s_convert_c64_c64(mjx_t_c64 a) { return a; }
MJX_INLINE mjx_t_c128 mjx_s_convert_c128_c128(mjx_t_c128 a) { return a; }
MJX_INLINE mjx_t_c128 mjx_s_convert_c64_c128(mjx_t_c64 a) {
  mjx_t_c128 z = {a.re, a.im};
  return z;
}
MJX_INLINE mjx_t_c64 mjx_s_convert_c128_c64(mjx_t_c128 a) {
  mjx_t_c64 z = {(float)a.re, (float)a.im};
  return z;
}

#endif
