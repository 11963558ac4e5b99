/* window.h: what GATHER and SCATTER share.
 *
 * Both visit, for every index vector (row-major), one window of the operand: at `start` (from the
 * index vector, in the mapped dims), `size` elements in each dim.  `other` is GATHER's output or
 * SCATTER's updates: it has the index batch dims, and the window's dims but those of extent 1 that
 * are left out (collapsed, inserted, batching).
 */
#ifndef MJX_WINDOW_H
#define MJX_WINDOW_H

#include "blocks.h"
#include "internal.h"

/* Elements of these sizes, of whatever type. */
typedef struct pair {
  uint64_t low, high;
} __attribute__((may_alias)) pair;
typedef uint8_t __attribute__((may_alias)) bits8;
typedef uint16_t __attribute__((may_alias)) bits16;
typedef uint32_t __attribute__((may_alias)) bits32;
typedef uint64_t __attribute__((may_alias)) bits64;

typedef struct window_dim { /* a dim of the operand that the index vector steers */
  int64_t last;             /* the largest start at which the window fits */
  int64_t stride;           /* of the operand, in bytes */
  int64_t index;            /* position of its start in the index vector, in elements */
} window_dim;

typedef struct window_plan {
  int n_mapped;
  window_dim *mapped;
  bool clip; /* else a window that does not fit is left out */
  int32_t index_size, size;
  mjx_starts_fn starts;
  void (*lines_up)(int64_t n, int64_t first, int64_t step, int64_t *to);
  int64_t n_windows, window_n; /* elements of a window */
  /* The batch space; views: 0 row-major order (unused), 1 indices, 2 other, 3 operand. */
  mjx_space_plan batch;
  /* The window's dims: shape, and strides in elements of other and operand. */
  int ndim;
  int64_t *shape, *other_strides, *operand_strides;
} window_plan;

/* The parameters' lists, in the order in which both instructions have them. */
typedef struct mjx_list {
  int64_t n;
  const int64_t *items;
} mjx_list;
typedef struct window_dims {
  mjx_list window;           /* offset_dims / update_window_dims: dims of other */
  mjx_list left_out;         /* collapsed_slice_dims / inserted_window_dims: of the operand */
  mjx_list operand_batching; /* dims of the operand */
  mjx_list indices_batching; /* of the indices */
  mjx_list map;              /* start_index_map / scatter_dims_to_operand_dims */
} window_dims;

/* Reads one list at *at, and moves *at behind it. */
mjx_status mjx_window_read_list(const mjx_instr *instr, int64_t *at, mjx_list *list);
mjx_status mjx_window_read_dims(const mjx_instr *instr, int64_t *at, window_dims *dims);
/* sizes: the window's extent in every dim of the operand. */
mjx_status mjx_window_prepare(mjx_loader *loader, const mjx_operand *operand,
                              const mjx_operand *indices, const mjx_operand *other,
                              const window_dims *dims, const int64_t *sizes, bool clip,
                              window_plan *plan);

/* Walks the windows in order. */
typedef struct window_walk {
  const window_plan *plan;
  const char *indices;
  int64_t position[MJX_MAX_NDIM];
  int64_t at[4]; /* of the batch space's views, in elements */
} window_walk;

/* Windows that were found: where they begin in the operand and in other, in bytes. */
enum { MJX_WINDOW_BLOCK = 256 };
typedef struct window_block {
  int64_t n;
  bool gaps; /* some offsets are MJX_NO_WINDOW: those windows are to be left out */
  int64_t offsets[MJX_WINDOW_BLOCK], others[MJX_WINDOW_BLOCK];
} window_block;

void mjx_window_seek(window_walk *walk, const window_plan *plan, const char *indices,
                     int64_t window);
/* Windows of the run that the walk is in: along the batch space's last dim. */
int64_t mjx_window_run(const window_walk *walk);
/* Steps over n windows of one run. */
void mjx_window_skip(window_walk *walk, int64_t n);
/* Finds the next windows, no more than `left` and than a block takes. */
void mjx_window_take(window_walk *walk, int64_t left, window_block *block);

#endif /* MJX_WINDOW_H */
