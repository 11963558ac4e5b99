/* op_linalg_eigen.c: EIGH, SVD, EIG, SCHUR, HESSENBERG and TRIDIAGONAL. */
#include <math.h>
#include <string.h>

#include "factors.h"
#include "linalg.h"

#define CHAR ((size_t)1)

/* scratch places */
enum { WORK, RWORK, IWORK, MATRIX, PART0, PART1, PART2, PART3 };

static int64_t cost_of(const mjx_linalg *plan, double factor) {
  double n = MJX_MAX(plan->m, plan->n), k = MJX_MIN(plan->m, plan->n);
  return (int64_t)MJX_MIN((double)plan->batch * (2000 + factor * n * k * k), 1e15);
}

static int real_size(const mjx_linalg *plan) { return mjx_dtype_size(plan->real_type); }

/* The matrix a [B, n, m]; square if asked. */
static mjx_status start(mjx_loader *loader, mjx_instr *instr, bool square, mjx_linalg **plan) {
  const mjx_operand *a = &instr->in[0];
  MJX_TRY(mjx_check_real(a, "a", 3));
  MJX_TRY(mjx_linalg_start(loader, instr, a, plan));
  MJX_TRY(mjx_linalg_int(a->shape[2], &(*plan)->m));
  MJX_TRY(mjx_linalg_int(a->shape[1], &(*plan)->n));
  if (square && (*plan)->m != (*plan)->n) return mjx_fail(MJX_INVALID, "a is not square");
  return mjx_linalg_copies(loader, instr, 0);
}

static mjx_status reserve_work(mjx_instr *instr, const void *asked, int64_t least) {
  mjx_linalg *plan = instr->plan;
  MJX_TRY(mjx_linalg_workspace(plan, asked, least, &plan->lwork));
  return mjx_linalg_reserve(instr, WORK, plan->lwork, instr->in[0].size);
}

static mjx_status expect_matrix(const mjx_instr *instr, int index, int64_t columns, int64_t rows,
                                int dtype) {
  const mjx_linalg *plan = instr->plan;
  const int64_t shape[3] = {plan->batch, columns, rows};
  return mjx_linalg_expect_out(&instr->out[index], "an output", dtype, 3, shape);
}

static mjx_status expect_vector(const mjx_instr *instr, int index, int64_t n, int dtype) {
  const mjx_linalg *plan = instr->plan;
  const int64_t shape[2] = {plan->batch, n};
  return mjx_linalg_expect_out(&instr->out[index], "an output", dtype, 2, shape);
}

static void fail_outputs(const mjx_linalg_job *job) {
  for (int i = 0; i < job->instr->n_out; i++) {
    const mjx_operand *out = &job->instr->out[i];
    mjx_linalg_fill_nan(mjx_linalg_out(job, i), out->n / job->plan->batch, out->dtype);
  }
}

/* ---- EIGH ---- */

enum { LOWER, SMALL_EIGH }; /* modes */

/* To what extent a matrix is small.  With vectors only so far that rounding, which differs from
 * LAPACK's, nearly never turns the sign of one (tests measure that). */
enum { SIGNS_F32 = 3, SIGNS_F64 = 12 };

typedef void (*syevd_fn)(const char *, const char *, const int *, void *, const int *, void *,
                         void *, const int *, int *, const int *, int *, size_t, size_t);
typedef void (*heevd_fn)(const char *, const char *, const int *, void *, const int *, void *,
                         void *, const int *, void *, const int *, int *, const int *, int *,
                         size_t, size_t);

/* Where there is one output, it is the eigenvalues. */
static bool has_vectors(const mjx_instr *instr) { return instr->n_out == 2; }

