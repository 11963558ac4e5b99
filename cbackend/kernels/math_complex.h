/* complex64 and complex128 functions: arguments of ordinary size by the formulas that define the
 * functions, whose parts are vector code; all others, infinities and NaN among them, by the C
 * library. */
#ifndef MJX_MATH_COMPLEX_H
#define MJX_MATH_COMPLEX_H

#include "math_complex_base.h"

/* LARGE: below it neither exp nor its kin overflow. TURN: whose sine is vector code. TANH: where
 * sinh^2 cosh does not overflow.
 *
 * sinh and cosh by e = exp(|x|) - 1; tanh in Kahan's form, with t = tan y: no cancellation;
 * exp(x + iy) - 1 = expm1(x) cos y - 2 sin^2(y/2) + i exp(x) sin y. */
#define MJX_DEFINE_COMPLEX_EXPONENTIALS(C, F, FABS, COPYSIGN, LOG_2, LARGE, TURN, TANH)            \
  MJX_INLINE mjx_t_##C mjx_sinh_cosh_##F(mjx_t_##F x) {                                            \
    mjx_t_##F half = (mjx_t_##F)0.5, e = mjx_s_expm1_##F(FABS(x)), q = e / (e + 1);                \
    return mjx_make_##C(COPYSIGN(half * (e + q), x), 1 + half * (e * q));                          \
  }                                                                                                \
  MJX_INLINE int mjx_s_exp_##C##_easy(mjx_t_##C z) {                                               \
    return (FABS(z.re) < LARGE) & (FABS(z.im) < TURN);                                             \
  }                                                                                                \
  MJX_INLINE mjx_t_##C mjx_s_exp_##C##_vector(mjx_t_##C z) {                                       \
    mjx_t_##F e = mjx_s_exp_##F(z.re);                                                             \
    return mjx_make_##C(e * mjx_s_cos_##F##_vector(z.im), e * mjx_s_sin_##F##_vector(z.im));       \
  }                                                                                                \
  MJX_INLINE int mjx_s_sinh_##C##_easy(mjx_t_##C z) { return mjx_s_exp_##C##_easy(z); }            \
  MJX_INLINE mjx_t_##C mjx_s_sinh_##C##_vector(mjx_t_##C z) {                                      \
    mjx_t_##C h = mjx_sinh_cosh_##F(z.re);                                                         \
    return mjx_make_##C(h.re * mjx_s_cos_##F##_vector(z.im), h.im * mjx_s_sin_##F##_vector(z.im)); \
  }                                                                                                \
  MJX_INLINE int mjx_s_cosh_##C##_easy(mjx_t_##C z) { return mjx_s_exp_##C##_easy(z); }            \
  MJX_INLINE mjx_t_##C mjx_s_cosh_##C##_vector(mjx_t_##C z) {                                      \
    mjx_t_##C h = mjx_sinh_cosh_##F(z.re);                                                         \
    return mjx_make_##C(h.im * mjx_s_cos_##F##_vector(z.im), h.re * mjx_s_sin_##F##_vector(z.im)); \
  }                                                                                                \
  MJX_INLINE int mjx_s_tanh_##C##_easy(mjx_t_##C z) {                                              \
    return (FABS(z.re) < TANH) & (FABS(z.im) < TURN);                                              \
  }                                                                                                \
  MJX_INLINE mjx_t_##C mjx_s_tanh_##C##_vector(mjx_t_##C z) {                                      \
    mjx_t_##C h = mjx_sinh_cosh_##F(z.re);                                                         \
    mjx_t_##F t = mjx_s_tan_##F##_vector(z.im), beta = t * t + 1;                                  \
    mjx_t_##F part = beta * h.re, scale = 1 / (part * h.re + 1);                                   \
    return mjx_make_##C(part * h.im * scale, t * scale);                                           \
  }                                                                                                \
  MJX_INLINE int mjx_s_exp2_##C##_easy(mjx_t_##C z) { return mjx_s_exp_##C##_easy(z); }            \
  MJX_INLINE mjx_t_##C mjx_s_exp2_##C##_vector(mjx_t_##C z) {                                      \
    return mjx_s_exp_##C##_vector(mjx_make_##C(z.re * LOG_2, z.im * LOG_2));                       \
  }                                                                                                \
  MJX_INLINE int mjx_s_logistic_##C##_easy(mjx_t_##C z) { return mjx_s_exp_##C##_easy(z); }        \
  MJX_INLINE mjx_t_##C mjx_s_logistic_##C##_vector(mjx_t_##C z) {                                  \
    mjx_t_##C e = mjx_s_exp_##C##_vector(mjx_s_neg_##C(z));                                        \
    return mjx_s_div_##C##_vector(mjx_make_##C(1, 0), mjx_make_##C(e.re + 1, e.im));               \
  }                                                                                                \
  MJX_INLINE int mjx_s_expm1_##C##_easy(mjx_t_##C z) { return mjx_s_exp_##C##_easy(z); }           \
  MJX_INLINE mjx_t_##C mjx_s_expm1_##C##_vector(mjx_t_##C z) {                                     \
    mjx_t_##F s = mjx_s_sin_##F##_vector(z.im * (mjx_t_##F)0.5);                                   \
    mjx_t_##F re = mjx_s_expm1_##F(z.re) * mjx_s_cos_##F##_vector(z.im) - 2 * (s * s);             \
    return mjx_make_##C(re, mjx_s_exp_##F(z.re) * mjx_s_sin_##F##_vector(z.im));                   \
  }
