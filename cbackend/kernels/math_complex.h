/* complex64 and complex128 scalar functions. */
#ifndef MJX_MATH_COMPLEX_H
#define MJX_MATH_COMPLEX_H

#include "math_f32.h"
#include "math_f64.h"

/* C: complex suffix, F: its real suffix, FMADD: the fused multiply-add. */
#define MJX_DEFINE_COMPLEX_ARITHMETIC(C, F, FMADD)                                          \
  MJX_INLINE mjx_t_##C mjx_make_##C(mjx_t_##F re, mjx_t_##F im) {                           \
    mjx_t_##C z = {re, im};                                                                 \
    return z;                                                                               \
  }                                                                                         \
  MJX_INLINE mjx_t_##C mjx_s_add_##C(mjx_t_##C a, mjx_t_##C b) {                            \
    return mjx_make_##C(a.re + b.re, a.im + b.im);                                          \
  }                                                                                         \
  MJX_INLINE mjx_t_##C mjx_s_sub_##C(mjx_t_##C a, mjx_t_##C b) {                            \
    return mjx_make_##C(a.re - b.re, a.im - b.im);                                          \
  }                                                                                         \
  MJX_INLINE mjx_t_##C mjx_s_neg_##C(mjx_t_##C a) { return mjx_make_##C(-a.re, -a.im); }    \
  MJX_INLINE mjx_t_##C mjx_s_mul_##C(mjx_t_##C a, mjx_t_##C b) {                            \
    return mjx_make_##C(FMADD(a.re, b.re, -(a.im * b.im)), FMADD(a.re, b.im, a.im * b.re)); \
  }                                                                                         \
  MJX_INLINE mjx_t_##C mjx_s_square_##C(mjx_t_##C a) { return mjx_s_mul_##C(a, a); }        \
  MJX_INLINE mjx_t_b1 mjx_s_eq_##C(mjx_t_##C a, mjx_t_##C b) {                              \
    return (a.re == b.re) & (a.im == b.im);                                                 \
  }                                                                                         \
  MJX_INLINE mjx_t_b1 mjx_s_ne_##C(mjx_t_##C a, mjx_t_##C b) {                              \
    return (a.re != b.re) | (a.im != b.im);                                                 \
  }

MJX_DEFINE_COMPLEX_ARITHMETIC(c64, f32, MJX_FMAF)
MJX_DEFINE_COMPLEX_ARITHMETIC(c128, f64, MJX_FMA)

/* Lexicographic order, as JAX's CPU max and min of complex numbers; its clamp
 * looks at the real parts alone. */
#define MJX_DEFINE_COMPLEX_ORDER(C)                                               \
  MJX_INLINE mjx_t_##C mjx_s_max_##C(mjx_t_##C a, mjx_t_##C b) {                  \
    int first = a.re == b.re ? a.im > b.im : a.re > b.re;                         \
    return first ? a : b;                                                         \
  }                                                                               \
  MJX_INLINE mjx_t_##C mjx_s_min_##C(mjx_t_##C a, mjx_t_##C b) {                  \
    int first = a.re == b.re ? a.im < b.im : a.re < b.re;                         \
    return first ? a : b;                                                         \
  }                                                                               \
  MJX_INLINE mjx_t_##C mjx_s_clamp_##C(mjx_t_##C lo, mjx_t_##C x, mjx_t_##C hi) { \
    x = lo.re >= x.re ? lo : x;                                                   \
    return x.re <= hi.re ? x : hi;                                                \
  }
MJX_DEFINE_COMPLEX_ORDER(c64)
MJX_DEFINE_COMPLEX_ORDER(c128)

/* Smith's division: scales by the larger part of the divisor. Where both parts
 * come out NaN, infinities and zeros are sorted out as C's Annex G has it. */
