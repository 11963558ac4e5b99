/* float32 scalar functions.
 *
 * Transcendentals follow the algorithms of XLA's CPU backend (polynomials of the
 * Cephes library, minimax rationals), in the same order and with the same
 * contractions into fused multiply-adds, so that results have the same bits on a
 * CPU with FMA. What XLA leaves to the C library is left to it here.
 */
#ifndef MJX_MATH_F32_H
#define MJX_MATH_F32_H

#include "math_base.h"
#include "math_int.h"

#define MJX_NANF __builtin_nanf("")
#define MJX_INFF __builtin_inff()

MJX_INLINE float mjx_s_add_f32(float a, float b) { return a + b; }
MJX_INLINE float mjx_s_sub_f32(float a, float b) { return a - b; }
MJX_INLINE float mjx_s_mul_f32(float a, float b) { return a * b; }
MJX_INLINE float mjx_s_div_f32(float a, float b) { return a / b; }
MJX_INLINE float mjx_s_square_f32(float a) { return a * a; }
MJX_INLINE float mjx_s_neg_f32(float a) { return -a; }
MJX_INLINE float mjx_s_abs_f32(float a) { return __builtin_fabsf(a); }
MJX_DEFINE_COMPARE(f32)

/* IEEE 754 maximum and minimum: NaN if either is NaN, and -0 < +0. */
MJX_INLINE float mjx_s_max_f32(float a, float b) {
  float both = mjx_f32_bits(mjx_bits_f32(a) & mjx_bits_f32(b));
  float r = a > b || a != a ? a : b;
  return a == b ? both : r;
}
MJX_INLINE float mjx_s_min_f32(float a, float b) {
  float both = mjx_f32_bits(mjx_bits_f32(a) | mjx_bits_f32(b));
  float r = a < b || a != a ? a : b;
  return a == b ? both : r;
}

/* exp(x): x = n log 2 + r, Cephes polynomial in r, scaled by 2^n. Below the
 * smallest normal number the result is 0; above the largest, p 2^127 overflows.
 * n <= 127 is had from the bits: of two comparisons of floats, one of which may
 * follow from the other, the compiler makes masks, and no minima. */
MJX_INLINE float mjx_s_exp_f32(float x) {
  x = x < -87.8f ? -87.8f : x;
  float n = MJX_SMALL_FLOORF(MJX_FMAF(x, 0x1.715476p+0f, 0.5f));
  int32_t bits = (int32_t)mjx_bits_f32(n), most = 0x42fe0000;
  n = mjx_f32_bits((uint32_t)(bits > most ? most : bits));
  float r = MJX_FMAF(n, -0x1.63p-1f, x);
  r = MJX_FMAF(n, 0x1.bd0106p-13f, r);
  float p = MJX_FMAF(r, 0x1.a0d2cep-13f, 0x1.6e879cp-10f);
  p = MJX_FMAF(p, r, 0x1.111210p-7f);
  p = MJX_FMAF(p, r, 0x1.555382p-5f);
  p = MJX_FMAF(p, r, 0x1.555554p-3f);
  p = MJX_FMAF(p, r, 0.5f);
  p = MJX_FMAF(p, r * r, r) + 1.0f;
  /* n + 1.5 * 2^23 holds the integer n in its low bits, NaN or not */
  uint32_t i = mjx_bits_f32(n + 0x1.8p23f);
  return p * mjx_f32_bits((i + 127u) << 23);
}

MJX_INLINE float mjx_s_exp2_f32(float x) { return mjx_s_exp_f32(x * 0x1.62e430p-1f); }

MJX_INLINE float mjx_s_logistic_f32(float x) { return 1.0f / (mjx_s_exp_f32(-x) + 1.0f); }

