/* dot_kernels.h: matrix products, included once per instruction set by blocks_impl.h.
 *
 * They serve what is too small for BLAS, types that BLAS does not have, machines without it, and
 * what `own_is_faster` (op_dot.c) says of f32 and f64.
 * Types of 32 and 64 bits keep a block of ROWS x 2 vectors of c in registers; K is cut into pieces
 * of K_PIECE so that a narrow last panel of b can be padded on the stack.
 */
#include "vectors.h"

#include "contract_on.h"

/* ROWS x 2 sums, 2 vectors of b and an element of a: as many as there are registers. */
enum {
  ROWS = VECTOR_BYTES == 64 ? 12
  : VECTOR_BYTES == 32      ? 6
                            : 4,
  FEW_ROWS = VECTOR_BYTES == 32 ? 2 : 4,
  K_PIECE = MJX_DOT_SEQUENCE,
  LONG_K = 64,
  LINE_COLUMNS = 4,
  PACK_ROWS = 32,  /* least of a, so that to copy a panel of b pays */
  FAR_BYTES = 2048 /* so far apart, rows of b share few places of the cache: they are copied */
};

/* Unrolled, so that the sums are registers. */
#define EACH_ROW _Pragma("GCC unroll 12") for (int r = 0; r < rows; r++)

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