#define MJX_DEFINE_COMPLEX_DIVIDE(C, F, FABS, COPYSIGN, INFINITE)                                  \
  MJX_INLINE mjx_t_##F mjx_box_##C(mjx_t_##F x) {                                                  \
    return COPYSIGN(FABS(x) == INFINITE ? 1 : 0, x);                                               \
  }                                                                                                \
  MJX_NOINLINE mjx_t_##C mjx_divide_limits_##C(mjx_t_##C a, mjx_t_##C b, mjx_t_##C r) {            \
    int a_huge = FABS(a.re) == INFINITE || FABS(a.im) == INFINITE;                                 \
    int b_huge = FABS(b.re) == INFINITE || FABS(b.im) == INFINITE;                                 \
    mjx_t_##F scale = 0;                                                                           \
    if (b.re == 0 && b.im == 0 && (a.re == a.re || a.im == a.im)) {                                \
      scale = COPYSIGN(INFINITE, b.re);                                                            \
      return mjx_make_##C(scale * a.re, scale * a.im);                                             \
    }                                                                                              \
    if (a_huge && !b_huge && b.re == b.re && b.im == b.im) {                                       \
      a = mjx_make_##C(mjx_box_##C(a.re), mjx_box_##C(a.im));                                      \
      scale = INFINITE;                                                                            \
    } else if (b_huge && !a_huge && a.re == a.re && a.im == a.im) {                                \
      b = mjx_make_##C(mjx_box_##C(b.re), mjx_box_##C(b.im));                                      \
    } else {                                                                                       \
      return r;                                                                                    \
    }                                                                                              \
    return mjx_make_##C(scale * (a.re * b.re + a.im * b.im), scale * (a.im * b.re - a.re * b.im)); \
  }                                                                                                \
  MJX_INLINE int mjx_s_div_##C##_easy(mjx_t_##C a, mjx_t_##C b) {                                  \
    mjx_t_##F size = FABS(b.re) + FABS(b.im);                                                      \
    return (FABS(a.re) < INFINITE) & (FABS(a.im) < INFINITE) & (size > 0) & (size < INFINITE);     \
  }                                                                                                \
  MJX_INLINE mjx_t_##C mjx_s_div_##C##_vector(mjx_t_##C a, mjx_t_##C b) {                          \
    int wide = FABS(b.re) >= FABS(b.im);                                                           \
    mjx_t_##F big = wide ? b.re : b.im, small = wide ? b.im : b.re;                                \
    mjx_t_##F x = wide ? a.re : a.im, y = wide ? a.im : a.re;                                      \
    mjx_t_##F ratio = small / big, scale = big + small * ratio;                                    \
    mjx_t_##F re = (x + y * ratio) / scale, im = (y - x * ratio) / scale;                          \
    return mjx_make_##C(re, wide ? im : -im);                                                      \
  }                                                                                                \
  MJX_INLINE mjx_t_##C mjx_s_div_##C(mjx_t_##C a, mjx_t_##C b) {                                   \
    mjx_t_##C r = mjx_s_div_##C##_vector(a, b);                                                    \
    return r.re != r.re && r.im != r.im ? mjx_divide_limits_##C(a, b, r) : r;                      \
  }
MJX_DEFINE_COMPLEX_DIVIDE(c64, f32, __builtin_fabsf, __builtin_copysignf, MJX_INFF)
MJX_DEFINE_COMPLEX_DIVIDE(c128, f64, __builtin_fabs, __builtin_copysign, MJX_INF)

