/* line_sums.h: the sums of several lines' lanes at once, as one vector; part of dot_kernels.h.
 *
 * Halves of a vector are added until one lane is left, as tree_S does it line by line: so the bits
 * are the same.  Two lines share each step, LINE_BLOCK of them end in one vector.
 */
#if VECTOR_BYTES > 16
#define LINE_BLOCK(T) (32 / (int)sizeof(T))
typedef int32_t places8 __attribute__((vector_size(32)));
typedef int64_t places4 __attribute__((vector_size(32)));

#define DEFINE_ADD_UP_8(S)                                                       \
  MJX_INLINE half_32_##S add_up_##S(half_32_##S *v) {                            \
    for (int k = 0; k < 4; k++)                                                  \
      v[k] = SHUFFLE_LANES(places8, v[k], v[k + 4], 0, 1, 2, 3, 8, 9, 10, 11) +  \
             SHUFFLE_LANES(places8, v[k], v[k + 4], 4, 5, 6, 7, 12, 13, 14, 15); \
    for (int k = 0; k < 2; k++)                                                  \
      v[k] = SHUFFLE_LANES(places8, v[k], v[k + 2], 0, 1, 8, 9, 4, 5, 12, 13) +  \
             SHUFFLE_LANES(places8, v[k], v[k + 2], 2, 3, 10, 11, 6, 7, 14, 15); \
    return SHUFFLE_LANES(places8, v[0], v[1], 0, 8, 2, 10, 4, 12, 6, 14) +       \
           SHUFFLE_LANES(places8, v[0], v[1], 1, 9, 3, 11, 5, 13, 7, 15);        \
  }
#define DEFINE_ADD_UP_4(S)                                        \
  MJX_INLINE half_32_##S add_up_##S(half_32_##S *v) {             \
    for (int k = 0; k < 2; k++)                                   \
      v[k] = SHUFFLE_LANES(places4, v[k], v[k + 2], 0, 1, 4, 5) + \
             SHUFFLE_LANES(places4, v[k], v[k + 2], 2, 3, 6, 7);  \
    return SHUFFLE_LANES(places4, v[0], v[1], 0, 4, 2, 6) +       \
           SHUFFLE_LANES(places4, v[0], v[1], 1, 5, 3, 7);        \
  }
DEFINE_ADD_UP_8(f32)
DEFINE_ADD_UP_8(u32)
DEFINE_ADD_UP_4(f64)
DEFINE_ADD_UP_4(u64)

/* c[j] of as many of the `lines` as are blocks; j is where the rest begins. */
#define ADD_UP_BLOCKS(T, S, lines, sum, c, j)              \
  for (; j + LINE_BLOCK(T) <= lines; j += LINE_BLOCK(T)) { \
    half_32_##S halves[LINE_BLOCK(T)];                     \
    for (int l = 0; l < LINE_BLOCK(T); l++) {              \
      FOLD_TO_32(S, 32, sum[j + l], half);                 \
      halves[l] = half;                                    \
    }                                                      \
    half_32_##S added = add_up_##S(halves);                \
    __builtin_memcpy((c) + j, &added, sizeof added);       \
  }
#else
#define ADD_UP_BLOCKS(T, S, lines, sum, c, j)
#endif

/* Lines that half a vector holds: the other half would be zeros, of which +0 comes to the sum. */
#if VECTOR_BYTES == 64
#define SHORT_LANES(S) (LANES_##S / 2)
MJX_INLINE half_32_f32 half_f32(const float *x, int64_t n) {
  return (half_32_f32)_mm256_maskz_loadu_ps((__mmask8)((1u << n) - 1), x);
}
MJX_INLINE half_32_f64 half_f64(const double *x, int64_t n) {
  return (half_32_f64)_mm256_maskz_loadu_pd((__mmask8)((1u << n) - 1), x);
}
MJX_INLINE half_32_u32 half_u32(const uint32_t *x, int64_t n) {
  return (half_32_u32)half_f32((const float *)(const void *)x, n);
}
MJX_INLINE half_32_u64 half_u64(const uint64_t *x, int64_t n) {
  return (half_32_u64)half_f64((const double *)(const void *)x, n);
}
#define DEFINE_SHORT_BLOCK(T, S)                                                                   \
  MJX_INLINE void short_block_##S(int64_t K, const T *a, int64_t a_row, const T *b, int64_t b_row, \
                                  T *c) {                                                          \
    for (int j = 0; j < 8; j += LINE_BLOCK(T)) {                                                   \
      half_32_##S v[LINE_BLOCK(T)];                                                                \
      for (int l = 0; l < LINE_BLOCK(T); l++)                                                      \
        v[l] = half_##S(a + (j + l) * a_row, K) * half_##S(b + (j + l) * b_row, K);                \
      half_32_##S added = add_up_##S(v) + (T)0;                                                    \
      __builtin_memcpy(c + j, &added, sizeof added);                                               \
    }                                                                                              \
  }
#else
#define SHORT_LANES(S) 0
#define DEFINE_SHORT_BLOCK(T, S)                                                                   \
  MJX_INLINE void short_block_##S(int64_t K, const T *a, int64_t a_row, const T *b, int64_t b_row, \
                                  T *c) {                                                          \
    (void)K, (void)a, (void)a_row, (void)b, (void)b_row, (void)c;                                  \
  }
#endif
DEFINE_SHORT_BLOCK(float, f32)
DEFINE_SHORT_BLOCK(double, f64)
DEFINE_SHORT_BLOCK(uint32_t, u32)
DEFINE_SHORT_BLOCK(uint64_t, u64)
