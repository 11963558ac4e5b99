/* float32 scalar functions.
 *
 * Transcendentals follow the algorithms of XLA's CPU backend (polynomials of the
 * Cephes library, minimax rationals), in the same order and with the same
 * contractions into fused multiply-adds, so that results have the same bits on a
 * CPU with FMA. What XLA leaves to the C library is computed as glibc 2.36 does it,
 * lanes side by side: the same formulas (fdlibm, ARM optimized routines), whose
 * constants these are, without branches. Compared with glibc over all float32 (of two
 * arguments, over random ones), they give its bits; denormal arguments count as zero.
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

MJX_INLINE float mjx_log1p_near_f32(float x) {
  float x2 = x * x;
  return x + MJX_FMAF(x2, -0.5f, (x * x2) * mjx_log1p_ratio_f32(x));
}
MJX_INLINE float mjx_s_log1p_f32(float x) {
  float far = mjx_s_log_f32(x + 1.0f), near = mjx_log1p_near_f32(x);
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

/* atan of a >= 0 (fdlibm): by atan(c) + atan((a - c) / (1 + c a)) with c = 1/2, 1, 3/2 or
 * infinity to |t| < 7/16, and a polynomial. */
MJX_INLINE float mjx_atan_positive_f32(float a) {
  int c0 = a < 0.4375f, c1 = a < 0.6875f, c2 = a < 1.1875f, c3 = a < 2.4375f;
  float top = c3 ? a - 1.5f : -1.0f, low = c3 ? 1.0f + 1.5f * a : a;
  float high_part = c3 ? 0x1.f730bcp-1f : 0x1.921fb4p+0f;
  float low_part = c3 ? 0x1.281f68p-25f : 0x1.4442d0p-24f;
  top = c2 ? a - 1.0f : top, low = c2 ? a + 1.0f : low;
  high_part = c2 ? 0x1.921fb4p-1f : high_part, low_part = c2 ? 0x1.4442d0p-25f : low_part;
  top = c1 ? 2.0f * a - 1.0f : top, low = c1 ? 2.0f + a : low;
  high_part = c1 ? 0x1.dac670p-2f : high_part, low_part = c1 ? 0x1.586ed2p-28f : low_part;
  top = c0 ? a : top, low = c0 ? 1.0f : low;
  float t = top / low, z = t * t, w = z * z;
  float p = 0x1.97b4b2p-5f + w * 0x1.0ad3aep-6f;
  p = 0x1.10d66ap-4f + w * p;
  p = 0x1.745cdcp-4f + w * p;
  p = 0x1.24924ap-3f + w * p;
  p = z * (0x1.555556p-2f + w * p);
  float q = -0x1.dde2d6p-5f + w * -0x1.2b4442p-5f;
  q = -0x1.3b0f2ap-4f + w * q;
  q = -0x1.c71c70p-4f + w * q;
  q = w * (-0x1.99999ap-3f + w * q);
  float series = t * (p + q);
  float far = high_part - ((series - low_part) - t);
  far = a >= 0x1p+25f ? 0x1.921fb6p+0f : far;
  return c0 ? t - series : far;
}

MJX_INLINE float mjx_s_atan_f32(float x) {
  float a = __builtin_fabsf(x);
  float r = __builtin_copysignf(mjx_atan_positive_f32(a), x);
  return a < 0x1p-29f ? x : r;
}

/* By quadrants from atan |y / x|; 2^60 times the other argument is as an infinity. */
MJX_INLINE float mjx_s_atan2_f32(float y, float x) {
  const float pi = 0x1.921fb6p+1f, half_pi = 0x1.921fb6p+0f, pi_rest = 0x1.777a5cp-24f;
  const uint32_t inf = 0x7f800000u;
  uint32_t u = mjx_bits_f32(x), v = mjx_bits_f32(y);
  uint32_t a = u & 0x7fffffffu, b = v & 0x7fffffffu;
  int32_t apart = (int32_t)(b - a) >> 23;
  float z = mjx_atan_positive_f32(__builtin_fabsf(y / x));
  int left = (int32_t)u < 0;
  float r = left ? pi - (z + pi_rest) : z;
  r = left & (apart < -60) ? pi : r;
  r = !left & (apart > 60) ? half_pi : r;
  r = (b == inf) | (a == 0) ? half_pi : r;
  float diagonal = left ? 0x1.2d97c8p+1f : 0x1.921fb6p-1f;
  r = (a == inf) & (b == inf) ? diagonal : r;
  r = b == 0 ? (left ? pi : 0.0f) : r;
  r = mjx_f32_bits(mjx_bits_f32(r) | (v & 0x80000000u));
  return (a > inf) | (b > inf) ? x + y : r;
}

