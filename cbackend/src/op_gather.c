/* op_gather.c: GATHER. */
#include <string.h>

#include "window.h"

typedef struct gather_plan {
  window_plan windows;
  mjx_copy_plan copy; /* a window of the operand into the output */
  mjx_copy_plan fill;
  bool line;     /* a window is one run of bytes in both */
  bool across;   /* windows are walked together, element by element */
  bool in_a_row; /* elements of neighbouring windows lie side by side in the output */
  bool rows;     /* the same, row by row: the last dim is one run of bytes in both */
  _Alignas(16) char fill_value[16];
} gather_plan;

typedef struct gather_job {
  const gather_plan *plan;
  const char *operand, *indices;
  char *out;
} gather_job;

/* ---- one element of each window of a block ---- */

/* in_a_row: they lie side by side in the output. */
#define DEFINE_ELEMENTS(T)                                                                        \
  static void elements_##T(const window_block *block, bool in_a_row, const char *from,            \
                           const T *fill, char *to) {                                             \
    const int64_t *restrict offsets = block->offsets, *restrict others = block->others;           \
    int64_t n = block->n;                                                                         \
    if (block->gaps) {                                                                            \
      for (int64_t i = 0; i < n; i++) {                                                           \
        const void *place = offsets[i] == MJX_NO_WINDOW ? (const void *)fill : from + offsets[i]; \
        *(T *)(void *)(to + others[i]) = *(const T *)place;                                       \
      }                                                                                           \
    } else if (in_a_row) {                                                                        \
      T *out = (T *)(void *)(to + others[0]);                                                     \
      for (int64_t i = 0; i < n; i++) out[i] = *(const T *)(const void *)(from + offsets[i]);     \
    } else {                                                                                      \
      for (int64_t i = 0; i < n; i++)                                                             \
        *(T *)(void *)(to + others[i]) = *(const T *)(const void *)(from + offsets[i]);           \
    }                                                                                             \
  }
DEFINE_ELEMENTS(bits8)
DEFINE_ELEMENTS(bits16)
DEFINE_ELEMENTS(bits32)
DEFINE_ELEMENTS(bits64)
DEFINE_ELEMENTS(pair)

static void gather_elements(const gather_job *job, const window_block *block, const char *from,
                            char *to) {
  const void *fill = job->plan->fill_value;
  bool in_a_row = job->plan->in_a_row;
  switch (job->plan->windows.size) {
    case 1: elements_bits8(block, in_a_row, from, fill, to); break;
    case 2: elements_bits16(block, in_a_row, from, fill, to); break;
    case 4: elements_bits32(block, in_a_row, from, fill, to); break;
    case 8: elements_bits64(block, in_a_row, from, fill, to); break;
    default: elements_pair(block, in_a_row, from, fill, to); break;
  }
}

/* ---- whole windows ---- */

/* Lines of PART .. 2 * PART bytes, as the first and the last PART of each: both are read before they
 * are written.  (A malformed program may have both places overlap.) */
#define DEFINE_SHORT_LINES(PART)                                                         \
  static void gather_lines_##PART(const window_block *block, const char *from, char *to, \
                                  int64_t bytes) {                                       \
    const int64_t *restrict offsets = block->offsets, *restrict others = block->others;  \
    typedef struct part {                                                                \
      char bytes[PART];                                                                  \
    } part;                                                                              \
    for (int64_t i = 0, n = block->n; i < n; i++) {                                      \
      const char *x = from + offsets[i];                                                 \
      char *y = to + others[i];                                                          \
      part first = *(const part *)x, last = *(const part *)(x + bytes - PART);           \
      *(part *)y = first;                                                                \
      *(part *)(y + bytes - PART) = last;                                                \
    }                                                                                    \
  }
DEFINE_SHORT_LINES(1)
DEFINE_SHORT_LINES(2)
DEFINE_SHORT_LINES(4)
DEFINE_SHORT_LINES(8)
DEFINE_SHORT_LINES(16)
DEFINE_SHORT_LINES(32)

/* Windows that are one run of bytes, all there, or such rows of windows. */
static void gather_lines(const window_block *block, const char *from, char *to, int64_t bytes) {
  static void (*const by_log[])(const window_block *, const char *, char *, int64_t) = {
      gather_lines_1, gather_lines_2,  gather_lines_4,
      gather_lines_8, gather_lines_16, gather_lines_32};
  int log = 0;
  while (2 << log < bytes) log++;
  if (log < (int)(sizeof by_log / sizeof *by_log)) {
    by_log[log](block, from, to, bytes);
  } else if (bytes == 128) {
    for (int64_t i = 0; i < block->n; i++)
      __builtin_memcpy(to + block->others[i], from + block->offsets[i], 128);
  } else {
    for (int64_t i = 0; i < block->n; i++)
      memmove(to + block->others[i], from + block->offsets[i], (size_t)bytes);
  }
}

static void gather_windows(const gather_job *job, const window_block *block) {
  const gather_plan *plan = job->plan;
  size_t bytes = (size_t)(plan->windows.window_n * plan->windows.size);
  if (plan->line && !block->gaps) {
    gather_lines(block, job->operand, job->out, (int64_t)bytes);
    return;
  }
  for (int64_t i = 0; i < block->n; i++) {
    char *to = job->out + block->others[i];
    if (block->offsets[i] == MJX_NO_WINDOW) {
      mjx_copy_run(&plan->fill, to, plan->fill_value, false);
      continue;
    }
    const char *from = job->operand + block->offsets[i];
    if (plan->line)
      memmove(to, from, bytes);
    else
      mjx_copy_run(&plan->copy, to, from, false);
  }
}

