/* op_map_reduce.c: MAP_REDUCE, an elementwise group some of whose results are reduced as they
 * come, and so never stored.
 *
 * The work is cut exactly as REDUCE cuts it for a dense operand, and the same kernels see the same
 * rows or lines, so the bits are the same.  What a leaf needs is evaluated piece by piece into the
 * thread's scratch, just before its kernel takes it.
 */
#include "ewise.h"
#include "reduce.h"

#include "mjx_native.h"

enum {
  MAX_REDUCED = 16,
  PIECE = 1024,       /* elements evaluated at once, where the cut leaves a choice */
  LONGEST_LINE = 4096 /* what a leaf of a line may need at once */
};

typedef struct map_reduce_plan {
  ewise_plan *map;
  int32_t n_reduced;
  reduce_plan *reduce;   /* of each; all cut alike, as for a dense operand */
  int64_t piece_bytes;   /* of one reduction's piece */
  int64_t level_bytes;   /* of one reduction's accumulators of a block */
  int64_t wide_bytes;    /* of those of rows that are taken together */
  int64_t thread_bytes;  /* scratch of a thread */
  int64_t partial_bytes; /* scratch of the caller, if there are several chunks */
} map_reduce_plan;

/* ---- checking and planning ---- */

/* outer, n and inner, whose product is the number of elements. */
static mjx_status check_extents(const mjx_instr *instr, const int64_t extents[3]) {
  int64_t total = 1;
  for (int d = 0; d < 3; d++) {
    if (extents[d] < 1 || __builtin_mul_overflow(total, extents[d], &total))
      return mjx_fail(MJX_INVALID, "extent %lld", (long long)extents[d]);
  }
  if (extents[1] < 2) return mjx_fail(MJX_INVALID, "nothing to reduce");
  if (instr->in[0].n != total)
    return mjx_fail(MJX_INVALID, "%lld elements, the extents say %lld", (long long)instr->in[0].n,
                    (long long)total);
  return MJX_OK;
}

/* The operands of the elementwise part: pieces take the place of what is reduced. */
static mjx_status describe_map(mjx_loader *loader, const mjx_instr *instr, int32_t n_reduced,
                               mjx_instr *map) {
  const mjx_operand *first = &instr->in[0];
  int64_t *strides, step = 1, n_operands = instr->n_out + instr->n_in;
  MJX_ALLOC(loader, strides, (size_t)MJX_MAX(first->ndim, 1) * sizeof *strides);
  for (int d = first->ndim - 1; d >= 0; d--) {
    strides[d] = step;
    step *= first->shape[d];
  }
  *map = *instr;
  MJX_ALLOC(loader, map->out, (size_t)n_operands * sizeof(mjx_operand));
  map->in = map->out + instr->n_out;
  for (int64_t i = 0; i < n_operands; i++) map->out[i] = instr->out[i];
  for (int k = 0; k < n_reduced; k++) {
    const mjx_operand *out = &instr->out[k];
    map->out[k] = (mjx_operand){EWISE_SLOT_PIECE, first->ndim,  out->dtype, out->size, 0,
                                first->n,         first->shape, strides,    true,      0};
  }
  map->params += 4 + n_reduced;
  map->n_params -= 4 + n_reduced;
  return MJX_OK;
}

static mjx_status plan_reduction(const mjx_operand *out, int64_t kind, const int64_t extents[3],
                                 reduce_plan *plan) {
  const int64_t shape[2] = {extents[0], extents[2]};
  const int64_t strides[3] = {extents[1] * extents[2], extents[2], 1};
  mjx_operand in = {.ndim = 3, .dtype = out->dtype, .size = out->size};
  MJX_TRY(mjx_check_dense(out, "a reduced output"));
  MJX_TRY(mjx_check_shape(out, "a reduced output", 2, shape));
  if (kind < 0 || kind >= MJX_N_REDUCE_KINDS)
    return mjx_fail(MJX_INVALID, "no reduction of kind %lld", (long long)kind);
  in.shape = extents;
  in.strides = strides;
  return mjx_reduce_prepare(&in, (int)kind, plan);
}

