/* window_kernels.h: reductions over windows, included once per instruction set by blocks_impl.h,
 * after reduce_kernels.h, whose operations they share.
 *
 * A row of windows is reduced in two steps: `lines` combines the lines of the input that the row
 * sees, element by element; `places` combines the places of each window along the line that
 * results.  Both begin with the operation's identity.
 */

#define DEFINE_WINDOW(kind, S, OP)                                                          \
  static MJX_FN void window_##kind##_##S##_lines(int64_t n_lines, const void *const *lines, \
                                                 int64_t n, const void *identity,           \
                                                 void *restrict to_) {                      \
    const mjx_t_##S first = *(const mjx_t_##S *)identity;                                   \
    mjx_t_##S *restrict to = to_;                                                           \
    const mjx_t_##S *x0 = lines[0], *x1 = lines[n_lines > 1];                               \
    if (n_lines == 1) {                                                                     \
      for (int64_t i = 0; i < n; i++) to[i] = OP(first, x0[i]);                             \
    } else {                                                                                \
      for (int64_t i = 0; i < n; i++) to[i] = OP(OP(first, x0[i]), x1[i]);                  \
    }                                                                                       \
    int64_t l = 2;                                                                          \
    for (; l + 2 <= n_lines; l += 2) {                                                      \
      x0 = lines[l], x1 = lines[l + 1];                                                     \
      for (int64_t i = 0; i < n; i++) to[i] = OP(OP(to[i], x0[i]), x1[i]);                  \
    }                                                                                       \
    if (l >= n_lines) return;                                                               \
    x0 = lines[l];                                                                          \
    for (int64_t i = 0; i < n; i++) to[i] = OP(to[i], x0[i]);                               \
  }                                                                                         \
  /* Cells of one element; `step` is a number where the compiler has shuffles for it. */    \
  MJX_INLINE void window_##kind##_##S##_single(const mjx_window_places *w, int64_t step) {  \
    const mjx_t_##S first = *(const mjx_t_##S *)w->identity, *in = w->in;                   \
    mjx_t_##S *restrict to = w->to;                                                         \
    int64_t n = w->n, k = 2;                                                                \
    const mjx_t_##S *x1 = in + (w->n_places > 1 ? w->apart : 0);                            \
    if (w->n_places == 1) {                                                                 \
      for (int64_t i = 0; i < n; i++) to[i] = OP(first, in[i * step]);                      \
    } else {                                                                                \
      for (int64_t i = 0; i < n; i++) to[i] = OP(OP(first, in[i * step]), x1[i * step]);    \
    }                                                                                       \
    for (; k < w->n_places; k++) {                                                          \
      const mjx_t_##S *x = in + k * w->apart;                                               \
      for (int64_t i = 0; i < n; i++) to[i] = OP(to[i], x[i * step]);                       \
    }                                                                                       \
  }                                                                                         \
  static MJX_FN void window_##kind##_##S##_places(const mjx_window_places *w) {             \
    if (w->cells == 1 && w->step == 2) {                                                    \
      window_##kind##_##S##_single(w, 2);                                                   \
      return;                                                                               \
    }                                                                                       \
    if (w->cells == 1) {                                                                    \
      window_##kind##_##S##_single(w, w->step);                                             \
      return;                                                                               \
    }                                                                                       \
    const mjx_t_##S first = *(const mjx_t_##S *)w->identity, *x = w->in;                    \
    mjx_t_##S *restrict to = w->to;                                                         \
    int64_t cells = w->cells, apart = w->apart;                                             \
    for (int64_t i = 0; i < w->n; i++, to += cells, x += w->step) {                         \
      if (w->n_places == 1) {                                                               \
        for (int64_t c = 0; c < cells; c++) to[c] = OP(first, x[c]);                        \
        continue;                                                                           \
      }                                                                                     \
      for (int64_t c = 0; c < cells; c++) to[c] = OP(OP(first, x[c]), x[apart + c]);        \
      for (int64_t k = 2; k < w->n_places; k++)                                             \
        for (int64_t c = 0; c < cells; c++) to[c] = OP(to[c], x[k * apart + c]);            \
    }                                                                                       \
  }