/* complex(re, im) and its parts. */
#define MJX_DEFINE_COMPLEX_PARTS(C, F, LENGTH)                                           \
  MJX_INLINE mjx_t_##C mjx_s_complex_##F(mjx_t_##F re, mjx_t_##F im) {                   \
    return mjx_make_##C(re, im);                                                         \
  }                                                                                      \
  MJX_INLINE mjx_t_##F mjx_s_real_##C(mjx_t_##C z) { return z.re; }                      \
  MJX_INLINE mjx_t_##F mjx_s_imag_##C(mjx_t_##C z) { return z.im; }                      \
  MJX_INLINE mjx_t_##C mjx_s_conj_##C(mjx_t_##C z) { return mjx_make_##C(z.re, -z.im); } \
  MJX_INLINE mjx_t_##C mjx_s_conj_##F(mjx_t_##F re) { return mjx_make_##C(re, 0); }      \
  /* z / |z|, and 0 of 0 */                                                              \
  MJX_INLINE mjx_t_##C mjx_s_sign_##C(mjx_t_##C z) {                                     \
    mjx_t_##F r = LENGTH(z), divisor = r == 0 ? 1 : r;                                   \
    return mjx_make_##C((r == 0 ? 0 : z.re) / divisor, (r == 0 ? 0 : z.im) / divisor);   \
  }
MJX_INLINE float mjx_s_abs_c64(mjx_t_c64 z) {
  double x = z.re, y = z.im;
  return (float)__builtin_sqrt(x * x + y * y);
}
MJX_INLINE double mjx_s_abs_c128(mjx_t_c128 z) {
  double a = __builtin_fabs(z.re), b = __builtin_fabs(z.im);
  double most = a > b ? a : b, least = a > b ? b : a;
  double ratio = least / (most > 0.0 ? most : 1.0);
  double r = most * __builtin_sqrt(ratio * ratio + 1.0), sum = a + b;
  r = most == MJX_INF ? MJX_INF : r;
  return sum != sum ? sum : r;
}
MJX_DEFINE_COMPLEX_PARTS(c64, f32, mjx_s_abs_c64)
MJX_DEFINE_COMPLEX_PARTS(c128, f64, mjx_s_abs_c128)

/* From the C library. Some inverse functions take a zero part as +0, as JAX does:
 * on a branch cut the value is that of the upper (right) side. */
#define MJX_COMPLEX_LIBRARY(op, C, C_TYPE, FUNCTION, ZERO)            \
  MJX_INLINE mjx_t_##C mjx_library_##op##_##C(mjx_t_##C z) {          \
    C_TYPE r = FUNCTION(__builtin_complex(z.re + ZERO, z.im + ZERO)); \
    return mjx_make_##C(__real__ r, __imag__ r);                      \
  }
