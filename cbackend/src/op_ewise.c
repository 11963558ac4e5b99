/* op_ewise.c: running an EWISE instruction, tile by tile. */
#include <string.h>

#include "ewise.h"

typedef struct ewise_job {
  const ewise_plan *plan;
  const mjx_frame *frame;
} ewise_job;

static void go_to_row(ewise_walker *self, int64_t row) {
  const ewise_plan *plan = self->plan;
  const mjx_space_plan *space = &plan->space;
  int n_views = plan->n_in + plan->n_out, outer = plan->flat ? 0 : space->ndim - 1;
  self->row = row;
  mjx_ewise_seek(space, row, outer, &self->cursor);
  for (int v = 0; v < n_views; v++) {
    const ewise_view *view = &plan->views[v];
    int64_t moved = 0;
    if (view->slot == EWISE_SLOT_PIECE) continue;
    for (int d = 0; d < outer; d++) moved += self->cursor.index[d] * view->strides[d];
    if (view->mode == EWISE_AFFINE)
      self->values[v] = view->offset + moved;
    else
      self->rows[v] = self->frame->slots[view->slot] + view->offset + moved * view->size;
  }
}

static char *view_place(const mjx_frame *frame, const ewise_view *view) {
  return frame->slots[view->slot] + view->offset;
}

static void describe_table(const mjx_frame *frame, const ewise_view *view, char *to) {
  *(mjx_table *)(void *)to = (mjx_table){view_place(frame, view), view->room};
}

void mjx_ewise_open(ewise_walker *self, const ewise_plan *plan, const mjx_frame *frame,
                    char *scratch, int64_t row) {
  int n_views = plan->n_in + plan->n_out;
  self->plan = plan;
  self->frame = frame;
  self->regs = (char **)(void *)scratch;
  self->rows = self->regs + plan->n_regs;
  self->filled = self->rows + n_views;
  self->values = (int64_t *)(void *)(self->filled + n_views);
  for (int r = 0; r < plan->n_regs; r++) self->regs[r] = scratch + plan->reg_scratch[r];
  for (int v = 0; v < n_views; v++) self->filled[v] = NULL;
  for (int v = 0; v < plan->n_in; v++)
    if (plan->views[v].mode == EWISE_TABLE) describe_table(frame, &plan->views[v], self->regs[v]);
  go_to_row(self, row);
}

static void move_rows(ewise_walker *self, int dim, int64_t times) {
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

static void next_row(ewise_walker *self) {
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

static void splat(ewise_walker *self, int v, char *source) {
  const ewise_plan *plan = self->plan;
  const ewise_view *view = &plan->views[v];
  if (self->filled[v] == source) return;
  mjx_copy_line(self->regs[v], 1, source, 0, plan->tile, view->size);
  self->filled[v] = source;
}

static void affine(ewise_walker *self, int v, int64_t column, int64_t n) {
  const ewise_plan *plan = self->plan;
  const ewise_view *view = &plan->views[v];
  int64_t step = view->strides[plan->space.ndim - 1];
  if (view->repeats && self->filled[v]) return;
  mjx_affine_line(self->regs[v], view->dtype, self->values[v] + column * step, step, n);
  if (view->repeats) self->filled[v] = self->regs[v];
}

/* The register holds one row more than a tile, so that it serves from any place of a row. */
static void splat_rows(ewise_walker *self, int v, int64_t first) {
  const ewise_plan *plan = self->plan;
  const ewise_view *view = &plan->views[v];
  int64_t inner = plan->space.shape[plan->space.ndim - 1];
  char *start = (char *)self->regs + plan->reg_scratch[v];
  if (!self->filled[v]) {
    mjx_ewise_pack(&plan->space, view, self->rows[v], 0, plan->tile, start);
    if (plan->by_ranges)
      mjx_ewise_pack(&plan->space, view, self->rows[v], 0, inner, start + plan->tile * view->size);
    self->filled[v] = start;
  }
  self->regs[v] = start + first % inner * view->size;
}

static void load_row_tile(ewise_walker *self, int64_t column, int64_t n) {
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
      case EWISE_AFFINE: affine(self, v, column, n); break;
      case EWISE_TABLE: break;
    }
  }
}