static void call_eigh(const mjx_instr *instr, void *v, void *w, void *work, const int *lwork,
                      void *rwork, const int *lrwork, int *iwork, const int *liwork, int *info) {
  const mjx_linalg *plan = instr->plan;
  const char *how = has_vectors(instr) ? "V" : "N", *uplo = plan->mode[LOWER] ? "L" : "U";
  int lda = MJX_MAX(1, plan->n);
  if (plan->complex)
    ((heevd_fn)plan->routine[0])(how, uplo, &plan->n, v, &lda, w, work, lwork, rwork, lrwork, iwork,
                                 liwork, info, CHAR, CHAR);
  else
    ((syevd_fn)plan->routine[0])(how, uplo, &plan->n, v, &lda, w, work, lwork, iwork, liwork, info,
                                 CHAR, CHAR);
}

/* Small real matrices whose lower triangle counts: for them LAPACK's calls cost more than the work.
 * v: that triangle in, vectors out.  False: left as it was. */
static bool small_eigh(const mjx_linalg_job *job, char *v, char *w) {
  const mjx_linalg *plan = job->plan;
  int64_t n = plan->n, size = mjx_dtype_size(plan->dtype), rows = mjx_factor_rows(n);
  char *a = mjx_linalg_pad(job, PART0, n, n, v);
  for (int64_t c = 0; c < n; c++)
    for (int64_t r = 0; r < c; r++)
      memcpy(a + (c * rows + r) * size, a + (r * rows + c) * size, (size_t)size);
  void *vectors = has_vectors(job->instr) ? mjx_linalg_scratch(job, PART1) : NULL;
  if (!mjx_factor_kernels_get()[plan->dtype == MJX_F64].eigh(n, a, vectors, w)) return false;
  if (vectors) mjx_linalg_unpad(job, PART1, n, n, v);
  return true;
}

static mjx_status plan_small_eigh(mjx_instr *instr) {
  mjx_linalg *plan = instr->plan;
  int64_t n = plan->n, most = plan->dtype == MJX_F32 ? SIGNS_F32 : SIGNS_F64;
  if (!has_vectors(instr)) most = MJX_EIGH_ROWS;
  plan->mode[SMALL_EIGH] = plan->mode[LOWER] && !plan->complex && n > 0 && n <= most;
  if (!plan->mode[SMALL_EIGH]) return MJX_OK;
  plan->cost = (int64_t)MJX_MIN((double)plan->batch * (double)(100 + 25 * n * n), 1e15);
  MJX_TRY(mjx_linalg_reserve_padded(instr, PART0, n, n));
  return has_vectors(instr) ? mjx_linalg_reserve_padded(instr, PART1, n, n) : MJX_OK;
}

static void eigh_one(const mjx_linalg_job *job) {
  const mjx_linalg *plan = job->plan;
  bool vectors = has_vectors(job->instr);
  char *v = vectors ? mjx_linalg_out(job, 0) : mjx_linalg_scratch(job, MATRIX);
  char *w = mjx_linalg_out(job, vectors);
  int info = 0;
  mjx_linalg_load(job, 0, v);
  if (plan->mode[SMALL_EIGH] && small_eigh(job, v, w)) return;
  call_eigh(job->instr, v, w, mjx_linalg_scratch(job, WORK), &plan->lwork,
            mjx_linalg_scratch(job, RWORK), &plan->lrwork, mjx_linalg_scratch(job, IWORK),
            &plan->liwork, &info);
  if (info != 0) fail_outputs(job);
}

mjx_status mjx_op_eigh_check(mjx_loader *loader, mjx_instr *instr) {
  mjx_linalg *plan;
  double asked[2] = {0}, none[2] = {0};
  int query = -1, info = 0, integers = 0;
  bool vectors = has_vectors(instr);
  MJX_TRY(mjx_check_counts(instr, vectors ? 2 : 1, 1, 1));
  MJX_TRY(start(loader, instr, true, &plan));
  int64_t n = plan->n;
  plan->mode[LOWER] = instr->params[0] != 0;
  if (vectors) MJX_TRY(expect_matrix(instr, 0, n, n, plan->dtype));
  MJX_TRY(expect_vector(instr, vectors, n, plan->real_type));
  MJX_TRY(mjx_linalg_find(plan, 0, "syevd", "heevd"));
  call_eigh(instr, none, none, asked, &query, none, &query, &integers, &query, &info);
  MJX_TRY(mjx_linalg_int(plan->complex ? 1 + 5 * n + 2 * n * n : 1, &plan->lrwork));
  MJX_TRY(mjx_linalg_int(3 + 5 * n, &plan->liwork));
  MJX_TRY(mjx_linalg_reserve(instr, RWORK, plan->lrwork, real_size(plan)));
  MJX_TRY(mjx_linalg_reserve(instr, IWORK, plan->liwork, sizeof(int)));
  if (!vectors) MJX_TRY(mjx_linalg_reserve(instr, MATRIX, n * n, instr->in[0].size));
  plan->one = eigh_one;
  plan->cost = cost_of(plan, vectors ? 2 : 1);
  MJX_TRY(plan_small_eigh(instr));
  return reserve_work(instr, asked, plan->complex ? 2 * n + n * n : 1 + 6 * n + 2 * n * n);
}