/* 2 atan2(x, 1 + sqrt(1 - x^2)) and atan2(sqrt(1 - x^2), x). */
MJX_INLINE float mjx_s_asin_f32(float x) {
  float t = __builtin_fabsf(x) / (__builtin_sqrtf((1.0f - x) * (x + 1.0f)) + 1.0f);
  float h = __builtin_copysignf(mjx_atan_positive_f32(t), x);
  return h + h;
}
MJX_INLINE float mjx_s_acos_f32(float x) {
  return mjx_s_atan2_f32(__builtin_sqrtf((1.0f - x) * (x + 1.0f)), x);
}

/* tan of |x| < 120 (fdlibm): x = n pi/2 + y + rest, from float64; from 0.67 on by
 * tan(pi/4 - y). At odd n it is -1 / tan, refined by what the reciprocal leaves. */
MJX_INLINE int mjx_s_tan_f32_easy(float x) { return __builtin_fabsf(x) < 120.0f; }
MJX_INLINE float mjx_s_tan_f32_vector(float x) {
  const uint32_t top_bits = 0xfffff000u;
  double d = x;
  int32_t n = ((int32_t)(d * 0x1.45f306dc9c883p+23) + 0x800000) >> 24;
  d = d - (double)n * 0x1.921fb54442d18p0;
  float y = (float)d, rest = (float)(d - (double)y);
  int reduced = __builtin_fabsf(x) > 0x1.921fb4p-1f;
  n = reduced ? n : 0;
  y = reduced ? y : x, rest = reduced ? rest : 0.0f;
  int odd = n & 1;
  uint32_t sign = mjx_bits_f32(y) & 0x80000000u;
  float a = mjx_f32_bits(mjx_bits_f32(y) ^ sign);
  float a_rest = mjx_f32_bits(mjx_bits_f32(rest) ^ sign);
  int large = a >= 0x1.594280p-1f;
  float t = large ? (0x1.921fb4p-1f - a) + (0x1.4442d0p-25f - a_rest) : a;
  float t_rest = large ? 0.0f : a_rest;
  float z = t * t, w = z * z;
  float p = 0x1.47e88ap-14f + w * -0x1.375cbep-16f;
  p = 0x1.344d90p-11f + w * p;
  p = 0x1.d6d22cp-9f + w * p;
  p = 0x1.664f48p-6f + w * p;
  p = 0x1.111112p-3f + w * p;
  float q = 0x1.2b80f4p-14f + w * 0x1.b2a708p-16f;
  q = 0x1.026f72p-12f + w * q;
  q = 0x1.7dbc90p-10f + w * q;
  q = 0x1.226e3ep-7f + w * q;
  q = z * (0x1.ba1ba2p-5f + w * q);
  float cube = z * t;
  float r = t_rest + z * (cube * (p + q) + t_rest);
  r = r + 0x1.555556p-2f * cube;
  float u = t + r;
  float turn = odd ? -1.0f : 1.0f;
  int tiny = a < 0x1p-13f;
  float ratio = (large ? u * u : -1.0f) / (large ? u + turn : tiny ? a : u);
  float far = turn - 2.0f * (t - (ratio - r));
  far = __builtin_fabsf(t) < 0x1p-13f ? turn * (1.0f - 2.0f * turn * t) : far;
  float high = mjx_f32_bits(mjx_bits_f32(u) & top_bits), low = r - (high - t);
  float top = mjx_f32_bits(mjx_bits_f32(ratio) & top_bits);
  float turned = top + ratio * ((1.0f + top * high) + top * low);
  float result = odd ? (tiny ? ratio : turned) : (tiny ? a : u);
  result = large ? far : result;
  return mjx_f32_bits(mjx_bits_f32(result) ^ sign);
}
MJX_INLINE float mjx_s_tan_f32(float x) {
  return mjx_s_tan_f32_easy(x) ? mjx_s_tan_f32_vector(x) : __builtin_tanf(x);
}

/* Of the mantissa m in [1/2, 1): a parabola, and one step of Halley's iteration in float64;
 * then 2^(e/3), of which 2^(-2/3) .. 2^(2/3) from a table. */
static const double mjx_cbrt_powers[8] = {0x1.428a2f98d728ap-1, 0x1.965fea53d6e3cp-1, 1.0,
                                          0x1.428a2f98d728bp+0, 0x1.965fea53d6e3dp+0};
