/* float16 and bfloat16 scalar functions: computed in float32, rounded once. */
#ifndef MJX_MATH_HALF_H
#define MJX_MATH_HALF_H

#include "half.h"
#include "math_f32.h"

#define MJX_HALF_UNARY(op)                                            \
  MJX_INLINE mjx_t_f16 mjx_s_##op##_f16(mjx_t_f16 a) {                \
    return mjx_f16_from_f32(mjx_s_##op##_f32(mjx_f32_from_f16(a)));   \
  }                                                                   \
  MJX_INLINE mjx_t_bf16 mjx_s_##op##_bf16(mjx_t_bf16 a) {             \
    return mjx_bf16_from_f32(mjx_s_##op##_f32(mjx_f32_from_bf16(a))); \
  }

#define MJX_HALF_BINARY(op)                                                                 \
  MJX_INLINE mjx_t_f16 mjx_s_##op##_f16(mjx_t_f16 a, mjx_t_f16 b) {                         \
    return mjx_f16_from_f32(mjx_s_##op##_f32(mjx_f32_from_f16(a), mjx_f32_from_f16(b)));    \
  }                                                                                         \
  MJX_INLINE mjx_t_bf16 mjx_s_##op##_bf16(mjx_t_bf16 a, mjx_t_bf16 b) {                     \
    return mjx_bf16_from_f32(mjx_s_##op##_f32(mjx_f32_from_bf16(a), mjx_f32_from_bf16(b))); \
  }

#define MJX_HALF_COMPARE(op)                                             \
  MJX_INLINE mjx_t_b1 mjx_s_##op##_f16(mjx_t_f16 a, mjx_t_f16 b) {       \
    return mjx_s_##op##_f32(mjx_f32_from_f16(a), mjx_f32_from_f16(b));   \
  }                                                                      \
  MJX_INLINE mjx_t_b1 mjx_s_##op##_bf16(mjx_t_bf16 a, mjx_t_bf16 b) {    \
    return mjx_s_##op##_f32(mjx_f32_from_bf16(a), mjx_f32_from_bf16(b)); \
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
MJX_HALF_UNARY(expm1)
MJX_HALF_UNARY(log)
MJX_HALF_UNARY(log1p)
MJX_HALF_UNARY(tanh)
MJX_HALF_UNARY(cbrt)
MJX_HALF_UNARY(sin)
MJX_HALF_UNARY(cos)
MJX_HALF_UNARY(tan)
MJX_HALF_UNARY(asin)
MJX_HALF_UNARY(acos)
MJX_HALF_UNARY(atan)
MJX_HALF_UNARY(sinh)
MJX_HALF_UNARY(cosh)
MJX_HALF_UNARY(asinh)
MJX_HALF_UNARY(acosh)
MJX_HALF_UNARY(atanh)
MJX_HALF_UNARY(erf)
MJX_HALF_UNARY(erfc)
MJX_HALF_UNARY(erf_inv)
MJX_HALF_UNARY(floor)
MJX_HALF_UNARY(ceil)
MJX_HALF_UNARY(round)
MJX_HALF_UNARY(round_even)
MJX_HALF_UNARY(sqrt)
MJX_HALF_UNARY(rsqrt)
MJX_HALF_UNARY(square)
MJX_HALF_BINARY(pow)
MJX_HALF_BINARY(atan2)
MJX_HALF_BINARY(rem)

/* JAX rounds these after every step. */
#define MJX_DEFINE_HALF_STEPS(X)                                                \
  MJX_INLINE mjx_t_##X mjx_s_exp2_##X(mjx_t_##X a) {                            \
    return mjx_s_exp_##X(mjx_s_mul_##X(a, mjx_##X##_from_f32(0x1.62e430p-1f))); \
  }                                                                             \
  MJX_INLINE mjx_t_##X mjx_s_logistic_##X(mjx_t_##X a) {                        \
    mjx_t_##X one = mjx_##X##_from_f32(1.0f);                                   \
    mjx_t_##X e = mjx_s_exp_##X((mjx_t_##X)(a ^ 0x8000u));                      \
    return mjx_s_div_##X(one, mjx_s_add_##X(e, one));                           \
  }
MJX_DEFINE_HALF_STEPS(f16)
MJX_DEFINE_HALF_STEPS(bf16)

/* On the sign bit alone: denormals and NaN payloads pass through. */
MJX_INLINE mjx_t_f16 mjx_s_neg_f16(mjx_t_f16 a) { return a ^ 0x8000u; }
MJX_INLINE mjx_t_bf16 mjx_s_neg_bf16(mjx_t_bf16 a) { return a ^ 0x8000u; }
MJX_INLINE mjx_t_f16 mjx_s_abs_f16(mjx_t_f16 a) { return a & 0x7fffu; }
MJX_INLINE mjx_t_bf16 mjx_s_abs_bf16(mjx_t_bf16 a) { return a & 0x7fffu; }

/* X: the dtype, INF: the bits of its infinity. */
#define MJX_DEFINE_HALF_BITS(X, INF)                                                   \
  MJX_INLINE mjx_t_b1 mjx_s_is_finite_##X(mjx_t_##X a) { return (a & 0x7fffu) < INF; } \
  MJX_INLINE mjx_t_##X mjx_s_sign_##X(mjx_t_##X a) {                                   \
    mjx_t_##X m = a & 0x7fffu, one = mjx_##X##_from_f32(1.0f);                         \
    mjx_t_##X r = m == 0 ? 0 : one;                                                    \
    return m > INF ? a : (mjx_t_##X)(r | (a & 0x8000u));                               \
  }                                                                                    \
  MJX_INLINE mjx_t_##X mjx_s_clamp_##X(mjx_t_##X lo, mjx_t_##X x, mjx_t_##X hi) {      \
    return mjx_s_min_##X(mjx_s_max_##X(lo, x), hi);                                    \
  }                                                                                    \
  MJX_INLINE mjx_t_##X mjx_s_nextafter_##X(mjx_t_##X x, mjx_t_##X y) {                 \
    uint32_t a = x & 0x7fffu, b = y & 0x7fffu;                                         \
    int toward_zero = a > b || ((x ^ y) & 0x8000u) != 0;                               \
    uint32_t step = toward_zero ? x - 1u : x + 1u;                                     \
    step = a == 0 ? (y & 0x8000u) | 1u : step;                                         \
    step = x == y || (a | b) == 0 ? y : step;                                          \
    return (mjx_t_##X)(a > INF || b > INF ? INF + 1u : step);                          \
  }                                                                                    \
  MJX_INLINE int32_t mjx_rank_##X(mjx_t_##X a) {                                       \
    return a & 0x8000u ? -1 - (int32_t)(a & 0x7fffu) : (int32_t)a;                     \
  }                                                                                    \
  MJX_INLINE mjx_t_b1 mjx_s_eq_to_##X(mjx_t_##X a, mjx_t_##X b) { return a == b; }     \
  MJX_INLINE mjx_t_b1 mjx_s_lt_to_##X(mjx_t_##X a, mjx_t_##X b) {                      \
    return mjx_rank_##X(a) < mjx_rank_##X(b);                                          \
  }                                                                                    \
  MJX_INLINE mjx_t_b1 mjx_s_le_to_##X(mjx_t_##X a, mjx_t_##X b) {                      \
    return mjx_rank_##X(a) <= mjx_rank_##X(b);                                         \
  }
MJX_DEFINE_HALF_BITS(f16, 0x7c00u)
MJX_DEFINE_HALF_BITS(bf16, 0x7f80u)

#endif
