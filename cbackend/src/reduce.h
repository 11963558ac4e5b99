/* reduce.h: how REDUCE and ARGREDUCE cut their work.
 *
 * Both work on [outer, n, inner].  The columns (inner; or outer, where there is no inner) are cut
 * into blocks, and n into chunks when there are too few blocks for several threads.  Within a
 * chunk the rows are halved down to LEAF rows, so that float sums are pairwise.  Of many rows too
 * short for a vector, MJX_TOGETHER that lie side by side are taken as one wide row, whose parts are
 * combined at the end of a leaf.  All of it depends on the extents alone.
 */
#ifndef MJX_REDUCE_H
#define MJX_REDUCE_H

#include "blocks.h"
#include "internal.h"

enum {
  MJX_MIN_ROW = 8, /* shorter rows are reduced line by line, or together */
  MJX_TOGETHER = 64,
  MJX_WIDE_BYTES = MJX_TOGETHER * MJX_MIN_ROW * 16 /* of a wide row's accumulators, at most */
};

typedef struct reduce_plan {
  mjx_rows_fn rows; /* NULL if the columns are not side by side: lines then */
  mjx_lines_fn lines;
  mjx_rows_fn combine; /* rows of accumulators */
  int kind;
  int32_t in_size, acc_size, acc_dtype, dtype;
  int64_t outer, n, inner; /* outer is 1 if there was no inner */
  int64_t outer_stride, row_stride, column_stride;
  int64_t block;    /* columns of a full block */
  int64_t n_blocks; /* over inner */
  int64_t leaf;     /* rows that one kernel call takes */
  int64_t together; /* rows that lie side by side, and are taken as one wide row; 0: none are */
  mjx_rows_fn wide; /* over these */
  bool exact;       /* the order of rows changes no bit: a leaf may be of any length */
  int64_t chunk;    /* rows; a multiple of leaf */
  int64_t n_chunks;
  int64_t stack_bytes; /* scratch of a thread */
  bool copies;         /* n is 1: `copy` does it */
  mjx_copy_plan copy;
  void (*round)(int64_t n, void *const *out, const void *const *in); /* f32 to f16/bf16 */
} reduce_plan;

/* Plans the reduction of `in` (checked to be a view3) by `kind`. */
mjx_status mjx_reduce_prepare(const mjx_operand *in, int kind, reduce_plan *plan);
/* Scratch that mjx_reduce_block needs for this many rows, and for one block of accumulators. */
int64_t mjx_reduce_stack_bytes(const reduce_plan *plan, int64_t rows);
/* Reduces rows first..first+count of columns column..column+width of `outer` into acc. */
void mjx_reduce_block(const reduce_plan *plan, const char *base, int64_t outer, int64_t column,
                      int64_t width, int64_t first, int64_t count, char *acc, char *stack);
/* Where rows are taken together: wide = the accumulators of a wide row, of which `count` rows are
 * added to those there; then acc = what they come to. */
void mjx_reduce_wide(const reduce_plan *plan, const char *in, int64_t count, char *wide);
void mjx_reduce_narrow(const reduce_plan *plan, char *wide, char *acc);
/* Reduces all of `in`, with plan->stack_bytes of scratch and what the chunks' partials take. */
void mjx_reduce_all(const reduce_plan *plan, const char *in, char *out, char *scratch);
/* Pairwise: how many of `count` rows, more than a leaf, come first; a power of two of leaves. */
int64_t mjx_reduce_left_part(const reduce_plan *plan, int64_t count);
/* Rounds n accumulators to outputs. */
void mjx_reduce_finish(const reduce_plan *plan, char *out, const char *acc, int64_t n);
/* Combines the accumulators of all chunks, [n_chunks][outer * inner], and rounds them. */
void mjx_reduce_combine_chunks(const reduce_plan *plan, char *partials, char *out);
/* In which order a reduction takes the elements. */
mjx_order mjx_reduce_order(const reduce_plan *plan);
/* Fills n accumulators with the kind's identity. */
void mjx_reduce_identity(int kind, int acc_dtype, void *acc, int64_t n);

#endif /* MJX_REDUCE_H */
