/* op_sort.c: SORT and TOP_K. */
#include <string.h>

#include "sort.h"

enum { MAX_KEYS = 2 * 64 };

static bool fits_position(int64_t n) { return n < UINT32_MAX; }

/* ---- SORT ---- */

/* A key: an operand, or one part of a complex one. */
typedef struct sort_field {
  mjx_sort_key key;
  int32_t operand;
  int32_t part_offset; /* bytes */
} sort_field;

typedef struct sort_plan {
  int n_fields;
  sort_field fields[MAX_KEYS]; /* the most significant first */
  int64_t n;
  int64_t order, items, other, line; /* scratch offsets */
} sort_plan;

static mjx_status add_fields(sort_plan *plan, const mjx_operand *operand, int index) {
  int parts = mjx_dtype_is_complex(operand->dtype) ? 2 : 1;
  int dtype = operand->dtype == MJX_C64    ? MJX_F32
              : operand->dtype == MJX_C128 ? MJX_F64
                                           : operand->dtype;
  if (plan->n_fields + parts > MAX_KEYS) return mjx_fail(MJX_UNSUPPORTED, "too many keys");
  for (int p = 0; p < parts; p++)
    plan->fields[plan->n_fields++] =
        (sort_field){mjx_sort_key_of(dtype, false, false), index, p * mjx_dtype_size(dtype)};
  return MJX_OK;
}

mjx_status mjx_op_sort_check(mjx_loader *loader, mjx_instr *instr) {
  MJX_TRY(mjx_check_counts(instr, -1, instr->n_out, 1));
  if (instr->n_out < 1 || instr->params[0] < 1 || instr->params[0] > instr->n_out)
    return mjx_fail(MJX_INVALID, "%lld keys of %d operands",
                    instr->n_params > 0 ? (long long)instr->params[0] : 0, instr->n_out);
  const int64_t *shape = instr->out->shape;
  sort_plan *plan;
  MJX_ALLOC(loader, plan, sizeof *plan);
  instr->plan = plan;
  for (int i = 0; i < instr->n_out; i++) {
    MJX_TRY(mjx_check_real(&instr->in[i], "an input", 3));
    MJX_TRY(mjx_check_real(&instr->out[i], "an output", 3));
    MJX_TRY(mjx_check_shape(&instr->in[i], "an input", 3, shape));
    MJX_TRY(mjx_check_shape(&instr->out[i], "an output", 3, shape));
    if (instr->in[i].dtype != instr->out[i].dtype)
      return mjx_fail(MJX_INVALID, "the dtypes differ");
    if (i < instr->params[0]) MJX_TRY(add_fields(plan, &instr->in[i], i));
  }
  int32_t dtype = instr->in->dtype;
  if (instr->n_out == 1 && !mjx_dtype_is_complex(dtype) && dtype < MJX_F16)
    plan->fields[0].key = mjx_sort_bare_key_of(dtype);
  plan->n = shape[1];
  if (!fits_position(plan->n)) return mjx_fail(MJX_UNSUPPORTED, "lines of 2^32 elements");
  int64_t wide = mjx_round_up(plan->n * 16, MJX_ALIGN);
  plan->items = mjx_round_up(plan->n * 4, MJX_ALIGN);
  plan->other = plan->items + wide;
  plan->line = plan->other + wide;
  instr->scratch_bytes = plan->line + wide;
  return MJX_OK;
}

typedef struct sort_job {
  const mjx_instr *instr;
  const mjx_frame *frame;
} sort_job;

/* The line of an operand: its first element; lines are [outer, inner]. */
static char *line_at(const mjx_frame *frame, const mjx_operand *operand, int64_t line) {
  int64_t outer = line / operand->shape[2], inner = line % operand->shape[2];
  return mjx_at(frame, operand) +
         (outer * operand->strides[0] + inner * operand->strides[2]) * operand->size;
}

/* The steps of sorting a line by one field; items are independent. */
typedef struct line_job {
  const mjx_sort_key *key;
  const char *base;
  int64_t stride;        /* bytes */
  const uint32_t *order; /* of the elements so far; NULL: as they are */
  char *items;
  const void *sorted;
  uint32_t *next;
} line_job;