MJX_DEFINE_COMPLEX_EXPONENTIALS(c64, f32, __builtin_fabsf, __builtin_copysignf, 0x1.62e430p-1f,
                                88.0f, 120.0f, 20.0f)
MJX_DEFINE_COMPLEX_EXPONENTIALS(c128, f64, __builtin_fabs, __builtin_copysign, 0x1.62e42fefa39efp-1,
                                709.0, MJX_TURN_BOUND, 200.0)

/* f(z) = -i g(iz) */
#define MJX_COMPLEX_TURNED(op, g, C)                                   \
  MJX_INLINE int mjx_s_##op##_##C##_easy(mjx_t_##C z) {                \
    return mjx_s_##g##_##C##_easy(mjx_make_##C(-z.im, z.re));          \
  }                                                                    \
  MJX_INLINE mjx_t_##C mjx_s_##op##_##C##_vector(mjx_t_##C z) {        \
    mjx_t_##C w = mjx_s_##g##_##C##_vector(mjx_make_##C(-z.im, z.re)); \
    return mjx_make_##C(w.im, -w.re);                                  \
  }
#define MJX_COMPLEX_COSINE(C)                                  \
  MJX_INLINE int mjx_s_cos_##C##_easy(mjx_t_##C z) {           \
    return mjx_s_cosh_##C##_easy(mjx_make_##C(-z.im, z.re));   \
  }                                                            \
  MJX_INLINE mjx_t_##C mjx_s_cos_##C##_vector(mjx_t_##C z) {   \
    return mjx_s_cosh_##C##_vector(mjx_make_##C(-z.im, z.re)); \
  }
MJX_COMPLEX_TURNED(sin, sinh, c64)
MJX_COMPLEX_TURNED(sin, sinh, c128)
MJX_COMPLEX_TURNED(tan, tanh, c64)
MJX_COMPLEX_TURNED(tan, tanh, c128)
MJX_COMPLEX_COSINE(c64)
MJX_COMPLEX_COSINE(c128)

/* log |z| from x^2 + y^2, exact in float64 but for the sum: where that is near 1, by
 * log1p of what it is more than 1, else with its exponent apart. */
