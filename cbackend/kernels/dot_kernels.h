/* dot_kernels.h: matrix products, included once per instruction set by blocks_impl.h.
 *
 * They serve what is too small for BLAS, types that BLAS does not have, and machines without it.
 * Types of 32 and 64 bits keep a block of ROWS x 2 vectors of c in registers; K is cut into pieces
 * of K_PIECE so that a narrow last panel of b can be padded on the stack.
 */
/* Products contract to fused multiply-adds here, as in every BLAS: faster and more exact. */
#if defined(__clang__)
#pragma clang fp contract(fast)
#elif defined(__GNUC__)
#pragma GCC push_options
#pragma GCC optimize("fp-contract=fast")
#endif

#include "vectors.h"

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
#define LAST_f32(x) (((x)[0] + (x)[2]) + ((x)[1] + (x)[3]))
#define LAST_f64(x) ((x)[0] + (x)[1])
#define LAST_u32    LAST_f32
#define LAST_u64    LAST_f64

enum { ROWS = 4, K_PIECE = MJX_DOT_SEQUENCE, LINE_COLUMNS = 4 };

#define DEFINE_DOT(T, S)                                                                                \
  typedef T vec_##S __attribute__((vector_size(VECTOR_BYTES), aligned(sizeof(T)), may_alias));          \
  enum { LANES_##S = VECTOR_BYTES / sizeof(T) };                                                        \
                                                                                                        \
  /* `rows` rows of c, `vectors` vectors wide; width: how many of the columns exist. */                 \
  MJX_INLINE void panel_##S(int rows, int vectors, int64_t K, const T *a, int64_t a_row,                \
                            int64_t a_column, const T *b, int64_t b_row, T *c, int64_t c_row,           \
                            int64_t width, int add) {                                                   \
    vec_##S sum[ROWS][2];                                                                               \
    for (int r = 0; r < rows; r++)                                                                      \
      for (int v = 0; v < vectors; v++) sum[r][v] = (vec_##S){0};                                       \
    for (int64_t k = 0; k < K; k++) {                                                                   \
      const vec_##S *y = (const vec_##S *)(b + k * b_row);                                              \
      for (int r = 0; r < rows; r++) {                                                                  \
        T x = a[r * a_row + k * a_column];                                                              \
        for (int v = 0; v < vectors; v++) sum[r][v] += x * y[v];                                        \
      }                                                                                                 \
    }                                                                                                   \
    for (int r = 0; r < rows; r++) {                                                                    \
      T *to = c + r * c_row;                                                                            \
      if (width == vectors * LANES_##S) {                                                               \
        vec_##S *out = (vec_##S *)to;                                                                   \
        for (int v = 0; v < vectors; v++) {                                                             \
          if (add) sum[r][v] += out[v];                                                                 \
          out[v] = sum[r][v];                                                                           \
        }                                                                                               \
      } else {                                                                                          \
        for (int64_t j = 0; j < width; j++) {                                                           \
          T value = sum[r][j / LANES_##S][j % LANES_##S];                                               \
          to[j] = add ? to[j] + value : value;                                                          \
        }                                                                                               \
      }                                                                                                 \
    }                                                                                                   \
  }                                                                                                     \
  MJX_INLINE void columns_##S(int vectors, int64_t M, int64_t K, const T *a, int64_t a_row,             \
                              int64_t a_column, const T *b, int64_t b_row, T *c, int64_t c_row,         \
                              int64_t width, int add) {                                                 \
    int64_t i = 0;                                                                                      \
    for (; i + ROWS <= M; i += ROWS)                                                                    \
      panel_##S(ROWS, vectors, K, a + i * a_row, a_row, a_column, b, b_row, c + i * c_row, c_row,       \
                width, add);                                                                            \
    for (; i < M; i++)                                                                                  \
      panel_##S(1, vectors, K, a + i * a_row, a_row, a_column, b, b_row, c + i * c_row, c_row,          \
                width, add);                                                                            \
  }                                                                                                     \
  /* The last, narrow panel: b padded with zeros. */                                                    \
  static void last_columns_##S(int64_t M, int64_t K, const T *a, int64_t a_row, int64_t a_column,       \
                               const T *b, int64_t b_row, T *c, int64_t c_row, int64_t width,           \
                               int add) {                                                               \
    T padded[K_PIECE * LANES_##S];                                                                      \
    for (int64_t k = 0; k < K; k++) {                                                                   \
      T *row = padded + k * LANES_##S;                                                                  \
      for (int64_t j = 0; j < LANES_##S; j++) row[j] = j < width ? b[k * b_row + j] : 0;                \
    }                                                                                                   \
    columns_##S(1, M, K, a, a_row, a_column, padded, LANES_##S, c, c_row, width, add);                  \
  }                                                                                                     \
  static void piece_##S(const mjx_dot_args *args, int64_t first, int64_t K) {                           \
    const T *a = (const T *)args->a + first * args->a_column;                                           \
    const T *b = (const T *)args->b + first * args->b_row;                                              \
    T *c = args->c;                                                                                     \
    int64_t j = 0, N = args->N;                                                                         \
    int add = first > 0;                                                                                \
    for (; j + 2 * LANES_##S <= N; j += 2 * LANES_##S)                                                  \
      columns_##S(2, args->M, K, a, args->a_row, args->a_column, b + j, args->b_row, c + j,             \
                  args->c_row, 2 * LANES_##S, add);                                                     \
    for (; j + LANES_##S <= N; j += LANES_##S)                                                          \
      columns_##S(1, args->M, K, a, args->a_row, args->a_column, b + j, args->b_row, c + j,             \
                  args->c_row, LANES_##S, add);                                                         \
    if (j < N)                                                                                          \
      last_columns_##S(args->M, K, a, args->a_row, args->a_column, b + j, args->b_row, c + j,           \
                       args->c_row, N - j, add);                                                        \
  }                                                                                                     \
  static void dot_##S(const mjx_dot_args *args) {                                                       \
    int64_t k = 0;                                                                                      \
    do { /* once for K == 0 too: c becomes zero */                                                      \
      int64_t piece = args->K - k < K_PIECE ? args->K - k : K_PIECE;                                    \
      piece_##S(args, k, piece);                                                                        \
      k += piece;                                                                                       \
    } while (k < args->K);                                                                              \
  }                                                                                                     \
                                                                                                        \
  /* Few rows: goes over b once, four rows of it at a time, and adds to c in memory.  The \
   * order of each sum is that of one sequence. */             \
  static void dot_thin_##S(const mjx_dot_args *args) {                                                  \
    const T *a = args->a, *b = args->b;                                                                 \
    int64_t M = args->M, N = args->N, K = args->K, k = 0;                                               \
    for (int64_t i = 0; i < M; i++)                                                                     \
      __builtin_memset((T *)args->c + i * args->c_row, 0, (size_t)N * sizeof(T));                       \
    for (; k + 4 <= K; k += 4, a += 4 * args->a_column, b += 4 * args->b_row) {                         \
      const T *restrict b0 = b, *restrict b1 = b + args->b_row;                                         \
      const T *restrict b2 = b1 + args->b_row, *restrict b3 = b2 + args->b_row;                         \
      for (int64_t i = 0; i < M; i++) {                                                                 \
        const T *x = a + i * args->a_row;                                                               \
        T x0 = x[0], x1 = x[args->a_column], x2 = x[2 * args->a_column],                                \
          x3 = x[3 * args->a_column];                                                                   \
        T *restrict c = (T *)args->c + i * args->c_row;                                                 \
        for (int64_t j = 0; j < N; j++)                                                                 \
          c[j] = (((c[j] + x0 * b0[j]) + x1 * b1[j]) + x2 * b2[j]) + x3 * b3[j];                        \
      }                                                                                                 \
    }                                                                                                   \
    for (; k < K; k++, a += args->a_column, b += args->b_row) {                                         \
      for (int64_t i = 0; i < M; i++) {                                                                 \
        T x = a[i * args->a_row], *restrict c = (T *)args->c + i * args->c_row;                         \
        for (int64_t j = 0; j < N; j++) c[j] += x * b[j];                                               \
      }                                                                                                 \
    }                                                                                                   \
  }                                                                                                     \
                                                                                                        \
  typedef T half_32_##S __attribute__((vector_size(VECTOR_BYTES < 32 ? 16 : 32), may_alias));           \
  typedef T half_16_##S __attribute__((vector_size(16), may_alias));                                    \
  MJX_INLINE T tree_##S(vec_##S sums) {                                                                 \
    FOLD_TO_32(S, 32, sums, middle);                                                                    \
    FOLD_TO_16(S, 16, middle, least);                                                                   \
    return LAST_##S(least);                                                                             \
  }                                                                                                     \
  MJX_INLINE void line_dots_##S(int columns, int64_t K, const T *a, const T *b, int64_t b_row,          \
                                T *c) {                                                                 \
    vec_##S sum[2 * LINE_COLUMNS];                                                                      \
    for (int j = 0; j < columns; j++) sum[j] = (vec_##S){0};                                            \
    int64_t k = 0;                                                                                      \
    for (; k + LANES_##S <= K; k += LANES_##S) {                                                        \
      vec_##S x = *(const vec_##S *)(a + k);                                                            \
      for (int j = 0; j < columns; j++) sum[j] += x * *(const vec_##S *)(b + j * b_row + k);            \
    }                                                                                                   \
    for (int j = 0; j < columns; j++) {                                                                 \
      if (k < K) {                                                                                      \
        T lanes[LANES_##S];                                                                             \
        __builtin_memcpy(lanes, &sum[j], sizeof lanes);                                                 \
        for (int64_t l = k; l < K; l++) lanes[l - k] += a[l] * b[j * b_row + l];                        \
        __builtin_memcpy(&sum[j], lanes, sizeof lanes);                                                 \
      }                                                                                                 \
      c[j] = tree_##S(sum[j]);                                                                          \
    }                                                                                                   \
  }                                                                                                     \
  /* A matrix times a vector: several of its rows at once, whose sums then do not wait for each       \
   * other. */ \
  static void vector_dots_##S(const mjx_dot_args *args) {                                               \
    const T *a = args->a;                                                                               \
    T *c = args->c;                                                                                     \
    int64_t i = 0;                                                                                      \
    for (; i + 2 * LINE_COLUMNS <= args->M; i += 2 * LINE_COLUMNS)                                      \
      line_dots_##S(2 * LINE_COLUMNS, args->K, args->b, a + i * args->a_row, args->a_row, c + i);       \
    for (; i < args->M; i++)                                                                            \
      line_dots_##S(1, args->K, args->b, a + i * args->a_row, args->a_row, c + i);                      \
  }                                                                                                     \
  static void dot_lines_##S(const mjx_dot_args *args) {                                                 \
    if (args->N == 1 && args->c_row == 1) {                                                             \
      vector_dots_##S(args);                                                                            \
      return;                                                                                           \
    }                                                                                                   \
    for (int64_t i = 0; i < args->M; i++) {                                                             \
      const T *a = (const T *)args->a + i * args->a_row, *b = args->b;                                  \
      T *c = (T *)args->c + i * args->c_row;                                                            \
      int64_t j = 0;                                                                                    \
      for (; j + LINE_COLUMNS <= args->N; j += LINE_COLUMNS)                                            \
        line_dots_##S(LINE_COLUMNS, args->K, a, b + j * args->b_row, args->b_row, c + j);               \
      for (; j < args->N; j++)                                                                          \
        line_dots_##S(1, args->K, a, b + j * args->b_row, args->b_row, c + j);                          \
    }                                                                                                   \
  }

DEFINE_DOT(float, f32)
DEFINE_DOT(double, f64)
DEFINE_DOT(uint32_t, u32)
DEFINE_DOT(uint64_t, u64)

/* ---- types without register blocks: rows of c are accumulated in memory ---- */

#define DEFINE_PLAIN_DOT(S, MUL_ADD)                                                \
  static void dot_##S(const mjx_dot_args *args) {                                   \
    for (int64_t i = 0; i < args->M; i++) {                                         \
      const mjx_t_##S *a = (const mjx_t_##S *)args->a + i * args->a_row;            \
      mjx_t_##S *restrict c = (mjx_t_##S *)args->c + i * args->c_row;               \
      __builtin_memset(c, 0, (size_t)args->N * sizeof *c);                          \
      for (int64_t k = 0; k < args->K; k++) {                                       \
        const mjx_t_##S x = a[k * args->a_column];                                  \
        const mjx_t_##S *restrict b = (const mjx_t_##S *)args->b + k * args->b_row; \
        for (int64_t j = 0; j < args->N; j++) MUL_ADD(c[j], x, b[j]);               \
      }                                                                             \
    }                                                                               \
  }