static void items_task(void *arg, int64_t begin, int64_t end, char *scratch) {
  (void)scratch;
  const line_job *job = arg;
  const char *base = job->order ? job->base : job->base + begin * job->stride;
  char *items = job->items + begin * mjx_sort_item_bytes(job->key);
  mjx_sort_make_items(job->key, base, job->stride, job->order ? job->order + begin : NULL,
                      end - begin, items);
  if (begin > 0 && !job->key->bare) mjx_sort_move_items(job->key, items, end - begin, begin);
}

static void order_task(void *arg, int64_t begin, int64_t end, char *scratch) {
  (void)scratch;
  const line_job *job = arg;
  for (int64_t i = begin; i < end; i++) {
    uint32_t position = mjx_sort_position(job->key, job->sorted, i);
    job->next[i] = job->order ? job->order[position] : position;
  }
}

/* Sorts by the least significant key first; every pass is stable.  Gives the order, in scratch. */
static const uint32_t *find_order(const sort_job *job, int64_t line, char *scratch) {
  const sort_plan *plan = job->instr->plan;
  uint32_t *order = NULL, *next = (uint32_t *)(void *)scratch;
  for (int f = plan->n_fields - 1; f >= 0; f--) {
    const sort_field *field = &plan->fields[f];
    const mjx_operand *in = &job->instr->in[field->operand];
    line_job steps = {&field->key,
                      line_at(job->frame, in, line) + field->part_offset,
                      in->strides[1] * in->size,
                      order,
                      scratch + plan->items,
                      NULL,
                      next};
    mjx_pool_for(plan->n, plan->n, 0, NULL, items_task, &steps);
    steps.sorted =
        mjx_sort_items(&field->key, scratch + plan->items, scratch + plan->other, plan->n);
    mjx_pool_for(plan->n, plan->n, 0, NULL, order_task, &steps);
    uint32_t *swap = order ? order : (uint32_t *)(void *)(scratch + plan->line);
    order = next;
    next = swap;
  }
  return order;
}

#define PERMUTE(type)                                                                     \
  {                                                                                       \
    type *to = (void *)dense;                                                             \
    for (int64_t i = 0; i < n; i++) memcpy(&to[i], base + order[i] * stride, sizeof *to); \
    break;                                                                                \
  }

static void permute(char *dense, const char *base, int64_t stride, const uint32_t *order, int64_t n,
                    int size) {
  typedef struct pair {
    uint64_t low, high;
  } pair;
  switch (size) {
    case 1: PERMUTE(uint8_t)
    case 2: PERMUTE(uint16_t)
    case 4: PERMUTE(uint32_t)
    case 8: PERMUTE(uint64_t)
    default: PERMUTE(pair)
  }
}

typedef struct permute_job {
  char *dense;
  const char *base;
  int64_t stride;
  const uint32_t *order;
  int size;
} permute_job;

static void permute_task(void *arg, int64_t begin, int64_t end, char *scratch) {
  (void)scratch;
  const permute_job *job = arg;
  permute(job->dense + begin * job->size, job->base, job->stride, job->order + begin, end - begin,
          job->size);
}

/* A line of which the keys are all there is. */
static void sort_bare(const sort_job *job, int64_t line, char *scratch) {
  const sort_plan *plan = job->instr->plan;
  const mjx_operand *in = job->instr->in, *out = job->instr->out;
  line_job steps = {.key = &plan->fields[0].key,
                    .base = line_at(job->frame, in, line),
                    .stride = in->strides[1] * in->size,
                    .items = scratch + plan->items};
  mjx_pool_for(plan->n, plan->n, 0, NULL, items_task, &steps);
  const void *sorted = mjx_sort_items(steps.key, steps.items, scratch + plan->other, plan->n);
  mjx_sort_take_bare(steps.key, sorted, plan->n, scratch + plan->line);
  mjx_copy_line(line_at(job->frame, out, line), out->strides[1], scratch + plan->line, 1, plan->n,
                out->size);
}

