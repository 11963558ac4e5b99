/* control.h: what CALL, COND, WHILE and SCAN share: nested frames and loop carries. */
#ifndef MJX_CONTROL_H
#define MJX_CONTROL_H

#include "internal.h"

/* A program refers to `bytes` of an operand: it must be dense and large enough. */
mjx_status mjx_check_io(const mjx_operand *operand, const char *what, int64_t bytes);
/* The program that a parameter names, with these counts (-1: any). */
mjx_status mjx_check_code(const mjx_loader *loader, int64_t index, int64_t n_inputs,
                          int64_t n_outputs, const mjx_code **code);

static inline int64_t mjx_code_in_bytes(const mjx_code *code, int64_t index) {
  return code->io_bytes[index];
}
static inline int64_t mjx_code_out_bytes(const mjx_code *code, int64_t index) {
  return code->io_bytes[code->n_inputs + index];
}

/* The carried values of a loop.  A carry lives in its output operand (in place), or alternates
 * between that and a buffer of the loop's locals, so that the body never reads what it is
 * writing. */
typedef struct mjx_carry {
  const mjx_operand *out;
  const mjx_operand *init;
  int64_t bytes;
  int64_t buffer; /* offset in the locals; unused if in_place */
  bool in_place;
} mjx_carry;

typedef struct mjx_carries {
  int64_t n;
  mjx_carry *items;
  int64_t n_alternating;
  int32_t *alternating; /* their numbers */
  int64_t pointers;     /* offset in the locals of n current pointers */
} mjx_carries;

/* Reserves locals from *offset on, for n carries whose flags are in_place[0..n-1]. */
mjx_status mjx_carries_prepare(mjx_loader *loader, mjx_operand *out, mjx_operand *init, int64_t n,
                               const int64_t *in_place, mjx_carries *carries, int64_t *offset);
/* Checks that `code` reads (writes) the carries as its inputs (outputs) from `first` on. */
mjx_status mjx_carries_check_inputs(const mjx_carries *carries, const mjx_code *code,
                                    int64_t first);
mjx_status mjx_carries_check_outputs(const mjx_carries *carries, const mjx_code *code,
                                     int64_t first);
/* Where the carries are before the first iteration. */
void mjx_carries_begin(const mjx_carries *carries, mjx_frame *frame);
/* Lets a program read (write) the carries in place, once for all iterations. */
void mjx_carries_fix_inputs(const mjx_carries *carries, const mjx_frame *frame, mjx_frame *nested,
                            int64_t first);
void mjx_carries_fix_outputs(const mjx_carries *carries, const mjx_frame *frame, mjx_frame *nested,
                             int64_t first);
/* In each iteration: lets a program read the others. */
void mjx_carries_set_inputs(const mjx_carries *carries, const mjx_frame *frame, mjx_frame *nested,
                            int64_t first);
/* Gives the body somewhere to write the others, and makes that the current place. */
void mjx_carries_set_outputs(const mjx_carries *carries, const mjx_frame *frame, mjx_frame *nested,
                             int64_t first);
/* Brings the last values to the output operands. */
void mjx_carries_end(const mjx_carries *carries, mjx_frame *frame);

#endif /* MJX_CONTROL_H */