#define MJX_COMPLEX_DIRECT(op, FUNCTION)                           \
  MJX_COMPLEX_LIBRARY(op, c64, float _Complex, FUNCTION##f, -0.0f) \
  MJX_COMPLEX_LIBRARY(op, c128, double _Complex, FUNCTION, -0.0)
#define MJX_COMPLEX_INVERSE(op, FUNCTION)                         \
  MJX_COMPLEX_LIBRARY(op, c64, float _Complex, FUNCTION##f, 0.0f) \
  MJX_COMPLEX_LIBRARY(op, c128, double _Complex, FUNCTION, 0.0)
MJX_COMPLEX_DIRECT(exp, __builtin_cexp)
MJX_COMPLEX_DIRECT(log, __builtin_clog)
MJX_COMPLEX_DIRECT(sin, __builtin_csin)
MJX_COMPLEX_DIRECT(cos, __builtin_ccos)
MJX_COMPLEX_DIRECT(tan, __builtin_ctan)
MJX_COMPLEX_DIRECT(sinh, __builtin_csinh)
MJX_COMPLEX_DIRECT(cosh, __builtin_ccosh)
MJX_COMPLEX_DIRECT(tanh, __builtin_ctanh)
MJX_COMPLEX_DIRECT(atan, __builtin_catan)
MJX_COMPLEX_DIRECT(atanh, __builtin_catanh)
MJX_COMPLEX_INVERSE(sqrt, __builtin_csqrt)
MJX_COMPLEX_INVERSE(asin, __builtin_casin)
MJX_COMPLEX_INVERSE(acos, __builtin_cacos)
MJX_COMPLEX_INVERSE(asinh, __builtin_casinh)
MJX_COMPLEX_INVERSE(acosh, __builtin_cacosh)

/* In terms of those. F: the real suffix. */
#define MJX_DEFINE_COMPLEX_DERIVED(C, F, LOG_2, HALF, ATAN2, SIN, COS, POW)           \
  MJX_INLINE mjx_t_##C mjx_library_exp2_##C(mjx_t_##C z) {                            \
    return mjx_library_exp_##C(mjx_make_##C(z.re * LOG_2, z.im * LOG_2));             \
  }                                                                                   \
  MJX_INLINE mjx_t_##C mjx_library_rsqrt_##C(mjx_t_##C z) {                           \
    mjx_t_##F size = mjx_s_rsqrt_##F(mjx_s_abs_##C(z));                               \
    mjx_t_##F angle = ATAN2(z.im, z.re) * -HALF;                                      \
    if (z.re == 0 && z.im == 0) angle = 0;                                            \
    return mjx_make_##C(size * COS(angle), size * SIN(angle));                        \
  }                                                                                   \
  MJX_INLINE mjx_t_##C mjx_library_logistic_##C(mjx_t_##C z) {                        \
    mjx_t_##C e = mjx_library_exp_##C(mjx_s_neg_##C(z));                              \
    e.re = e.re + 1;                                                                  \
    return mjx_s_div_##C(mjx_make_##C(1, 0), e);                                      \
  }                                                                                   \
  /* exp(x + iy) - 1 = expm1(x) cos y - 2 sin^2(y/2) + i exp(x) sin y */              \
  MJX_INLINE mjx_t_##C mjx_library_expm1_##C(mjx_t_##C z) {                           \
    mjx_t_##F s = SIN(z.im * HALF), e = mjx_s_expm1_##F(z.re);                        \
    mjx_t_##F re = e * COS(z.im) - 2 * (s * s);                                       \
    mjx_t_##F im = z.im == 0 ? z.im : mjx_s_exp_##F(z.re) * SIN(z.im);                \
    return mjx_make_##C(re, im);                                                      \
  }                                                                                   \
  /* log |1 + z| as log1p(x (2 + x) + y^2) / 2 where |1 + z| is near 1 */             \
  MJX_INLINE mjx_t_##C mjx_library_log1p_##C(mjx_t_##C z) {                           \
    mjx_t_##C w = mjx_library_log_##C(mjx_make_##C(z.re + 1, z.im));                  \
    mjx_t_##F d = z.re * (2 + z.re) + z.im * z.im;                                    \
    w.re = d > -HALF && d < HALF ? HALF * mjx_s_log1p_##F(d) : w.re;                  \
    return w;                                                                         \
  }                                                                                   \
  /* |a|^c exp(-d arg a) in polar form, for b = c + id */                             \
  MJX_INLINE mjx_t_##C mjx_library_pow_##C(mjx_t_##C a, mjx_t_##C b) {                \
    mjx_t_##F r = mjx_s_abs_##C(a), angle = ATAN2(a.im, a.re);                        \
    if (r == 0 && b.im == 0 && b.re >= 0) return mjx_make_##C(b.re == 0, 0);          \
    if (a.re == 1 && a.im == 0) return a;                                             \
    mjx_t_##F size = POW(r, b.re) * mjx_s_exp_##F(-b.im * angle);                     \
    mjx_t_##F turn = b.re * angle + b.im * mjx_s_log_##F(r);                          \
    return mjx_make_##C(size * COS(turn), size * SIN(turn));                          \
  }                                                                                   \
  /* -i log((x + iy) / sqrt(x^2 + y^2)) */                                            \
  MJX_INLINE mjx_t_##C mjx_s_atan2_##C(mjx_t_##C y, mjx_t_##C x) {                    \
    mjx_t_##C sum = mjx_s_add_##C(mjx_s_square_##C(x), mjx_s_square_##C(y));          \
    mjx_t_##C top = mjx_make_##C(x.re - y.im, x.im + y.re);                           \
    mjx_t_##C w = mjx_library_log_##C(mjx_s_div_##C(top, mjx_library_sqrt_##C(sum))); \
    return mjx_make_##C(w.im, -w.re);                                                 \
  }