#define DEFINE_DOT(T, S)                                                                              \
  /* `rows` rows of c, `vectors` vectors wide; width: how many of the columns exist.  is_part: they \
   * are fewer than a vector's, and nothing after them is read. */ \
  MJX_INLINE void panel_##S(int rows, int vectors, int64_t K, const T *a, int64_t a_row,              \
                            int64_t a_column, const T *b, int64_t b_row, T *c, int64_t c_row,         \
                            int64_t width, int add, int is_part) {                                    \
    vec_##S sum[ROWS][2];                                                                             \
    EACH_ROW sum[r][0] = sum[r][1] = (vec_##S){0};                                                    \
    if (K >= LONG_K) EACH_ROW { /* c is on its way while the sums are made */                         \
        __builtin_prefetch(c + r * c_row, 1);                                                         \
        __builtin_prefetch(c + r * c_row + LANES_##S, 1);                                             \
      }                                                                                               \
    for (int64_t k = 0; k < K; k++) {                                                                 \
      const vec_##S *y = (const vec_##S *)(b + k * b_row);                                            \
      const vec_##S y0 = is_part ? part_##S(b + k * b_row, width) : y[0];                             \
      const vec_##S y1 = vectors > 1 ? y[1] : y0;                                                     \
      EACH_ROW {                                                                                      \
        T x = a[r * a_row + k * a_column];                                                            \
        sum[r][0] += x * y0;                                                                          \
        if (vectors > 1) sum[r][1] += x * y1;                                                         \
      }                                                                                               \
    }                                                                                                 \
    EACH_ROW {                                                                                        \
      T *to = c + r * c_row;                                                                          \
      if (width == vectors * LANES_##S) {                                                             \
        vec_##S *out = (vec_##S *)to;                                                                 \
        for (int v = 0; v < vectors; v++) {                                                           \
          if (add) sum[r][v] += out[v];                                                               \
          out[v] = sum[r][v];                                                                         \
        }                                                                                             \
      } else {                                                                                        \
        if (add) sum[r][0] += part_##S(to, width);                                                    \
        put_part_##S(to, width, sum[r][0]);                                                           \
      }                                                                                               \
    }                                                                                                 \
  }                                                                                                   \
  MJX_INLINE void columns_##S(int vectors, int64_t M, int64_t K, const T *a, int64_t a_row,           \
                              int64_t a_column, const T *b, int64_t b_row, T *c, int64_t c_row,       \
                              int64_t width, int add, int is_part) {                                  \
    int64_t i = 0;                                                                                    \
    for (; i + ROWS <= M; i += ROWS)                                                                  \
      panel_##S(ROWS, vectors, K, a + i * a_row, a_row, a_column, b, b_row, c + i * c_row, c_row,     \
                width, add, is_part);                                                                 \
    for (; ROWS > FEW_ROWS && i + FEW_ROWS <= M; i += FEW_ROWS)                                       \
      panel_##S(FEW_ROWS, vectors, K, a + i * a_row, a_row, a_column, b, b_row, c + i * c_row,        \
                c_row, width, add, is_part);                                                          \
    for (; i < M; i++)                                                                                \
      panel_##S(1, vectors, K, a + i * a_row, a_row, a_column, b, b_row, c + i * c_row, c_row,        \
                width, add, is_part);                                                                 \
  }                                                                                                   \
  /* A whole panel of b, side by side: so that its rows do not lie in a page each. */                 \
  MJX_INLINE void pack_panel_##S(int64_t K, const T *b, int64_t b_row, T *packed) {                   \
    for (int64_t k = 0; k < K; k++) {                                                                 \
      const vec_##S *from = (const vec_##S *)(b + k * b_row);                                         \
      vec_##S *to = (vec_##S *)(packed + k * 2 * LANES_##S);                                          \
      to[0] = from[0];                                                                                \
      to[1] = from[1];                                                                                \
    }                                                                                                 \
  }                                                                                                   \
  /* The last, narrow panel: for many rows of a, b is padded with zeros. */                           \
  static void last_columns_##S(int64_t M, int64_t K, const T *a, int64_t a_row, int64_t a_column,     \
                               const T *b, int64_t b_row, T *c, int64_t c_row, int64_t width,         \
                               int add) {                                                             \
    if (VECTOR_BYTES > 16 && M <= 2 * ROWS) {                                                         \
      columns_##S(1, M, K, a, a_row, a_column, b, b_row, c, c_row, width, add, 1);                    \
      return;                                                                                         \
    }                                                                                                 \
    T padded[K_PIECE * LANES_##S];                                                                    \
    for (int64_t k = 0; k < K; k++) {                                                                 \
      T *row = padded + k * LANES_##S;                                                                \
      for (int64_t j = 0; j < LANES_##S; j++) row[j] = j < width ? b[k * b_row + j] : 0;              \
    }                                                                                                 \
    columns_##S(1, M, K, a, a_row, a_column, padded, LANES_##S, c, c_row, width, add, 0);             \
  }                                                                                                   \
  static void piece_##S(const mjx_dot_args *args, int64_t first, int64_t K) {                         \
    const T *a = (const T *)args->a + first * args->a_column;                                         \
    const T *b = (const T *)args->b + first * args->b_row;                                            \
    T *c = args->c;                                                                                   \
    int64_t j = 0, N = args->N;                                                                       \
    int add = first > 0;                                                                              \
    int far = args->M >= PACK_ROWS && args->b_row * (int64_t)sizeof(T) >= FAR_BYTES;                  \
    T packed[K_PIECE * 2 * LANES_##S];                                                                \
    for (; j + 2 * LANES_##S <= N; j += 2 * LANES_##S) {                                              \
      if (far) pack_panel_##S(K, b + j, args->b_row, packed);                                         \
      columns_##S(2, args->M, K, a, args->a_row, args->a_column, far ? packed : b + j,                \
                  far ? 2 * LANES_##S : args->b_row, c + j, args->c_row, 2 * LANES_##S, add, 0);      \
    }                                                                                                 \
    for (; j + LANES_##S <= N; j += LANES_##S)                                                        \
      columns_##S(1, args->M, K, a, args->a_row, args->a_column, b + j, args->b_row, c + j,           \
                  args->c_row, LANES_##S, add, 0);                                                    \
    if (j < N)                                                                                        \
      last_columns_##S(args->M, K, a, args->a_row, args->a_column, b + j, args->b_row, c + j,         \
                       args->c_row, N - j, add);                                                      \
  }                                                                                                   \
  static void one_dot_##S(const mjx_dot_args *args) {                                                 \
    int64_t k = 0;                                                                                    \
    do { /* once for K == 0 too: c becomes zero */                                                    \
      int64_t piece = args->K - k < K_PIECE ? args->K - k : K_PIECE;                                  \
      piece_##S(args, k, piece);                                                                      \
      k += piece;                                                                                     \
    } while (k < args->K);                                                                            \
  }                                                                                                   \
                                                                                                      \
  /* Few rows: goes over b once, four rows of it at a time, and adds to c in memory.  The \
   * order of each sum is that of one sequence. */           \
  static void one_dot_thin_##S(const mjx_dot_args *args) {                                            \
    const T *a = args->a, *b = args->b;                                                               \
    int64_t M = args->M, N = args->N, K = args->K, k = 0;                                             \
    for (int64_t i = 0; i < M; i++)                                                                   \
      __builtin_memset((T *)args->c + i * args->c_row, 0, (size_t)N * sizeof(T));                     \
    for (; k + 4 <= K; k += 4, a += 4 * args->a_column, b += 4 * args->b_row) {                       \
      const T *restrict b0 = b, *restrict b1 = b + args->b_row;                                       \
      const T *restrict b2 = b1 + args->b_row, *restrict b3 = b2 + args->b_row;                       \
      for (int64_t i = 0; i < M; i++) {                                                               \
        const T *x = a + i * args->a_row;                                                             \
        T x0 = x[0], x1 = x[args->a_column], x2 = x[2 * args->a_column],                              \
          x3 = x[3 * args->a_column];                                                                 \
        T *restrict c = (T *)args->c + i * args->c_row;                                               \
        for (int64_t j = 0; j < N; j++)                                                               \
          c[j] = (((c[j] + x0 * b0[j]) + x1 * b1[j]) + x2 * b2[j]) + x3 * b3[j];                      \
      }                                                                                               \
    }                                                                                                 \
    for (; k < K; k++, a += args->a_column, b += args->b_row) {                                       \
      for (int64_t i = 0; i < M; i++) {                                                               \
        T x = a[i * args->a_row], *restrict c = (T *)args->c + i * args->c_row;                       \
        for (int64_t j = 0; j < N; j++) c[j] += x * b[j];                                             \
      }                                                                                               \
    }                                                                                                 \
  }                                                                                                   \
                                                                                                      \
  /* c[j] = the product of line j of a and line j of b; a_row is 0 where there is one of a. */        \
  MJX_INLINE void line_dots_##S(int lines, int64_t K, const T *a, int64_t a_row, const T *b,          \
                                int64_t b_row, T *c) {                                                \
    vec_##S sum[2 * LINE_COLUMNS];                                                                    \
    for (int j = 0; j < lines; j++) sum[j] = (vec_##S){0};                                            \
    int64_t k = 0;                                                                                    \
    for (; k + LANES_##S <= K; k += LANES_##S) {                                                      \
      for (int j = 0; j < lines; j++)                                                                 \
        sum[j] += *(const vec_##S *)(a + j * a_row + k) * *(const vec_##S *)(b + j * b_row + k);      \
    }                                                                                                 \
    if (k < K) { /* zeros are added to the lanes after */                                             \
      for (int j = 0; j < lines; j++)                                                                 \
        sum[j] += part_##S(a + j * a_row + k, K - k) * part_##S(b + j * b_row + k, K - k);            \
    }                                                                                                 \
    int line = 0;                                                                                     \
    ADD_UP_BLOCKS(T, S, lines, sum, c, line)                                                          \
    for (int j = line; j < lines; j++) c[j] = tree_##S(sum[j]);                                       \
  }                                                                                                   \
  /* A matrix times a vector, or each of its rows times its own: several at once, whose sums then \
   * do not wait for each other; the last of these may do some lines again. */   \
  MJX_INLINE void block_dots_##S(int64_t M, int64_t K, const T *a, int64_t a_row, const T *b,         \
                                 int64_t b_line, T *c) {                                              \
    for (int64_t i = 0, last = M - 2 * LINE_COLUMNS; i < M; i += 2 * LINE_COLUMNS) {                  \
      int64_t at = i < last ? i : last;                                                               \
      line_dots_##S(2 * LINE_COLUMNS, K, b + at * b_line, b_line, a + at * a_row, a_row, c + at);     \
    }                                                                                                 \
  }                                                                                                   \
  static MJX_FN void with_own_##S(int64_t M, int64_t K, const T *a, int64_t a_row, const T *b,        \
                                  int64_t b_line, T *c) {                                             \
    block_dots_##S(M, K, a, a_row, b, b_line, c);                                                     \
  }                                                                                                   \
  static MJX_FN void with_one_##S(int64_t M, int64_t K, const T *a, int64_t a_row, const T *b,        \
                                  T *c) {                                                             \
    block_dots_##S(M, K, a, a_row, b, 0, c);                                                          \
  }                                                                                                   \
  static MJX_FN void with_short_##S(int64_t M, int64_t K, const T *a, int64_t a_row, const T *b,      \
                                    int64_t b_line, T *c) {                                           \
    for (int64_t i = 0, last = M - 2 * LINE_COLUMNS; i < M; i += 2 * LINE_COLUMNS) {                  \
      int64_t at = i < last ? i : last;                                                               \
      short_block_##S(K, a + at * a_row, a_row, b + at * b_line, b_line, c + at);                     \
    }                                                                                                 \
  }                                                                                                   \
  /* Fewer than several. */                                                                           \
  static MJX_FN void few_lines_##S(int64_t lines, int64_t K, const T *a, int64_t a_row,               \
                                   const T *b, int64_t b_line, T *c) {                                \
    if (lines >= LINE_COLUMNS) {                                                                      \
      line_dots_##S(LINE_COLUMNS, K, a, a_row, b, b_line, c);                                         \
      a += LINE_COLUMNS * a_row, b += LINE_COLUMNS * b_line, c += LINE_COLUMNS;                       \
      lines -= LINE_COLUMNS;                                                                          \
    }                                                                                                 \
    if (lines >= 2) {                                                                                 \
      line_dots_##S(2, K, a, a_row, b, b_line, c);                                                    \
      a += 2 * a_row, b += 2 * b_line, c += 2;                                                        \
      lines -= 2;                                                                                     \
    }                                                                                                 \
    if (lines) line_dots_##S(1, K, a, 0, b, 0, c);                                                    \
  }                                                                                                   \
  static void vector_dots_##S(const mjx_dot_args *args) {                                             \
    const T *a = args->a, *b = args->b;                                                               \
    T *c = args->c;                                                                                   \
    int64_t M = args->M, K = args->K, a_row = args->a_row, b_line = args->b_line;                     \
    if (M < 2 * LINE_COLUMNS)                                                                         \
      few_lines_##S(M, K, a, a_row, b, b_line, c);                                                    \
    else if (K <= SHORT_LANES(S))                                                                     \
      with_short_##S(M, K, a, a_row, b, b_line, c);                                                   \
    else if (b_line)                                                                                  \
      with_own_##S(M, K, a, a_row, b, b_line, c);                                                     \
    else                                                                                              \
      with_one_##S(M, K, a, a_row, b, c);                                                             \
  }                                                                                                   \
  static void one_dot_lines_##S(const mjx_dot_args *args) {                                           \
    if (args->N == 1 && args->c_row == 1) {                                                           \
      vector_dots_##S(args);                                                                          \
      return;                                                                                         \
    }                                                                                                 \
    if (args->M == 1) { /* the lines of b, each times a */                                            \
      const mjx_dot_args turned = {.M = args->N,                                                      \
                                   .N = 1,                                                            \
                                   .K = args->K,                                                      \
                                   .a = args->b,                                                      \
                                   .a_row = args->b_row,                                              \
                                   .b = args->a,                                                      \
                                   .c = args->c};                                                     \
      vector_dots_##S(&turned);                                                                       \
      return;                                                                                         \
    }                                                                                                 \
    for (int64_t i = 0; i < args->M; i++) {                                                           \
      const T *a = (const T *)args->a + i * args->a_row, *b = args->b;                                \
      T *c = (T *)args->c + i * args->c_row;                                                          \
      int64_t j = 0;                                                                                  \
      for (; j + LINE_COLUMNS <= args->N; j += LINE_COLUMNS)                                          \
        line_dots_##S(LINE_COLUMNS, args->K, a, 0, b + j * args->b_row, args->b_row, c + j);          \
      for (; j < args->N; j++) line_dots_##S(1, args->K, a, 0, b + j * args->b_row, 0, c + j);        \
    }                                                                                                 \
  }                                                                                                   \
  DEFINE_BATCHES(dot_##S, T)                                                                          \
  DEFINE_BATCHES(dot_thin_##S, T)                                                                     \
  DEFINE_BATCHES(dot_lines_##S, T)

DEFINE_DOT(float, f32)
DEFINE_DOT(double, f64)
DEFINE_DOT(uint32_t, u32)
DEFINE_DOT(uint64_t, u64)

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
