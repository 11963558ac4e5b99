/* op_while.c: WHILE. */
#include "control.h"

typedef struct while_plan {
  const mjx_code *cond, *body;
  int64_t n_cond_consts, n_body_consts;
  mjx_carries carries;
  int64_t cond_frame, body_frame; /* offsets in the locals; the predicate lies at 0 */
} while_plan;

static mjx_status check_consts(const mjx_operand *in, int64_t n, const mjx_code *code) {
  for (int64_t i = 0; i < n; i++)
    MJX_TRY(mjx_check_io(&in[i], "a constant", mjx_code_in_bytes(code, i)));
  return MJX_OK;
}

static mjx_status check_programs(const mjx_loader *loader, const mjx_instr *instr,
                                 while_plan *plan) {
  const int64_t *params = instr->params;
  int64_t n_carry = plan->carries.n;
  MJX_TRY(mjx_check_code(loader, params[0], plan->n_cond_consts + n_carry, 1, &plan->cond));
  MJX_TRY(mjx_check_code(loader, params[1], plan->n_body_consts + n_carry, n_carry, &plan->body));
  if (mjx_code_out_bytes(plan->cond, 0) > 1)
    return mjx_fail(MJX_INVALID, "the condition is not one bool");
  MJX_TRY(check_consts(instr->in, plan->n_cond_consts, plan->cond));
  MJX_TRY(check_consts(instr->in + plan->n_cond_consts, plan->n_body_consts, plan->body));
  MJX_TRY(mjx_carries_check_inputs(&plan->carries, plan->cond, plan->n_cond_consts));
  MJX_TRY(mjx_carries_check_inputs(&plan->carries, plan->body, plan->n_body_consts));
  return mjx_carries_check_outputs(&plan->carries, plan->body, 0);
}

mjx_status mjx_op_while_check(mjx_loader *loader, mjx_instr *instr) {
  int64_t n_carry = instr->n_out;
  MJX_TRY(mjx_check_counts(instr, -1, -1, 4 + n_carry));
  while_plan *plan;
  MJX_ALLOC(loader, plan, sizeof *plan);
  instr->plan = plan;
  plan->n_cond_consts = instr->params[2];
  plan->n_body_consts = instr->params[3];
  int64_t n_consts = instr->n_in - n_carry;
  if (plan->n_cond_consts < 0 || plan->n_cond_consts > n_consts ||
      plan->n_body_consts != n_consts - plan->n_cond_consts)
    return mjx_fail(MJX_INVALID, "%d inputs do not match the counts of constants and carries",
                    instr->n_in);
  int64_t offset = MJX_ALIGN;
  MJX_TRY(mjx_carries_prepare(loader, instr->out, instr->in + n_consts, n_carry, instr->params + 4,
                              &plan->carries, &offset));
  MJX_TRY(check_programs(loader, instr, plan));
  plan->cond_frame = offset;
  plan->body_frame = offset + plan->cond->frame_bytes;
  instr->local_bytes = plan->body_frame + plan->body->frame_bytes;
  return MJX_OK;
}

static mjx_frame *open_frame(mjx_frame *frame, const mjx_code *code, int64_t offset,
                             const mjx_operand *consts, int64_t n_consts) {
  mjx_frame *nested = mjx_frame_nest(frame, code, frame->locals + offset);
  for (int64_t i = 0; i < n_consts; i++) mjx_frame_set_input(nested, i, mjx_at(frame, &consts[i]));
  return nested;
}

mjx_status mjx_op_while_run(const mjx_instr *instr, mjx_frame *frame) {
  const while_plan *plan = instr->plan;
  const mjx_carries *carries = &plan->carries;
  char *predicate = frame->locals;
  mjx_frame *cond = open_frame(frame, plan->cond, plan->cond_frame, instr->in, plan->n_cond_consts);
  mjx_frame *body = open_frame(frame, plan->body, plan->body_frame, instr->in + plan->n_cond_consts,
                               plan->n_body_consts);
  mjx_frame_set_output(cond, 0, predicate);
  *predicate = 0;
  mjx_carries_begin(carries, frame);
  mjx_carries_fix_inputs(carries, frame, cond, plan->n_cond_consts);
  mjx_carries_fix_inputs(carries, frame, body, plan->n_body_consts);
  mjx_carries_fix_outputs(carries, frame, body, 0);
  for (;;) {
    mjx_carries_set_inputs(carries, frame, cond, plan->n_cond_consts);
    MJX_TRY(mjx_code_run(plan->cond, cond));
    if (!*predicate) break;
    if (mjx_interrupted()) return mjx_fail(MJX_INTERRUPTED, "interrupted");
    mjx_carries_set_inputs(carries, frame, body, plan->n_body_consts);
    mjx_carries_set_outputs(carries, frame, body, 0);
    MJX_TRY(mjx_code_run(plan->body, body));
  }
  mjx_carries_end(carries, frame);
  return MJX_OK;
}
