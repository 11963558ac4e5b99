/* float64 scalar functions: exp, tanh and their kin as XLA's CPU backend computes
 * them (Cephes exp, a minimax rational tanh); others in
 * the headers included here. */
#ifndef MJX_MATH_F64_H
#define MJX_MATH_F64_H

#include "math_base.h"
#include "math_int.h"
#include "math_log_f64.h"
#include "math_pow_f64.h"
#include "math_trig_f64.h"

#define MJX_NAN __builtin_nan("")
#define MJX_INF __builtin_inf()

MJX_INLINE double mjx_s_add_f64(double a, double b) { return a + b; }
MJX_INLINE double mjx_s_sub_f64(double a, double b) { return a - b; }
MJX_INLINE double mjx_s_mul_f64(double a, double b) { return a * b; }
MJX_INLINE double mjx_s_div_f64(double a, double b) { return a / b; }
MJX_INLINE double mjx_s_square_f64(double a) { return a * a; }
MJX_INLINE double mjx_s_neg_f64(double a) { return -a; }
MJX_INLINE double mjx_s_abs_f64(double a) { return __builtin_fabs(a); }
MJX_DEFINE_COMPARE(f64)

/* IEEE 754 maximum and minimum: NaN if either is NaN, and -0 < +0. */
MJX_INLINE double mjx_s_max_f64(double a, double b) {
  double both = mjx_f64_bits(mjx_bits_f64(a) & mjx_bits_f64(b));
  double r = a > b || a != a ? a : b;
  return a == b ? both : r;
}
MJX_INLINE double mjx_s_min_f64(double a, double b) {
  double both = mjx_f64_bits(mjx_bits_f64(a) | mjx_bits_f64(b));
  double r = a < b || a != a ? a : b;
  return a == b ? both : r;
}

/* exp(x): x = n log 2 + r, exp(r) = 1 + 2 p / (q - p) with p, q polynomials. */
MJX_INLINE double mjx_s_exp_f64(double x) {
  const double highest = 0x1.62e42fefa39efp+9, lowest = -0x1.6232bdd7abcd2p+9;
  double t = x > highest ? highest : x;
  t = t < lowest ? lowest : t;
  double n = MJX_SMALL_FLOOR(MJX_FMA(t, 0x1.71547652b82fep+0, 0.5));
  double r = MJX_FMA(n, -0x1.62e4p-1, t);
  r = MJX_FMA(n, -0x1.7f7d1cf79abcap-20, r);
  double r2 = r * r;
  double p = MJX_FMA(r2, 0x1.089cdd5e44be8p-13, 0x1.f06d10cca2c7ep-6);
  p = MJX_FMA(p, r2, 1.0) * r;
  double q = MJX_FMA(r2, 0x1.92eb6bc365fa0p-19, 0x1.4ae39b508b6c0p-9);
  q = MJX_FMA(q, r2, 0x1.d17099887e074p-3);
  q = MJX_FMA(q, r2, 2.0);
  double y = MJX_FMA(p / (q - p), 2.0, 1.0);
  /* 2^n in two halves: n may be 1024 */
  int64_t i = (int64_t)(mjx_bits_f64(n + 0x1.8p52) << 13) >> 13;
  int64_t half = i >> 1;
  y *= mjx_f64_bits((uint64_t)(half + 1023) << 52);
  y *= mjx_f64_bits((uint64_t)(i - half + 1023) << 52);
  y = x < lowest ? 0.0 : y;
  return x > highest ? MJX_INF : y;
}

MJX_INLINE double mjx_s_exp2_f64(double x) { return mjx_s_exp_f64(x * 0x1.62e42fefa39efp-1); }

MJX_INLINE double mjx_s_logistic_f64(double x) { return 1.0 / (mjx_s_exp_f64(-x) + 1.0); }

