/* op_conv.c: CONV: its check, and the way that takes everything: products over packed patches.
 * What conv_direct.c can do is left to that.
 *
 * An output element is the sum over kc (kernel place k, input feature c) of
 * patch[r, kc] * weight[kc, o].
 *   features last:  out[r, o]  = patches[r, kc] x weights[kc, o],  r over outer
 *   else:           out[o, r]  = weights[o, kc] x patches[kc, r],  r over inner, once per outer
 * Patches are packed block by block into scratch, in the orientation that the input's memory
 * favours.  Blocks depend on extents only, so the number of threads never changes a bit.
 */
#include <string.h>

#include "conv.h"

enum {
  PARAMS_PER_DIM = 5,
  BLOCK_BYTES = 1 << 19,
  BLAS_FLOPS = 1 << 16,
  MIN_BLOCKS = 8,
  MIN_RUN = 4, /* features worth a copy of their own */
  SPLIT_FLOPS = 1 << 22
};
static const int64_t MAX_EXTENT = INT64_C(1) << 31;

/* ---- load ---- */

static mjx_status check_spec(const int64_t *spec, int ndim, const char *what) {
  uint64_t seen = 0;
  for (int d = 0; d < ndim; d++) {
    if (spec[d] < 0 || spec[d] >= ndim || (seen >> spec[d] & 1))
      return mjx_fail(MJX_INVALID, "%s is not a permutation of the dims", what);
    seen |= UINT64_C(1) << spec[d];
  }
  return MJX_OK;
}

static bool in_range(int64_t value, int64_t low) { return value >= low && value < MAX_EXTENT; }

static mjx_status read_space(const mjx_instr *instr, mjx_conv_plan *plan, const int64_t *spec[3]) {
  const mjx_operand *lhs = &instr->in[0], *rhs = &instr->in[1], *out = &instr->out[0];
  const int64_t *params = spec[2] + plan->n_space + 2;
  for (int k = 0; k < plan->n_space; k++, params += PARAMS_PER_DIM) {
    mjx_conv_dim *dim = &plan->space[k];
    dim->n_in = lhs->shape[spec[0][2 + k]];
    dim->window = rhs->shape[spec[1][2 + k]];
    dim->n_out = out->shape[spec[2][2 + k]];
    dim->in_stride = lhs->strides[spec[0][2 + k]];
    dim->weight_stride = rhs->strides[spec[1][2 + k]];
    dim->stride = params[0];
    dim->low = params[1];
    int64_t high = params[2];
    dim->base = params[3];
    dim->dilation = params[4];
    if (!in_range(dim->n_in, 1) || !in_range(dim->window, 1) || !in_range(dim->stride, 1) ||
        !in_range(dim->base, 1) || !in_range(dim->dilation, 1) || dim->low <= -MAX_EXTENT ||
        dim->low >= MAX_EXTENT || high <= -MAX_EXTENT || high >= MAX_EXTENT)
      return mjx_fail(MJX_INVALID, "window of spatial dim %d out of range", k);
    int64_t padded = (dim->n_in - 1) * dim->base + 1 + dim->low + high;
    int64_t window = (dim->window - 1) * dim->dilation + 1;
    int64_t count = padded < window ? 0 : (padded - window) / dim->stride + 1;
    if (count != dim->n_out)
      return mjx_fail(MJX_INVALID, "spatial dim %d has %lld windows, the output %lld", k,
                      (long long)count, (long long)dim->n_out);
  }
  return MJX_OK;
}

