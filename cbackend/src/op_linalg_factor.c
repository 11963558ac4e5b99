/* op_linalg_factor.c: CHOLESKY, TRIANGULAR_SOLVE, LU, PIVOTS_TO_PERMUTATION, TRIDIAGONAL_SOLVE
 * and CHOLESKY_UPDATE. */
#include <math.h>
#include <string.h>

#include "blocks.h"
#include "factors.h"
#include "linalg.h"

/* What gfortran appends for each character argument. */
#define CHAR ((size_t)1)

static int64_t cost_of(double batch, double flops) { return (int64_t)MJX_MIN(batch * flops, 1e15); }

/* ---- CHOLESKY ---- */

typedef void (*potrf_fn)(const char *, const int *, void *, const int *, int *, size_t);

/* Real matrices for which LAPACK's calls cost more than the work. */
static void small_cholesky_one(const mjx_linalg_job *job) {
  const mjx_linalg *plan = job->plan;
  int64_t n = plan->n, size = mjx_dtype_size(plan->dtype);
  char *l = mjx_linalg_out(job, 0);
  mjx_linalg_load(job, 0, l);
  char *a = mjx_linalg_pad(job, 0, n, n, l);
  if (!mjx_factor_kernels_get()[plan->dtype == MJX_F64].cholesky(n, a)) {
    mjx_linalg_fill_nan(l, n * n, plan->dtype);
    return;
  }
  for (int64_t c = 0; c < n; c++)
    memcpy(l + c * (n + 1) * size, a + (c * mjx_factor_rows(n) + c) * size,
           (size_t)((n - c) * size));
}

static void cholesky_one(const mjx_linalg_job *job) {
  const mjx_linalg *plan = job->plan;
  char *l = mjx_linalg_out(job, 0);
  int info = 0, lda = MJX_MAX(1, plan->n);
  mjx_linalg_load(job, 0, l);
  ((potrf_fn)plan->routine[0])("L", &plan->n, l, &lda, &info, CHAR);
  if (info != 0) mjx_linalg_fill_nan(l, (int64_t)plan->n * plan->n, plan->dtype);
}

mjx_status mjx_op_cholesky_check(mjx_loader *loader, mjx_instr *instr) {
  mjx_linalg *plan;
  MJX_TRY(mjx_check_counts(instr, 1, 1, 0));
  MJX_TRY(mjx_check_real(&instr->in[0], "a", 3));
  MJX_TRY(mjx_linalg_start(loader, instr, &instr->in[0], &plan));
  int64_t n = instr->in[0].shape[2];
  const int64_t shape[3] = {plan->batch, n, n};
  MJX_TRY(mjx_linalg_expect(&instr->in[0], "a", plan->dtype, 3, shape));
  MJX_TRY(mjx_linalg_expect_out(&instr->out[0], "l", plan->dtype, 3, shape));
  MJX_TRY(mjx_linalg_int(n, &plan->n));
  MJX_TRY(mjx_linalg_copies(loader, instr, 0));
  bool small = n > 0 && n <= MJX_FACTOR_ROWS && !plan->complex;
  if (small) MJX_TRY(mjx_linalg_reserve_padded(instr, 0, n, n));
  plan->one = small ? small_cholesky_one : cholesky_one;
  double work = (double)n * (double)n * (double)n;
  plan->cost =
      cost_of((double)plan->batch, small ? 50 + 2 * (double)(n * n) + work / 24 : 200 + work / 10);
  return mjx_linalg_find(plan, 0, "potrf", "potrf");
}

/* ---- TRIANGULAR_SOLVE ---- */

/* Small real systems: by substitution, in place.  Element (i, j) of the triangle lies at i *
 * a_row + j * a_column, of the right sides and solutions at i * x_row + j * x_column. */
enum {
  SMALL_SOLVE = 1 << 10, /* multiplications */
  LARGE_SOLVE = 1 << 18,
  MAX_PARTS = 8
};
typedef struct small_solve {
  bool lower, unit;
  int64_t n, count; /* unknowns, right sides */
  int64_t a_row, a_column, x_row, x_column;
} small_solve;
#define DEFINE_SMALL_SOLVE(T)                                                  \
  static void small_solve_##T(const small_solve *s, const T *a, T *x) {        \
    for (int64_t step = 0; step < s->n; step++) {                              \
      int64_t k = s->lower ? step : s->n - 1 - step;                           \
      int64_t first = s->lower ? k + 1 : 0, last = s->lower ? s->n : k;        \
      T pivot = s->unit ? 1 : a[k * (s->a_row + s->a_column)];                 \
      for (int64_t c = 0; c < s->count; c++) {                                 \
        T *column = x + c * s->x_column, value = column[k * s->x_row] / pivot; \
        const T *factors = a + k * s->a_column;                                \
        column[k * s->x_row] = value;                                          \
        for (int64_t r = first; r < last; r++)                                 \
          column[r * s->x_row] -= factors[r * s->a_row] * value;               \
      }                                                                        \
    }                                                                          \
  }
