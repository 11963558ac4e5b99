/* op_cum.c: CUM, running sums, products and extremes.
 *
 * Rows are taken in blocks of MJX_CUM_ROWS: a running value within the block is combined with the
 * value up to the block, so that float sums do not collect one rounding error per row.
 */
#include <string.h>

#include "blocks.h"
#include "internal.h"

enum { MAX_WIDTH = MJX_CUM_COLUMNS };

/* ---- the instruction ---- */

typedef struct cum_plan {
  mjx_cum_fn fn;
  int32_t size;
  int64_t outer, n, inner, width, n_blocks;
  int64_t in_strides[3], out_strides[3];
  int64_t in_first, out_first; /* the row that comes first: the last one if reversed */
} cum_plan;

mjx_status mjx_op_cum_check(mjx_loader *loader, mjx_instr *instr) {
  MJX_TRY(mjx_check_counts(instr, 1, 1, 2));
  const mjx_operand *in = &instr->in[0], *out = &instr->out[0];
  int64_t kind = instr->params[0], sign = instr->params[1] ? -1 : 1;
  MJX_TRY(mjx_check_real(in, "the input", 3));
  MJX_TRY(mjx_check_dense(out, "the output"));
  MJX_TRY(mjx_check_shape(out, "the output", 3, in->shape));
  if (out->dtype != in->dtype) return mjx_fail(MJX_INVALID, "the dtypes differ");
  if (kind < 0 || kind >= MJX_N_CUM_KINDS || !mjx_block_kernels_get()->cum[kind][in->dtype])
    return mjx_fail(MJX_INVALID, "no kind %lld for dtype %d", (long long)kind, in->dtype);
  cum_plan *plan;
  MJX_ALLOC(loader, plan, sizeof *plan);
  instr->plan = plan;
  *plan = (cum_plan){.fn = mjx_block_kernels_get()->cum[kind][in->dtype],
                     .size = in->size,
                     .outer = in->shape[0],
                     .n = in->shape[1],
                     .inner = in->shape[2]};
  int64_t n = plan->n, inner = plan->inner;
  plan->width = MJX_MAX(1, MJX_MIN(inner, MAX_WIDTH));
  plan->n_blocks = (inner + plan->width - 1) / plan->width;
  memcpy(plan->in_strides, in->strides, sizeof plan->in_strides);
  plan->in_first = sign < 0 && n > 0 ? (n - 1) * in->strides[1] : 0;
  plan->out_first = sign < 0 && n > 0 ? (n - 1) * inner : 0;
  plan->in_strides[1] *= sign;
  const int64_t out_strides[3] = {n * inner, sign * inner, 1};
  memcpy(plan->out_strides, out_strides, sizeof out_strides);
  return MJX_OK;
}

typedef struct cum_job {
  const cum_plan *plan;
  const char *in;
  char *out;
} cum_job;

static void cum_task(void *arg, int64_t begin, int64_t end, char *scratch) {
  (void)scratch;
  const cum_job *job = arg;
  const cum_plan *plan = job->plan;
  double running[2 * MAX_WIDTH], before[2 * MAX_WIDTH];
  for (int64_t i = begin; i < end; i++) {
    int64_t outer = i / plan->n_blocks, column = i % plan->n_blocks * plan->width;
    int64_t in = plan->in_first + outer * plan->in_strides[0] + column * plan->in_strides[2];
    int64_t out = plan->out_first + outer * plan->out_strides[0] + column;
    mjx_cum_args args = {plan->n,
                         MJX_MIN(plan->width, plan->inner - column),
                         job->in + in * plan->size,
                         plan->in_strides[1],
                         plan->in_strides[2],
                         job->out + out * plan->size,
                         plan->out_strides[1],
                         running,
                         before,
                         plan->inner == 1 ? end - begin : 1,
                         plan->in_strides[0],
                         plan->out_strides[0]};
    plan->fn(&args);
    if (plan->inner == 1) return;
  }
}

mjx_status mjx_op_cum_run(const mjx_instr *instr, mjx_frame *frame) {
  const cum_plan *plan = instr->plan;
  if (instr->out->n == 0) return MJX_OK;
  cum_job job = {plan, mjx_at(frame, instr->in), mjx_at(frame, instr->out)};
  mjx_pool_for(plan->outer * plan->n_blocks, instr->out->n, 0, NULL, cum_task, &job);
  return MJX_OK;
}
