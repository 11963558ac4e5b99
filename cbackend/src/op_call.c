/* op_call.c: CALL and COND: one nested run. */
#include "control.h"

static mjx_status check_operands(mjx_instr *instr, mjx_operand *in, int64_t n_in,
                                 const mjx_code *code) {
  for (int64_t i = 0; i < n_in; i++)
    MJX_TRY(mjx_check_io(&in[i], "an input", mjx_code_in_bytes(code, i)));
  for (int64_t i = 0; i < instr->n_out; i++)
    MJX_TRY(mjx_check_io(&instr->out[i], "an output", mjx_code_out_bytes(code, i)));
  return MJX_OK;
}

static mjx_status run_nested(const mjx_instr *instr, mjx_frame *frame, const mjx_operand *in,
                             const mjx_code *code) {
  mjx_frame *nested = mjx_frame_nest(frame, code, frame->locals);
  for (int64_t i = 0; i < code->n_inputs; i++)
    mjx_frame_set_input(nested, i, mjx_at(frame, &in[i]));
  for (int64_t i = 0; i < code->n_outputs; i++)
    mjx_frame_set_output(nested, i, mjx_at(frame, &instr->out[i]));
  return mjx_code_run(code, nested);
}

/* ---- CALL: plan is the program ---- */

mjx_status mjx_op_call_check(mjx_loader *loader, mjx_instr *instr) {
  const mjx_code *code;
  MJX_TRY(mjx_check_counts(instr, -1, -1, 1));
  MJX_TRY(mjx_check_code(loader, instr->params[0], instr->n_in, instr->n_out, &code));
  MJX_TRY(check_operands(instr, instr->in, instr->n_in, code));
  instr->plan = (void *)(uintptr_t)code;
  instr->local_bytes = code->frame_bytes;
  return MJX_OK;
}

mjx_status mjx_op_call_run(const mjx_instr *instr, mjx_frame *frame) {
  return run_nested(instr, frame, instr->in, instr->plan);
}

/* ---- COND: plan is the list of programs ---- */

mjx_status mjx_op_cond_check(mjx_loader *loader, mjx_instr *instr) {
  const mjx_code **branches;
  if (instr->n_in < 1 || instr->n_params < 1)
    return mjx_fail(MJX_INVALID, "no index or no branches");
  const mjx_operand *index = &instr->in[0];
  MJX_TRY(mjx_check_real(index, "the index", -1));
  if (index->n != 1 || !(mjx_dtype_is_integer(index->dtype) || index->dtype == MJX_BOOL))
    return mjx_fail(MJX_INVALID, "the index is not one integer or bool");
  MJX_ALLOC(loader, branches, (size_t)instr->n_params * sizeof *branches);
  for (int64_t b = 0; b < instr->n_params; b++) {
    MJX_TRY(mjx_check_code(loader, instr->params[b], instr->n_in - 1, instr->n_out, &branches[b]));
    MJX_TRY(check_operands(instr, instr->in + 1, instr->n_in - 1, branches[b]));
    instr->local_bytes = MJX_MAX(instr->local_bytes, branches[b]->frame_bytes);
  }
  instr->plan = branches;
  return MJX_OK;
}

mjx_status mjx_op_cond_run(const mjx_instr *instr, mjx_frame *frame) {
  const mjx_code *const *branches = instr->plan;
  int64_t index = mjx_load_index(mjx_at(frame, &instr->in[0]), instr->in[0].dtype);
  index = MJX_MAX(0, MJX_MIN(index, instr->n_params - 1));
  return run_nested(instr, frame, instr->in + 1, branches[index]);
}
