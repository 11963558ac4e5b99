/* linalg.c: what the LAPACK instructions share: plans, workspaces, copies, the batch loop. */
#include "linalg.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "factors.h"

/* ---- plans ---- */

static bool plan_dtype(mjx_linalg *plan, int dtype) {
  plan->dtype = dtype;
  plan->complex = mjx_dtype_is_complex(dtype);
  plan->real_type = dtype == MJX_F32 || dtype == MJX_C64 ? MJX_F32 : MJX_F64;
  return dtype == MJX_F32 || dtype == MJX_F64 || plan->complex;
}

/* The bytes that a view touches, from its slot's base. */
static void byte_range(const mjx_operand *operand, int64_t *begin, int64_t *end) {
  int64_t low = 0, high = 0;
  for (int d = 0; d < operand->ndim; d++) {
    int64_t reach = operand->strides[d] * (operand->shape[d] - 1);
    *(reach < 0 ? &low : &high) += reach;
  }
  *begin = operand->offset + low * operand->size;
  *end = operand->n > 0 ? operand->offset + (high + 1) * operand->size : *begin;
}

static bool overlap(const mjx_operand *a, const mjx_operand *b) {
  int64_t a_begin, a_end, b_begin, b_end;
  if (a->slot != b->slot || a->n == 0 || b->n == 0) return false;
  byte_range(a, &a_begin, &a_end);
  byte_range(b, &b_begin, &b_end);
  return a_begin < b_end && b_begin < a_end;
}

/* LAPACK, as Fortran, takes its arrays to be apart. */
static mjx_status check_apart(const mjx_instr *instr) {
  for (int i = 0; i < instr->n_out; i++) {
    for (int j = 0; j < i; j++)
      if (overlap(&instr->out[i], &instr->out[j]))
        return mjx_fail(MJX_INVALID, "outputs %d and %d overlap", j, i);
    for (int j = 0; j < instr->n_in; j++)
      if (overlap(&instr->out[i], &instr->in[j]))
        return mjx_fail(MJX_INVALID, "output %d overlaps input %d", i, j);
  }
  return MJX_OK;
}

mjx_status mjx_linalg_start(mjx_loader *loader, mjx_instr *instr, const mjx_operand *matrix,
                            mjx_linalg **plan) {
  MJX_TRY(mjx_check_real(matrix, "a matrix", -1));
  MJX_TRY(check_apart(instr));
  if (matrix->ndim < 2) return mjx_fail(MJX_INVALID, "a matrix has %d dims", matrix->ndim);
  MJX_ALLOC(loader, *plan, sizeof **plan);
  instr->plan = *plan;
  (*plan)->batch = matrix->shape[0];
  if (!plan_dtype(*plan, matrix->dtype))
    return mjx_fail(MJX_INVALID, "LAPACK has no dtype %d", matrix->dtype);
  return MJX_OK;
}

mjx_status mjx_linalg_find(mjx_linalg *plan, int which, const char *name,
                           const char *complex_name) {
  char symbol[32];
  const char letter = "sdcz"[(plan->complex ? 2 : 0) + (plan->real_type == MJX_F64)];
  snprintf(symbol, sizeof symbol, "scipy_%c%s_", letter, plan->complex ? complex_name : name);
  void *found = mjx_blas_symbol(symbol);
  if (!found) return mjx_fail(MJX_NOT_FOUND, "the BLAS library has no %s", symbol);
  memcpy(&plan->routine[which], &found, sizeof found);
  return MJX_OK;
}

mjx_status mjx_linalg_reserve(mjx_instr *instr, int place, int64_t n, int64_t size) {
  mjx_linalg *plan = instr->plan;
  int64_t bytes;
  if (__builtin_mul_overflow(n, size, &bytes) || bytes > MJX_MAX_BYTES - instr->scratch_bytes)
    return mjx_fail(MJX_INVALID, "the workspace is too large");
  plan->place[place] = instr->scratch_bytes;
  instr->scratch_bytes += mjx_round_up(MJX_MAX(bytes, 1), MJX_ALIGN);
  return MJX_OK;
}

mjx_status mjx_linalg_reserve_padded(mjx_instr *instr, int place, int64_t m, int64_t n) {
  const mjx_linalg *plan = instr->plan;
  return mjx_linalg_reserve(instr, place, mjx_factor_rows(m) * n, mjx_dtype_size(plan->dtype));
}

