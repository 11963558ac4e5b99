/* The factorisations for CPUs with AVX-512 (F, BW, DQ, VL, CD). */
#if defined(__x86_64__)
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,avx512cd")
#pragma GCC target("avx2,fma,f16c,bmi,bmi2,lzcnt,popcnt,prefer-vector-width=512")
#define MJX_FACTORS mjx_factors_avx512
#include "factors_impl.h"
#else
typedef int mjx_factors_avx512_is_for_x86_64;
#endif
