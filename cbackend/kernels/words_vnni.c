/* The products of words for CPUs with AVX-512 that multiply and add up in one instruction. */
#if defined(__x86_64__)
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,avx512cd,avx512vnni")
#pragma GCC target("avx2,fma,f16c,bmi,bmi2,lzcnt,popcnt,prefer-vector-width=512")
#define MJX_NARROW mjx_narrow_vnni
#include "words_impl.h"
#else
typedef int mjx_words_vnni_is_for_x86_64;
#endif