/* Near 0 a rational function (Cephes), else log(1 + x). */
MJX_INLINE double mjx_log1p_near_f64(double x) {
  double p = 0x1.7bc0962b395cap-15, q = 1.0, x2 = x * x;
  p = MJX_FMA(p, x, 0x1.fe818a0fe1a83p-2);
  p = MJX_FMA(p, x, 0x1.a509f46f4fa53p+2);
  p = MJX_FMA(p, x, 0x1.de9738b8cb9c9p+4);
  p = MJX_FMA(p, x, 0x1.e798eb86c3351p+5);
  p = MJX_FMA(p, x, 0x1.c8e7597479a10p+5);
  p = MJX_FMA(p, x, 0x1.40a202d99830ap+4);
  q = MJX_FMA(q, x, 0x1.e20359e903e37p+3);
  q = MJX_FMA(q, x, 0x1.4c30b52213498p+6);
  q = MJX_FMA(q, x, 0x1.bb86590fcfb56p+7);
  q = MJX_FMA(q, x, 0x1.351945dc908a5p+8);
  q = MJX_FMA(q, x, 0x1.b0db13e48e066p+7);
  q = MJX_FMA(q, x, 0x1.e0f304466448ep+5);
  return x + MJX_FMA(x2, -0.5, (x * x2) * (p / q));
}
MJX_INLINE double mjx_s_log1p_f64(double x) {
  double far = mjx_s_log_f64(x + 1.0), near = mjx_log1p_near_f64(x);
  return __builtin_fabs(x) < 0x1.a827999fcef32p-2 ? near : far;
}

/* A rational function of x^2 on [-17.7, 17.7]. */
MJX_INLINE double mjx_s_tanh_f64(double x) {
  const double bound = 0x1.1b6d58f246197p+4;
  double t = x < -bound ? -bound : x;
  t = t > bound ? bound : t;
  double t2 = t * t;
  double p = MJX_FMA(t2, 0x1.f9f82e5d782dfp-76, 0x1.c3c836c04b4c8p-61);
  p = MJX_FMA(t2, p, 0x1.c3379f905e662p-49);
  p = MJX_FMA(t2, p, 0x1.29aff6c8edd96p-38);
  p = MJX_FMA(t2, p, 0x1.525a389dce7c2p-29);
  p = MJX_FMA(t2, p, 0x1.708819be51cd9p-21);
  p = MJX_FMA(t2, p, 0x1.8996f4026a7fap-14);
  p = MJX_FMA(t2, p, 0x1.87f80b957ed00p-8);
  p = MJX_FMA(t2, p, 0x1.36fba9b450e5ap-3);
  p = MJX_FMA(t2, p, 1.0);
  double q = MJX_FMA(t2, 0x1.e8630cf903250p-68, 0x1.0aabca9a5fea0p-54);
  q = MJX_FMA(t2, q, 0x1.232981aa2bba8p-43);
  q = MJX_FMA(t2, q, 0x1.ee2f015ea8065p-34);
  q = MJX_FMA(t2, q, 0x1.81f1947c52304p-25);
  q = MJX_FMA(t2, q, 0x1.26c82ab46d140p-17);
  q = MJX_FMA(t2, q, 0x1.b2e7c4d488c04p-11);
  q = MJX_FMA(t2, q, 0x1.1998830265b50p-5);
  q = MJX_FMA(t2, q, 0x1.f0d32a2f7dc79p-2);
  q = MJX_FMA(t2, q, 1.0);
  double r = (t * p) / q;
  return __builtin_fabs(x) >= 20.0 ? __builtin_copysign(1.0, x) : r;
}

/* exp(x) - 1, near 0 as tanh(x/2) (exp(x) + 1). */
MJX_INLINE double mjx_s_expm1_f64(double x) {
  double e = mjx_s_exp_f64(x), h = x * 0.5;
  double near = mjx_s_tanh_f64(h) * (e + 1.0);
  double r = __builtin_fabs(x) > 0.5 ? e - 1.0 : near;
  return h == 0.0 ? x : r;
}

/* c[0] x^(n-1) + ... + c[n-1]. */
MJX_INLINE double mjx_poly_f64(double x, const double *c, int n) {
  double p = c[0];
  MJX_UNROLLED for (int i = 1; i < n; i++) p = MJX_FMA(p, x, c[i]);
  return p;
}

