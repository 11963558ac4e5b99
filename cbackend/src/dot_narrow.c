/* dot_narrow.c: DOT of integers of 8 and 16 bits into sums of no more than 32 bits.
 *
 * Sums wrap around, so any order of them gives the same bits.  Large products go over words (see
 * words.h): both operands are packed, then each task does a block of rows by a few panels.  Vectors
 * and thin matrices are read where they lie.
 */
#include <string.h>

#include "dot.h"
#include "words.h"

enum {
  LEAST_PRODUCTS = 1 << 11, /* below, packing costs more than it gains */
  FEW_ROWS = 4,
  THIN_COLUMNS = 64,
  LINE_LENGTH = 16,
  PACK_ROWS = 32, /* of a, by one item */
  BLOCK_ROWS = 128,
  BLOCK_PANELS = 4,
  DIRECT_COLUMNS = 512
};

/* One operand: strides of its view in elements. */
typedef struct side {
  const mjx_operand *operand;
  int dtype, size;
  int64_t outer, inner;  /* from a matrix to the next, by batch dim */
  int64_t step, k_step;  /* from a row of a, a column of b to the next; along K */
  int64_t lines;         /* rows of a, columns of b */
  int64_t matrices;      /* packed: 1 if it is the same for the whole batch */
  int64_t at;            /* packed: where in scratch */
  int64_t matrix, piece; /* packed: bytes of a matrix, and of one of its pieces */
  int64_t pieces, n;     /* packed: pieces of a matrix, lines of a piece */
  mjx_word_pack_fn pack;
} side;

struct mjx_dot_narrow {
  mjx_narrow_dot_fn direct; /* NULL: over words */
  const mjx_words *form;
  int64_t B, inner_batches, M, N, K, words;
  side a, b;
  int64_t c_outer, c_inner, c_row;
  int c_size;
  int64_t row_blocks, column_blocks, cost;
};

/* ---- load ---- */

/* Whether elements of `from` may be taken as int16, or int8 and uint8, for sums of `to`. */
static bool narrow_type(int from, int to) {
  return from == MJX_I8 || from == MJX_U8 || from == MJX_I16 ||
         (from == MJX_U16 && mjx_dtype_size(to) <= 2);
}

/* `row`: which of the last two dims are a's rows or b's columns. */
static side describe(const mjx_operand *operand, int lines) {
  int last = operand->ndim - 1, along_k = 2 * last - 1 - lines;
  int dtype = operand->dtype == MJX_U16 ? MJX_I16 : operand->dtype;
  return (side){.operand = operand,
                .dtype = dtype,
                .size = mjx_dtype_size(dtype),
                .outer = operand->ndim == 4 ? operand->strides[0] : 0,
                .inner = operand->strides[last - 2],
                .step = operand->shape[lines] > 1 ? operand->strides[lines] : 1,
                .k_step = operand->shape[along_k] > 1 ? operand->strides[along_k] : 1,
                .lines = operand->shape[lines]};
}

/* A column of c lies in memory as a row does: c^T = b^T a^T, if that has rows that are contiguous
 * where a has none. */
static void turn(mjx_dot_narrow *plan, int64_t c_column) {
  if (plan->N != 1 || plan->M == 1 || plan->c_row != c_column || plan->a.k_step == 1) return;
  side a = plan->a;
  plan->a = plan->b;
  plan->b = a;
  plan->N = plan->M;
  plan->M = 1;
}

static mjx_narrow_dot_fn choose_direct(const mjx_dot_narrow *plan) {
  const side *a = &plan->a, *b = &plan->b;
  const mjx_narrow_kernels *kernels = mjx_narrow_kernels_get();
  int64_t least = MJX_MIN(plan->M, plan->N);
  if (a->dtype != b->dtype || least > FEW_ROWS) return NULL;
  if (a->k_step == 1 && b->k_step == 1 && plan->K >= LINE_LENGTH) return kernels->lines[a->dtype];
  if (plan->M <= FEW_ROWS && b->step == 1 && plan->N >= THIN_COLUMNS)
    return kernels->thin[a->dtype];
  return NULL;
}

static const mjx_words *choose_form(const mjx_dot_narrow *plan) {
  const mjx_words *forms = mjx_narrow_kernels_get()->words;
  for (int f = MJX_N_WORDS - 1; f >= 0; f--)
    if (forms[f].dot && forms[f].rows[plan->a.dtype] && forms[f].panel[plan->b.dtype])
      return &forms[f];
  return NULL;
}