MJX_INLINE int mjx_s_log_c64_easy(mjx_t_c64 z) {
  float a = __builtin_fabsf(z.re), b = __builtin_fabsf(z.im);
  return (a < MJX_INFF) & (b < MJX_INFF) & (a + b > 0.0f);
}
/* log(d) / 2, of d = 1 + more. */
MJX_INLINE float mjx_half_log_f32(double d, double more) {
  uint64_t u = mjx_bits_f64(d), biased = u >> 52;
  float k = (float)(mjx_f64_bits(biased | 0x4330000000000000u) - (0x1p52 + 1023.0));
  float m = (float)mjx_f64_bits((u & 0x000fffffffffffffu) | 0x3ff0000000000000u);
  float far = k * 0x1.62e430p-1f + mjx_s_log_f32(m);
  return 0.5f * (__builtin_fabs(more) < 0x1.a8279ap-2 ? mjx_log1p_near_f32((float)more) : far);
}
MJX_INLINE mjx_t_c64 mjx_s_log_c64_vector(mjx_t_c64 z) {
  float a = __builtin_fabsf(z.re), b = __builtin_fabsf(z.im);
  double x = a > b ? a : b, y = a > b ? b : a, x2 = x * x, y2 = y * y;
  return mjx_make_c64(mjx_half_log_f32(x2 + y2, (x2 - 1.0) + y2), mjx_s_atan2_f32(z.im, z.re));
}
MJX_INLINE int mjx_s_log1p_c64_easy(mjx_t_c64 z) {
  return mjx_s_log_c64_easy(mjx_make_c64(z.re + 1.0f, z.im));
}
MJX_INLINE mjx_t_c64 mjx_s_log1p_c64_vector(mjx_t_c64 z) {
  double x = z.re, y = z.im, more = x * (x + 2.0) + y * y;
  double d = (x + 1.0) * (x + 1.0) + y * y;
  return mjx_make_c64(mjx_half_log_f32(d, more), mjx_s_atan2_f32(z.im, z.re + 1.0f));
}

/* complex128: the squares' and the sum's own errors take part where the sum is near 1. */
MJX_INLINE int mjx_s_log_c128_easy(mjx_t_c128 z) {
  double a = __builtin_fabs(z.re), b = __builtin_fabs(z.im);
  return (a < 0x1p500) & (b < 0x1p500) & (a + b > 0x1p-500);
}
MJX_INLINE double mjx_half_log_f64(double d, double more) {
  double near = mjx_log1p_near_f64(more), far = mjx_s_log_f64(d);
  return 0.5 * ((more > -0.29) & (more < 0.41) ? near : far);
}
MJX_INLINE mjx_t_c128 mjx_s_log_c128_vector(mjx_t_c128 z) {
  double a = __builtin_fabs(z.re), b = __builtin_fabs(z.im);
  double x = a > b ? a : b, y = a > b ? b : a, x2 = x * x, y2 = y * y;
  double top = x2 - 1.0, sum = top + y2, back = sum - top;
  double lost = ((top - (sum - back)) + (y2 - back)) + mjx_lost_f64(x, x, x2);
  double more = sum + (lost + mjx_lost_f64(y, y, y2));
  return mjx_make_c128(mjx_half_log_f64(x2 + y2, more), mjx_s_atan2_f64(z.im, z.re));
}
MJX_INLINE int mjx_s_log1p_c128_easy(mjx_t_c128 z) {
  return mjx_s_log_c128_easy(mjx_make_c128(z.re + 1.0, z.im));
}
MJX_INLINE mjx_t_c128 mjx_s_log1p_c128_vector(mjx_t_c128 z) {
  double x = z.re, y = z.im, more = x * (x + 2.0) + y * y;
  double d = (x + 1.0) * (x + 1.0) + y * y;
  return mjx_make_c128(mjx_half_log_f64(d, more), mjx_s_atan2_f64(z.im, z.re + 1.0));
}

/* The part of larger size is sqrt((|z| + |x|) / 2), the other y / 2 by it. A zero part counts
 * as +0. BIG: whose square is far from overflow, LITTLE: 1 / BIG. Then 1 / sqrt(z) as
 * conj(s) / |s|^2 of the root s. */
