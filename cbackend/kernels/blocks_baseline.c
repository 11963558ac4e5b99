/* The block kernels for any CPU: on x86-64, SSE2. */
#define MJX_BLOCKS mjx_blocks_baseline
#define MJX_NARROW mjx_narrow_baseline
#include "blocks_impl.h"