/* log(x): x = m 2^e with m in [sqrt 1/2, sqrt 2), Cephes polynomial in m - 1. */
MJX_INLINE float mjx_s_log_f32(float x) {
  uint32_t u = mjx_bits_f32(x > 0x1p-126f ? x : 0x1p-126f);
  float e = (float)(int32_t)((u >> 23) - 127u) + 1.0f;
  float h = mjx_f32_bits((u & 0x807fffffu) | 0x3f000000u);
  int low = h < 0x1.6a09e6p-1f;
  float m = (h - 1.0f) + (low ? h : 0.0f);
  e = e - (low ? 1.0f : 0.0f);
  float m2 = m * m, m3 = m2 * m;
  float a = MJX_FMAF(m, 0x1.204376p-4f, -0x1.d7a370p-4f);
  float b = MJX_FMAF(m, -0x1.fcba9ep-4f, 0x1.23d37ep-3f);
  float c = MJX_FMAF(m, 0x1.999d58p-3f, -0x1.fffff8p-3f);
  a = MJX_FMAF(a, m, 0x1.de4a34p-4f);
  b = MJX_FMAF(b, m, -0x1.555ca0p-3f);
  c = MJX_FMAF(c, m, 0x1.555554p-2f);
  c = MJX_FMAF(MJX_FMAF(a, m3, b), m3, c);
  float low_part = MJX_FMAF(c, m3, e * -0x1.bd0106p-13f);
  float r = MJX_FMAF(m2, -0.5f, m) + low_part;
  r = MJX_FMAF(e, 0x1.63p-1f, r);
  r = x < MJX_INFF ? r : x;
  r = x > 0.0f ? r : MJX_NANF;
  return x == 0.0f ? -MJX_INFF : r;
}

/* Near 0 a rational function (Cephes), else log(1 + x). */
MJX_INLINE float mjx_log1p_ratio_f32(float x) {
  float p = 0x1.7bc096p-15f, q = 1.0f;
  p = MJX_FMAF(p, x, 0x1.fe818ap-2f);
  p = MJX_FMAF(p, x, 0x1.a509f4p+2f);
  p = MJX_FMAF(p, x, 0x1.de9738p+4f);
  p = MJX_FMAF(p, x, 0x1.e798ecp+5f);
  p = MJX_FMAF(p, x, 0x1.c8e75ap+5f);
  p = MJX_FMAF(p, x, 0x1.40a202p+4f);
  q = MJX_FMAF(q, x, 0x1.e2035ap+3f);
  q = MJX_FMAF(q, x, 0x1.4c30b6p+6f);
  q = MJX_FMAF(q, x, 0x1.bb865ap+7f);
  q = MJX_FMAF(q, x, 0x1.351946p+8f);
  q = MJX_FMAF(q, x, 0x1.b0db14p+7f);
  q = MJX_FMAF(q, x, 0x1.e0f304p+5f);
  return p / q;
}

MJX_INLINE float mjx_s_log1p_f32(float x) {
  float far = mjx_s_log_f32(x + 1.0f), x2 = x * x;
  float near = x + MJX_FMAF(x2, -0.5f, (x * x2) * mjx_log1p_ratio_f32(x));
  return __builtin_fabsf(x) < 0x1.a8279ap-2f ? near : far;
}

/* A rational function of x^2 on [-8, 8], beyond which float32 tanh is 1. */
MJX_INLINE float mjx_s_tanh_f32(float x) {
  float a = __builtin_fabsf(x);
  float t = x < -0x1.ffec88p+2f ? -0x1.ffec88p+2f : x;
  t = t > 0x1.ffec88p+2f ? 0x1.ffec88p+2f : t;
  float t2 = t * t;
  float p = MJX_FMAF(t2, -0x1.3e4b80p-52f, 0x1.c266fcp-43f);
  p = MJX_FMAF(t2, p, -0x1.7a6ffep-34f);
  p = MJX_FMAF(t2, p, 0x1.b80082p-25f);
  p = MJX_FMAF(t2, p, 0x1.f28694p-17f);
  p = MJX_FMAF(t2, p, 0x1.4e1bdap-11f);
  p = MJX_FMAF(t2, p, 0x1.40b3b8p-8f);
  float q = MJX_FMAF(t2, 0x1.41a7b0p-20f, 0x1.f12bacp-14f);
  q = MJX_FMAF(t2, q, 0x1.29540ap-9f);
  q = MJX_FMAF(t2, q, 0x1.40b3bap-8f);
  float r = (t * p) / q;
  r = a < 0x1.a36e2ep-12f ? x : r;
  return a >= 20.0f ? __builtin_copysignf(1.0f, x) : r;
}

/* exp(x) - 1, near 0 as tanh(x/2) (exp(x) + 1). */
MJX_INLINE float mjx_s_expm1_f32(float x) {
  float e = mjx_s_exp_f32(x), h = x * 0.5f;
  float near = mjx_s_tanh_f32(h) * (e + 1.0f);
  float r = __builtin_fabsf(x) > 0.5f ? e - 1.0f : near;
  return h == 0.0f ? x : r;
}

