/* The kernels for CPUs with AVX2 and FMA. */
#if defined(__x86_64__)
#pragma GCC target("avx2,fma,f16c,bmi,bmi2,lzcnt,popcnt")
#define MJX_ISA          avx2
#define MJX_ISA_BASELINE 0
#include "elementwise.h"
#else
typedef int mjx_isa_avx2_is_for_x86_64;
#endif
