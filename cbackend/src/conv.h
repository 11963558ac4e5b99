/* conv.h: what the two ways of CONV share.
 *
 * Names: an output element has a row r (its batch index and place in space) and a feature o.  The
 * output is dense, so its dims split around the features in memory: `outer` before, `inner` after.
 */
#ifndef MJX_CONV_H
#define MJX_CONV_H

#include "blocks.h"
#include "internal.h"

enum { MJX_CONV_SPACE = MJX_MAX_NDIM - 2 };

typedef struct mjx_conv_dim {
  int64_t n_out, n_in, window, stride, low, base, dilation;
  int64_t in_stride, weight_stride;
} mjx_conv_dim;

/* One dim of the rows, slowest first: the batch (space < 0) or a dim of space. */
typedef struct mjx_conv_row_dim {
  int64_t n;
  int space;
} mjx_conv_row_dim;

/* The tiles of conv_kernels.h. */
typedef enum mjx_conv_form { MJX_CONV_ROWS, MJX_CONV_CELLS, MJX_CONV_PLANES } mjx_conv_form;

/* Where the input's elements lie: in its own memory, or laid out anew.  Strides in elements. */
typedef struct mjx_conv_layout {
  bool copied, zeroed;
  int64_t elements;
  int64_t first; /* the element that the first window begins with */
  int64_t batch_stride, feature_stride, group_stride;
  int64_t window[MJX_CONV_SPACE]; /* from a window to the next, by dim of space */
  int64_t place[MJX_CONV_SPACE];  /* from a place of a window to the next, if there are no phases */
  int64_t extent[MJX_CONV_SPACE], phases[MJX_CONV_SPACE], phase_stride[MJX_CONV_SPACE];
  int n_copies;
  struct layout_copy {
    mjx_copy_plan plan;
    int64_t to, from; /* elements */
  } *copies;
} mjx_conv_layout;

typedef struct mjx_conv_direct mjx_conv_direct;

typedef struct mjx_conv_plan {
  int dtype, size, n_space;
  mjx_conv_dim space[MJX_CONV_SPACE];
  mjx_conv_row_dim rows[MJX_CONV_SPACE + 1]; /* outer ones first */
  int n_row_dims;
  bool features_last;
  int64_t batch, features;                            /* of the input */
  int64_t batch_stride, feature_stride, group_stride; /* of the input */
  int64_t out_stride, in_stride, weight_group_stride; /* of the weights */
  int64_t groups, in_features, out_features;          /* features per group */
  int64_t places, KC;
  int64_t outer, inner, total_features; /* rows per matrix: features_last ? outer : inner */
  int64_t n_rows;
  mjx_conv_direct *direct; /* else by patches: */
  bool patches_by_row;     /* packed as [r][kc], c fastest; else as [kc][r] */
  bool feature_fastest;    /* order of kc: c fastest, or k fastest */
  int64_t row_block, row_blocks, k_block;
  int64_t weight_bytes, patch_bytes, cost;
  const mjx_blas *blas;
  mjx_dot_fn kernel;
} mjx_conv_plan;

/* Plans the direct way and sets instr->scratch_bytes, if that is the better way. */
mjx_status mjx_conv_direct_prepare(mjx_loader *loader, mjx_instr *instr, mjx_conv_plan *plan,
                                   bool *taken);
void mjx_conv_direct_run(const mjx_instr *instr, mjx_frame *frame);

/* What the groups of the input are: parts of its batch, or of its features. */
enum { MJX_CONV_BATCH = -2, MJX_CONV_FEATURES = -1 };
int mjx_conv_group_role(const mjx_conv_plan *plan);
/* Plans where a form finds the input; `copy`: laid out anew in any case.  Not taken: too large,
 * or of a kind that the form does not do. */
mjx_status mjx_conv_plan_layout(mjx_loader *loader, const mjx_conv_plan *plan, mjx_conv_form form,
                                bool copy, mjx_conv_layout *in, bool *taken);
/* The input as planned: itself, or laid out in `to`, which takes `bytes`, a multiple of MJX_ALIGN. */
const char *mjx_conv_lay_out(const mjx_conv_plan *plan, const mjx_conv_layout *layout,
                             const char *in, char *to, int64_t bytes);

static inline int64_t mjx_ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

#endif /* MJX_CONV_H */
