/* A few truth values at once to and from integers as wide as the elements beside them, for native
 * code: of bytes beside wider elements compilers make vectors of a quarter of the width, or none.
 */
#ifndef MJX_BYTE_LANES_H
#define MJX_BYTE_LANES_H

#include "math_base.h"

#define MJX_DEFINE_BYTE_LANES(N, BITS)                                                            \
  typedef uint8_t mjx_bytes##N##_of##BITS __attribute__((vector_size(N), aligned(1), may_alias)); \
  typedef int##BITS##_t mjx_lanes##N##_of##BITS                                                   \
      __attribute__((vector_size(N * BITS / 8), aligned(BITS / 8), may_alias));                   \
  MJX_INLINE void mjx_widen_##N##_##BITS(int##BITS##_t *to, const uint8_t *from) {                \
    *(mjx_lanes##N##_of##BITS *)to =                                                              \
        __builtin_convertvector(*(const mjx_bytes##N##_of##BITS *)from, mjx_lanes##N##_of##BITS); \
  }                                                                                               \
  MJX_INLINE void mjx_narrow_##N##_##BITS(uint8_t *to, const int##BITS##_t *from) {               \
    *(mjx_bytes##N##_of##BITS *)to =                                                              \
        __builtin_convertvector(*(const mjx_lanes##N##_of##BITS *)from, mjx_bytes##N##_of##BITS); \
  }
MJX_DEFINE_BYTE_LANES(4, 32)
MJX_DEFINE_BYTE_LANES(8, 32)
MJX_DEFINE_BYTE_LANES(16, 32)
MJX_DEFINE_BYTE_LANES(4, 64)
MJX_DEFINE_BYTE_LANES(8, 64)

#endif /* MJX_BYTE_LANES_H */