#define WINDOW_UNSIGNED(kind, OP) \
  DEFINE_WINDOW(kind, u8, OP)     \
  DEFINE_WINDOW(kind, u16, OP)    \
  DEFINE_WINDOW(kind, u32, OP)    \
  DEFINE_WINDOW(kind, u64, OP)
#define WINDOW_SIGNED(kind, OP) \
  DEFINE_WINDOW(kind, i8, OP)   \
  DEFINE_WINDOW(kind, i16, OP)  \
  DEFINE_WINDOW(kind, i32, OP)  \
  DEFINE_WINDOW(kind, i64, OP)
WINDOW_UNSIGNED(sum, OP_SUM)
WINDOW_UNSIGNED(prod, OP_PROD)
WINDOW_UNSIGNED(and, OP_AND)
WINDOW_UNSIGNED(or, OP_OR)
WINDOW_UNSIGNED(xor, OP_XOR)
WINDOW_UNSIGNED(max, OP_MAX)
WINDOW_UNSIGNED(min, OP_MIN)
WINDOW_SIGNED(max, OP_MAX)
WINDOW_SIGNED(min, OP_MIN)
DEFINE_WINDOW(sum, f32, OP_SUM)
DEFINE_WINDOW(sum, f64, OP_SUM)
DEFINE_WINDOW(prod, f32, OP_PROD)
DEFINE_WINDOW(prod, f64, OP_PROD)
DEFINE_WINDOW(max, f32, nanmax_f32)
DEFINE_WINDOW(max, f64, nanmax_f64)
DEFINE_WINDOW(min, f32, nanmin_f32)
DEFINE_WINDOW(min, f64, nanmin_f64)
DEFINE_WINDOW(sum, c64, sum_c64)
DEFINE_WINDOW(sum, c128, sum_c128)
DEFINE_WINDOW(prod, c64, prod_c64)
DEFINE_WINDOW(prod, c128, prod_c128)

#define WINDOW(kind, S) {window_##kind##_##S##_lines, window_##kind##_##S##_places}
#define INTEGER_WINDOWS(kind, s8, s16, s32, s64)                                             \
  [MJX_I8] = WINDOW(kind, s8), [MJX_I16] = WINDOW(kind, s16), [MJX_I32] = WINDOW(kind, s32), \
  [MJX_I64] = WINDOW(kind, s64), [MJX_U8] = WINDOW(kind, u8), [MJX_U16] = WINDOW(kind, u16), \
  [MJX_U32] = WINDOW(kind, u32), [MJX_U64] = WINDOW(kind, u64)
#define FLOAT_WINDOWS(kind)   [MJX_F32] = WINDOW(kind, f32), [MJX_F64] = WINDOW(kind, f64)
#define COMPLEX_WINDOWS(kind) [MJX_C64] = WINDOW(kind, c64), [MJX_C128] = WINDOW(kind, c128)

/* Booleans are bytes 0 and 1: a sum is their or, a product their and. */
static const mjx_window_kernel window_table[MJX_N_REDUCE_KINDS][MJX_N_DTYPES] = {
    [MJX_SUM] = {[MJX_BOOL] = WINDOW(or, u8),
                 INTEGER_WINDOWS(sum, u8, u16, u32, u64),
                 FLOAT_WINDOWS(sum),
                 COMPLEX_WINDOWS(sum)},
    [MJX_PROD] = {[MJX_BOOL] = WINDOW(and, u8),
                  INTEGER_WINDOWS(prod, u8, u16, u32, u64),
                  FLOAT_WINDOWS(prod),
                  COMPLEX_WINDOWS(prod)},
    [MJX_MAX] = {[MJX_BOOL] = WINDOW(or, u8),
                 INTEGER_WINDOWS(max, i8, i16, i32, i64),
                 FLOAT_WINDOWS(max)},
    [MJX_MIN] = {[MJX_BOOL] = WINDOW(and, u8),
                 INTEGER_WINDOWS(min, i8, i16, i32, i64),
                 FLOAT_WINDOWS(min)},
    [MJX_AND] = {[MJX_BOOL] = WINDOW(and, u8), INTEGER_WINDOWS(and, u8, u16, u32, u64)},
    [MJX_OR] = {[MJX_BOOL] = WINDOW(or, u8), INTEGER_WINDOWS(or, u8, u16, u32, u64)},
    [MJX_XOR] = {[MJX_BOOL] = WINDOW(xor, u8), INTEGER_WINDOWS(xor, u8, u16, u32, u64)},
};