MJX_DEFINE_COMPLEX_DERIVED(c64, f32, 0x1.62e430p-1f, 0.5f, __builtin_atan2f, __builtin_sinf,
                           __builtin_cosf, __builtin_powf)
MJX_DEFINE_COMPLEX_DERIVED(c128, f64, 0x1.62e42fefa39efp-1, 0.5, __builtin_atan2, __builtin_sin,
                           __builtin_cos, __builtin_pow)

/* complex64: arguments of ordinary size by the formulas that define the functions, whose parts
 * are vector code; all others, infinities and NaN among them, by the C library. */
MJX_INLINE int mjx_is_ordinary_f32(float x, float bound) { return __builtin_fabsf(x) < bound; }

/* sinh and cosh of |x| < 88, from exp(|x|) - 1. */
typedef struct {
  float sinh, cosh;
} mjx_hyperbolic_f32;
MJX_INLINE mjx_hyperbolic_f32 mjx_sinh_cosh_f32(float x) {
  float e = mjx_s_expm1_f32(__builtin_fabsf(x)), q = e / (e + 1.0f);
  mjx_hyperbolic_f32 r = {__builtin_copysignf(0.5f * (e + q), x), 1.0f + 0.5f * (e * q)};
  return r;
}

MJX_INLINE int mjx_s_exp_c64_easy(mjx_t_c64 z) {
  return mjx_is_ordinary_f32(z.re, 88.0f) & mjx_is_ordinary_f32(z.im, 120.0f);
}
MJX_INLINE mjx_t_c64 mjx_s_exp_c64_vector(mjx_t_c64 z) {
  float e = mjx_s_exp_f32(z.re);
  return mjx_make_c64(e * mjx_s_cos_f32_vector(z.im), e * mjx_s_sin_f32_vector(z.im));
}

MJX_INLINE int mjx_s_sinh_c64_easy(mjx_t_c64 z) { return mjx_s_exp_c64_easy(z); }
MJX_INLINE mjx_t_c64 mjx_s_sinh_c64_vector(mjx_t_c64 z) {
  mjx_hyperbolic_f32 h = mjx_sinh_cosh_f32(z.re);
  return mjx_make_c64(h.sinh * mjx_s_cos_f32_vector(z.im), h.cosh * mjx_s_sin_f32_vector(z.im));
}

MJX_INLINE int mjx_s_cosh_c64_easy(mjx_t_c64 z) { return mjx_s_exp_c64_easy(z); }
MJX_INLINE mjx_t_c64 mjx_s_cosh_c64_vector(mjx_t_c64 z) {
  mjx_hyperbolic_f32 h = mjx_sinh_cosh_f32(z.re);
  return mjx_make_c64(h.cosh * mjx_s_cos_f32_vector(z.im), h.sinh * mjx_s_sin_f32_vector(z.im));
}

/* Kahan's form, with t = tan y: no cancellation. */
MJX_INLINE int mjx_s_tanh_c64_easy(mjx_t_c64 z) {
  return mjx_is_ordinary_f32(z.re, 20.0f) & mjx_is_ordinary_f32(z.im, 120.0f);
}
MJX_INLINE mjx_t_c64 mjx_s_tanh_c64_vector(mjx_t_c64 z) {
  mjx_hyperbolic_f32 h = mjx_sinh_cosh_f32(z.re);
  float t = mjx_s_tan_f32_vector(z.im), beta = t * t + 1.0f;
  float part = beta * h.sinh, scale = 1.0f / (part * h.sinh + 1.0f);
  return mjx_make_c64(part * h.cosh * scale, t * scale);
}

