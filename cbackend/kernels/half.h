/* float16 and bfloat16: conversions to and from float32, in integer arithmetic
 * (vectorises on every instruction set; does not depend on denormal modes). */
#ifndef MJX_HALF_H
#define MJX_HALF_H

#include "math_base.h"

MJX_INLINE float mjx_f32_from_bf16(mjx_t_bf16 h) { return mjx_f32_bits((uint32_t)h << 16); }

/* Rounds to nearest even; a NaN stays a (quiet) NaN. */
MJX_INLINE mjx_t_bf16 mjx_bf16_from_f32(float x) {
  uint32_t u = mjx_bits_f32(x);
  uint32_t rounded = (u + 0x7fffu + ((u >> 16) & 1u)) >> 16;
  uint32_t nan = (u >> 16) | 0x40u;
  return (mjx_t_bf16)((u & 0x7fffffffu) > 0x7f800000u ? nan : rounded);
}

MJX_INLINE float mjx_f32_from_f16(mjx_t_f16 h) {
  uint32_t magnitude = h & 0x7fffu, sign = (uint32_t)(h & 0x8000u) << 16;
  uint32_t rebias = magnitude >= 0x7c00u ? 224u << 23 : 112u << 23;
  uint32_t normal = (magnitude << 13) + rebias;
  uint32_t small = mjx_bits_f32((float)(int32_t)magnitude * 0x1p-24f);
  return mjx_f32_bits(sign | (magnitude < 0x400u ? small : normal));
}

/* Rounds to nearest even; beyond 65504 to infinity; a NaN stays a quiet NaN. */
MJX_INLINE mjx_t_f16 mjx_f16_from_f32(float x) {
  uint32_t u = mjx_bits_f32(x), sign = (u >> 16) & 0x8000u;
  uint32_t m = u & 0x7fffffffu;
  uint32_t normal = (m - (112u << 23) + 0xfffu + ((m >> 13) & 1u)) >> 13;
  /* adding 0.5 leaves multiples of 2^-24, the spacing of small float16s */
  uint32_t small = mjx_bits_f32(mjx_f32_bits(m) + 0.5f) - 0x3f000000u;
  uint32_t r = m < 0x38800000u ? small : normal;
  r = m >= 0x477ff000u ? 0x7c00u : r;
  r = m > 0x7f800000u ? 0x7e00u : r;
  return (mjx_t_f16)(sign | r);
}

#endif