/* ---- SVD ---- */

enum { VALUES, THIN, FULL }; /* mode 0 */

typedef void (*gesdd_fn)(const char *, const int *, const int *, void *, const int *, void *,
                         void *, const int *, void *, const int *, void *, const int *, int *,
                         int *, size_t);
typedef void (*gesdd_complex_fn)(const char *, const int *, const int *, void *, const int *,
                                 void *, void *, const int *, void *, const int *, void *,
                                 const int *, void *, int *, int *, size_t);

static void call_svd(const mjx_linalg *plan, void *a, void *s, void *u, void *vt, void *work,
                     const int *lwork, void *rwork, int *iwork, int *info) {
  const char *how = &"NSA"[plan->mode[0]];
  int lda = MJX_MAX(1, plan->m);
  int ldvt = MJX_MAX(1, plan->mode[0] == FULL ? plan->n : plan->k);
  if (plan->complex)
    ((gesdd_complex_fn)plan->routine[0])(how, &plan->m, &plan->n, a, &lda, s, u, &lda, vt, &ldvt,
                                         work, lwork, rwork, iwork, info, CHAR);
  else
    ((gesdd_fn)plan->routine[0])(how, &plan->m, &plan->n, a, &lda, s, u, &lda, vt, &ldvt, work,
                                 lwork, iwork, info, CHAR);
}

static void svd_one(const mjx_linalg_job *job) {
  const mjx_linalg *plan = job->plan;
  void *a = mjx_linalg_scratch(job, MATRIX);
  char *s = mjx_linalg_out(job, 0), unused[16];
  bool vectors = plan->mode[0] != VALUES;
  int info = 0;
  mjx_linalg_load(job, 0, a);
  call_svd(plan, a, s, vectors ? mjx_linalg_out(job, 1) : unused,
           vectors ? mjx_linalg_out(job, 2) : unused, mjx_linalg_scratch(job, WORK), &plan->lwork,
           mjx_linalg_scratch(job, RWORK), mjx_linalg_scratch(job, IWORK), &info);
  if (info != 0) fail_outputs(job);
}

/* The least workspaces, as the manual page of LAPACK's routine states them. */
static int64_t svd_lwork(const mjx_linalg *plan, int64_t least, int64_t most) {
  if (plan->complex)
    return plan->mode[0] == VALUES ? 2 * least + most : least * least + 3 * least + most;
  return plan->mode[0] == VALUES ? 3 * least + MJX_MAX(most, 7 * least)
                                 : 4 * least * least + 7 * least + most;
}

static int64_t svd_lrwork(const mjx_linalg *plan, int64_t least, int64_t most) {
  if (!plan->complex) return 0;
  if (plan->mode[0] == VALUES) return 7 * least;
  int64_t either = 5 * least * least + 5 * least;
  return MJX_MAX(either, 2 * most * least + 2 * least * least + least);
}

