/* dot_matrix.c: the operands of DOT as its methods take them, copied or converted if need be. */
#include <string.h>

#include "dot.h"

enum {
  TOGETHER = 32,    /* lines that are converted after each other */
  PIECE = 4096,     /* elements of them */
  PIECE_APART = 128 /* the same where they do not lie side by side */
};

static int64_t piece_of(const mjx_dot_matrix *m) { return m->view_step == 1 ? PIECE : PIECE_APART; }

/* ---- conversions ---- */

static const char *const suffixes[MJX_N_DTYPES] = {"b1",   "i8",  "i16", "i32", "i64",
                                                   "u8",   "u16", "u32", "u64", "f16",
                                                   "bf16", "f32", "f64", "c64", "c128"};

static void append(char *text, const char *more) {
  memcpy(text + strlen(text), more, strlen(more) + 1);
}

static mjx_kernel_fn find_convert(int from, int to) {
  char name[32] = "convert_";
  append(name, suffixes[from]);
  append(name, "_");
  append(name, suffixes[to]);
  for (int i = 0; i < mjx_n_kernels; i++) {
    if (strcmp(mjx_kernel_infos[i].name, name) == 0) return mjx_kernel_table()[i];
  }
  return NULL;
}

/* ---- operands ---- */

static int64_t batch_index(const mjx_dot_matrix *m, int64_t batch, int64_t outer, int64_t inner) {
  if (batch < m->inner_batches) return batch * inner;
  return batch / m->inner_batches * outer + batch % m->inner_batches * inner;
}

/* Where a matrix begins, in elements: in what the method sees, and in the view of the operand. */
int64_t mjx_dot_batch_start(const mjx_dot_matrix *m, int64_t batch) {
  return batch_index(m, batch, m->outer_stride, m->batch_stride);
}

static int64_t batch_in_view(const mjx_dot_matrix *m, int64_t batch) {
  const int64_t *strides = m->operand->strides;
  int last = m->operand->ndim - 3;
  return batch_index(m, batch, strides[0], strides[last]);
}

void mjx_dot_describe(mjx_dot_matrix *m, const mjx_operand *operand) {
  int last = operand->ndim - 1;
  m->operand = operand;
  m->rows = operand->shape[last - 1];
  m->columns = operand->shape[last];
  m->inner_batches = operand->shape[last - 2];
  m->outer_stride = operand->strides[0];
  m->batch_stride = operand->strides[last - 2];
  m->row_stride = m->view_row = operand->strides[last - 1];
  m->column_stride = m->view_column = operand->strides[last];
  /* The stride of a single matrix, row or column is free: choose what suits the kernels, which step
   * beyond the last one. */
  if (operand->ndim == 3 && m->inner_batches <= 1) m->batch_stride = 0;
  if (m->columns <= 1) m->column_stride = 1;
  if (m->rows <= 1 && m->column_stride == 1) m->row_stride = MJX_MAX(m->columns, 1);
}

/* The lines along which a matrix is converted: one, where its rows follow each other in memory. */
static void find_lines(mjx_dot_matrix *m) {
  if (m->stays) {
    m->lines = m->columns;
    m->length = m->rows;
    m->view_line = m->view_column;
    m->view_step = 1;
    m->row_stride = 1;
    m->column_stride = MJX_MAX(m->rows, 1);
    return;
  }
  m->lines = m->rows;
  m->length = m->columns;
  m->view_line = m->view_row;
  m->view_step = m->view_column;
  bool column = m->columns == 1;
  if (!column && m->view_row != m->columns * m->view_column) return;
  if (column) m->view_step = m->view_row;
  m->lines = MJX_MIN(1, m->rows);
  m->length = m->rows * m->columns;
}

