/* half_dots.h: matrices of float16 or bfloat16 that are widened as they are read: their lines times
 * a vector of float32s, as dot_lines with one column, or few rows of float32s times them, as
 * dot_thin.  The bits are those of matrices that were widened before; part of dot_kernels.h.
 */
#if VECTOR_BYTES > 16
#if VECTOR_BYTES == 64
typedef __m256i half_words;
#define LOAD_WORDS(x) _mm256_loadu_si256((const __m256i *)(x))
MJX_INLINE vec_f32 widen_bf16(half_words x) {
  return (vec_f32)_mm512_slli_epi32(_mm512_cvtepu16_epi32(x), 16);
}
MJX_INLINE vec_f32 widen_f16(half_words x) { return (vec_f32)_mm512_cvtph_ps(x); }
#else
typedef __m128i half_words;
#define LOAD_WORDS(x) _mm_loadu_si128((const __m128i *)(x))
MJX_INLINE vec_f32 widen_bf16(half_words x) {
  return (vec_f32)_mm256_slli_epi32(_mm256_cvtepu16_epi32(x), 16);
}
MJX_INLINE vec_f32 widen_f16(half_words x) { return (vec_f32)_mm256_cvtph_ps(x); }
#endif

/* The first n elements at x, fewer than a vector's, then zeros. */
MJX_INLINE half_words part_words(const uint16_t *x, int64_t n) {
  uint16_t part[LANES_f32] = {0};
  __builtin_memcpy(part, x, (size_t)n * sizeof *x);
  return LOAD_WORDS(part);
}

#define DEFINE_HALF_LINES(S)                                                                  \
  MJX_INLINE void half_line_dots_##S(int lines, int64_t K, const uint16_t *a, int64_t a_row,  \
                                     const float *b, float *c) {                              \
    vec_f32 sum[2 * LINE_COLUMNS];                                                            \
    for (int j = 0; j < lines; j++) sum[j] = (vec_f32){0};                                    \
    int64_t k = 0;                                                                            \
    for (; k + LANES_f32 <= K; k += LANES_f32) {                                              \
      vec_f32 y = *(const vec_f32 *)(b + k);                                                  \
      for (int j = 0; j < lines; j++) sum[j] += widen_##S(LOAD_WORDS(a + j * a_row + k)) * y; \
    }                                                                                         \
    if (k < K) {                                                                              \
      vec_f32 y = part_f32(b + k, K - k);                                                     \
      for (int j = 0; j < lines; j++)                                                         \
        sum[j] += widen_##S(part_words(a + j * a_row + k, K - k)) * y;                        \
    }                                                                                         \
    int line = 0;                                                                             \
    ADD_UP_BLOCKS(float, f32, lines, sum, c, line)                                            \
    for (int j = line; j < lines; j++) c[j] = tree_f32(sum[j]);                               \
  }                                                                                           \
  static void half_lines_##S(const mjx_dot_args *args) {                                      \
    int64_t M = args->M, K = args->K, a_row = args->a_row, last = M - 2 * LINE_COLUMNS;       \
    for (int64_t batch = 0; batch < args->batches; batch++) {                                 \
      const uint16_t *a = (const uint16_t *)args->a + batch * args->a_batch;                  \
      const float *b = (const float *)args->b + batch * args->b_batch;                        \
      float *c = (float *)args->c + batch * args->c_batch;                                    \
      for (int64_t i = 0; last >= 0 && i < M; i += 2 * LINE_COLUMNS) {                        \
        int64_t at = i < last ? i : last; /* the last block may do some lines again */        \
        half_line_dots_##S(2 * LINE_COLUMNS, K, a + at * a_row, a_row, b, c + at);            \
      }                                                                                       \
      for (int64_t i = 0; last < 0 && i < M; i++)                                             \
        half_line_dots_##S(1, K, a + i * a_row, 0, b, c + i);                                 \
    }                                                                                         \
  }
DEFINE_HALF_LINES(f16)
DEFINE_HALF_LINES(bf16)

/* c += x of `rows` elements times as many rows of b. */
#define DEFINE_HALF_THIN(S)                                                                       \
  MJX_INLINE void add_half_rows_##S(int rows, int64_t N, const float *x, int64_t x_step,          \
                                    const uint16_t *b, int64_t b_row, float *c) {                 \
    float factor[4] = {0};                                                                        \
    for (int r = 0; r < rows; r++) factor[r] = x[r * x_step];                                     \
    int64_t j = 0;                                                                                \
    for (; j + LANES_f32 <= N; j += LANES_f32) {                                                  \
      vec_f32 sum = *(const vec_f32 *)(c + j);                                                    \
      for (int r = 0; r < rows; r++) sum += factor[r] * widen_##S(LOAD_WORDS(b + r * b_row + j)); \
      *(vec_f32 *)(c + j) = sum;                                                                  \
    }                                                                                             \
    for (; j < N; j++)                                                                            \
      for (int r = 0; r < rows; r++) c[j] += factor[r] * mjx_f32_from_##S(b[r * b_row + j]);      \
  }                                                                                               \
  static void half_thin_##S(const mjx_dot_args *args) {                                           \
    int64_t N = args->N, K = args->K, step = args->a_column;                                      \
    for (int64_t batch = 0; batch < args->batches; batch++) {                                     \
      const float *a = (const float *)args->a + batch * args->a_batch;                            \
      const uint16_t *b = (const uint16_t *)args->b + batch * args->b_batch;                      \
      float *c = (float *)args->c + batch * args->c_batch;                                        \
      for (int64_t i = 0; i < args->M; i++)                                                       \
        __builtin_memset(c + i * args->c_row, 0, (size_t)N * sizeof *c);                          \
      for (int64_t k = 0; k < K; k += 4, a += 4 * step, b += 4 * args->b_row)                     \
        for (int64_t i = 0; i < args->M; i++) {                                                   \
          const float *x = a + i * args->a_row;                                                   \
          float *to = c + i * args->c_row;                                                        \
          if (k + 4 <= K)                                                                         \
            add_half_rows_##S(4, N, x, step, b, args->b_row, to);                                 \
          else                                                                                    \
            for (int64_t r = 0; r < K - k; r++)                                                   \
              add_half_rows_##S(1, N, x + r * step, 0, b + r * args->b_row, 0, to);               \
        }                                                                                         \
    }                                                                                             \
  }
DEFINE_HALF_THIN(f16)
DEFINE_HALF_THIN(bf16)
static const mjx_dot_fn half_lines_table[MJX_N_DTYPES] = {[MJX_F16] = half_lines_f16,
                                                          [MJX_BF16] = half_lines_bf16};
static const mjx_dot_fn half_thin_table[MJX_N_DTYPES] = {[MJX_F16] = half_thin_f16,
                                                         [MJX_BF16] = half_thin_bf16};
#else
static const mjx_dot_fn half_thin_table[MJX_N_DTYPES] = {0};
static const mjx_dot_fn half_lines_table[MJX_N_DTYPES] = {0};
#endif