/* A rational function of x^2; 1 beyond 3.83. */
MJX_INLINE float mjx_s_erf_f32(float x) {
  float x2 = x * x;
  float p = MJX_FMAF(x2, 0x1.e05aa2p-13f, 0x1.bebb44p-9f);
  p = MJX_FMAF(x2, p, 0x1.a16dd6p-5f);
  p = MJX_FMAF(x2, p, 0x1.7b4e80p-3f);
  p = MJX_FMAF(x2, p, 0x1.20dd74p+0f);
  float q = MJX_FMAF(x2, -0x1.fa720cp-24f, 0x1.8b11bep-16f);
  q = MJX_FMAF(x2, q, 0x1.0ada50p-10f);
  q = MJX_FMAF(x2, q, 0x1.cd0fa8p-7f);
  q = MJX_FMAF(x2, q, 0x1.c69842p-4f);
  q = MJX_FMAF(x2, q, 0x1.fd6894p-2f);
  q = MJX_FMAF(x2, q, 1.0f);
  float r = (x * p) / q;
  return __builtin_fabsf(x) >= 0x1.ea8f96p+1f ? __builtin_copysignf(1.0f, x) : r;
}

/* 1 - x P(x^2) on [-1, 1], else exp(-x^2) / |x| times a polynomial in 1 / x^2. */
MJX_INLINE float mjx_s_erfc_f32(float x) {
  float a = __builtin_fabsf(x), x2 = x * x, z = 1.0f / x2;
  float near = MJX_FMAF(x2, 7.85386146e-05f, -0.000801019371f);
  near = MJX_FMAF(near, x2, 0.00518832775f);
  near = MJX_FMAF(near, x2, -0.0268538129f);
  near = MJX_FMAF(near, x2, 0.112835854f);
  near = MJX_FMAF(near, x2, -0.37612626f);
  near = MJX_FMAF(near, x2, 1.12837911f);
  near = MJX_FMAF(-x, near, 1.0f);
  float p = MJX_FMAF(z, 0.0232682f, -0.138703942f);
  p = MJX_FMAF(p, z, 0.368742466f);
  p = MJX_FMAF(p, z, -0.582473278f);
  p = MJX_FMAF(p, z, 0.621000469f);
  p = MJX_FMAF(p, z, -0.494451523f);
  p = MJX_FMAF(p, z, 0.340488f);
  p = MJX_FMAF(p, z, -0.274112701f);
  p = MJX_FMAF(p, z, 0.563825965f);
  float q = MJX_FMAF(z, -10.477664f, 12.9772f);
  q = MJX_FMAF(q, z, -7.49551868f);
  q = MJX_FMAF(q, z, 2.92101908f);
  q = MJX_FMAF(q, z, -1.01526523f);
  q = MJX_FMAF(q, z, 0.42184633f);
  q = MJX_FMAF(q, z, -0.282076746f);
  q = MJX_FMAF(q, z, 0.564189494f);
  float far = (mjx_s_exp_f32(-x2) * (1.0f / a)) * (a < 2.0f ? p : q);
  far = -x2 < -88.7228394f ? 0.0f : far;
  far = x < 0.0f ? 2.0f - far : far;
  return a < 1.0f ? near : far;
}

/* Giles, "Approximating the erfinv function" (2012): a polynomial in
 * w = -log(1 - x^2) below 5, in sqrt(w) above. */
MJX_INLINE float mjx_s_erf_inv_f32(float x) {
  float w = -mjx_s_log1p_f32(x * -x);
  int c = w < 5.0f;
  float t = c ? w + -2.5f : __builtin_sqrtf(w) + -3.0f;
  float p = c ? 2.81022636e-08f : -0.000200214257f;
  p = MJX_FMAF(p, t, c ? 3.43273939e-07f : 0.000100950558f);
  p = MJX_FMAF(p, t, c ? -3.5233877e-06f : 0.00134934322f);
  p = MJX_FMAF(p, t, c ? -4.39150654e-06f : -0.00367342844f);
  p = MJX_FMAF(p, t, c ? 0.00021858087f : 0.00573950773f);
  p = MJX_FMAF(p, t, c ? -0.00125372503f : -0.0076224613f);
  p = MJX_FMAF(p, t, c ? -0.00417768164f : 0.00943887047f);
  p = MJX_FMAF(p, t, c ? 0.246640727f : 1.00167406f);
  p = MJX_FMAF(p, t, c ? 1.50140941f : 2.83297682f);
  return __builtin_fabsf(x) == 1.0f ? x * MJX_INFF : p * x;
}

MJX_INLINE float mjx_s_sqrt_f32(float x) { return __builtin_sqrtf(x); }
MJX_INLINE float mjx_s_rsqrt_f32(float x) { return 1.0f / __builtin_sqrtf(x); }
MJX_INLINE float mjx_s_floor_f32(float x) { return __builtin_floorf(x); }
MJX_INLINE float mjx_s_ceil_f32(float x) { return __builtin_ceilf(x); }