static void lay_out_scratch(map_reduce_plan *plan) {
  const reduce_plan *first = &plan->reduce[0];
  int64_t elements = MJX_MAX(LONGEST_LINE, 4 * first->block), size = 0;
  for (int k = 0; k < plan->n_reduced; k++) size = MJX_MAX(size, plan->reduce[k].in_size);
  plan->piece_bytes = mjx_round_up(elements * size, MJX_ALIGN);
  plan->level_bytes = mjx_round_up(first->block * first->acc_size, MJX_ALIGN);
  plan->wide_bytes = mjx_round_up(first->together * first->inner * first->acc_size, MJX_ALIGN);
  plan->thread_bytes =
      mjx_round_up(plan->map->scratch_bytes, MJX_ALIGN) +
      plan->n_reduced * (plan->piece_bytes + plan->wide_bytes + first->stack_bytes);
  int64_t n_out = first->outer * first->inner;
  if (first->n_chunks > 1)
    plan->partial_bytes =
        plan->n_reduced * mjx_round_up(first->n_chunks * n_out * first->acc_size, MJX_ALIGN);
}

mjx_status mjx_op_map_reduce_check(mjx_loader *loader, mjx_instr *instr) {
  if (instr->n_in < 1 || instr->n_params < 4) return mjx_fail(MJX_INVALID, "too few operands");
  int64_t n_reduced = instr->params[0];
  if (n_reduced < 1 || n_reduced > MJX_MIN(instr->n_out, MAX_REDUCED) ||
      instr->n_params < 4 + n_reduced)
    return mjx_fail(MJX_INVALID, "%lld reductions", (long long)n_reduced);
  const int64_t *extents = instr->params + 1;
  MJX_TRY(check_extents(instr, extents));
  map_reduce_plan *plan;
  MJX_ALLOC(loader, plan, sizeof *plan);
  instr->plan = plan;
  plan->n_reduced = (int32_t)n_reduced;
  MJX_ALLOC(loader, plan->reduce, (size_t)n_reduced * sizeof(reduce_plan));
  for (int k = 0; k < n_reduced; k++) {
    MJX_TRY(plan_reduction(&instr->out[k], instr->params[4 + k], extents, &plan->reduce[k]));
    if (plan->reduce[k].acc_size != plan->reduce[0].acc_size)
      return mjx_fail(MJX_INVALID, "accumulators of several sizes");
  }
  mjx_instr map;
  MJX_TRY(describe_map(loader, instr, plan->n_reduced, &map));
  MJX_TRY(mjx_ewise_prepare(loader, &map, &plan->map));
  lay_out_scratch(plan);
  /* The partials of all reductions and a thread's share: more than mjx_map_reduce_pieces needs. */
  instr->scratch_bytes = plan->partial_bytes + plan->thread_bytes;
  return MJX_OK;
}

/* ---- running ---- */

typedef struct map_reduce_job {
  const map_reduce_plan *plan;
  const mjx_instr *instr;
  const mjx_frame *frame;
  char *partials; /* [reduction][n_chunks][outer * inner] accumulators, if there are chunks */
} map_reduce_job;

/* What a thread has at hand while it reduces one block. */
typedef struct block_walk {
  const map_reduce_plan *plan;
  ewise_walker walker;
  char *pieces[MAX_REDUCED], *wide[MAX_REDUCED];
  int64_t outer, column, width;
} block_walk;

static int64_t flat_index(const block_walk *self, int64_t row, int64_t column) {
  const reduce_plan *cut = &self->plan->reduce[0];
  return self->outer * cut->outer_stride + row * cut->row_stride + column * cut->column_stride;
}

/* Whole rows of a dense block, a multiple of four at a time, as the kernel takes them. */
static void reduce_rows(block_walk *self, int64_t first, int64_t count, char *acc) {
  const map_reduce_plan *plan = self->plan;
  int64_t width = self->width, most = 4 * MJX_MAX(1, PIECE / (4 * width));
  for (int k = 0; k < plan->n_reduced; k++)
    mjx_reduce_identity(plan->reduce[k].kind, plan->reduce[k].acc_dtype,
                        acc + k * plan->level_bytes, width);
  for (int64_t row = first; row < first + count; row += most) {
    int64_t rows = MJX_MIN(most, first + count - row);
    if (width == plan->reduce[0].inner) {
      mjx_ewise_range(&self->walker, flat_index(self, row, self->column), rows * width,
                      self->pieces);
    } else {
      char *at[MAX_REDUCED];
      for (int64_t r = 0; r < rows; r++) {
        for (int k = 0; k < plan->n_reduced; k++)
          at[k] = self->pieces[k] + r * width * plan->reduce[k].in_size;
        mjx_ewise_range(&self->walker, flat_index(self, row + r, self->column), width, at);
      }
    }
    for (int k = 0; k < plan->n_reduced; k++)
      plan->reduce[k].rows(rows, width, width, self->pieces[k], acc + k * plan->level_bytes);
  }
}

