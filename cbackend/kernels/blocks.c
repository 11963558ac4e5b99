/* Which block kernels run on this CPU: those of the elementwise kernels' instruction set. */
#include "blocks.h"

#include <string.h>

#include "kernels.h"
#include "words.h"

extern const mjx_block_kernels mjx_blocks_baseline;
extern const mjx_narrow_kernels mjx_narrow_baseline;
#if defined(__x86_64__)
extern const mjx_block_kernels mjx_blocks_avx2, mjx_blocks_avx512;
extern const mjx_narrow_kernels mjx_narrow_avx2, mjx_narrow_avx512, mjx_narrow_vnni;
#endif

const mjx_block_kernels *mjx_block_kernels_get(void) {
#if defined(__x86_64__)
  const char *isa = mjx_isa_name();
  if (strcmp(isa, "avx512") == 0) return &mjx_blocks_avx512;
  if (strcmp(isa, "avx2") == 0) return &mjx_blocks_avx2;
#endif
  return &mjx_blocks_baseline;
}

const mjx_narrow_kernels *mjx_narrow_kernels_get(void) {
#if defined(__x86_64__)
  const char *isa = mjx_isa_name();
  if (strcmp(isa, "avx512") == 0)
    return __builtin_cpu_supports("avx512vnni") ? &mjx_narrow_vnni : &mjx_narrow_avx512;
  if (strcmp(isa, "avx2") == 0) return &mjx_narrow_avx2;
#endif
  return &mjx_narrow_baseline;
}
