/* Which copies run on this CPU: those of the elementwise kernels' instruction set. */
#include "copies.h"

#include <string.h>

#include "kernels.h"

extern const mjx_copy_kernels mjx_copies_baseline;
#if defined(__x86_64__)
extern const mjx_copy_kernels mjx_copies_avx2;
#endif

const mjx_copy_kernels *mjx_copy_kernels_get(void) {
#if defined(__x86_64__)
  if (strcmp(mjx_isa_name(), "baseline") != 0) return &mjx_copies_avx2;
#endif
  return &mjx_copies_baseline;
}
