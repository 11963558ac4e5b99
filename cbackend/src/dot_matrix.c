/* dot_matrix.c: the operands of DOT as its methods take them, copied or converted if need be. */
#include <string.h>

#include "dot.h"

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
  /* The stride of a single row or column is free: choose what suits the kernels. */
  if (m->columns <= 1) m->column_stride = 1;
  if (m->rows <= 1 && m->column_stride == 1) m->row_stride = MJX_MAX(m->columns, 1);
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
  if (m->convert) return MJX_OK;
  int64_t outer = broadcast ? m->batches : view->ndim == 4 ? view->shape[0] : 1;
  int64_t inner = broadcast ? 1 : m->inner_batches;
  int last = view->ndim - 1;
  const int64_t shape[4] = {outer, inner, m->rows, m->columns};
  const int64_t to_strides[4] = {m->outer_stride, m->batch_stride, m->row_stride, 1};
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

static void convert_row(const pack_job *job, char *view, char *buffer) {
  const mjx_operand *operand = job->m->operand;
  int64_t stride = job->m->view_column, size = operand->size;
  char tile[MJX_TILE * 16] __attribute__((aligned(64)));
  for (int64_t at = 0; at < job->m->columns; at += MJX_TILE) {
    int64_t n = MJX_MIN(MJX_TILE, job->m->columns - at);
    char *piece = view + at * stride * size, *dense = buffer + at * job->compute_size;
    const void *in = job->unpack ? dense : tile;
    void *out = job->unpack ? tile : dense;
    if (!job->unpack) mjx_copy_line(tile, 1, piece, stride, n, (int)size);
    job->m->convert(n, &out, &in);
    if (job->unpack) mjx_copy_line(piece, stride, tile, 1, n, (int)size);
  }
}

static void convert_rows(void *arg, int64_t begin, int64_t end, char *scratch) {
  (void)scratch;
  const pack_job *job = arg;
  const mjx_dot_matrix *m = job->m;
  for (int64_t i = begin; i < end; i++) {
    int64_t batch = i / m->rows, row = i % m->rows;
    int64_t at = batch_in_view(m, batch) + row * m->view_row;
    int64_t to = mjx_dot_batch_start(m, batch) + row * m->row_stride;
    convert_row(job, job->view + at * m->operand->size, job->buffer + to * job->compute_size);
  }
}

void mjx_dot_pack_run(const mjx_dot_matrix *m, int dtype, mjx_frame *frame, bool unpack) {
  int size = mjx_dtype_size(dtype);
  char *view = mjx_at(frame, m->operand), *buffer = frame->scratch + m->buffer;
  if (m->convert) {
    pack_job job = {m, view, buffer, size, unpack};
    int64_t rows = m->batches * m->rows;
    mjx_pool_for(rows, rows * m->columns, 0, NULL, convert_rows, &job);
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