/* f(z) = -i g(iz) */
#define MJX_C64_TURNED(op, g)                                        \
  MJX_INLINE int mjx_s_##op##_c64_easy(mjx_t_c64 z) {                \
    return mjx_s_##g##_c64_easy(mjx_make_c64(-z.im, z.re));          \
  }                                                                  \
  MJX_INLINE mjx_t_c64 mjx_s_##op##_c64_vector(mjx_t_c64 z) {        \
    mjx_t_c64 w = mjx_s_##g##_c64_vector(mjx_make_c64(-z.im, z.re)); \
    return mjx_make_c64(w.im, -w.re);                                \
  }
MJX_C64_TURNED(sin, sinh)
MJX_C64_TURNED(tan, tanh)
MJX_INLINE int mjx_s_cos_c64_easy(mjx_t_c64 z) {
  return mjx_s_cosh_c64_easy(mjx_make_c64(-z.im, z.re));
}
MJX_INLINE mjx_t_c64 mjx_s_cos_c64_vector(mjx_t_c64 z) {
  return mjx_s_cosh_c64_vector(mjx_make_c64(-z.im, z.re));
}

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
 * im atan2(2y, 1 - x^2 - y^2) / 2. */
MJX_INLINE int mjx_s_atanh_c64_easy(mjx_t_c64 z) {
  double a = __builtin_fabsf(z.re), b = __builtin_fabsf(z.im);
  return (a < 0x1p60) & (b < 0x1p60) & ((1.0 - a) * (1.0 - a) + b * b > 0x1p-100);
}
MJX_INLINE mjx_t_c64 mjx_s_atanh_c64_vector(mjx_t_c64 z) {
  double x = __builtin_fabsf(z.re), y = z.im, y2 = y * y;
  float ratio = (float)(4.0 * x / ((1.0 - x) * (1.0 - x) + y2));
  float cosine = (float)((1.0 - x) * (1.0 + x) - y2);
  float re = __builtin_copysignf(0.25f * mjx_s_log1p_f32(ratio), z.re);
  return mjx_make_c64(re, 0.5f * mjx_s_atan2_f32(2.0f * z.im, cosine));
}
MJX_C64_TURNED(atan, atanh)

/* Hull, Fairgrieve and Tang (1997), in float64 but for the last step. With r and s the
 * distances from -1 and 1 and a = (r + s) / 2, of x and y >= 0: the angle of asin is
 * atan2(x, w), w^2 = (a + x) (a - x), the other part log1p(a - 1 + sqrt(a^2 - 1)); a - 1 and
 * a - x are sums without cancellation. */
typedef struct {
  float w, log;
} mjx_arc_f32;
MJX_INLINE mjx_arc_f32 mjx_arc(mjx_t_c64 z) {
  double x = __builtin_fabsf(z.re), y = z.im, y2 = y * y;
  double r = __builtin_sqrt((x + 1.0) * (x + 1.0) + y2);
  double s = __builtin_sqrt((x - 1.0) * (x - 1.0) + y2);
  double beyond = y2 / (r + (x + 1.0)); /* r - (x + 1) */
  double sum = s + __builtin_fabs(x - 1.0), rest = y2 / sum;
  double more = 0.5 * (beyond + (x < 1.0 ? rest : sum));
  double less = 0.5 * (beyond + (x < 1.0 ? sum : rest));
  mjx_arc_f32 arc = {(float)__builtin_sqrt((more + 1.0 + x) * less),
                     mjx_s_log1p_f32((float)(more + __builtin_sqrt(more * (more + 2.0))))};
  return arc;
}
MJX_INLINE int mjx_s_asin_c64_easy(mjx_t_c64 z) { return mjx_s_atanh_c64_easy(z); }
MJX_INLINE mjx_t_c64 mjx_s_asin_c64_vector(mjx_t_c64 z) {
  float x = z.re + 0.0f, y = z.im + 0.0f;
  mjx_arc_f32 arc = mjx_arc(z);
  return mjx_make_c64(mjx_s_atan2_f32(x, arc.w), __builtin_copysignf(arc.log, y));
}
MJX_INLINE int mjx_s_acos_c64_easy(mjx_t_c64 z) { return mjx_s_atanh_c64_easy(z); }
MJX_INLINE mjx_t_c64 mjx_s_acos_c64_vector(mjx_t_c64 z) {
  float x = z.re + 0.0f, y = z.im + 0.0f;
  mjx_arc_f32 arc = mjx_arc(z);
  return mjx_make_c64(mjx_s_atan2_f32(arc.w, x), -__builtin_copysignf(arc.log, y));
}
MJX_INLINE int mjx_s_acosh_c64_easy(mjx_t_c64 z) { return mjx_s_atanh_c64_easy(z); }
MJX_INLINE mjx_t_c64 mjx_s_acosh_c64_vector(mjx_t_c64 z) {
  float x = z.re + 0.0f, y = z.im + 0.0f;
  mjx_arc_f32 arc = mjx_arc(z);
  return mjx_make_c64(arc.log, __builtin_copysignf(mjx_s_atan2_f32(arc.w, x), y));
}
/* -i asin(iz) */
MJX_INLINE int mjx_s_asinh_c64_easy(mjx_t_c64 z) {
  return mjx_s_atanh_c64_easy(mjx_make_c64(z.im, z.re));
}
MJX_INLINE mjx_t_c64 mjx_s_asinh_c64_vector(mjx_t_c64 z) {
  float x = z.re + 0.0f, y = z.im + 0.0f;
  mjx_arc_f32 arc = mjx_arc(mjx_make_c64(y, x));
  return mjx_make_c64(__builtin_copysignf(arc.log, x), mjx_s_atan2_f32(y, arc.w));
}

