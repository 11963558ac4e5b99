/* extreme_lines.h: the extremes of long contiguous lines, in vectors; part of reduce_kernels.h.
 *
 * An extreme is the same in any order, but for NaN and the sign of zero, and elements may count
 * twice: so the last vector of a line may overlap the one before.  float16 and bfloat16 are
 * compared by their bits, as integers of the same order.
 */
#define DEFINE_LINE_VECTORS(T, M, S)                                                             \
  typedef T line_##S __attribute__((vector_size(VECTOR_BYTES), aligned(sizeof(T)), may_alias));  \
  typedef M where_##S __attribute__((vector_size(VECTOR_BYTES), aligned(sizeof(T)), may_alias)); \
  MJX_INLINE line_##S at_##S(const T *x) { return *(const line_##S *)x; }
#define DEFINE_BETTER(kind, S, BETTER)                                 \
  MJX_INLINE line_##S better_##kind##_##S(line_##S a, line_##S b) {    \
    where_##S take = b BETTER a;                                       \
    return (line_##S)(((where_##S)b & take) | ((where_##S)a & ~take)); \
  }
#define DEFINE_EXTREME_VECTORS(T, M, S) \
  DEFINE_LINE_VECTORS(T, M, S)          \
  DEFINE_BETTER(max, S, >)              \
  DEFINE_BETTER(min, S, <)
/* The same by one instruction. */
#if VECTOR_BYTES > 16
#define DEFINE_QUICK_EXTREMES(T, M, S, SUFFIX)                                  \
  DEFINE_LINE_VECTORS(T, M, S)                                                  \
  MJX_INLINE line_##S better_max_##S(line_##S a, line_##S b) {                  \
    return (line_##S)LINE_OP(max_##SUFFIX)((line_integers)a, (line_integers)b); \
  }                                                                             \
  MJX_INLINE line_##S better_min_##S(line_##S a, line_##S b) {                  \
    return (line_##S)LINE_OP(min_##SUFFIX)((line_integers)a, (line_integers)b); \
  }
#else
#define DEFINE_QUICK_EXTREMES(T, M, S, SUFFIX) DEFINE_EXTREME_VECTORS(T, M, S)
#endif
#if VECTOR_BYTES == 64
#define LINE_OP(op) _mm512_##op
typedef __m512i line_integers;
#elif VECTOR_BYTES == 32
#define LINE_OP(op) _mm256_##op
typedef __m256i line_integers;
#endif
DEFINE_QUICK_EXTREMES(int8_t, int8_t, i8, epi8)
DEFINE_QUICK_EXTREMES(int16_t, int16_t, i16, epi16)
DEFINE_QUICK_EXTREMES(int32_t, int32_t, i32, epi32)
DEFINE_QUICK_EXTREMES(uint8_t, int8_t, u8, epu8)
DEFINE_QUICK_EXTREMES(uint16_t, int16_t, u16, epu16)
DEFINE_QUICK_EXTREMES(uint32_t, int32_t, u32, epu32)
#if VECTOR_BYTES == 64
DEFINE_QUICK_EXTREMES(int64_t, int64_t, i64, epi64)
DEFINE_QUICK_EXTREMES(uint64_t, int64_t, u64, epu64)
#else
DEFINE_EXTREME_VECTORS(int64_t, int64_t, i64)
DEFINE_EXTREME_VECTORS(uint64_t, int64_t, u64)
#endif

/* Floats: the same by one instruction, where there is one that takes its second operand if one is
 * NaN or both are zeros.  note_nan adds the places where one of two vectors is NaN. */
#if VECTOR_BYTES == 16
#define DEFINE_FLOAT_EXTREMES(T, M, S, REGISTER, NAN, SUFFIX)                \
  DEFINE_EXTREME_VECTORS(T, M, S)                                            \
  typedef where_##S nan_##S;                                                 \
  MJX_INLINE void note_nan_##S(nan_##S *nan, line_##S a, line_##S b) {       \
    *nan |= (a != a) | (b != b);                                             \
  }                                                                          \
  MJX_INLINE int any_nan_##S(nan_##S nan) {                                  \
    M any = 0;                                                               \
    for (int l = 0; l < (int)(VECTOR_BYTES / sizeof(T)); l++) any |= nan[l]; \
    return any != 0;                                                         \
  }
