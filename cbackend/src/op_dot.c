/* op_dot.c: DOT, the batched matrix product.
 *
 * The load decides all: the type to compute in, which operands must first be packed (converted, or
 * laid out so that the kernel can take them), which of three methods serves, and the blocks that
 * the output is cut into.  Blocks depend on the extents only, so threads never change a bit.
 */
#include <string.h>

#include "blocks.h"
#include "dot.h"
#include "internal.h"
#include "kernels.h"

typedef enum dot_method {
  DOT_KERNEL, /* own kernel: b has unit column stride */
  DOT_LINES,  /* own kernel: a and b both contiguous along K */
  DOT_THIN,   /* own kernel: few rows of a; b has unit column stride */
  DOT_BLAS,
  DOT_NARROW /* see dot_narrow.c */
} dot_method;

enum {
  SMALL_FLOPS = 1 << 16, /* below, the own kernel beats BLAS's call and packing */
  WIDE_VECTOR = 64,      /* bytes */
  MIDDLE_VECTOR = 32,
  NEAR_BYTES = 1024, /* from row to row of b */
  USED_ROWS = 32,    /* of a: so many pay for a copy of b */
  LINES_ROWS = 4,    /* or columns of c: with more of both, packing pays */
  LINES_LENGTH = 16, /* of K: with less, packing pays too */
  FEW_COLUMNS = 8,   /* of b, which become lines for so many rows of a: */
  TURNED_ROWS = 16,
  VECTOR_LENGTH = 6,  /* of K, where there is one row or column: */
  FEW_PRODUCTS = 128, /* .. unless there are so few that native code makes them in sequence */
  THIN_COLUMNS = 64,  /* least of b, with few rows of a */
  SMALL_COPY_BYTES = 1 << 14,
  CHUNK_K = 1 << 14, /* of a few long lines, that are cut along K */
  MAX_CHUNKS = 16,
  FEW_ELEMENTS = 64,     /* of c */
  SPLIT_FLOPS = 1 << 22, /* below, one block */
  LARGE_FLOPS = 1 << 28,
  BLOCK_EXTENT = 128, /* least rows or columns of a block */
  THIN_BLOCK_EXTENT = 512,
  HANDED_FLOPS = 1 << 20, /* as SPLIT_FLOPS, where blocks are handed on */
  HANDED_BYTES = 1 << 17, /* about, of such a block */
  NEAR_B_BYTES = 1 << 19, /* of a b that a near cache holds */
  WIDE_COLUMNS = 1024,    /* of a block along b's rows, which has .. */
  LEAST_ROWS = 24,
  FAR_BYTES = 1024, /* from row to row of a, and so many columns pay for a copy of it: */
  COPY_COLUMNS = 128,
  LARGE_BLOCK_EXTENT = 256,
  FEWEST_BLOCKS = 4,
  SHARED_FLOPS = 1 << 19, /* least of a block that is shared */
  SHARED_ROWS = 4,
  SHARED_COLUMNS = 32,
  MAX_BLOCKS = 64
};

struct mjx_dot_plan {
  dot_method method;
  mjx_dot_narrow *narrow;
  int dtype; /* computed in */
  int size;
  int64_t B, M, N, K;
  int64_t b_line; /* see mjx_dot_args */
  bool in_steps;  /* the kernel takes as many batches as it is given */
  mjx_dot_matrix a, b, c;
  mjx_dot_fn kernel, lines, thin;
  bool a_half, b_half; /* a kernel takes the operand's halves as they are */
  const mjx_blas *blas;
  int64_t block_rows, block_columns, row_blocks, column_blocks;
  bool copies_a;            /* blocks copy their part of a to the thread's scratch */
  int64_t own;              /* where the calling thread's is in scratch */
  int64_t copy_bytes;       /* of that copy; a block that is handed on comes after it */
  int64_t thread_bytes;     /* of both */
  int64_t chunks, partials; /* along K; where their sums are in scratch */
  mjx_rows_fn sum;
  bool handed_on; /* a tail takes the blocks of c, which lie in the thread's scratch */
  int64_t cost;
};
typedef mjx_dot_plan dot_plan;

/* ---- types ---- */

