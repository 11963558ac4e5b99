/* space.c: one iteration space for several views, with as few dims as they allow. */
#include "internal.h"

static int64_t magnitude(int64_t stride) { return stride < 0 ? -stride : stride; }

static void drop_units(mjx_space_plan *plan, int ndim, const int64_t *shape,
                       const int64_t *const *strides) {
  plan->ndim = 0;
  for (int d = 0; d < ndim; d++) {
    if (shape[d] == 1) continue;
    plan->shape[plan->ndim] = shape[d];
    for (int v = 0; v < plan->n_views; v++) plan->strides[v][plan->ndim] = strides[v][d];
    plan->ndim++;
  }
}

static void swap_dims(mjx_space_plan *plan, int a, int b) {
  int64_t extent = plan->shape[a];
  plan->shape[a] = plan->shape[b];
  plan->shape[b] = extent;
  for (int v = 0; v < plan->n_views; v++) {
    int64_t stride = plan->strides[v][a];
    plan->strides[v][a] = plan->strides[v][b];
    plan->strides[v][b] = stride;
  }
}

/* A stable insertion sort: the first view's largest strides outermost, so that it is walked
 * forwards whatever its layout. */
static void order_dims(mjx_space_plan *plan) {
  for (int d = 1; d < plan->ndim; d++) {
    for (int e = d; e > 0; e--) {
      if (magnitude(plan->strides[0][e - 1]) >= magnitude(plan->strides[0][e])) break;
      swap_dims(plan, e - 1, e);
    }
  }
}

static bool can_merge(const mjx_space_plan *plan, int d) {
  for (int v = 0; v < plan->n_views; v++) {
    int64_t whole;
    if (__builtin_mul_overflow(plan->strides[v][d + 1], plan->shape[d + 1], &whole)) return false;
    if (plan->strides[v][d] != whole) return false;
  }
  return true;
}

static void merge_dims(mjx_space_plan *plan) {
  int kept = 0;
  for (int d = 1; d < plan->ndim; d++) {
    /* Dim d joins the last kept one, or becomes the next. */
    if (kept + 1 != d) {
      plan->shape[kept + 1] = plan->shape[d];
      for (int v = 0; v < plan->n_views; v++) plan->strides[v][kept + 1] = plan->strides[v][d];
    }
    if (!can_merge(plan, kept)) {
      kept++;
      continue;
    }
    plan->shape[kept] *= plan->shape[kept + 1];
    for (int v = 0; v < plan->n_views; v++) plan->strides[v][kept] = plan->strides[v][kept + 1];
  }
  plan->ndim = kept + 1;
}

static void single_dim(mjx_space_plan *plan, int64_t extent) {
  plan->ndim = 1;
  plan->shape[0] = extent;
  for (int v = 0; v < plan->n_views; v++) plan->strides[v][0] = 1;
}

mjx_status mjx_space_collapse(mjx_loader *loader, int n_views, int ndim, const int64_t *shape,
                              const int64_t *const *strides, mjx_space_plan *plan) {
  size_t row = (size_t)MJX_MAX(ndim, 1) * sizeof(int64_t);
  plan->n_views = n_views;
  MJX_ALLOC(loader, plan->shape, row);
  MJX_ALLOC(loader, plan->strides, (size_t)n_views * sizeof(int64_t *));
  for (int v = 0; v < n_views; v++) MJX_ALLOC(loader, plan->strides[v], row);
  plan->n = 1;
  for (int d = 0; d < ndim; d++) plan->n *= shape[d] != 0;
  for (int d = 0; d < ndim && plan->n; d++) plan->n *= shape[d];
  drop_units(plan, ndim, shape, strides);
  if (plan->n == 0 || plan->ndim == 0) {
    single_dim(plan, plan->n);
    return MJX_OK;
  }
  order_dims(plan);
  merge_dims(plan);
  return MJX_OK;
}
