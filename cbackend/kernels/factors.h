/* factors.h: factorisations of small dense matrices, in the steps that LAPACK's routines take, so
 * that signs are theirs too.
 *
 * Matrices are column-major; each column has mjx_factor_rows(m) elements, zeros after the first m.
 * But for cholesky, a kernel returns 0 where elements are not finite, or so large or small that LAPACK would scale
 * them; what it was to write is then undefined.
 */
#ifndef MJX_FACTORS_H
#define MJX_FACTORS_H

#include <stdint.h>

enum { MJX_FACTOR_LANES = 8, MJX_FACTOR_ROWS = 64, MJX_EIGH_ROWS = 32 };

/* Rows of a column in memory. */
static inline int64_t mjx_factor_rows(int64_t m) {
  return (m + MJX_FACTOR_LANES - 1) / MJX_FACTOR_LANES * MJX_FACTOR_LANES;
}

typedef struct mjx_factor_kernels {
  /* geqrf: a [m, n] becomes R, and under it the vectors of min(m, n) reflections; all extents at
   * most MJX_FACTOR_ROWS.  taus: [min(m, n)]. */
  int (*qr)(int64_t m, int64_t n, void *a, void *taus);
  /* orgqr: the vectors of k reflections in a [m, n], k <= n <= m <= MJX_FACTOR_ROWS, become the
   * first n columns of their product. */
  int (*product)(int64_t m, int64_t n, int64_t k, void *a, const void *taus);
  /* potrf: of a symmetric matrix, n <= MJX_FACTOR_ROWS, of which the lower triangle is read, the
   * lower factor in its place.  0 if it is not positive definite. */
  int (*cholesky)(int64_t n, void *a);
  /* syevd: of a symmetric matrix, n <= MJX_EIGH_ROWS, the values in ascending order in w and, but
   * for v NULL, the vectors in v; a is used up. */
  int (*eigh)(int64_t n, void *a, void *v, void *w);
} mjx_factor_kernels;

/* [0: F32, 1: F64], of the instruction set that mjx_isa_name() names; static storage. */
const mjx_factor_kernels *mjx_factor_kernels_get(void);

#endif /* MJX_FACTORS_H */