static const double mjx_erf_below[] = {1.0,
                                       33.561714164750313,
                                       521.35794978015269,
                                       4594.3238297098014,
                                       22629.000061389095,
                                       49267.394260863592};

/* Cephes: erf(x) = x T(x^2) / U(x^2) on [-1, 1], else erfc |x| as exp(-x^2) times a rational
 * function of |x|, one below 8 and one above. */
MJX_INLINE double mjx_erf_or_rest_f64(double x) {
  static const double t[] = {9.6049737398705162, 90.026019720384269, 2232.0053459468431,
                             7003.3251411280507, 55592.301301039493};
  static const double p[] = {2.4619698147353052e-10, 0.56418956483106886, 7.4632105644226989,
                             48.637197098568137,     196.5208329560771,   526.44519499547732,
                             934.52852717195765,     1027.5518868951572,  557.53533536939938};
  static const double q[] = {1.0,
                             13.228195115474499,
                             86.707214088598974,
                             354.93777888781989,
                             975.70850174320549,
                             1823.9091668790973,
                             2246.3376081871097,
                             1656.6630919416134,
                             557.53534081772773};
  static const double r[] = {0.56418958354775506, 1.275366707599781,  5.0190504225118051,
                             6.160210979930536,   7.4097426995044895, 2.9788666537210022};
  static const double s[] = {1.0,
                             2.2605286322011726,
                             9.3960352493800148,
                             12.048953980809666,
                             17.081445074756591,
                             9.6089680906328585,
                             3.3690764510008151};
  double a = __builtin_fabs(x), x2 = x * x;
  double e = mjx_s_exp_f64(-x2);
  double top = e * (a < 8.0 ? mjx_poly_f64(a, p, 9) : mjx_poly_f64(a, r, 6));
  double low = a < 8.0 ? mjx_poly_f64(a, q, 9) : mjx_poly_f64(a, s, 7);
  top = a < 1.0 ? x * mjx_poly_f64(x2, t, 5) : top;
  low = a < 1.0 ? mjx_poly_f64(x2, mjx_erf_below, 6) : low;
  double y = top / low;
  return -x2 < -0x1.62e42fefa39efp+9 ? 0.0 : y;
}
MJX_INLINE double mjx_s_erfc_f64(double x) {
  double y = mjx_erf_or_rest_f64(x);
  return __builtin_fabs(x) < 1.0 ? 1.0 - y : x < 0.0 ? 2.0 - y : y;
}
/* Near 0 as x + x (T - U) / U. */
MJX_INLINE double mjx_s_erf_f64(double x) {
  static const double d[] = {-1.0,
                             -23.956740424879797,
                             -431.3319300597684,
                             -2362.3184837629583,
                             -15625.674920261044,
                             6324.907040175902};
  double x2 = x * x, ratio = mjx_poly_f64(x2, d, 6) / mjx_poly_f64(x2, mjx_erf_below, 6);
  double far = __builtin_copysign(1.0 - mjx_erf_or_rest_f64(x), x);
  return __builtin_fabs(x) < 1.0 ? MJX_FMA(x, ratio, x) : far;
}