/* Computes in the output's type, except that half types compute in float32. */
static mjx_status choose_dtype(const mjx_instr *instr, dot_plan *plan) {
  int to = instr->out->dtype;
  plan->dtype = to == MJX_F16 || to == MJX_BF16 ? MJX_F32 : to;
  for (int i = 0; i < 2; i++) {
    int from = instr->in[i].dtype;
    bool half = from == MJX_F16 || from == MJX_BF16;
    if (mjx_dtype_size(half ? MJX_F32 : from) > mjx_dtype_size(plan->dtype))
      return mjx_fail(MJX_INVALID, "input dtype %d does not fit output dtype %d", from, to);
  }
  plan->size = mjx_dtype_size(plan->dtype);
  plan->kernel = mjx_block_kernels_get()->dot[plan->dtype];
  plan->lines = mjx_block_kernels_get()->dot_lines[plan->dtype];
  plan->thin = mjx_block_kernels_get()->dot_thin[plan->dtype];
  return MJX_OK;
}

/* ---- operands ---- */

static bool fits_int(int64_t value) { return value <= INT32_MAX; }

/* BLAS takes a matrix with one unit stride and the other at least the extent. */
static bool blas_takes(const mjx_dot_matrix *m) {
  if (!fits_int(m->rows) || !fits_int(m->columns)) return false;
  if (m->column_stride == 1)
    return m->row_stride >= MJX_MAX(1, m->columns) && fits_int(m->row_stride);
  return m->row_stride == 1 && m->column_stride >= MJX_MAX(1, m->rows) &&
         fits_int(m->column_stride);
}

/* Whether the kernel of a type works in register blocks, which may copy a and b. */
static bool in_registers(int dtype) { return mjx_block_kernels_get()->dot_thin[dtype] != NULL; }

static double flops_of(const dot_plan *plan) {
  return 2.0 * (double)plan->M * (double)plan->N * (double)plan->K;
}

/* Where vectors are wide, copying b's panels alone beats BLAS, which copies a too, and its sums go
 * to c once; a transposed b is copied too, which enough rows of a pay for.  With 16 registers BLAS
 * is behind where it has little to gain from copies: rows of a against a b that the cache holds. */
static bool own_is_faster(const dot_plan *plan) {
  bool real = plan->dtype == MJX_F32 || plan->dtype == MJX_F64;
  int64_t vector = mjx_block_kernels_get()->vector_bytes;
  if (!real || vector < MIDDLE_VECTOR || plan->N * plan->size < vector) return false;
  bool as_it_is = plan->b.column_stride == 1;
  if (vector == WIDE_VECTOR) return as_it_is || plan->M >= USED_ROWS;
  return as_it_is && plan->a.column_stride == 1 && plan->b.row_stride * plan->size <= NEAR_BYTES &&
         plan->N * plan->size >= 2 * vector;
}

static int64_t least_line(const dot_plan *plan) {
  bool vector = MJX_MIN(plan->M, plan->N) == 1 && MJX_MAX(plan->M, plan->N) > 1;
  bool few = (double)plan->B * flops_of(plan) <= 2 * FEW_PRODUCTS;
  return vector && !few ? VECTOR_LENGTH : LINES_LENGTH;
}

/* Rows of a times so few columns of b that vectors along them would be mostly empty. */
static bool turns_few_columns(const dot_plan *plan) {
  return plan->N > 1 && plan->N <= FEW_COLUMNS && plan->M >= TURNED_ROWS &&
         in_registers(plan->dtype) && plan->b.column_stride == 1;
}

static void choose_method(dot_plan *plan, bool a_converts, bool b_converts) {
  bool lies = plan->b.row_stride == 1 && MJX_MIN(plan->M, plan->N) <= LINES_ROWS &&
              (plan->b.column_stride != 1 || plan->N == 1);
  bool along_k = plan->K >= least_line(plan) && !a_converts && !b_converts &&
                 plan->a.column_stride == 1 && plan->lines != NULL &&
                 (lies || turns_few_columns(plan));
  double flops = flops_of(plan);
  bool blas_type = plan->dtype >= MJX_F32 && fits_int(MJX_MAX(plan->M, MJX_MAX(plan->N, plan->K)));
  bool thin = !along_k && plan->thin != NULL && plan->M <= LINES_ROWS && plan->N >= THIN_COLUMNS &&
              (b_converts || plan->b.column_stride == 1);
  plan->method = along_k ? DOT_LINES : thin ? DOT_THIN : DOT_KERNEL;
  if (plan->method == DOT_KERNEL && blas_type && flops >= SMALL_FLOPS && plan->K > 0 &&
      !own_is_faster(plan) && (plan->blas = mjx_blas_get()))
    plan->method = DOT_BLAS;
}

