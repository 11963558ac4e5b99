/* ewise_plan.c: checks an EWISE instruction and plans how its tiles are run. */
#include <string.h>

#include "ewise.h"

enum {
  TINY_ROW = 32,   /* shorter rows are packed into tiles of many rows, .. */
  SHORT_ROW = 128, /* .. shorter ones than these where that is less work than a call for each .. */
  LONG_ROW = 256,  /* .. and than these where none serves as it lies */
  MAX_REGS = 4096,
  SIZE_CLASSES = 5 /* 1, 2, 4, 8, 16 bytes */
};

/* Facts about registers while planning. */
typedef struct reg {
  int32_t size;
  int32_t same_as;  /* a copy's source; else itself */
  int32_t last_use; /* the last step that reads it; n_steps if it is stored at the end */
  int32_t made_by;  /* step; -1: an input */
  bool bound;       /* written straight into an output */
  bool stored;
  bool table; /* an input that kernels pick from */
} reg;

typedef struct planner {
  mjx_loader *loader;
  mjx_instr *instr;
  ewise_plan *plan;
  reg *regs;
  int64_t *free_slots[SIZE_CLASSES]; /* stacks of scratch offsets */
  int n_free[SIZE_CLASSES];
} planner;

static bool all_zero(const int64_t *strides, int ndim) {
  for (int d = 0; d < ndim; d++) {
    if (strides[d] != 0) return false;
  }
  return true;
}

/* ---- reading the micro-program ---- */

static mjx_status check_operands(const mjx_instr *instr) {
  if (instr->n_out < 1) return mjx_fail(MJX_INVALID, "no outputs");
  const mjx_operand *first = &instr->out[0];
  for (int i = 1; i < instr->n_out + instr->n_in; i++)
    MJX_TRY(mjx_check_shape(&instr->out[i], "an operand", first->ndim, first->shape));
  return MJX_OK;
}

static bool is_kind(const mjx_kernel_info *info, const char *prefix) {
  return strncmp(info->name, prefix, strlen(prefix)) == 0;
}

/* A table is an operand of stride 0 everywhere, and no kernel's element. */
static mjx_status read_table(planner *self, int64_t source, int32_t *out) {
  const mjx_instr *instr = self->instr;
  if (source < 0 || source >= instr->n_in || instr->in[source].slot == MJX_SLOT_AFFINE)
    return mjx_fail(MJX_INVALID, "register %lld is no table", (long long)source);
  const mjx_operand *operand = &instr->in[source];
  if (!all_zero(operand->strides, operand->ndim) || self->regs[source].last_use >= 0)
    return mjx_fail(MJX_INVALID, "register %lld is no table", (long long)source);
  self->regs[source].table = true;
  *out = (int32_t)source;
  return MJX_OK;
}

static mjx_status read_source(planner *self, int64_t source, int size, int32_t *out) {
  if (source < 0 || source >= self->plan->n_regs)
    return mjx_fail(MJX_INVALID, "register %lld of %d", (long long)source, self->plan->n_regs);
  if (self->regs[source].size != size)
    return mjx_fail(MJX_INVALID, "register %lld has elements of %d bytes, expected %d",
                    (long long)source, self->regs[source].size, size);
  *out = self->regs[source].same_as;
  if (self->regs[*out].table)
    return mjx_fail(MJX_INVALID, "register %lld is a table", (long long)source);
  return MJX_OK;
}

static int32_t add_reg(planner *self, int size, int made_by) {
  int32_t r = self->plan->n_regs++;
  self->regs[r] = (reg){.size = size, .same_as = r, .last_use = -1, .made_by = made_by};
  return r;
}

static mjx_status read_step(planner *self, const int64_t *params, int64_t left, int64_t *used) {
  ewise_plan *plan = self->plan;
  if (left < 1 || params[0] < 0 || params[0] >= mjx_n_kernels)
    return mjx_fail(MJX_INVALID, "no such kernel");
  const mjx_kernel_info *info = &mjx_kernel_infos[params[0]];
  if (left < 1 + info->n_in) return mjx_fail(MJX_INVALID, "the parameters end too early");
  if (plan->n_regs + info->n_out > MAX_REGS)
    return mjx_fail(MJX_INVALID, "more than %d registers", MAX_REGS);
  ewise_step *step = &plan->steps[plan->n_steps];
  *step = (ewise_step){mjx_kernel_table()[params[0]], info->n_in, info->n_out, {0}, {0}};
  int first = is_kind(info, "take_x");
  if (first) MJX_TRY(read_table(self, params[1], &step->in[0]));
  for (int i = first; i < info->n_in; i++)
    MJX_TRY(read_source(self, params[1 + i], mjx_dtype_size(info->in_dtype[i]), &step->in[i]));
  *used = 1 + info->n_in;
  if (is_kind(info, "copy_x")) {
    self->regs[add_reg(self, mjx_dtype_size(info->out_dtype[0]), -1)].same_as = step->in[0];
    return MJX_OK;
  }
  for (int i = first; i < info->n_in; i++) self->regs[step->in[i]].last_use = plan->n_steps;
  for (int i = 0; i < info->n_out; i++)
    step->out[i] = add_reg(self, mjx_dtype_size(info->out_dtype[i]), plan->n_steps);
  plan->n_steps++;
  return MJX_OK;
}

