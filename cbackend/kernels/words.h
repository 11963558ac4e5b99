/* words.h: products of narrow integers, whose sums are of 32 bits and wrap around: so their order
 * is free, and each form gives the same bits.
 *
 * A word is 32 bits that hold 2 (int16) or 4 (bytes) elements that follow each other along K; one
 * instruction multiplies the elements of two words and adds up the products.  `a` is packed as rows
 * of words, `b` as panels of `width` columns: a row of what the sums begin with, then the words,
 * [K in words][width].  Like all block kernels they never allocate and run on any thread.
 */
#ifndef MJX_WORDS_H
#define MJX_WORDS_H

#include <stdint.h>

#include "mjx.h"

/* n lines (rows of a, or columns of b) of K elements; steps in elements. */
typedef struct mjx_word_pack {
  int64_t n, K;
  const void *from;
  int64_t step, k_step; /* from a line, an element to the next */
  void *to;
} mjx_word_pack;
typedef void (*mjx_word_pack_fn)(const mjx_word_pack *pack);

/* One panel's columns of c, n <= width, from M packed rows of `words` words each.  The elements of c
 * have c_size bytes: 1, 2 or 4. */
typedef struct mjx_word_dot {
  int64_t M, n, words;
  const int32_t *a, *panel;
  void *c;
  int64_t c_row;
  int c_size;
} mjx_word_dot;
typedef void (*mjx_word_dot_fn)(const mjx_word_dot *dot);

/* A form of words: packing by dtype of the elements, NULL where they do not fit. */
typedef struct mjx_words {
  int32_t per_word, width;
  const mjx_word_pack_fn *rows, *panel; /* [dtype] */
  mjx_word_dot_fn dot;                  /* NULL: there is no such form */
} mjx_words;

enum { MJX_WORD_PAIRS, MJX_WORD_BYTES, MJX_N_WORDS };

/* Products that need no packing: a and b of the same dtype; c as in mjx_word_dot. */
typedef struct mjx_narrow_dot {
  int64_t M, N, K;
  const void *a, *b;
  int64_t a_row, a_column, b_row, b_column;
  void *c;
  int64_t c_row;
  int c_size;
} mjx_narrow_dot;
typedef void (*mjx_narrow_dot_fn)(const mjx_narrow_dot *dot);

typedef struct mjx_narrow_kernels {
  const mjx_words *words;         /* [MJX_N_WORDS] */
  const mjx_narrow_dot_fn *lines; /* [dtype]: a and b contiguous along K */
  const mjx_narrow_dot_fn *thin;  /* [dtype]: few rows of a; rows of b contiguous */
} mjx_narrow_kernels;

/* Those of the instruction set that mjx_isa_name() names, with what else the CPU has; static
 * storage. */
const mjx_narrow_kernels *mjx_narrow_kernels_get(void);

#endif /* MJX_WORDS_H */
