/* complex64 and complex128 scalar functions. */
#ifndef MJX_COMPLEX_H
#define MJX_COMPLEX_H

#include "math_f32.h"
#include "math_f64.h"

/* C: complex suffix, F: its real suffix, FMADD: the fused multiply-add. */
#define MJX_DEFINE_COMPLEX_ARITHMETIC(C, F, FMADD)                                  \
    MJX_INLINE mjx_t_##C mjx_make_##C(mjx_t_##F re, mjx_t_##F im) {                 \
        mjx_t_##C z = {re, im};                                                     \
        return z;                                                                   \
    }                                                                               \
    MJX_INLINE mjx_t_##C mjx_s_add_##C(mjx_t_##C a, mjx_t_##C b) {                  \
        return mjx_make_##C(a.re + b.re, a.im + b.im);                              \
    }                                                                               \
    MJX_INLINE mjx_t_##C mjx_s_sub_##C(mjx_t_##C a, mjx_t_##C b) {                  \
        return mjx_make_##C(a.re - b.re, a.im - b.im);                              \
    }                                                                               \
    MJX_INLINE mjx_t_##C mjx_s_neg_##C(mjx_t_##C a) {                               \
        return mjx_make_##C(-a.re, -a.im);                                          \
    }                                                                               \
    MJX_INLINE mjx_t_##C mjx_s_mul_##C(mjx_t_##C a, mjx_t_##C b) {                  \
        return mjx_make_##C(FMADD(a.re, b.re, -(a.im * b.im)),                      \
                            FMADD(a.re, b.im, a.im * b.re));                        \
    }                                                                               \
    MJX_INLINE mjx_t_##C mjx_s_square_##C(mjx_t_##C a) {                            \
        return mjx_s_mul_##C(a, a);                                                 \
    }                                                                               \
    MJX_INLINE mjx_t_b1 mjx_s_eq_##C(mjx_t_##C a, mjx_t_##C b) {                    \
        return (a.re == b.re) & (a.im == b.im);                                     \
    }                                                                               \
    MJX_INLINE mjx_t_b1 mjx_s_ne_##C(mjx_t_##C a, mjx_t_##C b) {                    \
        return (a.re != b.re) | (a.im != b.im);                                     \
    }

MJX_DEFINE_COMPLEX_ARITHMETIC(c64, f32, MJX_FMAF)
MJX_DEFINE_COMPLEX_ARITHMETIC(c128, f64, MJX_FMA)

/* Lexicographic order, as JAX's CPU max and min of complex numbers. */
#define MJX_DEFINE_COMPLEX_ORDER(C)                                                 \
    MJX_INLINE mjx_t_##C mjx_s_max_##C(mjx_t_##C a, mjx_t_##C b) {                  \
        int first = a.re == b.re ? a.im > b.im : a.re > b.re;                       \
        return first ? a : b;                                                       \
    }                                                                               \
    MJX_INLINE mjx_t_##C mjx_s_min_##C(mjx_t_##C a, mjx_t_##C b) {                  \
        int first = a.re == b.re ? a.im < b.im : a.re < b.re;                       \
        return first ? a : b;                                                       \
    }                                                                               \
    MJX_INLINE mjx_t_##C mjx_s_clamp_##C(mjx_t_##C lo, mjx_t_##C x, mjx_t_##C hi) { \
        return mjx_s_min_##C(mjx_s_max_##C(lo, x), hi);                             \
    }
MJX_DEFINE_COMPLEX_ORDER(c64)
MJX_DEFINE_COMPLEX_ORDER(c128)

/* Smith's division: scales by the larger part of the divisor. */
#define MJX_DEFINE_COMPLEX_DIVIDE(C, F, ABS)                                        \
    MJX_INLINE mjx_t_##C mjx_s_div_##C(mjx_t_##C a, mjx_t_##C b) {                  \
        int wide = ABS(b.re) >= ABS(b.im);                                          \
        mjx_t_##F big = wide ? b.re : b.im, small = wide ? b.im : b.re;             \
        mjx_t_##F x = wide ? a.re : a.im, y = wide ? a.im : a.re;                   \
        mjx_t_##F ratio = small / big, scale = big + small * ratio;                 \
        mjx_t_##F re = (x + y * ratio) / scale, im = (y - x * ratio) / scale;       \
        return mjx_make_##C(re, wide ? im : -im);                                   \
    }
MJX_DEFINE_COMPLEX_DIVIDE(c64, f32, __builtin_fabsf)
MJX_DEFINE_COMPLEX_DIVIDE(c128, f64, __builtin_fabs)

#endif
