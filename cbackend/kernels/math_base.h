/* Types and bit casts that every scalar kernel function is written in.
 *
 * The math headers depend on nothing but stdint.h, so that emitted C can include
 * them without paying for system headers. Functions are branch-free wherever the
 * compiler is to vectorise the loop around them.
 */
#ifndef MJX_MATH_BASE_H
#define MJX_MATH_BASE_H

#include <stdint.h>

#define MJX_INLINE   static inline __attribute__((always_inline, unused))
#define MJX_NOINLINE static __attribute__((noinline, unused))

/* C types by dtype suffix; f16 and bf16 are held as their bits. */
typedef uint8_t mjx_t_b1;
typedef int8_t mjx_t_i8;
typedef int16_t mjx_t_i16;
typedef int32_t mjx_t_i32;
typedef int64_t mjx_t_i64;
typedef uint8_t mjx_t_u8;
typedef uint16_t mjx_t_u16;
typedef uint32_t mjx_t_u32;
typedef uint64_t mjx_t_u64;
typedef uint16_t mjx_t_f16;
typedef uint16_t mjx_t_bf16;
typedef float mjx_t_f32;
typedef double mjx_t_f64;
typedef struct {
  float re, im;
} mjx_t_c64;
typedef struct {
  double re, im;
} mjx_t_c128;
typedef uint8_t mjx_t_x1;
typedef uint16_t mjx_t_x2;
typedef uint32_t mjx_t_x4;
typedef uint64_t mjx_t_x8;
typedef struct {
  uint64_t lo, hi;
} mjx_t_x16;

MJX_INLINE uint32_t mjx_bits_f32(float x) {
  uint32_t u;
  __builtin_memcpy(&u, &x, sizeof u);
  return u;
}

MJX_INLINE float mjx_f32_bits(uint32_t u) {
  float x;
  __builtin_memcpy(&x, &u, sizeof x);
  return x;
}

MJX_INLINE uint64_t mjx_bits_f64(double x) {
  uint64_t u;
  __builtin_memcpy(&u, &x, sizeof u);
  return u;
}

MJX_INLINE double mjx_f64_bits(uint64_t u) {
  double x;
  __builtin_memcpy(&x, &u, sizeof x);
  return x;
}

/* a * b + c, in one rounding where the instruction set has it: XLA's CPU
 * compiler contracts so, and the polynomials follow it to give the same bits. */
#if defined(__FMA__) || defined(__AVX512F__) || defined(__aarch64__)
#define MJX_HAVE_FMA      1
#define MJX_FMAF(a, b, c) __builtin_fmaf((a), (b), (c))
#define MJX_FMA(a, b, c)  __builtin_fma((a), (b), (c))
#else
#define MJX_HAVE_FMA      0
#define MJX_FMAF(a, b, c) ((a) * (b) + (c))
#define MJX_FMA(a, b, c)  ((a) * (b) + (c))
#endif

/* a * b - p of the product p = a * b, exactly; without FMA from halves of 26 bits (Dekker). */
#if MJX_HAVE_FMA
MJX_INLINE double mjx_lost_f64(double a, double b, double p) { return MJX_FMA(a, b, -p); }
#else
MJX_INLINE double mjx_lost_f64(double a, double b, double p) {
  double c = a * 0x8000001p0, d = b * 0x8000001p0;
  double a_high = c - (c - a), b_high = d - (d - b), a_low = a - a_high, b_low = b - b_high;
  return ((a_high * b_high - p) + a_high * b_low + a_low * b_high) + a_low * b_low;
}
#endif

/* floor for |x| < 2^22 (2^51): without SSE4.1 the builtin is a library call. */
#if defined(__SSE4_1__) || defined(__aarch64__)
#define MJX_SMALL_FLOORF(x) __builtin_floorf(x)
#define MJX_SMALL_FLOOR(x)  __builtin_floor(x)
#else
MJX_INLINE float mjx_small_floorf(float x) {
  float t = (x + 0x1.8p23f) - 0x1.8p23f;
  return t - (t > x ? 1.0f : 0.0f);
}
MJX_INLINE double mjx_small_floor(double x) {
  double t = (x + 0x1.8p52) - 0x1.8p52;
  return t - (t > x ? 1.0 : 0.0);
}
#define MJX_SMALL_FLOORF(x) mjx_small_floorf(x)
#define MJX_SMALL_FLOOR(x)  mjx_small_floor(x)
#endif

/* Loops of a fixed number of turns, around which another becomes vector code. */
#if defined(__GNUC__) && !defined(__clang__)
#define MJX_UNROLLED _Pragma("GCC unroll 32")
#else
#define MJX_UNROLLED
#endif

/* Loops that gain nothing from vectors, or little: kept small, there are hundreds of them. */
#if defined(__GNUC__) && !defined(__clang__)
#define MJX_SMALL \
  __attribute__((noinline, noclone, optimize("no-tree-vectorize", "no-unroll-loops")))
#define MJX_FN __attribute__((noinline, noclone))
#else
#define MJX_SMALL __attribute__((noinline))
#define MJX_FN    __attribute__((noinline))
#endif

#endif