MJX_INLINE int mjx_s_exp2_c64_easy(mjx_t_c64 z) { return mjx_s_exp_c64_easy(z); }
MJX_INLINE mjx_t_c64 mjx_s_exp2_c64_vector(mjx_t_c64 z) {
  return mjx_s_exp_c64_vector(mjx_make_c64(z.re * 0x1.62e430p-1f, z.im * 0x1.62e430p-1f));
}
MJX_INLINE int mjx_s_logistic_c64_easy(mjx_t_c64 z) { return mjx_s_exp_c64_easy(z); }
MJX_INLINE mjx_t_c64 mjx_s_logistic_c64_vector(mjx_t_c64 z) {
  mjx_t_c64 e = mjx_s_exp_c64_vector(mjx_s_neg_c64(z));
  return mjx_s_div_c64_vector(mjx_make_c64(1.0f, 0.0f), mjx_make_c64(e.re + 1.0f, e.im));
}
/* exp(x + iy) - 1 = expm1(x) cos y - 2 sin^2(y/2) + i exp(x) sin y */
MJX_INLINE int mjx_s_expm1_c64_easy(mjx_t_c64 z) { return mjx_s_exp_c64_easy(z); }
MJX_INLINE mjx_t_c64 mjx_s_expm1_c64_vector(mjx_t_c64 z) {
  float s = mjx_s_sin_f32_vector(z.im * 0.5f), e = mjx_s_expm1_f32(z.re);
  float re = e * mjx_s_cos_f32_vector(z.im) - 2.0f * (s * s);
  return mjx_make_c64(re, mjx_s_exp_f32(z.re) * mjx_s_sin_f32_vector(z.im));
}

/* |a|^c exp(-d arg a) in polar form, for b = c + id; the bounds keep the angle below 120. */
MJX_INLINE int mjx_s_pow_c64_easy(mjx_t_c64 a, mjx_t_c64 b) {
  float size = __builtin_fabsf(a.re) + __builtin_fabsf(a.im);
  int moderate = (size > 0x1p-40f) & (size < 0x1p40f);
  return moderate & mjx_is_ordinary_f32(b.re, 16.0f) & mjx_is_ordinary_f32(b.im, 2.0f);
}
MJX_INLINE mjx_t_c64 mjx_s_pow_c64_vector(mjx_t_c64 a, mjx_t_c64 b) {
  float r = mjx_s_abs_c64(a), angle = mjx_s_atan2_f32(a.im, a.re);
  float size = mjx_s_pow_f32(r, b.re) * mjx_s_exp_f32(-b.im * angle);
  float turn = b.re * angle + b.im * mjx_s_log_f32(r);
  return mjx_make_c64(size * mjx_s_cos_f32_vector(turn), size * mjx_s_sin_f32_vector(turn));
}