mjx_status mjx_op_svd_check(mjx_loader *loader, mjx_instr *instr) {
  mjx_linalg *plan;
  double asked[2] = {0}, none[2] = {0};
  int query = -1, info = 0, integers = 0;
  if (instr->n_params != 1 || instr->params[0] < VALUES || instr->params[0] > FULL)
    return mjx_fail(MJX_INVALID, "wrong parameters");
  MJX_TRY(mjx_check_counts(instr, instr->params[0] == VALUES ? 1 : 3, 1, 1));
  MJX_TRY(start(loader, instr, false, &plan));
  plan->mode[0] = (int)instr->params[0];
  int64_t m = plan->m, n = plan->n, k = MJX_MIN(m, n), most = MJX_MAX(m, n);
  bool full = plan->mode[0] == FULL;
  plan->k = (int)k;
  MJX_TRY(expect_vector(instr, 0, k, plan->real_type));
  if (plan->mode[0] != VALUES) {
    MJX_TRY(expect_matrix(instr, 1, full ? m : k, m, plan->dtype));
    MJX_TRY(expect_matrix(instr, 2, n, full ? n : k, plan->dtype));
  }
  MJX_TRY(mjx_linalg_find(plan, 0, "gesdd", "gesdd"));
  call_svd(plan, none, none, none, none, asked, &query, none, &integers, &info);
  if (k > INT32_MAX / 8) return mjx_fail(MJX_UNSUPPORTED, "too large for LAPACK");
  MJX_TRY(mjx_linalg_reserve(instr, MATRIX, m * n, instr->in[0].size));
  MJX_TRY(mjx_linalg_reserve(instr, RWORK, svd_lrwork(plan, k, most), real_size(plan)));
  MJX_TRY(mjx_linalg_reserve(instr, IWORK, 8 * k, sizeof(int)));
  plan->one = svd_one;
  plan->cost = cost_of(plan, 4);
  return reserve_work(instr, asked, svd_lwork(plan, k, most));
}

/* ---- EIG ---- */

enum { LEFT, RIGHT }; /* modes */

typedef void (*geev_fn)(const char *, const char *, const int *, void *, const int *, void *,
                        void *, void *, const int *, void *, const int *, void *, const int *,
                        int *, size_t, size_t);
typedef void (*geev_complex_fn)(const char *, const char *, const int *, void *, const int *,
                                void *, void *, const int *, void *, const int *, void *,
                                const int *, void *, int *, size_t, size_t);

/* parts: of a real matrix the real and imaginary parts of w; of a complex one w and rwork */
static void call_eig(const mjx_linalg *plan, void *a, void *part0, void *part1, void *vl, void *vr,
                     void *work, const int *lwork, int *info) {
  const char *left = plan->mode[LEFT] ? "V" : "N", *right = plan->mode[RIGHT] ? "V" : "N";
  int lda = MJX_MAX(1, plan->n);
  if (plan->complex)
    ((geev_complex_fn)plan->routine[0])(left, right, &plan->n, a, &lda, part0, vl, &lda, vr, &lda,
                                        work, lwork, part1, info, CHAR, CHAR);
  else
    ((geev_fn)plan->routine[0])(left, right, &plan->n, a, &lda, part0, part1, vl, &lda, vr, &lda,
                                work, lwork, info, CHAR, CHAR);
}

/* LAPACK's real results as complex ones: a conjugate pair of vectors is stored as the real and
 * the imaginary part of the first. */
#define DEFINE_COMPLEX(type)                                                          \
  static bool finite_##type(const type *a, int64_t n) {                               \
    for (int64_t i = 0; i < n; i++)                                                   \
      if (!isfinite(a[i])) return false;                                              \
    return true;                                                                      \
  }                                                                                   \
  static void join_##type(type *w, const type *re, const type *im, int64_t n) {       \
    for (int64_t i = 0; i < n; i++) {                                                 \
      w[2 * i] = re[i];                                                               \
      w[2 * i + 1] = im[i];                                                           \
    }                                                                                 \
  }                                                                                   \
  static void vectors_##type(type *to, const type *from, const type *im, int64_t n) { \
    for (int64_t j = 0; j < n; j++) {                                                 \
      bool pair = im[j] != 0 && j + 1 < n;                                            \
      const type *re = from + j * n, *part = re + n;                                  \
      for (int64_t i = 0; i < n; i++) {                                               \
        to[2 * (j * n + i)] = re[i];                                                  \
        to[2 * (j * n + i) + 1] = pair ? part[i] : 0;                                 \
        if (!pair) continue;                                                          \
        to[2 * ((j + 1) * n + i)] = re[i];                                            \
        to[2 * ((j + 1) * n + i) + 1] = -part[i];                                     \
      }                                                                               \
      j += pair;                                                                      \
    }                                                                                 \
  }
