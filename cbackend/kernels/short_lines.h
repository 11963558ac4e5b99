/* short_lines.h: extremes of many short contiguous lines of floats, and where they are in lines of
 * float32 and of narrower elements; part of reduce_kernels.h.
 *
 * A line becomes one vector by taking the better of its vectors, the last of which overlaps the
 * one before; as many lines as a vector has lanes then become one vector, by steps that halve the
 * number of vectors.  An extreme is the same in any order, but for NaN and the sign of zero: the
 * lines whose result may be wrong in these are done again one by one.
 */
enum { SHORT_LINES = 8, MAX_SHORT_LINE = 128 };

typedef float lanes4_f32 __attribute__((vector_size(16), aligned(4), may_alias));
typedef float lanes8_f32 __attribute__((vector_size(32), aligned(4), may_alias));
typedef int32_t lanes4_i32 __attribute__((vector_size(16), aligned(4), may_alias));
typedef int32_t lanes8_i32 __attribute__((vector_size(32), aligned(4), may_alias));
typedef double lanes4_f64 __attribute__((vector_size(32), aligned(8), may_alias));
typedef int64_t lanes4_i64 __attribute__((vector_size(32), aligned(8), may_alias));

MJX_INLINE int is_short_lines(int64_t n_lines, int64_t line_stride, int64_t n, int64_t stride) {
  return n_lines >= SHORT_LINES && stride == 1 && n <= MAX_SHORT_LINE &&
         (n >= 4 || (n >= 2 && line_stride == n));
}

