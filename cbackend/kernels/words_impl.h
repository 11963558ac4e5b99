/* words_impl.h: the kernels of words.h for one instruction set; MJX_NARROW names their table. */
#include "kernels.h"
#include "math_base.h"
#include "vectors.h"
#include "words.h"

#if defined(__SSE2__)
#include <immintrin.h>
#endif

typedef int32_t word_vec __attribute__((vector_size(VECTOR_BYTES), aligned(4), may_alias));
typedef int32_t __attribute__((may_alias)) word;
enum {
  WORD_LANES = VECTOR_BYTES / 4,
  WORD_VECTORS = 2,
  WORD_WIDTH = WORD_VECTORS * WORD_LANES,
  WORD_ROWS = VECTOR_BYTES == 64 ? 8 : 4,
  WORD_PIECE = 256 /* words of K: with so many a panel stays in the first cache */
};

/* ---- sums + products of the elements of two words ---- */

#if defined(__AVX512VNNI__)
#define ADD_PAIRS(s, x, y) (word_vec) _mm512_dpwssd_epi32((__m512i)(s), (__m512i)(x), (__m512i)(y))
#define ADD_BYTES(s, x, y) (word_vec) _mm512_dpbusd_epi32((__m512i)(s), (__m512i)(x), (__m512i)(y))
#elif defined(__AVX512BW__)
#define ADD_PAIRS(s, x, y) ((s) + (word_vec)_mm512_madd_epi16((__m512i)(x), (__m512i)(y)))
#elif defined(__AVX2__)
#define ADD_PAIRS(s, x, y) ((s) + (word_vec)_mm256_madd_epi16((__m256i)(x), (__m256i)(y)))
#elif defined(__SSE2__)
#define ADD_PAIRS(s, x, y) ((s) + (word_vec)_mm_madd_epi16((__m128i)(x), (__m128i)(y)))
#else
#define ADD_PAIRS(s, x, y) ((s) + ((x) << 16 >> 16) * ((y) << 16 >> 16) + ((x) >> 16) * ((y) >> 16))
#endif

/* ---- the product ---- */

/* A row of sums to c, or added to it. */
MJX_INLINE void store_words(const word_vec *sum, int vectors, char *to, int64_t n, int c_size,
                            int add) {
  if (c_size == 4 && n == vectors * WORD_LANES) {
    for (int v = 0; v < vectors; v++) {
      word_vec *place = (word_vec *)(void *)to + v;
      word_vec value = sum[v];
      if (add) value += *place;
      *place = value;
    }
    return;
  }
  word lanes[WORD_WIDTH];
  __builtin_memcpy(lanes, sum, (size_t)vectors * sizeof *sum);
#define STORE_WORDS(T)            \
  for (int64_t j = 0; j < n; j++) \
  ((T *)(void *)to)[j] = (T)(lanes[j] + (add ? ((T *)(void *)to)[j] : 0))
  if (c_size == 4)
    STORE_WORDS(word);
  else if (c_size == 2)
    STORE_WORDS(int16_t);
  else
    STORE_WORDS(int8_t);
#undef STORE_WORDS
}

