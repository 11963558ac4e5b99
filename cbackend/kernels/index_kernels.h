/* index_kernels.h: where GATHER's and SCATTER's windows begin, included once per instruction set
 * by blocks_impl.h: one dim of the operand at a time, or all of a window of one element. */

#define INDEX_SAME(x) (int64_t)(x)
#define INDEX_FITS(x) ((x) > INT64_MAX ? INT64_MAX : (int64_t)(x))

#define DEFINE_STARTS(S, READ)                                                                   \
  /* of: a copy that nothing aliases */                                                          \
  MJX_INLINE int64_t starts_by_##S(const mjx_starts of, int64_t step) {                          \
    const mjx_t_##S *restrict index = of.index;                                                  \
    int64_t *restrict offsets = of.offsets, lost = 0;                                            \
    if (of.clip) {                                                                               \
      for (int64_t i = 0; i < of.n; i++) {                                                       \
        int64_t start = READ(index[i * step]);                                                   \
        start = start < 0 ? 0 : start;                                                           \
        offsets[i] += (start > of.last ? of.last : start) * of.stride;                           \
      }                                                                                          \
    } else {                                                                                     \
      for (int64_t i = 0; i < of.n; i++) {                                                       \
        int64_t start = READ(index[i * step]), offset = offsets[i];                              \
        int64_t none = (start < 0) | (start > of.last) | (offset == MJX_NO_WINDOW);              \
        offsets[i] = none ? MJX_NO_WINDOW : offset + start * of.stride;                          \
        lost |= none;                                                                            \
      }                                                                                          \
    }                                                                                            \
    return lost;                                                                                 \
  }                                                                                              \
  static int64_t starts_##S(const mjx_starts *starts) {                                          \
    return starts->step == 1 ? starts_by_##S(*starts, 1) : starts_by_##S(*starts, starts->step); \
  }

static void lines_up(int64_t n, int64_t first, int64_t step, int64_t *to) {
  /* steps, not products: few CPUs multiply vectors of 64 bits */
  for (int64_t i = 0; i < n; i++, first += step) to[i] = first;
}

/* Whether all of n indices of 32 bits are in [0, last]. */
static int all_inside(int64_t n, const int32_t *index, uint32_t last) {
  uint32_t outside = 0;
  for (int64_t i = 0; i < n; i++) outside |= (uint32_t)index[i] > last;
  return !outside;
}

/* The most common kind: indices of 32 bits that lie next to each other, all within bounds, and
 * steps that fit in 32 bits too.  False, with nothing done, if it is not of that kind. */
MJX_INLINE int starts_narrow(const mjx_starts of) {
  int64_t reach = of.stride < 0 ? -of.stride : of.stride;
  if (of.step != 1 || of.gaps || of.last > INT32_MAX || reach > INT32_MAX / (of.last + 1)) return 0;
  const int32_t *restrict index = of.index, stride = (int32_t)of.stride;
  int64_t *restrict offsets = of.offsets;
  if (!all_inside(of.n, index, (uint32_t)of.last)) return 0;
  for (int64_t i = 0; i < of.n; i++) offsets[i] += index[i] * stride;
  return 1;
}

DEFINE_STARTS(i8, INDEX_SAME)
DEFINE_STARTS(i16, INDEX_SAME)
DEFINE_STARTS(i32, INDEX_SAME)
DEFINE_STARTS(i64, INDEX_SAME)
DEFINE_STARTS(u8, INDEX_SAME)
DEFINE_STARTS(u16, INDEX_SAME)
DEFINE_STARTS(u32, INDEX_SAME)
DEFINE_STARTS(u64, INDEX_FITS)

static int64_t starts_i32_or_narrow(const mjx_starts *starts) {
  return starts_narrow(*starts) ? 0 : starts_i32(starts);
}

static const mjx_starts_fn starts_table[MJX_N_DTYPES] = {
    [MJX_I8] = starts_i8,   [MJX_I16] = starts_i16, [MJX_I32] = starts_i32_or_narrow,
    [MJX_I64] = starts_i64, [MJX_U8] = starts_u8,   [MJX_U16] = starts_u16,
    [MJX_U32] = starts_u32, [MJX_U64] = starts_u64,
};

/* ---- places of single elements ---- */

#define BELOW_0_i32(x) ((x) < 0)
#define BELOW_0_i64(x) ((x) < 0)
#define BELOW_0_u32(x) 0

#define DEFINE_PLACES(S)                                                                    \
  MJX_INLINE int places_by_##S(const mjx_places of, int dims, int clip, int64_t step) {     \
    const mjx_t_##S *restrict first = of.index[0], *restrict second = of.index[1];          \
    int32_t *restrict to = of.to, lost = 0;                                                 \
    const mjx_t_##S last0 = (mjx_t_##S)of.last[0], last1 = (mjx_t_##S)of.last[1];           \
    for (int32_t i = 0; i < (int32_t)of.n; i++) {                                           \
      mjx_t_##S a = first[i * step], b = dims > 1 ? second[i * step] : 0;                   \
      int32_t none = BELOW_0_##S(a) | (a > last0) | BELOW_0_##S(b) | (b > last1);           \
      if (clip) {                                                                           \
        a = BELOW_0_##S(a) ? 0 : a;                                                         \
        a = a > last0 ? last0 : a;                                                          \
        b = BELOW_0_##S(b) ? 0 : b;                                                         \
        b = b > last1 ? last1 : b;                                                          \
      }                                                                                     \
      int32_t place = (int32_t)a * of.stride[0] + (int32_t)b * of.stride[1] + i * of.move;  \
      to[i] = none && !clip ? MJX_NO_PLACE : place;                                         \
      lost |= none;                                                                         \
    }                                                                                       \
    return lost && !clip;                                                                   \
  }                                                                                         \
  MJX_INLINE int places_in_##S(const mjx_places *of, int dims, int clip) {                  \
    if (of->step == 1) return places_by_##S(*of, dims, clip, 1);                            \
    if (of->step == 2) return places_by_##S(*of, dims, clip, 2);                            \
    return places_by_##S(*of, dims, clip, of->step);                                        \
  }                                                                                         \
  static int places_##S(const mjx_places *of) {                                             \
    if (of->dims == 1) return of->clip ? places_in_##S(of, 1, 1) : places_in_##S(of, 1, 0); \
    return of->clip ? places_in_##S(of, 2, 1) : places_in_##S(of, 2, 0);                    \
  }
DEFINE_PLACES(i32)
DEFINE_PLACES(u32)
DEFINE_PLACES(i64)

static const mjx_places_fn places_table[MJX_N_DTYPES] = {
    [MJX_I32] = places_i32, [MJX_U32] = places_u32, [MJX_I64] = places_i64};
