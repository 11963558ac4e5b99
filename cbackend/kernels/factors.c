/* Which factorisations run on this CPU: those of the elementwise kernels' instruction set. */
#include "factors.h"

#include <string.h>

#include "kernels.h"

extern const mjx_factor_kernels mjx_factors_baseline[2];
#if defined(__x86_64__)
extern const mjx_factor_kernels mjx_factors_avx2[2], mjx_factors_avx512[2];
#endif

const mjx_factor_kernels *mjx_factor_kernels_get(void) {
#if defined(__x86_64__)
  const char *isa = mjx_isa_name();
  if (strcmp(isa, "avx512") == 0) return mjx_factors_avx512;
  if (strcmp(isa, "avx2") == 0) return mjx_factors_avx2;
#endif
  return mjx_factors_baseline;
}
