/* float64 trigonometric functions and cube root, lanes side by side: fdlibm's
 * formulas, whose constants these are, without branches. XLA has these from the C library.
 * Errors are below 1 ulp as there, in tan and atan2 and what is made of these below 2.
 */
#ifndef MJX_MATH_TRIG_F64_H
#define MJX_MATH_TRIG_F64_H

#include "math_base.h"

/* x = n pi/2 + high + low with |high| <= pi/4, n < 2^20. pi/2 has three parts; what the first
 * leaves is exact, of the second what rounding takes is kept. */
#define MJX_TURN_BOUND 0x1p20
typedef struct {
  double high, low;
  uint64_t n;
} mjx_turned_f64;
MJX_INLINE mjx_turned_f64 mjx_turn_f64(double x) {
  const double most = 0x1.921fb54442d18p+0, middle = 0x1.1a62633145c07p-54;
  double shifted = MJX_FMA(x, 0x1.45f306dc9c883p-1, 0x1.8p52), n = shifted - 0x1.8p52;
  double product = n * most, first = (x - product) - mjx_lost_f64(n, most, product);
  double part = n * middle, next = first - part, back = next - first;
  double rest = (first - (next - back)) - (part + back);
  rest = MJX_FMA(n, 0x1.f1976b7ed8fbcp-110, rest - mjx_lost_f64(n, middle, part));
  double high = next + rest;
  mjx_turned_f64 t = {high, (next - high) + rest, mjx_bits_f64(shifted)};
  return t;
}
MJX_INLINE double mjx_turned_sin_f64(double x, double rest) {
  double z = x * x, cube = z * x;
  double p = MJX_FMA(z, 0x1.5d93a5acfd57cp-33, -0x1.ae5e68a2b9cebp-26);
  double q = MJX_FMA(z, 0x1.71de357b1fe7dp-19, -0x1.a01a019c161d5p-13);
  p = MJX_FMA(z * (z * z), p, MJX_FMA(z, q, 0x1.111111110f8a6p-7));
  double low = MJX_FMA(z, MJX_FMA(-cube, p, 0.5 * rest), -rest);
  return x - MJX_FMA(cube, 0x1.5555555555549p-3, low);
}
MJX_INLINE double mjx_turned_cos_f64(double x, double rest) {
  double z = x * x, w = z * z, half = 0.5 * z, high = 1.0 - half;
  double p = MJX_FMA(z, 0x1.a01a019cb1590p-16, -0x1.6c16c16c15177p-10);
  double q = MJX_FMA(z, -0x1.8fae9be8838d4p-37, 0x1.1ee9ebdb4b1c4p-29);
  p = z * MJX_FMA(z, p, 0x1.555555555554cp-5);
  p = MJX_FMA(w * w, MJX_FMA(z, q, -0x1.27e4f809c52adp-22), p);
  return high + (((1.0 - high) - half) + MJX_FMA(z, p, -(x * rest)));
}
MJX_INLINE double mjx_signed_f64(double x, uint64_t sign) {
  return mjx_f64_bits(mjx_bits_f64(x) ^ sign << 63);
}

MJX_INLINE int mjx_s_sin_f64_easy(double x) { return __builtin_fabs(x) < MJX_TURN_BOUND; }
MJX_INLINE int mjx_s_cos_f64_easy(double x) { return __builtin_fabs(x) < MJX_TURN_BOUND; }
MJX_INLINE int mjx_s_tan_f64_easy(double x) { return __builtin_fabs(x) < MJX_TURN_BOUND; }
MJX_INLINE double mjx_s_sin_f64_vector(double x) {
  mjx_turned_f64 t = mjx_turn_f64(x);
  double s = mjx_turned_sin_f64(t.high, t.low), c = mjx_turned_cos_f64(t.high, t.low);
  double r = mjx_signed_f64(t.n & 1 ? c : s, t.n >> 1 & 1);
  return __builtin_fabs(x) < 0x1p-27 ? x : r;
}
MJX_INLINE double mjx_s_cos_f64_vector(double x) {
  mjx_turned_f64 t = mjx_turn_f64(x);
  double s = mjx_turned_sin_f64(t.high, t.low), c = mjx_turned_cos_f64(t.high, t.low);
  return mjx_signed_f64(t.n & 1 ? s : c, (t.n + 1) >> 1 & 1);
}
MJX_INLINE double mjx_s_tan_f64_vector(double x) {
  mjx_turned_f64 t = mjx_turn_f64(x);
  double s = mjx_turned_sin_f64(t.high, t.low), c = mjx_turned_cos_f64(t.high, t.low);
  double r = mjx_signed_f64((t.n & 1 ? c : s) / (t.n & 1 ? s : c), t.n & 1);
  return __builtin_fabs(x) < 0x1p-27 ? x : r;
}
#define MJX_EASY_OR_LIBRARY_F64(op)                                                   \
  MJX_INLINE double mjx_s_##op##_f64(double x) {                                      \
    return mjx_s_##op##_f64_easy(x) ? mjx_s_##op##_f64_vector(x) : __builtin_##op(x); \
  }
MJX_EASY_OR_LIBRARY_F64(sin)
MJX_EASY_OR_LIBRARY_F64(cos)
MJX_EASY_OR_LIBRARY_F64(tan)

/* atan of a >= 0: by atan(c) + atan((a - c) / (1 + c a)) with c = 1/2, 1, 3/2 or infinity to
 * |t| < 7/16, and a polynomial. */