#define MJX_DEFINE_COMPLEX_ROOT(C, F, SQRT, FABS, COPYSIGN, BIG, LITTLE) \
  MJX_INLINE int mjx_s_sqrt_##C##_easy(mjx_t_##C z) {                    \
    mjx_t_##F a = FABS(z.re), b = FABS(z.im), most = a > b ? a : b;      \
    return (a < BIG) & (b < BIG) & ((most > LITTLE) | (most == 0));      \
  }                                                                      \
  MJX_INLINE mjx_t_##C mjx_root_##C(mjx_t_##C z) {                       \
    mjx_t_##F x = z.re, y = z.im, half = (mjx_t_##F)0.5;                 \
    mjx_t_##F t = SQRT(half * (SQRT(x * x + y * y) + FABS(x)));          \
    mjx_t_##F u = FABS(y) / (t > 0 ? t + t : 1);                         \
    return mjx_make_##C(x < 0 ? u : t, COPYSIGN(x < 0 ? t : u, y));      \
  }                                                                      \
  MJX_INLINE mjx_t_##C mjx_s_sqrt_##C##_vector(mjx_t_##C z) {            \
    return mjx_root_##C(mjx_make_##C(z.re, z.im + 0));                   \
  }                                                                      \
  MJX_INLINE int mjx_s_rsqrt_##C##_easy(mjx_t_##C z) {                   \
    return mjx_s_sqrt_##C##_easy(z) & ((z.re != 0) | (z.im != 0));       \
  }                                                                      \
  MJX_INLINE mjx_t_##C mjx_s_rsqrt_##C##_vector(mjx_t_##C z) {           \
    mjx_t_##C s = mjx_root_##C(z);                                       \
    mjx_t_##F size = s.re * s.re + s.im * s.im;                          \
    return mjx_make_##C(s.re / size, -s.im / size);                      \
  }
MJX_DEFINE_COMPLEX_ROOT(c64, f32, __builtin_sqrtf, __builtin_fabsf, __builtin_copysignf, 0x1p60f,
                        0x1p-60f)
MJX_DEFINE_COMPLEX_ROOT(c128, f64, __builtin_sqrt, __builtin_fabs, __builtin_copysign, 0x1p500,
                        0x1p-500)

/* In float64 but for the last step: re log1p(4x / ((1 - x)^2 + y^2)) / 4,
 * im atan2(2y, 1 - x^2 - y^2) / 2.
 *
 * asin and its kin by Hull, Fairgrieve and Tang (1997). With r and s the distances from -1 and 1
 * and a = (r + s) / 2, of x and y >= 0: the angle of asin is atan2(x, w), w^2 = (a + x) (a - x),
 * the other part log1p(a - 1 + sqrt(a^2 - 1)); a - 1 and a - x are sums without cancellation.
 * asinh(z) = -i asin(iz). */
