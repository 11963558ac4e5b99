/* window.c: checks and walks the windows of GATHER and SCATTER. */
#include "window.h"

#include <string.h>

/* ---- parameters ---- */

mjx_status mjx_window_read_list(const mjx_instr *instr, int64_t *at, mjx_list *list) {
  if (*at >= instr->n_params) return mjx_fail(MJX_INVALID, "the parameters end too early");
  list->n = instr->params[(*at)++];
  if (list->n < 0 || list->n > MJX_MAX_NDIM || list->n > instr->n_params - *at)
    return mjx_fail(MJX_INVALID, "a list of %lld items", (long long)list->n);
  list->items = instr->params + *at;
  *at += list->n;
  return MJX_OK;
}

mjx_status mjx_window_read_dims(const mjx_instr *instr, int64_t *at, window_dims *dims) {
  MJX_TRY(mjx_window_read_list(instr, at, &dims->window));
  MJX_TRY(mjx_window_read_list(instr, at, &dims->left_out));
  MJX_TRY(mjx_window_read_list(instr, at, &dims->operand_batching));
  MJX_TRY(mjx_window_read_list(instr, at, &dims->indices_batching));
  return mjx_window_read_list(instr, at, &dims->map);
}

/* ---- checks ---- */

/* Marks each item in `seen`; fails for one out of range or already there. */
static mjx_status mark(const mjx_list *list, int ndim, bool *seen, const char *what) {
  for (int64_t i = 0; i < list->n; i++) {
    int64_t dim = list->items[i];
    if (dim < 0 || dim >= ndim)
      return mjx_fail(MJX_INVALID, "%s names dim %lld", what, (long long)dim);
    if (seen[dim]) return mjx_fail(MJX_INVALID, "%s names dim %lld twice", what, (long long)dim);
    seen[dim] = true;
  }
  return MJX_OK;
}

typedef struct planner {
  mjx_loader *loader;
  const mjx_operand *operand, *indices, *other;
  const window_dims *dims;
  const int64_t *sizes;
  window_plan *plan;
  bool absent[MJX_MAX_NDIM];    /* dims of the operand that other leaves out */
  bool is_window[MJX_MAX_NDIM]; /* dims of other */
} planner;

static mjx_status check_dims(planner *self) {
  const window_dims *dims = self->dims;
  int ndim = self->operand->ndim;
  bool mapped[MJX_MAX_NDIM] = {false};
  MJX_TRY(mark(&dims->window, self->other->ndim, self->is_window, "the window dims list"));
  MJX_TRY(mark(&dims->left_out, ndim, self->absent, "the collapsed or inserted dims list"));
  MJX_TRY(mark(&dims->operand_batching, ndim, self->absent, "the operand batching dims list"));
  MJX_TRY(mark(&dims->map, ndim, mapped, "the index map"));
  MJX_TRY(mark(&dims->operand_batching, ndim, mapped, "the index map or batching dims list"));
  for (int d = 0; d < ndim; d++) {
    if (self->sizes[d] < 0 || self->sizes[d] > self->operand->shape[d])
      return mjx_fail(MJX_INVALID, "the window is larger than the operand in dim %d", d);
    if (self->absent[d] && self->sizes[d] != 1)
      return mjx_fail(MJX_INVALID, "dim %d is left out, but the window's extent is not 1", d);
  }
  return MJX_OK;
}

static mjx_status check_counts(planner *self) {
  const window_dims *dims = self->dims;
  const mjx_operand *indices = self->indices;
  int64_t batch_ndim = (int64_t)indices->ndim - 1;
  if (batch_ndim < 0 || !mjx_dtype_is_integer(indices->dtype))
    return mjx_fail(MJX_INVALID, "the indices are not vectors of integers");
  if (indices->shape[batch_ndim] != dims->map.n)
    return mjx_fail(MJX_INVALID, "index vectors of %lld, the map has %lld dims",
                    (long long)indices->shape[batch_ndim], (long long)dims->map.n);
  if (self->other->ndim != batch_ndim + dims->window.n)
    return mjx_fail(MJX_INVALID, "%d dims, expected %lld", self->other->ndim,
                    (long long)(batch_ndim + dims->window.n));
  if (dims->window.n != self->operand->ndim - dims->left_out.n - dims->operand_batching.n)
    return mjx_fail(MJX_INVALID, "%lld window dims do not match the operand",
                    (long long)dims->window.n);
  if (dims->operand_batching.n != dims->indices_batching.n)
    return mjx_fail(MJX_INVALID, "the batching dims do not pair");
  return MJX_OK;
}