/* Giles, "Approximating the erfinv function" (2012), double precision. */
MJX_INLINE double mjx_s_erf_inv_f64(double x) {
  static const double near[] = {
      -3.64441206401782e-21,  -1.6850591381820166e-19, 1.28584807152564e-18,
      1.1157877678025181e-17, -1.3331716628546209e-16, 2.0972767875968562e-17,
      6.6376381343583238e-15, -4.0545662729752069e-14, -8.1519341976054722e-14,
      2.6335093153082323e-12, -1.2975133253453532e-11, -5.4154120542946279e-11,
      1.0512122733215323e-09, -4.1126339803469837e-09, -2.9070369957882005e-08,
      4.2347877827932404e-07, -1.3654692000834679e-06, -1.3882523362786469e-05,
      0.00018673420803405714, -0.000740702534166267,   -0.0060336708714301491,
      0.24015818242558962,    1.6536545626831027};
  static const double middle[] = {
      2.2137376921775787e-09, 9.0756561938885391e-08, -2.7517406297064545e-07,
      1.8239629214389228e-08, 1.5027403968909828e-06, -4.013867526981546e-06,
      2.9234449089955446e-06, 1.2475304481671779e-05, -4.7318229009055734e-05,
      6.8284851459573175e-05, 2.4031110387097894e-05, -0.00035503752036284748,
      0.0009532893797373805,  -0.0016882755560235047, 0.0024914420961078508,
      -0.0037512085075692412, 0.0053709145535900636,  1.0052589676941592,
      3.0838856104922208};
  static const double far[] = {
      -2.7109920616438573e-11, -2.5556418169965252e-10, 1.5076572693500548e-09,
      -3.789465440126737e-09,  7.61570120807834e-09,    -1.496002662714924e-08,
      2.9147953450901081e-08,  -6.7711997758452339e-08, 2.2900482228026655e-07,
      -9.9298272942317e-07,    4.5260625972231537e-06,  -1.9681778105531671e-05,
      7.5995277030017761e-05,  -0.00021503011930044477, -0.00013871931833623122,
      1.0103004648645344,      4.8499064014085844};
  double w = -mjx_s_log1p_f64(x * -x);
  double root = __builtin_sqrt(w), r = mjx_poly_f64(root - 5.0, far, 17);
  r = w < 16.0 ? mjx_poly_f64(root - 3.25, middle, 19) : r;
  r = w < 6.25 ? mjx_poly_f64(w + -3.125, near, 23) : r;
  return __builtin_fabs(x) == 1.0 ? x * MJX_INF : r * x;
}

MJX_INLINE double mjx_s_sqrt_f64(double x) { return __builtin_sqrt(x); }
MJX_INLINE double mjx_s_rsqrt_f64(double x) { return 1.0 / __builtin_sqrt(x); }
MJX_INLINE double mjx_s_floor_f64(double x) { return __builtin_floor(x); }
MJX_INLINE double mjx_s_ceil_f64(double x) { return __builtin_ceil(x); }

/* Ties away from zero: truncate |x| and add 1 when half or more was cut off. */
MJX_INLINE double mjx_s_round_f64(double x) {
  double whole = __builtin_trunc(x);
  double cut = __builtin_fabs(x - whole);
  double r = cut >= 0.5 ? whole + __builtin_copysign(1.0, x) : whole;
  return __builtin_copysign(r, x);
}

/* Ties to even. */
MJX_INLINE double mjx_s_round_even_f64(double x) {
  double a = __builtin_fabs(x);
  double r = (a + 0x1p52) - 0x1p52;
  return __builtin_copysign(a < 0x1p52 ? r : a, x);
}

MJX_INLINE mjx_t_b1 mjx_s_is_finite_f64(double x) {
  return (mjx_bits_f64(x) & 0x7ff0000000000000u) != 0x7ff0000000000000u;
}

/* -1, 1, or x itself where it is a zero or NaN. */
MJX_INLINE double mjx_s_sign_f64(double x) {
  double one = __builtin_copysign(1.0, x);
  double zero = __builtin_copysign(0.0, x);
  double r = x == 0.0 ? zero : one;
  return x != x ? x : r;
}

MJX_INLINE double mjx_s_clamp_f64(double lo, double x, double hi) {
  return mjx_s_min_f64(mjx_s_max_f64(lo, x), hi);
}

/* |x| - q |y| with q the quotient rounded down, or one too many. Exact where the quotient is
 * below 2^51 (without FMA, where it is below 2) and what remains cannot be a denormal. */
