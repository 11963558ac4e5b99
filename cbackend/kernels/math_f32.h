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

/* NaN if either is NaN. */
MJX_INLINE float mjx_s_max_f32(float a, float b) { return a >= b || a != a ? a : b; }
MJX_INLINE float mjx_s_min_f32(float a, float b) { return a <= b || a != a ? a : b; }

/* exp(x): x = n log 2 + r, Cephes polynomial in r, scaled by 2^n. Below the
 * smallest normal number the result is 0. */
MJX_INLINE float mjx_s_exp_f32(float x) {
    x = x < -87.8f ? -87.8f : x;
    x = x > 88.8f ? 88.8f : x;
    float n = MJX_SMALL_FLOORF(MJX_FMAF(x, 0x1.715476p+0f, 0.5f));
    n = n < -127.0f ? -127.0f : n;
    n = n > 127.0f ? 127.0f : n;
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

MJX_INLINE float mjx_s_logistic_f32(float x) {
    return 1.0f / (mjx_s_exp_f32(-x) + 1.0f);
}

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
MJX_INLINE float mjx_s_log1p_f32(float x) {
    float far = mjx_s_log_f32(x + 1.0f);
    float p = 0x1.7bc096p-15f, q = 1.0f, x2 = x * x;
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
    float near = x + MJX_FMAF(x2, -0.5f, (x * x2) * (p / q));
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

#endif
