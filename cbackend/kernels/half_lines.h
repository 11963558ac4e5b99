/* Runs of float16 and bfloat16 to and from float32: the bits of half.h, for float16 with the
 * CPU's own conversion where it has one. */
#ifndef MJX_HALF_LINES_H
#define MJX_HALF_LINES_H

#include "half.h"

#if defined(__F16C__)
typedef float mjx_floats8 __attribute__((vector_size(32), aligned(4), may_alias));
typedef int16_t mjx_halves8 __attribute__((vector_size(16), aligned(2), may_alias));
#endif
#if defined(__AVX512F__)
typedef float mjx_floats16 __attribute__((vector_size(64), aligned(4), may_alias));
typedef int16_t mjx_halves16 __attribute__((vector_size(32), aligned(2), may_alias));
#endif

MJX_INLINE void mjx_floats_from_f16(int64_t n, float *to, const mjx_t_f16 *from) {
  int64_t i = 0;
#if defined(__AVX512F__)
  for (; i + 16 <= n; i += 16)
    *(mjx_floats16 *)(to + i) = (mjx_floats16)__builtin_ia32_vcvtph2ps512_mask(
        *(const mjx_halves16 *)(from + i), (mjx_floats16){0}, -1, 4);
#endif
#if defined(__F16C__)
  for (; i + 8 <= n; i += 8)
    *(mjx_floats8 *)(to + i) = __builtin_ia32_vcvtph2ps256(*(const mjx_halves8 *)(from + i));
#endif
  for (; i < n; i++) to[i] = mjx_f32_from_f16(from[i]);
}

MJX_INLINE void mjx_f16s_from_floats(int64_t n, mjx_t_f16 *to, const float *from) {
  int64_t i = 0;
#if defined(__AVX512F__)
  for (; i + 16 <= n; i += 16) {
    mjx_halves16 h = (mjx_halves16)__builtin_ia32_vcvtps2ph512_mask(
        *(const mjx_floats16 *)(from + i), 0, (mjx_halves16){0}, -1);
    mjx_halves16 nan = (h & 0x7fff) > 0x7c00;
    *(mjx_halves16 *)(to + i) = (h & ~nan) | (((h & -0x8000) | 0x7e00) & nan);
  }
#endif
#if defined(__F16C__)
  for (; i + 8 <= n; i += 8) {
    mjx_halves8 h = __builtin_ia32_vcvtps2ph256(*(const mjx_floats8 *)(from + i), 0);
    mjx_halves8 nan = (h & 0x7fff) > 0x7c00; /* of one payload */
    *(mjx_halves8 *)(to + i) = (h & ~nan) | (((h & -0x8000) | 0x7e00) & nan);
  }
#endif
  for (; i < n; i++) to[i] = mjx_f16_from_f32(from[i]);
}

MJX_INLINE void mjx_floats_from_bf16(int64_t n, float *to, const mjx_t_bf16 *from) {
  for (int64_t i = 0; i < n; i++) to[i] = mjx_f32_from_bf16(from[i]);
}

MJX_INLINE void mjx_bf16s_from_floats(int64_t n, mjx_t_bf16 *to, const float *from) {
  for (int64_t i = 0; i < n; i++) to[i] = mjx_bf16_from_f32(from[i]);
}

#endif
