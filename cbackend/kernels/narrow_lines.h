/* narrow_lines.h: reductions of integers of no more than 32 bits along short lines and over narrow
 * rows; part of reduce_kernels.h.  Every order of the elements gives the same bits.
 *
 * Short lines: a line becomes one vector, the lanes that it does not fill hold what changes
 * nothing; as many lines as a vector has lanes then become one vector, by steps that halve the
 * number of vectors.  Narrow rows that lie side by side are one wide row: several at a time, whose
 * parts are put together at the end.
 */
enum {
  LINE_BYTES = 16,
  NARROW_ROW = 64,
  NARROW_LINE_8 = 128,
  NARROW_LINE_16 = 128,
  NARROW_LINE_32 = 64
};

typedef uint8_t bytes_u8 __attribute__((vector_size(16), aligned(1), may_alias));
typedef int8_t bytes_i8 __attribute__((vector_size(16), aligned(1), may_alias));
typedef uint16_t bytes_u16 __attribute__((vector_size(16), aligned(2), may_alias));
typedef int16_t bytes_i16 __attribute__((vector_size(16), aligned(2), may_alias));
typedef uint32_t bytes_u32 __attribute__((vector_size(16), aligned(4), may_alias));
typedef int32_t bytes_i32 __attribute__((vector_size(16), aligned(4), may_alias));

#define VECTOR_SUM(S, W, a, b)  ((a) + (b))
#define VECTOR_PROD(S, W, a, b) ((a) * (b))
#define VECTOR_AND(S, W, a, b)  ((a) & (b))
#define VECTOR_OR(S, W, a, b)   ((a) | (b))
#define VECTOR_XOR(S, W, a, b)  ((a) ^ (b))
#if VECTOR_BYTES > 16
#define EP_i8                  epi8
#define EP_i16                 epi16
#define EP_i32                 epi32
#define EP_u8                  epu8
#define EP_u16                 epu16
#define EP_u32                 epu32
#define MM_OF(op, ep)          _mm_##op##_##ep
#define MM(op, ep)             MM_OF(op, ep)
#define VECTOR_MAX(S, W, a, b) (bytes_##S) MM(max, EP_##S)((__m128i)(a), (__m128i)(b))
#define VECTOR_MIN(S, W, a, b) (bytes_##S) MM(min, EP_##S)((__m128i)(a), (__m128i)(b))
#else
#define VECTOR_MAX(S, W, a, b) pick_##S(a, b, (bytes_i##W)((b) > (a)))
#define VECTOR_MIN(S, W, a, b) pick_##S(a, b, (bytes_i##W)((b) < (a)))
#define DEFINE_PICK(S, M)                                                   \
  MJX_INLINE bytes_##S pick_##S(bytes_##S a, bytes_##S b, bytes_##M take) { \
    return (bytes_##S)(((bytes_##M)b & take) | ((bytes_##M)a & ~take));     \
  }
DEFINE_PICK(u8, i8)
DEFINE_PICK(i8, i8)
DEFINE_PICK(u16, i16)
DEFINE_PICK(i16, i16)
DEFINE_PICK(u32, i32)
DEFINE_PICK(i32, i32)
#endif

/* v[k] = op of the lanes that the two masks pick from v[k] and v[k + half]. */
#define FOLD_LANES(v, half, FOLD, MASK, low, high)                      \
  for (int k = 0; k < half; k++)                                        \
  (v)[k] = FOLD(SHUFFLE_LANES(MASK, (v)[k], (v)[k + half], UNPACK low), \
                SHUFFLE_LANES(MASK, (v)[k], (v)[k + half], UNPACK high))
