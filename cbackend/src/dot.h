/* dot.h: what the two ways of DOT share. */
#ifndef MJX_DOT_H
#define MJX_DOT_H

#include "internal.h"

typedef struct mjx_dot_narrow mjx_dot_narrow;

/* Plans a product of narrow integers and sets instr->scratch_bytes; *narrow stays NULL if the
 * operands are of other types, or too small to be worth it. */
mjx_status mjx_dot_narrow_prepare(mjx_loader *loader, mjx_instr *instr, mjx_dot_narrow **narrow);
void mjx_dot_narrow_run(const mjx_instr *instr, const mjx_dot_narrow *narrow, mjx_frame *frame);

#endif /* MJX_DOT_H */