static void load_flat_tile(ewise_walker *self, int64_t first, int64_t n) {
  const ewise_plan *plan = self->plan;
  for (int v = 0; v < plan->n_in; v++) {
    const ewise_view *view = &plan->views[v];
    switch (view->mode) {
      case EWISE_DIRECT: self->regs[v] = self->rows[v] + first * view->size; break;
      case EWISE_SPLAT: splat_rows(self, v, first); break;
      case EWISE_MOVE:
        mjx_ewise_pack(&plan->space, view, self->rows[v], first, n, self->regs[v]);
        break;
      case EWISE_AFFINE: mjx_ewise_generate(&plan->space, view, first, n, self->regs[v]); break;
      case EWISE_TABLE: break;
    }
  }
}

/* Lets the steps write straight into the outputs that allow it; `done` elements of the pieces
 * are there. */
static void bind_outputs(ewise_walker *self, int64_t at, char *const *pieces, int64_t done) {
  const ewise_plan *plan = self->plan;
  for (int k = 0; k < plan->n_out; k++) {
    const ewise_view *view = &plan->views[plan->n_in + k];
    if (view->mode != EWISE_DIRECT) continue;
    self->regs[view->reg] = k < plan->n_pieces ? pieces[k] + done * view->size
                                               : self->rows[plan->n_in + k] + at * view->size;
  }
}