#define UNPACK(...) __VA_ARGS__
#define EIGHTS_LOW  (0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23)
#define EIGHTS_HIGH (8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31)
#define FOURS_LOW   (0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27)
#define FOURS_HIGH  (4, 5, 6, 7, 20, 21, 22, 23, 12, 13, 14, 15, 28, 29, 30, 31)
#define TWOS_LOW    (0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29)
#define TWOS_HIGH   (2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31)
#define ONES_LOW    (0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30)
#define ONES_HIGH   (1, 17, 3, 19, 5, 21, 7, 23, 9, 25, 11, 27, 13, 29, 15, 31)
#define GATHER_8(FOLD, v)                                    \
  FOLD_LANES(v, 8, FOLD, bytes_u8, EIGHTS_LOW, EIGHTS_HIGH); \
  FOLD_LANES(v, 4, FOLD, bytes_u8, FOURS_LOW, FOURS_HIGH);   \
  FOLD_LANES(v, 2, FOLD, bytes_u8, TWOS_LOW, TWOS_HIGH);     \
  FOLD_LANES(v, 1, FOLD, bytes_u8, ONES_LOW, ONES_HIGH)
#define GATHER_16(FOLD, v)                                                                     \
  FOLD_LANES(v, 4, FOLD, bytes_u16, (0, 1, 2, 3, 8, 9, 10, 11), (4, 5, 6, 7, 12, 13, 14, 15)); \
  FOLD_LANES(v, 2, FOLD, bytes_u16, (0, 1, 8, 9, 4, 5, 12, 13), (2, 3, 10, 11, 6, 7, 14, 15)); \
  FOLD_LANES(v, 1, FOLD, bytes_u16, (0, 8, 2, 10, 4, 12, 6, 14), (1, 9, 3, 11, 5, 13, 7, 15))

#define GATHER_32(FOLD, v)                                       \
  FOLD_LANES(v, 2, FOLD, bytes_u32, (0, 1, 4, 5), (2, 3, 6, 7)); \
  FOLD_LANES(v, 1, FOLD, bytes_u32, (0, 4, 2, 6), (1, 5, 3, 7))