#else
#if VECTOR_BYTES == 64
#define NOTE_NAN(nan, a, b, SUFFIX) (nan) |= _mm512_cmp_##SUFFIX##_mask(a, b, _CMP_UNORD_Q)
#define ANY_NAN(nan, SUFFIX)        ((nan) != 0)
#else
#define NOTE_NAN(nan, a, b, SUFFIX) \
  (nan) = _mm256_or_##SUFFIX(nan, _mm256_cmp_##SUFFIX(a, b, _CMP_UNORD_Q))
#define ANY_NAN(nan, SUFFIX) (_mm256_movemask_##SUFFIX(nan) != 0)
#endif
#define DEFINE_FLOAT_EXTREMES(T, M, S, REGISTER, NAN, SUFFIX)          \
  DEFINE_LINE_VECTORS(T, M, S)                                         \
  typedef NAN nan_##S;                                                 \
  MJX_INLINE line_##S better_max_##S(line_##S a, line_##S b) {         \
    return (line_##S)LINE_OP(max_##SUFFIX)((REGISTER)b, (REGISTER)a);  \
  }                                                                    \
  MJX_INLINE line_##S better_min_##S(line_##S a, line_##S b) {         \
    return (line_##S)LINE_OP(min_##SUFFIX)((REGISTER)b, (REGISTER)a);  \
  }                                                                    \
  MJX_INLINE void note_nan_##S(nan_##S *nan, line_##S a, line_##S b) { \
    NOTE_NAN(*nan, (REGISTER)a, (REGISTER)b, SUFFIX);                  \
  }                                                                    \
  MJX_INLINE int any_nan_##S(nan_##S nan) { return ANY_NAN(nan, SUFFIX); }
#endif
#if VECTOR_BYTES == 32
DEFINE_FLOAT_EXTREMES(float, int32_t, f32, __m256, __m256, ps)
DEFINE_FLOAT_EXTREMES(double, int64_t, f64, __m256d, __m256d, pd)
#else
DEFINE_FLOAT_EXTREMES(float, int32_t, f32, __m512, __mmask16, ps)
DEFINE_FLOAT_EXTREMES(double, int64_t, f64, __m512d, __mmask8, pd)
#endif

/* The bits of halves as integers in the order of the numbers, -0 below 0; NaNs are beyond both
 * infinities. */
MJX_INLINE line_i16 at_half(const uint16_t *x) {
  line_i16 bits = *(const line_i16 *)x;
  return bits ^ ((bits >> 15) & 0x7fff);
}
MJX_INLINE int any_of_lanes(line_i16 v) {
#if VECTOR_BYTES == 64
  return _mm512_movepi16_mask((__m512i)v) != 0;
#elif VECTOR_BYTES == 32
  return _mm256_movemask_epi8((__m256i)v) != 0;
#else
  int16_t any = 0;
  for (int l = 0; l < (int)(VECTOR_BYTES / sizeof any); l++) any |= v[l];
  return any != 0;
#endif
}

/* Declares v[0], whose lanes hold the extreme of n elements, a vector's at least, when they are
 * put together.  SEE(a, b) is done with all vectors, two by two. */
#define EXTREME_OF_LINE(kind, S, n, x, v, AT, SEE)                                \
  enum { W = VECTOR_BYTES / sizeof *(x) };                                        \
  line_##S v[4] = {AT(x), AT(x), AT(x), AT(x)};                                   \
  int64_t i = W;                                                                  \
  SEE(v[0], v[0]);                                                                \
  for (; i + 4 * W <= n; i += 4 * W) {                                            \
    line_##S a = AT(x + i), b = AT(x + i + W);                                    \
    line_##S c = AT(x + i + 2 * W), d = AT(x + i + 3 * W);                        \
    v[0] = better_##kind##_##S(v[0], a), v[1] = better_##kind##_##S(v[1], b);     \
    v[2] = better_##kind##_##S(v[2], c), v[3] = better_##kind##_##S(v[3], d);     \
    SEE(a, b);                                                                    \
    SEE(c, d);                                                                    \
  }                                                                               \
  for (; i < n; i += W) {                                                         \
    line_##S a = AT(x + (i + W <= n ? i : n - W));                                \
    v[1] = better_##kind##_##S(v[1], a);                                          \
    SEE(a, a);                                                                    \
  }                                                                               \
  v[0] = better_##kind##_##S(v[0], v[1]), v[2] = better_##kind##_##S(v[2], v[3]); \
  v[0] = better_##kind##_##S(v[0], v[2])
