/* conv_layout.c: CONV's input as the tiles of conv_direct.c want it.
 *
 * If windows read outside the input, it is laid out anew: with zeros around it and between its
 * elements, so that no window needs a test.  For `planes` every dim of space is also split by its
 * stride s into phases (elements that are s apart lie side by side), and the places of one image
 * are one line: a window moves by one element, and what is computed between the ends of rows is
 * dropped.
 */
#include <string.h>

#include "conv.h"

enum { MAX_PHASES = 16 };

static int64_t magnitude(int64_t x) { return x < 0 ? -x : x; }

/* Elements of a dim of space, with padding, that windows see. */
static int64_t seen(const mjx_conv_dim *dim) {
  return (dim->n_out - 1) * dim->stride + (dim->window - 1) * dim->dilation + 1;
}

static bool fits_in_place(const mjx_conv_plan *plan) {
  for (int d = 0; d < plan->n_space; d++) {
    const mjx_conv_dim *dim = &plan->space[d];
    if (dim->low > 0 || dim->base > 1 || seen(dim) - dim->low > dim->n_in) return false;
  }
  return true;
}

static void use_in_place(const mjx_conv_plan *plan, mjx_conv_layout *in) {
  in->batch_stride = plan->batch_stride;
  in->feature_stride = plan->feature_stride;
  in->group_stride = plan->group_stride;
  for (int d = 0; d < plan->n_space; d++) {
    const mjx_conv_dim *dim = &plan->space[d];
    in->phases[d] = 1;
    in->place[d] = dim->in_stride;
    in->window[d] = dim->stride * dim->in_stride;
    in->first -= dim->low * dim->in_stride;
  }
}

/* The dims of the new layout: batch, features, then those of space; `order` lists them slowest
 * first.  The order is that of the input's memory; for planes, that of the output's rows. */
static int64_t stride_of(const mjx_conv_plan *plan, int role) {
  return magnitude(role == MJX_CONV_BATCH      ? plan->batch_stride
                   : role == MJX_CONV_FEATURES ? plan->feature_stride
                                               : plan->space[role].in_stride);
}

int mjx_conv_group_role(const mjx_conv_plan *plan) {
  return plan->features == plan->in_features * plan->groups ? MJX_CONV_FEATURES : MJX_CONV_BATCH;
}

/* The groups last. */
static int order_for_cells(const mjx_conv_plan *plan, int *order) {
  int n = 0, last = mjx_conv_group_role(plan);
  order[n++] = last == MJX_CONV_BATCH ? MJX_CONV_FEATURES : MJX_CONV_BATCH;
  for (int d = 0; d < plan->n_space; d++) order[n++] = d;
  order[n++] = last;
  return n;
}

static int order_by_memory(const mjx_conv_plan *plan, int *order) {
  int n = 0;
  for (int role = MJX_CONV_BATCH; role < plan->n_space; role++) {
    int at = n++;
    for (; at > 0 && stride_of(plan, order[at - 1]) < stride_of(plan, role); at--)
      order[at] = order[at - 1];
    order[at] = role;
  }
  return n;
}

static int order_by_rows(const mjx_conv_plan *plan, int *order) {
  int n = 0;
  order[n++] = MJX_CONV_BATCH;
  order[n++] = MJX_CONV_FEATURES;
  for (int d = 0; d < plan->n_space; d++)
    if (plan->space[d].n_out == 1) order[n++] = d;
  for (int d = 0; d < plan->n_row_dims; d++)
    if (plan->rows[d].space >= 0 && plan->rows[d].n > 1) order[n++] = plan->rows[d].space;
  return n;
}

/* Assigns dense strides; false if the array would be too large. */
static bool lay_out(const mjx_conv_plan *plan, mjx_conv_form form, mjx_conv_layout *in) {
  int order[MJX_CONV_SPACE + 2];
  bool by_phases = form == MJX_CONV_PLANES;
  int n = by_phases                ? order_by_rows(plan, order)
          : form == MJX_CONV_CELLS ? order_for_cells(plan, order)
                                   : order_by_memory(plan, order);
  double total = 1;
  int64_t stride = 1;
  for (int i = n - 1; i >= 0; i--) {
    int64_t extent;
    if (order[i] == MJX_CONV_BATCH) {
      in->batch_stride = stride;
      extent = plan->batch;
    } else if (order[i] == MJX_CONV_FEATURES) {
      /* the phases lie between the places and the features */
      for (int d = plan->n_space - 1; d >= 0 && by_phases; d--) {
        in->phase_stride[d] = stride;
        stride *= in->phases[d];
        total *= (double)in->phases[d];
      }
      in->feature_stride = stride;
      extent = plan->features;
    } else {
      int d = order[i];
      const mjx_conv_dim *dim = &plan->space[d];
      in->phases[d] = by_phases ? MJX_MIN(dim->stride, seen(dim)) : 1;
      in->extent[d] = extent = mjx_ceil_div(seen(dim), in->phases[d]);
      in->place[d] = stride;
      in->window[d] = by_phases ? stride : stride * dim->stride;
    }
    total *= (double)extent;
    if (total * plan->size > (double)MJX_MAX_BYTES) return false;
    stride *= extent;
  }
  in->elements = stride;
  in->group_stride = mjx_conv_group_role(plan) == MJX_CONV_FEATURES
                         ? plan->in_features * in->feature_stride
                         : plan->batch / plan->groups * in->batch_stride;
  return true;
}