#define MJX_DEFINE_COMPLEX_ARCS(C, F, COPYSIGN)                                            \
  MJX_INLINE int mjx_s_atanh_##C##_easy(mjx_t_##C z) {                                     \
    double a = __builtin_fabs((double)z.re), b = __builtin_fabs((double)z.im);             \
    int far = (1.0 - a) * (1.0 - a) + b * b > 0x1p-100;                                    \
    return (a < 0x1p60) & (b < 0x1p60) & ((b > 0x1p-500) | (b == 0)) & far;                \
  }                                                                                        \
  MJX_INLINE mjx_t_##C mjx_s_atanh_##C##_vector(mjx_t_##C z) {                             \
    double x = __builtin_fabs((double)z.re), y = z.im, y2 = y * y;                         \
    mjx_t_##F ratio = (mjx_t_##F)(4.0 * x / ((1.0 - x) * (1.0 - x) + y2));                 \
    mjx_t_##F cosine = (mjx_t_##F)((1.0 - x) * (1.0 + x) - y2);                            \
    mjx_t_##F re = COPYSIGN((mjx_t_##F)0.25 * mjx_s_log1p_##F(ratio), z.re);               \
    return mjx_make_##C(re, (mjx_t_##F)0.5 * mjx_s_atan2_##F(2 * z.im, cosine));           \
  }                                                                                        \
  MJX_COMPLEX_TURNED(atan, atanh, C)                                                       \
  typedef struct {                                                                         \
    mjx_t_##F w, log;                                                                      \
  } mjx_arc_##F;                                                                           \
  MJX_INLINE mjx_arc_##F mjx_arc_of_##C(mjx_t_##C z) {                                     \
    double x = __builtin_fabs((double)z.re), y = z.im, y2 = y * y;                         \
    double r = __builtin_sqrt((x + 1.0) * (x + 1.0) + y2);                                 \
    double s = __builtin_sqrt((x - 1.0) * (x - 1.0) + y2);                                 \
    double beyond = y2 / (r + (x + 1.0)); /* r - (x + 1) */                                \
    double sum = s + __builtin_fabs(x - 1.0), rest = y2 / sum;                             \
    double more = 0.5 * (beyond + (x < 1.0 ? rest : sum));                                 \
    double less = 0.5 * (beyond + (x < 1.0 ? sum : rest));                                 \
    double log = more + __builtin_sqrt(more * (more + 2.0));                               \
    mjx_arc_##F arc = {(mjx_t_##F)__builtin_sqrt((more + 1.0 + x) * less),                 \
                       mjx_s_log1p_##F((mjx_t_##F)log)};                                   \
    return arc;                                                                            \
  }                                                                                        \
  MJX_INLINE int mjx_s_asin_##C##_easy(mjx_t_##C z) { return mjx_s_atanh_##C##_easy(z); }  \
  MJX_INLINE mjx_t_##C mjx_s_asin_##C##_vector(mjx_t_##C z) {                              \
    mjx_t_##F x = z.re + 0, y = z.im + 0;                                                  \
    mjx_arc_##F arc = mjx_arc_of_##C(z);                                                   \
    return mjx_make_##C(mjx_s_atan2_##F(x, arc.w), COPYSIGN(arc.log, y));                  \
  }                                                                                        \
  MJX_INLINE int mjx_s_acos_##C##_easy(mjx_t_##C z) { return mjx_s_atanh_##C##_easy(z); }  \
  MJX_INLINE mjx_t_##C mjx_s_acos_##C##_vector(mjx_t_##C z) {                              \
    mjx_t_##F x = z.re + 0, y = z.im + 0;                                                  \
    mjx_arc_##F arc = mjx_arc_of_##C(z);                                                   \
    return mjx_make_##C(mjx_s_atan2_##F(arc.w, x), -COPYSIGN(arc.log, y));                 \
  }                                                                                        \
  MJX_INLINE int mjx_s_acosh_##C##_easy(mjx_t_##C z) { return mjx_s_atanh_##C##_easy(z); } \
  MJX_INLINE mjx_t_##C mjx_s_acosh_##C##_vector(mjx_t_##C z) {                             \
    mjx_t_##F x = z.re + 0, y = z.im + 0;                                                  \
    mjx_arc_##F arc = mjx_arc_of_##C(z);                                                   \
    return mjx_make_##C(arc.log, COPYSIGN(mjx_s_atan2_##F(arc.w, x), y));                  \
  }                                                                                        \
  MJX_INLINE int mjx_s_asinh_##C##_easy(mjx_t_##C z) {                                     \
    return mjx_s_atanh_##C##_easy(mjx_make_##C(z.im, z.re));                               \
  }                                                                                        \
  MJX_INLINE mjx_t_##C mjx_s_asinh_##C##_vector(mjx_t_##C z) {                             \
    mjx_t_##F x = z.re + 0, y = z.im + 0;                                                  \
    mjx_arc_##F arc = mjx_arc_of_##C(mjx_make_##C(y, x));                                  \
    return mjx_make_##C(COPYSIGN(arc.log, x), mjx_s_atan2_##F(y, arc.w));                  \
  }