/* Ties away from zero: truncate |x| and add 1 when half or more was cut off. */
MJX_INLINE float mjx_s_round_f32(float x) {
  float whole = __builtin_truncf(x);
  float cut = __builtin_fabsf(x - whole);
  float r = cut >= 0.5f ? whole + __builtin_copysignf(1.0f, x) : whole;
  return __builtin_copysignf(r, x);
}

/* Ties to even. */
MJX_INLINE float mjx_s_round_even_f32(float x) {
  float a = __builtin_fabsf(x);
  float r = (a + 0x1p23f) - 0x1p23f;
  return __builtin_copysignf(a < 0x1p23f ? r : a, x);
}

MJX_INLINE mjx_t_b1 mjx_s_is_finite_f32(float x) {
  return (mjx_bits_f32(x) & 0x7f800000u) != 0x7f800000u;
}

/* -1, 1, or x itself where it is a zero or NaN. */
MJX_INLINE float mjx_s_sign_f32(float x) {
  float one = __builtin_copysignf(1.0f, x);
  float zero = __builtin_copysignf(0.0f, x);
  float r = x == 0.0f ? zero : one;
  return x != x ? x : r;
}

MJX_INLINE float mjx_s_clamp_f32(float lo, float x, float hi) {
  return mjx_s_min_f32(mjx_s_max_f32(lo, x), hi);
}

MJX_INLINE float mjx_s_asin_f32(float x) {
  float h = __builtin_atan2f(x, __builtin_sqrtf((1.0f - x) * (x + 1.0f)) + 1.0f);
  return h + h;
}
MJX_INLINE float mjx_s_acos_f32(float x) {
  return __builtin_atan2f(__builtin_sqrtf((1.0f - x) * (x + 1.0f)), x);
}
MJX_INLINE float mjx_s_atan_f32(float x) { return __builtin_atanf(x); }
MJX_INLINE float mjx_s_tan_f32(float x) { return __builtin_tanf(x); }
MJX_INLINE float mjx_s_cbrt_f32(float x) { return __builtin_cbrtf(x); }
MJX_INLINE float mjx_s_atan2_f32(float y, float x) { return __builtin_atan2f(y, x); }
MJX_INLINE float mjx_s_pow_f32(float x, float y) { return __builtin_powf(x, y); }
MJX_INLINE float mjx_s_rem_f32(float x, float y) { return __builtin_fmodf(x, y); }

/* Away from 0 the factor 1/2 goes into the exponent, so that the result
 * overflows no sooner than it must. */
MJX_INLINE float mjx_s_sinh_f32(float x) {
  const float log_half = -0x1.62e430p-1f;
  float e = mjx_s_expm1_f32(x);
  float near = (e + e / (e + 1.0f)) * 0.5f;
  float far = mjx_s_exp_f32(x + log_half) - mjx_s_exp_f32(log_half - x);
  return __builtin_fabsf(x) < 1.0f ? near : far;
}

MJX_INLINE float mjx_s_cosh_f32(float x) {
  const float log_half = -0x1.62e430p-1f;
  return mjx_s_exp_f32(x + log_half) + mjx_s_exp_f32(log_half - x);
}

/* log(2|x|) where x^2 would overflow. */
MJX_INLINE float mjx_s_asinh_f32(float x) {
  float a = __builtin_fabsf(x), x2 = x * x;
  float far = mjx_s_log_f32(a) + 0x1.62e430p-1f;
  float near = mjx_s_log1p_f32(a + x2 / (__builtin_sqrtf(x2 + 1.0f) + 1.0f));
  return mjx_s_sign_f32(x) * (a >= 0x1.fffffep+63f ? far : near);
}

MJX_INLINE float mjx_s_acosh_f32(float x) {
  float far = mjx_s_log_f32(x) + 0x1.62e430p-1f;
  float s = __builtin_sqrtf(x + -1.0f);
  float near = mjx_s_log1p_f32(s * (__builtin_sqrtf(x + 1.0f) + s));
  return x >= 0x1.fffffep+126f ? far : near;
}

/* Half of log1p(x) - log1p(-x). The two share x^2 / 2, so the compiler that is
 * followed here contracts the other product of log1p's series. */
