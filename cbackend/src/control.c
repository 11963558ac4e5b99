/* control.c: loop carries, and the checks that all control instructions share. */
#include "control.h"

#include <string.h>

mjx_status mjx_check_io(const mjx_operand *operand, const char *what, int64_t bytes) {
  MJX_TRY(mjx_check_dense(operand, what));
  if (operand->n * operand->size < bytes)
    return mjx_fail(MJX_INVALID, "%s has %lld bytes, the program uses %lld", what,
                    (long long)(operand->n * operand->size), (long long)bytes);
  return MJX_OK;
}

mjx_status mjx_check_code(const mjx_loader *loader, int64_t index, int64_t n_inputs,
                          int64_t n_outputs, const mjx_code **code) {
  *code = mjx_loader_code(loader, index);
  if (!*code)
    return mjx_fail(MJX_INVALID, "program %lld is not one of the later programs", (long long)index);
  if ((n_inputs >= 0 && (*code)->n_inputs != n_inputs) ||
      (n_outputs >= 0 && (*code)->n_outputs != n_outputs))
    return mjx_fail(MJX_INVALID,
                    "program %lld has %lld inputs and %lld outputs, expected %lld and %lld",
                    (long long)index, (long long)(*code)->n_inputs, (long long)(*code)->n_outputs,
                    (long long)n_inputs, (long long)n_outputs);
  return MJX_OK;
}

mjx_status mjx_carries_prepare(mjx_loader *loader, mjx_operand *out, mjx_operand *init, int64_t n,
                               const int64_t *in_place, mjx_carries *carries, int64_t *offset) {
  carries->n = n;
  carries->pointers = *offset;
  *offset += mjx_round_up(n * (int64_t)sizeof(char *), MJX_ALIGN);
  MJX_ALLOC(loader, carries->items, (size_t)n * sizeof(mjx_carry));
  MJX_ALLOC(loader, carries->alternating, (size_t)n * sizeof(int32_t));
  for (int64_t k = 0; k < n; k++) {
    mjx_carry *carry = &carries->items[k];
    *carry = (mjx_carry){&out[k], &init[k], out[k].n * out[k].size, *offset, in_place[k] != 0};
    MJX_TRY(mjx_check_io(&out[k], "a carry output", carry->bytes));
    MJX_TRY(mjx_check_io(&init[k], "a carry input", carry->bytes));
    if (carry->in_place) continue;
    carries->alternating[carries->n_alternating++] = (int32_t)k;
    *offset += mjx_round_up(carry->bytes, MJX_ALIGN);
    if (*offset > MJX_MAX_BYTES) return mjx_fail(MJX_INVALID, "the carries are too large");
  }
  return MJX_OK;
}

mjx_status mjx_carries_check_inputs(const mjx_carries *carries, const mjx_code *code,
                                    int64_t first) {
  for (int64_t k = 0; k < carries->n; k++)
    MJX_TRY(mjx_check_io(carries->items[k].out, "a carry", mjx_code_in_bytes(code, first + k)));
  return MJX_OK;
}

mjx_status mjx_carries_check_outputs(const mjx_carries *carries, const mjx_code *code,
                                     int64_t first) {
  for (int64_t k = 0; k < carries->n; k++)
    MJX_TRY(mjx_check_io(carries->items[k].out, "a carry", mjx_code_out_bytes(code, first + k)));
  return MJX_OK;
}

static char **current(const mjx_carries *carries, const mjx_frame *frame) {
  return (char **)(void *)(frame->locals + carries->pointers);
}

void mjx_carries_begin(const mjx_carries *carries, mjx_frame *frame) {
  char **now = current(carries, frame);
  for (int64_t k = 0; k < carries->n; k++) {
    const mjx_carry *carry = &carries->items[k];
    now[k] = mjx_at(frame, carry->init);
    if (!carry->in_place) continue;
    char *home = mjx_at(frame, carry->out);
    if (home != now[k]) memmove(home, now[k], (size_t)carry->bytes);
    now[k] = home;
  }
}

void mjx_carries_fix_inputs(const mjx_carries *carries, const mjx_frame *frame, mjx_frame *nested,
                            int64_t first) {
  for (int64_t k = 0; k < carries->n; k++) {
    const mjx_carry *carry = &carries->items[k];
    if (carry->in_place) mjx_frame_set_input(nested, first + k, mjx_at(frame, carry->out));
  }
}

void mjx_carries_fix_outputs(const mjx_carries *carries, const mjx_frame *frame, mjx_frame *nested,
                             int64_t first) {
  for (int64_t k = 0; k < carries->n; k++) {
    const mjx_carry *carry = &carries->items[k];
    if (carry->in_place) mjx_frame_set_output(nested, first + k, mjx_at(frame, carry->out));
  }
}

void mjx_carries_set_inputs(const mjx_carries *carries, const mjx_frame *frame, mjx_frame *nested,
                            int64_t first) {
  char **now = current(carries, frame);
  for (int64_t i = 0; i < carries->n_alternating; i++) {
    int32_t k = carries->alternating[i];
    mjx_frame_set_input(nested, first + k, now[k]);
  }
}

void mjx_carries_set_outputs(const mjx_carries *carries, const mjx_frame *frame, mjx_frame *nested,
                             int64_t first) {
  char **now = current(carries, frame);
  for (int64_t i = 0; i < carries->n_alternating; i++) {
    int32_t k = carries->alternating[i];
    const mjx_carry *carry = &carries->items[k];
    char *home = mjx_at(frame, carry->out);
    now[k] = now[k] == home ? frame->locals + carry->buffer : home;
    mjx_frame_set_output(nested, first + k, now[k]);
  }
}

void mjx_carries_end(const mjx_carries *carries, mjx_frame *frame) {
  char **now = current(carries, frame);
  for (int64_t k = 0; k < carries->n; k++) {
    const mjx_carry *carry = &carries->items[k];
    char *home = mjx_at(frame, carry->out);
    if (home != now[k]) memmove(home, now[k], (size_t)carry->bytes);
  }
}