static void swap(int64_t *a, int64_t *b) {
  int64_t kept = *a;
  *a = *b;
  *b = kept;
}

static void transpose(mjx_dot_matrix *m) {
  swap(&m->rows, &m->columns);
  swap(&m->row_stride, &m->column_stride);
  swap(&m->view_row, &m->view_column);
}

/* A matrix whose columns are contiguous, times a vector: as the vector times the transpose, which
 * goes over contiguous rows. */
static void turn_around(dot_plan *plan) {
  mjx_dot_matrix *a = &plan->a, *b = &plan->b, *c = &plan->c, left = *b;
  if (c->columns != 1 || c->rows <= 1 || c->row_stride != 1) return;
  if (a->columns <= 1 || a->row_stride != 1) return;
  *b = *a;
  *a = left;
  transpose(a);
  transpose(b);
  transpose(c);
  if (a->column_stride == 1) a->row_stride = a->columns;
}

static bool is_half(int dtype) { return dtype == MJX_F16 || dtype == MJX_BF16; }

/* A row times a matrix of halves whose columns are contiguous: as lines of halves times a vector. */
static void turn_halves(dot_plan *plan) {
  mjx_dot_matrix *a = &plan->a, *b = &plan->b, *c = &plan->c, left = *b;
  if (c->rows != 1 || c->columns <= 1 || c->column_stride != 1) return;
  if (plan->dtype != MJX_F32 || !is_half(b->operand->dtype) || b->row_stride != 1) return;
  *b = *a;
  *a = left;
  transpose(a);
  transpose(b);
  transpose(c);
}

/* Halves that are widened as they are read: lines times a vector, or few rows times them. */
static void choose_halves(dot_plan *plan) {
  const mjx_block_kernels *kernels = mjx_block_kernels_get();
  if (plan->dtype != MJX_F32) return;
  bool to_line = plan->c.operand->dtype != plan->dtype || plan->c.row_stride == 1;
  mjx_dot_fn lines = kernels->dot_half_lines[plan->a.operand->dtype];
  mjx_dot_fn thin = kernels->dot_half_thin[plan->b.operand->dtype];
  plan->a_half = lines && plan->N == 1 && plan->M > 1 && plan->K >= LINES_LENGTH &&
                 plan->a.column_stride == 1 && to_line;
  plan->b_half = !plan->a_half && thin && plan->method == DOT_THIN && plan->b.column_stride == 1;
  if (plan->a_half) {
    plan->method = DOT_LINES;
    plan->lines = lines;
  }
  if (plan->b_half) plan->thin = thin;
}

/* Products of one line and one column each: lines of one matrix, each times its own. */
static void join_batches(dot_plan *plan) {
  mjx_dot_matrix *a = &plan->a, *b = &plan->b, *c = &plan->c;
  bool joins = plan->method == DOT_LINES && plan->M == 1 && plan->N == 1 && !c->packed &&
               a->inner_batches == plan->B && c->batch_stride == 1;
  if (!joins) return;
  plan->b_line = b->batch_stride;
  plan->M = a->rows = c->rows = plan->B;
  a->row_stride = a->batch_stride;
  c->row_stride = 1;
  plan->B = a->inner_batches = b->inner_batches = c->inner_batches = 1;
}

/* A b whose columns are contiguous: what one thread copied, the others would fetch from its CPU, so
 * each copies what it needs, of a large product a part of b, of many small ones a whole b. */
static bool copies_by_threads(const dot_plan *plan) {
  if (!in_registers(plan->dtype)) return false;
  if (flops_of(plan) >= SPLIT_FLOPS) return plan->B < MAX_BLOCKS;
  bool broadcast = plan->b.outer_stride == 0 && plan->b.batch_stride == 0;
  return plan->B > 1 && !broadcast && plan->K * plan->N * plan->size <= SMALL_COPY_BYTES;
}

