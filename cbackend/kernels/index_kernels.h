/* index_kernels.h: where GATHER's and SCATTER's windows begin, included once per instruction set
 * by blocks_impl.h: one dim of the operand at a time. */

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

/* The place of the first of n words that is less than a limit; n if there is none. */
static int64_t first_below(int64_t n, const uint64_t *words, uint64_t limit) {
  enum { AT_ONCE = 16 };
  int64_t i = 0;
  for (int below = 0; i + AT_ONCE <= n; i += AT_ONCE) {
    for (int j = 0; j < AT_ONCE; j++) below |= words[i + j] < limit;
    if (below) break;
  }
  while (i < n && words[i] >= limit) i++;
  return i;
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