DEFINE_COMPLEX(float)
DEFINE_COMPLEX(double)

static bool is_finite(const mjx_linalg *plan, const void *a) {
  int64_t n = (int64_t)plan->n * plan->n * (plan->complex ? 2 : 1);
  return plan->real_type == MJX_F32 ? finite_float(a, n) : finite_double(a, n);
}

static void store_eig(const mjx_linalg_job *job) {
  const mjx_linalg *plan = job->plan;
  const void *re = mjx_linalg_scratch(job, PART0), *im = mjx_linalg_scratch(job, PART1);
  bool single = plan->real_type == MJX_F32;
  void *w = mjx_linalg_out(job, 0);
  if (single)
    join_float(w, re, im, plan->n);
  else
    join_double(w, re, im, plan->n);
  for (int side = LEFT, out = 1; side <= RIGHT; side++) {
    if (!plan->mode[side]) continue;
    const void *from = mjx_linalg_scratch(job, side == LEFT ? PART2 : PART3);
    void *to = mjx_linalg_out(job, out++);
    if (single)
      vectors_float(to, from, im, plan->n);
    else
      vectors_double(to, from, im, plan->n);
  }
}

static void eig_one(const mjx_linalg_job *job) {
  const mjx_linalg *plan = job->plan;
  void *a = mjx_linalg_scratch(job, MATRIX), *part0 = mjx_linalg_scratch(job, PART0);
  void *vl = mjx_linalg_scratch(job, PART2), *vr = mjx_linalg_scratch(job, PART3);
  int info = 1;
  mjx_linalg_load(job, 0, a);
  if (plan->complex) {
    part0 = mjx_linalg_out(job, 0);
    if (plan->mode[LEFT]) vl = mjx_linalg_out(job, 1);
    if (plan->mode[RIGHT]) vr = mjx_linalg_out(job, 1 + plan->mode[LEFT]);
  }
  if (is_finite(plan, a))
    call_eig(plan, a, part0, mjx_linalg_scratch(job, PART1), vl, vr, mjx_linalg_scratch(job, WORK),
             &plan->lwork, &info);
  if (info != 0)
    fail_outputs(job);
  else if (!plan->complex)
    store_eig(job);
}

mjx_status mjx_op_eig_check(mjx_loader *loader, mjx_instr *instr) {
  mjx_linalg *plan;
  double asked[2] = {0}, none[2] = {0};
  int query = -1, info = 0;
  MJX_TRY(mjx_check_counts(instr, -1, 1, 2));
  MJX_TRY(start(loader, instr, true, &plan));
  for (int i = 0; i < 2; i++) plan->mode[i] = instr->params[i] != 0;
  int n_vectors = plan->mode[LEFT] + plan->mode[RIGHT];
  int out = plan->real_type == MJX_F32 ? MJX_C64 : MJX_C128;
  int64_t n = plan->n;
  MJX_TRY(mjx_check_counts(instr, 1 + n_vectors, 1, 2));
  MJX_TRY(expect_vector(instr, 0, n, out));
  for (int i = 0; i < n_vectors; i++) MJX_TRY(expect_matrix(instr, 1 + i, n, n, out));
  MJX_TRY(mjx_linalg_find(plan, 0, "geev", "geev"));
  call_eig(plan, none, none, none, none, none, asked, &query, &info);
  MJX_TRY(mjx_linalg_reserve(instr, MATRIX, n * n, instr->in[0].size));
  MJX_TRY(mjx_linalg_reserve(instr, PART0, n, real_size(plan)));
  MJX_TRY(mjx_linalg_reserve(instr, PART1, 2 * n, real_size(plan)));
  for (int i = 0; i < 2; i++)
    MJX_TRY(mjx_linalg_reserve(instr, PART2 + i, plan->mode[i] && !plan->complex ? n * n : 0,
                               real_size(plan)));
  plan->one = eig_one;
  plan->cost = cost_of(plan, 10);
  return reserve_work(instr, asked, 4 * n);
}

