/* float16 and bfloat16 numbers as float32s of the same value: what native code keeps of a result
 * that only goes on into other operations.  The bits are those of math_half.h's functions, which
 * round to 16 bits and widen again. */
#ifndef MJX_HALF_WIDE_H
#define MJX_HALF_WIDE_H

#include "half.h"
#include "math_f32.h"

MJX_INLINE float mjx_round_bf16(float x) {
  uint32_t u = mjx_bits_f32(x), rounded = u + 0x7fffu + ((u >> 16) & 1u);
  return mjx_f32_bits(((u & 0x7fffffffu) > 0x7f800000u ? u | 0x400000u : rounded) & 0xffff0000u);
}
/* Adding a number whose last place is that of float16s around x rounds x.  What is below the
 * spacing of small float16s rounds to their multiples; 2^16 and more is an infinity. */
MJX_INLINE float mjx_round_f16(float x) {
  uint32_t size = mjx_bits_f32(x) & 0x7f800000u;
  size = size > 0x38800000u ? size : 0x38800000u;
  size = size < 0x47800000u ? size : 0x47800000u;
  float shift = mjx_f32_bits(size + (13u << 23)), r = (__builtin_fabsf(x) + shift) - shift;
  return __builtin_copysignf(r >= 0x1p16f ? MJX_INFF : r, x);
}

/* The operations that round after every step; the last is left to the caller. */
#define MJX_DEFINE_WIDE_STEPS(X)                                        \
  MJX_INLINE float mjx_wide_exp2_##X(float x) {                         \
    float log_2 = mjx_f32_from_##X(mjx_##X##_from_f32(0x1.62e430p-1f)); \
    return mjx_s_exp_f32(mjx_round_##X(x * log_2));                     \
  }                                                                     \
  MJX_INLINE float mjx_wide_logistic_##X(float x) {                     \
    float e = mjx_round_##X(mjx_s_exp_f32(-x));                         \
    return 1.0f / mjx_round_##X(e + 1.0f);                              \
  }
MJX_DEFINE_WIDE_STEPS(f16)
MJX_DEFINE_WIDE_STEPS(bf16)

#endif
