/* The factorisations for any CPU. */
#define MJX_FACTORS mjx_factors_baseline
#include "factors_impl.h"
