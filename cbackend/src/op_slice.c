/* op_slice.c: DYNAMIC_SLICE and DYNAMIC_UPDATE_SLICE. */
#include "internal.h"

typedef struct slice_plan {
  mjx_copy_plan whole; /* out := in, for the update */
  mjx_copy_plan part;
} slice_plan;

static mjx_status check_starts(const mjx_operand *starts, int n, int ndim) {
  if (n != ndim) return mjx_fail(MJX_INVALID, "%d starts, expected %d", n, ndim);
  for (int d = 0; d < n; d++) {
    MJX_TRY(mjx_check_real(&starts[d], "a start", -1));
    if (starts[d].n != 1 || !mjx_dtype_is_integer(starts[d].dtype))
      return mjx_fail(MJX_INVALID, "start %d is not one integer", d);
  }
  return MJX_OK;
}

/* `part` has the dims of `whole` and fits in it. */
static mjx_status check_fit(const mjx_operand *whole, const mjx_operand *part) {
  MJX_TRY(mjx_check_real(whole, "the operand", -1));
  MJX_TRY(mjx_check_real(part, "the slice", whole->ndim));
  if (whole->size != part->size) return mjx_fail(MJX_INVALID, "element sizes differ");
  for (int d = 0; d < whole->ndim; d++) {
    if (part->shape[d] > whole->shape[d])
      return mjx_fail(MJX_INVALID, "the slice is larger than the operand in dim %d", d);
  }
  return MJX_OK;
}

/* Bytes from the view's first element to the slice's, starts clamped so that it fits. */
static int64_t slice_offset(const mjx_frame *frame, const mjx_operand *whole,
                            const mjx_operand *part, const mjx_operand *starts) {
  int64_t offset = 0;
  for (int d = 0; d < whole->ndim; d++) {
    int64_t start = mjx_load_index(mjx_at(frame, &starts[d]), starts[d].dtype);
    int64_t last = whole->shape[d] - part->shape[d];
    start = start < 0 ? 0 : start > last ? last : start;
    offset += start * whole->strides[d];
  }
  return offset * whole->size;
}

mjx_status mjx_op_dynamic_slice_check(mjx_loader *loader, mjx_instr *instr) {
  if (instr->n_in < 1) return mjx_fail(MJX_INVALID, "no operand");
  const mjx_operand *whole = &instr->in[0], *part = &instr->out[0];
  MJX_TRY(mjx_check_counts(instr, 1, -1, 0));
  MJX_TRY(check_fit(whole, part));
  MJX_TRY(check_starts(instr->in + 1, instr->n_in - 1, whole->ndim));
  slice_plan *plan;
  MJX_ALLOC(loader, plan, sizeof *plan);
  instr->plan = plan;
  return mjx_copy_prepare(loader, part->ndim, part->shape, part->strides, whole->strides,
                          part->size, &plan->part);
}

mjx_status mjx_op_dynamic_slice_run(const mjx_instr *instr, mjx_frame *frame) {
  const slice_plan *plan = instr->plan;
  if (plan->part.space.n == 0) return MJX_OK;
  const mjx_operand *whole = &instr->in[0];
  int64_t offset = slice_offset(frame, whole, &instr->out[0], instr->in + 1);
  mjx_copy_run(&plan->part, mjx_at(frame, &instr->out[0]), mjx_at(frame, whole) + offset, true);
  return MJX_OK;
}

mjx_status mjx_op_dynamic_update_slice_check(mjx_loader *loader, mjx_instr *instr) {
  if (instr->n_in < 2) return mjx_fail(MJX_INVALID, "no operand or no update");
  MJX_TRY(mjx_check_counts(instr, 1, -1, 0));
  const mjx_operand *out = &instr->out[0], *in = &instr->in[0], *part = &instr->in[1];
  MJX_TRY(check_fit(in, out));
  MJX_TRY(mjx_check_shape(out, "the output", in->ndim, in->shape));
  MJX_TRY(check_fit(out, part));
  MJX_TRY(check_starts(instr->in + 2, instr->n_in - 2, in->ndim));
  slice_plan *plan;
  MJX_ALLOC(loader, plan, sizeof *plan);
  instr->plan = plan;
  MJX_TRY(mjx_copy_prepare(loader, out->ndim, out->shape, out->strides, in->strides, out->size,
                           &plan->whole));
  return mjx_copy_prepare(loader, part->ndim, part->shape, out->strides, part->strides, part->size,
                          &plan->part);
}

mjx_status mjx_op_dynamic_update_slice_run(const mjx_instr *instr, mjx_frame *frame) {
  const slice_plan *plan = instr->plan;
  const mjx_operand *out = &instr->out[0], *part = &instr->in[1];
  /* The starts first: the output may be planned over their memory. */
  int64_t offset = plan->part.space.n ? slice_offset(frame, out, part, instr->in + 2) : 0;
  mjx_copy_run(&plan->whole, mjx_at(frame, out), mjx_at(frame, &instr->in[0]), true);
  mjx_copy_run(&plan->part, mjx_at(frame, out) + offset, mjx_at(frame, part), true);
  return MJX_OK;
}