/* ---- windows together ---- */

/* Dims d.. of all windows of a block: an element, or a row, of the windows at a time, so that what
 * lies near in the output is written together. */
static void gather_across(const gather_job *job, const window_block *block, int d, const char *from,
                          char *to) {
  const mjx_space_plan *space = &job->plan->copy.space;
  int64_t size = job->plan->windows.size;
  if (d == space->ndim) {
    gather_elements(job, block, from, to);
  } else if (d == space->ndim - 1 && job->plan->rows) {
    gather_lines(block, from, to, space->shape[d] * size);
  } else {
    for (int64_t i = 0; i < space->shape[d]; i++)
      gather_across(job, block, d + 1, from + i * space->strides[1][d] * size,
                    to + i * space->strides[0][d] * size);
  }
}

static void gather_task(void *arg, int64_t begin, int64_t end, char *scratch) {
  (void)scratch;
  const gather_job *job = arg;
  const gather_plan *plan = job->plan;
  window_walk walk;
  window_block block;
  mjx_window_seek(&walk, &plan->windows, job->indices, begin);
  for (int64_t i = begin; i < end; i += block.n) {
    mjx_window_take(&walk, end - i, &block);
    if (plan->windows.window_n == 1)
      gather_elements(job, &block, job->operand, job->out);
    else if (plan->across || (plan->rows && !block.gaps))
      gather_across(job, &block, 0, job->operand, job->out);
    else
      gather_windows(job, &block);
  }
}

/* Whether neighbouring windows lie closer together in the output than a window's elements. */
static bool goes_across(const gather_plan *plan) {
  const mjx_space_plan *space = &plan->copy.space, *batch = &plan->windows.batch;
  int last = batch->ndim - 1;
  int64_t step = batch->strides[2][last], inner = space->strides[0][space->ndim - 1];
  return step >= 0 && step < inner && batch->shape[last] >= 8;
}

/* Whether rows of neighbouring windows lie closer together in the output than a window's rows. */
static bool goes_by_rows(const gather_plan *plan) {
  const mjx_space_plan *space = &plan->copy.space, *batch = &plan->windows.batch;
  int last = batch->ndim - 1, row = space->ndim - 1;
  int64_t step = batch->strides[2][last];
  return row > 0 && space->strides[0][row] == 1 && space->strides[1][row] == 1 && step >= 0 &&
         step < space->strides[0][row - 1] && batch->shape[last] >= 8;
}

static bool is_line(const mjx_copy_plan *copy) {
  const mjx_space_plan *space = &copy->space;
  return space->ndim == 1 &&
         (space->n <= 1 || (space->strides[0][0] == 1 && space->strides[1][0] == 1));
}

mjx_status mjx_op_gather_check(mjx_loader *loader, mjx_instr *instr) {
  MJX_TRY(mjx_check_counts(instr, 1, 2, -1));
  const mjx_operand *operand = &instr->in[0], *indices = &instr->in[1], *out = &instr->out[0];
  MJX_TRY(mjx_check_real(operand, "the operand", -1));
  MJX_TRY(mjx_check_real(indices, "the indices", -1));
  if (operand->size != out->size) return mjx_fail(MJX_INVALID, "element sizes differ");
  if (instr->n_params < 3 || instr->params[0] < MJX_CLIP ||
      instr->params[0] > MJX_PROMISE_IN_BOUNDS)
    return mjx_fail(MJX_INVALID, "no such mode");
  window_dims dims;
  mjx_list sizes;
  int64_t at = 3;
  MJX_TRY(mjx_window_read_dims(instr, &at, &dims));
  MJX_TRY(mjx_window_read_list(instr, &at, &sizes));
  if (sizes.n != operand->ndim || at != instr->n_params)
    return mjx_fail(MJX_INVALID, "the parameters do not match the operand");
  gather_plan *plan;
  MJX_ALLOC(loader, plan, sizeof *plan);
  instr->plan = plan;
  memcpy(plan->fill_value, &instr->params[1], 16);
  window_plan *w = &plan->windows;
  MJX_TRY(mjx_window_prepare(loader, operand, indices, out, &dims, sizes.items,
                             instr->params[0] != MJX_FILL_OR_DROP, w));
  const int64_t zeros[MJX_MAX_NDIM] = {0};
  MJX_TRY(
      mjx_copy_prepare(loader, w->ndim, w->shape, w->other_strides, zeros, w->size, &plan->fill));
  MJX_TRY(mjx_copy_prepare(loader, w->ndim, w->shape, w->other_strides, w->operand_strides, w->size,
                           &plan->copy));
  plan->line = is_line(&plan->copy);
  plan->in_a_row = w->batch.ndim == 1 && w->batch.strides[2][0] == 1;
  plan->across = goes_across(plan);
  plan->rows = !plan->across && goes_by_rows(plan);
  return MJX_OK;
}

mjx_status mjx_op_gather_run(const mjx_instr *instr, mjx_frame *frame) {
  const gather_plan *plan = instr->plan;
  const window_plan *windows = &plan->windows;
  if (instr->out->n == 0) return MJX_OK;
  gather_job job = {plan, mjx_at(frame, &instr->in[0]), mjx_at(frame, &instr->in[1]),
                    mjx_at(frame, instr->out)};
  int64_t cost = windows->n_windows * (2 + windows->window_n * windows->size / 16);
  mjx_pool_for(windows->n_windows, cost, 0, NULL, gather_task, &job);
  return MJX_OK;
}