DEFINE_SMALL_SOLVE(float)
DEFINE_SMALL_SOLVE(double)

enum { LEFT, LOWER, TRANS, UNIT }; /* modes */
enum { TAKEN, FLIPPED, PACKED };   /* plan->k: how `a` is given to BLAS */
enum { TRANS_NONE, TRANS_PLAIN, TRANS_CONJUGATE };

typedef void (*trsm_fn)(const char *, const char *, const char *, const char *, const int *,
                        const int *, const void *, const void *, const int *, void *, const int *,
                        size_t, size_t, size_t, size_t);

static void triangular_solve_one(const mjx_linalg_job *job) {
  const mjx_linalg *plan = job->plan;
  const mjx_operand *a = &job->instr->in[0];
  const float one[2] = {1, 0};
  const double one_d[2] = {1, 0};
  const void *matrix = mjx_linalg_item(job, a);
  int order = plan->mode[LEFT] ? plan->m : plan->n;
  int lda = MJX_MAX(1, order), ldb = MJX_MAX(1, plan->m);
  bool flipped = plan->k == FLIPPED, lower = plan->mode[LOWER] != flipped;
  int trans = plan->mode[TRANS];
  if (plan->k == PACKED) {
    mjx_linalg_load(job, 0, mjx_linalg_scratch(job, 0));
    matrix = mjx_linalg_scratch(job, 0);
  } else if (order > 1) {
    lda = (int)a->strides[flipped ? 2 : 1];
  }
  if (flipped) trans = trans == TRANS_NONE ? TRANS_PLAIN : TRANS_NONE;
  char *x = mjx_linalg_out(job, 0);
  mjx_linalg_load(job, 1, x);
  const void *alpha = plan->real_type == MJX_F32 ? (const void *)one : (const void *)one_d;
  ((trsm_fn)plan->routine[0])(plan->mode[LEFT] ? "L" : "R", lower ? "L" : "U", &"NTC"[trans],
                              plan->mode[UNIT] ? "U" : "N", &plan->m, &plan->n, alpha, matrix, &lda,
                              x, &ldb, CHAR, CHAR, CHAR, CHAR);
}

static void small_solve_one(const mjx_linalg_job *job) {
  const mjx_linalg *plan = job->plan;
  const mjx_operand *a = &job->instr->in[0];
  bool left = plan->mode[LEFT], trans = plan->mode[TRANS] != TRANS_NONE;
  /* from the right: the transposed system */
  bool turned = trans == left;
  small_solve s = {.lower = plan->mode[LOWER] != turned,
                   .unit = plan->mode[UNIT],
                   .n = left ? plan->m : plan->n,
                   .count = left ? plan->n : plan->m,
                   .a_row = a->strides[turned ? 1 : 2],
                   .a_column = a->strides[turned ? 2 : 1],
                   .x_row = left ? 1 : plan->m,
                   .x_column = left ? plan->m : 1};
  const void *matrix = mjx_linalg_item(job, a);
  void *x = mjx_linalg_out(job, 0);
  mjx_linalg_load(job, 1, x);
  if (plan->dtype == MJX_F32)
    small_solve_float(&s, matrix, x);
  else
    small_solve_double(&s, matrix, x);
}

static int64_t strip_of(const mjx_linalg *plan) {
  return 2 * mjx_block_kernels_get()->vector_bytes / mjx_dtype_size(plan->dtype);
}

static int64_t n_strips(const mjx_linalg *plan) {
  return (plan->m + strip_of(plan) - 1) / strip_of(plan);
}