/* W: the bits of an element.  IDENTITY: what changes nothing. */
#define DEFINE_NARROW_LINES_OF(kind, S, W, OP, VECTOR_OP, IDENTITY)                               \
  MJX_INLINE bytes_##S kind##_##S##_both(bytes_##S a, bytes_##S b) {                              \
    return VECTOR_OP(S, W, a, b);                                                                 \
  }                                                                                               \
  /* A line's elements in one vector; `left` elements of the array begin at x. */                 \
  MJX_INLINE bytes_##S kind##_##S##_one_line(int64_t n, int64_t left, const mjx_t_##S *x,         \
                                             bytes_##S filled, bytes_##S filling) {               \
    enum { LANES = LINE_BYTES / sizeof(mjx_t_##S) };                                              \
    bytes_##S v = filling;                                                                        \
    int64_t i = 0;                                                                                \
    for (; i + LANES <= n; i += LANES) v = kind##_##S##_both(v, *(const bytes_##S *)(x + i));     \
    if (i == n) return v;                                                                         \
    bytes_##S last;                                                                               \
    if (left >= i + LANES)                                                                        \
      last = *(const bytes_##S *)(x + i);                                                         \
    else                                                                                          \
      for (int l = 0; l < LANES; l++) last[l] = i + l < n ? x[i + l] : 0;                         \
    return kind##_##S##_both(v, (last & filled) | (filling & ~filled));                           \
  }                                                                                               \
  static MJX_FN void kind##_##S##_short_lines(int64_t n_lines, int64_t line_stride, int64_t n,    \
                                              const mjx_t_##S *x, mjx_t_##S *out) {               \
    enum { LANES = LINE_BYTES / sizeof(mjx_t_##S) };                                              \
    int64_t left = (n_lines - 1) * line_stride + n;                                               \
    bytes_##S filled = {0}, filling = (bytes_##S){0} + (mjx_t_##S)(IDENTITY);                     \
    for (int l = 0; l < LANES; l++)                                                               \
      if (l < n % LANES) filled[l] = (mjx_t_##S) - 1;                                             \
    for (int64_t first = 0; first < n_lines; first += LANES) {                                    \
      int64_t l = first + LANES <= n_lines ? first : n_lines - LANES;                             \
      bytes_##S v[LANES];                                                                         \
      _Pragma("GCC unroll 16") for (int k = 0; k < LANES; k++) v[k] = kind##_##S##_one_line(      \
          n, left - (l + k) * line_stride, x + (l + k) * line_stride, filled, filling);           \
      GATHER_##W(kind##_##S##_both, v);                                                           \
      *(bytes_##S *)(out + l) = v[0];                                                             \
    }                                                                                             \
  }                                                                                               \
  /* Lines of two to four elements, side by side. */                                              \
  static MJX_FN void kind##_##S##_tiny_lines(                                                     \
      int64_t n_lines, int64_t n, const mjx_t_##S *restrict x, mjx_t_##S *restrict out) {         \
    if (n == 2)                                                                                   \
      for (int64_t l = 0; l < n_lines; l++) out[l] = OP(x[2 * l], x[2 * l + 1]);                  \
    else if (n == 3)                                                                              \
      for (int64_t l = 0; l < n_lines; l++) {                                                     \
        mjx_t_##S two = OP(x[3 * l], x[3 * l + 1]);                                               \
        out[l] = OP(two, x[3 * l + 2]);                                                           \
      }                                                                                           \
    else                                                                                          \
      for (int64_t l = 0; l < n_lines; l++) {                                                     \
        mjx_t_##S two = OP(x[4 * l], x[4 * l + 1]), more = OP(x[4 * l + 2], x[4 * l + 3]);        \
        out[l] = OP(two, more);                                                                   \
      }                                                                                           \
  }                                                                                               \
  /* Over rows of n elements side by side. */                                                     \
  static MJX_FN void kind##_##S##_narrow_rows(int64_t n_rows, int64_t n, const mjx_t_##S *x,      \
                                              mjx_t_##S *acc) {                                   \
    mjx_t_##S wide[4 * NARROW_ROW];                                                               \
    int64_t together = MJX_LEAST(4 * NARROW_ROW / n, n_rows), width = together * n;               \
    __builtin_memcpy(wide, x, (size_t)width * sizeof *x);                                         \
    int64_t turns = n_rows / together - 1, rest = n_rows % together;                              \
    kind##_##S##_plain_rows(turns, width, width, x + width, wide);                                \
    kind##_##S##_plain_rows(1, 0, rest * n, x + (turns + 1) * width, wide);                       \
    for (int64_t k = 0; k < together; k++)                                                        \
      for (int64_t c = 0; c < n; c++) acc[c] = OP(acc[c], wide[k * n + c]);                       \
  }                                                                                               \
  static void kind##_##S##_rows(int64_t n_rows, int64_t row_stride, int64_t n, const void *in,    \
                                void *acc) {                                                      \
    if (row_stride == n && n <= NARROW_ROW && n_rows > 4)                                         \
      kind##_##S##_narrow_rows(n_rows, n, in, acc);                                               \
    else                                                                                          \
      kind##_##S##_plain_rows(n_rows, row_stride, n, in, acc);                                    \
  }                                                                                               \
  static void kind##_##S##_lines(int64_t n_lines, int64_t line_stride, int64_t n, int64_t stride, \
                                 const void *in, void *acc) {                                     \
    enum { LANES = LINE_BYTES / sizeof(mjx_t_##S) };                                              \
    if (stride == 1 && line_stride == n && n >= 2 && n <= 4) {                                    \
      kind##_##S##_tiny_lines(n_lines, n, in, acc);                                               \
    } else if (stride == 1 && n < NARROW_LINE_##W && n_lines >= LANES && line_stride >= n) {      \
      kind##_##S##_short_lines(n_lines, line_stride, n, in, acc);                                 \
    } else if (line_stride == 1 && stride == n_lines && n_lines <= NARROW_ROW && n > 4) {         \
      for (int64_t l = 0; l < n_lines; l++) ((mjx_t_##S *)acc)[l] = (mjx_t_##S)(IDENTITY);        \
      kind##_##S##_narrow_rows(n, n_lines, in, acc);                                              \
    } else {                                                                                      \
      kind##_##S##_plain_lines(n_lines, line_stride, n, stride, in, acc);                         \
    }                                                                                             \
  }
