/* The block kernels for CPUs with AVX2 and FMA. */
#if defined(__x86_64__)
#pragma GCC target("avx2,fma,f16c,bmi,bmi2,lzcnt,popcnt")
#define MJX_BLOCKS mjx_blocks_avx2
#define MJX_NARROW mjx_narrow_avx2
#include "blocks_impl.h"
#else
typedef int mjx_blocks_avx2_is_for_x86_64;
#endif
