/* The copies for every CPU. */
#define MJX_COPIES mjx_copies_baseline
#include "copies_impl.h"
