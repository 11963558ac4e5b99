/* check.c: what the ops' load-time checks share. */
#include "internal.h"

mjx_status mjx_check_counts(const mjx_instr *instr, int n_out, int n_in, int64_t n_params) {
  if (n_out >= 0 && instr->n_out != n_out)
    return mjx_fail(MJX_INVALID, "%d outputs, expected %d", instr->n_out, n_out);
  if (n_in >= 0 && instr->n_in != n_in)
    return mjx_fail(MJX_INVALID, "%d inputs, expected %d", instr->n_in, n_in);
  if (n_params >= 0 && instr->n_params != n_params)
    return mjx_fail(MJX_INVALID, "%lld parameters, expected %lld", (long long)instr->n_params,
                    (long long)n_params);
  return MJX_OK;
}

mjx_status mjx_check_real(const mjx_operand *operand, const char *what, int ndim) {
  if (operand->slot == MJX_SLOT_AFFINE)
    return mjx_fail(MJX_INVALID, "%s is an affine view, which only EWISE takes", what);
  if (ndim >= 0 && operand->ndim != ndim)
    return mjx_fail(MJX_INVALID, "%s has %d dims, expected %d", what, operand->ndim, ndim);
  return MJX_OK;
}

mjx_status mjx_check_dense(const mjx_operand *operand, const char *what) {
  MJX_TRY(mjx_check_real(operand, what, -1));
  if (!operand->dense) return mjx_fail(MJX_INVALID, "%s is not dense", what);
  return MJX_OK;
}

mjx_status mjx_check_shape(const mjx_operand *operand, const char *what, int ndim,
                           const int64_t *shape) {
  if (operand->ndim != ndim)
    return mjx_fail(MJX_INVALID, "%s has %d dims, expected %d", what, operand->ndim, ndim);
  for (int d = 0; d < ndim; d++) {
    if (operand->shape[d] != shape[d])
      return mjx_fail(MJX_INVALID, "%s has extent %lld in dim %d, expected %lld", what,
                      (long long)operand->shape[d], d, (long long)shape[d]);
  }
  return MJX_OK;
}
