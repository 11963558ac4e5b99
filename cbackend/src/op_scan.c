/* op_scan.c: SCAN. */
#include "control.h"

typedef struct scan_plan {
  const mjx_code *body;
  int64_t length, n_consts, n_xs, n_ys;
  bool reverse;
  mjx_carries carries;
  int64_t body_frame;   /* offset in the locals */
  int64_t *slice_bytes; /* of the xs, then of the ys */
} scan_plan;

/* An operand that holds `length` slices of at least `used` bytes. */
static mjx_status check_stack(const mjx_operand *operand, int64_t length, int64_t used,
                              int64_t *slice_bytes) {
  MJX_TRY(mjx_check_dense(operand, "a stacked operand"));
  int64_t bytes = operand->n * operand->size;
  *slice_bytes = length > 0 ? bytes / length : 0;
  if (length > 0 && (bytes % length != 0 || *slice_bytes % operand->size != 0))
    return mjx_fail(MJX_INVALID, "a stacked operand does not hold %lld slices", (long long)length);
  if (length > 0 && *slice_bytes < used)
    return mjx_fail(MJX_INVALID, "a slice has %lld bytes, the body uses %lld",
                    (long long)*slice_bytes, (long long)used);
  return MJX_OK;
}

static mjx_status check_stacks(const mjx_instr *instr, scan_plan *plan) {
  int64_t n_carry = plan->carries.n, first_x = plan->n_consts + n_carry;
  for (int64_t i = 0; i < plan->n_xs; i++)
    MJX_TRY(check_stack(&instr->in[first_x + i], plan->length,
                        mjx_code_in_bytes(plan->body, first_x + i), &plan->slice_bytes[i]));
  for (int64_t i = 0; i < plan->n_ys; i++)
    MJX_TRY(check_stack(&instr->out[n_carry + i], plan->length,
                        mjx_code_out_bytes(plan->body, n_carry + i),
                        &plan->slice_bytes[plan->n_xs + i]));
  return MJX_OK;
}

static mjx_status read_counts(const mjx_instr *instr, scan_plan *plan) {
  if (instr->n_params < 5) return mjx_fail(MJX_INVALID, "too few parameters");
  int64_t n_carry = instr->params[4];
  plan->length = instr->params[1];
  plan->reverse = instr->params[2] != 0;
  plan->n_consts = instr->params[3];
  if (plan->length < 0 || plan->n_consts < 0 || plan->n_consts > instr->n_in || n_carry < 0 ||
      n_carry > instr->n_out || n_carry > instr->n_in - plan->n_consts)
    return mjx_fail(MJX_INVALID, "the counts do not match the operands");
  plan->carries.n = n_carry;
  plan->n_xs = instr->n_in - plan->n_consts - n_carry;
  plan->n_ys = instr->n_out - n_carry;
  return mjx_check_counts(instr, -1, -1, 5 + n_carry);
}

mjx_status mjx_op_scan_check(mjx_loader *loader, mjx_instr *instr) {
  scan_plan *plan;
  MJX_ALLOC(loader, plan, sizeof *plan);
  instr->plan = plan;
  MJX_TRY(read_counts(instr, plan));
  MJX_TRY(mjx_check_code(loader, instr->params[0], instr->n_in, instr->n_out, &plan->body));
  MJX_ALLOC(loader, plan->slice_bytes, (size_t)(plan->n_xs + plan->n_ys) * sizeof(int64_t));
  int64_t offset = 0;
  MJX_TRY(mjx_carries_prepare(loader, instr->out, instr->in + plan->n_consts, plan->carries.n,
                              instr->params + 5, &plan->carries, &offset));
  for (int64_t i = 0; i < plan->n_consts; i++)
    MJX_TRY(mjx_check_io(&instr->in[i], "a constant", mjx_code_in_bytes(plan->body, i)));
  MJX_TRY(mjx_carries_check_inputs(&plan->carries, plan->body, plan->n_consts));
  MJX_TRY(mjx_carries_check_outputs(&plan->carries, plan->body, 0));
  MJX_TRY(check_stacks(instr, plan));
  plan->body_frame = offset;
  instr->local_bytes = offset + plan->body->frame_bytes;
  return MJX_OK;
}

/* The first iteration's slices. */
static void set_slices(const mjx_instr *instr, const mjx_frame *frame, mjx_frame *body) {
  const scan_plan *plan = instr->plan;
  int64_t n_carry = plan->carries.n, first_x = plan->n_consts + n_carry;
  int64_t index = plan->reverse ? plan->length - 1 : 0;
  for (int64_t i = 0; i < plan->n_xs; i++)
    mjx_frame_set_input(body, first_x + i,
                        mjx_at(frame, &instr->in[first_x + i]) + index * plan->slice_bytes[i]);
  const int64_t *y_bytes = plan->slice_bytes + plan->n_xs;
  for (int64_t i = 0; i < plan->n_ys; i++)
    mjx_frame_set_output(body, n_carry + i,
                         mjx_at(frame, &instr->out[n_carry + i]) + index * y_bytes[i]);
}

static void next_slices(const scan_plan *plan, mjx_frame *body) {
  int64_t n_carry = plan->carries.n, sign = plan->reverse ? -1 : 1;
  char **xs = body->slots + MJX_SLOT_INPUT0 + plan->n_consts + n_carry;
  char **ys = body->slots + MJX_SLOT_INPUT0 + plan->body->n_inputs + n_carry;
  for (int64_t i = 0; i < plan->n_xs; i++) xs[i] += sign * plan->slice_bytes[i];
  for (int64_t i = 0; i < plan->n_ys; i++) ys[i] += sign * plan->slice_bytes[plan->n_xs + i];
}

mjx_status mjx_op_scan_run(const mjx_instr *instr, mjx_frame *frame) {
  const scan_plan *plan = instr->plan;
  const mjx_carries *carries = &plan->carries;
  mjx_frame *body = mjx_frame_nest(frame, plan->body, frame->locals + plan->body_frame);
  for (int64_t i = 0; i < plan->n_consts; i++)
    mjx_frame_set_input(body, i, mjx_at(frame, &instr->in[i]));
  mjx_carries_begin(carries, frame);
  mjx_carries_fix_inputs(carries, frame, body, plan->n_consts);
  mjx_carries_fix_outputs(carries, frame, body, 0);
  for (int64_t i = 0; i < plan->length; i++) {
    if (mjx_interrupted()) return mjx_fail(MJX_INTERRUPTED, "interrupted");
    if (i == 0)
      set_slices(instr, frame, body);
    else
      next_slices(plan, body);
    mjx_carries_set_inputs(carries, frame, body, plan->n_consts);
    mjx_carries_set_outputs(carries, frame, body, 0);
    MJX_TRY(mjx_code_run(plan->body, body));
  }
  mjx_carries_end(carries, frame);
  return MJX_OK;
}