static void run_steps(const ewise_walker *self, int64_t n) {
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
static void store_tile(const ewise_walker *self, int64_t at, int64_t n, char *const *pieces,
                       int64_t done) {
  const ewise_plan *plan = self->plan;
  const mjx_space_plan *space = &plan->space;
  for (int k = 0; k < plan->n_out; k++) {
    const ewise_view *view = &plan->views[plan->n_in + k];
    if (view->mode == EWISE_DIRECT) continue;
    char *tile = self->regs[view->reg], *row = self->rows[plan->n_in + k];
    int64_t step = view->strides[space->ndim - 1];
    if (k < plan->n_pieces)
      memcpy(pieces[k] + done * view->size, tile, (size_t)(n * view->size));
    else if (plan->flat && view->dense)
      memmove(row + at * view->size, tile, (size_t)(n * view->size));
    else if (plan->flat)
      mjx_ewise_unpack(space, view, row, at, n, tile);
    else
      mjx_copy_line(row + at * step * view->size, step, tile, 1, n, view->size);
  }
}

/* One tile: n elements from `at` on, a place in the row (flat: in the space). */
static void run_tile(ewise_walker *self, int64_t at, int64_t n, char *const *pieces, int64_t done) {
  if (self->plan->flat)
    load_flat_tile(self, at, n);
  else
    load_row_tile(self, at, n);
  bind_outputs(self, at, pieces, done);
  run_steps(self, n);
  store_tile(self, at, n, pieces, done);
}

void mjx_ewise_range(ewise_walker *self, int64_t first, int64_t n, char *const *pieces) {
  const ewise_plan *plan = self->plan;
  int64_t inner = plan->space.shape[plan->space.ndim - 1];
  for (int64_t done = 0; done < n;) {
    int64_t at = first + done, count = MJX_MIN(plan->tile, n - done);
    if (!plan->flat) {
      if (at / inner != self->row) go_to_row(self, at / inner);
      at %= inner;
      count = MJX_MIN(count, inner - at);
    }
    run_tile(self, at, count, pieces, done);
    done += count;
  }
}

static void run_tiles(void *arg, int64_t begin, int64_t end, char *scratch) {
  const ewise_job *job = arg;
  const ewise_plan *plan = job->plan;
  int64_t inner = plan->space.shape[plan->space.ndim - 1];
  int64_t limit = plan->flat ? plan->space.n : inner;
  ewise_walker self;
  mjx_ewise_open(&self, plan, job->frame, scratch, begin / plan->tiles_per_row);
  int64_t at = begin % plan->tiles_per_row * plan->tile;
  for (int64_t t = begin; t < end; t++) {
    int64_t n = MJX_MIN(plan->tile, limit - at);
    run_tile(&self, at, n, NULL, 0);
    at += n;
    if (at >= limit && t + 1 < end) {
      next_row(&self);
      at = 0;
    }
  }
}

static inline char *at_place(const mjx_frame *frame, const ewise_place *place) {
  char *base = place->slot < 0 ? frame->scratch : frame->slots[place->slot];
  return base + place->offset;
}

/* Fills the registers of inputs that do not lie side by side. */
static void pack_single(const ewise_plan *plan, const mjx_frame *frame) {
  const mjx_space_plan *space = &plan->space;
  for (int v = 0; v < plan->n_in; v++) {
    const ewise_view *view = &plan->views[v];
    if (view->mode == EWISE_DIRECT) continue;
    char *tile = frame->scratch + plan->reg_scratch[v];
    int64_t step = view->strides[space->ndim - 1];
    if (view->mode == EWISE_TABLE)
      describe_table(frame, view, tile);
    else if (view->mode == EWISE_AFFINE && plan->flat)
      mjx_ewise_generate(space, view, 0, space->n, tile);
    else if (view->mode == EWISE_AFFINE)
      mjx_affine_line(tile, view->dtype, view->offset, step, space->n);
    else if (plan->flat)
      mjx_ewise_pack(space, view, view_place(frame, view), 0, space->n, tile);
    else
      mjx_copy_line(tile, 1, view_place(frame, view), step, space->n, view->size);
  }
}

/* Stores what no step wrote to its place. */
static void unpack_single(const ewise_plan *plan, const mjx_frame *frame) {
  const mjx_space_plan *space = &plan->space;
  for (int v = plan->n_in; v < plan->n_in + plan->n_out; v++) {
    const ewise_view *view = &plan->views[v];
    if (view->mode == EWISE_DIRECT) continue;
    const char *tile = at_place(frame, &view->from);
    if (view->dense)
      memmove(view_place(frame, view), tile, (size_t)(space->n * view->size));
    else if (plan->flat)
      mjx_ewise_unpack(space, view, view_place(frame, view), 0, space->n, tile);
    else
      mjx_copy_line(view_place(frame, view), view->strides[space->ndim - 1], tile, 1, space->n,
                    view->size);
  }
}

static void run_bound_steps(const ewise_plan *plan, const mjx_frame *frame) {
  const ewise_bound_step *step = plan->bound_steps, *end = step + plan->n_steps;
  if (plan->packs) pack_single(plan, frame);
  for (; step < end; step++) {
    const void *in[4];
    void *out[2];
    for (int i = 0; i < step->n_in; i++) in[i] = at_place(frame, &step->in[i]);
    for (int i = 0; i < step->n_out; i++) out[i] = at_place(frame, &step->out[i]);
    step->fn(plan->space.n, out, in);
  }
  if (plan->packs) unpack_single(plan, frame);
}

mjx_status mjx_op_ewise_run(const mjx_instr *instr, mjx_frame *frame) {
  const ewise_plan *plan = instr->plan;
  ewise_job job = {plan, frame};
  if (plan->copies)
    mjx_copy_run(&plan->copy, mjx_at(frame, instr->out), mjx_at(frame, instr->in), true);
  else if (plan->bound_steps)
    run_bound_steps(plan, frame);
  else
    mjx_pool_for(plan->n_tiles, plan->cost, plan->scratch_bytes, frame->scratch, run_tiles, &job);
  return MJX_OK;
}
