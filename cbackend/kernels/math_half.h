/* float16 and bfloat16 scalar functions: computed in float32, rounded once. */
#ifndef MJX_MATH_HALF_H
#define MJX_MATH_HALF_H

#include "half.h"
#include "math_f32.h"

#define MJX_HALF_UNARY(op)                                                          \
    MJX_INLINE mjx_t_f16 mjx_s_##op##_f16(mjx_t_f16 a) {                            \
        return mjx_f16_from_f32(mjx_s_##op##_f32(mjx_f32_from_f16(a)));             \
    }                                                                               \
    MJX_INLINE mjx_t_bf16 mjx_s_##op##_bf16(mjx_t_bf16 a) {                         \
        return mjx_bf16_from_f32(mjx_s_##op##_f32(mjx_f32_from_bf16(a)));           \
    }

#define MJX_HALF_BINARY(op)                                                         \
    MJX_INLINE mjx_t_f16 mjx_s_##op##_f16(mjx_t_f16 a, mjx_t_f16 b) {               \
        return mjx_f16_from_f32(                                                    \
            mjx_s_##op##_f32(mjx_f32_from_f16(a), mjx_f32_from_f16(b)));            \
    }                                                                               \
    MJX_INLINE mjx_t_bf16 mjx_s_##op##_bf16(mjx_t_bf16 a, mjx_t_bf16 b) {           \
        return mjx_bf16_from_f32(                                                   \
            mjx_s_##op##_f32(mjx_f32_from_bf16(a), mjx_f32_from_bf16(b)));          \
    }

#define MJX_HALF_COMPARE(op)                                                        \
    MJX_INLINE mjx_t_b1 mjx_s_##op##_f16(mjx_t_f16 a, mjx_t_f16 b) {                \
        return mjx_s_##op##_f32(mjx_f32_from_f16(a), mjx_f32_from_f16(b));          \
    }                                                                               \
    MJX_INLINE mjx_t_b1 mjx_s_##op##_bf16(mjx_t_bf16 a, mjx_t_bf16 b) {             \
        return mjx_s_##op##_f32(mjx_f32_from_bf16(a), mjx_f32_from_bf16(b));        \
    }

MJX_HALF_BINARY(add)
MJX_HALF_BINARY(sub)
MJX_HALF_BINARY(mul)
MJX_HALF_BINARY(div)
MJX_HALF_BINARY(max)
MJX_HALF_BINARY(min)
MJX_HALF_COMPARE(eq)
MJX_HALF_COMPARE(ne)
MJX_HALF_COMPARE(lt)
MJX_HALF_COMPARE(le)
MJX_HALF_COMPARE(gt)
MJX_HALF_COMPARE(ge)
MJX_HALF_UNARY(exp)
MJX_HALF_UNARY(log)
MJX_HALF_UNARY(tanh)

/* On the sign bit alone: denormals and NaN payloads pass through. */
MJX_INLINE mjx_t_f16 mjx_s_neg_f16(mjx_t_f16 a) { return a ^ 0x8000u; }
MJX_INLINE mjx_t_bf16 mjx_s_neg_bf16(mjx_t_bf16 a) { return a ^ 0x8000u; }
MJX_INLINE mjx_t_f16 mjx_s_abs_f16(mjx_t_f16 a) { return a & 0x7fffu; }
MJX_INLINE mjx_t_bf16 mjx_s_abs_bf16(mjx_t_bf16 a) { return a & 0x7fffu; }

#endif