static mjx_status read_features(const mjx_instr *instr, mjx_conv_plan *plan,
                                const int64_t *spec[3]) {
  const mjx_operand *lhs = &instr->in[0], *rhs = &instr->in[1], *out = &instr->out[0];
  int64_t feature_groups = instr->params[0], batch_groups = instr->params[1];
  int64_t batch = lhs->shape[spec[0][0]], features = lhs->shape[spec[0][1]];
  int64_t out_features = rhs->shape[spec[1][0]];
  if (feature_groups < 1 || batch_groups < 1 || (feature_groups > 1 && batch_groups > 1))
    return mjx_fail(MJX_INVALID, "bad group counts");
  plan->groups = feature_groups * batch_groups;
  if (features % feature_groups || batch % batch_groups || out_features % plan->groups)
    return mjx_fail(MJX_INVALID, "groups do not divide the batch or the features");
  plan->in_features = features / feature_groups;
  plan->out_features = out_features / plan->groups;
  plan->total_features = out_features;
  if (rhs->shape[spec[1][1]] != plan->in_features)
    return mjx_fail(MJX_INVALID, "the kernel has %lld input features, expected %lld",
                    (long long)rhs->shape[spec[1][1]], (long long)plan->in_features);
  if (out->shape[spec[2][0]] != batch / batch_groups || out->shape[spec[2][1]] != out_features)
    return mjx_fail(MJX_INVALID, "the output's batch or features do not fit");
  plan->batch = batch;
  plan->features = features;
  plan->batch_stride = lhs->strides[spec[0][0]];
  plan->feature_stride = lhs->strides[spec[0][1]];
  plan->group_stride = feature_groups > 1 ? plan->in_features * plan->feature_stride
                                          : batch / batch_groups * plan->batch_stride;
  plan->out_stride = rhs->strides[spec[1][0]];
  plan->in_stride = rhs->strides[spec[1][1]];
  plan->weight_group_stride = plan->out_features * plan->out_stride;
  return MJX_OK;
}

/* The dims of the output (but those of extent 1) in memory order, split around the features. */
static void split_rows(const mjx_instr *instr, mjx_conv_plan *plan, const int64_t *spec) {
  const mjx_operand *out = &instr->out[0];
  int ndim = out->ndim, n = 0;
  plan->outer = plan->inner = 1;
  bool before = true;
  plan->rows[0] = (mjx_conv_row_dim){1, -1};
  for (int place = 0; place < ndim; place++) {
    int role = 0;
    while (spec[role] != place) role++;
    if (role == 1) {
      before = false;
      continue;
    }
    if (out->shape[place] == 1) continue;
    plan->rows[n].n = out->shape[place];
    plan->rows[n++].space = role == 0 ? -1 : role - 2;
    *(before ? &plan->outer : &plan->inner) *= out->shape[place];
  }
  plan->n_row_dims = MJX_MAX(1, n);
  plan->features_last = plan->inner == 1;
  plan->n_rows = plan->features_last ? plan->outer : plan->inner;
}

/* Rows and kc of a block of patches: about BLOCK_BYTES, whole kc unless BLAS can accumulate. */
static void cut(mjx_conv_plan *plan) {
  double flops = 2.0 * (double)plan->n_rows * (double)plan->KC * (double)plan->out_features;
  bool blas_type = plan->dtype == MJX_F32 || plan->dtype == MJX_F64;
  int64_t widest = MJX_MAX(plan->n_rows, MJX_MAX(plan->KC, plan->total_features));
  if (plan->features_last) widest = MJX_MAX(plan->KC, plan->total_features);
  if (blas_type && flops >= BLAS_FLOPS && widest <= INT32_MAX) plan->blas = mjx_blas_get();
  int64_t elements = BLOCK_BYTES / plan->size, rows = plan->n_rows;
  if (flops >= SPLIT_FLOPS && plan->groups * (plan->features_last ? 1 : plan->outer) < MIN_BLOCKS)
    rows = mjx_round_up(mjx_ceil_div(rows, MIN_BLOCKS), 16);
  plan->k_block = plan->KC;
  if (plan->blas && plan->KC > 1024) {
    rows = MJX_MIN(rows, 512);
    plan->k_block = MJX_MIN(plan->KC, MJX_MAX(256, elements / rows));
  } else {
    rows = MJX_MIN(rows, MJX_MAX(1, elements / plan->KC));
  }
  plan->row_block = MJX_MAX(1, MJX_MIN(rows, plan->n_rows));
  plan->row_blocks = mjx_ceil_div(plan->n_rows, plan->row_block);
  int64_t matrices = plan->groups * (plan->features_last ? 1 : plan->outer);
  plan->cost = (int64_t)MJX_MIN(flops * (double)matrices / (plan->blas ? 60 : 15), 1e15);
}