/* Where a side is packed: pieces of n lines, `words` words each. */
static void plan_side(const mjx_dot_narrow *plan, side *side, int64_t n, int64_t words,
                      double *scratch) {
  bool same = (plan->B == plan->inner_batches || side->outer == 0) &&
              (plan->inner_batches == 1 || side->inner == 0);
  side->n = n;
  side->pieces = (side->lines + n - 1) / n;
  side->piece = n * words * 4;
  side->matrix = mjx_round_up(side->pieces * side->piece, MJX_ALIGN);
  side->matrices = same ? 1 : plan->B;
  side->at = (int64_t)*scratch;
  *scratch += (double)side->matrix * (double)side->matrices;
}

static mjx_status plan_words(mjx_instr *instr, mjx_dot_narrow *plan) {
  double scratch = 0;
  plan->words = (plan->K + plan->form->per_word - 1) / plan->form->per_word;
  plan->a.pack = plan->form->rows[plan->a.dtype];
  plan->b.pack = plan->form->panel[plan->b.dtype];
  plan_side(plan, &plan->a, MJX_MIN(PACK_ROWS, plan->M), plan->words, &scratch);
  plan_side(plan, &plan->b, plan->form->width, plan->words + 1, &scratch);
  if (scratch > (double)MJX_MAX_BYTES) return mjx_fail(MJX_INVALID, "too large");
  instr->scratch_bytes = (int64_t)scratch;
  plan->row_blocks = (plan->M + BLOCK_ROWS - 1) / BLOCK_ROWS;
  plan->column_blocks = (plan->b.pieces + BLOCK_PANELS - 1) / BLOCK_PANELS;
  return MJX_OK;
}

mjx_status mjx_dot_narrow_prepare(mjx_loader *loader, mjx_instr *instr, mjx_dot_narrow **narrow) {
  const mjx_operand *a = &instr->in[0], *b = &instr->in[1], *c = instr->out;
  int last = c->ndim - 1;
  if (!mjx_dtype_is_integer(c->dtype) || c->size > 4 || c->n == 0 || a->n == 0 ||
      !narrow_type(a->dtype, c->dtype) || !narrow_type(b->dtype, c->dtype))
    return MJX_OK;
  mjx_dot_narrow *plan;
  MJX_ALLOC(loader, plan, sizeof *plan);
  plan->inner_batches = c->shape[last - 2];
  plan->B = plan->inner_batches * (c->ndim == 4 ? c->shape[0] : 1);
  plan->M = c->shape[last - 1];
  plan->N = c->shape[last];
  plan->K = a->shape[last];
  plan->a = describe(a, last - 1);
  plan->b = describe(b, last);
  plan->c_size = c->size;
  plan->c_outer = c->ndim == 4 ? c->strides[0] : 0;
  plan->c_inner = c->strides[last - 2];
  plan->c_row = c->strides[last - 1];
  turn(plan, 1);
  double products = (double)plan->M * (double)plan->N * (double)plan->K;
  plan->direct = choose_direct(plan);
  plan->form = choose_form(plan);
  if (!plan->direct && (!plan->form || products < LEAST_PRODUCTS)) return MJX_OK;
  plan->cost = (int64_t)MJX_MIN((double)plan->B * products / 30, 1e15);
  plan->column_blocks = (plan->N + DIRECT_COLUMNS - 1) / DIRECT_COLUMNS;
  if (!plan->direct) MJX_TRY(plan_words(instr, plan));
  *narrow = plan;
  return MJX_OK;
}

/* ---- run ---- */

typedef struct narrow_job {
  const mjx_dot_narrow *plan;
  const char *in[2]; /* a and b */
  char *scratch, *c;
} narrow_job;

static int64_t batch_start(const mjx_dot_narrow *plan, int64_t batch, int64_t outer,
                           int64_t inner) {
  return batch / plan->inner_batches * outer + batch % plan->inner_batches * inner;
}

static const char *matrix_of(const narrow_job *job, const side *side, int64_t batch) {
  const char *base = job->in[side == &job->plan->b];
  return base + batch_start(job->plan, batch, side->outer, side->inner) * side->size;
}

static void pack_side(const narrow_job *job, const side *side, int64_t begin, int64_t end) {
  for (int64_t i = begin; i < end; i++) {
    int64_t batch = i / side->pieces, piece = i % side->pieces, first = piece * side->n;
    mjx_word_pack pack = {
        .n = MJX_MIN(side->n, side->lines - first),
        .K = job->plan->K,
        .from = matrix_of(job, side, batch) + first * side->step * side->size,
        .step = side->step,
        .k_step = side->k_step,
        .to = job->scratch + side->at + batch * side->matrix + piece * side->piece};
    side->pack(&pack);
  }
}