/* Rows of a that share few places of the cache, where enough columns pay for a copy. */
static bool copies_rows(const dot_plan *plan) {
  int64_t apart = MJX_MAX(plan->a.row_stride, plan->a.column_stride) * plan->size;
  return in_registers(plan->dtype) && flops_of(plan) >= SPLIT_FLOPS && plan->M >= USED_ROWS &&
         plan->N >= COPY_COLUMNS && apart >= FAR_BYTES;
}

/* Whether a matrix that is converted stays transposed: nothing is turned then that the method takes
 * as it lies, or turns piece by piece. */
static bool converts_as_it_lies(const mjx_dot_matrix *m) {
  return m->columns > 1 && m->rows > 1 && m->view_row == 1 && m->view_column != 1;
}

static mjx_status pack_operands(mjx_loader *loader, const mjx_instr *instr, dot_plan *plan,
                                int64_t *scratch) {
  bool a_converts = plan->a.operand->dtype != plan->dtype;
  bool b_converts = plan->b.operand->dtype != plan->dtype;
  choose_method(plan, a_converts, b_converts);
  choose_halves(plan);
  bool blas = plan->method == DOT_BLAS, kernel = plan->method == DOT_KERNEL;
  plan->a.stays = a_converts && !plan->a_half && converts_as_it_lies(&plan->a);
  plan->b.stays = b_converts && !plan->b_half && converts_as_it_lies(&plan->b) &&
                  (blas || (kernel && copies_by_threads(plan)));
  if (plan->method == DOT_LINES && !plan->a_half && plan->b.row_stride != 1) plan->b.stays = true;
  if ((a_converts && !plan->a_half) || (blas && !blas_takes(&plan->a)))
    MJX_TRY(mjx_dot_pack(loader, &plan->a, plan->dtype, plan->B, false, scratch));
  bool b_fits = blas                                        ? blas_takes(&plan->b)
                : plan->a_half || plan->method == DOT_LINES ? plan->b.row_stride == 1
                                                            : plan->b.column_stride == 1;
  bool turns = kernel && (!b_converts || plan->b.stays) && plan->b.row_stride == 1 &&
               plan->b.column_stride != 1 && copies_by_threads(plan);
  if ((b_converts && !plan->b_half) || (!b_fits && !turns))
    MJX_TRY(mjx_dot_pack(loader, &plan->b, plan->dtype, plan->B, false, scratch));
  bool c_fits = instr->out->dtype == plan->dtype && (!blas || fits_int(plan->c.row_stride));
  if (!c_fits) MJX_TRY(mjx_dot_pack(loader, &plan->c, plan->dtype, plan->B, true, scratch));
  if (!plan->a_half) join_batches(plan);
  plan->copies_a = kernel && copies_rows(plan);
  return MJX_OK;
}

/* ---- blocks ---- */

/* From each batch to the next is the same step. */
static bool is_even(const mjx_dot_matrix *m) {
  return m->operand->ndim == 3 || m->outer_stride == m->inner_batches * m->batch_stride;
}

/* What one block would hold is shared among threads: the longer side is halved, which copies least
 * of a and b again. */
static void share(const dot_plan *plan, int64_t *rows, int64_t *columns) {
  double flops = (double)plan->B * flops_of(plan);
  for (;;) {
    int64_t row_blocks = (plan->M + *rows - 1) / *rows;
    int64_t blocks = plan->B * row_blocks * ((plan->N + *columns - 1) / *columns);
    if (blocks >= FEWEST_BLOCKS || flops < 2 * SHARED_FLOPS * (double)blocks) return;
    bool by_rows = *rows >= *columns;
    int64_t *longer = by_rows ? rows : columns;
    int64_t half = mjx_round_up((*longer + 1) / 2, by_rows ? SHARED_ROWS : SHARED_COLUMNS);
    if (half >= *longer) return;
    *longer = half;
  }
}

/* Square blocks pack least.  When there would be too many, both sides double in turn.  Lines are
 * not packed, so that small products of them are cut too. */