/* The extreme of a vector's lanes: halves are compared until one lane is left. */
#define DEFINE_EXTREME_OF_LANES(kind, T, S, BETTER)                                         \
  MJX_INLINE T kind##_of_lanes_##S(line_##S v) {                                            \
    typedef T part __attribute__((vector_size(16), aligned(sizeof(T)), may_alias));         \
    enum { PARTS = VECTOR_BYTES / 16, LANES = 16 / sizeof(T) };                             \
    part p[PARTS];                                                                          \
    __builtin_memcpy(p, &v, sizeof p);                                                      \
    for (int half = PARTS / 2; half >= 1; half /= 2)                                        \
      for (int k = 0; k < half; k++) p[k] = BETTER_PART(p[k], p[k + half], BETTER);         \
    _Pragma("GCC unroll 4") for (int bytes = 8; bytes >= (int)sizeof(T); bytes /= 2) p[0] = \
        BETTER_PART(p[0], (part)lower_bytes((bytes_of_line)p[0], bytes), BETTER);           \
    return p[0][0];                                                                         \
  }
#define BETTER_PART(a, b, BETTER)                               \
  (part)(((bytes_of_line)(b) & (bytes_of_line)((b)BETTER(a))) | \
         ((bytes_of_line)(a) & ~(bytes_of_line)((b)BETTER(a))))
typedef uint64_t bytes_of_line __attribute__((vector_size(16), may_alias));
/* A vector's first bytes are those that were `by` further on. */
MJX_INLINE bytes_of_line lower_bytes(bytes_of_line x, int by) {
  return by == 8 ? SHUFFLE_LANES(bytes_of_line, x, x, 1, 1) : x >> (8 * by);
}

#define SEE_NOTHING(a, b)
#define DEFINE_INTEGER_EXTREME_LINE(kind, T, S, BETTER)           \
  DEFINE_EXTREME_OF_LANES(kind, T, S, BETTER)                     \
  static MJX_FN T kind##_##S##_long_line(int64_t n, const T *x) { \
    EXTREME_OF_LINE(kind, S, n, x, v, at_##S, SEE_NOTHING);       \
    return kind##_of_lanes_##S(v[0]);                             \
  }
#define DEFINE_INTEGER_EXTREME_LINES(kind, BETTER)         \
  DEFINE_INTEGER_EXTREME_LINE(kind, int8_t, i8, BETTER)    \
  DEFINE_INTEGER_EXTREME_LINE(kind, int16_t, i16, BETTER)  \
  DEFINE_INTEGER_EXTREME_LINE(kind, int32_t, i32, BETTER)  \
  DEFINE_INTEGER_EXTREME_LINE(kind, int64_t, i64, BETTER)  \
  DEFINE_INTEGER_EXTREME_LINE(kind, uint8_t, u8, BETTER)   \
  DEFINE_INTEGER_EXTREME_LINE(kind, uint16_t, u16, BETTER) \
  DEFINE_INTEGER_EXTREME_LINE(kind, uint32_t, u32, BETTER) \
  DEFINE_INTEGER_EXTREME_LINE(kind, uint64_t, u64, BETTER)

/* A zero is the one that loses unless the other is in the line too. */
#define SEE_NAN_f32(a, b) note_nan_f32(&nan, a, b)
#define SEE_NAN_f64(a, b) note_nan_f64(&nan, a, b)
#define DEFINE_FLOAT_EXTREME(kind, T, S, BETTER, LOSER)           \
  DEFINE_EXTREME_OF_LANES(kind, T, S, BETTER)                     \
  static MJX_FN T kind##_##S##_long_line(int64_t n, const T *x) { \
    nan_##S nan = {0};                                            \
    EXTREME_OF_LINE(kind, S, n, x, v, at_##S, SEE_NAN_##S);       \
    if (any_nan_##S(nan)) return (T)__builtin_nan("");            \
    T best = kind##_of_lanes_##S(v[0]);                           \
    if (best != 0) return best;                                   \
    best = LOSER;                                                 \
    kind##_##S##_fix_zero(n, 1, x, &best);                        \
    return best;                                                  \
  }

/* The other extreme. */
#define SEE_LEAST(a, b) other = better_min_i16(other, better_min_i16(a, b))
#define SEE_MOST(a, b)  other = better_max_i16(other, better_max_i16(a, b))
