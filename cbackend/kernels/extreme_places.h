/* extreme_places.h: extremes and where they are, both at once, part of reduce_kernels.h.
 *
 * The first of equal elements is taken, and the first NaN before everything else: as a row comes, a
 * column takes it where it is beyond what the column has.  Places are as wide as the elements, so
 * that a vector of one is a vector of the other.
 */

#define IS_GREATER(a, b) ((a) > (b))
#define IS_LESS(a, b)    ((a) < (b))
#define IS_ABOVE(a, b)   ((((a) > (b)) | ((a) != (a))) & ((b) == (b)))
#define IS_BELOW(a, b)   ((((a) < (b)) | ((a) != (a))) & ((b) == (b)))
/* A half's bits as an integer in the order of the numbers, both zeros alike, a NaN before all else. */
#define DEFINE_HALF_KEYS(S, INFINITE)                                    \
  MJX_INLINE int16_t half_key_##S(uint16_t bits, int16_t nan) {          \
    int16_t sign = (int16_t)((int16_t)bits >> 15), size = bits & 0x7fff; \
    int16_t key = (int16_t)((size ^ sign) - sign);                       \
    return size > (INFINITE) ? nan : key;                                \
  }
DEFINE_HALF_KEYS(f16, 0x7c00)
DEFINE_HALF_KEYS(bf16, 0x7f80)
#define KEY_greatest_f16(x)  half_key_f16(x, INT16_MAX)
#define KEY_greatest_bf16(x) half_key_bf16(x, INT16_MAX)
#define KEY_least_f16(x)     half_key_f16(x, INT16_MIN)
#define KEY_least_bf16(x)    half_key_bf16(x, INT16_MIN)
/* By masks: of a choice between floats compilers would make branches. */
#define TAKE_PLACE(S, P, BEYOND, best, place, x, at)                                          \
  do {                                                                                        \
    mjx_t_##S new_ = (x);                                                                     \
    mjx_t_##P take_ = (mjx_t_##P) - (mjx_t_##P)BEYOND(new_, best);                            \
    (place) = (mjx_t_##P)(((at) & take_) | ((place) & ~take_));                               \
    (best) = TO_##S(                                                                          \
        (mjx_t_##P)(((mjx_t_##P)OF_##S(new_) & take_) | ((mjx_t_##P)OF_##S(best) & ~take_))); \
  } while (0)
#define OF_f32 mjx_bits_f32
#define OF_f64 mjx_bits_f64
#define OF_i8
#define OF_u8
#define OF_i16
#define OF_u16
#define OF_i32
#define OF_i64
#define TO_f32(x) mjx_f32_bits((uint32_t)(x))
#define TO_f64(x) mjx_f64_bits((uint64_t)(x))
#define TO_i8
#define TO_u8 (uint8_t)
#define TO_i16
#define TO_u16 (uint16_t)
#define TO_i32
#define TO_i64

/* KEY: what is compared of an element, of type B.  P: of the places. */
#define DEFINE_PLACES_OF(name, S, B, KEY, P, BEYOND)                                              \
  /* `rows` rows, the first of which is row r; the very first ones if is_first. */                \
  MJX_INLINE void name##_pass(const int is_first, const int rows, int64_t r, int64_t row_stride,  \
                              int64_t n, const mjx_t_##S *restrict x, mjx_t_##B *restrict best,   \
                              mjx_t_##P *restrict index) {                                        \
    for (int64_t c = 0; c < n; c++) {                                                             \
      mjx_t_##B value = is_first ? KEY(x[c]) : best[c];                                           \
      mjx_t_##P place = is_first ? 0 : index[c], at = (mjx_t_##P)r;                               \
      if (!is_first) TAKE_PLACE(B, P, BEYOND, value, place, KEY(x[c]), at);                       \
      if (rows > 1) TAKE_PLACE(B, P, BEYOND, value, place, KEY(x[row_stride + c]), at + 1);       \
      if (rows > 2) TAKE_PLACE(B, P, BEYOND, value, place, KEY(x[2 * row_stride + c]), at + 2);   \
      if (rows > 3) TAKE_PLACE(B, P, BEYOND, value, place, KEY(x[3 * row_stride + c]), at + 3);   \
      best[c] = value;                                                                            \
      index[c] = place;                                                                           \
    }                                                                                             \
  }                                                                                               \
  static MJX_FN void name##_rows(int64_t n_rows, int64_t row_stride, int64_t n, const void *in,   \
                                 void *best, void *index) {                                       \
    const mjx_t_##S *x = in;                                                                      \
    int64_t r = n_rows < 4 ? n_rows : 4;                                                          \
    if (r == 4)                                                                                   \
      name##_pass(1, 4, 0, row_stride, n, x, best, index);                                        \
    else if (r == 3)                                                                              \
      name##_pass(1, 3, 0, row_stride, n, x, best, index);                                        \
    else if (r == 2)                                                                              \
      name##_pass(1, 2, 0, row_stride, n, x, best, index);                                        \
    else                                                                                          \
      name##_pass(1, 1, 0, row_stride, n, x, best, index);                                        \
    for (; r + 4 <= n_rows; r += 4)                                                               \
      name##_pass(0, 4, r, row_stride, n, x + r * row_stride, best, index);                       \
    for (; r < n_rows; r++) name##_pass(0, 1, r, row_stride, n, x + r * row_stride, best, index); \
  }