/* Right sides that lie side by side, from `begin` to `end` in strips of two vectors. */
static void solve_strips(const mjx_linalg_job *job, int64_t begin, int64_t end) {
  const mjx_linalg *plan = job->plan;
  const mjx_operand *a = &job->instr->in[0];
  const mjx_block_kernels *kernels = mjx_block_kernels_get();
  bool plain = plan->mode[TRANS] == TRANS_NONE, forwards = plan->mode[LOWER] != plain;
  int64_t strip = strip_of(plan), last = plan->n - 1;
  const char *matrix = mjx_linalg_item(job, a);
  char *x = mjx_linalg_out(job, 0) + begin * strip * a->size;
  mjx_solve s = {.n = plan->n,
                 .count = MJX_MIN(end * strip, plan->m) - begin * strip,
                 .a_row = a->strides[plain ? 1 : 2],
                 .a_column = a->strides[plain ? 2 : 1],
                 .x_row = plan->m,
                 .unit = plan->mode[UNIT]};
  if (!forwards) { /* from the last unknown on, it is the same */
    matrix += last * (s.a_row + s.a_column) * a->size;
    x += last * s.x_row * a->size;
    s.a_row = -s.a_row, s.a_column = -s.a_column, s.x_row = -s.x_row;
  }
  s.a = matrix;
  s.x = x;
  kernels->solve[plan->dtype == MJX_F64](&s);
}

static void solve_one(const mjx_linalg_job *job) {
  mjx_linalg_load(job, 1, mjx_linalg_out(job, 0));
  solve_strips(job, 0, n_strips(job->plan));
}

/* Few large systems: each in parts of its right sides, which are in place by now. */
static void solve_parts(void *arg, int64_t begin, int64_t end, char *scratch) {
  (void)scratch;
  mjx_linalg_job job = *(const mjx_linalg_job *)arg;
  int64_t parts = job.plan->parts, strips = n_strips(job.plan);
  for (int64_t i = begin; i < end; i++) {
    int64_t part = i % parts;
    job.item = i / parts;
    solve_strips(&job, strips * part / parts, strips * (part + 1) / parts);
  }
}

mjx_status mjx_op_triangular_solve_run(const mjx_instr *instr, mjx_frame *frame) {
  const mjx_linalg *plan = instr->plan;
  if (plan->parts == 1) return mjx_linalg_run(instr, frame);
  mjx_linalg_job job = {instr, plan, frame, 0, NULL};
  for (; job.item < plan->batch; job.item++) mjx_linalg_load(&job, 1, mjx_linalg_out(&job, 0));
  mjx_pool_for(plan->batch * plan->parts, plan->cost, 0, NULL, solve_parts, &job);
  return MJX_OK;
}

/* BLAS takes columns that are contiguous; rows that are, it takes as the transpose. */
static int how_taken(const mjx_operand *a, bool conjugate) {
  int64_t n = a->shape[1], column = a->strides[1], row = a->strides[2];
  if (n <= 1 || (row == 1 && column >= n && column <= INT32_MAX)) return TAKEN;
  if (!conjugate && column == 1 && row >= n && row <= INT32_MAX) return FLIPPED;
  return PACKED;
}

mjx_status mjx_op_triangular_solve_check(mjx_loader *loader, mjx_instr *instr) {
  mjx_linalg *plan;
  MJX_TRY(mjx_check_counts(instr, 1, 2, 4));
  const mjx_operand *a = &instr->in[0], *b = &instr->in[1];
  MJX_TRY(mjx_check_real(a, "a", 3));
  MJX_TRY(mjx_check_real(b, "b", 3));
  MJX_TRY(mjx_linalg_start(loader, instr, a, &plan));
  for (int i = 0; i < 4; i++) {
    if (instr->params[i] < 0 || instr->params[i] > (i == TRANS ? 2 : 1))
      return mjx_fail(MJX_INVALID, "parameter %d is %lld", i, (long long)instr->params[i]);
    plan->mode[i] = (int)instr->params[i];
  }
  int64_t n = a->shape[2];
  const int64_t a_shape[3] = {plan->batch, n, n};
  const int64_t b_shape[3] = {plan->batch, plan->mode[LEFT] ? b->shape[1] : n,
                              plan->mode[LEFT] ? n : b->shape[2]};
  MJX_TRY(mjx_linalg_expect(a, "a", plan->dtype, 3, a_shape));
  MJX_TRY(mjx_linalg_expect(b, "b", plan->dtype, 3, b_shape));
  MJX_TRY(mjx_linalg_expect_out(&instr->out[0], "x", plan->dtype, 3, b_shape));
  MJX_TRY(mjx_linalg_int(b_shape[2], &plan->m));
  MJX_TRY(mjx_linalg_int(b_shape[1], &plan->n));
  plan->k = how_taken(a, plan->mode[TRANS] == TRANS_CONJUGATE);
  MJX_TRY(mjx_linalg_copies(loader, instr, 0));
  MJX_TRY(mjx_linalg_copies(loader, instr, 1));
  double work = (double)n * plan->m * (double)plan->n;
  bool small = work <= SMALL_SOLVE && !plan->complex;
  bool by_rows = !small && !plan->mode[LEFT] && !plan->complex;
  plan->one = small ? small_solve_one : by_rows ? solve_one : triangular_solve_one;
  plan->parts = 1;
  if (by_rows && work >= LARGE_SOLVE && plan->batch < MAX_PARTS)
    plan->parts = (int)MJX_MIN(MAX_PARTS, n_strips(plan));
  if (plan->k == PACKED && !by_rows) MJX_TRY(mjx_linalg_reserve(instr, 0, n * n, a->size));
  plan->cost = cost_of((double)plan->batch, small     ? 30 + work / 2
                                            : by_rows ? 50 + work / 50
                                                      : 200 + work / 10);
  return mjx_linalg_find(plan, 0, "trsm", "trsm");
}