static void cut(dot_plan *plan) {
  double flops = flops_of(plan);
  /* Of our kernels, blocks do not change the order of a sum: what takes them wants small ones. */
  bool small = plan->handed_on && plan->method == DOT_KERNEL;
  bool turned = plan->method == DOT_KERNEL && plan->b.column_stride != 1;
  int64_t M = MJX_MAX(1, plan->M), N = MJX_MAX(1, plan->N);
  bool one = small ? flops < HANDED_FLOPS && M * N * plan->size <= HANDED_BYTES
                   : flops < SPLIT_FLOPS && plan->method != DOT_LINES;
  int64_t most = small ? INT64_MAX : MAX_BLOCKS;
  int64_t rows = flops < LARGE_FLOPS ? BLOCK_EXTENT : LARGE_BLOCK_EXTENT, columns = rows;
  if (plan->method == DOT_THIN) {
    rows = M;
    columns = THIN_BLOCK_EXTENT;
  } else if (one || plan->B >= MAX_BLOCKS) {
    rows = M;
    columns = N;
  } else if (small && !turned && plan->K * N * plan->size <= NEAR_B_BYTES) {
    /* What the tail reads and writes is contiguous; all rows come over b again. */
    columns = MJX_MIN(N, WIDE_COLUMNS);
    rows = MJX_MAX(LEAST_ROWS, HANDED_BYTES / (columns * plan->size));
  } else if (turned || plan->copies_a) {
    rows = turned || flops >= LARGE_FLOPS ? LARGE_BLOCK_EXTENT : BLOCK_EXTENT;
    columns = small ? HANDED_BYTES / plan->size / rows : LARGE_BLOCK_EXTENT;
  } else if (small) {
    rows = columns = BLOCK_EXTENT;
  }
  while (((M + rows - 1) / rows) * ((N + columns - 1) / columns) > most) {
    if ((columns <= rows && columns < N) || rows >= M)
      columns *= 2;
    else
      rows *= 2;
  }
  plan->block_rows = MJX_MIN(rows, M);
  plan->block_columns = MJX_MIN(columns, N);
  if (plan->method == DOT_KERNEL) share(plan, &plan->block_rows, &plan->block_columns);
  plan->row_blocks = (plan->M + plan->block_rows - 1) / plan->block_rows;
  plan->column_blocks = (plan->N + plan->block_columns - 1) / plan->block_columns;
  plan->in_steps = plan->method != DOT_BLAS && !plan->handed_on && plan->row_blocks == 1 &&
                   plan->column_blocks == 1 && is_even(&plan->a) && is_even(&plan->b) &&
                   is_even(&plan->c);
  plan->chunks = 1;
  if (plan->method == DOT_LINES && !plan->a_half && !plan->handed_on &&
      plan->B * M * N <= FEW_ELEMENTS)
    plan->chunks = MJX_MAX(1, MJX_MIN(MAX_CHUNKS, plan->K / CHUNK_K));
  bool fast = plan->method == DOT_BLAS || (plan->method == DOT_KERNEL && own_is_faster(plan));
  double gflops = fast ? 100 : plan->method == DOT_LINES ? 40 : 20;
  plan->cost = (int64_t)MJX_MIN((double)plan->B * flops / gflops, 1e15);
}

static mjx_status check_operands(const mjx_instr *instr) {
  const mjx_operand *a = &instr->in[0], *b = &instr->in[1], *c = &instr->out[0];
  MJX_TRY(mjx_check_counts(instr, 1, 2, 0));
  int ndim = a->ndim, last = ndim - 1;
  if (ndim != 3 && ndim != 4) return mjx_fail(MJX_INVALID, "a has %d dims", ndim);
  MJX_TRY(mjx_check_real(a, "a", ndim));
  MJX_TRY(mjx_check_real(b, "b", ndim));
  int64_t b_shape[4], c_shape[4];
  memcpy(b_shape, a->shape, (size_t)ndim * sizeof *b_shape);
  memcpy(c_shape, a->shape, (size_t)ndim * sizeof *c_shape);
  b_shape[last - 1] = a->shape[last];
  b_shape[last] = c_shape[last] = b->shape[last];
  MJX_TRY(mjx_check_shape(b, "b", ndim, b_shape));
  MJX_TRY(mjx_check_shape(c, "c", ndim, c_shape));
  if (c->n == 0) return MJX_OK;
  if (c_shape[last] > 1 && c->strides[last] != 1)
    return mjx_fail(MJX_INVALID, "c's rows are not contiguous");
  if (c_shape[last - 1] > 1 && c->strides[last - 1] < c_shape[last])
    return mjx_fail(MJX_INVALID, "c's rows overlap");
  return MJX_OK;
}

