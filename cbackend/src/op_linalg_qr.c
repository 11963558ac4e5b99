/* op_linalg_qr.c: GEQRF, GEQP3, HOUSEHOLDER_PRODUCT and ORMQR: Householder factorisations. */
#include "factors.h"
#include "linalg.h"

#define CHAR ((size_t)1)

enum { WORK, RWORK, PIVOTS, REFLECTORS, MATRIX }; /* scratch places */

static int64_t cost_of(const mjx_linalg *plan, double flops) {
  return (int64_t)MJX_MIN((double)plan->batch * (500 + flops / 5), 1e15);
}

/* The matrix a [B, n, m]; extents and copying. */
static mjx_status start(mjx_loader *loader, mjx_instr *instr, mjx_linalg **plan) {
  const mjx_operand *a = &instr->in[0];
  MJX_TRY(mjx_check_real(a, "a", 3));
  MJX_TRY(mjx_linalg_start(loader, instr, a, plan));
  MJX_TRY(mjx_linalg_int(a->shape[2], &(*plan)->m));
  MJX_TRY(mjx_linalg_int(a->shape[1], &(*plan)->n));
  (*plan)->k = MJX_MIN((*plan)->m, (*plan)->n);
  return mjx_linalg_copies(loader, instr, 0);
}

static mjx_status reserve_work(mjx_instr *instr, const void *asked, int64_t least) {
  mjx_linalg *plan = instr->plan;
  MJX_TRY(mjx_linalg_workspace(plan, asked, least, &plan->lwork));
  return mjx_linalg_reserve(instr, WORK, plan->lwork, instr->in[0].size);
}

/* Real matrices for which LAPACK's calls cost more than the work: plan->mode[SMALL]. */
enum { SMALL = 3 };

static mjx_status plan_small(mjx_instr *instr, double flops) {
  mjx_linalg *plan = instr->plan;
  plan->mode[SMALL] = !plan->complex && plan->k > 0 && MJX_MAX(plan->m, plan->n) <= MJX_FACTOR_ROWS;
  if (!plan->mode[SMALL]) return MJX_OK;
  plan->cost = (int64_t)((double)plan->batch * (50 + 10 * plan->k * plan->n + flops / 8));
  return mjx_linalg_reserve_padded(instr, MATRIX, plan->m, plan->n);
}

static const mjx_factor_kernels *kernels_of(const mjx_linalg *plan) {
  return &mjx_factor_kernels_get()[plan->dtype == MJX_F64];
}

/* ---- GEQRF ---- */

typedef void (*geqrf_fn)(const int *, const int *, void *, const int *, void *, void *, const int *,
                         int *);

static void geqrf_one(const mjx_linalg_job *job) {
  const mjx_linalg *plan = job->plan;
  char *a = mjx_linalg_out(job, 0), *taus = mjx_linalg_out(job, 1);
  int info = 0, lda = MJX_MAX(1, plan->m);
  mjx_linalg_load(job, 0, a);
  if (plan->mode[SMALL] &&
      kernels_of(plan)->qr(plan->m, plan->n, mjx_linalg_pad(job, MATRIX, plan->m, plan->n, a),
                           taus)) {
    mjx_linalg_unpad(job, MATRIX, plan->m, plan->n, a);
    return;
  }
  ((geqrf_fn)plan->routine[0])(&plan->m, &plan->n, a, &lda, taus, mjx_linalg_scratch(job, WORK),
                               &plan->lwork, &info);
  if (info != 0) mjx_linalg_fill_nan(a, (int64_t)plan->m * plan->n, plan->dtype);
  if (info != 0) mjx_linalg_fill_nan(taus, plan->k, plan->dtype);
}