static mjx_status check_operands(const mjx_instr *instr) {
  MJX_TRY(mjx_check_counts(instr, 1, 2, -1));
  const mjx_operand *lhs = &instr->in[0], *rhs = &instr->in[1], *out = &instr->out[0];
  int ndim = lhs->ndim;
  MJX_TRY(mjx_check_real(lhs, "the input", -1));
  if (ndim < 2) return mjx_fail(MJX_INVALID, "the input has %d dims, needs 2 or more", ndim);
  MJX_TRY(mjx_check_real(rhs, "the kernel", ndim));
  MJX_TRY(mjx_check_real(out, "the output", ndim));
  MJX_TRY(mjx_check_dense(out, "the output"));
  MJX_TRY(mjx_check_counts(instr, 1, 2, 2 + 3 * ndim + PARAMS_PER_DIM * (ndim - 2)));
  if (lhs->dtype != rhs->dtype || lhs->dtype != out->dtype)
    return mjx_fail(MJX_INVALID, "dtypes differ");
  int dtype = lhs->dtype;
  if (dtype != MJX_I64 && dtype != MJX_F32 && dtype != MJX_F64 && dtype != MJX_C64 &&
      dtype != MJX_C128)
    return mjx_fail(MJX_INVALID, "dtype %d is not convolved", dtype);
  if (lhs->n == 0 || rhs->n == 0 || out->n == 0) return mjx_fail(MJX_INVALID, "an empty operand");
  return MJX_OK;
}

mjx_status mjx_op_conv_check(mjx_loader *loader, mjx_instr *instr) {
  if (instr->n_out != 1 || instr->n_in != 2) return mjx_check_counts(instr, 1, 2, -1);
  MJX_TRY(check_operands(instr));
  mjx_conv_plan *plan;
  MJX_ALLOC(loader, plan, sizeof *plan);
  instr->plan = plan;
  int ndim = instr->in[0].ndim;
  const int64_t *spec[3] = {instr->params + 2, instr->params + 2 + ndim,
                            instr->params + 2 + 2 * ndim};
  MJX_TRY(check_spec(spec[0], ndim, "the input's layout"));
  MJX_TRY(check_spec(spec[1], ndim, "the kernel's layout"));
  MJX_TRY(check_spec(spec[2], ndim, "the output's layout"));
  plan->dtype = instr->in[0].dtype;
  plan->size = mjx_dtype_size(plan->dtype);
  plan->n_space = ndim - 2;
  MJX_TRY(read_features(instr, plan, spec));
  MJX_TRY(read_space(instr, plan, spec));
  split_rows(instr, plan, spec[2]);
  plan->places = 1;
  for (int k = 0; k < plan->n_space; k++) plan->places *= plan->space[k].window;
  plan->KC = plan->places * plan->in_features;
  bool taken;
  MJX_TRY(mjx_conv_direct_prepare(loader, instr, plan, &taken));
  if (taken) return MJX_OK;
  plan->kernel = mjx_block_kernels_get()->dot[plan->dtype];
  plan->patches_by_row =
      plan->features_last && plan->feature_stride == 1 && plan->in_features >= MIN_RUN;
  plan->feature_fastest = plan->patches_by_row;
  cut(plan);
  plan->weight_bytes =
      mjx_round_up(plan->groups * plan->KC * plan->out_features * plan->size, MJX_ALIGN);
  plan->patch_bytes = mjx_round_up(plan->row_block * plan->k_block * plan->size, MJX_ALIGN);
  instr->scratch_bytes = plan->weight_bytes + plan->patch_bytes;
  if (instr->scratch_bytes > MJX_MAX_BYTES) return mjx_fail(MJX_INVALID, "too large");
  return MJX_OK;
}

