/* op_argreduce.c: ARGREDUCE: the extreme first, by the kernels of REDUCE, then where it is; or both
 * at once, where there are kernels for that.
 *
 * Many short lines without kernels of their own are turned first: TURNED_LINES of them become the columns of a tile, and the
 * vectors go over the lines. */
#include "kernels.h"
#include "reduce.h"

enum { TURNED_LINES = 256, SHORT_LINE = 64, TINY_LINE = 3, TINY_LINES = 1024 };

typedef struct argreduce_plan {
  reduce_plan reduce;
  bool turns;
  mjx_copy_plan turn, turn_last; /* of TURNED_LINES lines, and of what is left */
  mjx_rows_fn turned_rows;       /* the reduction, over rows of a tile */
  mjx_find_rows_fn find_rows;
  mjx_find_line_fn find_line;
  mjx_find_short_fn find_short;     /* may be NULL */
  mjx_places_kernel places;         /* one of them, or none */
  mjx_places_rows_fn turned_places; /* over rows of a tile; may be NULL */
  int32_t index_size;
} argreduce_plan;

typedef struct argreduce_job {
  const argreduce_plan *plan;
  const char *in;
  char *out;
} argreduce_job;

/* Scratch of a thread: accumulators, the same rounded to the input's type, indices, stack. */
typedef struct work {
  char *acc, *best;
  int64_t *index;
  char *stack;
} work;

static int64_t piece_bytes(const reduce_plan *plan, int64_t size) {
  return mjx_round_up(plan->block * size, MJX_ALIGN);
}

static work lay_out(const reduce_plan *plan, char *scratch) {
  work w = {.acc = scratch};
  w.best = w.acc + piece_bytes(plan, plan->acc_size);
  w.index = (int64_t *)(void *)(w.best + piece_bytes(plan, plan->in_size));
  w.stack = (char *)w.index + piece_bytes(plan, sizeof(int64_t));
  return w;
}

/* The low bytes of each: little-endian. */
static void store_indices(const argreduce_plan *plan, char *out, const work *w, int64_t n) {
  int64_t parts = (int64_t)sizeof *w->index / plan->index_size;
  mjx_copy_line(out, 1, (const char *)w->index, parts, n, plan->index_size);
}

#define WIDEN_PLACES(from, to)                                            \
  case 8 * sizeof(from) + sizeof(to):                                     \
    for (int64_t i = 0; i < n; i++)                                       \
      ((to *)(void *)out)[i] = ((const from *)(const void *)w->index)[i]; \
    return
/* The same of those that `places` made. */
static void store_places(const argreduce_plan *plan, char *out, const work *w, int64_t n) {
  int64_t size = plan->reduce.in_size, parts = MJX_MAX(1, size / plan->index_size);
  switch (8 * size + plan->index_size) {
    WIDEN_PLACES(int8_t, int16_t);
    WIDEN_PLACES(int8_t, int32_t);
    WIDEN_PLACES(int8_t, int64_t);
    WIDEN_PLACES(int16_t, int32_t);
    WIDEN_PLACES(int16_t, int64_t);
    WIDEN_PLACES(int32_t, int64_t);
    default: mjx_copy_line(out, 1, (const char *)w->index, parts, n, plan->index_size);
  }
}

static void find_block(const argreduce_plan *plan, const char *in, int64_t width, const work *w) {
  const reduce_plan *reduce = &plan->reduce;
  if (reduce->rows) {
    for (int64_t c = 0; c < width; c++) w->index[c] = 0;
    plan->find_rows(reduce->n, reduce->row_stride, width, in, w->best, w->index);
    return;
  }
  if (plan->find_short && plan->find_short(width, reduce->column_stride, reduce->n,
                                           reduce->row_stride, in, w->best, w->index))
    return;
  for (int64_t c = 0; c < width; c++)
    w->index[c] = plan->find_line(reduce->n, reduce->row_stride,
                                  in + c * reduce->column_stride * reduce->in_size,
                                  w->best + c * reduce->in_size);
}

