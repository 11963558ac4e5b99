/* Which block kernels run on this CPU: those of the elementwise kernels' instruction set. */
#include "blocks.h"

#include <string.h>

#include "kernels.h"

extern const mjx_block_kernels mjx_blocks_baseline;
#if defined(__x86_64__)
extern const mjx_block_kernels mjx_blocks_avx2, mjx_blocks_avx512;
#endif

const mjx_block_kernels *mjx_block_kernels_get(void) {
#if defined(__x86_64__)
  const char *isa = mjx_isa_name();
  if (strcmp(isa, "avx512") == 0) return &mjx_blocks_avx512;
  if (strcmp(isa, "avx2") == 0) return &mjx_blocks_avx2;
#endif
  return &mjx_blocks_baseline;
}
