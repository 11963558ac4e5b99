/* dot_blocks.h: products in register blocks, included by dot_kernels.h.
 *
 * ROWS x 2 vectors of c are registers while k goes by; K is cut into pieces of K_PIECE, so that a
 * panel of b, two vectors wide, stays in the near cache.  What lies badly for that is copied first:
 * panels of b whose rows are far apart or whose columns are contiguous, and a where the caller has
 * room for it (Goto and van de Geijn, Anatomy of High-Performance Matrix Multiplication, 2008).  The
 * next panel is fetched while one is multiplied.  No copy changes the order of a sum.
 */

/* ROWS x 2 sums, 2 vectors of b and an element of a: as many as there are registers. */
enum {
  ROWS = VECTOR_BYTES == 64 ? 12
  : VECTOR_BYTES == 32      ? 6
                            : 4,
  FEW_ROWS = VECTOR_BYTES == 32 ? 2 : 4,
  K_PIECE = MJX_DOT_SEQUENCE,
  LONG_K = 64,
  FETCH_STEPS = 4, /* of k, after which another row of b is fetched */
  PACK_ROWS = 32,  /* least of a, so that to copy a panel of b pays */
  FAR_BYTES = 2048 /* so far apart, rows of b share few places of the cache */
};

#include "dot_panels.h"

/* Unrolled, so that the sums are registers. */
#define EACH_ROW _Pragma("GCC unroll 12") for (int r = 0; r < rows; r++)