static void argreduce_task(void *arg, int64_t begin, int64_t end, char *scratch) {
  const argreduce_job *job = arg;
  const reduce_plan *reduce = &job->plan->reduce;
  work w = lay_out(reduce, scratch);
  for (int64_t i = begin; i < end; i++) {
    int64_t outer = i / reduce->n_blocks, column = i % reduce->n_blocks * reduce->block;
    int64_t width = MJX_MIN(reduce->block, reduce->inner - column);
    int64_t at = outer * reduce->outer_stride + column * reduce->column_stride;
    char *out = job->out + (outer * reduce->inner + column) * job->plan->index_size;
    const mjx_places_kernel *places = &job->plan->places;
    if (places->rows || places->tiny_lines) {
      const char *from = job->in + at * reduce->in_size;
      if (places->rows)
        places->rows(reduce->n, reduce->row_stride, width, from, w.acc, w.index);
      else
        places->tiny_lines(width, reduce->n, from, w.index);
      store_places(job->plan, out, &w, width);
      continue;
    }
    mjx_reduce_block(reduce, job->in, outer, column, width, 0, reduce->n, w.acc, w.stack);
    if (reduce->round)
      reduce->round(width, (void *const *)&w.best, (const void *const *)&w.acc);
    else
      w.best = w.acc;
    find_block(job->plan, job->in + at * reduce->in_size, width, &w);
    store_indices(job->plan, out, &w, width);
  }
}

/* Lines first.. of `outer` by way of a tile; they are the columns of a plan without rows. */
static void turned_task(void *arg, int64_t begin, int64_t end, char *scratch) {
  const argreduce_job *job = arg;
  const argreduce_plan *plan = job->plan;
  const reduce_plan *reduce = &plan->reduce;
  work w = lay_out(reduce, scratch);
  for (int64_t i = begin; i < end; i++) {
    int64_t first = i * TURNED_LINES, width = MJX_MIN(TURNED_LINES, reduce->inner - first);
    const char *in = job->in + first * reduce->column_stride * reduce->in_size;
    mjx_copy_run(width < TURNED_LINES ? &plan->turn_last : &plan->turn, w.stack, in, false);
    char *out = job->out + first * plan->index_size;
    if (plan->turned_places) {
      plan->turned_places(reduce->n, TURNED_LINES, width, w.stack, w.acc, w.index);
      store_places(plan, out, &w, width);
      continue;
    }
    mjx_reduce_identity(reduce->kind, reduce->acc_dtype, w.acc, width);
    plan->turned_rows(reduce->n, TURNED_LINES, width, w.stack, w.acc);
    if (reduce->round)
      reduce->round(width, (void *const *)&w.best, (const void *const *)&w.acc);
    else
      w.best = w.acc;
    for (int64_t c = 0; c < width; c++) w.index[c] = 0;
    plan->find_rows(reduce->n, TURNED_LINES, width, w.stack, w.best, w.index);
    store_indices(plan, out, &w, width);
  }
}

static mjx_places_kernel places_of(const reduce_plan *reduce) {
  const mjx_block_kernels *kernels = mjx_block_kernels_get();
  return (reduce->kind == MJX_MAX ? kernels->greatest : kernels->least)[reduce->dtype];
}

/* Whether, and how, extremes and places are found at once. */
static bool plan_places(argreduce_plan *plan) {
  reduce_plan *reduce = &plan->reduce;
  mjx_places_kernel places = places_of(reduce);
  /* Places are integers as wide as the elements. */
  int64_t last = reduce->in_size < 4 ? (1 << (8 * reduce->in_size - 1)) - 1 : INT32_MAX;
  if (reduce->rows && reduce->n - 1 <= last) plan->places.rows = places.rows;
  if (!reduce->rows && reduce->row_stride == 1 && reduce->column_stride == reduce->n &&
      reduce->n >= 2 && reduce->n <= TINY_LINE && places.tiny_lines) {
    plan->places.tiny_lines = places.tiny_lines;
    reduce->block = MJX_MAX(1, MJX_MIN(reduce->inner, TINY_LINES));
    reduce->n_blocks = (reduce->inner + reduce->block - 1) / reduce->block;
  }
  return plan->places.rows || plan->places.tiny_lines;
}

