/* Gamma, beta, zeta and Bessel functions of float32 and float64.
 *
 * One text (math_special_body.h, and math_gamma_body.h after it) serves both: it is written
 * in terms of the macros below and included once for each dtype.
 */
#ifndef MJX_MATH_SPECIAL_H
#define MJX_MATH_SPECIAL_H

#include "math_f32.h"
#include "math_f64.h"

#define MJX_SPECIAL_JOIN_(a, b) a##b
#define MJX_SPECIAL_JOIN(a, b)  MJX_SPECIAL_JOIN_(a, b)
#define MJX_S(op)               MJX_SPECIAL_JOIN(mjx_s_##op##_, MJX_SUFFIX)
#define MJX_H(helper)           MJX_SPECIAL_JOIN(mjx_##helper##_, MJX_SUFFIX)
#define MJX_BLOCK_OF(op)        MJX_SPECIAL_JOIN(mjx_block_##op##_, MJX_SUFFIX)

enum { MJX_BLOCK = 16 }; /* how many elements the functions of blocks take */

/* sin and cos of an angle known to be small: branch-free. */
MJX_INLINE float mjx_small_sin_f32(float x) { return mjx_s_sin_f32_vector(x); }
MJX_INLINE float mjx_small_cos_f32(float x) { return mjx_s_cos_f32_vector(x); }
MJX_INLINE double mjx_small_sin_f64(double x) { return mjx_s_sin_f64_vector(x); }
MJX_INLINE double mjx_small_cos_f64(double x) { return mjx_s_cos_f64_vector(x); }

#define MJX_SUFFIX         f32
#define MJX_REAL           float
#define MJX_INT            int32_t
#define MJX_MADD           MJX_FMAF
#define MJX_EPSILON        0x1p-23f
#define MJX_LEAST          0x1p-126f
#define MJX_LOG_LARGEST    88.72283905206835f
#define MJX_BETA_ROUNDS    200
#define MJX_I0E_NEAR_COUNT 18
#define MJX_I0E_FAR_COUNT  7
#define MJX_I1E_NEAR_COUNT 17
#define MJX_I1E_FAR_COUNT  7
#define MJX_BUILTIN(name)  __builtin_##name##f
#include "math_special_body.h"

#include "math_gamma_body.h"
#undef MJX_SUFFIX
#undef MJX_REAL
#undef MJX_INT
#undef MJX_DEFINE_ZETA
#undef MJX_MADD
#undef MJX_EPSILON
#undef MJX_LEAST
#undef MJX_LOG_LARGEST
#undef MJX_BETA_ROUNDS
#undef MJX_I0E_NEAR_COUNT
#undef MJX_I0E_FAR_COUNT
#undef MJX_I1E_NEAR_COUNT
#undef MJX_I1E_FAR_COUNT
#undef MJX_BUILTIN

#define MJX_SUFFIX         f64
#define MJX_REAL           double
#define MJX_INT            int64_t
#define MJX_MADD           MJX_FMA
#define MJX_EPSILON        0x1p-52
#define MJX_LEAST          0x1p-1022
#define MJX_LOG_LARGEST    709.782712893384
#define MJX_BETA_ROUNDS    600
#define MJX_I0E_NEAR_COUNT 30
#define MJX_I0E_FAR_COUNT  25
#define MJX_I1E_NEAR_COUNT 29
#define MJX_I1E_FAR_COUNT  25
#define MJX_BUILTIN(name)  __builtin_##name
#include "math_special_body.h"

#include "math_gamma_body.h"
MJX_DEFINE_ZETA(mjx_s_zeta_f64_vector, mjx_s_pow_f64_vector)
MJX_INLINE int mjx_s_zeta_f64_easy(double x, double q) {
  return (q > 0) & mjx_s_pow_f64_easy(q, -x) & mjx_s_pow_f64_easy(q + 10, -x);
}

#endif