MJX_DEFINE_COMPLEX_ARCS(c64, f32, __builtin_copysignf)
MJX_DEFINE_COMPLEX_ARCS(c128, f64, __builtin_copysign)

/* |a|^c exp(-d arg a) in polar form, for b = c + id; the bounds keep the angle small. */
#define MJX_DEFINE_COMPLEX_POWER(C, F, FABS, LARGE, SMALL, RE, IM)                                 \
  MJX_INLINE int mjx_s_pow_##C##_easy(mjx_t_##C a, mjx_t_##C b) {                                  \
    mjx_t_##F size = FABS(a.re) + FABS(a.im);                                                      \
    return (size > SMALL) & (size < LARGE) & (FABS(b.re) < RE) & (FABS(b.im) < IM);                \
  }                                                                                                \
  MJX_INLINE mjx_t_##C mjx_s_pow_##C##_vector(mjx_t_##C a, mjx_t_##C b) {                          \
    mjx_t_##F r = mjx_s_abs_##C(a), angle = mjx_s_atan2_##F(a.im, a.re);                           \
    mjx_t_##F size = mjx_power_of_##F(r, b.re) * mjx_s_exp_##F(-b.im * angle);                     \
    mjx_t_##F turn = b.re * angle + b.im * mjx_s_log_##F(r);                                       \
    return mjx_make_##C(size * mjx_s_cos_##F##_vector(turn), size * mjx_s_sin_##F##_vector(turn)); \
  }                                                                                                \
  MJX_INLINE mjx_t_##C mjx_s_pow_##C(mjx_t_##C a, mjx_t_##C b) {                                   \
    return mjx_s_pow_##C##_easy(a, b) ? mjx_s_pow_##C##_vector(a, b) : mjx_library_pow_##C(a, b);  \
  }
#define mjx_power_of_f32 mjx_s_pow_f32
#define mjx_power_of_f64 mjx_s_pow_f64_vector
MJX_DEFINE_COMPLEX_POWER(c64, f32, __builtin_fabsf, 0x1p40f, 0x1p-40f, 16.0f, 2.0f)
MJX_DEFINE_COMPLEX_POWER(c128, f64, __builtin_fabs, 0x1p40, 0x1p-40, 16.0, 16.0)

#define MJX_COMPLEX_GUARDED(op, C)                                                                \
  MJX_INLINE mjx_t_##C mjx_s_##op##_##C(mjx_t_##C z) {                                            \
    return mjx_s_##op##_##C##_easy(z) ? mjx_s_##op##_##C##_vector(z) : mjx_library_##op##_##C(z); \
  }
#define MJX_EACH_GUARDED(op) MJX_COMPLEX_GUARDED(op, c64) MJX_COMPLEX_GUARDED(op, c128)
MJX_EACH_GUARDED(exp)
MJX_EACH_GUARDED(exp2)
MJX_EACH_GUARDED(expm1)
MJX_EACH_GUARDED(log)
MJX_EACH_GUARDED(log1p)
MJX_EACH_GUARDED(logistic)
MJX_EACH_GUARDED(sqrt)
MJX_EACH_GUARDED(rsqrt)
MJX_EACH_GUARDED(sin)
MJX_EACH_GUARDED(cos)
MJX_EACH_GUARDED(tan)
MJX_EACH_GUARDED(sinh)
MJX_EACH_GUARDED(cosh)
MJX_EACH_GUARDED(tanh)
MJX_EACH_GUARDED(asin)
MJX_EACH_GUARDED(acos)
MJX_EACH_GUARDED(atan)
MJX_EACH_GUARDED(asinh)
MJX_EACH_GUARDED(acosh)
MJX_EACH_GUARDED(atanh)

#endif
