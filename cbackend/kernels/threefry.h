/* The Threefry-2x32 block cipher with 20 rounds (Salmon et al., "Parallel random
 * numbers: as easy as 1, 2, 3", 2011), the generator behind jax.random. */
#ifndef MJX_THREEFRY_H
#define MJX_THREEFRY_H

#include "math_base.h"

#define MJX_THREEFRY_ROUND(rotation) \
  x0 += x1, x1 = (x1 << (rotation)) | (x1 >> (32 - (rotation))), x1 ^= x0;
#define MJX_THREEFRY_EVEN_ROUNDS \
  MJX_THREEFRY_ROUND(13) MJX_THREEFRY_ROUND(15) MJX_THREEFRY_ROUND(26) MJX_THREEFRY_ROUND(6)
#define MJX_THREEFRY_ODD_ROUNDS \
  MJX_THREEFRY_ROUND(17) MJX_THREEFRY_ROUND(29) MJX_THREEFRY_ROUND(16) MJX_THREEFRY_ROUND(24)

/* Encrypts the counter (x0, x1) with the key (k0, k1). */
MJX_INLINE void mjx_threefry2x32(uint32_t k0, uint32_t k1, uint32_t x0, uint32_t x1, uint32_t *out0,
                                 uint32_t *out1) {
  uint32_t k2 = k0 ^ k1 ^ 0x1bd11bdau;
  x0 += k0, x1 += k1;
  MJX_THREEFRY_EVEN_ROUNDS
  x0 += k1, x1 += k2 + 1;
  MJX_THREEFRY_ODD_ROUNDS
  x0 += k2, x1 += k0 + 2;
  MJX_THREEFRY_EVEN_ROUNDS
  x0 += k0, x1 += k1 + 3;
  MJX_THREEFRY_ODD_ROUNDS
  x0 += k1, x1 += k2 + 4;
  MJX_THREEFRY_EVEN_ROUNDS
  *out0 = x0 + k2, *out1 = x1 + k0 + 5;
}

#endif