MJX_INLINE int mjx_s_rem_f64_easy(double x, double y) {
  const int64_t inf = 0x7ff0000000000000, apart = (int64_t)(MJX_HAVE_FMA ? 50 : 1) << 52;
  int64_t a = (int64_t)(mjx_bits_f64(x) & INT64_MAX), b = (int64_t)(mjx_bits_f64(y) & INT64_MAX);
  int exact = (b >= 0x0400000000000000) & (a - b < apart);
  return (a < inf) & (b >= 0x0010000000000000) & (b <= inf) & ((a < b) | exact);
}
MJX_INLINE double mjx_s_rem_f64_vector(double x, double y) {
  double a = __builtin_fabs(x), b = __builtin_fabs(y);
  double q = MJX_SMALL_FLOOR(a / b), r = MJX_FMA(-q, b, a);
  r = r < 0.0 ? r + b : r;
  r = (int64_t)mjx_bits_f64(a) < (int64_t)mjx_bits_f64(b) ? a : r;
  return __builtin_copysign(r, x);
}
MJX_INLINE double mjx_s_rem_f64(double x, double y) {
  return mjx_s_rem_f64_easy(x, y) ? mjx_s_rem_f64_vector(x, y) : __builtin_fmod(x, y);
}

/* Away from 0 the factor 1/2 goes into the exponent, so that the result
 * overflows no sooner than it must. */
MJX_INLINE double mjx_s_sinh_f64(double x) {
  const double log_half = -0x1.62e42fefa39efp-1;
  double e = mjx_s_expm1_f64(x);
  double near = (e + e / (e + 1.0)) * 0.5;
  double far = mjx_s_exp_f64(x + log_half) - mjx_s_exp_f64(log_half - x);
  return __builtin_fabs(x) < 1.0 ? near : far;
}

MJX_INLINE double mjx_s_cosh_f64(double x) {
  const double log_half = -0x1.62e42fefa39efp-1;
  return mjx_s_exp_f64(x + log_half) + mjx_s_exp_f64(log_half - x);
}

/* log(2|x|) where x^2 would overflow. */
MJX_INLINE double mjx_s_asinh_f64(double x) {
  double a = __builtin_fabs(x), x2 = x * x;
  double far = mjx_s_log_f64(a) + 0x1.62e42fefa39efp-1;
  double near = mjx_s_log1p_f64(a + x2 / (__builtin_sqrt(x2 + 1.0) + 1.0));
  return mjx_s_sign_f64(x) * (a >= 0x1.fffffffffffffp+511 ? far : near);
}

MJX_INLINE double mjx_s_acosh_f64(double x) {
  double far = mjx_s_log_f64(x) + 0x1.62e42fefa39efp-1;
  double s = __builtin_sqrt(x + -1.0);
  double near = mjx_s_log1p_f64(s * (__builtin_sqrt(x + 1.0) + s));
  return x >= 0x1.fffffffffffffp+1022 ? far : near;
}

MJX_INLINE double mjx_s_atanh_f64(double x) {
  double r = (mjx_s_log1p_f64(x) - mjx_s_log1p_f64(-x)) * 0.5;
  return __builtin_fabs(x) > 1.0 ? MJX_NAN : r;
}

/* The neighbour of x in the direction of y. */
MJX_INLINE double mjx_s_nextafter_f64(double x, double y) {
  const uint64_t sign = 0x8000000000000000u;
  uint64_t u = mjx_bits_f64(x), v = mjx_bits_f64(y);
  uint64_t a = u & ~sign, b = v & ~sign;
  int toward_zero = a > b || ((u ^ v) & sign) != 0;
  uint64_t step = toward_zero ? u - 1 : u + 1;
  step = a == 0 ? (v & sign) | 1u : step;
  step = u == v || (a | b) == 0 ? v : step;
  return x != x || y != y ? MJX_NAN : mjx_f64_bits(step);
}

/* Total order: -NaN < -inf < ... < -0 < 0 < ... < inf < NaN. */
MJX_INLINE int64_t mjx_rank_f64(double x) {
  int64_t i = (int64_t)mjx_bits_f64(x);
  return i ^ (int64_t)((uint64_t)(i >> 63) >> 1);
}
MJX_INLINE mjx_t_b1 mjx_s_eq_to_f64(double a, double b) {
  return mjx_bits_f64(a) == mjx_bits_f64(b);
}
MJX_INLINE mjx_t_b1 mjx_s_lt_to_f64(double a, double b) {
  return mjx_rank_f64(a) < mjx_rank_f64(b);
}
MJX_INLINE mjx_t_b1 mjx_s_le_to_f64(double a, double b) {
  return mjx_rank_f64(a) <= mjx_rank_f64(b);
}

#endif