/* ---- weights: [group][kc][o] ---- */

/* The kernel place and input feature of kc. */
static int64_t split_kc(const mjx_conv_plan *plan, int64_t kc, int64_t place[MJX_CONV_SPACE]) {
  int64_t k = plan->feature_fastest ? kc / plan->in_features : kc % plan->places;
  int64_t c = plan->feature_fastest ? kc % plan->in_features : kc / plan->places;
  for (int d = plan->n_space - 1; d >= 0; d--) {
    place[d] = k % plan->space[d].window;
    k /= plan->space[d].window;
  }
  return c;
}

typedef struct conv_job {
  const mjx_conv_plan *plan;
  const char *in, *weights;
  char *packed, *out;
} conv_job;

static void pack_weights(void *arg, int64_t begin, int64_t end, char *scratch) {
  (void)scratch;
  const conv_job *job = arg;
  const mjx_conv_plan *plan = job->plan;
  int64_t place[MJX_CONV_SPACE];
  for (int64_t i = begin; i < end; i++) {
    int64_t group = i / plan->KC, c = split_kc(plan, i % plan->KC, place);
    int64_t offset = group * plan->weight_group_stride + c * plan->in_stride;
    for (int d = 0; d < plan->n_space; d++) offset += place[d] * plan->space[d].weight_stride;
    mjx_copy_line(job->packed + i * plan->out_features * plan->size, 1,
                  job->weights + offset * plan->size, plan->out_stride, plan->out_features,
                  plan->size);
  }
}

/* ---- patches ---- */

/* The index of a dim of space that window `j` reads at place `k`; -1 outside or in a gap. */
static int64_t input_index(const mjx_conv_dim *dim, int64_t j, int64_t k) {
  int64_t at = j * dim->stride + k * dim->dilation - dim->low;
  if (at < 0) return -1;
  if (dim->base > 1) {
    if (at % dim->base) return -1;
    at /= dim->base;
  }
  return at < dim->n_in ? at : -1;
}

/* Splits row r (of all dims) into the batch index and the window of each dim of space. */
static int64_t split_row(const mjx_conv_plan *plan, int64_t r, int64_t window[MJX_CONV_SPACE]) {
  int64_t batch = 0;
  for (int d = 0; d < plan->n_space; d++) window[d] = 0;
  for (int d = plan->n_row_dims - 1; d >= 0; d--) {
    int64_t at = r % plan->rows[d].n;
    r /= plan->rows[d].n;
    if (plan->rows[d].space < 0)
      batch = at;
    else
      window[plan->rows[d].space] = at;
  }
  return batch;
}

/* patches[r][kc], features fastest and contiguous: kc in [k0, k1), one row. */
static void pack_row(const mjx_conv_plan *plan, const char *in, int64_t r, int64_t k0, int64_t k1,
                     char *to) {
  int64_t window[MJX_CONV_SPACE], place[MJX_CONV_SPACE];
  int64_t batch = split_row(plan, r, window);
  const char *base = in + batch * plan->batch_stride * plan->size;
  for (int64_t kc = k0; kc < k1;) {
    int64_t c = split_kc(plan, kc, place);
    int64_t run = MJX_MIN(plan->in_features - c, k1 - kc);
    int64_t offset = c;
    bool inside = true;
    for (int d = 0; d < plan->n_space && inside; d++) {
      int64_t at = input_index(&plan->space[d], window[d], place[d]);
      inside = at >= 0;
      offset += at * plan->space[d].in_stride;
    }
    size_t bytes = (size_t)(run * plan->size);
    if (inside)
      memcpy(to, base + offset * plan->size, bytes);
    else
      memset(to, 0, bytes);
    to += bytes;
    kc += run;
  }
}

