/* The copies for CPUs with AVX2. */
#if defined(__x86_64__)
#pragma GCC target("avx2,fma,f16c,bmi,bmi2,lzcnt,popcnt")
#define MJX_COPIES mjx_copies_avx2
#include "copies_impl.h"
#else
typedef int mjx_copies_avx2_is_for_x86_64;
#endif
