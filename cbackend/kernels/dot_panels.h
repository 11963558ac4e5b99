/* dot_panels.h: copies of a and b as the register blocks of dot_blocks.h read them.
 *
 * A panel of b is [K][vectors]; the rows of a follow each other in groups, [M / ROWS][K][ROWS].  Both are words of the elements' size.
 */

/* Two vectors dealt into each other, first their front halves. */
#if VECTOR_BYTES == 64
#define FRONT_u32 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23
#define BACK_u32  8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31
#define FRONT_u64 0, 8, 1, 9, 2, 10, 3, 11
#define BACK_u64  4, 12, 5, 13, 6, 14, 7, 15
#elif VECTOR_BYTES == 32
#define FRONT_u32 0, 8, 1, 9, 2, 10, 3, 11
#define BACK_u32  4, 12, 5, 13, 6, 14, 7, 15
#define FRONT_u64 0, 4, 1, 5
#define BACK_u64  2, 6, 3, 7
#else
#define FRONT_u32 0, 4, 1, 5
#define BACK_u32  2, 6, 3, 7
#define FRONT_u64 0, 2
#define BACK_u64  1, 3
#endif

#define DEFINE_PANELS(T, S)                                                                          \
  /* Element j of vector i becomes element i of vector j. */                                         \
  MJX_INLINE void transpose_##S(vec_##S x[LANES_##S]) {                                              \
    enum { HALF = LANES_##S / 2 };                                                                   \
    _Pragma("GCC unroll 4") for (int round = 1; round < LANES_##S; round *= 2) {                     \
      vec_##S dealt[LANES_##S];                                                                      \
      _Pragma("GCC unroll 8") for (int r = 0; r < HALF; r++) {                                       \
        dealt[2 * r] = SHUFFLE_LANES(vec_##S, x[r], x[r + HALF], FRONT_##S);                         \
        dealt[2 * r + 1] = SHUFFLE_LANES(vec_##S, x[r], x[r + HALF], BACK_##S);                      \
      }                                                                                              \
      _Pragma("GCC unroll 16") for (int r = 0; r < LANES_##S; r++) x[r] = dealt[r];                  \
    }                                                                                                \
  }                                                                                                  \
  /* `lines` of them, each contiguous, side by side: element k of line l at to + k * width + l.    \
   * Whole vectors are stored, in order: what one has too many, the next one writes again. */ \
  MJX_INLINE void lay_lines_##S(int lines, int64_t K, const T *from, int64_t line, T *to,            \
                                int64_t width) {                                                     \
    int64_t k = 0;                                                                                   \
    for (; k + LANES_##S <= K; k += LANES_##S) {                                                     \
      vec_##S x[LANES_##S];                                                                          \
      _Pragma("GCC unroll 16") for (int r = 0; r < LANES_##S; r++) x[r] =                            \
          r < lines ? *(const vec_##S *)(from + r * line + k) : (vec_##S){0};                        \
      transpose_##S(x);                                                                              \
      _Pragma("GCC unroll 16") for (int r = 0; r < LANES_##S; r++) *                                 \
          (vec_##S *)(to + (k + r) * width) = x[r];                                                  \
    }                                                                                                \
    for (; k < K; k++) {                                                                             \
      for (int r = 0; r < lines; r++) to[k * width + r] = from[r * line + k];                        \
    }                                                                                                \
  }                                                                                                  \
  /* The groups of a's rows; `to` has room for another vector. */                                    \
  static MJX_FN void lay_rows_##S(int64_t M, int64_t K, const T *a, int64_t a_row,                   \
                                  int64_t a_column, T *to) {                                         \
    enum { LINES = MJX_LEAST((int)ROWS, (int)LANES_##S), REST = ROWS - LINES };                      \
    int64_t groups = M / ROWS;                                                                       \
    for (int64_t g = 0; g < groups && a_column == 1; g++) {                                          \
      const T *from = a + g * ROWS * a_row;                                                          \
      lay_lines_##S(LINES, K, from, a_row, to + g * ROWS * K, ROWS);                                 \
      if (REST)                                                                                      \
        lay_lines_##S(LINES, K, from + REST * a_row, a_row, to + g * ROWS * K + REST, ROWS);         \
    }                                                                                                \
    for (int64_t k = 0; k < K && a_column != 1; k++) { /* what lies together is read together */     \
      for (int64_t g = 0; g < groups; g++) {                                                         \
        const T *from = a + k * a_column + g * ROWS * a_row;                                         \
        T *group = to + (g * K + k) * ROWS;                                                          \
        if (a_row == 1)                                                                              \
          __builtin_memcpy(group, from, ROWS * sizeof(T));                                           \
        else                                                                                         \
          for (int r = 0; r < ROWS; r++) group[r] = from[r * a_row];                                 \
      }                                                                                              \
    }                                                                                                \
  }                                                                                                  \
  /* A panel of b, `vectors` wide. */                                                                \
  static MJX_FN void lay_panel_##S(int64_t K, const T *b, int64_t b_row, int64_t b_column,           \
                                   int64_t vectors, T *to) {                                         \
    int64_t width = vectors * LANES_##S;                                                             \
    for (int64_t v = 0; v < vectors; v++, b += LANES_##S * b_column, to += LANES_##S) {              \
      if (b_column != 1)                                                                             \
        lay_lines_##S(LANES_##S, K, b, b_column, to, width);                                         \
      else                                                                                           \
        for (int64_t k = 0; k < K; k++)                                                              \
          *(vec_##S *)(to + k * width) = *(const vec_##S *)(b + k * b_row);                          \
    }                                                                                                \
  }                                                                                                  \
  /* The last columns, fewer than a vector's, and zeros after them. */                               \
  static MJX_FN void lay_narrow_##S(int64_t K, const T *b, int64_t b_row, int64_t b_column,          \
                                    int64_t columns, T *to) {                                        \
    for (int64_t k = 0; k < K; k++, to += LANES_##S) {                                               \
      if (b_column == 1) {                                                                           \
        *(vec_##S *)to = part_##S(b + k * b_row, columns);                                           \
        continue;                                                                                    \
      }                                                                                              \
      *(vec_##S *)to = (vec_##S){0};                                                                 \
      for (int64_t j = 0; j < columns; j++) to[j] = b[k * b_row + j * b_column];                     \
    }                                                                                                \
  }
DEFINE_PANELS(uint32_t, u32)
DEFINE_PANELS(uint64_t, u64)
