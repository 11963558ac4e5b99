/* internal.h: the runtime's own types.  Included by every file of src/.
 *
 * Life of a module: mjx_program_load decodes the words into mjx_code / mjx_instr / mjx_operand,
 * checks every operand against its buffer, then calls each op's `check`, which validates the op's
 * own rules and leaves a *plan* in instr->plan.  All of that memory belongs to the module and is
 * freed at once.  A run takes a frame (one block: slots, arena, loop state, scratch) from the
 * module's free list and calls each instruction's `run`; a run allocates nothing.
 */
#ifndef MJX_INTERNAL_H
#define MJX_INTERNAL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mjx.h"
#include "mjx_encoding.h"

#define MJX_MAX_BYTES ((int64_t)1 << 46)
#define MJX_MIN(a, b) ((a) < (b) ? (a) : (b))
#define MJX_MAX(a, b) ((a) > (b) ? (a) : (b))
#define MJX_TRY(call)                      \
  do {                                     \
    mjx_status status_ = (call);           \
    if (status_ != MJX_OK) return status_; \
  } while (0)

#define MJX_SLOT_AFFINE (-1)
#define MJX_SLOT_ARENA  0
#define MJX_SLOT_CONST  1
#define MJX_SLOT_INPUT0 2

typedef struct mjx_instr mjx_instr;
typedef struct mjx_code mjx_code;
typedef struct mjx_frame mjx_frame;
typedef struct mjx_loader mjx_loader;
typedef struct mjx_profile mjx_profile;

/* A decoded and bounds-checked view.  shape and strides (in elements) lie in the module. */
typedef struct mjx_operand {
  int32_t slot; /* index into frame->slots, or MJX_SLOT_AFFINE */
  int32_t ndim;
  int32_t dtype;
  int32_t size;   /* bytes of an element */
  int64_t offset; /* bytes from the slot's base; of an affine view: its first value */
  int64_t n;      /* elements */
  const int64_t *shape;
  const int64_t *strides;
  bool dense;   /* row-major contiguous */
  int64_t room; /* elements from the first on to the end of the buffer; affine: 0 */
} mjx_operand;

typedef struct mjx_op {
  const char *name;
  mjx_status (*check)(mjx_loader *loader, mjx_instr *instr);
  mjx_status (*run)(const mjx_instr *instr, mjx_frame *frame);
} mjx_op;

struct mjx_instr {
  const mjx_op *op;
  int32_t n_out;
  int32_t n_in;
  mjx_operand *out; /* n_out operands */
  mjx_operand *in;  /* n_in operands */
  int64_t n_params;
  const int64_t *params;
  void *plan;            /* the op's own; owned by the module */
  int64_t scratch_bytes; /* leaf ops: working memory of the calling thread */
  int64_t local_bytes;   /* control ops: loop state and nested frames */
};

/* One program of a module. */
struct mjx_code {
  const struct mjx_program *program;
  int64_t n_inputs;
  int64_t n_outputs;
  int64_t *io_bytes; /* of the inputs, then of the outputs */
  int64_t arena_bytes;
  int64_t n_instrs;
  mjx_instr *instrs;
  int64_t local_bytes; /* the most that an instruction needs */
  int64_t frame_bytes; /* everything but scratch */
  int64_t first_row;   /* number of its first instruction among the module's */
};

/* The working memory of one activation of a program; the first thing in its own block. */
struct mjx_frame {
  char **slots; /* arena, consts, inputs.., outputs.. */
  char *locals;
  char *scratch;    /* the calling thread's; valid within one leaf instruction */
  uint32_t host_fp; /* the floating-point state that callbacks expect */
  const mjx_code *code;
};

/* Blocks of memory for runs, kept for the next ones.  All of a store have one size. */
typedef struct mjx_store {
  _Atomic(void *) spare; /* one free block without a lock */
  void *blocks;          /* more, linked through their first word, under the program's lock */
} mjx_store;