/* ---- where the extremes are ---- */

#define DEFINE_WINDOW_EXTREMES(kind, S, KEEPS)                                                     \
  MJX_INLINE void window_extreme_run_##kind##_##S(                                                 \
      int64_t n, mjx_t_##S *restrict value, int64_t *restrict index, const mjx_t_##S *restrict in, \
      int64_t step, int64_t flat, int64_t flat_step, int keep_first) {                             \
    for (int64_t i = 0; i < n; i++) {                                                              \
      const mjx_t_##S a = value[i], x = in[i * step];                                              \
      const int64_t at = index[i], other = flat + i * flat_step;                                   \
      int keep = (keep_first | (at >= 0)) & (a KEEPS x);                                           \
      value[i] = keep ? a : x;                                                                     \
      index[i] = keep ? at : other;                                                                \
    }                                                                                              \
  }                                                                                                \
  static MJX_FN void window_extremes_##kind##_##S(const mjx_window_extremes *w) {                  \
    mjx_t_##S *value = w->value;                                                                   \
    const mjx_t_##S *in = w->in;                                                                   \
    int64_t *index = w->index, n = w->n, cells = w->cells, flat = w->flat;                         \
    int first = w->keep_first;                                                                     \
    if (cells == 1 && w->step == 2) {                                                              \
      window_extreme_run_##kind##_##S(n, value, index, in, 2, flat, w->flat_step, first);          \
    } else if (cells == 1) {                                                                       \
      window_extreme_run_##kind##_##S(n, value, index, in, w->step, flat, w->flat_step, first);    \
    } else {                                                                                       \
      for (; n > 0; n--, value += cells, index += cells, in += w->step, flat += w->flat_step)      \
        window_extreme_run_##kind##_##S(cells, value, index, in, 1, flat, 1, first);               \
    }                                                                                              \
  }
#define BOTH_WINDOW_EXTREMES(S)      \
  DEFINE_WINDOW_EXTREMES(max, S, >=) \
  DEFINE_WINDOW_EXTREMES(min, S, <=)
BOTH_WINDOW_EXTREMES(u8)
BOTH_WINDOW_EXTREMES(u16)
BOTH_WINDOW_EXTREMES(u32)
BOTH_WINDOW_EXTREMES(u64)
BOTH_WINDOW_EXTREMES(i8)
BOTH_WINDOW_EXTREMES(i16)
BOTH_WINDOW_EXTREMES(i32)
BOTH_WINDOW_EXTREMES(i64)
BOTH_WINDOW_EXTREMES(f32)
BOTH_WINDOW_EXTREMES(f64)

#define WINDOW_EXTREMES(S) {window_extremes_max_##S, window_extremes_min_##S}
static const mjx_window_extremes_fn window_extremes[MJX_N_DTYPES][2] = {
    [MJX_BOOL] = WINDOW_EXTREMES(u8), [MJX_I8] = WINDOW_EXTREMES(i8),
    [MJX_I16] = WINDOW_EXTREMES(i16), [MJX_I32] = WINDOW_EXTREMES(i32),
    [MJX_I64] = WINDOW_EXTREMES(i64), [MJX_U8] = WINDOW_EXTREMES(u8),
    [MJX_U16] = WINDOW_EXTREMES(u16), [MJX_U32] = WINDOW_EXTREMES(u32),
    [MJX_U64] = WINDOW_EXTREMES(u64), [MJX_F32] = WINDOW_EXTREMES(f32),
    [MJX_F64] = WINDOW_EXTREMES(f64),
};
