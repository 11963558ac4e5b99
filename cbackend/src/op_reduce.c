/* op_reduce.c: REDUCE. */
#include <math.h>
#include <string.h>

#include "kernels.h"
#include "reduce.h"

enum {
  LEAF_ROWS = 64,     /* a column's additions in sequence */
  LEAF_LINE = 4096,   /* a line's: 64 lanes of 64 */
  LEAF_STRIDED = 256, /* a strided line's: 4 lanes of 64 */
  BLOCK_BYTES = 4096, /* accumulators of a block of rows */
  BLOCK_LINES = 64,
  BLOCK_LINES_BYTES = 2048, /* accumulators of a block of short lines */
  LEAF_WIDE = 4096,         /* rows of a narrow array, MJX_TOGETHER side by side */
  CHUNK_ELEMENTS = 1 << 15,
  MAX_CHUNKS = 64,
  FEW_BLOCKS = 16 /* fewer blocks than this cut n too */
};

/* ---- identities ---- */

static uint64_t integer_identity(int kind, int dtype) {
  int bits = 8 * mjx_dtype_size(dtype);
  uint64_t all = ~(uint64_t)0 >> (64 - bits), top = (uint64_t)1 << (bits - 1);
  if (dtype == MJX_BOOL) return kind == MJX_PROD || kind == MJX_MIN || kind == MJX_AND;
  switch (kind) {
    case MJX_PROD: return 1;
    case MJX_MAX: return mjx_dtype_is_signed(dtype) ? top : 0;
    case MJX_MIN: return mjx_dtype_is_signed(dtype) ? top - 1 : all;
    case MJX_AND: return all;
    default: return 0;
  }
}

static double float_identity(int kind) {
  switch (kind) {
    case MJX_PROD: return 1;
    case MJX_MAX: return -HUGE_VAL;
    case MJX_MIN: return HUGE_VAL;
    default: return 0;
  }
}

void mjx_reduce_identity(int kind, int dtype, void *acc, int64_t n) {
  _Alignas(16) char element[16] = {0};
  double value = float_identity(kind);
  float narrow = (float)value;
  uint64_t integer = 0;
  if (mjx_dtype_is_integer(dtype) || dtype == MJX_BOOL) {
    integer = integer_identity(kind, dtype);
    memcpy(element, &integer, sizeof integer);
  } else if (dtype == MJX_F64 || dtype == MJX_C128) {
    memcpy(element, &value, sizeof value);
  } else {
    memcpy(element, &narrow, sizeof narrow);
  }
  mjx_copy_line(acc, 1, element, 0, n, mjx_dtype_size(dtype));
}

/* ---- planning ---- */

static void orient(const mjx_operand *in, reduce_plan *plan) {
  plan->outer = in->shape[0];
  plan->n = in->shape[1];
  plan->inner = in->shape[2];
  plan->outer_stride = in->strides[0];
  plan->row_stride = in->strides[1];
  plan->column_stride = in->strides[2];
  if (plan->inner != 1) return;
  plan->inner = plan->outer;
  plan->column_stride = plan->outer_stride;
  plan->outer = 1;
}

int64_t mjx_reduce_stack_bytes(const reduce_plan *plan, int64_t rows) {
  int64_t levels = 3;
  for (; rows > plan->leaf; rows = (rows + 1) / 2) levels++;
  return levels * mjx_round_up(plan->block * plan->acc_size, MJX_ALIGN);
}

/* Of short lines more, so that a kernel's call is little beside its work. */
static int64_t lines_of_block(const reduce_plan *plan) {
  int64_t short_ones = MJX_MIN(BLOCK_LINES_BYTES / plan->acc_size, LEAF_LINE / MJX_MAX(1, plan->n));
  return MJX_MAX(BLOCK_LINES, short_ones);
}

