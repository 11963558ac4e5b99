/* The text of factors_impl.h for one type: reflections 1 - tau v v^T, made as LAPACK's larfg makes
 * them (Golub and Van Loan, Matrix Computations, 5.1).  No include guard.
 *
 * A vector v has a one at its own row and zeros before it, as far as its first block reaches, so
 * that whole blocks serve.
 */

typedef REAL F(lanes)
    __attribute__((vector_size(8 * sizeof(REAL)), aligned(sizeof(REAL)), may_alias));
typedef REAL F(half)
    __attribute__((vector_size(4 * sizeof(REAL)), aligned(sizeof(REAL)), may_alias));

enum { F(BLOCK) = 8 };
#define BLOCK         F(BLOCK)
#define BLOCK_OF(row) ((row) / BLOCK * BLOCK)
#define AT(x, row)    (*(F(lanes) *)((x) + (row)))
#define READ(x, row)  (*(const F(lanes) *)((x) + (row)))

MJX_INLINE REAL F(total)(F(lanes) x) {
  F(half) low, high;
  __builtin_memcpy(&low, &x, sizeof low);
  __builtin_memcpy(&high, (const char *)&x + sizeof low, sizeof high);
  F(half) s = low + high;
  return (s[0] + s[2]) + (s[1] + s[3]);
}

/* Whether all of n elements, whole vectors, are finite. */
MJX_INLINE int F(all_finite)(const REAL *x, int64_t n) {
  F(lanes) sums = {0};
  for (int64_t i = 0; i < n; i += BLOCK) sums += READ(x, i) * 0;
  return F(total)(sums) == 0;
}

MJX_INLINE int F(any)(const REAL *x, int64_t from, int64_t to) {
  for (int64_t r = from; r < to; r++)
    if (x[r] != 0) return 1;
  return 0;
}

/* The reflection that leaves of x's rows from `at` on only the first, beta.  0 if out of range. */
MJX_INLINE int F(reflect)(const REAL *x, int64_t at, int64_t rows, REAL *v, REAL *beta, REAL *tau) {
  F(lanes) sums = {0};
  int64_t first = BLOCK_OF(at);
  for (int64_t b = first; b < rows; b += BLOCK) AT(v, b) = READ(x, b);
  for (int64_t r = first; r <= at; r++) v[r] = 0;
  for (int64_t b = first; b < rows; b += BLOCK) sums += READ(v, b) * READ(v, b);
  REAL square = F(total)(sums), alpha = x[at];
  *beta = alpha, *tau = 0;
  v[at] = 1;
  if (square == 0) return !F(any)(x, at + 1, rows);
  square += alpha * alpha;
  if (!(square > LEAST_SQUARE && square < MOST_SQUARE)) return 0;
  *beta = -BUILTIN(copysign)(BUILTIN(sqrt)(square), alpha);
  *tau = (*beta - alpha) / *beta;
  REAL scale = 1 / (alpha - *beta);
  for (int64_t b = first; b < rows; b += BLOCK) AT(v, b) *= scale;
  v[at] = 1;
  return 1;
}

/* column -= tau v v^T column */
MJX_INLINE void F(apply)(const REAL *v, REAL tau, REAL *column, int64_t first, int64_t rows) {
  F(lanes) sums = {0};
  for (int64_t b = first; b < rows; b += BLOCK) sums += READ(v, b) * READ(column, b);
  REAL factor = tau * F(total)(sums);
  for (int64_t b = first; b < rows; b += BLOCK) AT(column, b) -= factor * READ(v, b);
}

static int F(qr)(int64_t m, int64_t n, void *a_, void *taus_) {
  REAL *a = a_, *taus = taus_, v[MJX_FACTOR_ROWS], beta;
  int64_t rows = mjx_factor_rows(m), k = m < n ? m : n;
  if (!F(all_finite)(a, rows * n)) return 0;
  for (int64_t j = 0; j < k; j++) {
    REAL *column = a + j * rows;
    int64_t first = BLOCK_OF(j);
    if (!F(reflect)(column, j, rows, v, &beta, &taus[j])) return 0;
    for (int64_t c = j + 1; c < n && taus[j] != 0; c++)
      F(apply)(v, taus[j], a + c * rows, first, rows);
    for (int64_t r = j + 1; r < m; r++) column[r] = v[r];
    column[j] = beta;
  }
  return 1;
}