/* ---- plans ---- */

static mjx_status plan_window(planner *self) {
  window_plan *plan = self->plan;
  const mjx_operand *operand = self->operand, *other = self->other;
  plan->ndim = (int)self->dims->window.n;
  MJX_ALLOC(self->loader, plan->shape, 3 * (size_t)MJX_MAX_NDIM * sizeof(int64_t));
  plan->other_strides = plan->shape + MJX_MAX_NDIM;
  plan->operand_strides = plan->other_strides + MJX_MAX_NDIM;
  plan->window_n = 1;
  for (int d = 0, k = 0, e = 0; d < operand->ndim; d++) {
    if (self->absent[d]) continue;
    while (!self->is_window[e]) e++;
    if (other->shape[e] != self->sizes[d])
      return mjx_fail(MJX_INVALID, "window extent %lld in dim %d, the operand's window has %lld",
                      (long long)other->shape[e], e, (long long)self->sizes[d]);
    plan->shape[k] = self->sizes[d];
    plan->other_strides[k] = other->strides[e++];
    plan->operand_strides[k++] = operand->strides[d];
    plan->window_n *= self->sizes[d];
  }
  return MJX_OK;
}

static mjx_status batching_stride(const planner *self, int batch_dim, int64_t *stride) {
  const window_dims *dims = self->dims;
  *stride = 0;
  for (int64_t i = 0; i < dims->indices_batching.n; i++) {
    if (dims->indices_batching.items[i] != batch_dim) continue;
    int64_t d = dims->operand_batching.items[i];
    if (self->operand->shape[d] != self->indices->shape[batch_dim])
      return mjx_fail(MJX_INVALID, "batching dims of different extents");
    *stride += self->operand->strides[d];
  }
  return MJX_OK;
}

static mjx_status plan_batch(planner *self) {
  const mjx_operand *indices = self->indices, *other = self->other;
  int batch_ndim = indices->ndim - 1;
  int64_t order[MJX_MAX_NDIM], other_strides[MJX_MAX_NDIM], operand_strides[MJX_MAX_NDIM];
  int64_t n = 1;
  for (int64_t i = 0; i < self->dims->indices_batching.n; i++) {
    int64_t dim = self->dims->indices_batching.items[i];
    if (dim < 0 || dim >= batch_ndim)
      return mjx_fail(MJX_INVALID, "no batching dim %lld", (long long)dim);
  }
  for (int d = 0, e = 0; d < batch_ndim; d++, e++) {
    while (self->is_window[e]) e++;
    if (other->shape[e] != indices->shape[d])
      return mjx_fail(MJX_INVALID, "extent %lld in dim %d, the indices have %lld",
                      (long long)other->shape[e], e, (long long)indices->shape[d]);
    other_strides[d] = other->strides[e];
    MJX_TRY(batching_stride(self, d, &operand_strides[d]));
  }
  for (int d = batch_ndim - 1; d >= 0; d--) {
    order[d] = n;
    n *= MJX_MAX(1, indices->shape[d]);
  }
  const int64_t *strides[4] = {order, indices->strides, other_strides, operand_strides};
  MJX_TRY(
      mjx_space_collapse(self->loader, 4, batch_ndim, indices->shape, strides, &self->plan->batch));
  self->plan->n_windows = self->plan->batch.n;
  return MJX_OK;
}

static mjx_status plan_map(planner *self) {
  window_plan *plan = self->plan;
  const mjx_operand *operand = self->operand, *indices = self->indices;
  plan->n_mapped = (int)self->dims->map.n;
  MJX_ALLOC(self->loader, plan->mapped, (size_t)plan->n_mapped * sizeof(window_dim));
  for (int i = 0; i < plan->n_mapped; i++) {
    int64_t d = self->dims->map.items[i];
    plan->mapped[i] =
        (window_dim){operand->shape[d] - self->sizes[d], operand->strides[d] * operand->size,
                     i * indices->strides[indices->ndim - 1]};
  }
  return MJX_OK;
}