mjx_status mjx_op_geqrf_check(mjx_loader *loader, mjx_instr *instr) {
  mjx_linalg *plan;
  double asked[2] = {0}, none[2] = {0};
  int query = -1, info = 0;
  MJX_TRY(mjx_check_counts(instr, 2, 1, 0));
  MJX_TRY(start(loader, instr, &plan));
  const int64_t taus[2] = {plan->batch, plan->k};
  MJX_TRY(mjx_linalg_expect_out(&instr->out[0], "a", plan->dtype, 3, instr->in[0].shape));
  MJX_TRY(mjx_linalg_expect_out(&instr->out[1], "taus", plan->dtype, 2, taus));
  MJX_TRY(mjx_linalg_find(plan, 0, "geqrf", "geqrf"));
  int lda = MJX_MAX(1, plan->m);
  ((geqrf_fn)plan->routine[0])(&plan->m, &plan->n, none, &lda, none, asked, &query, &info);
  double flops = 2.0 * plan->m * plan->n * plan->k;
  plan->one = geqrf_one;
  plan->cost = cost_of(plan, flops);
  MJX_TRY(plan_small(instr, flops));
  return reserve_work(instr, asked, plan->n);
}

/* ---- GEQP3 ---- */

typedef void (*geqp3_fn)(const int *, const int *, void *, const int *, int *, void *, void *,
                         const int *, int *);
typedef void (*geqp3_complex_fn)(const int *, const int *, void *, const int *, int *, void *,
                                 void *, const int *, void *, int *);

static void call_geqp3(const mjx_linalg *plan, void *a, int *pivots, void *taus, void *work,
                       const int *lwork, void *rwork, int *info) {
  int lda = MJX_MAX(1, plan->m);
  if (plan->complex)
    ((geqp3_complex_fn)plan->routine[0])(&plan->m, &plan->n, a, &lda, pivots, taus, work, lwork,
                                         rwork, info);
  else
    ((geqp3_fn)plan->routine[0])(&plan->m, &plan->n, a, &lda, pivots, taus, work, lwork, info);
}

static void geqp3_one(const mjx_linalg_job *job) {
  const mjx_linalg *plan = job->plan;
  char *a = mjx_linalg_out(job, 0), *taus = mjx_linalg_out(job, 2);
  int32_t *order = (void *)mjx_linalg_out(job, 1);
  int *pivots = mjx_linalg_scratch(job, PIVOTS), info = 0;
  mjx_linalg_load(job, 0, a);
  mjx_linalg_load(job, 1, pivots);
  call_geqp3(plan, a, pivots, taus, mjx_linalg_scratch(job, WORK), &plan->lwork,
             mjx_linalg_scratch(job, RWORK), &info);
  if (info != 0) mjx_linalg_fill_nan(a, (int64_t)plan->m * plan->n, plan->dtype);
  if (info != 0) mjx_linalg_fill_nan(taus, plan->k, plan->dtype);
  for (int i = 0; i < plan->n; i++) order[i] = pivots[i];
}

mjx_status mjx_op_geqp3_check(mjx_loader *loader, mjx_instr *instr) {
  mjx_linalg *plan;
  double asked[2] = {0}, none[2] = {0};
  int query = -1, info = 0, pivot = 0;
  MJX_TRY(mjx_check_counts(instr, 3, 2, 0));
  MJX_TRY(start(loader, instr, &plan));
  const int64_t order[2] = {plan->batch, plan->n}, taus[2] = {plan->batch, plan->k};
  MJX_TRY(mjx_linalg_expect(&instr->in[1], "the pivots", MJX_I32, 2, order));
  MJX_TRY(mjx_linalg_expect_out(&instr->out[0], "a", plan->dtype, 3, instr->in[0].shape));
  MJX_TRY(mjx_linalg_expect_out(&instr->out[1], "the pivots", MJX_I32, 2, order));
  MJX_TRY(mjx_linalg_expect_out(&instr->out[2], "taus", plan->dtype, 2, taus));
  MJX_TRY(mjx_linalg_copies(loader, instr, 1));
  MJX_TRY(mjx_linalg_find(plan, 0, "geqp3", "geqp3"));
  call_geqp3(plan, none, &pivot, none, asked, &query, none, &info);
  MJX_TRY(mjx_linalg_reserve(instr, RWORK, 2 * (int64_t)plan->n, 8));
  MJX_TRY(mjx_linalg_reserve(instr, PIVOTS, plan->n, sizeof(int)));
  plan->one = geqp3_one;
  plan->cost = cost_of(plan, 4.0 * plan->m * plan->n * plan->k);
  return reserve_work(instr, asked, 3 * (int64_t)plan->n + 1);
}