mjx_status mjx_linalg_expect(const mjx_operand *operand, const char *what, int dtype, int ndim,
                             const int64_t *shape) {
  MJX_TRY(mjx_check_real(operand, what, ndim));
  if (operand->dtype != dtype)
    return mjx_fail(MJX_INVALID, "%s has dtype %d, expected %d", what, operand->dtype, dtype);
  return mjx_check_shape(operand, what, ndim, shape);
}

mjx_status mjx_linalg_expect_out(const mjx_operand *operand, const char *what, int dtype, int ndim,
                                 const int64_t *shape) {
  MJX_TRY(mjx_linalg_expect(operand, what, dtype, ndim, shape));
  return mjx_check_dense(operand, what);
}

mjx_status mjx_linalg_copies(mjx_loader *loader, mjx_instr *instr, int index) {
  mjx_linalg *plan = instr->plan;
  const mjx_operand *in = &instr->in[index];
  int ndim = in->ndim - 1;
  const int64_t *shape = in->shape + 1;
  const int64_t strides[2] = {ndim == 2 ? shape[1] : 1, 1};
  return mjx_copy_prepare(loader, ndim, shape, strides, in->strides + 1, in->size,
                          &plan->copy[index]);
}

mjx_status mjx_linalg_int(int64_t value, int *result) {
  if (value > INT32_MAX)
    return mjx_fail(MJX_UNSUPPORTED, "%lld is too large for LAPACK", (long long)value);
  *result = (int)value;
  return MJX_OK;
}

mjx_status mjx_linalg_workspace(const mjx_linalg *plan, const void *asked, int64_t least,
                                int *result) {
  double wanted;
  if (plan->real_type == MJX_F32) {
    float value;
    memcpy(&value, asked, sizeof value);
    wanted = value;
  } else {
    memcpy(&wanted, asked, sizeof wanted);
  }
  /* more than what is needed is asked for only if it can be had */
  int64_t elements = MJX_MAX(least, 1);
  if (wanted > (double)elements && wanted * 1.001 < INT32_MAX) elements = (int64_t)(wanted * 1.001);
  return mjx_linalg_int(elements, result);
}

/* ---- runs ---- */

char *mjx_linalg_item(const mjx_linalg_job *job, const mjx_operand *operand) {
  return mjx_at(job->frame, operand) + job->item * operand->strides[0] * operand->size;
}

void mjx_linalg_load(const mjx_linalg_job *job, int index, void *to) {
  mjx_copy_run(&job->plan->copy[index], to, mjx_linalg_item(job, &job->instr->in[index]), false);
}

void *mjx_linalg_pad(const mjx_linalg_job *job, int place, int64_t m, int64_t n, const void *from) {
  int64_t size = mjx_dtype_size(job->plan->dtype), rows = mjx_factor_rows(m);
  char *padded = mjx_linalg_scratch(job, place);
  for (int64_t c = 0; c < n; c++) {
    char *column = padded + c * rows * size;
    memset(column + (rows - MJX_FACTOR_LANES) * size, 0, (size_t)(MJX_FACTOR_LANES * size));
    memcpy(column, (const char *)from + c * m * size, (size_t)(m * size));
  }
  return padded;
}

void mjx_linalg_unpad(const mjx_linalg_job *job, int place, int64_t m, int64_t n, void *to) {
  int64_t size = mjx_dtype_size(job->plan->dtype), rows = mjx_factor_rows(m);
  const char *padded = mjx_linalg_scratch(job, place);
  for (int64_t c = 0; c < n; c++)
    memcpy((char *)to + c * m * size, padded + c * rows * size, (size_t)(m * size));
}

void mjx_linalg_fill_nan(void *to, int64_t n, int dtype) {
  if (mjx_dtype_is_complex(dtype)) n *= 2;
  if (dtype == MJX_F32 || dtype == MJX_C64) {
    float *values = to;
    for (int64_t i = 0; i < n; i++) values[i] = NAN;
  } else {
    double *values = to;
    for (int64_t i = 0; i < n; i++) values[i] = NAN;
  }
}

static void run_items(void *arg, int64_t begin, int64_t end, char *scratch) {
  mjx_linalg_job job = *(const mjx_linalg_job *)arg;
  job.scratch = scratch;
  for (job.item = begin; job.item < end; job.item++) job.plan->one(&job);
}

mjx_status mjx_linalg_run(const mjx_instr *instr, mjx_frame *frame) {
  const mjx_linalg *plan = instr->plan;
  mjx_linalg_job job = {instr, plan, frame, 0, NULL};
  mjx_pool_for(plan->batch, plan->cost, instr->scratch_bytes, frame->scratch, run_items, &job);
  return MJX_OK;
}