/* A run of windows along a dim of space, all at kernel place k. */
static void pack_windows(const mjx_conv_dim *dim, const char *in, int size, int64_t j, int64_t k,
                         int64_t run, char *to) {
  if (dim->base > 1) {
    for (int64_t i = 0; i < run; i++, to += size) {
      int64_t at = input_index(dim, j + i, k);
      if (at >= 0)
        memcpy(to, in + at * dim->in_stride * size, (size_t)size);
      else
        memset(to, 0, (size_t)size);
    }
    return;
  }
  /* windows first..last-1 read inside: 0 <= j * stride + shift < n_in */
  int64_t shift = k * dim->dilation - dim->low;
  int64_t first = shift >= 0 ? 0 : mjx_ceil_div(-shift, dim->stride);
  int64_t last = shift >= dim->n_in ? 0 : (dim->n_in - 1 - shift) / dim->stride + 1;
  first = MJX_MIN(MJX_MAX(first, j), j + run);
  last = MJX_MAX(MJX_MIN(last, j + run), first);
  memset(to, 0, (size_t)((first - j) * size));
  if (last > first)
    mjx_copy_line(to + (first - j) * size, 1,
                  in + (first * dim->stride + shift) * dim->in_stride * size,
                  dim->stride * dim->in_stride, last - first, size);
  memset(to + (last - j) * size, 0, (size_t)((j + run - last) * size));
}

/* patches[kc][r]: one kc, rows [r0, r1) of the rows that follow `first_row`. */
static void pack_column(const mjx_conv_plan *plan, const char *in, int64_t kc, int64_t first_row,
                        int64_t rows, char *to) {
  int64_t window[MJX_CONV_SPACE], place[MJX_CONV_SPACE];
  int64_t c = split_kc(plan, kc, place);
  const mjx_conv_row_dim *fast = &plan->rows[plan->n_row_dims - 1];
  for (int64_t i = 0; i < rows;) {
    int64_t batch = split_row(plan, first_row + i, window);
    int64_t at_fast = fast->space < 0 ? batch : window[fast->space];
    int64_t run = MJX_MIN(fast->n - at_fast, rows - i);
    int64_t offset = c * plan->feature_stride + batch * plan->batch_stride;
    bool inside = true;
    for (int d = 0; d < plan->n_space && inside; d++) {
      if (d == fast->space) continue;
      int64_t at = input_index(&plan->space[d], window[d], place[d]);
      inside = at >= 0;
      offset += at * plan->space[d].in_stride;
    }
    char *target = to + i * plan->size;
    if (!inside)
      memset(target, 0, (size_t)(run * plan->size));
    else if (fast->space < 0)
      mjx_copy_line(target, 1, in + offset * plan->size, plan->batch_stride, run, plan->size);
    else
      pack_windows(&plan->space[fast->space], in + offset * plan->size, plan->size, at_fast,
                   place[fast->space], run, target);
    i += run;
  }
}

/* ---- products ---- */

enum { ROW_MAJOR = 101, NO_TRANS = 111, TRANS = 112 };

/* c[M,N] (+)= a[M,K] b[K,N]; a is dense, or its transpose is; b and c have contiguous rows. */
static void multiply(const mjx_conv_plan *plan, int64_t M, int64_t N, int64_t K, const char *a,
                     int64_t a_row, int64_t a_column, const char *b, int64_t b_row, char *c,
                     int64_t c_row, bool add) {
  if (!plan->blas) {
    mjx_dot_args args = {.M = M,
                         .N = N,
                         .K = K,
                         .a = a,
                         .a_row = a_row,
                         .a_column = a_column,
                         .b = b,
                         .b_row = b_row,
                         .b_column = 1,
                         .c = c,
                         .c_row = c_row,
                         .batches = 1};
    plan->kernel(&args);
    return;
  }
  const void *x = a, *y = b;
  void *z = c;
  int trans = a_column == 1 ? NO_TRANS : TRANS;
  /* Of a single row both strides may be 1, and BLAS wants no less than K. */
  int lda = (int)(a_column == 1 ? MJX_MAX(a_row, K) : a_column);
  if (plan->dtype == MJX_F32)
    plan->blas->sgemm(ROW_MAJOR, trans, NO_TRANS, (int)M, (int)N, (int)K, 1, x, lda, y, (int)b_row,
                      add ? 1 : 0, z, (int)c_row);
  else
    plan->blas->dgemm(ROW_MAJOR, trans, NO_TRANS, (int)M, (int)N, (int)K, 1, x, lda, y, (int)b_row,
                      add ? 1 : 0, z, (int)c_row);
}

