/* The kernels for any CPU: on x86-64, SSE2. */
#define MJX_ISA          baseline
#define MJX_ISA_BASELINE 1
#include "elementwise.h"
