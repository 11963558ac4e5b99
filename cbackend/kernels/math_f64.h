/* float64 scalar functions: exp, tanh and their kin as XLA's CPU backend computes
 * them (Cephes exp, a minimax rational tanh); log, sin, pow, ... from the C
 * library, as XLA does. */
#ifndef MJX_MATH_F64_H
#define MJX_MATH_F64_H

#include "math_base.h"
#include "math_int.h"

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

/* NaN if either is NaN. */
MJX_INLINE double mjx_s_max_f64(double a, double b) { return a >= b || a != a ? a : b; }
MJX_INLINE double mjx_s_min_f64(double a, double b) { return a <= b || a != a ? a : b; }

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

MJX_INLINE double mjx_s_exp2_f64(double x) {
    return mjx_s_exp_f64(x * 0x1.62e42fefa39efp-1);
}

MJX_INLINE double mjx_s_logistic_f64(double x) {
    return 1.0 / (mjx_s_exp_f64(-x) + 1.0);
}

MJX_INLINE double mjx_s_log_f64(double x) { return __builtin_log(x); }

/* Near 0 a rational function (Cephes), else log(1 + x). */
MJX_INLINE double mjx_s_log1p_f64(double x) {
    if (!(__builtin_fabs(x) < 0x1.a827999fcef32p-2)) return __builtin_log(x + 1.0);
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

#endif
