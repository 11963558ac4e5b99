/* The factorisations for CPUs with AVX2. */
#if defined(__x86_64__)
#pragma GCC target("avx2,fma,f16c,bmi,bmi2,lzcnt,popcnt")
#define MJX_FACTORS mjx_factors_avx2
#include "factors_impl.h"
#else
typedef int mjx_factors_avx2_is_for_x86_64;
#endif
