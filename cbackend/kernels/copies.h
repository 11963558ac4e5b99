/* copies.h: the loops of strided copies that gain from shuffles of bytes. */
#ifndef MJX_COPIES_H
#define MJX_COPIES_H

#include <stdint.h>

/* n elements; `from` is the first of them that is read. */
typedef void (*mjx_copy_line_fn)(void *to, const void *from, int64_t n);
/* Rows of `columns` elements side by side: element c of row r is from[c * step + r]. */
typedef void (*mjx_join_fn)(void *to, const void *from, int64_t step, int64_t n_rows);

enum { MJX_MOST_JOINED = 4, MJX_MOST_STEP = 4 };

typedef struct mjx_copy_kernels {
  mjx_copy_line_fn reversed[4];                    /* [log2 of an element's bytes] */
  mjx_copy_line_fn stepping[4][MJX_MOST_STEP + 1]; /* [..][step], from 2 on */
  mjx_join_fn join[4][MJX_MOST_JOINED + 1];        /* [..][columns], from 2 on */
  /* n rows of `bytes` bytes, side by side, from `step` bytes to the next; elements of `size` bytes,
   * backwards within a row if `turned`.  bytes <= 8. */
  void (*rows)(uint8_t *to, const uint8_t *from, int64_t step, int64_t n, int bytes, int size,
               int turned);
} mjx_copy_kernels;

/* Those of the instruction set that mjx_isa_name() names; static storage. */
const mjx_copy_kernels *mjx_copy_kernels_get(void);

#endif /* MJX_COPIES_H */
