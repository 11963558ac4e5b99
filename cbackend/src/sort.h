/* sort.h: stable sorting of keys with their positions.
 *
 * Every dtype maps to unsigned keys of the same order.  Keys of up to 32 bits are packed with the
 * position into one word (key << 32 | position), wider ones into a pair; so equal keys differ by
 * position, and any sort of items is a stable sort of keys.  Bare keys are words without positions,
 * for elements that are equal only where their bits are, and of which nothing else is moved.
 */
#ifndef MJX_SORT_H
#define MJX_SORT_H

#include "internal.h"

typedef struct mjx_wide_item {
  uint64_t key;
  uint64_t position;
} mjx_wide_item;

/* How elements become keys. */
typedef struct mjx_sort_key {
  int32_t dtype; /* never complex: those are sorted by their parts */
  bool wide;     /* 64-bit keys: items are mjx_wide_item, else uint64_t */
  bool bare;     /* the items are keys alone, uint64_t */
  bool total;    /* floats by their bits (-NaN < .. < -0 < +0 < .. < NaN); else -0 == 0, and every
                    NaN is equal and last */
  bool descending;
} mjx_sort_key;

mjx_sort_key mjx_sort_key_of(int dtype, bool total, bool descending);
/* Of integers, in ascending order. */
mjx_sort_key mjx_sort_bare_key_of(int dtype);
static inline int64_t mjx_sort_item_bytes(const mjx_sort_key *key) {
  return key->wide && !key->bare ? 16 : 8;
}

/* items[i] = (key of the element at order[i], or at i if order is NULL; i), i < n < 2^32.
 * base, stride in bytes. */
void mjx_sort_make_items(const mjx_sort_key *key, const char *base, int64_t stride,
                         const uint32_t *order, int64_t n, void *items);
/* Adds to the positions of n items. */
void mjx_sort_move_items(const mjx_sort_key *key, void *items, int64_t n, int64_t by);
/* Sorts items; both places have room for n items, and items for 2 n words.  Returns where the
 * result is: items or other. */
void *mjx_sort_items(const mjx_sort_key *key, void *items, void *other, int64_t n);
/* Brings the k least items, in order, to the front. */
void mjx_sort_select(const mjx_sort_key *key, void *items, int64_t n, int64_t k);
/* to[i] = the element whose bare key is items[i]; dense. */
void mjx_sort_take_bare(const mjx_sort_key *key, const void *items, int64_t n, void *to);

static inline uint32_t mjx_sort_position(const mjx_sort_key *key, const void *items, int64_t i) {
  return key->wide ? (uint32_t)((const mjx_wide_item *)items)[i].position
                   : (uint32_t)((const uint64_t *)items)[i];
}

#endif /* MJX_SORT_H */