#define DEFINE_DOT_BLOCKS(T, S, WORD, W)                                                                \
  /* `rows` rows of c, `vectors` vectors wide; width: how many of the columns exist.  is_part: they   \
   * are fewer than a vector's, and nothing after them is read.  next: rows of b that are fetched, or \
   * NULL. */ \
  MJX_INLINE void panel_##S(int rows, int vectors, int64_t K, const T *a, int64_t a_row,                \
                            int64_t a_column, const T *b, int64_t b_row, T *c, int64_t c_row,           \
                            int64_t width, int add, int is_part, const T *next,                         \
                            int64_t next_row) {                                                         \
    vec_##S sum[ROWS][2];                                                                               \
    EACH_ROW sum[r][0] = sum[r][1] = (vec_##S){0};                                                      \
    if (K >= LONG_K) EACH_ROW { /* c is on its way while the sums are made */                           \
        __builtin_prefetch(c + r * c_row, 1);                                                           \
        __builtin_prefetch(c + r * c_row + LANES_##S, 1);                                               \
      }                                                                                                 \
    for (int64_t k = 0; k < K; k++) {                                                                   \
      const vec_##S *y = (const vec_##S *)(b + k * b_row);                                              \
      const vec_##S y0 = is_part ? part_##S(b + k * b_row, width) : y[0];                               \
      const vec_##S y1 = vectors > 1 ? y[1] : y0;                                                       \
      if (next && k % FETCH_STEPS == 0) { /* to where it's not in the way of this panel */              \
        __builtin_prefetch(next, 0, 2);                                                                 \
        __builtin_prefetch(next + LANES_##S, 0, 2);                                                     \
        next += next_row;                                                                               \
      }                                                                                                 \
      EACH_ROW {                                                                                        \
        T x = a[r * a_row + k * a_column];                                                              \
        sum[r][0] += x * y0;                                                                            \
        if (vectors > 1) sum[r][1] += x * y1;                                                           \
      }                                                                                                 \
    }                                                                                                   \
    EACH_ROW {                                                                                          \
      T *to = c + r * c_row;                                                                            \
      if (width == vectors * LANES_##S) {                                                               \
        vec_##S *out = (vec_##S *)to;                                                                   \
        for (int v = 0; v < vectors; v++) {                                                             \
          if (add) sum[r][v] += out[v];                                                                 \
          out[v] = sum[r][v];                                                                           \
        }                                                                                               \
      } else {                                                                                          \
        if (add) sum[r][0] += part_##S(to, width);                                                      \
        put_part_##S(to, width, sum[r][0]);                                                             \
      }                                                                                                 \
    }                                                                                                   \
  }                                                                                                     \
  /* All rows of a from row i on. */                                                                    \
  MJX_INLINE void columns_##S(int vectors, int64_t i, int64_t M, int64_t K, const T *a,                 \
                              int64_t a_row, int64_t a_column, const T *b, int64_t b_row, T *c,         \
                              int64_t c_row, int64_t width, int add, int is_part) {                     \
    for (; i + ROWS <= M; i += ROWS)                                                                    \
      panel_##S(ROWS, vectors, K, a + i * a_row, a_row, a_column, b, b_row, c + i * c_row, c_row,       \
                width, add, is_part, NULL, 0);                                                          \
    for (; ROWS > FEW_ROWS && i + FEW_ROWS <= M; i += FEW_ROWS)                                         \
      panel_##S(FEW_ROWS, vectors, K, a + i * a_row, a_row, a_column, b, b_row, c + i * c_row,          \
                c_row, width, add, is_part, NULL, 0);                                                   \
    for (; i < M; i++)                                                                                  \
      panel_##S(1, vectors, K, a + i * a_row, a_row, a_column, b, b_row, c + i * c_row, c_row,          \
                width, add, is_part, NULL, 0);                                                          \
  }                                                                                                     \
  /* The groups of rows times a whole panel of b, from their copy if there is one, while the rows of  \
   * the next panel are fetched; returns after which row. */ \
  MJX_INLINE int64_t groups_##S(const mjx_dot_args *args, int64_t K, const T *a, const T *copy,         \
                                const T *b, int64_t b_row, T *c, int add, const T *next) {              \
    int64_t i = 0, width = 2 * LANES_##S, c_row = args->c_row, a_row = args->a_row;                     \
    int64_t next_row = args->b_row, step = ROWS * c_row, fetched = 0;                                   \
    for (; i + ROWS <= args->M; i += ROWS, c += step) {                                                 \
      const T *wanted = next && fetched < K ? next + fetched * next_row : NULL;                         \
      fetched += (K + FETCH_STEPS - 1) / FETCH_STEPS;                                                   \
      if (copy && wanted)                                                                               \
        panel_##S(ROWS, 2, K, copy + i * K, 1, ROWS, b, b_row, c, c_row, width, add, 0, wanted,         \
                  next_row);                                                                            \
      else if (copy)                                                                                    \
        panel_##S(ROWS, 2, K, copy + i * K, 1, ROWS, b, b_row, c, c_row, width, add, 0, NULL, 0);       \
      else if (wanted)                                                                                  \
        panel_##S(ROWS, 2, K, a + i * a_row, a_row, args->a_column, b, b_row, c, c_row, width,          \
                  add, 0, wanted, next_row);                                                            \
      else                                                                                              \
        break;                                                                                          \
    }                                                                                                   \
    return i;                                                                                           \
  }                                                                                                     \
  static void piece_##S(const mjx_dot_args *args, int64_t first, int64_t K) {                           \
    enum { L = LANES_##S };                                                                             \
    int64_t j = 0, M = args->M, N = args->N, a_row = args->a_row, c_row = args->c_row;                  \
    int64_t a_column = args->a_column, b_row = args->b_row, b_column = args->b_column;                  \
    const T *a = (const T *)args->a + first * a_column, *b = (const T *)args->b + first * b_row;        \
    T *c = args->c, *copy = args->a_copy;                                                               \
    int add = first > 0, turned = b_column != 1;                                                        \
    int far = M >= PACK_ROWS && b_row * (int64_t)sizeof(T) >= FAR_BYTES, lay = far || turned;           \
    T laid[K_PIECE * 2 * L];                                                                            \
    if (copy) lay_rows_##W(M, K, (const WORD *)a, a_row, a_column, (WORD *)copy);                       \
    for (; j + 2 * L <= N; j += 2 * L) {                                                                \
      const T *panel = lay ? laid : b + j;                                                              \
      int64_t panel_row = lay ? 2 * L : b_row;                                                          \
      const T *next = j + 4 * L <= N ? b + j + 2 * L : NULL;                                            \
      if (!next && first + K < args->K) next = b + K * b_row;                                           \
      if (lay)                                                                                          \
        lay_panel_##W(K, (const WORD *)(b + j * b_column), b_row, b_column, 2, (WORD *)laid);           \
      int64_t i = groups_##S(args, K, a, copy, panel, panel_row, c + j, add, far ? next : NULL);        \
      columns_##S(2, i, M, K, a, a_row, a_column, panel, panel_row, c + j, c_row, 2 * L, add, 0);       \
    }                                                                                                   \
    for (; j + L <= N; j += L) {                                                                        \
      if (turned)                                                                                       \
        lay_panel_##W(K, (const WORD *)(b + j * b_column), b_row, b_column, 1, (WORD *)laid);           \
      columns_##S(1, 0, M, K, a, a_row, a_column, turned ? laid : b + j, turned ? L : b_row,            \
                  c + j, c_row, L, add, 0);                                                             \
    }                                                                                                   \
    if (j == N) return;                                                                                 \
    if (!turned && VECTOR_BYTES > 16 && M <= 2 * ROWS) {                                                \
      columns_##S(1, 0, M, K, a, a_row, a_column, b + j, b_row, c + j, c_row, N - j, add, 1);           \
      return;                                                                                           \
    }                                                                                                   \
    lay_narrow_##W(K, (const WORD *)(b + j * b_column), b_row, b_column, N - j, (WORD *)laid);          \
    columns_##S(1, 0, M, K, a, a_row, a_column, laid, L, c + j, c_row, N - j, add, 0);                  \
  }                                                                                                     \
  static void one_dot_##S(const mjx_dot_args *args) {                                                   \
    int64_t k = 0;                                                                                      \
    do { /* once for K == 0 too: c becomes zero */                                                      \
      int64_t piece = args->K - k < K_PIECE ? args->K - k : K_PIECE;                                    \
      piece_##S(args, k, piece);                                                                        \
      k += piece;                                                                                       \
    } while (k < args->K);                                                                              \
  }
