/* take.h: picking from tables of narrow elements. */
#ifndef MJX_TAKE_H
#define MJX_TAKE_H

#include "math_base.h"

/* The element at `at`, in the low bits.  CPUs gather words only, so it is shifted out of the aligned
 * word that it lies in; other bytes of that word may lie outside of the table, but on its page. */
MJX_INLINE uint32_t mjx_take_narrow(const void *table, uint32_t at, uint32_t size) {
  uint64_t place = (uint64_t)table;
  const uint32_t *words = (const uint32_t *)(place & ~(uint64_t)3);
  uint32_t each = 4 / size, k = at + (uint32_t)(place & 3) / size;
  return words[k / each] >> (k % each * 8 * size);
}

#ifdef __SANITIZE_ADDRESS__ /* objects to the other bytes */
#define MJX_TAKE(type, table, at) ((const type *)(table))[at]
#else
#define MJX_TAKE(type, table, at) (type) mjx_take_narrow(table, (uint32_t)(at), sizeof(type))
#endif

MJX_INLINE uint8_t mjx_s_take_x1(const void *table, int32_t at) {
  return MJX_TAKE(uint8_t, table, at);
}
MJX_INLINE uint16_t mjx_s_take_x2(const void *table, int32_t at) {
  return MJX_TAKE(uint16_t, table, at);
}

#endif