MJX_INLINE float mjx_s_cbrt_f32(float x) {
  uint32_t u = mjx_bits_f32(x) & 0x7fffffffu;
  int32_t e = (int32_t)(u >> 23) - 126;
  double m = mjx_f32_bits((u & 0x007fffffu) | 0x3f000000u);
  double first = 0.492659620528969547 + (0.697570460207922770 - 0.191502161678719066 * m) * m;
  float g = (float)first;
  double cube = (double)(g * g * g), y = (double)g * (cube + 2.0 * m) / (2.0 * cube + m);
  /* both of e's sign; (the constant is a little more than 1/3) */
  int32_t third = (int32_t)((float)e * 0x1.555556p-2f), rest = e - 3 * third;
  uint64_t place = mjx_bits_f64((double)rest + (0x1.8p52 + 2.0)) & 7;
  float r = (float)(y * mjx_cbrt_powers[place]);
  r = __builtin_copysignf(r * mjx_f32_bits((uint32_t)(third + 127) << 23), x);
  return u - 0x00800000u < 0x7f000000u ? r : x + x;
}

/* x^y as 2^(y log2 |x|) in float64, rounded once (ARM optimized routines): log2 of
 * |x| = 2^k z is k + log2 c + log2(z / c), with 1/c and log2 c from a table of 16; 2^t
 * by a table of 32. The sign, and what has no logarithm, is put in afterwards. */
static const double mjx_pow_inverse[16] = {0x1.661ec79f8f3bep+0, 0x1.571ed4aaf883dp+0,
                                           0x1.49539f0f010b0p+0, 0x1.3c995b0b80385p+0,
                                           0x1.30d190c8864a5p+0, 0x1.25e227b0b8ea0p+0,
                                           0x1.1bb4a4a1a343fp+0, 0x1.12358f08ae5bap+0,
                                           0x1.0953f419900a7p+0, 1.0,
                                           0x1.e608cfd9a47acp-1, 0x1.ca4b31f026aa0p-1,
                                           0x1.b2036576afce6p-1, 0x1.9c2d163a1aa2dp-1,
                                           0x1.886e6037841edp-1, 0x1.767dcf5534862p-1};
static const double mjx_pow_log[16] = {-0x1.efec65b963019p-2, -0x1.b0b6832d4fca4p-2,
                                       -0x1.7418b0a1fb77bp-2, -0x1.39de91a6dcf7bp-2,
                                       -0x1.01d9bf3f2b631p-2, -0x1.97c1d1b3b7af0p-3,
                                       -0x1.2f9e393af3c9fp-3, -0x1.960cbbf788d5cp-4,
                                       -0x1.a6f9db6475fcep-5, 0.0,
                                       0x1.338ca9f24f53dp-4,  0x1.476a9543891bap-3,
                                       0x1.e840b4ac4e4d2p-3,  0x1.40645f0c6651cp-2,
                                       0x1.88e9c2c1b9ff8p-2,  0x1.ce0a44eb17bccp-2};
static const double mjx_pow_exp[32] = {1.0,
                                       0x1.059b0d3158574p+0,
                                       0x1.0b5586cf9890fp+0,
                                       0x1.11301d0125b51p+0,
                                       0x1.172b83c7d517bp+0,
                                       0x1.1d4873168b9aap+0,
                                       0x1.2387a6e756238p+0,
                                       0x1.29e9df51fdee1p+0,
                                       0x1.306fe0a31b715p+0,
                                       0x1.371a7373aa9cbp+0,
                                       0x1.3dea64c123422p+0,
                                       0x1.44e086061892dp+0,
                                       0x1.4bfdad5362a27p+0,
                                       0x1.5342b569d4f82p+0,
                                       0x1.5ab07dd485429p+0,
                                       0x1.6247eb03a5585p+0,
                                       0x1.6a09e667f3bcdp+0,
                                       0x1.71f75e8ec5f74p+0,
                                       0x1.7a11473eb0187p+0,
                                       0x1.82589994cce13p+0,
                                       0x1.8ace5422aa0dbp+0,
                                       0x1.93737b0cdc5e5p+0,
                                       0x1.9c49182a3f090p+0,
                                       0x1.a5503b23e255dp+0,
                                       0x1.ae89f995ad3adp+0,
                                       0x1.b7f76f2fb5e47p+0,
                                       0x1.c199bdd85529cp+0,
                                       0x1.cb720dcef9069p+0,
                                       0x1.d5818dcfba487p+0,
                                       0x1.dfc97337b9b5fp+0,
                                       0x1.ea4afa2a490dap+0,
                                       0x1.f50765b6e4540p+0};