static mjx_status read_steps(planner *self) {
  const mjx_instr *instr = self->instr;
  ewise_plan *plan = self->plan;
  const int64_t *params = instr->params, *end = params + instr->n_params;
  if (instr->n_params < 1 || params[0] < 0 || params[0] > instr->n_params)
    return mjx_fail(MJX_INVALID, "a wrong number of micro-ops");
  int64_t n_micro = *params++;
  MJX_ALLOC(self->loader, plan->steps, (size_t)n_micro * sizeof(ewise_step));
  MJX_ALLOC(self->loader, self->regs, MJX_MIN(instr->n_in + 2 * n_micro, MAX_REGS) * sizeof(reg));
  for (int i = 0; i < instr->n_in; i++) add_reg(self, instr->in[i].size, -1);
  for (int64_t i = 0; i < n_micro; i++) {
    int64_t used = 0;
    mjx_status status = read_step(self, params, end - params, &used);
    if (status != MJX_OK) {
      mjx_fail_prefix("micro-op %lld: ", (long long)i);
      return status;
    }
    params += used;
  }
  if (end - params != instr->n_out)
    return mjx_fail(MJX_INVALID, "%lld output registers, expected %d", (long long)(end - params),
                    instr->n_out);
  for (int k = 0; k < instr->n_out; k++)
    MJX_TRY(read_source(self, params[k], instr->out[k].size, &plan->views[plan->n_in + k].reg));
  return MJX_OK;
}

/* ---- views ---- */

/* Whether the collapsed view is contiguous in the order of the collapsed space. */
static bool is_flat_dense(const mjx_space_plan *space, const int64_t *strides) {
  int64_t expected = 1;
  for (int d = space->ndim - 1; d >= 0; d--) {
    if (strides[d] != expected) return false;
    expected *= space->shape[d];
  }
  return true;
}

/* Whether rows are short, and better taken many at a time.  Packing a row of a view takes about as
 * long as the calls of two kernels for that row. */
static bool goes_flat(const ewise_plan *plan, int n_views) {
  const mjx_space_plan *space = &plan->space;
  int last = space->ndim - 1, packed = 0;
  int64_t inner = space->shape[last];
  if (last == 0 || inner >= LONG_ROW) return false;
  if (inner < TINY_ROW) return true;
  for (int v = 0; v < n_views; v++) {
    const int64_t *strides = space->strides[v];
    packed += strides[last] == 1 && !is_flat_dense(space, strides) && !all_zero(strides, last);
  }
  return inner < SHORT_ROW ? 2 * packed < plan->n_steps : packed == 0;
}

static mjx_status collapse(planner *self) {
  const mjx_instr *instr = self->instr;
  ewise_plan *plan = self->plan;
  int n_views = instr->n_out + instr->n_in;
  const int64_t **strides;
  MJX_ALLOC(self->loader, strides, (size_t)n_views * sizeof *strides);
  for (int v = 0; v < n_views; v++) strides[v] = instr->out[v].strides;
  MJX_TRY(mjx_space_collapse(self->loader, n_views, instr->out[0].ndim, instr->out[0].shape,
                             strides, &plan->space));
  plan->flat = goes_flat(plan, n_views);
  return MJX_OK;
}

static ewise_mode choose_mode(const ewise_plan *plan, const mjx_operand *operand,
                              const int64_t *strides) {
  const mjx_space_plan *space = &plan->space;
  if (operand->slot == MJX_SLOT_AFFINE) return EWISE_AFFINE;
  if (space->n == 1) return EWISE_DIRECT;
  if (plan->flat) {
    /* The same for every row, so for every tile: packed once. */
    if (all_zero(strides, space->ndim - 1)) return EWISE_SPLAT;
    return is_flat_dense(space, strides) ? EWISE_DIRECT : EWISE_MOVE;
  }
  int64_t inner = strides[space->ndim - 1];
  return inner == 1 ? EWISE_DIRECT : inner == 0 ? EWISE_SPLAT : EWISE_MOVE;
}