#define MJX_COMPLEX_GUARDED(op, C)                                                                \
  MJX_INLINE mjx_t_##C mjx_s_##op##_##C(mjx_t_##C z) {                                            \
    return mjx_s_##op##_##C##_easy(z) ? mjx_s_##op##_##C##_vector(z) : mjx_library_##op##_##C(z); \
  }
#define MJX_COMPLEX_PLAIN(op, C) \
  MJX_INLINE mjx_t_##C mjx_s_##op##_##C(mjx_t_##C z) { return mjx_library_##op##_##C(z); }
MJX_COMPLEX_GUARDED(exp, c64)
MJX_COMPLEX_GUARDED(exp2, c64)
MJX_COMPLEX_GUARDED(expm1, c64)
MJX_COMPLEX_GUARDED(log, c64)
MJX_COMPLEX_GUARDED(log1p, c64)
MJX_COMPLEX_GUARDED(logistic, c64)
MJX_COMPLEX_GUARDED(sqrt, c64)
MJX_COMPLEX_GUARDED(rsqrt, c64)
MJX_COMPLEX_GUARDED(sin, c64)
MJX_COMPLEX_GUARDED(cos, c64)
MJX_COMPLEX_GUARDED(tan, c64)
MJX_COMPLEX_GUARDED(sinh, c64)
MJX_COMPLEX_GUARDED(cosh, c64)
MJX_COMPLEX_GUARDED(tanh, c64)
MJX_COMPLEX_GUARDED(asin, c64)
MJX_COMPLEX_GUARDED(acos, c64)
MJX_COMPLEX_GUARDED(atan, c64)
MJX_COMPLEX_GUARDED(asinh, c64)
MJX_COMPLEX_GUARDED(acosh, c64)
MJX_COMPLEX_GUARDED(atanh, c64)
MJX_COMPLEX_PLAIN(exp, c128)
MJX_COMPLEX_PLAIN(exp2, c128)
MJX_COMPLEX_PLAIN(expm1, c128)
MJX_COMPLEX_PLAIN(log, c128)
MJX_COMPLEX_PLAIN(log1p, c128)
MJX_COMPLEX_PLAIN(logistic, c128)
MJX_COMPLEX_GUARDED(sqrt, c128)
MJX_COMPLEX_GUARDED(rsqrt, c128)
MJX_COMPLEX_PLAIN(sin, c128)
MJX_COMPLEX_PLAIN(cos, c128)
MJX_COMPLEX_PLAIN(tan, c128)
MJX_COMPLEX_PLAIN(sinh, c128)
MJX_COMPLEX_PLAIN(cosh, c128)
MJX_COMPLEX_PLAIN(tanh, c128)
MJX_COMPLEX_PLAIN(asin, c128)
MJX_COMPLEX_PLAIN(acos, c128)
MJX_COMPLEX_PLAIN(atan, c128)
MJX_COMPLEX_PLAIN(asinh, c128)
MJX_COMPLEX_PLAIN(acosh, c128)
MJX_COMPLEX_PLAIN(atanh, c128)
MJX_INLINE mjx_t_c64 mjx_s_pow_c64(mjx_t_c64 a, mjx_t_c64 b) {
  return mjx_s_pow_c64_easy(a, b) ? mjx_s_pow_c64_vector(a, b) : mjx_library_pow_c64(a, b);
}
MJX_INLINE mjx_t_c128 mjx_s_pow_c128(mjx_t_c128 a, mjx_t_c128 b) {
  return mjx_library_pow_c128(a, b);
}

#endif
