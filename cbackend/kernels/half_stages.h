/* float16 numbers as native code computes with them: in the CPU's own arithmetic, or as float32s
 * that are rounded after each operation.  The bits are the same, since a float32 has more than
 * twice a float16's digits: rounding a sum or product twice is rounding it once.  Only what is stored
 * has NaNs of one payload. */
#ifndef MJX_HALF_STAGES_H
#define MJX_HALF_STAGES_H

#include "half_lines.h"
#include "half_wide.h"

#if defined(__AVX512FP16__)
typedef _Float16 mjx_h;
MJX_INLINE mjx_h mjx_h_round(float x) { return (mjx_h)x; }
MJX_INLINE mjx_h mjx_h_from_bits(mjx_t_f16 bits) {
  mjx_h x;
  __builtin_memcpy(&x, &bits, sizeof x);
  return x;
}
MJX_INLINE mjx_t_f16 mjx_h_bits(mjx_h x) {
  mjx_t_f16 bits;
  __builtin_memcpy(&bits, &x, sizeof bits);
  return bits;
}
/* With the one payload that a NaN of ours has. */
MJX_INLINE mjx_t_f16 mjx_h_stored(mjx_h x) {
  mjx_t_f16 bits = mjx_h_bits(x), nan = (bits & 0x8000u) | 0x7e00u;
  return (bits & 0x7fffu) > 0x7c00u ? nan : bits;
}
MJX_INLINE void mjx_hs_from_floats(int64_t n, mjx_h *to, const float *from) {
  int64_t i = 0;
  for (; i + 16 <= n; i += 16)
    *(mjx_halves16 *)(to + i) = (mjx_halves16)__builtin_ia32_vcvtps2ph512_mask(
        *(const mjx_floats16 *)(from + i), 0, (mjx_halves16){0}, -1);
  for (; i < n; i++) to[i] = (mjx_h)from[i];
}
MJX_INLINE void mjx_floats_from_hs(int64_t n, float *to, const mjx_h *from) {
  mjx_floats_from_f16(n, to, (const mjx_t_f16 *)from);
}
#else
typedef float mjx_h;
MJX_INLINE mjx_h mjx_h_round(float x) { return mjx_round_f16(x); }
MJX_INLINE mjx_h mjx_h_from_bits(mjx_t_f16 bits) { return mjx_f32_from_f16(bits); }
MJX_INLINE mjx_t_f16 mjx_h_bits(mjx_h x) { return mjx_f16_from_f32(x); }
MJX_INLINE mjx_t_f16 mjx_h_stored(mjx_h x) { return mjx_f16_from_f32(x); }
MJX_INLINE void mjx_hs_from_floats(int64_t n, mjx_h *to, const float *from) {
  for (int64_t i = 0; i < n; i++) to[i] = mjx_round_f16(from[i]);
}
MJX_INLINE void mjx_floats_from_hs(int64_t n, float *to, const mjx_h *from) {
  for (int64_t i = 0; i < n; i++) to[i] = from[i];
}
#endif

MJX_INLINE mjx_h mjx_h_add(mjx_h a, mjx_h b) { return mjx_h_round((float)a + (float)b); }
MJX_INLINE mjx_h mjx_h_sub(mjx_h a, mjx_h b) { return mjx_h_round((float)a - (float)b); }
MJX_INLINE mjx_h mjx_h_mul(mjx_h a, mjx_h b) { return mjx_h_round((float)a * (float)b); }
MJX_INLINE mjx_h mjx_h_square(mjx_h a) { return mjx_h_mul(a, a); }
MJX_INLINE mjx_h mjx_h_floor(mjx_h a) { return mjx_h_round(__builtin_floorf((float)a)); }
MJX_INLINE mjx_h mjx_h_ceil(mjx_h a) { return mjx_h_round(__builtin_ceilf((float)a)); }
MJX_INLINE mjx_h mjx_h_neg(mjx_h a) { return -a; }
MJX_INLINE mjx_h mjx_h_abs(mjx_h a) {
  return mjx_h_from_bits((mjx_t_f16)(mjx_h_bits(a) & 0x7fffu));
}
/* Adding 2^10 leaves no digits behind the point. */
MJX_INLINE mjx_h mjx_h_round_even(mjx_h x) {
  mjx_h a = mjx_h_abs(x), big = mjx_h_round(0x1p10f), r = mjx_h_sub(mjx_h_add(a, big), big);
  mjx_t_f16 bits = mjx_h_bits(a < big ? r : a);
  return mjx_h_from_bits((mjx_t_f16)(bits | (mjx_h_bits(x) & 0x8000u)));
}
MJX_INLINE mjx_t_b1 mjx_h_eq(mjx_h a, mjx_h b) { return a == b; }
MJX_INLINE mjx_t_b1 mjx_h_ne(mjx_h a, mjx_h b) { return a != b; }
MJX_INLINE mjx_t_b1 mjx_h_lt(mjx_h a, mjx_h b) { return a < b; }
MJX_INLINE mjx_t_b1 mjx_h_le(mjx_h a, mjx_h b) { return a <= b; }
MJX_INLINE mjx_t_b1 mjx_h_gt(mjx_h a, mjx_h b) { return a > b; }
MJX_INLINE mjx_t_b1 mjx_h_ge(mjx_h a, mjx_h b) { return a >= b; }
/* As float32's. */
MJX_INLINE mjx_h mjx_h_max(mjx_h a, mjx_h b) {
  mjx_h both = mjx_h_from_bits(mjx_h_bits(a) & mjx_h_bits(b));
  mjx_h r = a > b || a != a ? a : b;
  return a == b ? both : r;
}
MJX_INLINE mjx_h mjx_h_min(mjx_h a, mjx_h b) {
  mjx_h both = mjx_h_from_bits(mjx_h_bits(a) | mjx_h_bits(b));
  mjx_h r = a < b || a != a ? a : b;
  return a == b ? both : r;
}
MJX_INLINE mjx_h mjx_h_clamp(mjx_h lo, mjx_h x, mjx_h hi) {
  return mjx_h_min(mjx_h_max(lo, x), hi);
}
/* A step of a logistic function, and the first one of 2^x. */
MJX_INLINE mjx_h mjx_h_one_more(mjx_h e) { return mjx_h_add(e, mjx_h_round(1.0f)); }
MJX_INLINE mjx_h mjx_h_exp2(mjx_h x) {
  return mjx_h_mul(x, mjx_h_from_bits(mjx_f16_from_f32(0x1.62e430p-1f)));
}

#endif
