/* index_kernels.h: where GATHER's and SCATTER's windows begin, included once per instruction set
 * by blocks_impl.h.  One dim of the operand at a time. */

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
  for (int64_t i = 0; i < n; i++) to[i] = first + i * step;
}

DEFINE_STARTS(i8, INDEX_SAME)
DEFINE_STARTS(i16, INDEX_SAME)
DEFINE_STARTS(i32, INDEX_SAME)
DEFINE_STARTS(i64, INDEX_SAME)
DEFINE_STARTS(u8, INDEX_SAME)
DEFINE_STARTS(u16, INDEX_SAME)
DEFINE_STARTS(u32, INDEX_SAME)
DEFINE_STARTS(u64, INDEX_FITS)

static const mjx_starts_fn starts_table[MJX_N_DTYPES] = {
    [MJX_I8] = starts_i8, [MJX_I16] = starts_i16, [MJX_I32] = starts_i32, [MJX_I64] = starts_i64,
    [MJX_U8] = starts_u8, [MJX_U16] = starts_u16, [MJX_U32] = starts_u32, [MJX_U64] = starts_u64,
};
