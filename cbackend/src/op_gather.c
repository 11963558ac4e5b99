/* op_gather.c: GATHER. */
#include <string.h>

#include "window.h"

enum { MAX_PICKED = 2, PICKED = 256 /* places found at once */ };

/* Windows of one element, steered by one or two components, within 32 bits of each other. */
typedef void (*pick_fn)(int64_t n, const int32_t *places, bool gaps, const char *from,
                        const void *fill, char *to, int64_t step);

typedef struct gather_plan {
  window_plan windows;
  pick_fn pick; /* NULL: by blocks */
  mjx_places_fn places;
  mjx_copy_plan copy; /* a window of the operand into the output */
  mjx_copy_plan fill;
  bool line;   /* a window is one run of bytes in both */
  bool across; /* windows are walked together, element by element */
  _Alignas(16) char fill_value[16];
} gather_plan;

typedef struct gather_job {
  const gather_plan *plan;
  const char *operand, *indices;
  char *out;
} gather_job;

typedef struct pair {
  uint64_t low, high;
} __attribute__((may_alias)) pair;
typedef uint8_t __attribute__((may_alias)) bits8;
typedef uint16_t __attribute__((may_alias)) bits16;
typedef uint32_t __attribute__((may_alias)) bits32;
typedef uint64_t __attribute__((may_alias)) bits64;

/* ---- one element of each window of a run ---- */

/* First the places, then the reads, in a loop of as few instructions as can be: so the more reads
 * from far memory are under way at once. */
#define DEFINE_PICK(T)                                                                       \
  static void pick_##T(int64_t n, const int32_t *places, bool gaps, const char *from,        \
                       const void *fill, char *to, int64_t step) {                           \
    if (gaps) {                                                                              \
      for (int64_t i = 0; i < n; i++) {                                                      \
        const void *at = places[i] == MJX_NO_PLACE ? fill : from + places[i];                \
        *(T *)(void *)(to + i * step) = *(const T *)at;                                      \
      }                                                                                      \
    } else if (step == sizeof(T)) {                                                          \
      T *out = (void *)to;                                                                   \
      for (int64_t i = 0; i < n; i++) out[i] = *(const T *)(const void *)(from + places[i]); \
    } else {                                                                                 \
      for (int64_t i = 0; i < n; i++)                                                        \
        *(T *)(void *)(to + i * step) = *(const T *)(const void *)(from + places[i]);        \
    }                                                                                        \
  }
DEFINE_PICK(bits8)
DEFINE_PICK(bits16)
DEFINE_PICK(bits32)
DEFINE_PICK(bits64)

static pick_fn find_pick(int size) {
  switch (size) {
    case 1: return pick_bits8;
    case 2: return pick_bits16;
    case 4: return pick_bits32;
    case 8: return pick_bits64;
    default: return NULL;
  }
}

static int64_t from_step(const window_plan *windows) {
  return windows->batch.strides[3][windows->batch.ndim - 1] * windows->size;
}

static bool places_fit(const window_plan *windows) {
  int64_t move = from_step(windows), reach = 0, part;
  if (move > INT32_MAX / PICKED || move < -INT32_MAX / PICKED) return false;
  reach = (move < 0 ? -move : move) * PICKED;
  for (int d = 0; d < windows->n_mapped; d++) {
    const window_dim *dim = &windows->mapped[d];
    int64_t stride = dim->stride < 0 ? -dim->stride : dim->stride;
    if (__builtin_mul_overflow(stride, dim->last, &part) || part > INT32_MAX || dim->last < 0)
      return false;
    reach += part;
  }
  return reach <= INT32_MAX;
}

static void choose_pick(gather_plan *plan, int index_dtype) {
  const window_plan *windows = &plan->windows;
  int dims = windows->n_mapped;
  if (windows->window_n != 1 || dims < 1 || dims > MAX_PICKED || !places_fit(windows)) return;
  plan->places = mjx_block_kernels_get()->places[index_dtype];
  if (plan->places) plan->pick = find_pick(windows->size);
}

static void pick_run(const gather_job *job, const window_walk *walk, int64_t n) {
  const gather_plan *plan = job->plan;
  const window_plan *windows = &plan->windows;
  int last = windows->batch.ndim - 1;
  int64_t size = windows->size, move = from_step(windows);
  int64_t index_step = windows->batch.strides[1][last];
  int64_t to_step = windows->batch.strides[2][last] * size;
  int32_t found[PICKED];
  mjx_places places = {.dims = windows->n_mapped,
                       .clip = windows->clip,
                       .step = index_step,
                       .move = (int32_t)move,
                       .to = found};
  const char *from = job->operand + walk->at[3] * size;
  char *to = job->out + walk->at[2] * size;
  for (int64_t i = 0; i < n; i += PICKED) {
    places.n = MJX_MIN(PICKED, n - i);
    for (int d = 0; d < places.dims; d++) {
      const window_dim *dim = &windows->mapped[d];
      places.last[d] = (int32_t)dim->last;
      places.stride[d] = (int32_t)dim->stride;
      places.index[d] =
          job->indices + (walk->at[1] + dim->index + i * index_step) * windows->index_size;
    }
    bool gaps = plan->places(&places);
    plan->pick(places.n, found, gaps, from + i * move, plan->fill_value, to + i * to_step, to_step);
  }
}

