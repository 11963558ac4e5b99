/* slide.h: windows slid over an array: the plan of REDUCE_WINDOW and ARG_WINDOW, and the loops over
 * cells that it chooses from.
 */
#ifndef MJX_SLIDE_H
#define MJX_SLIDE_H

#include "blocks.h"
#include "internal.h"

enum { SLIDE_WIDE_CELL = 8 }; /* elements of a cell that the block kernels do better */

typedef struct slide_dim {
  int64_t n_out, n_in, window, stride, low, base, dilation;
  int64_t in_stride, flat_stride; /* flat: of a dense array of the input's shape */
} slide_dim;

/* acc[i * cells + c] = op(acc[..], in[i * step + c]) for i < n, c < cells; step in elements. */
typedef void (*slide_line_fn)(int64_t n, int64_t cells, void *acc, const void *in, int64_t step);

typedef struct slide_plan {
  int ndim; /* without the dims of a cell; at least 1 */
  slide_dim *dims;
  int64_t cells;
  int64_t inside_first, inside_last; /* of the last dim: windows that lie wholly inside */
  int64_t rows, cost;
  int size;
  bool by_lines;
  int64_t chunk, chunks; /* by lines: windows of a row that are done together, and how many such */
  int64_t line_bytes;    /* of the line that a chunk sees */
  mjx_window_kernel kernel;
  mjx_rows_fn wide;   /* combines whole lines */
  slide_line_fn line; /* combines small cells that lie apart */
  mjx_window_extremes_fn extremes;
  bool from_identity; /* ARG_WINDOW: start from the worst value and no place */
  _Alignas(16) char identity[16];
} slide_plan;

/* The loop for a reduction (mjx_reduce_kind) of elements of a type; NULL if there is none. */
slide_line_fn mjx_slide_line(int dtype, int64_t kind);

#endif /* MJX_SLIDE_H */