static void describe_views(planner *self) {
  const mjx_instr *instr = self->instr;
  ewise_plan *plan = self->plan;
  for (int v = 0; v < instr->n_in + instr->n_out; v++) {
    bool output = v >= instr->n_in;
    int operand_index = output ? v - instr->n_in : instr->n_out + v;
    const mjx_operand *operand = &instr->out[operand_index];
    ewise_view *view = &plan->views[v];
    view->strides = plan->space.strides[operand_index];
    view->slot = operand->slot;
    view->size = operand->size;
    view->dtype = operand->dtype;
    view->offset = operand->offset;
    view->room = operand->room;
    view->mode =
        !output && self->regs[v].table ? EWISE_TABLE : choose_mode(plan, operand, view->strides);
    view->dense = is_flat_dense(&plan->space, view->strides);
    if (!output) view->reg = v;
    if (view->slot == EWISE_SLOT_PIECE) {
      plan->by_ranges = true;
      plan->n_pieces += output;
    }
  }
}

/* ---- which outputs the steps may write straight into ---- */

static void byte_range(const mjx_space_plan *space, const ewise_view *view, int64_t *low,
                       int64_t *high) {
  *low = view->offset;
  *high = view->offset + view->size * (view->mode == EWISE_TABLE ? view->room : 1);
  for (int d = 0; d < space->ndim; d++) {
    int64_t reach = view->strides[d] * (space->shape[d] - 1) * view->size;
    *(reach < 0 ? low : high) += reach;
  }
}

static bool may_alias(const planner *self, const mjx_code *code, const ewise_view *in,
                      const ewise_view *out) {
  const mjx_space_plan *space = &self->plan->space;
  int first_output = MJX_SLOT_INPUT0 + (int)code->n_inputs;
  if (in->mode == EWISE_AFFINE || space->n == 0) return false;
  if (in->slot != out->slot) /* the caller may hand one block as an input and an output */
    return in->slot >= MJX_SLOT_INPUT0 && in->slot < first_output && out->slot >= first_output;
  int64_t in_low, in_high, out_low, out_high;
  byte_range(space, in, &in_low, &in_high);
  byte_range(space, out, &out_low, &out_high);
  return in_low < out_high && out_low < in_high;
}

/* Whether a step that writes output k early would destroy an input that is read later. */
static bool clobbers(const planner *self, const mjx_code *code, int k, int made_by) {
  const ewise_plan *plan = self->plan;
  for (int v = 0; v < plan->n_in; v++) {
    if (plan->views[v].mode != EWISE_DIRECT || self->regs[v].last_use <= made_by) continue;
    if (may_alias(self, code, &plan->views[v], &plan->views[plan->n_in + k])) return true;
  }
  return false;
}

/* An input that is stored as it is must be packed if another output may overwrite it first. */
static void protect_stored_inputs(planner *self, const mjx_code *code) {
  ewise_plan *plan = self->plan;
  for (int k = 0; k < plan->n_out; k++) {
    int r = plan->views[plan->n_in + k].reg;
    if (r >= plan->n_in || plan->views[r].mode != EWISE_DIRECT) continue;
    for (int j = 0; j < plan->n_out; j++) {
      if (j != k && may_alias(self, code, &plan->views[r], &plan->views[plan->n_in + j]))
        plan->views[r].mode = EWISE_MOVE;
    }
  }
}

/* What is stored for one tile must not be read by another. */
static mjx_status check_tables(const planner *self) {
  const ewise_plan *plan = self->plan;
  for (int v = 0; v < plan->n_in; v++) {
    const ewise_view *table = &plan->views[v];
    for (int k = plan->n_in; table->mode == EWISE_TABLE && k < plan->n_in + plan->n_out; k++) {
      int64_t low, high, out_low, out_high;
      byte_range(&plan->space, table, &low, &high);
      byte_range(&plan->space, &plan->views[k], &out_low, &out_high);
      if (table->slot == plan->views[k].slot && low < out_high && out_low < high)
        return mjx_fail(MJX_INVALID, "an output overlaps a table");
    }
  }
  return MJX_OK;
}

static void bind_outputs(planner *self, const mjx_code *code) {
  ewise_plan *plan = self->plan;
  for (int k = 0; k < plan->n_out; k++) {
    reg *stored = &self->regs[plan->views[plan->n_in + k].reg];
    stored->stored = true;
    stored->last_use = plan->n_steps;
  }
  protect_stored_inputs(self, code);
  for (int k = 0; k < plan->n_out; k++) {
    ewise_view *view = &plan->views[plan->n_in + k];
    reg *source = &self->regs[view->reg];
    bool binds = view->mode == EWISE_DIRECT && source->made_by >= 0 && !source->bound &&
                 !clobbers(self, code, k, source->made_by);
    if (binds)
      source->bound = true;
    else
      view->mode = EWISE_MOVE;
  }
}

