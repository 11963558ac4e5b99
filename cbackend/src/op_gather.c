/* op_gather.c: GATHER. */
#include <string.h>

#include "window.h"

enum { MAX_PICKED = 2 };

/* A run of windows of one element, steered by one or two components: all in one loop. */
typedef struct pick_run {
  int64_t n;
  int64_t last[MAX_PICKED], stride[MAX_PICKED], component[MAX_PICKED]; /* the latter: bytes */
  bool clip;
  const char *index, *from, *fill;
  char *to;
  int64_t index_step, from_step, to_step; /* bytes */
} pick_run;
typedef void (*pick_fn)(const pick_run *run);

typedef struct gather_plan {
  window_plan windows;
  pick_fn pick;       /* NULL: by blocks */
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

/* Without a branch: two comparisons cost less than one wrong guess. */
static inline int64_t clip_index(int64_t i, int64_t last) {
  i = i < last ? i : last;
  return i & ~(i >> 63);
}

/* The fewer instructions, the more reads from far memory are under way at once: so the usual
 * layout, all dense, has a loop of its own, with the steps as constants. */
#define DEFINE_PICK(NAME, T, I, DIMS)                                                              \
  static inline __attribute__((always_inline)) void NAME##_steps(                                  \
      const pick_run *run, int64_t second, int64_t index_step, int64_t from_step, int64_t to_step, \
      bool clip) {                                                                                 \
    /* locals, which the writes do not alias */                                                    \
    const int64_t n = run->n, last0 = run->last[0], last1 = DIMS > 1 ? run->last[1] : 0;           \
    const int64_t stride0 = run->stride[0], stride1 = DIMS > 1 ? run->stride[1] : 0;               \
    const char *from = run->from, *fill = run->fill, *index = run->index + run->component[0];      \
    char *to = run->to;                                                                            \
    for (int64_t i = 0; i < n; i++, index += index_step, from += from_step, to += to_step) {       \
      int64_t a = *(const I *)(const void *)index;                                                 \
      int64_t b = DIMS > 1 ? *(const I *)(const void *)(index + second) : 0;                       \
      bool gap = false;                                                                            \
      if (clip) {                                                                                  \
        a = clip_index(a, last0);                                                                  \
        b = clip_index(b, last1);                                                                  \
      } else {                                                                                     \
        gap = ((uint64_t)a > (uint64_t)last0) | ((uint64_t)b > (uint64_t)last1);                   \
      }                                                                                            \
      uint64_t place = (uint64_t)a * (uint64_t)stride0 + (uint64_t)b * (uint64_t)stride1;          \
      const char *at = from + (int64_t)place;                                                      \
      *(T *)(void *)to = *(const T *)(const void *)(gap ? fill : at);                              \
    }                                                                                              \
  }                                                                                                \
  static void NAME(const pick_run *r) {                                                            \
    int64_t second = DIMS > 1 ? r->component[1] - r->component[0] : 0;                             \
    bool dense = r->index_step == DIMS * sizeof(I) && r->from_step == 0 &&                         \
                 r->to_step == sizeof(T) && (DIMS == 1 || second == sizeof(I));                    \
    if (dense && r->clip)                                                                          \
      NAME##_steps(r, sizeof(I), DIMS * sizeof(I), 0, sizeof(T), true);                            \
    else if (dense)                                                                                \
      NAME##_steps(r, sizeof(I), DIMS * sizeof(I), 0, sizeof(T), false);                           \
    else                                                                                           \
      NAME##_steps(r, second, r->index_step, r->from_step, r->to_step, r->clip);                   \
  }
#define DEFINE_PICKS(DIMS)                                                       \
  DEFINE_PICK(pick##DIMS##_4_by_i32, bits32, int32_t, DIMS)                      \
  DEFINE_PICK(pick##DIMS##_8_by_i32, bits64, int32_t, DIMS)                      \
  DEFINE_PICK(pick##DIMS##_4_by_u32, bits32, uint32_t, DIMS)                     \
  DEFINE_PICK(pick##DIMS##_8_by_u32, bits64, uint32_t, DIMS)                     \
  DEFINE_PICK(pick##DIMS##_4_by_i64, bits32, int64_t, DIMS)                      \
  DEFINE_PICK(pick##DIMS##_8_by_i64, bits64, int64_t, DIMS)                      \
  static pick_fn find_pick##DIMS(bool wide, int index_dtype) {                   \
    switch (index_dtype) {                                                       \
      case MJX_I32: return wide ? pick##DIMS##_8_by_i32 : pick##DIMS##_4_by_i32; \
      case MJX_U32: return wide ? pick##DIMS##_8_by_u32 : pick##DIMS##_4_by_u32; \
      case MJX_I64: return wide ? pick##DIMS##_8_by_i64 : pick##DIMS##_4_by_i64; \
      default: return NULL;                                                      \
    }                                                                            \
  }
DEFINE_PICKS(1)
DEFINE_PICKS(2)

static pick_fn choose_pick(const window_plan *windows, int index_dtype) {
  int dims = windows->n_mapped, size = windows->size;
  if (windows->window_n != 1 || dims < 1 || dims > MAX_PICKED || (size != 4 && size != 8))
    return NULL;
  return (dims == 1 ? find_pick1 : find_pick2)(size == 8, index_dtype);
}

static void pick(const gather_job *job, int64_t begin, int64_t end) {
  const window_plan *windows = &job->plan->windows;
  const mjx_space_plan *batch = &windows->batch;
  int64_t size = windows->size;
  int last = batch->ndim - 1;
  pick_run run = {.clip = windows->clip,
                  .fill = job->plan->fill_value,
                  .index_step = batch->strides[1][last] * windows->index_size,
                  .from_step = batch->strides[3][last] * size,
                  .to_step = batch->strides[2][last] * size};
  for (int d = 0; d < windows->n_mapped; d++) {
    const window_dim *dim = &windows->mapped[d];
    run.last[d] = dim->last;
    run.stride[d] = dim->stride;
    run.component[d] = dim->index * windows->index_size;
  }
  window_walk walk;
  mjx_window_seek(&walk, windows, job->indices, begin);
  for (; begin < end; begin += run.n) {
    run.n = MJX_MIN(end - begin, mjx_window_run(&walk));
    run.index = job->indices + walk.at[1] * windows->index_size;
    run.from = job->operand + walk.at[3] * size;
    run.to = job->out + walk.at[2] * size;
    job->plan->pick(&run);
    mjx_window_skip(&walk, run.n);
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

static void gather_windows(const gather_job *job, const window_block *block) {
  const gather_plan *plan = job->plan;
  size_t bytes = (size_t)(plan->windows.window_n * plan->windows.size);
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
  plan->pick = choose_pick(w, indices->dtype);
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