/* ---- SCHUR ---- */

typedef void (*gees_fn)(const char *, const char *, int (*)(void), const int *, void *, const int *,
                        int *, void *, void *, void *, const int *, void *, const int *, int *,
                        int *, size_t, size_t);
typedef void (*gees_complex_fn)(const char *, const char *, int (*)(void), const int *, void *,
                                const int *, int *, void *, void *, const int *, void *,
                                const int *, void *, int *, int *, size_t, size_t);

static int select_none(void) { return 0; }

static void call_schur(const mjx_linalg *plan, void *t, void *part0, void *part1, void *vs,
                       void *work, const int *lwork, int *chosen, int *info) {
  const char *vectors = plan->mode[0] ? "V" : "N";
  int sdim = 0, lda = MJX_MAX(1, plan->n);
  if (plan->complex)
    ((gees_complex_fn)plan->routine[0])(vectors, "N", select_none, &plan->n, t, &lda, &sdim, part0,
                                        vs, &lda, work, lwork, part1, chosen, info, CHAR, CHAR);
  else
    ((gees_fn)plan->routine[0])(vectors, "N", select_none, &plan->n, t, &lda, &sdim, part0, part1,
                                vs, &lda, work, lwork, chosen, info, CHAR, CHAR);
}

static void schur_one(const mjx_linalg_job *job) {
  const mjx_linalg *plan = job->plan;
  char *t = mjx_linalg_out(job, 0), unused[16];
  int info = 0;
  mjx_linalg_load(job, 0, t);
  call_schur(plan, t, mjx_linalg_scratch(job, PART0), mjx_linalg_scratch(job, PART1),
             plan->mode[0] ? mjx_linalg_out(job, 1) : unused, mjx_linalg_scratch(job, WORK),
             &plan->lwork, mjx_linalg_scratch(job, IWORK), &info);
  if (info != 0) fail_outputs(job);
}

mjx_status mjx_op_schur_check(mjx_loader *loader, mjx_instr *instr) {
  mjx_linalg *plan;
  double asked[2] = {0}, none[2] = {0};
  int query = -1, info = 0, chosen = 0;
  MJX_TRY(mjx_check_counts(instr, -1, 1, 1));
  MJX_TRY(start(loader, instr, true, &plan));
  plan->mode[0] = instr->params[0] != 0;
  int64_t n = plan->n;
  MJX_TRY(mjx_check_counts(instr, 1 + plan->mode[0], 1, 1));
  for (int i = 0; i < instr->n_out; i++) MJX_TRY(expect_matrix(instr, i, n, n, plan->dtype));
  MJX_TRY(mjx_linalg_find(plan, 0, "gees", "gees"));
  call_schur(plan, none, none, none, none, asked, &query, &chosen, &info);
  MJX_TRY(mjx_linalg_reserve(instr, PART0, n, instr->in[0].size));
  MJX_TRY(mjx_linalg_reserve(instr, PART1, n, real_size(plan)));
  MJX_TRY(mjx_linalg_reserve(instr, IWORK, n, sizeof(int)));
  plan->one = schur_one;
  plan->cost = cost_of(plan, 10);
  return reserve_work(instr, asked, 3 * n);
}

/* ---- HESSENBERG ---- */

typedef void (*gehrd_fn)(const int *, const int *, const int *, void *, const int *, void *, void *,
                         const int *, int *);

static void hessenberg_one(const mjx_linalg_job *job) {
  const mjx_linalg *plan = job->plan;
  char *a = mjx_linalg_out(job, 0);
  int info = 0, lda = MJX_MAX(1, plan->n), first = 1;
  mjx_linalg_load(job, 0, a);
  ((gehrd_fn)plan->routine[0])(&plan->n, &first, &plan->n, a, &lda, mjx_linalg_out(job, 1),
                               mjx_linalg_scratch(job, WORK), &plan->lwork, &info);
  if (info != 0) fail_outputs(job);
}