/* Rows of c over words first..first+K-1; ADD is ADD_PAIRS or ADD_BYTES. */
#define DEFINE_WORD_DOT(FORM, ADD)                                                               \
  MJX_INLINE void tile_##FORM(const mjx_word_dot *dot, int rows, int vectors, int64_t row,       \
                              int64_t first, int64_t K) {                                        \
    const word_vec *start = (const word_vec *)dot->panel;                                        \
    const word *a = dot->a + row * dot->words + first;                                           \
    const word *b = dot->panel + (1 + first) * WORD_WIDTH;                                       \
    word_vec sum[WORD_ROWS][WORD_VECTORS];                                                       \
    for (int r = 0; r < rows; r++)                                                               \
      for (int v = 0; v < vectors; v++) sum[r][v] = first ? (word_vec){0} : start[v];            \
    for (int64_t k = 0; k < K; k++, b += WORD_WIDTH) {                                           \
      const word_vec *y = (const word_vec *)b;                                                   \
      for (int r = 0; r < rows; r++) {                                                           \
        word_vec x = (word_vec){0} + a[r * dot->words + k];                                      \
        for (int v = 0; v < vectors; v++) sum[r][v] = ADD(sum[r][v], x, y[v]);                   \
      }                                                                                          \
    }                                                                                            \
    char *to = (char *)dot->c + row * dot->c_row * dot->c_size;                                  \
    for (int r = 0; r < rows; r++, to += dot->c_row * dot->c_size)                               \
      store_words(sum[r], vectors, to, dot->n, dot->c_size, first > 0);                          \
  }                                                                                              \
  MJX_INLINE void piece_##FORM(const mjx_word_dot *dot, int vectors, int64_t first, int64_t K) { \
    int64_t i = 0;                                                                               \
    for (; i + WORD_ROWS <= dot->M; i += WORD_ROWS)                                              \
      tile_##FORM(dot, WORD_ROWS, vectors, i, first, K);                                         \
    for (; i + 2 <= dot->M; i += 2) tile_##FORM(dot, 2, vectors, i, first, K);                   \
    if (i < dot->M) tile_##FORM(dot, 1, vectors, i, first, K);                                   \
  }                                                                                              \
  static void dot_##FORM(const mjx_word_dot *dot) {                                              \
    int64_t k = 0;                                                                               \
    do { /* once without words too: c becomes zero */                                            \
      int64_t piece = dot->words - k < WORD_PIECE ? dot->words - k : WORD_PIECE;                 \
      if (dot->n > WORD_LANES)                                                                   \
        piece_##FORM(dot, 2, k, piece);                                                          \
      else                                                                                       \
        piece_##FORM(dot, 1, k, piece);                                                          \
      k += piece;                                                                                \
    } while (k < dot->words);                                                                    \
  }

/* ---- packing ---- */

/* Elements of type T at x, x + step, ..: as a word. */
#define PAIR_OF(x, step) ((uint16_t)(int16_t)(x)[0] | (uint32_t)(uint16_t)(int16_t)(x)[step] << 16)
#define BYTES_OF(x, step)                                          \
  ((uint32_t)(uint8_t)(x)[0] | (uint32_t)(uint8_t)(x)[step] << 8 | \
   (uint32_t)(uint8_t)(x)[2 * (step)] << 16 | (uint32_t)(uint8_t)(x)[3 * (step)] << 24)

/* What the sums of a panel begin with: nothing; or, where a's bytes b are taken as b + 128 without
 * a sign, -128 times the sums of the panel's columns. */
MJX_INLINE void start_pairs(word_vec *panel, int64_t words) {
  (void)words;
  for (int v = 0; v < WORD_VECTORS; v++) panel[v] = (word_vec){0};
}
#if defined(ADD_BYTES)
MJX_INLINE void start_bytes(word_vec *panel, int64_t words) {
  const word_vec bytes_of_128 = (word_vec){0} + (int32_t)0x80808080;
  for (int v = 0; v < WORD_VECTORS; v++) {
    word_vec sum = {0};
    for (int64_t w = 1; w <= words; w++)
      sum = ADD_BYTES(sum, bytes_of_128, panel[w * WORD_VECTORS + v]);
    panel[v] = -sum;
  }
}
#endif