/* Lines, `lines` at a time: contiguous ones, or the few short columns of a narrow block. */
static void reduce_lines(block_walk *self, int64_t first, int64_t count, char *acc) {
  const map_reduce_plan *plan = self->plan;
  const reduce_plan *cut = &plan->reduce[0];
  bool contiguous = cut->row_stride == 1;
  int64_t most = !contiguous ? self->width : count == cut->n ? MJX_MAX(1, PIECE / count) : 1;
  for (int64_t l = 0; l < self->width; l += most) {
    int64_t lines = MJX_MIN(most, self->width - l);
    mjx_ewise_range(&self->walker, flat_index(self, first, self->column + l), lines * count,
                    self->pieces);
    for (int k = 0; k < plan->n_reduced; k++)
      plan->reduce[k].lines(lines, contiguous ? count : 1, count, contiguous ? 1 : lines,
                            self->pieces[k],
                            acc + k * plan->level_bytes + l * plan->reduce[k].acc_size);
  }
}

/* Rows that are taken together, a multiple of four wide ones at a time. */
static void reduce_together(block_walk *self, int64_t first, int64_t count, char *acc) {
  const map_reduce_plan *plan = self->plan;
  int64_t width = self->width, wide = plan->reduce[0].together * width;
  int64_t most = plan->reduce[0].together * 4 * MJX_MAX(1, PIECE / (4 * wide));
  for (int k = 0; k < plan->n_reduced; k++)
    mjx_reduce_identity(plan->reduce[k].kind, plan->reduce[k].acc_dtype, self->wide[k], wide);
  for (int64_t row = first; row < first + count; row += most) {
    int64_t rows = MJX_MIN(most, first + count - row);
    mjx_ewise_range(&self->walker, flat_index(self, row, self->column), rows * width, self->pieces);
    for (int k = 0; k < plan->n_reduced; k++)
      mjx_reduce_wide(&plan->reduce[k], self->pieces[k], rows, self->wide[k]);
  }
  for (int k = 0; k < plan->n_reduced; k++)
    mjx_reduce_narrow(&plan->reduce[k], self->wide[k], acc + k * plan->level_bytes);
}

/* As REDUCE does it: halves, down to leaves. */
static void reduce_range(block_walk *self, int64_t first, int64_t count, char *acc, char *stack) {
  const map_reduce_plan *plan = self->plan;
  const reduce_plan *cut = &plan->reduce[0];
  if (count <= cut->leaf) {
    (cut->rows       ? reduce_rows
     : cut->together ? reduce_together
                     : reduce_lines)(self, first, count, acc);
    return;
  }
  int64_t left = mjx_reduce_left_part(cut, count);
  char *other = stack;
  stack += plan->n_reduced * plan->level_bytes;
  reduce_range(self, first, left, acc, stack);
  reduce_range(self, first + left, count - left, other, stack);
  for (int k = 0; k < plan->n_reduced; k++)
    plan->reduce[k].combine(1, 0, self->width, other + k * plan->level_bytes,
                            acc + k * plan->level_bytes);
}

static char *partials_of(const map_reduce_job *job, int k) {
  return job->partials + k * (job->plan->partial_bytes / job->plan->n_reduced);
}

/* Hands a block's accumulators on: to the chunk's partials, or rounded to the outputs. */
static void store_block(const map_reduce_job *job, const block_walk *self, int64_t chunk,
                        const char *acc) {
  const map_reduce_plan *plan = job->plan;
  for (int k = 0; k < plan->n_reduced; k++) {
    const reduce_plan *reduce = &plan->reduce[k];
    const char *from = acc + k * plan->level_bytes;
    int64_t to = self->outer * reduce->inner + self->column;
    if (job->partials) {
      int64_t at = chunk * reduce->outer * reduce->inner + to;
      mjx_copy_line(partials_of(job, k) + at * reduce->acc_size, 1, from, 1, self->width,
                    reduce->acc_size);
    } else {
      char *out = mjx_at(job->frame, &job->instr->out[k]);
      mjx_reduce_finish(reduce, out + to * reduce->in_size, from, self->width);
    }
  }
}