/* ---- LU ---- */

typedef void (*getrf_fn)(const int *, const int *, void *, const int *, int *, int *);

static void swap(int32_t *values, int64_t a, int64_t b) {
  int32_t value = values[a];
  values[a] = values[b];
  values[b] = value;
}

/* Small real matrices take less time than LAPACK's call. */
enum { SMALL_LU = 48 };

static void small_lu_one(const mjx_linalg_job *job) {
  const mjx_linalg *plan = job->plan;
  char *lu = mjx_linalg_out(job, 0);
  int32_t *pivots = (void *)mjx_linalg_out(job, 1), *rows = (void *)mjx_linalg_out(job, 2);
  mjx_linalg_load(job, 0, lu);
  mjx_block_kernels_get()->lu[plan->dtype == MJX_F64](plan->m, plan->n, lu, pivots);
  for (int i = 0; i < plan->m; i++) rows[i] = i;
  for (int i = 0; i < plan->k; i++) swap(rows, i, pivots[i]);
}

static void lu_one(const mjx_linalg_job *job) {
  const mjx_linalg *plan = job->plan;
  char *lu = mjx_linalg_out(job, 0);
  int32_t *pivots = (void *)mjx_linalg_out(job, 1), *rows = (void *)mjx_linalg_out(job, 2);
  int *ipiv = mjx_linalg_scratch(job, 0);
  int info = 0, lda = MJX_MAX(1, plan->m);
  mjx_linalg_load(job, 0, lu);
  ((getrf_fn)plan->routine[0])(&plan->m, &plan->n, lu, &lda, ipiv, &info);
  if (info < 0) mjx_linalg_fill_nan(lu, (int64_t)plan->m * plan->n, plan->dtype);
  for (int i = 0; i < plan->m; i++) rows[i] = i;
  for (int i = 0; i < plan->k; i++) {
    int at = info < 0 ? i : ipiv[i] - 1;
    swap(rows, i, MJX_MAX(0, MJX_MIN(at, plan->m - 1)));
  }
  for (int i = 0; i < plan->k; i++) pivots[i] = info < 0 ? i : ipiv[i] - 1;
}

mjx_status mjx_op_lu_check(mjx_loader *loader, mjx_instr *instr) {
  mjx_linalg *plan;
  MJX_TRY(mjx_check_counts(instr, 3, 1, 0));
  const mjx_operand *a = &instr->in[0];
  MJX_TRY(mjx_check_real(a, "a", 3));
  MJX_TRY(mjx_linalg_start(loader, instr, a, &plan));
  int64_t n = a->shape[1], m = a->shape[2], k = MJX_MIN(m, n);
  const int64_t pivots[2] = {plan->batch, k}, rows[2] = {plan->batch, m};
  MJX_TRY(mjx_linalg_expect_out(&instr->out[0], "lu", plan->dtype, 3, a->shape));
  MJX_TRY(mjx_linalg_expect_out(&instr->out[1], "pivots", MJX_I32, 2, pivots));
  MJX_TRY(mjx_linalg_expect_out(&instr->out[2], "the permutation", MJX_I32, 2, rows));
  MJX_TRY(mjx_linalg_int(m, &plan->m));
  MJX_TRY(mjx_linalg_int(n, &plan->n));
  MJX_TRY(mjx_linalg_int(k, &plan->k));
  MJX_TRY(mjx_linalg_copies(loader, instr, 0));
  MJX_TRY(mjx_linalg_reserve(instr, 0, k, sizeof(int)));
  bool small = MJX_MAX(m, n) <= SMALL_LU && !plan->complex;
  plan->one = small ? small_lu_one : lu_one;
  double work = (double)m * (double)n * (double)k;
  plan->cost = cost_of((double)plan->batch, small ? 30 + work / 8 : 200 + work / 10);
  return mjx_linalg_find(plan, 0, "getrf", "getrf");
}

