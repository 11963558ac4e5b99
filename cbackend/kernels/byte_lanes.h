/* A few truth values at once to and from integers as wide as the elements beside them, for native
 * code: of bytes beside wider elements compilers make vectors of a quarter of the width, or none.
 */
#ifndef MJX_BYTE_LANES_H
#define MJX_BYTE_LANES_H

#include "math_base.h"

/* `bits`-bit integers, N at once. */
#define MJX_LANES(N, bits) mjx_lanes##N##_of##bits
#define MJX_DEFINE_LANES(N, bits)          \
  typedef int##bits##_t MJX_LANES(N, bits) \
      __attribute__((vector_size(N * bits / 8), aligned(1), may_alias));
#define MJX_TO_LANES(x, N, bits) __builtin_convertvector(x, MJX_LANES(N, bits))

/* Of 8 and more, compilers have instructions for one doubling or halving at a time only. */
#define MJX_WIDEN_32(x, N)      MJX_TO_LANES(MJX_TO_LANES(x, N, 16), N, 32)
#define MJX_NARROW_32(x, N)     MJX_TO_LANES(MJX_TO_LANES(x, N, 16), N, 8)
#define MJX_WIDEN_64(x, N)      MJX_TO_LANES(MJX_WIDEN_32(x, N), N, 64)
#define MJX_NARROW_64(x, N)     MJX_NARROW_32(MJX_TO_LANES(x, N, 32), N)
#define MJX_WIDEN_FEW_32(x, N)  MJX_TO_LANES(x, N, 32)
#define MJX_NARROW_FEW_32(x, N) MJX_TO_LANES(x, N, 8)
#define MJX_WIDEN_FEW_64(x, N)  MJX_TO_LANES(x, N, 64)
#define MJX_NARROW_FEW_64(x, N) MJX_TO_LANES(x, N, 8)

#define MJX_DEFINE_BYTE_LANES(N, bits, WIDEN, NARROW)                                   \
  MJX_INLINE void mjx_widen_##N##_##bits(int##bits##_t *to, const uint8_t *from) {      \
    *(MJX_LANES(N, bits) *)to = WIDEN(*(const MJX_LANES(N, 8) *)(const void *)from, N); \
  }                                                                                     \
  MJX_INLINE void mjx_narrow_##N##_##bits(uint8_t *to, const int##bits##_t *from) {     \
    *(MJX_LANES(N, 8) *)(void *)to = NARROW(*(const MJX_LANES(N, bits) *)from, N);      \
  }
#define MJX_DEFINE_ALL_LANES(N) \
  MJX_DEFINE_LANES(N, 8) MJX_DEFINE_LANES(N, 16) MJX_DEFINE_LANES(N, 32) MJX_DEFINE_LANES(N, 64)
MJX_DEFINE_ALL_LANES(4)
MJX_DEFINE_ALL_LANES(8)
MJX_DEFINE_ALL_LANES(16)
MJX_DEFINE_BYTE_LANES(4, 32, MJX_WIDEN_FEW_32, MJX_NARROW_FEW_32)
MJX_DEFINE_BYTE_LANES(8, 32, MJX_WIDEN_32, MJX_NARROW_32)
MJX_DEFINE_BYTE_LANES(16, 32, MJX_WIDEN_32, MJX_NARROW_32)
MJX_DEFINE_BYTE_LANES(4, 64, MJX_WIDEN_FEW_64, MJX_NARROW_FEW_64)
MJX_DEFINE_BYTE_LANES(8, 64, MJX_WIDEN_64, MJX_NARROW_64)

#endif /* MJX_BYTE_LANES_H */