/* ---- scratch ---- */

static int size_class(int size) { return __builtin_ctz((unsigned)size); }

static void take_slot(planner *self, int r) {
  ewise_plan *plan = self->plan;
  if (self->regs[r].table) {
    plan->reg_scratch[r] = plan->scratch_bytes;
    plan->scratch_bytes += mjx_round_up(sizeof(mjx_table), MJX_ALIGN);
    return;
  }
  int class = size_class(self->regs[r].size);
  if (self->n_free[class] > 0) {
    plan->reg_scratch[r] = self->free_slots[class][--self->n_free[class]];
    return;
  }
  plan->reg_scratch[r] = plan->scratch_bytes;
  int64_t n = plan->tile;
  if (plan->flat && r < plan->n_in && plan->views[r].mode == EWISE_SPLAT)
    n += plan->space.shape[plan->space.ndim - 1];
  plan->scratch_bytes += mjx_round_up(n * self->regs[r].size, MJX_ALIGN);
}

static void give_slot(planner *self, int r) {
  int class = size_class(self->regs[r].size);
  self->free_slots[class][self->n_free[class]++] = self->plan->reg_scratch[r];
}

/* A packed register's slot may be taken over after its last use; what serves again must stay. */
static bool is_reusable(const planner *self, int r) {
  const ewise_plan *plan = self->plan;
  if (self->regs[r].bound) return false;
  if (r >= plan->n_in) return true;
  const ewise_view *view = &plan->views[r];
  return view->mode == EWISE_MOVE || (view->mode == EWISE_AFFINE && !view->repeats);
}

static void release_sources(planner *self, int s) {
  const ewise_step *step = &self->plan->steps[s];
  for (int i = 0; i < step->n_in; i++) {
    int r = step->in[i];
    bool repeated = false;
    for (int j = 0; j < i; j++) repeated |= step->in[j] == r;
    if (!repeated && self->regs[r].last_use == s && is_reusable(self, r)) give_slot(self, r);
  }
}

/* A dying source's slot may serve a result of the same size: kernels work in place. */
static void assign_slots(planner *self) {
  ewise_plan *plan = self->plan;
  for (int v = 0; v < plan->n_in; v++) {
    if (plan->views[v].mode != EWISE_DIRECT) take_slot(self, v);
  }
  for (int s = 0; s < plan->n_steps; s++) {
    const ewise_step *step = &plan->steps[s];
    release_sources(self, s);
    for (int i = 0; i < step->n_out; i++) {
      if (!self->regs[step->out[i]].bound) take_slot(self, step->out[i]);
    }
    for (int i = 0; i < step->n_out; i++) {
      const reg *result = &self->regs[step->out[i]];
      if (result->last_use < 0 && !result->bound) give_slot(self, step->out[i]);
    }
  }
}

/* Where a register lies during the only tile. */
static ewise_place place_of(const planner *self, int32_t r) {
  const ewise_plan *plan = self->plan;
  if (r < plan->n_in && plan->views[r].mode == EWISE_DIRECT)
    return (ewise_place){plan->views[r].slot, plan->views[r].offset};
  for (int v = plan->n_in; v < plan->n_in + plan->n_out; v++) {
    const ewise_view *view = &plan->views[v];
    if (view->mode == EWISE_DIRECT && view->reg == r)
      return (ewise_place){view->slot, view->offset};
  }
  return (ewise_place){EWISE_SLOT_SCRATCH, plan->reg_scratch[r]};
}

/* A single tile needs no walk: where everything lies is known now. */
static mjx_status bind_steps(planner *self) {
  ewise_plan *plan = self->plan;
  if (plan->n_tiles != 1 || plan->by_ranges) return MJX_OK;
  for (int v = 0; v < plan->n_in + plan->n_out; v++)
    plan->packs |= plan->views[v].mode != EWISE_DIRECT;
  for (int v = plan->n_in; v < plan->n_in + plan->n_out; v++)
    plan->views[v].from = place_of(self, plan->views[v].reg);
  MJX_ALLOC(self->loader, plan->bound_steps, (size_t)plan->n_steps * sizeof *plan->bound_steps);
  for (int s = 0; s < plan->n_steps; s++) {
    const ewise_step *step = &plan->steps[s];
    ewise_bound_step *bound = &plan->bound_steps[s];
    *bound = (ewise_bound_step){.fn = step->fn, .n_in = step->n_in, .n_out = step->n_out};
    for (int i = 0; i < step->n_in; i++) bound->in[i] = place_of(self, step->in[i]);
    for (int i = 0; i < step->n_out; i++) bound->out[i] = place_of(self, step->out[i]);
  }
  return MJX_OK;
}

