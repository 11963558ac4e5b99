/* linalg.h: what the LAPACK instructions share.
 *
 * LAPACK is column-major, so a matrix operand has the dims [batch, columns, rows] and a vector
 * [batch, n].  Outputs are dense; inputs, of any strides, are copied to where LAPACK works on
 * them: an output, or scratch.  Integers that LAPACK reads back as indices live in scratch only,
 * so that no overlap of operands can lead it out of its arrays.  A plan is made at load, with
 * the routines and the sizes of all workspaces; a run allocates nothing.
 */
#ifndef MJX_LINALG_H
#define MJX_LINALG_H

#include "internal.h"

enum { MJX_LINALG_PLACES = 8 };

typedef struct mjx_linalg mjx_linalg;
typedef void (*mjx_linalg_routine)(void);

/* One matrix (or vector) of the batch. */
typedef struct mjx_linalg_job {
  const mjx_instr *instr;
  const mjx_linalg *plan;
  const mjx_frame *frame;
  int64_t item;
  char *scratch; /* the calling thread's */
} mjx_linalg_job;

/* The plan of an instruction; all of it belongs to the module. */
struct mjx_linalg {
  void (*one)(const mjx_linalg_job *job);
  mjx_linalg_routine routine[2];
  int dtype;     /* of the matrices: F32 F64 C64 C128 */
  int real_type; /* of its parts */
  bool complex;
  int64_t batch;
  int m, n, k; /* the op's own extents */
  int mode[4]; /* the op's own choices */
  int parts;   /* of the right sides of a triangular system, for threads to share */
  int lwork, lrwork, liwork;
  int64_t place[MJX_LINALG_PLACES]; /* scratch offsets */
  mjx_copy_plan copy[4];            /* of one item of an input, to dense memory */
  int64_t cost;                     /* about ns for the whole batch */
};

/* Starts a plan for matrices of the dtype of `matrix`, whose first extent is the batch. */
mjx_status mjx_linalg_start(mjx_loader *loader, mjx_instr *instr, const mjx_operand *matrix,
                            mjx_linalg **plan);
/* Finds LAPACK's `<prefix><name>_` for the plan's dtype; complex types take `complex_name`. */
mjx_status mjx_linalg_find(mjx_linalg *plan, int which, const char *name, const char *complex_name);
/* Reserves scratch for n elements; the offset goes to plan->place[place]. */
mjx_status mjx_linalg_reserve(mjx_instr *instr, int place, int64_t n, int64_t size);
/* Fails unless the operand has this dtype and these extents (ndim of them). */
mjx_status mjx_linalg_expect(const mjx_operand *operand, const char *what, int dtype, int ndim,
                             const int64_t *shape);
/* The same, and dense. */
mjx_status mjx_linalg_expect_out(const mjx_operand *operand, const char *what, int dtype, int ndim,
                                 const int64_t *shape);
/* Plans the copying of one item of input `index`. */
mjx_status mjx_linalg_copies(mjx_loader *loader, mjx_instr *instr, int index);
/* An extent as LAPACK's integer. */
mjx_status mjx_linalg_int(int64_t value, int *result);
/* A workspace: what the routine asked for, at least `least`. */
mjx_status mjx_linalg_workspace(const mjx_linalg *plan, const void *asked, int64_t least,
                                int *result);
/* Runs plan->one for the whole batch. */
mjx_status mjx_linalg_run(const mjx_instr *instr, mjx_frame *frame);

/* Where one item of an operand begins. */
char *mjx_linalg_item(const mjx_linalg_job *job, const mjx_operand *operand);
/* Copies one item of input `index` to dense memory. */
void mjx_linalg_load(const mjx_linalg_job *job, int index, void *to);
/* Matrices of m rows and n columns as the small factorisations take them, and back: they lie in
 * scratch, with mjx_factor_rows(m) elements a column. */
mjx_status mjx_linalg_reserve_padded(mjx_instr *instr, int place, int64_t m, int64_t n);
void *mjx_linalg_pad(const mjx_linalg_job *job, int place, int64_t m, int64_t n, const void *from);
void mjx_linalg_unpad(const mjx_linalg_job *job, int place, int64_t m, int64_t n, void *to);
/* Makes n elements of a floating dtype NaN (both parts of a complex one). */
void mjx_linalg_fill_nan(void *to, int64_t n, int dtype);

static inline void *mjx_linalg_scratch(const mjx_linalg_job *job, int place) {
  return job->scratch + job->plan->place[place];
}
static inline char *mjx_linalg_out(const mjx_linalg_job *job, int index) {
  return mjx_linalg_item(job, &job->instr->out[index]);
}

#endif /* MJX_LINALG_H */