/* The vectors of k reflections stand in the columns of a; that of column j begins in row j + down.
 * Column j + down of q becomes that of their product; the last n - k are theirs of the identity. */
MJX_INLINE void F(multiply)(int64_t m, int64_t n, int64_t k, int64_t down, const REAL *a, REAL *q,
                            const REAL *taus) {
  REAL v[MJX_FACTOR_ROWS];
  int64_t rows = mjx_factor_rows(m);
  for (int64_t c = k + down; c < n; c++) {
    for (int64_t b = 0; b < rows; b += BLOCK) AT(q, c * rows + b) = (F(lanes)){0};
    q[c * rows + c] = 1;
  }
  for (int64_t j = k - 1; j >= 0; j--) {
    int64_t at = j + down, first = BLOCK_OF(at);
    REAL tau = taus[j], *column = q + at * rows;
    for (int64_t b = first; b < rows; b += BLOCK) AT(v, b) = READ(a, j * rows + b);
    for (int64_t r = first; r < at; r++) v[r] = 0;
    v[at] = 1;
    for (int64_t c = at + 1; c < n && tau != 0; c++) F(apply)(v, tau, q + c * rows, first, rows);
    for (int64_t b = 0; b < first; b += BLOCK) AT(column, b) = (F(lanes)){0};
    for (int64_t b = first; b < rows; b += BLOCK) AT(column, b) = 0 - tau * READ(v, b);
    column[at] = 1 - tau;
  }
}

static int F(product)(int64_t m, int64_t n, int64_t k, void *a, const void *taus_) {
  const REAL *taus = taus_;
  int64_t rows = mjx_factor_rows(m);
  if (!F(all_finite)(a, rows * n)) return 0;
  for (int64_t j = 0; j < k; j++)
    if (!(BUILTIN(fabs)(taus[j]) < MOST_NORM)) return 0;
  F(multiply)(m, n, k, 0, a, a, taus);
  return 1;
}

/* A column, `blocks` of its blocks from row `first` on, less what the j columns before it make of
 * it. */
MJX_INLINE void F(eliminate)(REAL *a, int64_t rows, int64_t j, int64_t first, int blocks) {
  F(lanes) sums[4];
  REAL *column = a + j * rows + first;
  for (int i = 0; i < blocks; i++) sums[i] = READ(column, i * BLOCK);
  for (int64_t k = 0; k < j; k++) {
    const REAL *before = a + k * rows;
    REAL factor = before[j];
    for (int i = 0; i < blocks; i++) sums[i] -= READ(before, first + i * BLOCK) * factor;
  }
  for (int i = 0; i < blocks; i++) AT(column, i * BLOCK) = sums[i];
}

/* Column by column (Golub and Van Loan, Matrix Computations, 4.2.5). */
static int F(cholesky)(int64_t n, void *a_) {
  REAL *a = a_;
  int64_t rows = mjx_factor_rows(n);
  for (int64_t j = 0; j < n; j++) {
    REAL *column = a + j * rows;
    int64_t b = BLOCK_OF(j);
    for (; b + 4 * BLOCK <= rows; b += 4 * BLOCK) F(eliminate)(a, rows, j, b, 4);
    for (; b + 2 * BLOCK <= rows; b += 2 * BLOCK) F(eliminate)(a, rows, j, b, 2);
    if (b < rows) F(eliminate)(a, rows, j, b, 1);
    REAL pivot = column[j];
    if (!(pivot > 0)) return 0;
    pivot = BUILTIN(sqrt)(pivot);
    for (b = BLOCK_OF(j); b < rows; b += BLOCK) AT(column, b) /= pivot;
    column[j] = pivot;
  }
  return 1;
}