/* ---- HOUSEHOLDER_PRODUCT ---- */

typedef void (*orgqr_fn)(const int *, const int *, const int *, void *, const int *, const void *,
                         void *, const int *, int *);

static void householder_product_one(const mjx_linalg_job *job) {
  const mjx_linalg *plan = job->plan;
  char *q = mjx_linalg_out(job, 0);
  void *taus = mjx_linalg_scratch(job, REFLECTORS);
  int info = 0, lda = MJX_MAX(1, plan->m);
  mjx_linalg_load(job, 0, q);
  mjx_linalg_load(job, 1, taus);
  if (plan->mode[SMALL] &&
      kernels_of(plan)->product(plan->m, plan->n, plan->k,
                                mjx_linalg_pad(job, MATRIX, plan->m, plan->n, q), taus)) {
    mjx_linalg_unpad(job, MATRIX, plan->m, plan->n, q);
    return;
  }
  ((orgqr_fn)plan->routine[0])(&plan->m, &plan->n, &plan->k, q, &lda, taus,
                               mjx_linalg_scratch(job, WORK), &plan->lwork, &info);
  if (info != 0) mjx_linalg_fill_nan(q, (int64_t)plan->m * plan->n, plan->dtype);
}

mjx_status mjx_op_householder_product_check(mjx_loader *loader, mjx_instr *instr) {
  mjx_linalg *plan;
  double asked[2] = {0}, none[2] = {0};
  int query = -1, info = 0;
  MJX_TRY(mjx_check_counts(instr, 1, 2, 0));
  MJX_TRY(mjx_check_real(&instr->in[1], "taus", 2));
  MJX_TRY(start(loader, instr, &plan));
  MJX_TRY(mjx_linalg_int(instr->in[1].shape[1], &plan->k));
  const int64_t taus[2] = {plan->batch, plan->k};
  MJX_TRY(mjx_linalg_expect(&instr->in[1], "taus", plan->dtype, 2, taus));
  MJX_TRY(mjx_linalg_expect_out(&instr->out[0], "q", plan->dtype, 3, instr->in[0].shape));
  if (plan->n > plan->m || plan->k > plan->n)
    return mjx_fail(MJX_INVALID, "%d reflectors for [%d, %d]", plan->k, plan->m, plan->n);
  MJX_TRY(mjx_linalg_copies(loader, instr, 1));
  MJX_TRY(mjx_linalg_find(plan, 0, "orgqr", "ungqr"));
  int lda = MJX_MAX(1, plan->m);
  ((orgqr_fn)plan->routine[0])(&plan->m, &plan->n, &plan->k, none, &lda, none, asked, &query,
                               &info);
  MJX_TRY(mjx_linalg_reserve(instr, REFLECTORS, plan->k, instr->in[1].size));
  double flops = 4.0 * plan->m * plan->n * plan->k;
  plan->one = householder_product_one;
  plan->cost = cost_of(plan, flops);
  MJX_TRY(plan_small(instr, flops));
  return reserve_work(instr, asked, plan->n);
}

/* ---- ORMQR ---- */

enum { LEFT, TRANSPOSE }; /* modes */

typedef void (*ormqr_fn)(const char *, const char *, const int *, const int *, const int *, void *,
                         const int *, const void *, void *, const int *, void *, const int *, int *,
                         size_t, size_t);

static void call_ormqr(const mjx_linalg *plan, void *a, const void *taus, void *c, void *work,
                       const int *lwork, int *info) {
  int lda = MJX_MAX(1, plan->mode[LEFT] ? plan->m : plan->n), ldc = MJX_MAX(1, plan->m);
  const char *trans = !plan->mode[TRANSPOSE] ? "N" : plan->complex ? "C" : "T";
  ((ormqr_fn)plan->routine[0])(plan->mode[LEFT] ? "L" : "R", trans, &plan->m, &plan->n, &plan->k, a,
                               &lda, taus, c, &ldc, work, lwork, info, CHAR, CHAR);
}