mjx_status mjx_dot_prepare(mjx_loader *loader, mjx_instr *instr, bool handed_on, dot_plan **out) {
  if (instr->n_out != 1 || instr->n_in != 2) return mjx_check_counts(instr, 1, 2, 0);
  MJX_TRY(check_operands(instr));
  dot_plan *plan;
  MJX_ALLOC(loader, plan, sizeof *plan);
  *out = plan;
  plan->handed_on = handed_on;
  MJX_TRY(choose_dtype(instr, plan));
  MJX_TRY(mjx_dot_narrow_prepare(loader, instr, &plan->narrow));
  if (plan->narrow) {
    plan->method = DOT_NARROW;
    return MJX_OK;
  }
  mjx_dot_describe(&plan->a, &instr->in[0]);
  mjx_dot_describe(&plan->b, &instr->in[1]);
  mjx_dot_describe(&plan->c, &instr->out[0]);
  turn_around(plan);
  turn_halves(plan);
  plan->B = plan->c.inner_batches * (instr->out->ndim == 4 ? instr->out->shape[0] : 1);
  plan->M = plan->c.rows;
  plan->N = plan->c.columns;
  plan->K = plan->a.columns;
  plan->c.column_stride = 1;
  if (plan->M <= 1) plan->c.row_stride = MJX_MAX(plan->c.columns, 1);
  int64_t scratch = 0;
  MJX_TRY(pack_operands(loader, instr, plan, &scratch));
  cut(plan);
  plan->sum = mjx_block_kernels_get()->reduce[MJX_SUM][plan->dtype].rows;
  plan->partials = scratch;
  if (plan->chunks > 1) scratch += plan->chunks * instr->out->n * plan->size;
  int64_t rows = plan->block_rows;
  int64_t copy_bytes = plan->copies_a ? mjx_dot_copy_bytes(rows, plan->K, plan->size) : 0;
  int64_t block_bytes = handed_on ? rows * plan->block_columns * plan->size : 0;
  plan->own = mjx_round_up(scratch, MJX_ALIGN);
  plan->copy_bytes = mjx_round_up(copy_bytes, MJX_ALIGN);
  plan->thread_bytes = plan->copy_bytes + mjx_round_up(block_bytes, MJX_ALIGN);
  instr->scratch_bytes = plan->thread_bytes ? plan->own + plan->thread_bytes : scratch;
  return MJX_OK;
}

mjx_status mjx_op_dot_check(mjx_loader *loader, mjx_instr *instr) {
  dot_plan *plan;
  MJX_TRY(mjx_dot_prepare(loader, instr, false, &plan));
  instr->plan = plan;
  return MJX_OK;
}

/* ---- the product ---- */

typedef struct dot_job {
  const dot_plan *plan;
  const char *a, *b;
  char *c;
  const mjx_dot_tail *tail;
} dot_job;

static const char *element(const char *base, const mjx_dot_matrix *m, int64_t batch, int64_t row,
                           int64_t column, int size) {
  return base +
         (mjx_dot_batch_start(m, batch) + row * m->row_stride + column * m->column_stride) * size;
}

enum { ROW_MAJOR = 101, NO_TRANS = 111, TRANS = 112 };

static int leading(const mjx_dot_matrix *m, int *transposed) {
  *transposed = m->column_stride == 1 ? NO_TRANS : TRANS;
  return (int)(m->column_stride == 1 ? m->row_stride : m->column_stride);
}