/* One block of rows, in one group and (features not last) one outer index. */
static void conv_block(const conv_job *job, int64_t group, int64_t outer, int64_t block,
                       char *patches) {
  const mjx_conv_plan *plan = job->plan;
  int size = plan->size;
  int64_t first = block * plan->row_block;
  int64_t rows = MJX_MIN(plan->row_block, plan->n_rows - first);
  int64_t all_first = (plan->features_last ? 0 : outer * plan->inner) + first;
  int64_t O = plan->out_features;
  const char *in = job->in + group * plan->group_stride * size;
  const char *weights = job->packed + group * plan->KC * O * size;
  char *out = job->out;
  if (plan->features_last)
    out += (first * plan->total_features + group * O) * size;
  else
    out += ((outer * plan->total_features + group * O) * plan->inner + first) * size;
  for (int64_t k0 = 0; k0 < plan->KC; k0 += plan->k_block) {
    int64_t K = MJX_MIN(plan->k_block, plan->KC - k0);
    if (plan->patches_by_row) {
      for (int64_t i = 0; i < rows; i++)
        pack_row(plan, in, all_first + i, k0, k0 + K, patches + i * K * size);
    } else {
      for (int64_t k = 0; k < K; k++)
        pack_column(plan, in, k0 + k, all_first, rows, patches + k * rows * size);
    }
    const char *w = weights + k0 * O * size;
    if (!plan->features_last)
      multiply(plan, O, rows, K, w, 1, O, patches, rows, out, plan->inner, k0 > 0);
    else if (plan->patches_by_row)
      multiply(plan, rows, O, K, patches, K, 1, w, O, out, plan->total_features, k0 > 0);
    else
      multiply(plan, rows, O, K, patches, 1, rows, w, O, out, plan->total_features, k0 > 0);
  }
}

static void conv_task(void *arg, int64_t begin, int64_t end, char *scratch) {
  const conv_job *job = arg;
  const mjx_conv_plan *plan = job->plan;
  int64_t outers = plan->features_last ? 1 : plan->outer;
  for (int64_t i = begin; i < end; i++) {
    int64_t block = i % plan->row_blocks, outer = i / plan->row_blocks % outers;
    conv_block(job, i / plan->row_blocks / outers, outer, block, scratch);
  }
}

mjx_status mjx_op_conv_run(const mjx_instr *instr, mjx_frame *frame) {
  const mjx_conv_plan *plan = instr->plan;
  if (plan->direct) {
    mjx_conv_direct_run(instr, frame);
    return MJX_OK;
  }
  char *scratch = frame->scratch;
  conv_job job = {plan, mjx_at(frame, &instr->in[0]), mjx_at(frame, &instr->in[1]), scratch,
                  mjx_at(frame, &instr->out[0])};
  int64_t lines = plan->groups * plan->KC;
  mjx_pool_for(lines, lines * plan->out_features, 0, NULL, pack_weights, &job);
  int64_t outers = plan->features_last ? 1 : plan->outer;
  mjx_pool_for(plan->groups * outers * plan->row_blocks, plan->cost, plan->patch_bytes,
               scratch + plan->weight_bytes, conv_task, &job);
  return MJX_OK;
}
