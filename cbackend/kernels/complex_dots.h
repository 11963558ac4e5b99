/* complex_dots.h: complex matrices times vectors, and few rows times matrices; part of
 * dot_kernels.h.  Real and imaginary parts stay side by side: one sum is of the products of equal
 * parts, whose odd lanes count negative in the end, the other of those of unequal ones.
 */
#if VECTOR_BYTES == 64
#define SWAP_f32 1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14
#define SWAP_f64 1, 0, 3, 2, 5, 4, 7, 6
#elif VECTOR_BYTES == 32
#define SWAP_f32 1, 0, 3, 2, 5, 4, 7, 6
#define SWAP_f64 1, 0, 3, 2
#else
#define SWAP_f32 1, 0, 3, 2
#define SWAP_f64 1, 0
#endif
#if defined(__clang__)
#define SWAP_PARTS(v, U, S) __builtin_shufflevector(v, v, SWAP_##S)
#else
#define SWAP_PARTS(v, U, S) __builtin_shuffle(v, (vec_##U){SWAP_##S})
#endif

/* C: complex, T: its parts, U: integers of their size. */
#define DEFINE_COMPLEX_DOTS(C, T, S, U)                                                          \
  MJX_INLINE void complex_lines_##C(int lines, int64_t K, const T *a, int64_t a_row, const T *b, \
                                    int64_t b_line, mjx_t_##C *c, int64_t c_row) {               \
    vec_##S same[LINE_COLUMNS], other[LINE_COLUMNS];                                             \
    for (int j = 0; j < lines; j++) same[j] = other[j] = (vec_##S){0};                           \
    for (int64_t k = 0; k < 2 * K; k += LANES_##S) {                                             \
      int64_t left = 2 * K - k;                                                                  \
      for (int j = 0; j < lines; j++) {                                                          \
        const T *x_at = a + j * a_row + k, *y_at = b + j * b_line + k;                           \
        vec_##S x = left < LANES_##S ? part_##S(x_at, left) : *(const vec_##S *)x_at;            \
        vec_##S y = left < LANES_##S ? part_##S(y_at, left) : *(const vec_##S *)y_at;            \
        same[j] += x * y;                                                                        \
        other[j] += x * SWAP_PARTS(y, U, S);                                                     \
      }                                                                                          \
    }                                                                                            \
    vec_##U sign = {0};                                                                          \
    for (int l = 1; l < LANES_##S; l += 2)                                                       \
      sign[l] = (__typeof__(sign[0]))1 << (8 * sizeof(T) - 1);                                   \
    for (int j = 0; j < lines; j++) {                                                            \
      c[j * c_row].re = tree_##S((vec_##S)((vec_##U)same[j] ^ sign));                            \
      c[j * c_row].im = tree_##S(other[j]);                                                      \
    }                                                                                            \
  }                                                                                              \
  static void one_dot_lines_##C(const mjx_dot_args *args) {                                      \
    int turned = args->M == 1; /* the lines of b, each times a */                                \
    int64_t M = turned ? args->N : args->M, N = turned ? 1 : args->N;                            \
    const T *a = turned ? args->b : args->a, *b = turned ? args->a : args->b;                    \
    int64_t a_row = 2 * (turned ? args->b_row : args->a_row), b_row = 2 * args->b_row;           \
    int64_t c_row = turned ? 1 : args->c_row, b_line = turned ? 0 : 2 * args->b_line;            \
    for (int64_t j = 0; j < N; j++) {                                                            \
      const T *y = b + j * b_row;                                                                \
      mjx_t_##C *c = (mjx_t_##C *)args->c + j;                                                   \
      int64_t i = 0;                                                                             \
      for (; i + LINE_COLUMNS <= M; i += LINE_COLUMNS)                                           \
        complex_lines_##C(LINE_COLUMNS, args->K, a + i * a_row, a_row, y + i * b_line, b_line,   \
                          c + i * c_row, c_row);                                                 \
      for (; i < M; i++)                                                                         \
        complex_lines_##C(1, args->K, a + i * a_row, 0, y + i * b_line, 0, c + i * c_row, 0);    \
    }                                                                                            \
  }                                                                                              \
  DEFINE_BATCHES(dot_lines_##C, mjx_t_##C)
DEFINE_COMPLEX_DOTS(c64, float, f32, u32)
DEFINE_COMPLEX_DOTS(c128, double, f64, u64)