static void blas_block(const dot_plan *plan, const char *a, const char *b, char *c, int ldc, int M,
                       int N) {
  const mjx_blas *blas = plan->blas;
  int trans_a, trans_b, K = (int)plan->K;
  int lda = leading(&plan->a, &trans_a), ldb = leading(&plan->b, &trans_b);
  const float one[2] = {1, 0}, zero[2] = {0, 0};
  const double one_d[2] = {1, 0}, zero_d[2] = {0, 0};
  const void *x = a, *y = b;
  void *z = c;
  switch (plan->dtype) {
    case MJX_F32:
      blas->sgemm(ROW_MAJOR, trans_a, trans_b, M, N, K, 1, x, lda, y, ldb, 0, z, ldc);
      break;
    case MJX_F64:
      blas->dgemm(ROW_MAJOR, trans_a, trans_b, M, N, K, 1, x, lda, y, ldb, 0, z, ldc);
      break;
    case MJX_C64:
      blas->cgemm(ROW_MAJOR, trans_a, trans_b, M, N, K, one, x, lda, y, ldb, zero, z, ldc);
      break;
    default:
      blas->zgemm(ROW_MAJOR, trans_a, trans_b, M, N, K, one_d, x, lda, y, ldb, zero_d, z, ldc);
      break;
  }
}

static void own_block(const dot_plan *plan, const char *a, const char *b, char *c, int64_t c_row,
                      int64_t M, int64_t N, int64_t batches, char *scratch) {
  bool lines = plan->method == DOT_LINES;
  int64_t b_row = lines ? plan->b.column_stride : plan->b.row_stride;
  mjx_dot_args args = {.M = M,
                       .N = N,
                       .K = plan->K,
                       .a = a,
                       .a_row = plan->a.row_stride,
                       .a_column = plan->a.column_stride,
                       .b = b,
                       .b_row = b_row,
                       .b_column = lines ? 1 : plan->b.column_stride,
                       .c = c,
                       .c_row = c_row,
                       .a_copy = plan->copies_a ? scratch : NULL,
                       .b_line = plan->b_line,
                       .batches = batches,
                       .a_batch = plan->a.batch_stride,
                       .b_batch = plan->b.batch_stride,
                       .c_batch = plan->c.batch_stride};
  (lines ? plan->lines : plan->method == DOT_THIN ? plan->thin : plan->kernel)(&args);
}

/* One block, of several batches where the kernel takes them. */
static void dot_block(const dot_job *job, int64_t batch, int64_t batches, int64_t row,
                      int64_t column, char *scratch) {
  const dot_plan *plan = job->plan;
  const mjx_dot_tail *tail = job->tail;
  int64_t M = MJX_MIN(plan->block_rows, plan->M - row);
  int64_t N = MJX_MIN(plan->block_columns, plan->N - column);
  const char *a = element(job->a, &plan->a, batch, row, 0, plan->a_half ? 2 : plan->size);
  const char *b = element(job->b, &plan->b, batch, 0, column, plan->b_half ? 2 : plan->size);
  b += row * plan->b_line * plan->size;
  int64_t at = mjx_dot_batch_start(&plan->c, batch) + row * plan->c.row_stride + column;
  int64_t c_row = tail ? N : plan->c.row_stride;
  char *c = tail ? scratch + plan->copy_bytes : job->c + at * plan->size;
  if (plan->method == DOT_BLAS)
    blas_block(plan, a, b, c, (int)c_row, (int)M, (int)N);
  else
    own_block(plan, a, b, c, c_row, M, N, batches, scratch);
  if (tail) tail->take(tail->context, row, column, M, N, c, c_row, scratch + plan->thread_bytes);
}

static void dot_task(void *arg, int64_t begin, int64_t end, char *scratch) {
  const dot_job *job = arg;
  const dot_plan *plan = job->plan;
  if (plan->in_steps) {
    dot_block(job, begin, end - begin, 0, 0, scratch);
    return;
  }
  for (int64_t i = begin; i < end; i++) {
    int64_t column = i % plan->column_blocks, row = i / plan->column_blocks % plan->row_blocks;
    int64_t batch = i / plan->column_blocks / plan->row_blocks;
    dot_block(job, batch, 1, row * plan->block_rows, column * plan->block_columns, scratch);
  }
}