/* PER elements E make a word; a's elements are packed with the bits of FLIP changed. */
#define DEFINE_WORD_PACK(FORM, S, T, E, PER, WORD_OF, FLIP)                                       \
  static void rows_##FORM##_##S(const mjx_word_pack *pack) {                                      \
    int64_t K = pack->K, row = (K + PER - 1) / PER * PER, step = pack->k_step;                    \
    for (int64_t i = 0; i < pack->n; i++) {                                                       \
      const T *restrict x = (const T *)pack->from + i * pack->step;                               \
      E *restrict to = (E *)pack->to + i * row;                                                   \
      if (step == 1) {                                                                            \
        for (int64_t k = 0; k < K; k++) to[k] = (E)((E)x[k] ^ FLIP);                              \
      } else {                                                                                    \
        for (int64_t k = 0; k < K; k++) to[k] = (E)((E)x[k * step] ^ FLIP);                       \
      }                                                                                           \
      for (int64_t k = K; k < row; k++) to[k] = 0;                                                \
    }                                                                                             \
  }                                                                                               \
  /* A word's elements lie k_step apart; n words, `step` apart, go to[0], to[to_step], .. */      \
  MJX_INLINE void line_##FORM##_##S(int64_t n, const T *restrict x, int64_t step, int64_t k_step, \
                                    word *restrict to, int64_t to_step) {                         \
    for (int64_t j = 0; j < n; j++) to[j * to_step] = (word)(WORD_OF(x + j * step, k_step));      \
  }                                                                                               \
  static void panel_##FORM##_##S(const mjx_word_pack *pack) {                                     \
    int64_t n = pack->n, words = pack->K / PER, step = pack->step, k_step = pack->k_step;         \
    const T *from = pack->from;                                                                   \
    word *to = (word *)pack->to + WORD_WIDTH;                                                     \
    int64_t all = (pack->K + PER - 1) / PER;                                                      \
    if (n < WORD_WIDTH) __builtin_memset(to, 0, (size_t)(all * WORD_WIDTH) * sizeof *to);         \
    if (k_step == 1) {                                                                            \
      for (int64_t j = 0; j < n; j++)                                                             \
        line_##FORM##_##S(words, from + j * step, PER, 1, to + j, WORD_WIDTH);                    \
    } else if (step == 1) {                                                                       \
      for (int64_t w = 0; w < words; w++)                                                         \
        line_##FORM##_##S(n, from + w * PER * k_step, 1, k_step, to + w * WORD_WIDTH, 1);         \
    } else {                                                                                      \
      for (int64_t w = 0; w < words; w++)                                                         \
        line_##FORM##_##S(n, from + w * PER * k_step, step, k_step, to + w * WORD_WIDTH, 1);      \
    }                                                                                             \
    for (int64_t j = 0; j < n && words < all; j++) { /* the last word is filled up with zeros */  \
      T last[PER] = {0};                                                                          \
      for (int64_t k = words * PER; k < pack->K; k++)                                             \
        last[k - words * PER] = from[j * step + k * k_step];                                      \
      to[words * WORD_WIDTH + j] = (word)(WORD_OF(last, 1));                                      \
    }                                                                                             \
    start_##FORM(pack->to, all);                                                                  \
  }

DEFINE_WORD_PACK(pairs, i8, int8_t, int16_t, 2, PAIR_OF, 0)
DEFINE_WORD_PACK(pairs, u8, uint8_t, int16_t, 2, PAIR_OF, 0)
DEFINE_WORD_PACK(pairs, i16, int16_t, int16_t, 2, PAIR_OF, 0)
DEFINE_WORD_DOT(pairs, ADD_PAIRS)
static const mjx_word_pack_fn rows_pairs[MJX_N_DTYPES] = {
    [MJX_I8] = rows_pairs_i8, [MJX_U8] = rows_pairs_u8, [MJX_I16] = rows_pairs_i16};
static const mjx_word_pack_fn panel_pairs[MJX_N_DTYPES] = {
    [MJX_I8] = panel_pairs_i8, [MJX_U8] = panel_pairs_u8, [MJX_I16] = panel_pairs_i16};

#if defined(ADD_BYTES)
DEFINE_WORD_PACK(bytes, i8, int8_t, uint8_t, 4, BYTES_OF, 0x80)
DEFINE_WORD_DOT(bytes, ADD_BYTES)
static const mjx_word_pack_fn rows_bytes[MJX_N_DTYPES] = {[MJX_I8] = rows_bytes_i8};
static const mjx_word_pack_fn panel_bytes[MJX_N_DTYPES] = {[MJX_I8] = panel_bytes_i8};
#endif

static const mjx_words words_table[MJX_N_WORDS] = {
    [MJX_WORD_PAIRS] = {2, WORD_WIDTH, rows_pairs, panel_pairs, dot_pairs},
#if defined(ADD_BYTES)
    [MJX_WORD_BYTES] = {4, WORD_WIDTH, rows_bytes, panel_bytes, dot_bytes},
#endif
};

/* ---- without packing ---- */

MJX_INLINE void store_narrow(char *c, int64_t at, int c_size, int32_t value) {
  if (c_size == 4)
    ((word *)(void *)c)[at] = value;
  else if (c_size == 2)
    ((int16_t *)(void *)c)[at] = (int16_t)value;
  else
    ((int8_t *)c)[at] = (int8_t)value;
}

enum { THIN_COLUMNS = 256 };

