/* ewise.h: the plan of an EWISE instruction, made once at load, walked at every run.
 *
 * The iteration space is cut into tiles of at most MJX_TILE elements.  In *row* mode a tile is a
 * piece of one row (the innermost dim); in *flat* mode, for short rows, it is a number of whole
 * rows of the flattened space.  For each tile every register has a pointer: into an operand's own
 * memory where its elements lie side by side there, else to a slot in the thread's scratch.
 *
 * MAP_REDUCE evaluates the same plans over any range of the flattened space, in its own order; the
 * registers that it reduces go to a *piece*, memory that the caller gives for each range.
 */
#ifndef MJX_EWISE_H
#define MJX_EWISE_H

#include "internal.h"
#include "kernels.h"

typedef enum ewise_mode {
  EWISE_DIRECT, /* the operand's own memory serves as the register */
  EWISE_SPLAT,  /* one value (flat: one row) all over the tile: kept until its source moves */
  EWISE_MOVE,   /* packed into (scattered from) the register */
  EWISE_AFFINE, /* generated */
  EWISE_TABLE   /* picked from: the register holds an mjx_table */
} ewise_mode;

/* A place that is known when the module is loaded: in one of the frame's slots, or in its
 * scratch. */
#define EWISE_SLOT_SCRATCH (-3)
typedef struct ewise_place {
  int32_t slot;
  int64_t offset;
} ewise_place;

typedef struct ewise_view {
  ewise_mode mode;
  int32_t slot; /* of the frame */
  int32_t size;
  int32_t dtype;
  int32_t reg;            /* outputs: the register to store; inputs: their own number */
  int64_t offset;         /* bytes; affine: first value */
  int64_t scratch;        /* where the register lies in scratch, unless DIRECT */
  const int64_t *strides; /* in elements, over the collapsed space */
  int64_t room;           /* of a table: its elements */
  bool dense;             /* side by side over the whole collapsed space */
  bool repeats;           /* affine: made for the first row, serves all */
  ewise_place from;       /* outputs of a single tile: their register */
} ewise_view;

/* Of an operand that is a piece. */
#define EWISE_SLOT_PIECE (-2)

typedef struct ewise_step {
  mjx_kernel_fn fn;
  int32_t n_in, n_out;
  int32_t in[4];
  int32_t out[2];
} ewise_step;

/* A step of a single tile. */
typedef struct ewise_bound_step {
  mjx_kernel_fn fn;
  int32_t n_in, n_out;
  ewise_place in[4], out[2];
} ewise_bound_step;

typedef struct ewise_plan {
  mjx_space_plan space;
  bool flat;
  bool copies; /* no step at all: `copy` does it */
  mjx_copy_plan copy;
  int64_t tile;          /* elements of a full tile */
  int64_t tiles_per_row; /* row mode */
  int64_t n_tiles;
  int64_t cost; /* about ns for everything */
  int32_t n_in, n_out, n_regs, n_steps;
  int32_t n_pieces;  /* outputs that are pieces; they come first */
  bool by_ranges;    /* there are pieces, or a piece is the first input: see mjx_ewise_range */
  ewise_view *views; /* inputs, then outputs */
  ewise_step *steps;
  ewise_bound_step *bound_steps; /* if there is one tile; else NULL */
  bool packs;                    /* that tile has operands that must be packed */
  int64_t *reg_scratch;          /* of every register that is not bound to an operand */
  int64_t scratch_bytes;
} ewise_plan;

/* A position in an iteration space. */
typedef struct ewise_cursor {
  int64_t index[MJX_MAX_NDIM];
} ewise_cursor;

/* ---- ewise_plan.c ---- */

/* Checks operands and micro-program (instr->params) of an EWISE, and plans it.  Operands of
 * EWISE_SLOT_PIECE may come first among the outputs, or one as the first input, dense over the
 * shape; the first output is dense then, so that the space keeps its order. */
mjx_status mjx_ewise_prepare(mjx_loader *loader, mjx_instr *instr, ewise_plan **plan);

/* ---- op_ewise.c ---- */

/* What one thread keeps while it evaluates a plan; the arrays lie in its scratch. */
typedef struct ewise_walker {
  const ewise_plan *plan;
  const mjx_frame *frame;
  char **regs;     /* where each register's elements are, in this tile */
  char **rows;     /* per view: the row's first element (flat: the view's base) */
  int64_t *values; /* per affine view: the row's first value */
  char **filled;   /* per SPLAT view: the source that fills its register now; repeats: itself */
  int64_t row;     /* that rows and values stand at */
  ewise_cursor cursor;
} ewise_walker;

/* Starts a walk in `scratch` (plan->scratch_bytes), at a row. */
void mjx_ewise_open(ewise_walker *walker, const ewise_plan *plan, const mjx_frame *frame,
                    char *scratch, int64_t row);
/* Evaluates elements first .. first+n-1 and stores them; those of output k < plan->n_pieces at
 * pieces[k].  Where the first input is a piece, walker->rows[0] is where its row would begin (flat:
 * all of it), if it were all there; a range is within a row then, unless the plan is flat. */
void mjx_ewise_range(ewise_walker *walker, int64_t first, int64_t n, char *const *pieces);

/* ---- ewise_tile.c ---- */

void mjx_ewise_seek(const mjx_space_plan *space, int64_t position, int ndim, ewise_cursor *cursor);
/* Elements first .. first+n-1 of the flattened space into a dense tile, or back. */
void mjx_ewise_pack(const mjx_space_plan *space, const ewise_view *view, char *base, int64_t first,
                    int64_t n, char *tile);
void mjx_ewise_unpack(const mjx_space_plan *space, const ewise_view *view, char *base,
                      int64_t first, int64_t n, const char *tile);
void mjx_ewise_generate(const mjx_space_plan *space, const ewise_view *view, int64_t first,
                        int64_t n, char *tile);
/* n elements value, value + step, .. of a dtype. */
void mjx_affine_line(char *to, int dtype, int64_t value, int64_t step, int64_t n);

#endif /* MJX_EWISE_H */