/* Item i is (chunk, batch): all of c, over a part of K, into the chunk's own matrix. */
static void chunk_task(void *arg, int64_t begin, int64_t end, char *scratch) {
  (void)scratch;
  const dot_job *job = arg;
  const dot_plan *plan = job->plan;
  for (int64_t i = begin; i < end; i++) {
    int64_t chunk = i / plan->B, batch = i % plan->B;
    int64_t k = plan->K * chunk / plan->chunks, next = plan->K * (chunk + 1) / plan->chunks;
    mjx_dot_args args = {.M = plan->M,
                         .N = plan->N,
                         .K = next - k,
                         .a = element(job->a, &plan->a, batch, 0, k, plan->size),
                         .a_row = plan->a.row_stride,
                         .a_column = 1,
                         .b = element(job->b, &plan->b, batch, k, 0, plan->size),
                         .b_row = plan->b.column_stride,
                         .c = job->c + i * plan->M * plan->N * plan->size,
                         .c_row = plan->N,
                         .b_line = plan->b_line,
                         .batches = 1};
    plan->lines(&args);
  }
}

static void run_chunks(const dot_plan *plan, const dot_job *job, char *partials) {
  dot_job own = *job;
  own.c = partials;
  mjx_pool_for(plan->chunks * plan->B, plan->cost, 0, NULL, chunk_task, &own);
  int64_t n = plan->B * plan->M * plan->N;
  plan->sum(plan->chunks - 1, n, n, partials + n * plan->size, partials);
  for (int64_t i = 0; i < plan->B * plan->M; i++) {
    int64_t at = i / plan->M * plan->c.batch_stride + i % plan->M * plan->c.row_stride;
    memcpy(job->c + at * plan->size, partials + i * plan->N * plan->size,
           (size_t)(plan->N * plan->size));
  }
}

void mjx_dot_run(const dot_plan *plan, mjx_frame *frame, const mjx_dot_tail *tail) {
  const mjx_dot_matrix *matrices[2] = {&plan->a, &plan->b};
  const char *places[2];
  for (int i = 0; i < 2; i++) {
    const mjx_dot_matrix *m = matrices[i];
    if (m->packed) mjx_dot_pack_run(m, plan->dtype, frame, false);
    places[i] = m->packed ? frame->scratch + m->buffer : mjx_at(frame, m->operand);
  }
  char *c = tail             ? NULL
            : plan->c.packed ? frame->scratch + plan->c.buffer
                             : mjx_at(frame, plan->c.operand);
  dot_job job = {plan, places[0], places[1], c, tail};
  int64_t cost = plan->cost + (tail ? tail->cost : 0);
  int64_t thread_bytes = plan->thread_bytes + (tail ? tail->scratch_bytes : 0);
  if (plan->chunks > 1)
    run_chunks(plan, &job, frame->scratch + plan->partials);
  else
    mjx_pool_for(plan->B * plan->row_blocks * plan->column_blocks, cost, thread_bytes,
                 frame->scratch + plan->own, dot_task, &job);
  if (plan->c.packed) mjx_dot_pack_run(&plan->c, plan->dtype, frame, true);
}

mjx_status mjx_op_dot_run(const mjx_instr *instr, mjx_frame *frame) {
  const dot_plan *plan = instr->plan;
  if (instr->out->n == 0) return MJX_OK;
  if (plan->method == DOT_NARROW)
    mjx_dot_narrow_run(instr, plan->narrow, frame);
  else
    mjx_dot_run(plan, frame, NULL);
  return MJX_OK;
}

/* Packing without conversion does not change a bit. */
mjx_order mjx_op_dot_order(const mjx_instr *instr) {
  const dot_plan *plan = instr->plan;
  if (plan->method == DOT_NARROW) return MJX_ORDER_OTHER;
  bool plain = instr->in[0].dtype == plan->dtype && instr->in[1].dtype == plan->dtype &&
               instr->out->dtype == plan->dtype;
  bool real = plan->dtype == MJX_F32 || plan->dtype == MJX_F64;
  if (!plain || !real) return MJX_ORDER_OTHER;
  if (plan->chunks > 1) return MJX_ORDER_OTHER;
  if (plan->method == DOT_LINES)
    return MJX_ORDER_LANES + mjx_block_kernels_get()->vector_bytes / plan->size;
  bool sequence =
      plan->method == DOT_THIN || (plan->method == DOT_KERNEL && plan->K <= MJX_DOT_SEQUENCE);
  return sequence ? MJX_ORDER_SEQUENCE : MJX_ORDER_OTHER;
}