static mjx_status lay_out_scratch(planner *self) {
  ewise_plan *plan = self->plan;
  int64_t n_views = plan->n_in + plan->n_out;
  MJX_ALLOC(self->loader, plan->reg_scratch, (size_t)plan->n_regs * sizeof(int64_t));
  for (int c = 0; c < SIZE_CLASSES; c++)
    MJX_ALLOC(self->loader, self->free_slots[c], (size_t)plan->n_regs * sizeof(int64_t));
  plan->scratch_bytes = mjx_round_up((plan->n_regs + 3 * n_views) * 8, MJX_ALIGN);
  assign_slots(self);
  MJX_TRY(bind_steps(self));
  self->instr->scratch_bytes = plan->scratch_bytes;
  return MJX_OK;
}

/* ---- the whole ---- */

static void cut_tiles(ewise_plan *plan) {
  const mjx_space_plan *space = &plan->space;
  int64_t inner = space->shape[space->ndim - 1];
  int64_t length = plan->flat ? space->n : inner;
  plan->tiles_per_row = MJX_MAX(1, (length + MJX_TILE - 1) / MJX_TILE);
  plan->tile = length;
  if (length > MJX_TILE) /* equal tiles rather than a short last one */
    plan->tile = mjx_round_up((length + plan->tiles_per_row - 1) / plan->tiles_per_row, 16);
  if (plan->flat) plan->tile = MJX_MIN(length, MJX_TILE / inner * inner); /* whole rows */
  plan->tiles_per_row = plan->tile ? (length + plan->tile - 1) / plan->tile : 1;
  plan->n_tiles = length == 0  ? 0
                  : plan->flat ? plan->tiles_per_row
                               : plan->tiles_per_row * (space->n / length);
  plan->cost = space->n * (2 * plan->n_steps + plan->n_in + plan->n_out) / 4;
}

/* Indices that are the same in every row, of which one tile holds all. */
static void find_repeats(ewise_plan *plan) {
  if (plan->flat || plan->tiles_per_row != 1 || plan->by_ranges) return;
  for (int v = 0; v < plan->n_in; v++) {
    ewise_view *view = &plan->views[v];
    view->repeats = view->mode == EWISE_AFFINE && all_zero(view->strides, plan->space.ndim - 1);
  }
}

static mjx_status plan_copy(planner *self) {
  const mjx_instr *instr = self->instr;
  ewise_plan *plan = self->plan;
  plan->copies = plan->n_steps == 0 && plan->n_out == 1 &&
                 plan->views[plan->views[plan->n_in].reg].mode != EWISE_AFFINE;
  if (!plan->copies) return MJX_OK;
  /* The run copies instr->in[0], so the stored input has to be that one. */
  instr->in[0] = instr->in[plan->views[plan->n_in].reg];
  return mjx_copy_prepare(self->loader, instr->out->ndim, instr->out->shape, instr->out->strides,
                          instr->in->strides, instr->out->size, &plan->copy);
}

mjx_status mjx_ewise_prepare(mjx_loader *loader, mjx_instr *instr, ewise_plan **out) {
  MJX_TRY(check_operands(instr));
  ewise_plan *plan;
  MJX_ALLOC(loader, plan, sizeof *plan);
  *out = plan;
  planner self = {.loader = loader, .instr = instr, .plan = plan};
  if (instr->n_in > MAX_REGS) return mjx_fail(MJX_INVALID, "more than %d inputs", MAX_REGS);
  plan->n_in = instr->n_in;
  plan->n_out = instr->n_out;
  MJX_ALLOC(loader, plan->views, (size_t)(plan->n_in + plan->n_out) * sizeof(ewise_view));
  MJX_TRY(read_steps(&self));
  MJX_TRY(collapse(&self));
  describe_views(&self);
  cut_tiles(plan);
  find_repeats(plan);
  if (!plan->by_ranges) MJX_TRY(plan_copy(&self));
  MJX_TRY(check_tables(&self));
  bind_outputs(&self, mjx_loader_current(loader));
  return lay_out_scratch(&self);
}

mjx_status mjx_op_ewise_check(mjx_loader *loader, mjx_instr *instr) {
  ewise_plan *plan;
  MJX_TRY(mjx_ewise_prepare(loader, instr, &plan));
  instr->plan = plan;
  return MJX_OK;
}