static void ormqr_one(const mjx_linalg_job *job) {
  const mjx_linalg *plan = job->plan;
  char *c = mjx_linalg_out(job, 0);
  void *a = mjx_linalg_scratch(job, MATRIX), *taus = mjx_linalg_scratch(job, REFLECTORS);
  int info = 0;
  mjx_linalg_load(job, 0, a); /* LAPACK changes a and restores it */
  mjx_linalg_load(job, 1, taus);
  mjx_linalg_load(job, 2, c);
  call_ormqr(plan, a, taus, c, mjx_linalg_scratch(job, WORK), &plan->lwork, &info);
  if (info != 0) mjx_linalg_fill_nan(c, (int64_t)plan->m * plan->n, plan->dtype);
}

static mjx_status check_ormqr(mjx_instr *instr, mjx_linalg *plan) {
  const mjx_operand *a = &instr->in[0], *c = &instr->in[2];
  MJX_TRY(mjx_check_real(&instr->in[1], "taus", 2));
  MJX_TRY(mjx_check_real(c, "c", 3));
  MJX_TRY(mjx_linalg_int(instr->in[1].shape[1], &plan->k));
  const int64_t taus[2] = {plan->batch, plan->k},
                c_shape[3] = {plan->batch, c->shape[1], c->shape[2]};
  MJX_TRY(mjx_linalg_expect(&instr->in[1], "taus", plan->dtype, 2, taus));
  MJX_TRY(mjx_linalg_expect(c, "c", plan->dtype, 3, c_shape));
  MJX_TRY(mjx_linalg_expect_out(&instr->out[0], "c", plan->dtype, 3, c_shape));
  for (int i = 0; i < 2; i++) plan->mode[i] = instr->params[i] != 0;
  MJX_TRY(mjx_linalg_int(c->shape[2], &plan->m));
  MJX_TRY(mjx_linalg_int(c->shape[1], &plan->n));
  int order = plan->mode[LEFT] ? plan->m : plan->n;
  if (a->shape[2] != order || a->shape[1] < plan->k || plan->k > order)
    return mjx_fail(MJX_INVALID, "%d reflectors do not fit order %d", plan->k, order);
  return MJX_OK;
}

mjx_status mjx_op_ormqr_check(mjx_loader *loader, mjx_instr *instr) {
  mjx_linalg *plan;
  double asked[2] = {0}, none[2] = {0};
  int query = -1, info = 0;
  MJX_TRY(mjx_check_counts(instr, 1, 3, 2));
  MJX_TRY(start(loader, instr, &plan));
  int64_t elements = (int64_t)plan->m * plan->n;
  MJX_TRY(check_ormqr(instr, plan));
  MJX_TRY(mjx_linalg_copies(loader, instr, 1));
  MJX_TRY(mjx_linalg_copies(loader, instr, 2));
  MJX_TRY(mjx_linalg_find(plan, 0, "ormqr", "unmqr"));
  call_ormqr(plan, none, none, none, asked, &query, &info);
  MJX_TRY(mjx_linalg_reserve(instr, REFLECTORS, plan->k, instr->in[1].size));
  MJX_TRY(mjx_linalg_reserve(instr, MATRIX, elements, instr->in[0].size));
  plan->one = ormqr_one;
  plan->cost = cost_of(plan, 4.0 * plan->m * plan->n * plan->k);
  return reserve_work(instr, asked, plan->mode[LEFT] ? plan->n : plan->m);
}

/* ---- runs ---- */

#define DEFINE_RUN(name)                                                     \
  mjx_status mjx_op_##name##_run(const mjx_instr *instr, mjx_frame *frame) { \
    return mjx_linalg_run(instr, frame);                                     \
  }
DEFINE_RUN(geqrf)
DEFINE_RUN(geqp3)
DEFINE_RUN(householder_product)
DEFINE_RUN(ormqr)