static void pick(const gather_job *job, int64_t begin, int64_t end) {
  window_walk walk;
  mjx_window_seek(&walk, &job->plan->windows, job->indices, begin);
  for (int64_t n; begin < end; begin += n) {
    n = MJX_MIN(end - begin, mjx_window_run(&walk));
    pick_run(job, &walk, n);
    mjx_window_skip(&walk, n);
  }
}

/* ---- one element of each window of a block ---- */

#define DEFINE_ELEMENTS(T)                                                                         \
  static void elements_##T(const window_block *block, const char *from, const T *fill, char *to) { \
    const int64_t *restrict offsets = block->offsets, *restrict others = block->others;            \
    int64_t n = block->n;                                                                          \
    if (block->gaps) {                                                                             \
      for (int64_t i = 0; i < n; i++) {                                                            \
        const void *place = offsets[i] == MJX_NO_WINDOW ? (const void *)fill : from + offsets[i];  \
        *(T *)(void *)(to + others[i]) = *(const T *)place;                                        \
      }                                                                                            \
    } else {                                                                                       \
      for (int64_t i = 0; i < n; i++)                                                              \
        *(T *)(void *)(to + others[i]) = *(const T *)(const void *)(from + offsets[i]);            \
    }                                                                                              \
  }
DEFINE_ELEMENTS(bits8)
DEFINE_ELEMENTS(bits16)
DEFINE_ELEMENTS(bits32)
DEFINE_ELEMENTS(bits64)
DEFINE_ELEMENTS(pair)

static void gather_elements(const gather_job *job, const window_block *block, const char *from,
                            char *to) {
  const void *fill = job->plan->fill_value;
  switch (job->plan->windows.size) {
    case 1: elements_bits8(block, from, fill, to); break;
    case 2: elements_bits16(block, from, fill, to); break;
    case 4: elements_bits32(block, from, fill, to); break;
    case 8: elements_bits64(block, from, fill, to); break;
    default: elements_pair(block, from, fill, to); break;
  }
}

/* Dims d.. of all windows of a block: an element of the windows at a time, so that what lies
 * side by side in the output is written side by side. */
static void gather_across(const gather_job *job, const window_block *block, int d, const char *from,
                          char *to) {
  const mjx_space_plan *space = &job->plan->copy.space;
  if (d == space->ndim) {
    gather_elements(job, block, from, to);
    return;
  }
  int64_t size = job->plan->windows.size;
  for (int64_t i = 0; i < space->shape[d]; i++)
    gather_across(job, block, d + 1, from + i * space->strides[1][d] * size,
                  to + i * space->strides[0][d] * size);
}

/* ---- whole windows ---- */

/* Windows that are one run of bytes, all there; the usual lengths without a call. */
static void gather_lines(const gather_job *job, const window_block *block, size_t bytes) {
  const char *from = job->operand;
  char *to = job->out;
#define LINES_OF(BYTES)                                                         \
  case BYTES:                                                                   \
    for (int64_t i = 0; i < block->n; i++)                                      \
      __builtin_memcpy(to + block->others[i], from + block->offsets[i], BYTES); \
    break;
  switch (bytes) {
    LINES_OF(8)
    LINES_OF(12)
    LINES_OF(16)
    LINES_OF(24)
    LINES_OF(32)
    LINES_OF(48)
    LINES_OF(64)
    LINES_OF(128)
    default:
      for (int64_t i = 0; i < block->n; i++)
        memcpy(to + block->others[i], from + block->offsets[i], bytes);
  }
#undef LINES_OF
}

static void gather_windows(const gather_job *job, const window_block *block) {
  const gather_plan *plan = job->plan;
  size_t bytes = (size_t)(plan->windows.window_n * plan->windows.size);
  if (plan->line && !block->gaps) {
    gather_lines(job, block, bytes);
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
      memcpy(to, from, bytes);
    else
      mjx_copy_run(&plan->copy, to, from, false);
  }
}

static void gather_task(void *arg, int64_t begin, int64_t end, char *scratch) {
  (void)scratch;
  const gather_job *job = arg;
  const gather_plan *plan = job->plan;
  window_walk walk;
  window_block block;
  if (plan->pick) {
    pick(job, begin, end);
    return;
  }
  mjx_window_seek(&walk, &plan->windows, job->indices, begin);
  for (int64_t i = begin; i < end; i += block.n) {
    mjx_window_take(&walk, end - i, &block);
    if (plan->windows.window_n == 1)
      gather_elements(job, &block, job->operand, job->out);
    else if (plan->across)
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
  plan->across = goes_across(plan);
  choose_pick(plan, indices->dtype);
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
