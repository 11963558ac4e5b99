/* complex64 and complex128: arithmetic, parts, and what the C library has. */
#ifndef MJX_MATH_COMPLEX_BASE_H
#define MJX_MATH_COMPLEX_BASE_H

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

#endif