static void cut(reduce_plan *plan) {
  bool rows = plan->column_stride == 1 && plan->inner >= MJX_MIN_ROW;
  bool extreme = plan->kind == MJX_MAX || plan->kind == MJX_MIN;
  bool half = plan->dtype == MJX_F16 || plan->dtype == MJX_BF16;
  plan->exact =
      rows && (mjx_dtype_is_integer(plan->dtype) || plan->dtype == MJX_BOOL || (half && extreme));
  plan->wide = plan->rows;
  if (!rows) plan->rows = NULL;
  plan->leaf = rows ? LEAF_ROWS : plan->row_stride == 1 ? LEAF_LINE : LEAF_STRIDED;
  if (!rows && plan->column_stride == 1 && plan->row_stride == plan->inner && plan->inner > 1 &&
      plan->n > plan->leaf) {
    plan->together = MJX_TOGETHER;
    plan->leaf = LEAF_WIDE;
  }
  int64_t block = rows ? BLOCK_BYTES / plan->acc_size : lines_of_block(plan);
  plan->block = MJX_MAX(1, MJX_MIN(plan->inner, block));
  plan->n_blocks = (plan->inner + plan->block - 1) / plan->block;
  plan->chunk = plan->n;
  plan->n_chunks = 1;
  if (plan->outer * plan->n_blocks < FEW_BLOCKS && plan->n * plan->block >= 2 * CHUNK_ELEMENTS) {
    int64_t chunks = MJX_MIN(MAX_CHUNKS, plan->n * plan->block / CHUNK_ELEMENTS);
    plan->chunk = mjx_round_up((plan->n + chunks - 1) / chunks, plan->leaf);
    plan->n_chunks = (plan->n + plan->chunk - 1) / plan->chunk;
  }
  plan->stack_bytes = mjx_reduce_stack_bytes(plan, plan->chunk);
}

static mjx_kernel_fn find_kernel(const char *name) {
  for (int i = 0; i < mjx_n_kernels; i++) {
    if (strcmp(mjx_kernel_infos[i].name, name) == 0) return mjx_kernel_table()[i];
  }
  return NULL;
}

mjx_status mjx_reduce_prepare(const mjx_operand *in, int kind, reduce_plan *plan) {
  const mjx_block_kernels *kernels = mjx_block_kernels_get();
  const mjx_reduce_kernel *kernel = &kernels->reduce[kind][in->dtype];
  if (!kernel->rows)
    return mjx_fail(MJX_INVALID, "no reduction of kind %d for dtype %d", kind, in->dtype);
  plan->kind = kind;
  plan->dtype = in->dtype;
  plan->in_size = in->size;
  plan->acc_dtype = kernel->acc_dtype;
  plan->acc_size = mjx_dtype_size(kernel->acc_dtype);
  plan->rows = kernel->rows;
  plan->lines = kernel->lines;
  plan->combine = kernels->reduce[kind][kernel->acc_dtype].rows;
  if (in->dtype == MJX_F16) plan->round = find_kernel("convert_f32_f16");
  if (in->dtype == MJX_BF16) plan->round = find_kernel("convert_f32_bf16");
  if (plan->acc_dtype != in->dtype && !plan->round)
    return mjx_fail(MJX_UNSUPPORTED, "no kernel to round float32 to dtype %d", in->dtype);
  orient(in, plan);
  cut(plan);
  return MJX_OK;
}

/* ---- running ---- */

void mjx_reduce_wide(const reduce_plan *plan, const char *in, int64_t count, char *wide) {
  int64_t width = plan->together * plan->inner, rows = count / plan->together;
  int64_t rest = count % plan->together * plan->inner;
  if (rows) plan->wide(rows, width, width, in, wide);
  if (rest) plan->wide(1, 0, rest, in + rows * width * plan->in_size, wide);
}

void mjx_reduce_narrow(const reduce_plan *plan, char *wide, char *acc) {
  for (int64_t half = plan->together / 2; half > 0; half /= 2) {
    int64_t n = half * plan->inner;
    plan->combine(1, 0, n, wide + n * plan->acc_size, wide);
  }
  memcpy(acc, wide, (size_t)(plan->inner * plan->acc_size));
}