MJX_INLINE double mjx_atan_positive_f64(double a) {
  int c0 = a < 0.4375, c1 = a < 0.6875, c2 = a < 1.1875, c3 = a < 2.4375;
  double top = c3 ? a - 1.5 : -1.0, low = c3 ? 1.0 + 1.5 * a : a;
  double high_part = c3 ? 0x1.f730bd281f69bp-1 : 0x1.921fb54442d18p+0;
  double low_part = c3 ? 0x1.007887af0cbbdp-56 : 0x1.1a62633145c07p-54;
  top = c2 ? a - 1.0 : top, low = c2 ? a + 1.0 : low;
  high_part = c2 ? 0x1.921fb54442d18p-1 : high_part;
  low_part = c2 ? 0x1.1a62633145c07p-55 : low_part;
  top = c1 ? 2.0 * a - 1.0 : top, low = c1 ? 2.0 + a : low;
  high_part = c1 ? 0x1.dac670561bb4fp-2 : high_part;
  low_part = c1 ? 0x1.a2b7f222f65e2p-56 : low_part;
  top = c0 ? a : top, low = c0 ? 1.0 : low;
  double t = top / low, z = t * t, w = z * z;
  double p = MJX_FMA(w, 0x1.0ad3ae322da11p-6, 0x1.97b4b24760debp-5);
  p = MJX_FMA(w, p, 0x1.10d66a0d03d51p-4);
  p = MJX_FMA(w, p, 0x1.745cdc54c206ep-4);
  p = MJX_FMA(w, p, 0x1.24924920083ffp-3);
  p = MJX_FMA(w, p, 0x1.555555555550dp-2);
  double q = MJX_FMA(w, -0x1.2b4442c6a6c2fp-5, -0x1.dde2d52defd9ap-5);
  q = MJX_FMA(w, q, -0x1.3b0f2af749a6dp-4);
  q = MJX_FMA(w, q, -0x1.c71c6fe231671p-4);
  q = MJX_FMA(w, q, -0x1.999999998ebc4p-3);
  double series = t * MJX_FMA(z, p, w * q);
  double far = high_part - ((series - low_part) - t);
  far = a >= 0x1p66 ? 0x1.921fb54442d18p+0 : far;
  return c0 ? t - series : far;
}

MJX_INLINE double mjx_s_atan_f64(double x) {
  double a = __builtin_fabs(x), r = __builtin_copysign(mjx_atan_positive_f64(a), x);
  return a < 0x1p-27 ? x : r;
}

/* By quadrants from atan |y / x|; 2^60 times the other argument is as an infinity, and a
 * denormal x as 0. */
MJX_INLINE double mjx_s_atan2_f64(double y, double x) {
  const double pi = 0x1.921fb54442d18p+1, half_pi = 0x1.921fb54442d18p+0;
  const double pi_rest = 0x1.1a62633145c07p-53;
  const int64_t inf = 0x7ff0000000000000, least = 0x0010000000000000;
  int64_t u = (int64_t)mjx_bits_f64(x), v = (int64_t)mjx_bits_f64(y);
  int64_t a = u & INT64_MAX, b = v & INT64_MAX, apart = b - a;
  double z = mjx_atan_positive_f64(__builtin_fabs(y / x));
  int left = u < 0;
  double r = left ? pi - (z - pi_rest) : z;
  r = left & (apart < -((int64_t)60 << 52)) ? pi : r;
  r = !left & (apart > ((int64_t)60 << 52)) ? half_pi : r;
  r = (b == inf) | (a < least) ? half_pi : r;
  double diagonal = left ? 0x1.2d97c7f3321d2p+1 : 0x1.921fb54442d18p-1;
  r = (a == inf) & (b == inf) ? diagonal : r;
  r = b == 0 ? (left ? pi : 0.0) : r;
  r = mjx_f64_bits(mjx_bits_f64(r) | ((uint64_t)v & 0x8000000000000000u));
  return (a > inf) | (b > inf) ? x + y : r;
}

/* 2 atan2(x, 1 + sqrt(1 - x^2)) and atan2(sqrt(1 - x^2), x). */
MJX_INLINE double mjx_s_asin_f64(double x) {
  double t = __builtin_fabs(x) / (__builtin_sqrt((1.0 - x) * (x + 1.0)) + 1.0);
  double h = __builtin_copysign(mjx_atan_positive_f64(t), x);
  return h + h;
}
MJX_INLINE double mjx_s_acos_f64(double x) {
  return mjx_s_atan2_f64(__builtin_sqrt((1.0 - x) * (x + 1.0)), x);
}

/* From a third of the exponent by a polynomial to 23 bits, and a step of Newton's. */
MJX_INLINE double mjx_s_cbrt_f64(double x) {
  double a = __builtin_fabs(x);
  uint64_t third = (mjx_bits_f64(a) >> 32) * 0xaaaaaaabu >> 33;
  double t = mjx_f64_bits((third + 715094163u) << 32);
  double r = (t * t) * (t / a);
  double p = MJX_FMA(r, 0x1.9f1604a49d6c2p+0, -0x1.e28e092f02420p+0);
  p = MJX_FMA(r, p, 0x1.e03e60f61e692p+0);
  double q = MJX_FMA(r, 0x1.2b000d4e4edd7p-3, -0x1.844cbbee751d9p-1);
  t = t * MJX_FMA((r * r) * r, q, p);
  t = mjx_f64_bits((mjx_bits_f64(t) + 0x80000000u) & 0xffffffffc0000000u);
  double rest = a / (t * t);
  rest = (rest - t) / ((t + t) + rest);
  r = __builtin_copysign(MJX_FMA(t, rest, t), x);
  return (a > 0.0) & (a < __builtin_inf()) ? r : x + x;
}

#endif
