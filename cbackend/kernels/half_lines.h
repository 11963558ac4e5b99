/* Runs of float16 and bfloat16 to and from float32: the bits of half.h, for float16 with the
 * CPU's own conversion where it has one. */
#ifndef MJX_HALF_LINES_H
#define MJX_HALF_LINES_H

#include "half.h"

#if defined(__F16C__)
#include <immintrin.h>
#endif

static inline void mjx_floats_from_f16(int64_t n, float *to, const mjx_t_f16 *from) {
  int64_t i = 0;
#if defined(__F16C__)
  for (; i + 8 <= n; i += 8)
    _mm256_storeu_ps(to + i, _mm256_cvtph_ps(_mm_loadu_si128((const void *)(from + i))));
#endif
  for (; i < n; i++) to[i] = mjx_f32_from_f16(from[i]);
}

static inline void mjx_f16s_from_floats(int64_t n, mjx_t_f16 *to, const float *from) {
  int64_t i = 0;
#if defined(__F16C__)
  const __m128i sign = _mm_set1_epi16(-0x8000), inf = _mm_set1_epi16(0x7c00);
  const __m128i quiet = _mm_set1_epi16(0x7e00);
  for (; i + 8 <= n; i += 8) {
    __m128i h = _mm256_cvtps_ph(_mm256_loadu_ps(from + i), _MM_FROUND_TO_NEAREST_INT);
    __m128i nan = _mm_cmpgt_epi16(_mm_andnot_si128(sign, h), inf); /* of one payload */
    h = _mm_blendv_epi8(h, _mm_or_si128(_mm_and_si128(h, sign), quiet), nan);
    _mm_storeu_si128((void *)(to + i), h);
  }
#endif
  for (; i < n; i++) to[i] = mjx_f16_from_f32(from[i]);
}

static inline void mjx_floats_from_bf16(int64_t n, float *to, const mjx_t_bf16 *from) {
  for (int64_t i = 0; i < n; i++) to[i] = mjx_f32_from_bf16(from[i]);
}

static inline void mjx_bf16s_from_floats(int64_t n, mjx_t_bf16 *to, const float *from) {
  for (int64_t i = 0; i < n; i++) to[i] = mjx_bf16_from_f32(from[i]);
}

#endif