/* ---- PIVOTS_TO_PERMUTATION ---- */

static void permutation_one(const mjx_linalg_job *job) {
  const mjx_linalg *plan = job->plan;
  const mjx_operand *in = &job->instr->in[0];
  const char *pivots = mjx_linalg_item(job, in);
  int32_t *rows = (void *)mjx_linalg_out(job, 0);
  for (int i = 0; i < plan->n; i++) rows[i] = i;
  for (int i = 0; i < plan->k; i++) {
    int32_t at;
    memcpy(&at, pivots + i * in->strides[1] * in->size, sizeof at);
    if (at < 0) at += plan->n; /* counted from the end, as an index is */
    swap(rows, i, MJX_MAX(0, MJX_MIN(at, plan->n - 1)));
  }
}

mjx_status mjx_op_pivots_to_permutation_check(mjx_loader *loader, mjx_instr *instr) {
  mjx_linalg *plan;
  MJX_TRY(mjx_check_counts(instr, 1, 1, 0));
  const mjx_operand *in = &instr->in[0], *out = &instr->out[0];
  MJX_TRY(mjx_check_real(in, "the pivots", 2));
  MJX_TRY(mjx_check_real(out, "the permutation", 2));
  MJX_ALLOC(loader, plan, sizeof *plan);
  instr->plan = plan;
  plan->batch = in->shape[0];
  const int64_t shape[2] = {plan->batch, out->shape[1]};
  MJX_TRY(mjx_linalg_expect(in, "the pivots", MJX_I32, 2, in->shape));
  MJX_TRY(mjx_linalg_expect_out(out, "the permutation", MJX_I32, 2, shape));
  if (in->shape[1] > out->shape[1]) return mjx_fail(MJX_INVALID, "more pivots than rows");
  MJX_TRY(mjx_linalg_int(in->shape[1], &plan->k));
  MJX_TRY(mjx_linalg_int(out->shape[1], &plan->n));
  plan->one = permutation_one;
  plan->cost = cost_of((double)plan->batch, 2 * (double)plan->n);
  return MJX_OK;
}

/* ---- TRIDIAGONAL_SOLVE ---- */

typedef void (*gtsv_fn)(const int *, const int *, void *, void *, void *, void *, const int *,
                        int *);

static void tridiagonal_solve_one(const mjx_linalg_job *job) {
  const mjx_linalg *plan = job->plan;
  char *x = mjx_linalg_out(job, 0);
  int info = 0, ldb = MJX_MAX(1, plan->m);
  for (int i = 0; i < 3; i++) mjx_linalg_load(job, i, mjx_linalg_scratch(job, i));
  mjx_linalg_load(job, 3, x);
  char *lower = mjx_linalg_scratch(job, 0); /* whose first element stands for nothing */
  ((gtsv_fn)plan->routine[0])(&plan->m, &plan->n, lower + job->instr->in[0].size,
                              mjx_linalg_scratch(job, 1), mjx_linalg_scratch(job, 2), x, &ldb,
                              &info);
  if (info != 0) mjx_linalg_fill_nan(x, (int64_t)plan->m * plan->n, plan->dtype);
}

mjx_status mjx_op_tridiagonal_solve_check(mjx_loader *loader, mjx_instr *instr) {
  mjx_linalg *plan;
  MJX_TRY(mjx_check_counts(instr, 1, 4, 0));
  const mjx_operand *b = &instr->in[3];
  MJX_TRY(mjx_check_real(b, "b", 3));
  MJX_TRY(mjx_linalg_start(loader, instr, b, &plan));
  int64_t m = b->shape[2];
  const int64_t diagonal[2] = {plan->batch, m};
  for (int i = 0; i < 3; i++) {
    MJX_TRY(mjx_linalg_expect(&instr->in[i], "a diagonal", plan->dtype, 2, diagonal));
    MJX_TRY(mjx_linalg_copies(loader, instr, i));
    MJX_TRY(mjx_linalg_reserve(instr, i, m + 1, b->size));
  }
  MJX_TRY(mjx_linalg_expect_out(&instr->out[0], "x", plan->dtype, 3, b->shape));
  MJX_TRY(mjx_linalg_copies(loader, instr, 3));
  MJX_TRY(mjx_linalg_int(m, &plan->m));
  MJX_TRY(mjx_linalg_int(b->shape[1], &plan->n));
  plan->one = tridiagonal_solve_one;
  plan->cost = cost_of((double)plan->batch, 100 + 5 * (double)m * plan->n);
  return mjx_linalg_find(plan, 0, "gtsv", "gtsv");
}

