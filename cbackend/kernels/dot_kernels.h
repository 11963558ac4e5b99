/* dot_kernels.h: matrix products, included once per instruction set by blocks_impl.h.
 *
 * They serve what is too small for BLAS, types that BLAS does not have, machines without it, and
 * what `own_is_faster` (op_dot.c) says of f32 and f64.
 * Types of 32 and 64 bits keep a block of c in registers: dot_blocks.h.
 */
#include "vectors.h"

#include "contract_on.h"

/* one_name, for each of the batches. */
#define DEFINE_BATCHES(name, T)                            \
  static void name(const mjx_dot_args *args) {             \
    mjx_dot_args of = *args;                               \
    for (int64_t left = args->batches; left > 0; left--) { \
      one_##name(&of);                                     \
      of.a = (const T *)of.a + of.a_batch;                 \
      of.b = (const T *)of.b + of.b_batch;                 \
      of.c = (T *)of.c + of.c_batch;                       \
    }                                                      \
  }

#include "line_sums.h"

#include "dot_blocks.h"

enum { LINE_COLUMNS = 4, LINE_ROWS = VECTOR_BYTES == 64 ? 4 : 2 };

#define DEFINE_DOT(T, S, WORD, W)                                                                        \
  DEFINE_DOT_BLOCKS(T, S, WORD, W)                                                                       \
  /* Few rows: goes over b once, four rows of it at a time, and adds to c in memory.  The \
   * order of each sum is that of one sequence. */              \
  static void one_dot_thin_##S(const mjx_dot_args *args) {                                               \
    const T *a = args->a, *b = args->b;                                                                  \
    int64_t M = args->M, N = args->N, K = args->K, k = 0;                                                \
    for (int64_t i = 0; i < M; i++)                                                                      \
      __builtin_memset((T *)args->c + i * args->c_row, 0, (size_t)N * sizeof(T));                        \
    for (; k + 4 <= K; k += 4, a += 4 * args->a_column, b += 4 * args->b_row) {                          \
      const T *restrict b0 = b, *restrict b1 = b + args->b_row;                                          \
      const T *restrict b2 = b1 + args->b_row, *restrict b3 = b2 + args->b_row;                          \
      for (int64_t i = 0; i < M; i++) {                                                                  \
        const T *x = a + i * args->a_row;                                                                \
        T x0 = x[0], x1 = x[args->a_column], x2 = x[2 * args->a_column],                                 \
          x3 = x[3 * args->a_column];                                                                    \
        T *restrict c = (T *)args->c + i * args->c_row;                                                  \
        for (int64_t j = 0; j < N; j++)                                                                  \
          c[j] = (((c[j] + x0 * b0[j]) + x1 * b1[j]) + x2 * b2[j]) + x3 * b3[j];                         \
      }                                                                                                  \
    }                                                                                                    \
    for (; k < K; k++, a += args->a_column, b += args->b_row) {                                          \
      for (int64_t i = 0; i < M; i++) {                                                                  \
        T x = a[i * args->a_row], *restrict c = (T *)args->c + i * args->c_row;                          \
        for (int64_t j = 0; j < N; j++) c[j] += x * b[j];                                                \
      }                                                                                                  \
    }                                                                                                    \
  }                                                                                                      \
                                                                                                         \
  /* c[j] = the product of line j of a and line j of b; a_row is 0 where there is one of a. */           \
  MJX_INLINE void line_dots_##S(int lines, int64_t K, const T *a, int64_t a_row, const T *b,             \
                                int64_t b_row, T *c) {                                                   \
    vec_##S sum[2 * LINE_COLUMNS];                                                                       \
    for (int j = 0; j < lines; j++) sum[j] = (vec_##S){0};                                               \
    int64_t k = 0;                                                                                       \
    for (; k + LANES_##S <= K; k += LANES_##S) {                                                         \
      for (int j = 0; j < lines; j++)                                                                    \
        sum[j] += *(const vec_##S *)(a + j * a_row + k) * *(const vec_##S *)(b + j * b_row + k);         \
    }                                                                                                    \
    if (k < K) { /* zeros are added to the lanes after */                                                \
      for (int j = 0; j < lines; j++)                                                                    \
        sum[j] += part_##S(a + j * a_row + k, K - k) * part_##S(b + j * b_row + k, K - k);               \
    }                                                                                                    \
    int line = 0;                                                                                        \
    ADD_UP_BLOCKS(T, S, lines, sum, c, line)                                                             \
    for (int j = line; j < lines; j++) c[j] = tree_##S(sum[j]);                                          \
  }                                                                                                      \
  /* `rows` lines of a, each times `columns` lines of b: what is loaded serves several products, whose \
   * sums do not wait for each other. */ \
  MJX_INLINE void tile_of_lines_##S(const int rows, const int columns, int64_t K, const T *a,            \
                                    int64_t a_row, const T *b, int64_t b_row, T *c,                      \
                                    int64_t c_row) {                                                     \
    vec_##S sum[4 * LINE_COLUMNS];                                                                       \
    T sums[4 * LINE_COLUMNS];                                                                            \
    int64_t k = 0;                                                                                       \
    for (int j = 0; j < rows * columns; j++) sum[j] = (vec_##S){0};                                      \
    for (; k + LANES_##S <= K; k += LANES_##S) {                                                         \
      for (int i = 0; i < rows; i++)                                                                     \
        for (int j = 0; j < columns; j++)                                                                \
          sum[i * columns + j] +=                                                                        \
              *(const vec_##S *)(a + i * a_row + k) * *(const vec_##S *)(b + j * b_row + k);             \
    }                                                                                                    \
    if (k < K) {                                                                                         \
      for (int i = 0; i < rows; i++)                                                                     \
        for (int j = 0; j < columns; j++)                                                                \
          sum[i * columns + j] +=                                                                        \
              part_##S(a + i * a_row + k, K - k) * part_##S(b + j * b_row + k, K - k);                   \
    }                                                                                                    \
    int line = 0;                                                                                        \
    ADD_UP_BLOCKS(T, S, rows * columns, sum, sums, line)                                                 \
    for (int j = line; j < rows * columns; j++) sums[j] = tree_##S(sum[j]);                              \
    for (int i = 0; i < rows; i++)                                                                       \
      for (int j = 0; j < columns; j++) c[i * c_row + j] = sums[i * columns + j];                        \
  }                                                                                                      \
  /* All lines of a, `columns` of b. */                                                                  \
  MJX_INLINE void columns_of_lines_##S(const int columns, const mjx_dot_args *args, int64_t j) {         \
    const T *a = args->a, *b = (const T *)args->b + j * args->b_row;                                     \
    T *c = (T *)args->c + j;                                                                             \
    int64_t i = 0, K = args->K, a_row = args->a_row, b_row = args->b_row, c_row = args->c_row;           \
    for (; i + LINE_ROWS <= args->M; i += LINE_ROWS)                                                     \
      tile_of_lines_##S(LINE_ROWS, columns, K, a + i * a_row, a_row, b, b_row, c + i * c_row,            \
                        c_row);                                                                          \
    for (; i < args->M; i++)                                                                             \
      tile_of_lines_##S(1, columns, K, a + i * a_row, a_row, b, b_row, c + i * c_row, c_row);            \
  }                                                                                                      \
  static MJX_FN void four_columns_##S(const mjx_dot_args *args, int64_t j) {                             \
    columns_of_lines_##S(4, args, j);                                                                    \
  }                                                                                                      \
  static MJX_FN void two_columns_##S(const mjx_dot_args *args, int64_t j) {                              \
    columns_of_lines_##S(2, args, j);                                                                    \
  }                                                                                                      \
  static MJX_FN void one_column_##S(const mjx_dot_args *args, int64_t j) {                               \
    columns_of_lines_##S(1, args, j);                                                                    \
  }                                                                                                      \
  /* A matrix times a vector, or each of its rows times its own: several at once, whose sums then \
   * do not wait for each other; the last of these may do some lines again. */      \
  MJX_INLINE void block_dots_##S(int64_t M, int64_t K, const T *a, int64_t a_row, const T *b,            \
                                 int64_t b_line, T *c) {                                                 \
    for (int64_t i = 0, last = M - 2 * LINE_COLUMNS; i < M; i += 2 * LINE_COLUMNS) {                     \
      int64_t at = i < last ? i : last;                                                                  \
      line_dots_##S(2 * LINE_COLUMNS, K, b + at * b_line, b_line, a + at * a_row, a_row, c + at);        \
    }                                                                                                    \
  }                                                                                                      \
  static MJX_FN void with_own_##S(int64_t M, int64_t K, const T *a, int64_t a_row, const T *b,           \
                                  int64_t b_line, T *c) {                                                \
    block_dots_##S(M, K, a, a_row, b, b_line, c);                                                        \
  }                                                                                                      \
  static MJX_FN void with_one_##S(int64_t M, int64_t K, const T *a, int64_t a_row, const T *b,           \
                                  T *c) {                                                                \
    block_dots_##S(M, K, a, a_row, b, 0, c);                                                             \
  }                                                                                                      \
  static MJX_FN void with_short_##S(int64_t M, int64_t K, const T *a, int64_t a_row, const T *b,         \
                                    int64_t b_line, T *c) {                                              \
    for (int64_t i = 0, last = M - 2 * LINE_COLUMNS; i < M; i += 2 * LINE_COLUMNS) {                     \
      int64_t at = i < last ? i : last;                                                                  \
      short_block_##S(K, a + at * a_row, a_row, b + at * b_line, b_line, c + at);                        \
    }                                                                                                    \
  }                                                                                                      \
  /* Fewer than several. */                                                                              \
  static MJX_FN void few_lines_##S(int64_t lines, int64_t K, const T *a, int64_t a_row,                  \
                                   const T *b, int64_t b_line, T *c) {                                   \
    if (lines >= LINE_COLUMNS) {                                                                         \
      line_dots_##S(LINE_COLUMNS, K, a, a_row, b, b_line, c);                                            \
      a += LINE_COLUMNS * a_row, b += LINE_COLUMNS * b_line, c += LINE_COLUMNS;                          \
      lines -= LINE_COLUMNS;                                                                             \
    }                                                                                                    \
    if (lines >= 2) {                                                                                    \
      line_dots_##S(2, K, a, a_row, b, b_line, c);                                                       \
      a += 2 * a_row, b += 2 * b_line, c += 2;                                                           \
      lines -= 2;                                                                                        \
    }                                                                                                    \
    if (lines) line_dots_##S(1, K, a, 0, b, 0, c);                                                       \
  }                                                                                                      \
  static void vector_dots_##S(const mjx_dot_args *args) {                                                \
    const T *a = args->a, *b = args->b;                                                                  \
    T *c = args->c;                                                                                      \
    int64_t M = args->M, K = args->K, a_row = args->a_row, b_line = args->b_line;                        \
    if (M < 2 * LINE_COLUMNS)                                                                            \
      few_lines_##S(M, K, a, a_row, b, b_line, c);                                                       \
    else if (K <= SHORT_LANES(S))                                                                        \
      with_short_##S(M, K, a, a_row, b, b_line, c);                                                      \
    else if (b_line)                                                                                     \
      with_own_##S(M, K, a, a_row, b, b_line, c);                                                        \
    else                                                                                                 \
      with_one_##S(M, K, a, a_row, b, c);                                                                \
  }                                                                                                      \
  static void one_dot_lines_##S(const mjx_dot_args *args) {                                              \
    if (args->N == 1 && args->c_row == 1) {                                                              \
      vector_dots_##S(args);                                                                             \
      return;                                                                                            \
    }                                                                                                    \
    if (args->M == 1) { /* the lines of b, each times a */                                               \
      const mjx_dot_args turned = {.M = args->N,                                                         \
                                   .N = 1,                                                               \
                                   .K = args->K,                                                         \
                                   .a = args->b,                                                         \
                                   .a_row = args->b_row,                                                 \
                                   .b = args->a,                                                         \
                                   .c = args->c};                                                        \
      vector_dots_##S(&turned);                                                                          \
      return;                                                                                            \
    }                                                                                                    \
    int64_t j = 0;                                                                                       \
    for (; j + 4 <= args->N; j += 4) four_columns_##S(args, j);                                          \
    for (; j + 2 <= args->N; j += 2) two_columns_##S(args, j);                                           \
    for (; j < args->N; j++) one_column_##S(args, j);                                                    \
  }                                                                                                      \
  DEFINE_BATCHES(dot_##S, T)                                                                             \
  DEFINE_BATCHES(dot_thin_##S, T)                                                                        \
  DEFINE_BATCHES(dot_lines_##S, T)

DEFINE_DOT(float, f32, uint32_t, u32)
DEFINE_DOT(double, f64, uint64_t, u64)
DEFINE_DOT(uint32_t, u32, uint32_t, u32)
DEFINE_DOT(uint64_t, u64, uint64_t, u64)

/* ---- types without register blocks: rows of c are accumulated in memory ---- */

#define DEFINE_PLAIN_DOT(S, MUL_ADD)                                                \
  static void one_dot_##S(const mjx_dot_args *args) {                               \
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
  }                                                                                 \
  DEFINE_BATCHES(dot_##S, mjx_t_##S)
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

#include "complex_dots.h"

static const mjx_dot_fn dot_table[MJX_N_DTYPES] = {
    [MJX_BOOL] = dot_b1,   [MJX_I8] = dot_u8,   [MJX_I16] = dot_u16, [MJX_I32] = dot_u32,
    [MJX_I64] = dot_u64,   [MJX_U8] = dot_u8,   [MJX_U16] = dot_u16, [MJX_U32] = dot_u32,
    [MJX_U64] = dot_u64,   [MJX_F32] = dot_f32, [MJX_F64] = dot_f64, [MJX_C64] = dot_c64,
    [MJX_C128] = dot_c128,
};
static const mjx_dot_fn dot_lines_table[MJX_N_DTYPES] = {
    [MJX_I32] = dot_lines_u32, [MJX_U32] = dot_lines_u32,   [MJX_I64] = dot_lines_u64,
    [MJX_U64] = dot_lines_u64, [MJX_F32] = dot_lines_f32,   [MJX_F64] = dot_lines_f64,
    [MJX_C64] = dot_lines_c64, [MJX_C128] = dot_lines_c128,
};
static const mjx_dot_fn dot_thin_table[MJX_N_DTYPES] = {
    [MJX_I32] = dot_thin_u32, [MJX_U32] = dot_thin_u32, [MJX_I64] = dot_thin_u64,
    [MJX_U64] = dot_thin_u64, [MJX_F32] = dot_thin_f32, [MJX_F64] = dot_thin_f64,
};

#include "half_dots.h"

#include "contract_off.h"