static mjx_status plan_turning(mjx_loader *loader, mjx_instr *instr, argreduce_plan *plan) {
  reduce_plan *reduce = &plan->reduce;
  /* Of narrower elements the tiles are the quicker. */
  bool contiguous = plan->find_short && reduce->row_stride == 1 && reduce->in_size == 4;
  plan->turns = !contiguous && !reduce->rows && reduce->outer == 1 && reduce->n <= SHORT_LINE &&
                reduce->inner >= TURNED_LINES;
  if (!plan->turns) return MJX_OK;
  reduce->block = TURNED_LINES;
  const int64_t shape[2] = {reduce->n, TURNED_LINES};
  const int64_t last[2] = {reduce->n, reduce->inner % TURNED_LINES};
  const int64_t to[2] = {TURNED_LINES, 1};
  const int64_t from[2] = {reduce->row_stride, reduce->column_stride};
  MJX_TRY(mjx_copy_prepare(loader, 2, shape, to, from, reduce->in_size, &plan->turn));
  MJX_TRY(mjx_copy_prepare(loader, 2, last, to, from, reduce->in_size, &plan->turn_last));
  plan->turned_places = places_of(reduce).rows;
  plan->turned_rows = mjx_block_kernels_get()->reduce[reduce->kind][reduce->dtype].rows;
  instr->scratch_bytes = piece_bytes(reduce, reduce->acc_size) +
                         piece_bytes(reduce, reduce->in_size) + piece_bytes(reduce, 8) +
                         piece_bytes(reduce, reduce->n * reduce->in_size);
  return MJX_OK;
}

mjx_status mjx_op_argreduce_check(mjx_loader *loader, mjx_instr *instr) {
  MJX_TRY(mjx_check_counts(instr, 1, 1, 1));
  const mjx_operand *in = &instr->in[0], *out = &instr->out[0];
  MJX_TRY(mjx_check_real(in, "the input", 3));
  MJX_TRY(mjx_check_dense(out, "the output"));
  const int64_t shape[2] = {in->shape[0], in->shape[2]};
  MJX_TRY(mjx_check_shape(out, "the output", 2, shape));
  if (!mjx_dtype_is_integer(out->dtype))
    return mjx_fail(MJX_INVALID, "indices of dtype %d", out->dtype);
  if (in->shape[1] < 1) return mjx_fail(MJX_INVALID, "no element to choose from");
  if (instr->params[0] != MJX_MAX && instr->params[0] != MJX_MIN)
    return mjx_fail(MJX_INVALID, "the kind is neither MAX nor MIN");
  argreduce_plan *plan;
  MJX_ALLOC(loader, plan, sizeof *plan);
  instr->plan = plan;
  MJX_TRY(mjx_reduce_prepare(in, (int)instr->params[0], &plan->reduce));
  reduce_plan *reduce = &plan->reduce;
  plan->find_rows = mjx_block_kernels_get()->find_rows[in->dtype];
  plan->find_line = mjx_block_kernels_get()->find_line[in->dtype];
  plan->find_short = mjx_block_kernels_get()->find_short[in->dtype];
  plan->index_size = out->size;
  bool at_once = plan_places(plan);
  instr->scratch_bytes = piece_bytes(reduce, reduce->acc_size) +
                         piece_bytes(reduce, reduce->in_size) + piece_bytes(reduce, 8) +
                         mjx_reduce_stack_bytes(reduce, reduce->n);
  return at_once ? MJX_OK : plan_turning(loader, instr, plan);
}

mjx_status mjx_op_argreduce_run(const mjx_instr *instr, mjx_frame *frame) {
  const argreduce_plan *plan = instr->plan;
  const reduce_plan *reduce = &plan->reduce;
  argreduce_job job = {plan, mjx_at(frame, instr->in), mjx_at(frame, instr->out)};
  int64_t cost = instr->in->n * reduce->in_size / 8;
  if (plan->turns) {
    int64_t tiles = (reduce->inner + TURNED_LINES - 1) / TURNED_LINES;
    mjx_pool_for(tiles, cost, instr->scratch_bytes, frame->scratch, turned_task, &job);
    return MJX_OK;
  }
  mjx_pool_for(reduce->outer * reduce->n_blocks, cost, instr->scratch_bytes, frame->scratch,
               argreduce_task, &job);
  return MJX_OK;
}