static void reduce_leaf(const reduce_plan *plan, const char *in, int64_t width, int64_t count,
                        char *acc) {
  if (plan->rows) {
    mjx_reduce_identity(plan->kind, plan->acc_dtype, acc, width);
    plan->rows(count, plan->row_stride, width, in, acc);
  } else if (plan->together) {
    _Alignas(MJX_ALIGN) char wide[MJX_WIDE_BYTES];
    mjx_reduce_identity(plan->kind, plan->acc_dtype, wide, plan->together * width);
    mjx_reduce_wide(plan, in, count, wide);
    mjx_reduce_narrow(plan, wide, acc);
  } else {
    plan->lines(width, plan->column_stride, count, plan->row_stride, in, acc);
  }
}

int64_t mjx_reduce_left_part(const reduce_plan *plan, int64_t count) {
  int64_t left = plan->leaf;
  while (2 * left < count) left *= 2;
  return left;
}

static void reduce_rows(const reduce_plan *plan, const char *in, int64_t width, int64_t count,
                        char *acc, char *stack) {
  if (count <= plan->leaf || plan->exact) {
    reduce_leaf(plan, in, width, count, acc);
    return;
  }
  int64_t left = mjx_reduce_left_part(plan, count);
  char *other = stack;
  stack += mjx_round_up(plan->block * plan->acc_size, MJX_ALIGN);
  reduce_rows(plan, in, width, left, acc, stack);
  reduce_rows(plan, in + left * plan->row_stride * plan->in_size, width, count - left, other,
              stack);
  plan->combine(1, 0, width, other, acc);
}

void mjx_reduce_block(const reduce_plan *plan, const char *base, int64_t outer, int64_t column,
                      int64_t width, int64_t first, int64_t count, char *acc, char *stack) {
  int64_t at = outer * plan->outer_stride + column * plan->column_stride + first * plan->row_stride;
  reduce_rows(plan, base + at * plan->in_size, width, count, acc, stack);
}

typedef struct reduce_job {
  const reduce_plan *plan;
  const char *in;
  char *out;
  char *partials; /* [n_chunks][outer * inner] accumulators, if there are several chunks */
} reduce_job;

void mjx_reduce_finish(const reduce_plan *plan, char *out, const char *acc, int64_t n) {
  if (plan->round)
    plan->round(n, (void *const *)&out, (const void *const *)&acc);
  else
    memcpy(out, acc, (size_t)(n * plan->acc_size));
}

/* Item i is (chunk, outer, block). */
static void reduce_task(void *arg, int64_t begin, int64_t end, char *scratch) {
  const reduce_job *job = arg;
  const reduce_plan *plan = job->plan;
  int64_t n_out = plan->outer * plan->inner;
  char *acc = scratch, *stack = scratch + mjx_round_up(plan->block * plan->acc_size, MJX_ALIGN);
  for (int64_t i = begin; i < end; i++) {
    int64_t block = i % plan->n_blocks, outer = i / plan->n_blocks % plan->outer;
    int64_t chunk = i / plan->n_blocks / plan->outer;
    int64_t column = block * plan->block, first = chunk * plan->chunk;
    int64_t width = MJX_MIN(plan->block, plan->inner - column);
    int64_t to = outer * plan->inner + column;
    char *out = job->out + to * plan->in_size, *target = plan->round ? acc : out;
    if (job->partials) target = job->partials + (chunk * n_out + to) * plan->acc_size;
    mjx_reduce_block(plan, job->in, outer, column, width, first,
                     MJX_MIN(plan->chunk, plan->n - first), target, stack);
    if (target == acc) mjx_reduce_finish(plan, out, acc, width);
  }
}

/* As a tree, in place, in one fixed order. */
void mjx_reduce_combine_chunks(const reduce_plan *plan, char *partials, char *out) {
  int64_t n_out = plan->outer * plan->inner, bytes = n_out * plan->acc_size;
  for (int64_t step = 1; step < plan->n_chunks; step *= 2) {
    for (int64_t c = 0; c + step < plan->n_chunks; c += 2 * step)
      plan->combine(1, 0, n_out, partials + (c + step) * bytes, partials + c * bytes);
  }
  mjx_reduce_finish(plan, out, partials, n_out);
}