mjx_status mjx_op_hessenberg_check(mjx_loader *loader, mjx_instr *instr) {
  mjx_linalg *plan;
  double asked[2] = {0}, none[2] = {0};
  int query = -1, info = 0, first = 1;
  MJX_TRY(mjx_check_counts(instr, 2, 1, 0));
  MJX_TRY(start(loader, instr, true, &plan));
  if (plan->n < 1) return mjx_fail(MJX_INVALID, "a is empty");
  MJX_TRY(expect_matrix(instr, 0, plan->n, plan->n, plan->dtype));
  MJX_TRY(expect_vector(instr, 1, plan->n - 1, plan->dtype));
  MJX_TRY(mjx_linalg_find(plan, 0, "gehrd", "gehrd"));
  ((gehrd_fn)plan->routine[0])(&plan->n, &first, &plan->n, none, &plan->n, none, asked, &query,
                               &info);
  plan->one = hessenberg_one;
  plan->cost = cost_of(plan, 1);
  return reserve_work(instr, asked, plan->n);
}

/* ---- TRIDIAGONAL ---- */

typedef void (*sytrd_fn)(const char *, const int *, void *, const int *, void *, void *, void *,
                         void *, const int *, int *, size_t);

static void call_sytrd(const mjx_linalg *plan, void *a, void *d, void *e, void *taus, void *work,
                       const int *lwork, int *info) {
  int lda = MJX_MAX(1, plan->n);
  ((sytrd_fn)plan->routine[0])(plan->mode[0] ? "L" : "U", &plan->n, a, &lda, d, e, taus, work,
                               lwork, info, CHAR);
}

static void tridiagonal_one(const mjx_linalg_job *job) {
  const mjx_linalg *plan = job->plan;
  char *a = mjx_linalg_out(job, 0);
  int info = 0;
  mjx_linalg_load(job, 0, a);
  call_sytrd(plan, a, mjx_linalg_out(job, 1), mjx_linalg_out(job, 2), mjx_linalg_out(job, 3),
             mjx_linalg_scratch(job, WORK), &plan->lwork, &info);
  if (info != 0) fail_outputs(job);
}

mjx_status mjx_op_tridiagonal_check(mjx_loader *loader, mjx_instr *instr) {
  mjx_linalg *plan;
  double asked[2] = {0}, none[2] = {0};
  int query = -1, info = 0;
  MJX_TRY(mjx_check_counts(instr, 4, 1, 1));
  MJX_TRY(start(loader, instr, true, &plan));
  if (plan->n < 1) return mjx_fail(MJX_INVALID, "a is empty");
  plan->mode[0] = instr->params[0] != 0;
  MJX_TRY(expect_matrix(instr, 0, plan->n, plan->n, plan->dtype));
  MJX_TRY(expect_vector(instr, 1, plan->n, plan->real_type));
  MJX_TRY(expect_vector(instr, 2, plan->n - 1, plan->real_type));
  MJX_TRY(expect_vector(instr, 3, plan->n - 1, plan->dtype));
  MJX_TRY(mjx_linalg_find(plan, 0, "sytrd", "hetrd"));
  call_sytrd(plan, none, none, none, none, asked, &query, &info);
  plan->one = tridiagonal_one;
  plan->cost = cost_of(plan, 1);
  return reserve_work(instr, asked, plan->n);
}

/* ---- runs ---- */

#define DEFINE_RUN(name)                                                     \
  mjx_status mjx_op_##name##_run(const mjx_instr *instr, mjx_frame *frame) { \
    return mjx_linalg_run(instr, frame);                                     \
  }
DEFINE_RUN(eigh)
DEFINE_RUN(svd)
DEFINE_RUN(eig)
DEFINE_RUN(schur)
DEFINE_RUN(hessenberg)
DEFINE_RUN(tridiagonal)
