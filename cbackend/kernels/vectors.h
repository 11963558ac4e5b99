/* vectors.h: the widest vectors of an instruction set, the first elements of one, and its sum. */
#ifndef MJX_VECTORS_H
#define MJX_VECTORS_H

#include "math_base.h"

#if defined(__AVX512F__)
#define VECTOR_BYTES 64
#elif defined(__AVX2__)
#define VECTOR_BYTES 32
#else
#define VECTOR_BYTES 16
#endif
#if VECTOR_BYTES > 16
#include <immintrin.h>
#endif

#define MJX_LEAST(a, b) ((a) < (b) ? (a) : (b))

/* Lanes of two vectors by number, those of b follow those of a. */
#if defined(__clang__)
#define SHUFFLE_LANES(MASK, a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define SHUFFLE_LANES(MASK, a, b, ...) __builtin_shuffle(a, b, (MASK){__VA_ARGS__})
#endif

/* The sum of a vector's elements: halves are added until one is left. */
#define FOLD(S, BYTES, from, to)                                      \
  half_##BYTES##_##S to##_low, to##_high;                             \
  __builtin_memcpy(&to##_low, &(from), BYTES);                        \
  __builtin_memcpy(&to##_high, (const char *)&(from) + BYTES, BYTES); \
  const half_##BYTES##_##S to = to##_low + to##_high
#define KEEP(S, BYTES, from, to) const half_##BYTES##_##S to = from
#if VECTOR_BYTES == 64
#define FOLD_TO_32 FOLD
#else
#define FOLD_TO_32 KEEP
#endif
#if VECTOR_BYTES >= 32
#define FOLD_TO_16 FOLD
#else
#define FOLD_TO_16 KEEP
#endif

#define DEFINE_VECTORS(T, S)                                                                   \
  typedef T vec_##S __attribute__((vector_size(VECTOR_BYTES), aligned(sizeof(T)), may_alias)); \
  typedef T half_32_##S __attribute__((vector_size(VECTOR_BYTES < 32 ? 16 : 32), may_alias));  \
  typedef T half_16_##S __attribute__((vector_size(16), may_alias));                           \
  enum { LANES_##S = VECTOR_BYTES / sizeof(T) };                                               \
  MJX_INLINE half_16_##S least_##S(vec_##S sums) {                                             \
    FOLD_TO_32(S, 32, sums, middle);                                                           \
    FOLD_TO_16(S, 16, middle, least);                                                          \
    return least;                                                                              \
  }
DEFINE_VECTORS(float, f32)
DEFINE_VECTORS(double, f64)
DEFINE_VECTORS(uint32_t, u32)
DEFINE_VECTORS(uint64_t, u64)

#define DEFINE_TREE_OF_4(T, S)            \
  MJX_INLINE T tree_##S(vec_##S sums) {   \
    half_16_##S x = least_##S(sums);      \
    return (x[0] + x[2]) + (x[1] + x[3]); \
  }
#define DEFINE_TREE_OF_2(T, S)          \
  MJX_INLINE T tree_##S(vec_##S sums) { \
    half_16_##S x = least_##S(sums);    \
    return x[0] + x[1];                 \
  }
DEFINE_TREE_OF_4(float, f32)
DEFINE_TREE_OF_4(uint32_t, u32)
DEFINE_TREE_OF_2(double, f64)
DEFINE_TREE_OF_2(uint64_t, u64)

/* The first n elements at x, fewer than a vector's, then zeros; nothing after them is read.  And
 * such a part is put in its place, with nothing after it written. */
#if VECTOR_BYTES == 64
MJX_INLINE vec_f32 part_f32(const float *x, int64_t n) {
  return (vec_f32)_mm512_maskz_loadu_ps((__mmask16)((1u << n) - 1), x);
}
MJX_INLINE vec_f64 part_f64(const double *x, int64_t n) {
  return (vec_f64)_mm512_maskz_loadu_pd((__mmask8)((1u << n) - 1), x);
}
MJX_INLINE void put_part_f32(float *x, int64_t n, vec_f32 part) {
  _mm512_mask_storeu_ps(x, (__mmask16)((1u << n) - 1), (__m512)part);
}
MJX_INLINE void put_part_f64(double *x, int64_t n, vec_f64 part) {
  _mm512_mask_storeu_pd(x, (__mmask8)((1u << n) - 1), (__m512d)part);
}
#elif VECTOR_BYTES == 32
static const int64_t part_masks[8] = {-1, -1, -1, -1, 0, 0, 0, 0};
MJX_INLINE vec_f32 part_f32(const float *x, int64_t n) {
  const int32_t *masks = (const int32_t *)part_masks + 8 - n;
  return (vec_f32)_mm256_maskload_ps(x, _mm256_loadu_si256((const __m256i *)masks));
}
MJX_INLINE vec_f64 part_f64(const double *x, int64_t n) {
  return (vec_f64)_mm256_maskload_pd(x, _mm256_loadu_si256((const __m256i *)(part_masks + 4 - n)));
}
MJX_INLINE void put_part_f32(float *x, int64_t n, vec_f32 part) {
  const int32_t *masks = (const int32_t *)part_masks + 8 - n;
  _mm256_maskstore_ps(x, _mm256_loadu_si256((const __m256i *)masks), (__m256)part);
}
MJX_INLINE void put_part_f64(double *x, int64_t n, vec_f64 part) {
  _mm256_maskstore_pd(x, _mm256_loadu_si256((const __m256i *)(part_masks + 4 - n)), (__m256d)part);
}
#else
#define DEFINE_PART(T, S)                                       \
  MJX_INLINE vec_##S part_##S(const T *x, int64_t n) {          \
    vec_##S part = {0};                                         \
    for (int l = 0; l < LANES_##S - 1; l++) {                   \
      if (l < n) part[l] = x[l];                                \
    }                                                           \
    return part;                                                \
  }                                                             \
  MJX_INLINE void put_part_##S(T *x, int64_t n, vec_##S part) { \
    for (int l = 0; l < LANES_##S - 1; l++) {                   \
      if (l < n) x[l] = part[l];                                \
    }                                                           \
  }
DEFINE_PART(float, f32)
DEFINE_PART(double, f64)
#endif
MJX_INLINE vec_u32 part_u32(const uint32_t *x, int64_t n) {
  return (vec_u32)part_f32((const float *)(const void *)x, n);
}
MJX_INLINE vec_u64 part_u64(const uint64_t *x, int64_t n) {
  return (vec_u64)part_f64((const double *)(const void *)x, n);
}
MJX_INLINE void put_part_u32(uint32_t *x, int64_t n, vec_u32 part) {
  put_part_f32((float *)(void *)x, n, (vec_f32)part);
}
MJX_INLINE void put_part_u64(uint64_t *x, int64_t n, vec_u64 part) {
  put_part_f64((double *)(void *)x, n, (vec_f64)part);
}

#endif /* MJX_VECTORS_H */