MJX_INLINE float mjx_s_atanh_f32(float x) {
  float x2 = x * x, x3 = x * x2, half = x2 * -0.5f;
  float plus = x + MJX_FMAF(x3, mjx_log1p_ratio_f32(x), half);
  float minus = MJX_FMAF(-x3, mjx_log1p_ratio_f32(-x), half) - x;
  int near = __builtin_fabsf(x) < 0x1.a8279ap-2f;
  plus = near ? plus : mjx_s_log_f32(x + 1.0f);
  minus = near ? minus : mjx_s_log_f32(-x + 1.0f);
  float r = (plus - minus) * 0.5f;
  return __builtin_fabsf(x) > 1.0f ? MJX_NANF : r;
}

/* The neighbour of x in the direction of y. */
MJX_INLINE float mjx_s_nextafter_f32(float x, float y) {
  uint32_t u = mjx_bits_f32(x), v = mjx_bits_f32(y);
  uint32_t a = u & 0x7fffffffu, b = v & 0x7fffffffu;
  int toward_zero = a > b || ((u ^ v) & 0x80000000u) != 0;
  uint32_t step = toward_zero ? u - 1 : u + 1;
  step = a == 0 ? (v & 0x80000000u) | 1u : step;
  step = u == v || (a | b) == 0 ? v : step;
  return x != x || y != y ? MJX_NANF : mjx_f32_bits(step);
}

/* Total order: -NaN < -inf < ... < -0 < 0 < ... < inf < NaN. */
MJX_INLINE int32_t mjx_rank_f32(float x) {
  int32_t i = (int32_t)mjx_bits_f32(x);
  return i ^ (int32_t)((uint32_t)(i >> 31) >> 1);
}
MJX_INLINE mjx_t_b1 mjx_s_eq_to_f32(float a, float b) { return mjx_bits_f32(a) == mjx_bits_f32(b); }
MJX_INLINE mjx_t_b1 mjx_s_lt_to_f32(float a, float b) { return mjx_rank_f32(a) < mjx_rank_f32(b); }
MJX_INLINE mjx_t_b1 mjx_s_le_to_f32(float a, float b) { return mjx_rank_f32(a) <= mjx_rank_f32(b); }

/* sin and cos of |x| < 120, in float64 and rounded once: x = n pi/2 + r, minimax
 * polynomials in r, the same as the common C libraries' (ARM optimized routines),
 * which XLA calls; beyond, theirs. Branch-free below 120, so it vectorises. */
MJX_INLINE float mjx_sincos_small_f32(float x, int32_t quadrant) {
  double d = x;
  double n = MJX_SMALL_FLOOR(MJX_FMA(d, 0x1.45f306dc9c883p-1, 0.5));
  double r = MJX_FMA(n, -0x1.921fb54442d18p0, d), r2 = r * r;
  int32_t q = (int32_t)mjx_bits_f64(n + 0x1.8p52) + quadrant;
  double s1 = MJX_FMA(r2, -0x1.994eb3774cf24p-13, 0x1.1107605230bc4p-7);
  double r3 = r * r2;
  double s = MJX_FMA(r3, -0x1.555545995a603p-3, r);
  s = MJX_FMA(r3 * r2, s1, s);
  double r4 = r2 * r2;
  double c2 = MJX_FMA(r2, 0x1.99343027bf8c3p-16, -0x1.6c087e89a359dp-10);
  double c1 = MJX_FMA(r2, -0x1.ffffffd0c621cp-2, 1.0);
  double c = MJX_FMA(r4, 0x1.55553e1068f19p-5, c1);
  c = MJX_FMA(r4 * r2, c2, c);
  float y = (float)(q & 1 ? c : s);
  return q & 2 ? -y : y;
}

MJX_INLINE int mjx_s_sin_f32_easy(float x) { return __builtin_fabsf(x) < 120.0f; }
MJX_INLINE int mjx_s_cos_f32_easy(float x) { return __builtin_fabsf(x) < 120.0f; }
MJX_INLINE float mjx_s_sin_f32_vector(float x) {
  float y = mjx_sincos_small_f32(x, 0);
  return __builtin_fabsf(x) < 0x1p-12f ? x : y;
}
MJX_INLINE float mjx_s_cos_f32_vector(float x) { return mjx_sincos_small_f32(x, 1); }
MJX_INLINE float mjx_s_sin_f32(float x) {
  return mjx_s_sin_f32_easy(x) ? mjx_s_sin_f32_vector(x) : __builtin_sinf(x);
}
MJX_INLINE float mjx_s_cos_f32(float x) {
  return mjx_s_cos_f32_easy(x) ? mjx_s_cos_f32_vector(x) : __builtin_cosf(x);
}

#endif