mjx_status mjx_window_prepare(mjx_loader *loader, const mjx_operand *operand,
                              const mjx_operand *indices, const mjx_operand *other,
                              const window_dims *dims, const int64_t *sizes, bool clip,
                              window_plan *plan) {
  planner self = {.loader = loader,
                  .operand = operand,
                  .indices = indices,
                  .other = other,
                  .dims = dims,
                  .sizes = sizes,
                  .plan = plan};
  MJX_TRY(check_counts(&self));
  MJX_TRY(check_dims(&self));
  plan->clip = clip;
  plan->index_size = indices->size;
  plan->starts = mjx_block_kernels_get()->starts[indices->dtype];
  plan->lines_up = mjx_block_kernels_get()->lines_up;
  plan->size = operand->size;
  MJX_TRY(plan_window(&self));
  MJX_TRY(plan_batch(&self));
  return plan_map(&self);
}

/* ---- walking ---- */

void mjx_window_seek(window_walk *walk, const window_plan *plan, const char *indices,
                     int64_t window) {
  const mjx_space_plan *batch = &plan->batch;
  walk->plan = plan;
  walk->indices = indices;
  memset(walk->at, 0, sizeof walk->at);
  for (int d = batch->ndim - 1; d >= 0; d--) {
    int64_t extent = MJX_MAX(1, batch->shape[d]);
    walk->position[d] = window % extent;
    window /= extent;
    for (int v = 0; v < 4; v++) walk->at[v] += walk->position[d] * batch->strides[v][d];
  }
}

int64_t mjx_window_run(const window_walk *walk) {
  const mjx_space_plan *batch = &walk->plan->batch;
  return batch->shape[batch->ndim - 1] - walk->position[batch->ndim - 1];
}

void mjx_window_skip(window_walk *walk, int64_t n) {
  const mjx_space_plan *batch = &walk->plan->batch;
  for (int d = batch->ndim - 1; d >= 0; d--, n = 1) {
    bool carries = (walk->position[d] += n) >= batch->shape[d];
    int64_t steps = carries ? n - batch->shape[d] : n;
    for (int v = 1; v < 4; v++) walk->at[v] += steps * batch->strides[v][d];
    if (!carries) return;
    walk->position[d] = 0;
  }
}

/* Appends the next n windows, which are of one run, to a block. */
static void take_run(window_walk *walk, int64_t n, window_block *block) {
  const window_plan *plan = walk->plan;
  const mjx_space_plan *batch = &plan->batch;
  int last = batch->ndim - 1;
  int64_t *offsets = block->offsets + block->n, *others = block->others + block->n;
  int64_t other = walk->at[2] * plan->size, other_step = batch->strides[2][last] * plan->size;
  int64_t offset = walk->at[3] * plan->size, step = batch->strides[3][last] * plan->size;
  plan->lines_up(n, other, other_step, others);
  plan->lines_up(n, offset, step, offsets);
  mjx_starts starts = {
      .n = n, .step = batch->strides[1][last], .offsets = offsets, .clip = plan->clip};
  for (int i = 0; i < plan->n_mapped; i++) {
    const window_dim *dim = &plan->mapped[i];
    starts.gaps = block->gaps;
    starts.last = dim->last;
    starts.stride = dim->stride;
    starts.index = walk->indices + (walk->at[1] + dim->index) * plan->index_size;
    block->gaps |= plan->starts(&starts) != 0;
  }
  block->n += n;
  mjx_window_skip(walk, n);
}

void mjx_window_take(window_walk *walk, int64_t left, window_block *block) {
  int64_t wanted = MJX_MIN(left, MJX_WINDOW_BLOCK);
  block->n = 0;
  block->gaps = false;
  while (block->n < wanted) take_run(walk, MJX_MIN(wanted - block->n, mjx_window_run(walk)), block);
}
