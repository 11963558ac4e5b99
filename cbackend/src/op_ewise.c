/* op_ewise.c: running an EWISE instruction, tile by tile. */
#include <string.h>

#include "ewise.h"

typedef struct ewise_job {
  const ewise_plan *plan;
  const mjx_frame *frame;
} ewise_job;

/* What one thread keeps while it walks its tiles; it lies in its scratch. */
typedef struct walker {
  const ewise_plan *plan;
  char **regs;     /* where each register's elements are, in this tile */
  char **rows;     /* per view: the row's first element (flat: the view's base) */
  int64_t *values; /* per affine view: the row's first value */
  char **filled;   /* per SPLAT view: the source that fills its register now */
  ewise_cursor cursor;
} walker;

static void start_walker(walker *self, const ewise_job *job, char *scratch, int64_t row) {
  const ewise_plan *plan = self->plan = job->plan;
  const mjx_space_plan *space = &plan->space;
  int n_views = plan->n_in + plan->n_out, outer = plan->flat ? 0 : space->ndim - 1;
  self->regs = (char **)(void *)scratch;
  self->rows = self->regs + plan->n_regs;
  self->filled = self->rows + n_views;
  self->values = (int64_t *)(void *)(self->filled + n_views);
  for (int r = 0; r < plan->n_regs; r++) self->regs[r] = scratch + plan->reg_scratch[r];
  mjx_ewise_seek(space, row, outer, &self->cursor);
  for (int v = 0; v < n_views; v++) {
    const ewise_view *view = &plan->views[v];
    int64_t moved = 0;
    for (int d = 0; d < outer; d++) moved += self->cursor.index[d] * view->strides[d];
    self->filled[v] = NULL;
    if (view->mode == EWISE_AFFINE)
      self->values[v] = view->offset + moved;
    else
      self->rows[v] = job->frame->slots[view->slot] + view->offset + moved * view->size;
  }
}

static void move_rows(walker *self, int dim, int64_t times) {
  const ewise_plan *plan = self->plan;
  for (int v = 0; v < plan->n_in + plan->n_out; v++) {
    const ewise_view *view = &plan->views[v];
    int64_t step = view->strides[dim] * times;
    if (view->mode == EWISE_AFFINE)
      self->values[v] += step;
    else
      self->rows[v] += step * view->size;
  }
}

static void next_row(walker *self) {
  const mjx_space_plan *space = &self->plan->space;
  for (int d = space->ndim - 2; d >= 0; d--) {
    if (++self->cursor.index[d] < space->shape[d]) {
      move_rows(self, d, 1);
      return;
    }
    move_rows(self, d, -(space->shape[d] - 1));
    self->cursor.index[d] = 0;
  }
}

static void splat(walker *self, int v, char *source) {
  const ewise_plan *plan = self->plan;
  const ewise_view *view = &plan->views[v];
  if (self->filled[v] == source) return;
  if (plan->flat)
    mjx_ewise_pack(&plan->space, view, source, 0, plan->tile, self->regs[v]);
  else
    mjx_copy_line(self->regs[v], 1, source, 0, plan->tile, view->size);
  self->filled[v] = source;
}

static void load_row_tile(walker *self, int64_t column, int64_t n) {
  const ewise_plan *plan = self->plan;
  int last = plan->space.ndim - 1;
  for (int v = 0; v < plan->n_in; v++) {
    const ewise_view *view = &plan->views[v];
    int64_t step = view->strides[last];
    switch (view->mode) {
      case EWISE_DIRECT: self->regs[v] = self->rows[v] + column * view->size; break;
      case EWISE_SPLAT: splat(self, v, self->rows[v]); break;
      case EWISE_MOVE:
        mjx_copy_line(self->regs[v], 1, self->rows[v] + column * step * view->size, step, n,
                      view->size);
        break;
      case EWISE_AFFINE:
        mjx_affine_line(self->regs[v], view->dtype, self->values[v] + column * step, step, n);
        break;
    }
  }
}

