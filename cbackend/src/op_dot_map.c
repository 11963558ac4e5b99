/* op_dot_map.c: DOT_MAP, a matrix product and an elementwise group on its elements.
 *
 * The group takes each block of the product on the thread that made it, while the cache holds it,
 * so the product is never stored.  Blocks are DOT's own or change no bit, and elementwise kernels
 * do not know what lies around an element: the bits are those of the two instructions.
 */
#include "dot.h"
#include "ewise.h"

typedef struct dot_map_plan {
  mjx_dot_plan *product;
  ewise_plan *map;
  int64_t columns;
} dot_map_plan;

/* ---- checking and planning ---- */

static mjx_status check_product(const mjx_instr *instr) {
  const mjx_operand *a = &instr->in[0], *b = &instr->in[1], *out = &instr->out[0];
  MJX_TRY(mjx_check_real(a, "a", 3));
  MJX_TRY(mjx_check_real(b, "b", 3));
  MJX_TRY(mjx_check_real(out, "the first output", 2));
  MJX_TRY(mjx_check_dense(out, "the first output"));
  if (a->dtype != b->dtype || (a->dtype != MJX_F32 && a->dtype != MJX_F64))
    return mjx_fail(MJX_INVALID, "a product of dtypes %d and %d", a->dtype, b->dtype);
  if (a->shape[0] != 1 || a->shape[1] != out->shape[0] || b->shape[2] != out->shape[1])
    return mjx_fail(MJX_INVALID, "the product's shape is not the outputs'");
  if (out->shape[0] < 2 || out->shape[1] < 2) return mjx_fail(MJX_INVALID, "a product of vectors");
  return MJX_OK;
}

/* The product alone, to a place that nothing touches. */
static mjx_status plan_product(mjx_loader *loader, const mjx_instr *instr, mjx_instr *product,
                               mjx_dot_plan **plan) {
  const mjx_operand *out = &instr->out[0], *a = &instr->in[0];
  int64_t *extents;
  MJX_ALLOC(loader, extents, 6 * sizeof *extents);
  int64_t rows = out->shape[0], columns = out->shape[1], *strides = extents + 3;
  extents[0] = 1, extents[1] = rows, extents[2] = columns;
  strides[0] = rows * columns, strides[1] = columns, strides[2] = 1;
  *product = *instr;
  product->n_out = 1;
  product->n_in = 2;
  product->n_params = 0;
  MJX_ALLOC(loader, product->out, 3 * sizeof(mjx_operand));
  product->in = product->out + 1;
  product->out[0] =
      (mjx_operand){EWISE_SLOT_PIECE, 3, a->dtype, a->size, 0, out->n, extents, strides, true, 0};
  product->in[0] = instr->in[0];
  product->in[1] = instr->in[1];
  return mjx_dot_prepare(loader, product, true, plan);
}

/* The group alone, whose first input is given block by block. */
static mjx_status plan_map(mjx_loader *loader, const mjx_instr *instr, const mjx_operand *product,
                           ewise_plan **plan) {
  mjx_instr map = *instr;
  map.n_in = instr->n_in - 1;
  MJX_ALLOC(loader, map.out, (size_t)(map.n_out + map.n_in) * sizeof(mjx_operand));
  map.in = map.out + map.n_out;
  for (int k = 0; k < map.n_out; k++) map.out[k] = instr->out[k];
  for (int k = 1; k < map.n_in; k++) map.in[k] = instr->in[k + 1];
  map.in[0] = *product;
  map.in[0].ndim = 2;
  map.in[0].shape++;
  map.in[0].strides++;
  return mjx_ewise_prepare(loader, &map, plan);
}

mjx_status mjx_op_dot_map_check(mjx_loader *loader, mjx_instr *instr) {
  if (instr->n_out < 1 || instr->n_in < 2) return mjx_fail(MJX_INVALID, "too few operands");
  MJX_TRY(check_product(instr));
  dot_map_plan *plan;
  MJX_ALLOC(loader, plan, sizeof *plan);
  instr->plan = plan;
  plan->columns = instr->out->shape[1];
  mjx_instr product;
  MJX_TRY(plan_product(loader, instr, &product, &plan->product));
  MJX_TRY(plan_map(loader, instr, &product.out[0], &plan->map));
  instr->scratch_bytes = product.scratch_bytes + plan->map->scratch_bytes;
  return MJX_OK;
}

/* ---- running ---- */

typedef struct dot_map_job {
  const dot_map_plan *plan;
  const mjx_frame *frame;
} dot_map_job;

/* Elements of the flattened space, the product's at `given`. */
static void map_range(ewise_walker *walker, int64_t first, int64_t n, const char *given) {
  const ewise_plan *map = walker->plan;
  int64_t inner = map->space.shape[map->space.ndim - 1];
  int64_t at = map->flat ? first : first % inner;
  walker->rows[0] = (char *)(uintptr_t)given - at * map->views[0].size;
  mjx_ewise_range(walker, first, n, NULL);
}

static void take_block(void *context, int64_t row, int64_t column, int64_t rows, int64_t columns,
                       const void *product, int64_t product_row, char *scratch) {
  const dot_map_job *job = context;
  const ewise_plan *map = job->plan->map;
  int64_t first = row * job->plan->columns + column, row_bytes = product_row * map->views[0].size;
  ewise_walker walker;
  mjx_ewise_open(&walker, map, job->frame, scratch, 0);
  if (columns == job->plan->columns && (map->flat || map->space.ndim == 1)) {
    map_range(&walker, first, rows * columns, product);
    return;
  }
  for (int64_t r = 0; r < rows; r++)
    map_range(&walker, first + r * job->plan->columns, columns,
              (const char *)product + r * row_bytes);
}

mjx_status mjx_op_dot_map_run(const mjx_instr *instr, mjx_frame *frame) {
  const dot_map_plan *plan = instr->plan;
  dot_map_job job = {plan, frame};
  const mjx_dot_tail tail = {take_block, &job, plan->map->scratch_bytes, plan->map->cost};
  mjx_dot_run(plan->product, frame, &tail);
  return MJX_OK;
}

void mjx_dot_map_product(const mjx_instr *instr, mjx_frame *frame, mjx_native_tail_fn take,
                         void *context, int64_t cost) {
  const dot_map_plan *plan = instr->plan;
  const mjx_dot_tail tail = {take, context, 0, cost};
  mjx_dot_run(plan->product, frame, &tail);
}