/* a = the better of a and b, lane by lane: b where the comparison says so. */
#define TAKE_BETTER(W, S, I, a, b, BETTER)                                                  \
  do {                                                                                      \
    lanes##W##_##I take_ = (b)BETTER(a);                                                    \
    (a) = (lanes##W##_##S)(((lanes##W##_##I)(b) & take_) | ((lanes##W##_##I)(a) & ~take_)); \
  } while (0)

/* v[W] to v[0], whose lane k is what v[k] comes to. */
#define DEFINE_GATHER_4(name, S, I, BETTER)                         \
  MJX_INLINE void name##_gather4(lanes4_##S *v) {                   \
    lanes4_##S low, high;                                           \
    for (int k = 0; k < 2; k++) {                                   \
      low = SHUFFLE_LANES(lanes4_##I, v[k], v[k + 2], 0, 1, 4, 5);  \
      high = SHUFFLE_LANES(lanes4_##I, v[k], v[k + 2], 2, 3, 6, 7); \
      TAKE_BETTER(4, S, I, low, high, BETTER);                      \
      v[k] = low;                                                   \
    }                                                               \
    low = SHUFFLE_LANES(lanes4_##I, v[0], v[1], 0, 4, 2, 6);        \
    high = SHUFFLE_LANES(lanes4_##I, v[0], v[1], 1, 5, 3, 7);       \
    TAKE_BETTER(4, S, I, low, high, BETTER);                        \
    v[0] = low;                                                     \
  }
#define DEFINE_GATHER_8(name, S, BETTER)                                            \
  MJX_INLINE void name##_gather8(lanes8_##S *v) {                                   \
    lanes8_##S low, high;                                                           \
    for (int k = 0; k < 4; k++) {                                                   \
      low = SHUFFLE_LANES(lanes8_i32, v[k], v[k + 4], 0, 1, 2, 3, 8, 9, 10, 11);    \
      high = SHUFFLE_LANES(lanes8_i32, v[k], v[k + 4], 4, 5, 6, 7, 12, 13, 14, 15); \
      TAKE_BETTER(8, S, i32, low, high, BETTER);                                    \
      v[k] = low;                                                                   \
    }                                                                               \
    for (int k = 0; k < 2; k++) {                                                   \
      low = SHUFFLE_LANES(lanes8_i32, v[k], v[k + 2], 0, 1, 8, 9, 4, 5, 12, 13);    \
      high = SHUFFLE_LANES(lanes8_i32, v[k], v[k + 2], 2, 3, 10, 11, 6, 7, 14, 15); \
      TAKE_BETTER(8, S, i32, low, high, BETTER);                                    \
      v[k] = low;                                                                   \
    }                                                                               \
    low = SHUFFLE_LANES(lanes8_i32, v[0], v[1], 0, 8, 2, 10, 4, 12, 6, 14);         \
    high = SHUFFLE_LANES(lanes8_i32, v[0], v[1], 1, 9, 3, 11, 5, 13, 7, 15);        \
    TAKE_BETTER(8, S, i32, low, high, BETTER);                                      \
    v[0] = low;                                                                     \
  }
#define DEFINE_GATHER_LANES(name, S, BETTER) \
  DEFINE_GATHER_4(name, S, i32, BETTER)      \
  DEFINE_GATHER_8(name, S, BETTER)
DEFINE_GATHER_LANES(max_lanes_f32, f32, >)
DEFINE_GATHER_LANES(min_lanes_f32, f32, <)
DEFINE_GATHER_LANES(min_lanes_i32, i32, <)
DEFINE_GATHER_4(max_lanes_f64, f64, i64, >)
DEFINE_GATHER_4(min_lanes_f64, f64, i64, <)

/* W lines of n >= W elements.  Returns whether one of them holds a NaN. */
#define DEFINE_SHORT_EXTREME(kind, S, I, W, BETTER)                                        \
  MJX_INLINE int kind##_##S##_lines##W(int64_t line_stride, int64_t n, const mjx_t_##S *x, \
                                       mjx_t_##S *out) {                                   \
    lanes##W##_##S v[W];                                                                   \
    lanes##W##_##I nan = {0};                                                              \
    _Pragma("GCC unroll 8") for (int k = 0; k < W; k++, x += line_stride) {                \
      lanes##W##_##S best = *(const lanes##W##_##S *)(x + n - W);                          \
      nan |= best != best;                                                                 \
      for (int64_t i = 0; i + W < n; i += W) {                                             \
        lanes##W##_##S more = *(const lanes##W##_##S *)(x + i);                            \
        nan |= more != more;                                                               \
        TAKE_BETTER(W, S, I, best, more, BETTER);                                          \
      }                                                                                    \
      v[k] = best;                                                                         \
    }                                                                                      \
    kind##_lanes_##S##_gather##W(v);                                                       \
    *(lanes##W##_##S *)out = v[0];                                                         \
    int any = 0;                                                                           \
    for (int l = 0; l < W; l++) any |= nan[l];                                             \
    return any;                                                                            \
  }

/* Lines of N elements, side by side: vectors of lines. */
#define DEFINE_TINY_EXTREME(kind, S, N, BETTER)                                     \
  MJX_INLINE int kind##_##S##_tiny##N(int64_t n_lines, const mjx_t_##S *restrict x, \
                                      mjx_t_##S *restrict out) {                    \
    int nan = 0;                                                                    \
    for (int64_t l = 0; l < n_lines; l++) {                                         \
      mjx_t_##S best = x[N * l];                                                    \
      nan |= best != best;                                                          \
      for (int i = 1; i < N; i++) {                                                 \
        mjx_t_##S more = x[N * l + i];                                              \
        nan |= more != more;                                                        \
        best = more BETTER best ? more : best;                                      \
      }                                                                             \
      out[l] = best;                                                                \
    }                                                                               \
    return nan;                                                                     \
  }

#define DEFINE_SHORT_LINES(kind, S, I, BETTER, LOSER, WIDE)                                     \
  DEFINE_SHORT_EXTREME(kind, S, I, 4, BETTER)                                                   \
  DEFINE_TINY_EXTREME(kind, S, 2, BETTER)                                                       \
  DEFINE_TINY_EXTREME(kind, S, 3, BETTER)                                                       \
  static MJX_SMALL void kind##_##S##_mend(int64_t n_lines, int64_t line_stride, int64_t n,      \
                                          int nan, const mjx_t_##S *x, mjx_t_##S *out) {        \
    for (int64_t l = 0; l < n_lines; l++, x += line_stride)                                     \
      if (nan || mjx_bits_##S(out[l]) == mjx_bits_##S(LOSER))                                   \
        out[l] = kind##_##S##_strided_line(n, 1, x);                                            \
  }                                                                                             \
  static MJX_FN void kind##_##S##_short_lines(int64_t n_lines, int64_t line_stride, int64_t n,  \
                                              const mjx_t_##S *x, mjx_t_##S *out) {             \
    int nan = 0, zeros = 0;                                                                     \
    if (n == 2)                                                                                 \
      nan = kind##_##S##_tiny2(n_lines, x, out);                                                \
    else if (n == 3)                                                                            \
      nan = kind##_##S##_tiny3(n_lines, x, out);                                                \
    else if (n < 8)                                                                             \
      for (int64_t l = 0; l < n_lines; l += 4) {                                                \
        int64_t first = l + 4 <= n_lines ? l : n_lines - 4;                                     \
        nan |= kind##_##S##_lines4(line_stride, n, x + first * line_stride, out + first);       \
      }                                                                                         \
    else                                                                                        \
      for (int64_t l = 0; l < n_lines; l += WIDE) {                                             \
        int64_t first = l + WIDE <= n_lines ? l : n_lines - WIDE;                               \
        nan |= kind##_##S##_lines##WIDE(line_stride, n, x + first * line_stride, out + first);  \
      }                                                                                         \
    for (int64_t l = 0; l < n_lines; l++) zeros |= mjx_bits_##S(out[l]) == mjx_bits_##S(LOSER); \
    if (nan | zeros) kind##_##S##_mend(n_lines, line_stride, n, nan, x, out);                   \
  }                                                                                             \
  static void kind##_##S##_any_lines(int64_t n_lines, int64_t line_stride, int64_t n,           \
                                     int64_t stride, const void *in, void *acc) {               \
    if (is_short_lines(n_lines, line_stride, n, stride))                                        \
      kind##_##S##_short_lines(n_lines, line_stride, n, in, acc);                               \
    else                                                                                        \
      kind##_##S##_lines(n_lines, line_stride, n, stride, in, acc);                             \
  }