#define MUL_ADD_INT(c, x, y)  (c) = (__typeof__(c))((c) + (uint64_t)(x) * (y))
#define MUL_ADD_BOOL(c, x, y) (c) = (c) | ((x) & (y))
#define MUL_ADD_COMPLEX(c, x, y)                 \
  do {                                           \
    (c).re += (x).re * (y).re - (x).im * (y).im; \
    (c).im += (x).re * (y).im + (x).im * (y).re; \
  } while (0)

DEFINE_PLAIN_DOT(b1, MUL_ADD_BOOL)
DEFINE_PLAIN_DOT(u8, MUL_ADD_INT)
DEFINE_PLAIN_DOT(u16, MUL_ADD_INT)
DEFINE_PLAIN_DOT(c64, MUL_ADD_COMPLEX)
DEFINE_PLAIN_DOT(c128, MUL_ADD_COMPLEX)

static const mjx_dot_fn dot_table[MJX_N_DTYPES] = {
    [MJX_BOOL] = dot_b1,   [MJX_I8] = dot_u8,   [MJX_I16] = dot_u16, [MJX_I32] = dot_u32,
    [MJX_I64] = dot_u64,   [MJX_U8] = dot_u8,   [MJX_U16] = dot_u16, [MJX_U32] = dot_u32,
    [MJX_U64] = dot_u64,   [MJX_F32] = dot_f32, [MJX_F64] = dot_f64, [MJX_C64] = dot_c64,
    [MJX_C128] = dot_c128,
};
static const mjx_dot_fn dot_lines_table[MJX_N_DTYPES] = {
    [MJX_I32] = dot_lines_u32, [MJX_U32] = dot_lines_u32, [MJX_I64] = dot_lines_u64,
    [MJX_U64] = dot_lines_u64, [MJX_F32] = dot_lines_f32, [MJX_F64] = dot_lines_f64,
};
static const mjx_dot_fn dot_thin_table[MJX_N_DTYPES] = {
    [MJX_I32] = dot_thin_u32, [MJX_U32] = dot_thin_u32, [MJX_I64] = dot_thin_u64,
    [MJX_U64] = dot_thin_u64, [MJX_F32] = dot_thin_f32, [MJX_F64] = dot_thin_f64,
};

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC pop_options
#endif