MJX_INLINE float mjx_s_pow_f32(float x, float y) {
  const double inf = __builtin_inf();
  float a = __builtin_fabsf(x), b = __builtin_fabsf(y);
  double d = a;
  uint64_t u = mjx_bits_f64(d), t = u - 0x3fe6600000000000u;
  uint64_t biased = (t + ((uint64_t)1024 << 52)) >> 52;
  double k = mjx_f64_bits(biased | 0x4330000000000000u) - (0x1p52 + 1024.0);
  double z = mjx_f64_bits(u - (t & 0xfff0000000000000u));
  uint64_t place = t >> 48 & 15;
  double r = MJX_FMA(z, mjx_pow_inverse[place], -1.0), r2 = r * r;
  double log = MJX_FMA(0x1.71547652ab82bp+0, r, mjx_pow_log[place] + k);
  log = MJX_FMA(MJX_FMA(0x1.ec70a6ca7baddp-2, r, -0x1.7154748bef6c8p-1), r2, log);
  log = MJX_FMA(MJX_FMA(0x1.27616c9496e0bp-2, r, -0x1.71969a075c67ap-2), r2 * r2, log);
  log = d == 0.0 ? -inf : log;
  log = d == inf ? inf : log;
  /* 2^200 is an infinity, 2^-200 a zero */
  double power = (double)y * log, size = __builtin_fabs(power);
  power = __builtin_copysign(size < 200.0 ? size : 200.0, power);
  double near = power + 0x1.8p47; /* to 1/32 */
  uint64_t n = mjx_bits_f64(near);
  r = power - (near - 0x1.8p47);
  double scale = mjx_f64_bits(mjx_bits_f64(mjx_pow_exp[n & 31]) + (n >> 5 << 52));
  double e = MJX_FMA(0x1.62e42ff0c52d6p-1, r, 1.0);
  e = MJX_FMA(MJX_FMA(0x1.c6af84b912394p-5, r, 0x1.ebfce50fac4f3p-3), r * r, e);
  uint32_t result = mjx_bits_f32((float)(e * scale));
  /* masks: is y an integer, an even one; is x neither 0 nor an infinity */
  float h = b * 0.5f, b_whole = (b + 0x1p23f) - 0x1p23f, h_whole = (h + 0x1p23f) - 0x1p23f;
  uint32_t whole = (b >= 0x1p23f) | (b_whole == b) ? 0xffffffffu : 0;
  uint32_t even = (b >= 0x1p24f) | (h_whole == h) ? 0xffffffffu : 0;
  uint32_t ordinary = (a > 0.0f) & (a < MJX_INFF) ? 0xffffffffu : 0;
  uint32_t sign = mjx_bits_f32(x) & 0x80000000u;
  result |= sign & whole & ~even;
  result |= sign & ordinary & ~whole ? 0x7fc00000u : 0;
  float sum = a + b, rest = sum != sum ? sum : mjx_f32_bits(result);
  int one = (x == 1.0f) | (b == 0.0f) | ((a == 1.0f) & (b == MJX_INFF));
  return one ? 1.0f : rest;
}

/* |x| - q |y| in float64, with q the quotient rounded down, or one too many. Exact where
 * the quotient is below 2^29 (2^51 with FMA) and what remains cannot be a denormal. */
#define MJX_REM_QUOTIENT_F32 ((MJX_HAVE_FMA ? 50 : 28) << 23)
MJX_INLINE int mjx_s_rem_f32_easy(float x, float y) {
  int32_t a = (int32_t)(mjx_bits_f32(x) & 0x7fffffffu),
          b = (int32_t)(mjx_bits_f32(y) & 0x7fffffffu);
  int exact = (b >= 0x0d800000) & (a - b < MJX_REM_QUOTIENT_F32);
  return (a < 0x7f800000) & (b >= 0x00800000) & (b <= 0x7f800000) & ((a < b) | exact);
}
MJX_INLINE float mjx_s_rem_f32_vector(float x, float y) {
  float a = __builtin_fabsf(x), b = __builtin_fabsf(y);
  double d = b, q = MJX_SMALL_FLOOR((double)a / d), r = MJX_FMA(-q, d, (double)a);
  float rest = (float)(r < 0.0 ? r + d : r);
  rest = (int32_t)mjx_bits_f32(a) < (int32_t)mjx_bits_f32(b) ? a : rest;
  return __builtin_copysignf(rest, x);
}
MJX_INLINE float mjx_s_rem_f32(float x, float y) {
  return mjx_s_rem_f32_easy(x, y) ? mjx_s_rem_f32_vector(x, y) : __builtin_fmodf(x, y);
}

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