DEFINE_SHORT_EXTREME(max, f32, i32, 8, >)
DEFINE_SHORT_EXTREME(min, f32, i32, 8, <)
DEFINE_SHORT_LINES(max, f32, i32, >, -0.0f, 8)
DEFINE_SHORT_LINES(min, f32, i32, <, 0.0f, 8)
DEFINE_SHORT_LINES(max, f64, i64, >, -0.0, 4)
DEFINE_SHORT_LINES(min, f64, i64, <, 0.0, 4)

/* ---- where the extremes are ---- */

/* The places of best[k] in W lines of n >= W elements; of a NaN: what W lines cannot be. */
#define DEFINE_FIND_SHORT(W)                                                                       \
  MJX_INLINE void find_lines##W(int64_t line_stride, int64_t n, const float *x, const float *best, \
                                int64_t *index) {                                                  \
    lanes##W##_i32 v[W], lane;                                                                     \
    for (int l = 0; l < W; l++) lane[l] = l;                                                       \
    _Pragma("GCC unroll 8") for (int k = 0; k < W; k++, x += line_stride) {                        \
      lanes##W##_i32 place = lane + (int32_t)(n - W);                                              \
      lanes##W##_i32 found = place | ~(*(const lanes##W##_f32 *)(x + n - W) == best[k]);           \
      found &= INT32_MAX;                                                                          \
      place = lane;                                                                                \
      for (int64_t i = 0; i + W < n; i += W, place += W) {                                         \
        lanes##W##_i32 here =                                                                      \
            (place | ~(*(const lanes##W##_f32 *)(x + i) == best[k])) & INT32_MAX;                  \
        TAKE_BETTER(W, i32, i32, found, here, <);                                                  \
      }                                                                                            \
      v[k] = found;                                                                                \
    }                                                                                              \
    min_lanes_i32_gather##W(v);                                                                    \
    for (int l = 0; l < W; l++) index[l] = v[0][l];                                                \
  }
DEFINE_FIND_SHORT(4)
DEFINE_FIND_SHORT(8)

/* As find_line for each of many short lines; false: these are not. */
static int find_short_lines_f32(int64_t n_lines, int64_t line_stride, int64_t n, int64_t stride,
                                const void *in, const void *best_, int64_t *restrict index) {
  const float *restrict x = in, *restrict best = best_;
  if (!is_short_lines(n_lines, line_stride, n, stride)) return 0;
  int nan = 0;
  for (int64_t l = 0; l < n_lines; l++) nan |= best[l] != best[l];
  if (nan) return 0;
  if (n == 2) {
    for (int64_t l = 0; l < n_lines; l++) index[l] = x[2 * l] != best[l];
  } else if (n == 3) {
    for (int64_t l = 0; l < n_lines; l++) {
      int64_t later = x[3 * l + 1] == best[l] ? 1 : 2;
      index[l] = x[3 * l] == best[l] ? 0 : later;
    }
  } else if (n < 8) {
    for (int64_t l = 0; l < n_lines; l += 4) {
      int64_t first = l + 4 <= n_lines ? l : n_lines - 4;
      find_lines4(line_stride, n, x + first * line_stride, best + first, index + first);
    }
  } else {
    for (int64_t l = 0; l < n_lines; l += 8) {
      int64_t first = l + 8 <= n_lines ? l : n_lines - 8;
      find_lines8(line_stride, n, x + first * line_stride, best + first, index + first);
    }
  }
  return 1;
}

/* Of two or three elements of an integer, side by side. */
#define DEFINE_FIND_TINY_LINES(S)                                                                 \
  static MJX_FN void find_tiny_lines_##S(int64_t n_lines, int64_t n, const mjx_t_##S *restrict x, \
                                         const mjx_t_##S *restrict best,                          \
                                         int64_t *restrict index) {                               \
    if (n == 2)                                                                                   \
      for (int64_t l = 0; l < n_lines; l++) index[l] = x[2 * l] != best[l];                       \
    else                                                                                          \
      for (int64_t l = 0; l < n_lines; l++) {                                                     \
        mjx_t_##S later = x[3 * l + 1] == best[l] ? 1 : 2;                                        \
        index[l] = x[3 * l] == best[l] ? 0 : later;                                               \
      }                                                                                           \
  }
DEFINE_FIND_TINY_LINES(u8)
DEFINE_FIND_TINY_LINES(u16)

/* Of other dtypes: their elements as float32s, a few lines at a time. */
#define DEFINE_FIND_SHORT_LINES(S, WIDEN, TINY)                                                    \
  static int find_short_lines_##S(int64_t n_lines, int64_t line_stride, int64_t n, int64_t stride, \
                                  const void *in, const void *best_, int64_t *index) {             \
    enum { PIECE = SHORT_LINES * MAX_SHORT_LINE };                                                 \
    float piece[PIECE], best[PIECE / 2];                                                           \
    if (!is_short_lines(n_lines, line_stride, n, stride)) return 0;                                \
    TINY int64_t lines = MJX_LEAST(PIECE / n, n_lines);                                            \
    for (int64_t first = 0; first < n_lines; first += lines) {                                     \
      int64_t l = MJX_LEAST(first, n_lines - lines);                                               \
      const mjx_t_##S *x = (const mjx_t_##S *)in + l * line_stride;                                \
      if (line_stride == n)                                                                        \
        WIDEN(lines * n, piece, x);                                                                \
      else                                                                                         \
        for (int64_t k = 0; k < lines; k++) WIDEN(n, piece + k * n, x + k * line_stride);          \
      WIDEN(lines, best, (const mjx_t_##S *)best_ + l);                                            \
      if (!find_short_lines_f32(lines, n, n, 1, piece, best, index + l)) return 0;                 \
    }                                                                                              \
    return 1;                                                                                      \
  }
#define WIDEN_INTEGERS(n, to, from) \
  for (int64_t i_ = 0; i_ < (n); i_++) (to)[i_] = (float)(from)[i_]
#define FIND_TINY(S)                                   \
  if (n <= 3) {                                        \
    find_tiny_lines_##S(n_lines, n, in, best_, index); \
    return 1;                                          \
  }
#define FIND_NO_TINY
DEFINE_FIND_SHORT_LINES(u8, WIDEN_INTEGERS, FIND_TINY(u8))
DEFINE_FIND_SHORT_LINES(u16, WIDEN_INTEGERS, FIND_TINY(u16))
DEFINE_FIND_SHORT_LINES(f16, mjx_floats_from_f16, FIND_NO_TINY)
DEFINE_FIND_SHORT_LINES(bf16, mjx_floats_from_bf16, FIND_NO_TINY)