/* The part of the input that one combination of phases holds. */
static mjx_status plan_copy(mjx_loader *loader, const mjx_conv_plan *plan, int64_t combination,
                            mjx_conv_layout *in) {
  int64_t shape[MJX_MAX_NDIM] = {plan->batch, plan->features};
  int64_t to[MJX_MAX_NDIM] = {in->batch_stride, in->feature_stride};
  int64_t from[MJX_MAX_NDIM] = {plan->batch_stride, plan->feature_stride};
  struct layout_copy *copy = &in->copies[in->n_copies];
  copy->to = copy->from = 0;
  for (int d = plan->n_space - 1; d >= 0; d--) {
    const mjx_conv_dim *dim = &plan->space[d];
    int64_t phases = in->phases[d], phase = combination % phases;
    combination /= phases;
    /* place q of the phase holds element (q * phases + phase - low) / base */
    int64_t step = phases > 1 ? phases : 1, shift = phase - dim->low;
    int64_t q = 0, i = shift;
    if (dim->base > 1) { /* no phases: element i lies at low + i * base */
      i = shift >= 0 ? mjx_ceil_div(shift, dim->base) : 0;
      q = dim->low + i * dim->base;
    } else if (i < 0) {
      q = mjx_ceil_div(-i, step);
      i += q * step;
    }
    int64_t count = i < dim->n_in && q < in->extent[d] ? mjx_ceil_div(dim->n_in - i, step) : 0;
    count = MJX_MIN(count, count > 0 ? mjx_ceil_div(in->extent[d] - q, dim->base) : 0);
    if (count <= 0) return MJX_OK;
    shape[2 + d] = count;
    to[2 + d] = dim->base * in->place[d];
    from[2 + d] = step * dim->in_stride;
    copy->to += q * in->place[d] + phase * in->phase_stride[d];
    copy->from += i * dim->in_stride;
  }
  in->n_copies++;
  return mjx_copy_prepare(loader, 2 + plan->n_space, shape, to, from, plan->size, &copy->plan);
}

mjx_status mjx_conv_plan_layout(mjx_loader *loader, const mjx_conv_plan *plan, mjx_conv_form form,
                                bool copy, mjx_conv_layout *in, bool *taken) {
  bool by_phases = form == MJX_CONV_PLANES;
  if (!copy && !by_phases && fits_in_place(plan)) {
    use_in_place(plan, in);
    *taken = true;
    return MJX_OK;
  }
  int64_t combinations = 1;
  for (int d = 0; d < plan->n_space; d++) {
    const mjx_conv_dim *dim = &plan->space[d];
    if (by_phases && dim->base > 1 && dim->stride > 1) return MJX_OK;
    if (by_phases) combinations *= MJX_MIN(dim->stride, seen(dim));
    if (combinations > MAX_PHASES) return MJX_OK;
  }
  in->copied = true;
  in->zeroed = !fits_in_place(plan);
  if (!lay_out(plan, form, in)) return MJX_OK;
  MJX_ALLOC(loader, in->copies, (size_t)combinations * sizeof *in->copies);
  for (int64_t c = 0; c < combinations; c++) MJX_TRY(plan_copy(loader, plan, c, in));
  *taken = true;
  return MJX_OK;
}

/* ---- run ---- */

static void zero_task(void *arg, int64_t begin, int64_t end, char *scratch) {
  (void)scratch;
  memset((char *)arg + begin * MJX_ALIGN, 0, (size_t)((end - begin) * MJX_ALIGN));
}

const char *mjx_conv_lay_out(const mjx_conv_plan *plan, const mjx_conv_layout *layout,
                             const char *in, char *to, int64_t bytes) {
  if (!layout->copied) return in + layout->first * plan->size;
  int64_t lines = bytes / MJX_ALIGN;
  if (layout->zeroed) mjx_pool_for(lines, lines * 2, 0, NULL, zero_task, to);
  for (int c = 0; c < layout->n_copies; c++) {
    const struct layout_copy *copy = &layout->copies[c];
    mjx_copy_run(&copy->plan, to + copy->to * plan->size, in + copy->from * plan->size, true);
  }
  return to;
}
