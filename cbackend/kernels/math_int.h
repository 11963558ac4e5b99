/* Integer and boolean scalar functions. Arithmetic wraps; division by zero and
 * out-of-range shifts are defined as XLA defines them. */
#ifndef MJX_MATH_INT_H
#define MJX_MATH_INT_H

#include "math_base.h"

/* T: dtype suffix, U: its unsigned twin, W: an unsigned type at least as wide as
 * int, so that products of narrow types do not overflow a promoted int. */
#define MJX_DEFINE_INT(T, U, W, BITS)                                                     \
  MJX_INLINE mjx_t_##T mjx_s_add_##T(mjx_t_##T a, mjx_t_##T b) {                          \
    return (mjx_t_##T)((W)a + (W)b);                                                      \
  }                                                                                       \
  MJX_INLINE mjx_t_##T mjx_s_sub_##T(mjx_t_##T a, mjx_t_##T b) {                          \
    return (mjx_t_##T)((W)a - (W)b);                                                      \
  }                                                                                       \
  MJX_INLINE mjx_t_##T mjx_s_mul_##T(mjx_t_##T a, mjx_t_##T b) {                          \
    return (mjx_t_##T)((W)a * (W)b);                                                      \
  }                                                                                       \
  MJX_INLINE mjx_t_##T mjx_s_neg_##T(mjx_t_##T a) { return (mjx_t_##T)((W)0 - (W)a); }    \
  MJX_INLINE mjx_t_##T mjx_s_square_##T(mjx_t_##T a) { return (mjx_t_##T)((W)a * (W)a); } \
  MJX_INLINE mjx_t_##T mjx_s_shift_left_##T(mjx_t_##T a, mjx_t_##T b) {                   \
    W n = (W)(mjx_t_##U)b;                                                                \
    W r = (W)(mjx_t_##U)a << (n & (BITS - 1));                                            \
    return (mjx_t_##T)(n < BITS ? r : 0);                                                 \
  }                                                                                       \
  MJX_INLINE mjx_t_##T mjx_s_shift_right_logical_##T(mjx_t_##T a, mjx_t_##T b) {          \
    W n = (W)(mjx_t_##U)b;                                                                \
    W r = (W)(mjx_t_##U)a >> (n & (BITS - 1));                                            \
    return (mjx_t_##T)(n < BITS ? r : 0);                                                 \
  }                                                                                       \
  MJX_INLINE mjx_t_##T mjx_s_population_count_##T(mjx_t_##T a) {                          \
    return (mjx_t_##T)mjx_popcount_##U((mjx_t_##U)a);                                     \
  }                                                                                       \
  MJX_INLINE mjx_t_##T mjx_s_clz_##T(mjx_t_##T a) {                                       \
    return (mjx_t_##T)mjx_clz_##W((W)(mjx_t_##U)a, BITS);                                 \
  }

#define MJX_DEFINE_BITS(T)                                                                    \
  MJX_INLINE mjx_t_##T mjx_s_and_##T(mjx_t_##T a, mjx_t_##T b) { return (mjx_t_##T)(a & b); } \
  MJX_INLINE mjx_t_##T mjx_s_or_##T(mjx_t_##T a, mjx_t_##T b) { return (mjx_t_##T)(a | b); }  \
  MJX_INLINE mjx_t_##T mjx_s_xor_##T(mjx_t_##T a, mjx_t_##T b) { return (mjx_t_##T)(a ^ b); } \
  MJX_INLINE mjx_t_##T mjx_s_max_##T(mjx_t_##T a, mjx_t_##T b) { return a > b ? a : b; }      \
  MJX_INLINE mjx_t_##T mjx_s_min_##T(mjx_t_##T a, mjx_t_##T b) { return a < b ? a : b; }      \
  MJX_INLINE mjx_t_##T mjx_s_clamp_##T(mjx_t_##T lo, mjx_t_##T x, mjx_t_##T hi) {             \
    return mjx_s_min_##T(mjx_s_max_##T(lo, x), hi);                                           \
  }                                                                                           \
  MJX_DEFINE_COMPARE(T)

#define MJX_DEFINE_COMPARE(T)                                                   \
  MJX_INLINE mjx_t_b1 mjx_s_eq_##T(mjx_t_##T a, mjx_t_##T b) { return a == b; } \
  MJX_INLINE mjx_t_b1 mjx_s_ne_##T(mjx_t_##T a, mjx_t_##T b) { return a != b; } \
  MJX_INLINE mjx_t_b1 mjx_s_lt_##T(mjx_t_##T a, mjx_t_##T b) { return a < b; }  \
  MJX_INLINE mjx_t_b1 mjx_s_le_##T(mjx_t_##T a, mjx_t_##T b) { return a <= b; } \
  MJX_INLINE mjx_t_b1 mjx_s_gt_##T(mjx_t_##T a, mjx_t_##T b) { return a > b; }  \
  MJX_INLINE mjx_t_b1 mjx_s_ge_##T(mjx_t_##T a, mjx_t_##T b) { return a >= b; }

/* Sums of bits, of pairs, of nibbles, .., in the type's own width: vectors then hold more. */
MJX_INLINE mjx_t_u8 mjx_popcount_u8(mjx_t_u8 x) {
  x = (mjx_t_u8)(x - ((x >> 1) & 0x55));
  x = (mjx_t_u8)((x & 0x33) + ((x >> 2) & 0x33));
  return (mjx_t_u8)((x + (x >> 4)) & 0x0f);
}

MJX_INLINE mjx_t_u16 mjx_popcount_u16(mjx_t_u16 x) {
  x = (mjx_t_u16)(x - ((x >> 1) & 0x5555));
  x = (mjx_t_u16)((x & 0x3333) + ((x >> 2) & 0x3333));
  x = (mjx_t_u16)((x + (x >> 4)) & 0x0f0f);
  return (mjx_t_u16)((x + (x >> 8)) & 0x1f);
}

MJX_INLINE uint32_t mjx_popcount_u32(uint32_t x) {
  x -= (x >> 1) & 0x55555555u;
  x = (x & 0x33333333u) + ((x >> 2) & 0x33333333u);
  x = (x + (x >> 4)) & 0x0f0f0f0fu;
  x += x >> 8; /* vectors of 32-bit integers are slow to multiply */
  return (x + (x >> 16)) & 0x3fu;
}

MJX_INLINE uint64_t mjx_popcount_u64(uint64_t x) {
  return mjx_popcount_u32((uint32_t)x) + mjx_popcount_u32((uint32_t)(x >> 32));
}

/* Leading zeros of the low `bits` bits: smear the top bit down, count the rest; where vectors have
 * an instruction for it, by that. */
MJX_INLINE uint32_t mjx_clz_uint32_t(uint32_t x, uint32_t bits) {
#if defined(__AVX512CD__)
  return x ? (uint32_t)__builtin_clz(x) - (32 - bits) : bits;
#endif
  x |= x >> 1, x |= x >> 2, x |= x >> 4, x |= x >> 8, x |= x >> 16;
  return bits - mjx_popcount_u32(x);
}

MJX_INLINE uint64_t mjx_clz_uint64_t(uint64_t x, uint64_t bits) {
  x |= x >> 1, x |= x >> 2, x |= x >> 4, x |= x >> 8, x |= x >> 16, x |= x >> 32;
  return bits - mjx_popcount_u64(x);
}

MJX_DEFINE_INT(i8, u8, uint32_t, 8)
MJX_DEFINE_INT(i16, u16, uint32_t, 16)
MJX_DEFINE_INT(i32, u32, uint32_t, 32)
MJX_DEFINE_INT(i64, u64, uint64_t, 64)
MJX_DEFINE_INT(u8, u8, uint32_t, 8)
MJX_DEFINE_INT(u16, u16, uint32_t, 16)
MJX_DEFINE_INT(u32, u32, uint32_t, 32)
MJX_DEFINE_INT(u64, u64, uint64_t, 64)

/* lax.abs takes no unsigned dtype. */
#define MJX_DEFINE_SIGN(T, W)                                                                      \
  MJX_INLINE mjx_t_##T mjx_s_abs_##T(mjx_t_##T a) { return a < 0 ? (mjx_t_##T)((W)0 - (W)a) : a; } \
  MJX_INLINE mjx_t_##T mjx_s_sign_##T(mjx_t_##T a) { return (mjx_t_##T)((a > 0) - (a < 0)); }
MJX_DEFINE_SIGN(i8, uint32_t)
MJX_DEFINE_SIGN(i16, uint32_t)
MJX_DEFINE_SIGN(i32, uint32_t)
MJX_DEFINE_SIGN(i64, uint64_t)

#define MJX_DEFINE_UNSIGNED_SIGN(T) \
  MJX_INLINE mjx_t_##T mjx_s_sign_##T(mjx_t_##T a) { return a > 0; }
MJX_DEFINE_UNSIGNED_SIGN(u8)
MJX_DEFINE_UNSIGNED_SIGN(u16)
MJX_DEFINE_UNSIGNED_SIGN(u32)
MJX_DEFINE_UNSIGNED_SIGN(u64)

MJX_DEFINE_BITS(b1)
MJX_DEFINE_BITS(i8)
MJX_DEFINE_BITS(i16)
MJX_DEFINE_BITS(i32)
MJX_DEFINE_BITS(i64)
MJX_DEFINE_BITS(u8)
MJX_DEFINE_BITS(u16)
MJX_DEFINE_BITS(u32)
MJX_DEFINE_BITS(u64)

MJX_INLINE mjx_t_b1 mjx_s_not_b1(mjx_t_b1 a) { return a ^ 1; }

#define MJX_DEFINE_NOT(T) \
  MJX_INLINE mjx_t_##T mjx_s_not_##T(mjx_t_##T a) { return (mjx_t_##T) ~a; }
MJX_DEFINE_NOT(i8)
MJX_DEFINE_NOT(i16)
MJX_DEFINE_NOT(i32)
MJX_DEFINE_NOT(i64)
MJX_DEFINE_NOT(u8)
MJX_DEFINE_NOT(u16)
MJX_DEFINE_NOT(u32)
MJX_DEFINE_NOT(u64)

/* Native code knows the divisors that are constants: the compiler multiplies in their place.  Of
 * bytes it has to be told how: the upper half of a product of 16 bits is exact. */
#define MJX_KNOWN_DIVISOR(b) (__builtin_constant_p(b) && (b) != 0)
#define MJX_QUOTIENT_OF_BYTES(a, b) \
  ((b) == 1 ? (uint16_t)(a)         \
            : (uint16_t)(((uint32_t)(uint16_t)(a) * (uint16_t)(0x10000 / (b) + 1)) >> 16))
MJX_INLINE int32_t mjx_known_quotient_i16(mjx_t_i16 a, mjx_t_i16 b) { return a / b; }
MJX_INLINE int32_t mjx_known_quotient_u16(mjx_t_u16 a, mjx_t_u16 b) { return a / b; }
MJX_INLINE int32_t mjx_known_quotient_u8(mjx_t_u8 a, mjx_t_u8 b) {
  return MJX_QUOTIENT_OF_BYTES(a, b);
}
MJX_INLINE int32_t mjx_known_quotient_i8(mjx_t_i8 a, mjx_t_i8 b) {
  int16_t x = a, minus = x >> 15, divisor = (int16_t)(b < 0 ? -b : b);
  int16_t rounded_down = (int16_t)(((int32_t)x * (int16_t)(0x10000 / divisor + 1)) >> 16);
  int16_t q = (int16_t)(rounded_down - minus);
  q = divisor == 1 ? x : divisor == 2 ? (int16_t)((x - minus) >> 1) : q;
  return b < 0 ? (int16_t)-q : q;
}

/* Division through a wider float: the quotient of two integers that fit half of
 * its mantissa truncates to the exact result, and float division vectorises.
 * x / 0 is all ones, x % 0 is x, and the most negative / -1 wraps to itself. */
#define MJX_DEFINE_DIVIDE(T, FLOAT, WIDE)                                                          \
  MJX_INLINE mjx_t_##T mjx_s_div_##T(mjx_t_##T a, mjx_t_##T b) {                                   \
    if (MJX_KNOWN_DIVISOR(b)) return (mjx_t_##T)mjx_known_quotient_##T(a, b);                      \
    WIDE q = (WIDE)((FLOAT)a / (FLOAT)(b == 0 ? (mjx_t_##T)1 : b));                                \
    return b == 0 ? (mjx_t_##T) - 1 : (mjx_t_##T)q;                                                \
  }                                                                                                \
  MJX_INLINE mjx_t_##T mjx_s_rem_##T(mjx_t_##T a, mjx_t_##T b) {                                   \
    if (MJX_KNOWN_DIVISOR(b)) return (mjx_t_##T)(a - (mjx_t_##T)mjx_known_quotient_##T(a, b) * b); \
    WIDE q = (WIDE)((FLOAT)a / (FLOAT)(b == 0 ? (mjx_t_##T)1 : b));                                \
    mjx_t_##T r = (mjx_t_##T)((uint32_t)a - (uint32_t)q * (uint32_t)b);                            \
    return b == 0 ? a : r;                                                                         \
  }
MJX_DEFINE_DIVIDE(i8, float, int32_t)
MJX_DEFINE_DIVIDE(u8, float, int32_t)
MJX_DEFINE_DIVIDE(i16, float, int32_t)
MJX_DEFINE_DIVIDE(u16, float, int32_t)

/* Of 32 bits: no vector conversion of AVX2 gives integers that large, so the quotient is
 * rounded to the nearest integer by adding a number whose last place is 1; the sum's low bits
 * are the integer's. What then remains is at most half of the divisor, so its sign is that of
 * 32 bits, and tells whether the quotient was rounded away from zero. */
MJX_INLINE uint32_t mjx_nearest_quotient(double a, double b) {
  /* off by far less than a half, and a constant divisor's reciprocal is one too */
  return (uint32_t)mjx_bits_f64(a * (1.0 / b) + 0x1.8p52);
}
MJX_INLINE mjx_t_u32 mjx_s_div_u32(mjx_t_u32 a, mjx_t_u32 b) {
  if (MJX_KNOWN_DIVISOR(b)) return a / b;
  mjx_t_u32 d = b == 0 ? 1 : b, q = mjx_nearest_quotient(a, d);
  int32_t rest = (int32_t)(a - q * d);
  return b == 0 ? UINT32_MAX : q - (rest < 0);
}
MJX_INLINE mjx_t_u32 mjx_s_rem_u32(mjx_t_u32 a, mjx_t_u32 b) {
  if (MJX_KNOWN_DIVISOR(b)) return a % b;
  mjx_t_u32 d = b == 0 ? 1 : b, rest = a - mjx_nearest_quotient(a, d) * d;
  rest += (int32_t)rest < 0 ? d : 0;
  return b == 0 ? a : rest;
}
/* -1: the quotient's magnitude is to be one less, and `rest` has another sign than a; else 0. */
MJX_INLINE int32_t mjx_rounded_away(int32_t a, int32_t rest) {
  return -(((rest < 0) & (a > 0)) | ((rest > 0) & (a < 0)));
}
/* By powers of two in words of our own: GCC's for the remainder of 2 is a choice that it does
 * not make in vectors beside bytes.  What is added lets the shift round towards zero. */
#define MJX_KNOWN_POWER(b) (MJX_KNOWN_DIVISOR(b) && (b) > 0 && ((b) & ((b) - 1)) == 0)
MJX_INLINE mjx_t_i32 mjx_s_div_i32(mjx_t_i32 a, mjx_t_i32 b) {
  if (MJX_KNOWN_POWER(b)) return (a + ((a >> 31) & (b - 1))) >> __builtin_ctz((uint32_t)b);
  if (MJX_KNOWN_DIVISOR(b) && b > 0) return a / b;
  mjx_t_i32 d = b == 0 ? 1 : b;
  uint32_t q = mjx_nearest_quotient(a, d);
  int32_t rest = (int32_t)((uint32_t)a - q * (uint32_t)d), sign = (a ^ d) < 0 ? -1 : 1;
  return b == 0 ? -1 : (int32_t)(q - (uint32_t)(mjx_rounded_away(a, rest) & sign));
}
MJX_INLINE mjx_t_i32 mjx_s_rem_i32(mjx_t_i32 a, mjx_t_i32 b) {
  if (MJX_KNOWN_POWER(b)) return a - ((a + ((a >> 31) & (b - 1))) & -b);
  if (MJX_KNOWN_DIVISOR(b) && b > 0) return a % b;
  mjx_t_i32 d = b == 0 ? 1 : b;
  uint32_t rest = (uint32_t)a - mjx_nearest_quotient(a, d) * (uint32_t)d;
  uint32_t step = (a ^ d) < 0 ? 0 - (uint32_t)d : (uint32_t)d;
  rest += step & (uint32_t)mjx_rounded_away(a, (int32_t)rest);
  return b == 0 ? a : (int32_t)rest;
}

MJX_INLINE mjx_t_i64 mjx_s_div_i64(mjx_t_i64 a, mjx_t_i64 b) {
  if (b == 0) return -1;
  return b == -1 ? mjx_s_neg_i64(a) : a / b;
}
MJX_INLINE mjx_t_i64 mjx_s_rem_i64(mjx_t_i64 a, mjx_t_i64 b) {
  if (b == 0) return a;
  return b == -1 ? 0 : a % b;
}
MJX_INLINE mjx_t_u64 mjx_s_div_u64(mjx_t_u64 a, mjx_t_u64 b) { return b == 0 ? UINT64_MAX : a / b; }
MJX_INLINE mjx_t_u64 mjx_s_rem_u64(mjx_t_u64 a, mjx_t_u64 b) { return b == 0 ? a : a % b; }

/* Sign fill, on unsigned dtypes as well: they are shifted as if signed. */
#define MJX_DEFINE_SHIFT_ARITHMETIC(T, U, S, BITS)                                  \
  MJX_INLINE mjx_t_##T mjx_s_shift_right_arithmetic_##T(mjx_t_##T a, mjx_t_##T b) { \
    mjx_t_##U n = (mjx_t_##U)b;                                                     \
    return (mjx_t_##T)((mjx_t_##S)a >> (n < BITS ? n : BITS - 1));                  \
  }
MJX_DEFINE_SHIFT_ARITHMETIC(i8, u8, i8, 8)
MJX_DEFINE_SHIFT_ARITHMETIC(i16, u16, i16, 16)
MJX_DEFINE_SHIFT_ARITHMETIC(i32, u32, i32, 32)
MJX_DEFINE_SHIFT_ARITHMETIC(i64, u64, i64, 64)
MJX_DEFINE_SHIFT_ARITHMETIC(u8, u8, i8, 8)
MJX_DEFINE_SHIFT_ARITHMETIC(u16, u16, i16, 16)
MJX_DEFINE_SHIFT_ARITHMETIC(u32, u32, i32, 32)
MJX_DEFINE_SHIFT_ARITHMETIC(u64, u64, i64, 64)

/* The high half of the double-width product. */
#define MJX_DEFINE_MULHI(T, WIDE, BITS)                            \
  MJX_INLINE mjx_t_##T mjx_s_mulhi_##T(mjx_t_##T a, mjx_t_##T b) { \
    return (mjx_t_##T)(((WIDE)a * (WIDE)b) >> BITS);               \
  }
MJX_DEFINE_MULHI(i8, int32_t, 8)
MJX_DEFINE_MULHI(i16, int32_t, 16)
MJX_DEFINE_MULHI(i32, int64_t, 32)
MJX_DEFINE_MULHI(i64, __int128, 64)
MJX_DEFINE_MULHI(u8, uint32_t, 8)
MJX_DEFINE_MULHI(u16, uint32_t, 16)
MJX_DEFINE_MULHI(u32, uint64_t, 32)
MJX_DEFINE_MULHI(u64, unsigned __int128, 64)

#endif