static void load_flat_tile(walker *self, int64_t first, int64_t n) {
  const ewise_plan *plan = self->plan;
  for (int v = 0; v < plan->n_in; v++) {
    const ewise_view *view = &plan->views[v];
    switch (view->mode) {
      case EWISE_DIRECT: self->regs[v] = self->rows[v] + first * view->size; break;
      case EWISE_SPLAT: splat(self, v, self->rows[v]); break;
      case EWISE_MOVE:
        mjx_ewise_pack(&plan->space, view, self->rows[v], first, n, self->regs[v]);
        break;
      case EWISE_AFFINE: mjx_ewise_generate(&plan->space, view, first, n, self->regs[v]); break;
    }
  }
}

/* Lets the steps write straight into the outputs that allow it. */
static void bind_outputs(walker *self, int64_t at) {
  const ewise_plan *plan = self->plan;
  for (int v = plan->n_in; v < plan->n_in + plan->n_out; v++) {
    const ewise_view *view = &plan->views[v];
    if (view->mode == EWISE_DIRECT) self->regs[view->reg] = self->rows[v] + at * view->size;
  }
}

static void run_steps(const walker *self, int64_t n) {
  const ewise_step *step = self->plan->steps, *end = step + self->plan->n_steps;
  char *const *regs = self->regs;
  for (; step < end; step++) {
    const void *in[4];
    void *out[2];
    for (int i = 0; i < step->n_in; i++) in[i] = regs[step->in[i]];
    for (int i = 0; i < step->n_out; i++) out[i] = regs[step->out[i]];
    step->fn(n, out, in);
  }
}

/* Stores the registers of the outputs that no step wrote to. */
static void store_tile(const walker *self, int64_t at, int64_t n) {
  const ewise_plan *plan = self->plan;
  const mjx_space_plan *space = &plan->space;
  for (int v = plan->n_in; v < plan->n_in + plan->n_out; v++) {
    const ewise_view *view = &plan->views[v];
    if (view->mode == EWISE_DIRECT) continue;
    char *tile = self->regs[view->reg];
    int64_t step = view->strides[space->ndim - 1];
    if (plan->flat)
      mjx_ewise_unpack(space, view, self->rows[v], at, n, tile);
    else
      mjx_copy_line(self->rows[v] + at * step * view->size, step, tile, 1, n, view->size);
  }
}

static void run_tiles(void *arg, int64_t begin, int64_t end, char *scratch) {
  const ewise_job *job = arg;
  const ewise_plan *plan = job->plan;
  int64_t inner = plan->space.shape[plan->space.ndim - 1];
  int64_t limit = plan->flat ? plan->space.n : inner;
  walker self;
  start_walker(&self, job, scratch, begin / plan->tiles_per_row);
  int64_t at = begin % plan->tiles_per_row * plan->tile;
  for (int64_t t = begin; t < end; t++) {
    int64_t n = MJX_MIN(plan->tile, limit - at);
    if (plan->flat)
      load_flat_tile(&self, at, n);
    else
      load_row_tile(&self, at, n);
    bind_outputs(&self, at);
    run_steps(&self, n);
    store_tile(&self, at, n);
    at += n;
    if (at >= limit && t + 1 < end) {
      next_row(&self);
      at = 0;
    }
  }
}

mjx_status mjx_op_ewise_run(const mjx_instr *instr, mjx_frame *frame) {
  const ewise_plan *plan = instr->plan;
  ewise_job job = {plan, frame};
  if (plan->copies)
    mjx_copy_run(&plan->copy, mjx_at(frame, instr->out), mjx_at(frame, instr->in), true);
  else if (plan->n_tiles == 1)
    run_tiles(&job, 0, 1, frame->scratch);
  else
    mjx_pool_for(plan->n_tiles, plan->cost, plan->scratch_bytes, frame->scratch, run_tiles, &job);
  return MJX_OK;
}
