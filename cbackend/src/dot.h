/* dot.h: what the parts of DOT share. */
#ifndef MJX_DOT_H
#define MJX_DOT_H

#include "internal.h"
#include "kernels.h"
#include "mjx_native.h"

typedef struct mjx_dot_narrow mjx_dot_narrow;

/* Plans a product of narrow integers and sets instr->scratch_bytes; *narrow stays NULL if the
 * operands are of other types, or too small to be worth it. */
mjx_status mjx_dot_narrow_prepare(mjx_loader *loader, mjx_instr *instr, mjx_dot_narrow **narrow);
void mjx_dot_narrow_run(const mjx_instr *instr, const mjx_dot_narrow *narrow, mjx_frame *frame);

/* One matrix operand as the method sees it: strides after packing. */
typedef struct mjx_dot_matrix {
  const mjx_operand *operand;
  bool packed;
  int64_t buffer;  /* scratch offset, if packed */
  int64_t batches; /* packed: matrices in the buffer (1 if broadcast) */
  int64_t rows, columns;
  int64_t view_row, view_column; /* the view's strides */
  int64_t inner_batches;         /* of the last batch dim */
  int64_t outer_stride, batch_stride, row_stride, column_stride;
  mjx_copy_plan copy;    /* packed without conversion */
  bool stays;            /* packed with columns side by side */
  mjx_kernel_fn convert; /* packed with conversion; NULL: none */
  int64_t lines, length; /* then: the lines of a matrix, as long as they can be */
  int64_t view_line, view_step;
} mjx_dot_matrix;

/* A matrix that is not packed: the last two dims of an operand, which must outlive it. */
void mjx_dot_describe(mjx_dot_matrix *m, const mjx_operand *operand);
/* Where a matrix of the batch begins, in elements. */
int64_t mjx_dot_batch_start(const mjx_dot_matrix *m, int64_t batch);
/* Plans a dense copy of `batches` matrices in `dtype`, the output's if it is one; *scratch grows by
 * its bytes. */
mjx_status mjx_dot_pack(mjx_loader *loader, mjx_dot_matrix *m, int dtype, int64_t batches,
                        bool output, int64_t *scratch);
/* Copies a packed operand to the frame's scratch, or (unpack) the output from there. */
void mjx_dot_pack_run(const mjx_dot_matrix *m, int dtype, mjx_frame *frame, bool unpack);

/* ---- op_dot.c ---- */

typedef struct mjx_dot_plan mjx_dot_plan;

/* Takes blocks of a product, each on the thread that made it. */
typedef struct mjx_dot_tail {
  mjx_native_tail_fn take;
  void *context;
  int64_t scratch_bytes; /* of a thread */
  int64_t cost;          /* about ns for everything */
} mjx_dot_tail;

/* Plans a DOT and sets instr->scratch_bytes.  handed_on: blocks are for a tail, which needs scratch
 * of its own after these bytes; the output's place is not touched then.  The plan keeps pointers to
 * the operands. */
mjx_status mjx_dot_prepare(mjx_loader *loader, mjx_instr *instr, bool handed_on,
                           mjx_dot_plan **plan);
/* Runs a plan that is not of narrow integers; tail: NULL unless it was planned for one. */
void mjx_dot_run(const mjx_dot_plan *plan, mjx_frame *frame, const mjx_dot_tail *tail);

/* ---- op_dot_map.c ---- */

/* The product of a DOT_MAP, whose blocks native code takes. */
void mjx_dot_map_product(const mjx_instr *instr, mjx_frame *frame, mjx_native_tail_fn tail,
                         void *context, int64_t cost);

#endif /* MJX_DOT_H */