struct mjx_program {
  int64_t n_codes;
  mjx_code *codes;
  char *consts; /* MJX_ALIGN-aligned copy */
  int64_t const_bytes;
  int64_t scratch_bytes;
  int64_t *words; /* the module's copy of the encoding; shapes and params point here */
  void *blocks;   /* list of memory blocks, freed with the module */
  char *block_at; /* bump pointer into the newest block */
  char *block_end;
  mjx_store frames;        /* of tier 0 */
  mjx_store native_blocks; /* of native code */
  atomic_flag lock;
  _Atomic(mjx_profile *) profile;      /* NULL while nobody asks */
  mjx_profile *profile_memory;         /* kept from the first start on */
  _Atomic(struct mjx_native *) native; /* NULL: tier 0 runs; owned */
  _Atomic(int64_t) runs_left;          /* until the hot hook is called; 0: no more */
  int64_t hot_id;
};

static inline char *mjx_at(const mjx_frame *frame, const mjx_operand *operand) {
  return frame->slots[operand->slot] + operand->offset;
}

static inline int64_t mjx_round_up(int64_t bytes, int64_t align) {
  return (bytes + align - 1) / align * align;
}

/* ---- status.c ---- */

/* Stores a message for mjx_last_error and returns `status`. */
mjx_status mjx_fail(mjx_status status, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Puts words before the stored message. */
void mjx_fail_prefix(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* ---- load.c: for the ops' checks ---- */

/* Zeroed memory of the module, 64-byte aligned; NULL when there is none left. */
void *mjx_loader_alloc(mjx_loader *loader, int64_t bytes);
/* The program that is being loaded. */
const mjx_code *mjx_loader_current(const mjx_loader *loader);
/* A program that an instruction of the current one may refer to, or NULL. */
const mjx_code *mjx_loader_code(const mjx_loader *loader, int64_t index);
/* Fails unless the numbers of outputs, inputs and parameters are these (-1: any). */
mjx_status mjx_check_counts(const mjx_instr *instr, int n_out, int n_in, int64_t n_params);
/* Fails for an affine view, or another ndim (-1: any). */
mjx_status mjx_check_real(const mjx_operand *operand, const char *what, int ndim);
mjx_status mjx_check_dense(const mjx_operand *operand, const char *what);
/* Fails unless the extents are exactly these. */
mjx_status mjx_check_shape(const mjx_operand *operand, const char *what, int ndim,
                           const int64_t *shape);
#define MJX_ALLOC(loader, pointer, bytes)                            \
  do {                                                               \
    (pointer) = mjx_loader_alloc((loader), (int64_t)(bytes));        \
    if (!(pointer)) return mjx_fail(MJX_NO_MEMORY, "out of memory"); \
  } while (0)

/* ---- program.c ---- */

extern const mjx_op mjx_ops[];
int64_t mjx_frame_bytes(const mjx_code *code);
/* Lays a nested frame out in `memory` (code->frame_bytes bytes, MJX_ALIGN-aligned). */
mjx_frame *mjx_frame_nest(const mjx_frame *parent, const mjx_code *code, void *memory);
mjx_status mjx_code_run(const mjx_code *code, mjx_frame *frame);
bool mjx_interrupted(void);

/* ---- profile.c ---- */

/* As mjx_code_run, and counts. */
mjx_status mjx_code_run_profiled(const mjx_code *code, mjx_frame *frame, mjx_profile *profile);

/* ---- frames' inputs and outputs ---- */

static inline void mjx_frame_set_input(mjx_frame *frame, int64_t index, const void *pointer) {
  frame->slots[MJX_SLOT_INPUT0 + index] = (char *)(uintptr_t)pointer;
}
static inline void mjx_frame_set_output(mjx_frame *frame, int64_t index, void *pointer) {
  frame->slots[MJX_SLOT_INPUT0 + frame->code->n_inputs + index] = pointer;
}

/* ---- the orders of sums (see mjx_program_order) ---- */

mjx_order mjx_op_dot_order(const mjx_instr *instr);
mjx_order mjx_op_reduce_order(const mjx_instr *instr);
mjx_order mjx_op_map_reduce_order(const mjx_instr *instr, int64_t *chunk);
/* The reductions of a MAP_REDUCE whose elements native code has computed: pieces[k], dense, of all
 * lines (lines < 0) or of some.  scratch: what the instruction needs, or MJX_NATIVE_REDUCE_BYTES
 * for some lines. */
void mjx_map_reduce_pieces(const mjx_instr *instr, mjx_frame *frame, char *const *pieces,
                           int64_t first, int64_t lines, char *scratch);

/* ---- dtype.c ---- */

bool mjx_dtype_is_integer(int dtype); /* without BOOL */
bool mjx_dtype_is_signed(int dtype);
bool mjx_dtype_is_real_float(int dtype);
bool mjx_dtype_is_complex(int dtype);
/* An integer (or BOOL) element as int64; U64 beyond its range gives INT64_MAX. */
int64_t mjx_load_index(const void *element, int dtype);
/* Stores an index as an integer element, wrapping. */
void mjx_store_index(void *element, int dtype, int64_t value);

/* ---- pool.c ---- */

/* Does items begin..end-1; scratch is this thread's own. */
typedef void (*mjx_task_fn)(void *arg, int64_t begin, int64_t end, char *scratch);
/* Runs fn over 0..n-1, cut among threads when `cost` (about ns of one thread) is worth it.
 * own_scratch serves the calling thread, workers have scratch_bytes of their own. */
void mjx_pool_for(int64_t n, int64_t cost, int64_t scratch_bytes, char *own_scratch, mjx_task_fn fn,
                  void *arg);

/* ---- copy.c: views and strided copies ---- */

/* Iteration space of several views of one shape, with as few dims as they allow (at least 1).
 * strides[v][d] belongs to view v.  All arrays lie in the module. */
typedef struct mjx_space_plan {
  int32_t ndim;
  int32_t n_views;
  int64_t n; /* elements */
  int64_t *shape;
  int64_t **strides;
} mjx_space_plan;

/* Drops extents of 1, orders dims by the first view's strides, merges what all views allow. */
mjx_status mjx_space_collapse(mjx_loader *loader, int n_views, int ndim, const int64_t *shape,
                              const int64_t *const *strides, mjx_space_plan *plan);

typedef struct mjx_copy_plan {
  mjx_space_plan space; /* view 0: target, view 1: source; strides in elements */
  int32_t size;
} mjx_copy_plan;

mjx_status mjx_copy_prepare(mjx_loader *loader, int ndim, const int64_t *shape,
                            const int64_t *to_strides, const int64_t *from_strides, int size,
                            mjx_copy_plan *plan);
/* Copies; nothing when to == from and the views are the same.  Serial or threaded. */
void mjx_copy_run(const mjx_copy_plan *plan, char *to, const char *from, bool threads);
/* count elements of `size` bytes, strides in elements. */
void mjx_copy_line(char *to, int64_t to_stride, const char *from, int64_t from_stride,
                   int64_t count, int size);

/* shape[0] rows of shape[1] elements; in blocks, where the source is transposed. */
void mjx_copy_plane(char *to, const int64_t *to_strides, const char *from,
                    const int64_t *from_strides, const int64_t *shape, int size);

/* ---- blas.c ---- */

typedef struct mjx_blas {
  void (*sgemm)(int, int, int, int, int, int, float, const float *, int, const float *, int, float,
                float *, int);
  void (*dgemm)(int, int, int, int, int, int, double, const double *, int, const double *, int,
                double, double *, int);
  void (*cgemm)(int, int, int, int, int, int, const void *, const void *, int, const void *, int,
                const void *, void *, int);
  void (*zgemm)(int, int, int, int, int, int, const void *, const void *, int, const void *, int,
                const void *, void *, int);
} mjx_blas;

/* The open library, opened at the first call; NULL if there is none. */
const mjx_blas *mjx_blas_get(void);

#endif /* MJX_INTERNAL_H */