static int64_t partial_bytes(const reduce_plan *plan) {
  if (plan->n_chunks == 1) return 0;
  return mjx_round_up(plan->n_chunks * plan->outer * plan->inner * plan->acc_size, MJX_ALIGN);
}

mjx_status mjx_op_reduce_check(mjx_loader *loader, mjx_instr *instr) {
  MJX_TRY(mjx_check_counts(instr, 1, 1, 1));
  const mjx_operand *in = &instr->in[0], *out = &instr->out[0];
  MJX_TRY(mjx_check_real(in, "the input", 3));
  MJX_TRY(mjx_check_dense(out, "the output"));
  const int64_t shape[2] = {in->shape[0], in->shape[2]};
  MJX_TRY(mjx_check_shape(out, "the output", 2, shape));
  if (out->dtype != in->dtype) return mjx_fail(MJX_INVALID, "the dtypes differ");
  if (instr->params[0] < 0 || instr->params[0] >= MJX_N_REDUCE_KINDS)
    return mjx_fail(MJX_INVALID, "no reduction of kind %lld", (long long)instr->params[0]);
  reduce_plan *plan;
  MJX_ALLOC(loader, plan, sizeof *plan);
  instr->plan = plan;
  if (in->shape[1] == 1) { /* nothing to combine, so the elements stay exactly as they are */
    const int64_t strides[2] = {in->strides[0], in->strides[2]};
    plan->copies = true;
    return mjx_copy_prepare(loader, 2, out->shape, out->strides, strides, in->size, &plan->copy);
  }
  MJX_TRY(mjx_reduce_prepare(in, (int)instr->params[0], plan));
  instr->scratch_bytes = plan->stack_bytes + partial_bytes(plan);
  return MJX_OK;
}

/* An empty n: the identity, through the output's own dtype. */
static void store_identity(const reduce_plan *plan, char *out, char *scratch) {
  for (int64_t i = 0; i < plan->outer * plan->inner; i++) {
    mjx_reduce_identity(plan->kind, plan->acc_dtype, scratch, 1);
    mjx_reduce_finish(plan, out + i * plan->in_size, scratch, 1);
  }
}

void mjx_reduce_all(const reduce_plan *plan, const char *in, char *out, char *scratch) {
  reduce_job job = {plan, in, out, NULL};
  int64_t partials = partial_bytes(plan);
  if (partials) job.partials = scratch;
  int64_t cost = plan->outer * plan->inner * plan->n * plan->in_size / 16;
  mjx_pool_for(plan->outer * plan->n_blocks * plan->n_chunks, cost, plan->stack_bytes,
               scratch + partials, reduce_task, &job);
  if (partials) mjx_reduce_combine_chunks(plan, job.partials, out);
}

mjx_status mjx_op_reduce_run(const mjx_instr *instr, mjx_frame *frame) {
  const reduce_plan *plan = instr->plan;
  const char *in = mjx_at(frame, instr->in);
  char *out = mjx_at(frame, instr->out);
  if (plan->copies)
    mjx_copy_run(&plan->copy, out, in, true);
  else if (plan->n == 0)
    store_identity(plan, out, frame->scratch);
  else
    mjx_reduce_all(plan, in, out, frame->scratch);
  return MJX_OK;
}

static bool is_short_line(int64_t n) { return n > 0 && n < MJX_LONG_LINE; }

mjx_order mjx_reduce_order(const reduce_plan *plan) {
  if (plan->copies) return MJX_ORDER_COPY;
  if (plan->n == 0 || plan->acc_dtype != plan->dtype || plan->together) return MJX_ORDER_OTHER;
  bool is_leaf = plan->n <= plan->leaf;
  if (plan->rows) return is_leaf ? MJX_ORDER_SEQUENCE : MJX_ORDER_TREE;
  if (plan->row_stride != 1 || plan->n < MJX_LONG_LINE)
    return is_leaf ? MJX_ORDER_FOUR : MJX_ORDER_OTHER;
  return is_short_line(plan->n % plan->leaf) ? MJX_ORDER_OTHER : MJX_ORDER_LINES;
}

mjx_order mjx_op_reduce_order(const mjx_instr *instr) { return mjx_reduce_order(instr->plan); }