mjx_status mjx_dot_pack(mjx_loader *loader, mjx_dot_matrix *m, int dtype, int64_t batches,
                        bool output, int64_t *scratch) {
  const mjx_operand *view = m->operand;
  int from = output ? dtype : view->dtype, to = output ? view->dtype : dtype;
  bool broadcast = m->outer_stride == 0 && m->batch_stride == 0;
  m->packed = true;
  m->batches = broadcast ? MJX_MIN(1, batches) : batches;
  if (from != to && !(m->convert = find_convert(from, to)))
    return mjx_fail(MJX_UNSUPPORTED, "no kernel converts %s to %s", suffixes[from], suffixes[to]);
  m->row_stride = MJX_MAX(m->columns, 1);
  m->column_stride = 1;
  int64_t elements = m->rows * m->row_stride;
  m->batch_stride = broadcast ? 0 : elements;
  m->outer_stride = m->inner_batches * m->batch_stride;
  m->buffer = *scratch;
  *scratch += mjx_round_up(m->batches * elements * mjx_dtype_size(dtype), MJX_ALIGN);
  if (*scratch > MJX_MAX_BYTES) return mjx_fail(MJX_INVALID, "too large");
  find_lines(m);
  if (m->convert) return MJX_OK;
  int64_t outer = broadcast ? m->batches : view->ndim == 4 ? view->shape[0] : 1;
  int64_t inner = broadcast ? 1 : m->inner_batches;
  int last = view->ndim - 1;
  const int64_t shape[4] = {outer, inner, m->rows, m->columns};
  const int64_t to_strides[4] = {m->outer_stride, m->batch_stride, m->row_stride, m->column_stride};
  const int64_t strides[4] = {view->strides[0], view->strides[last - 2], m->view_row,
                              m->view_column};
  return mjx_copy_prepare(loader, 4, shape, to_strides, strides, mjx_dtype_size(dtype), &m->copy);
}

/* ---- before the product, and after it ---- */

typedef struct pack_job {
  const mjx_dot_matrix *m;
  char *view;
  char *buffer;
  int compute_size;
  bool unpack;
} pack_job;

/* Lines first.. of a matrix, `lines` of them, `n` elements of each. */
static void convert_lines(const pack_job *job, char *view, char *buffer, int64_t lines, int64_t n) {
  const mjx_dot_matrix *m = job->m;
  int64_t size = m->operand->size, step = m->view_step, line = m->length * job->compute_size;
  char tile[TOGETHER * PIECE_APART * 8] __attribute__((aligned(64)));
  const int64_t shape[2] = {lines, n}, dense[2] = {n, 1}, strides[2] = {m->view_line, step};
  if (!job->unpack && step != 1) mjx_copy_plane(tile, dense, view, strides, shape, (int)size);
  for (int64_t l = 0; l < lines; l++) {
    char *there = step == 1 ? view + l * m->view_line * size : tile + l * n * size;
    const void *in = job->unpack ? buffer + l * line : there;
    void *out = job->unpack ? there : buffer + l * line;
    m->convert(n, &out, &in);
  }
  if (job->unpack && step != 1) mjx_copy_plane(view, strides, tile, dense, shape, (int)size);
}

/* Item i is (batch, some lines, a piece of them). */
static void convert_task(void *arg, int64_t begin, int64_t end, char *scratch) {
  (void)scratch;
  const pack_job *job = arg;
  const mjx_dot_matrix *m = job->m;
  int64_t blocks = (m->lines + TOGETHER - 1) / TOGETHER, n = piece_of(m);
  int64_t pieces = (m->length + n - 1) / n;
  for (int64_t i = begin; i < end; i++) {
    int64_t piece = i % pieces * n, line = i / pieces % blocks * TOGETHER;
    int64_t batch = i / pieces / blocks;
    int64_t at = batch_in_view(m, batch) + line * m->view_line + piece * m->view_step;
    int64_t to = mjx_dot_batch_start(m, batch) + line * m->length + piece;
    convert_lines(job, job->view + at * m->operand->size, job->buffer + to * job->compute_size,
                  MJX_MIN(TOGETHER, m->lines - line), MJX_MIN(n, m->length - piece));
  }
}

void mjx_dot_pack_run(const mjx_dot_matrix *m, int dtype, mjx_frame *frame, bool unpack) {
  int size = mjx_dtype_size(dtype);
  char *view = mjx_at(frame, m->operand), *buffer = frame->scratch + m->buffer;
  if (m->convert) {
    pack_job job = {m, view, buffer, size, unpack};
    int64_t items = m->batches * ((m->lines + TOGETHER - 1) / TOGETHER);
    items *= (m->length + piece_of(m) - 1) / piece_of(m);
    mjx_pool_for(items, m->batches * m->lines * m->length / 8, 0, NULL, convert_task, &job);
  } else if (unpack) {
    for (int64_t i = 0; i < m->batches * m->rows; i++) {
      int64_t batch = i / m->rows, row = i % m->rows;
      int64_t at = batch_in_view(m, batch) + row * m->view_row;
      mjx_copy_line(view + at * size, 1,
                    buffer + (mjx_dot_batch_start(m, batch) + row * m->row_stride) * size, 1,
                    m->columns, size);
    }
  } else {
    mjx_copy_run(&m->copy, buffer, view, true);
  }
}
