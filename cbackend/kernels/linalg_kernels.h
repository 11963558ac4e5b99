/* linalg_kernels.h: factorisations of matrices for which LAPACK's calls cost more than the work,
 * included once per instruction set by blocks_impl.h.
 */

/* LU with partial pivoting, column by column, each less what the columns before it make of it,
 * two of those at a time (Golub and Van Loan, Matrix Computations, 3.2.9 with 3.4.4).  As
 * LAPACK's getrf: a is column-major, and rows k and pivot[k] change places, from 0 on; a
 * column without a pivot is left as it is. */
#define DEFINE_LU(S, T, FABS)                                                                \
  MJX_INLINE void swap_##S(T *a, int64_t i, int64_t j) {                                     \
    T value = a[i];                                                                          \
    a[i] = a[j], a[j] = value;                                                               \
  }                                                                                          \
  /* column -= the first `count` columns of L times what they meet in it */                  \
  MJX_INLINE void eliminate_##S(int64_t m, int64_t count, const T *l, T *restrict column) {  \
    int64_t k = 0;                                                                           \
    for (; k + 2 <= count; k += 2) {                                                         \
      const T *restrict l0 = l + k * m, *restrict l1 = l0 + m;                               \
      T u0 = column[k], u1 = column[k + 1] - l0[k + 1] * u0;                                 \
      column[k + 1] = u1;                                                                    \
      for (int64_t r = k + 2; r < m; r++) column[r] = (column[r] - l0[r] * u0) - l1[r] * u1; \
    }                                                                                        \
    for (; k < count; k++)                                                                   \
      for (int64_t r = k + 1; r < m; r++) column[r] -= l[k * m + r] * column[k];             \
  }                                                                                          \
  static void lu_##S(int64_t m, int64_t n, void *a_, int32_t *pivots) {                      \
    T *a = a_;                                                                               \
    for (int64_t j = 0; j < n; j++) {                                                        \
      T *column = a + j * m;                                                                 \
      int64_t before = j < m ? j : m, best = j;                                              \
      for (int64_t k = 0; k < before; k++) swap_##S(column, k, pivots[k]);                   \
      eliminate_##S(m, before, a, column);                                                   \
      if (j >= m) continue;                                                                  \
      for (int64_t r = j + 1; r < m; r++)                                                    \
        if (FABS(column[r]) > FABS(column[best])) best = r;                                  \
      pivots[j] = (int32_t)best;                                                             \
      if (column[best] == 0) continue;                                                       \
      for (int64_t k = 0; k <= j && best != j; k++) swap_##S(a + k * m, j, best);            \
      T pivot = column[j];                                                                   \
      for (int64_t r = j + 1; r < m; r++) column[r] /= pivot;                                \
    }                                                                                        \
  }
DEFINE_LU(f32, float, __builtin_fabsf)
DEFINE_LU(f64, double, __builtin_fabs)

static const mjx_lu_fn lu_table[2] = {lu_f32, lu_f64};