static void sort_task(void *arg, int64_t begin, int64_t end, char *scratch) {
  const sort_job *job = arg;
  const sort_plan *plan = job->instr->plan;
  for (int64_t line = begin; plan->fields[0].key.bare && line < end; line++)
    sort_bare(job, line, scratch);
  if (plan->fields[0].key.bare) return;
  for (int64_t line = begin; line < end; line++) {
    const uint32_t *order = find_order(job, line, scratch);
    for (int i = 0; i < job->instr->n_out; i++) {
      const mjx_operand *in = &job->instr->in[i], *out = &job->instr->out[i];
      permute_job move = {scratch + plan->items, line_at(job->frame, in, line),
                          in->strides[1] * in->size, order, in->size};
      mjx_pool_for(plan->n, 2 * plan->n, 0, NULL, permute_task, &move);
      mjx_copy_line(line_at(job->frame, out, line), out->strides[1], move.dense, 1, plan->n,
                    out->size);
    }
  }
}

mjx_status mjx_op_sort_run(const mjx_instr *instr, mjx_frame *frame) {
  if (instr->out->n == 0) return MJX_OK;
  sort_job job = {instr, frame};
  mjx_pool_for(instr->out->shape[0] * instr->out->shape[2], instr->out->n * 20,
               instr->scratch_bytes, frame->scratch, sort_task, &job);
  return MJX_OK;
}

/* ---- TOP_K ---- */

/* A few long lines are cut into chunks, and the result is chosen from the chunks' k items.  A
 * chunk is long beside k, for to begin a heap takes many exchanges. */
enum { CHUNK = 1 << 16, CHUNK_PER_K = 1 << 11, FEW_LINES = 8 };

typedef struct top_k_plan {
  mjx_sort_key key;
  int64_t n, k;
  int64_t other;          /* scratch offset */
  bool sorts;             /* all of the line, rather than by a heap of k */
  int64_t chunks, chosen; /* 1: not cut; scratch offset of the chunks' items */
} top_k_plan;

mjx_status mjx_op_top_k_check(mjx_loader *loader, mjx_instr *instr) {
  MJX_TRY(mjx_check_counts(instr, 2, 1, 0));
  const mjx_operand *in = &instr->in[0], *values = &instr->out[0], *indices = &instr->out[1];
  MJX_TRY(mjx_check_real(in, "the input", 3));
  MJX_TRY(mjx_check_real(values, "the values", 3));
  MJX_TRY(mjx_check_real(indices, "the indices", 3));
  const int64_t shape[3] = {in->shape[0], values->shape[1], in->shape[2]};
  MJX_TRY(mjx_check_shape(values, "the values", 3, shape));
  MJX_TRY(mjx_check_shape(indices, "the indices", 3, shape));
  if (values->dtype != in->dtype || indices->dtype != MJX_I32 || mjx_dtype_is_complex(in->dtype))
    return mjx_fail(MJX_INVALID, "wrong dtypes");
  if (shape[1] > in->shape[1] || in->shape[1] > INT32_MAX)
    return mjx_fail(MJX_INVALID, "k is %lld of %lld", (long long)shape[1], (long long)in->shape[1]);
  top_k_plan *plan;
  MJX_ALLOC(loader, plan, sizeof *plan);
  instr->plan = plan;
  plan->key = mjx_sort_key_of(in->dtype, true, true);
  plan->n = in->shape[1];
  plan->k = shape[1];
  plan->sorts = plan->k > plan->n / 16;
  plan->other = mjx_round_up(plan->n * mjx_sort_item_bytes(&plan->key), MJX_ALIGN);
  instr->scratch_bytes = 2 * plan->other;
  int64_t lines = in->shape[0] * in->shape[2];
  int64_t chunks = plan->n / MJX_MAX(CHUNK, plan->k * CHUNK_PER_K);
  plan->chunks = lines <= FEW_LINES && chunks > 1 ? chunks : 1;
  if (plan->chunks > 1) {
    int64_t size = mjx_sort_item_bytes(&plan->key);
    plan->chosen = mjx_round_up((plan->n / plan->chunks + 1) * size, MJX_ALIGN);
    instr->scratch_bytes = plan->chosen + lines * plan->chunks * plan->k * size;
  }
  return MJX_OK;
}