#define DEFINE_TINY_PLACES_OF(name, S, B, KEY, P, BEYOND)                                          \
  static MJX_FN void name##_tiny_lines(int64_t n_lines, int64_t n, const void *in, void *index_) { \
    const mjx_t_##S *restrict x = in;                                                              \
    mjx_t_##P *restrict index = index_;                                                            \
    if (n == 2)                                                                                    \
      for (int64_t l = 0; l < n_lines; l++) index[l] = BEYOND(KEY(x[2 * l + 1]), KEY(x[2 * l]));   \
    else                                                                                           \
      for (int64_t l = 0; l < n_lines; l++) {                                                      \
        mjx_t_##B best = KEY(x[3 * l]);                                                            \
        mjx_t_##P place = 0;                                                                       \
        TAKE_PLACE(B, P, BEYOND, best, place, KEY(x[3 * l + 1]), 1);                               \
        TAKE_PLACE(B, P, BEYOND, best, place, KEY(x[3 * l + 2]), 2);                               \
        index[l] = place;                                                                          \
      }                                                                                            \
  }
#define DEFINE_BOTH_PLACES_OF(name, S, B, KEY, P, BEYOND) \
  DEFINE_PLACES_OF(name, S, B, KEY, P, BEYOND)            \
  DEFINE_TINY_PLACES_OF(name, S, B, KEY, P, BEYOND)
#define DEFINE_BOTH_PLACES(name, S, P, BEYOND) \
  DEFINE_BOTH_PLACES_OF(name##_##S, S, S, LOAD_SAME, P, BEYOND)
#define DEFINE_ALL_PLACES(name, FLOAT_BEYOND, BEYOND)                        \
  DEFINE_BOTH_PLACES(name, f32, i32, FLOAT_BEYOND)                           \
  DEFINE_BOTH_PLACES(name, f64, i64, FLOAT_BEYOND)                           \
  DEFINE_BOTH_PLACES(name, i8, i8, BEYOND)                                   \
  DEFINE_BOTH_PLACES(name, u8, i8, BEYOND)                                   \
  DEFINE_BOTH_PLACES(name, i16, i16, BEYOND)                                 \
  DEFINE_BOTH_PLACES(name, u16, i16, BEYOND)                                 \
  DEFINE_BOTH_PLACES(name, i32, i32, BEYOND)                                 \
  DEFINE_BOTH_PLACES(name, i64, i64, BEYOND)                                 \
  DEFINE_BOTH_PLACES_OF(name##_f16, f16, i16, KEY_##name##_f16, i16, BEYOND) \
  DEFINE_BOTH_PLACES_OF(name##_bf16, bf16, i16, KEY_##name##_bf16, i16, BEYOND)
DEFINE_ALL_PLACES(greatest, IS_ABOVE, IS_GREATER)
DEFINE_ALL_PLACES(least, IS_BELOW, IS_LESS)

#define PLACES_ENTRY(name) {name##_rows, name##_tiny_lines}
#define PLACES_ENTRIES(name)                                                     \
  {[MJX_BOOL] = PLACES_ENTRY(name##_u8),   [MJX_I8] = PLACES_ENTRY(name##_i8),   \
   [MJX_U8] = PLACES_ENTRY(name##_u8),     [MJX_I16] = PLACES_ENTRY(name##_i16), \
   [MJX_U16] = PLACES_ENTRY(name##_u16),   [MJX_F16] = PLACES_ENTRY(name##_f16), \
   [MJX_BF16] = PLACES_ENTRY(name##_bf16), [MJX_F32] = PLACES_ENTRY(name##_f32), \
   [MJX_F64] = PLACES_ENTRY(name##_f64),   [MJX_I32] = PLACES_ENTRY(name##_i32), \
   [MJX_I64] = PLACES_ENTRY(name##_i64)}
static const mjx_places_kernel greatest_table[MJX_N_DTYPES] = PLACES_ENTRIES(greatest);
static const mjx_places_kernel least_table[MJX_N_DTYPES] = PLACES_ENTRIES(least);