#define DEFINE_NARROW_LINES(S, T)                                                        \
  MJX_INLINE int32_t line_sum_##S(int64_t K, const T *restrict a, const T *restrict b) { \
    int32_t sum = 0;                                                                     \
    for (int64_t k = 0; k < K; k++) sum += a[k] * b[k];                                  \
    return sum;                                                                          \
  }                                                                                      \
  static void narrow_lines_##S(const mjx_narrow_dot *dot) {                              \
    for (int64_t i = 0; i < dot->M; i++)                                                 \
      for (int64_t j = 0; j < dot->N; j++)                                               \
        store_narrow(dot->c, i * dot->c_row + j, dot->c_size,                            \
                     line_sum_##S(dot->K, (const T *)dot->a + i * dot->a_row,            \
                                  (const T *)dot->b + j * dot->b_column));               \
  }

/* Sums of type A: of 16 bits if c needs no more, which vectors multiply faster. */
#define DEFINE_THIN(S, T, A)                                                                      \
  MJX_INLINE void columns_##S##_##A(const mjx_narrow_dot *dot, int64_t i, int64_t j, int64_t n) { \
    A sum[THIN_COLUMNS];                                                                          \
    const T *a = (const T *)dot->a + i * dot->a_row;                                              \
    const T *restrict b = (const T *)dot->b + j;                                                  \
    int64_t k = 0, step = dot->a_column, row = dot->b_row;                                        \
    __builtin_memset(sum, 0, sizeof sum);                                                         \
    for (; k + 4 <= dot->K; k += 4, a += 4 * step, b += 4 * row) {                                \
      A x0 = (A)a[0], x1 = (A)a[step], x2 = (A)a[2 * step], x3 = (A)a[3 * step];                  \
      const T *restrict b1 = b + row, *restrict b2 = b1 + row, *restrict b3 = b2 + row;           \
      for (int64_t c = 0; c < n; c++)                                                             \
        sum[c] = (A)(sum[c] + x0 * (A)b[c] + x1 * (A)b1[c] + x2 * (A)b2[c] + x3 * (A)b3[c]);      \
    }                                                                                             \
    for (; k < dot->K; k++, a += step, b += row)                                                  \
      for (int64_t c = 0; c < n; c++) sum[c] = (A)(sum[c] + (A) * a * (A)b[c]);                   \
    char *to = (char *)dot->c + (i * dot->c_row + j) * dot->c_size;                               \
    for (int64_t c = 0; c < n; c++) store_narrow(to, c, dot->c_size, sum[c]);                     \
  }                                                                                               \
  static void thin_##S##_##A(const mjx_narrow_dot *dot) {                                         \
    for (int64_t j = 0; j < dot->N; j += THIN_COLUMNS) {                                          \
      int64_t n = dot->N - j < THIN_COLUMNS ? dot->N - j : THIN_COLUMNS;                          \
      for (int64_t i = 0; i < dot->M; i++) columns_##S##_##A(dot, i, j, n);                       \
    }                                                                                             \
  }
#define DEFINE_NARROW_THIN(S, T)                                       \
  DEFINE_THIN(S, T, int32_t)                                           \
  DEFINE_THIN(S, T, int16_t)                                           \
  static void narrow_thin_##S(const mjx_narrow_dot *dot) {             \
    (dot->c_size == 4 ? thin_##S##_int32_t : thin_##S##_int16_t)(dot); \
  }

DEFINE_NARROW_LINES(i8, int8_t)
DEFINE_NARROW_LINES(u8, uint8_t)
DEFINE_NARROW_LINES(i16, int16_t)
DEFINE_NARROW_THIN(i8, int8_t)
DEFINE_NARROW_THIN(u8, uint8_t)
DEFINE_NARROW_THIN(i16, int16_t)
static const mjx_narrow_dot_fn narrow_lines_table[MJX_N_DTYPES] = {
    [MJX_I8] = narrow_lines_i8, [MJX_U8] = narrow_lines_u8, [MJX_I16] = narrow_lines_i16};
static const mjx_narrow_dot_fn narrow_thin_table[MJX_N_DTYPES] = {
    [MJX_I8] = narrow_thin_i8, [MJX_U8] = narrow_thin_u8, [MJX_I16] = narrow_thin_i16};

const mjx_narrow_kernels MJX_NARROW = {words_table, narrow_lines_table, narrow_thin_table};