static void store_top(const sort_job *job, int64_t line, const void *items) {
  const top_k_plan *plan = job->instr->plan;
  const mjx_operand *in = &job->instr->in[0];
  const mjx_operand *values = &job->instr->out[0], *indices = &job->instr->out[1];
  const char *from = line_at(job->frame, in, line);
  char *value = line_at(job->frame, values, line), *index = line_at(job->frame, indices, line);
  for (int64_t i = 0; i < plan->k; i++) {
    int32_t position = (int32_t)mjx_sort_position(&plan->key, items, i);
    memcpy(value + i * values->strides[1] * values->size,
           from + position * in->strides[1] * in->size, (size_t)in->size);
    memcpy(index + i * indices->strides[1] * indices->size, &position, sizeof position);
  }
}

static void top_k_line(const sort_job *job, int64_t line, char *scratch) {
  const top_k_plan *plan = job->instr->plan;
  const mjx_operand *in = &job->instr->in[0];
  const void *items = scratch;
  mjx_sort_make_items(&plan->key, line_at(job->frame, in, line), in->strides[1] * in->size, NULL,
                      plan->n, scratch);
  if (plan->sorts)
    items = mjx_sort_items(&plan->key, scratch, scratch + plan->other, plan->n);
  else
    mjx_sort_select(&plan->key, scratch, plan->n, plan->k);
  store_top(job, line, items);
}

/* Item i is (line, chunk): its k items go to the calling thread's scratch, behind its own. */
static void chunk_task(void *arg, int64_t begin, int64_t end, char *scratch) {
  const sort_job *job = arg;
  const top_k_plan *plan = job->instr->plan;
  const mjx_operand *in = &job->instr->in[0];
  int64_t step = in->strides[1] * in->size, bytes = plan->k * mjx_sort_item_bytes(&plan->key);
  for (int64_t i = begin; i < end; i++) {
    int64_t line = i / plan->chunks, chunk = i % plan->chunks;
    int64_t first = plan->n * chunk / plan->chunks, last = plan->n * (chunk + 1) / plan->chunks;
    mjx_sort_make_items(&plan->key, line_at(job->frame, in, line) + first * step, step, NULL,
                        last - first, scratch);
    mjx_sort_select(&plan->key, scratch, last - first, plan->k);
    mjx_sort_move_items(&plan->key, scratch, plan->k, first);
    memcpy(job->frame->scratch + plan->chosen + i * bytes, scratch, (size_t)bytes);
  }
}

static void run_chunks(const sort_job *job, int64_t lines) {
  const top_k_plan *plan = job->instr->plan;
  mjx_pool_for(lines * plan->chunks, job->instr->in->n * 2, plan->chosen, job->frame->scratch,
               chunk_task, (void *)(uintptr_t)job);
  int64_t count = plan->chunks * plan->k, bytes = count * mjx_sort_item_bytes(&plan->key);
  for (int64_t line = 0; line < lines; line++) {
    char *items = job->frame->scratch + plan->chosen + line * bytes;
    mjx_sort_select(&plan->key, items, count, plan->k);
    store_top(job, line, items);
  }
}

static void top_k_task(void *arg, int64_t begin, int64_t end, char *scratch) {
  for (int64_t line = begin; line < end; line++) top_k_line(arg, line, scratch);
}

mjx_status mjx_op_top_k_run(const mjx_instr *instr, mjx_frame *frame) {
  if (instr->out->n == 0) return MJX_OK;
  sort_job job = {instr, frame};
  const top_k_plan *plan = instr->plan;
  int64_t lines = instr->out->shape[0] * instr->out->shape[2];
  if (plan->chunks > 1)
    run_chunks(&job, lines);
  else
    mjx_pool_for(lines, instr->in->n * 4, instr->scratch_bytes, frame->scratch, top_k_task, &job);
  return MJX_OK;
}