/* ---- CHOLESKY_UPDATE ---- */

/* Rotates rows of [r; w^T] until w is gone, so that r^T r grows by w w^T: one Givens rotation a
 * row (Golub and Van Loan, Matrix Computations, 6.5.4).  r is row-major. */
#define DEFINE_UPDATE(type, SQRT, FABS, COPYSIGN)                \
  static void update_##type(type *r, type *w, int64_t n) {       \
    for (int64_t k = 0; k < n; k++) {                            \
      type *row = r + k * n, a = row[k], b = w[k], c = 1, s = 0; \
      if (b != 0 && FABS(b) > FABS(a)) {                         \
        type t = -a / b;                                         \
        s = 1 / SQRT(1 + t * t);                                 \
        c = s * t;                                               \
      } else if (b != 0) {                                       \
        type t = -b / a;                                         \
        c = 1 / SQRT(1 + t * t);                                 \
        s = c * t;                                               \
      }                                                          \
      type sign = COPYSIGN((type)1, c * a - s * b);              \
      for (int64_t j = 0; j < n; j++) {                          \
        type upper = row[j], lower = w[j];                       \
        row[j] = sign * (c * upper - s * lower);                 \
        w[j] = sign * (s * upper + c * lower);                   \
      }                                                          \
    }                                                            \
  }
DEFINE_UPDATE(float, sqrtf, fabsf, copysignf)
DEFINE_UPDATE(double, sqrt, fabs, copysign)

static void cholesky_update_one(const mjx_linalg_job *job) {
  char *r = mjx_linalg_out(job, 0), *w = mjx_linalg_scratch(job, 0);
  mjx_linalg_load(job, 0, r);
  mjx_linalg_load(job, 1, w);
  if (job->plan->dtype == MJX_F32)
    update_float((void *)r, (void *)w, job->plan->n);
  else
    update_double((void *)r, (void *)w, job->plan->n);
}

mjx_status mjx_op_cholesky_update_check(mjx_loader *loader, mjx_instr *instr) {
  mjx_linalg *plan;
  MJX_TRY(mjx_check_counts(instr, 1, 2, 0));
  MJX_TRY(mjx_check_real(&instr->in[0], "r", 3));
  MJX_TRY(mjx_linalg_start(loader, instr, &instr->in[0], &plan));
  if (plan->complex) return mjx_fail(MJX_INVALID, "not for complex matrices");
  int64_t n = instr->in[0].shape[2];
  const int64_t shape[3] = {plan->batch, n, n};
  MJX_TRY(mjx_linalg_expect(&instr->in[0], "r", plan->dtype, 3, shape));
  MJX_TRY(mjx_linalg_expect(&instr->in[1], "w", plan->dtype, 2, shape));
  MJX_TRY(mjx_linalg_expect_out(&instr->out[0], "the result", plan->dtype, 3, shape));
  MJX_TRY(mjx_linalg_int(n, &plan->n));
  MJX_TRY(mjx_linalg_copies(loader, instr, 0));
  MJX_TRY(mjx_linalg_copies(loader, instr, 1));
  plan->one = cholesky_update_one;
  plan->cost = cost_of((double)plan->batch, (double)n * (double)n);
  return mjx_linalg_reserve(instr, 0, n, instr->in[0].size);
}

/* ---- runs ---- */

#define DEFINE_RUN(name)                                                     \
  mjx_status mjx_op_##name##_run(const mjx_instr *instr, mjx_frame *frame) { \
    return mjx_linalg_run(instr, frame);                                     \
  }
DEFINE_RUN(cholesky)
DEFINE_RUN(lu)
DEFINE_RUN(pivots_to_permutation)
DEFINE_RUN(tridiagonal_solve)
DEFINE_RUN(cholesky_update)