static void pack_a_task(void *arg, int64_t begin, int64_t end, char *scratch) {
  (void)scratch;
  const narrow_job *job = arg;
  pack_side(job, &job->plan->a, begin, end);
}

static void pack_b_task(void *arg, int64_t begin, int64_t end, char *scratch) {
  (void)scratch;
  const narrow_job *job = arg;
  pack_side(job, &job->plan->b, begin, end);
}

static const char *packed(const narrow_job *job, const side *side, int64_t batch) {
  return job->scratch + side->at + (side->matrices == 1 ? 0 : batch * side->matrix);
}

/* Item i is (batch, block of rows, block of panels). */
static void words_task(void *arg, int64_t begin, int64_t end, char *scratch) {
  (void)scratch;
  const narrow_job *job = arg;
  const mjx_dot_narrow *plan = job->plan;
  for (int64_t i = begin; i < end; i++) {
    int64_t batch = i / plan->column_blocks / plan->row_blocks;
    int64_t row = i / plan->column_blocks % plan->row_blocks * BLOCK_ROWS;
    int64_t panel = i % plan->column_blocks * BLOCK_PANELS;
    int64_t end_panel = MJX_MIN(panel + BLOCK_PANELS, plan->b.pieces);
    int64_t at = batch_start(plan, batch, plan->c_outer, plan->c_inner) + row * plan->c_row;
    const char *a = packed(job, &plan->a, batch) + row * plan->words * 4;
    const char *b = packed(job, &plan->b, batch);
    for (; panel < end_panel; panel++) {
      int64_t column = panel * plan->b.n;
      mjx_word_dot dot = {.M = MJX_MIN(BLOCK_ROWS, plan->M - row),
                          .n = MJX_MIN(plan->b.n, plan->N - column),
                          .words = plan->words,
                          .a = (const int32_t *)(const void *)a,
                          .panel = (const int32_t *)(const void *)(b + panel * plan->b.piece),
                          .c = job->c + (at + column) * plan->c_size,
                          .c_row = plan->c_row,
                          .c_size = plan->c_size};
      plan->form->dot(&dot);
    }
  }
}

static void direct_task(void *arg, int64_t begin, int64_t end, char *scratch) {
  (void)scratch;
  const narrow_job *job = arg;
  const mjx_dot_narrow *plan = job->plan;
  const side *a = &plan->a, *b = &plan->b;
  for (int64_t i = begin; i < end; i++) {
    int64_t batch = i / plan->column_blocks, column = i % plan->column_blocks * DIRECT_COLUMNS;
    int64_t at = batch_start(plan, batch, plan->c_outer, plan->c_inner) + column;
    mjx_narrow_dot dot = {.M = plan->M,
                          .N = MJX_MIN(DIRECT_COLUMNS, plan->N - column),
                          .K = plan->K,
                          .a = matrix_of(job, a, batch),
                          .b = matrix_of(job, b, batch) + column * b->step * b->size,
                          .a_row = a->step,
                          .a_column = a->k_step,
                          .b_row = b->k_step,
                          .b_column = b->step,
                          .c = job->c + at * plan->c_size,
                          .c_row = plan->c_row,
                          .c_size = plan->c_size};
    plan->direct(&dot);
  }
}

void mjx_dot_narrow_run(const mjx_instr *instr, const mjx_dot_narrow *plan, mjx_frame *frame) {
  const side *a = &plan->a, *b = &plan->b;
  narrow_job job = {.plan = plan,
                    .in = {mjx_at(frame, a->operand), mjx_at(frame, b->operand)},
                    .scratch = frame->scratch,
                    .c = mjx_at(frame, instr->out)};
  if (plan->direct) {
    mjx_pool_for(plan->B * plan->column_blocks, plan->cost, 0, NULL, direct_task, &job);
    return;
  }
  mjx_pool_for(a->matrices * a->pieces, a->matrices * a->lines * plan->K / 4, 0, NULL, pack_a_task,
               &job);
  mjx_pool_for(b->matrices * b->pieces, b->matrices * b->lines * plan->K / 4, 0, NULL, pack_b_task,
               &job);
  mjx_pool_for(plan->B * plan->row_blocks * plan->column_blocks, plan->cost, 0, NULL, words_task,
               &job);
}