/* Item i is (chunk, outer, block). */
static void map_reduce_task(void *arg, int64_t begin, int64_t end, char *scratch) {
  const map_reduce_job *job = arg;
  const map_reduce_plan *plan = job->plan;
  const reduce_plan *cut = &plan->reduce[0];
  block_walk self = {.plan = plan};
  char *at = scratch + mjx_round_up(plan->map->scratch_bytes, MJX_ALIGN);
  for (int k = 0; k < plan->n_reduced; k++, at += plan->piece_bytes + plan->wide_bytes) {
    self.pieces[k] = at;
    self.wide[k] = at + plan->piece_bytes;
  }
  mjx_ewise_open(&self.walker, plan->map, job->frame, scratch, 0);
  for (int64_t i = begin; i < end; i++) {
    int64_t chunk = i / cut->n_blocks / cut->outer, first = chunk * cut->chunk;
    self.outer = i / cut->n_blocks % cut->outer;
    self.column = i % cut->n_blocks * cut->block;
    self.width = MJX_MIN(cut->block, cut->inner - self.column);
    reduce_range(&self, first, MJX_MIN(cut->chunk, cut->n - first), at,
                 at + plan->n_reduced * plan->level_bytes);
    store_block(job, &self, chunk, at);
  }
}

mjx_status mjx_op_map_reduce_run(const mjx_instr *instr, mjx_frame *frame) {
  const map_reduce_plan *plan = instr->plan;
  const reduce_plan *cut = &plan->reduce[0];
  map_reduce_job job = {plan, instr, frame, plan->partial_bytes ? frame->scratch : NULL};
  int64_t items = cut->outer * cut->n_blocks * cut->n_chunks;
  int64_t cost = plan->map->cost + cut->outer * cut->inner * cut->n * cut->in_size / 16;
  mjx_pool_for(items, cost, plan->thread_bytes, frame->scratch + plan->partial_bytes,
               map_reduce_task, &job);
  for (int k = 0; job.partials && k < plan->n_reduced; k++)
    mjx_reduce_combine_chunks(&plan->reduce[k], partials_of(&job, k),
                              mjx_at(frame, &instr->out[k]));
  return MJX_OK;
}

/* Each reduction's elements lie in pieces[k], as native code left them: all of them (lines < 0), or
 * those of lines first .. first+lines-1; a line has one index of the outer extent. */
void mjx_map_reduce_pieces(const mjx_instr *instr, mjx_frame *frame, char *const *pieces,
                           int64_t first, int64_t lines, char *scratch) {
  const map_reduce_plan *plan = instr->plan;
  for (int k = 0; k < plan->n_reduced; k++) {
    reduce_plan part = plan->reduce[k];
    int64_t results = part.in_size; /* of a line, in bytes */
    if (lines >= 0 && part.row_stride == 1) {
      part.inner = lines;
      part.n_blocks = (lines + part.block - 1) / part.block;
    } else if (lines >= 0) {
      part.outer = lines;
      results *= part.inner;
    }
    mjx_reduce_all(&part, pieces[k], mjx_at(frame, &instr->out[k]) + first * results, scratch);
  }
}

/* That of all its reductions, if they have one in common; they are cut alike. */
mjx_order mjx_op_map_reduce_order(const mjx_instr *instr, int64_t *chunk) {
  const map_reduce_plan *plan = instr->plan;
  mjx_order order = mjx_reduce_order(&plan->reduce[0]);
  bool whole = false;
  if (plan->reduce[0].n_chunks > 1) *chunk = plan->reduce[0].chunk;
  for (int k = 0; k < plan->n_reduced; k++) {
    const reduce_plan *reduce = &plan->reduce[k];
    whole |= reduce->n_chunks > 1 || reduce->stack_bytes > MJX_NATIVE_REDUCE_BYTES;
    if (mjx_reduce_order(reduce) != order) order = MJX_ORDER_OTHER;
  }
  return order | (whole ? MJX_ORDER_WHOLE : 0);
}
