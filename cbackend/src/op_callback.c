/* op_callback.c: CALLBACK, the seam through which a host (Python) serves an instruction. */
#include "internal.h"
#include "kernels.h"

static _Atomic(mjx_callback_fn) callback;

void mjx_set_callback(mjx_callback_fn fn) { atomic_store(&callback, fn); }

mjx_status mjx_op_callback_check(mjx_loader *loader, mjx_instr *instr) {
  (void)loader;
  MJX_TRY(mjx_check_counts(instr, -1, -1, 1));
  for (int64_t i = 0; i < instr->n_out + instr->n_in; i++)
    MJX_TRY(mjx_check_dense(&instr->out[i], "an operand"));
  instr->local_bytes =
      mjx_round_up((instr->n_out + instr->n_in) * (int64_t)sizeof(void *), MJX_ALIGN);
  return MJX_OK;
}

mjx_status mjx_op_callback_run(const mjx_instr *instr, mjx_frame *frame) {
  mjx_callback_fn fn = atomic_load(&callback);
  if (!fn) return mjx_fail(MJX_CALLBACK, "no host has set a callback function");
  void **out = (void **)(void *)frame->locals;
  const void **in = (const void **)(void *)(out + instr->n_out);
  for (int64_t i = 0; i < instr->n_out; i++) out[i] = mjx_at(frame, &instr->out[i]);
  for (int64_t i = 0; i < instr->n_in; i++) in[i] = mjx_at(frame, &instr->in[i]);
  mjx_fp_leave(frame->host_fp);
  int failed = fn(instr->params[0], instr->n_in, in, instr->n_out, out);
  mjx_fp_enter();
  return failed ? mjx_fail(MJX_CALLBACK, "callback %lld failed", (long long)instr->params[0])
                : MJX_OK;
}
