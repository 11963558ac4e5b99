/* op_gather.c: GATHER. */
#include <string.h>

#include "window.h"

typedef struct gather_plan {
  window_plan windows;
  mjx_copy_plan copy; /* a window of the operand into the output */
  mjx_copy_plan fill;
  bool line; /* a window is one run of bytes in both */
  _Alignas(16) char fill_value[16];
  int32_t index_size;
} gather_plan;

typedef struct gather_job {
  const gather_plan *plan;
  const char *operand, *indices;
  char *out;
} gather_job;

static void gather_line(char *to, const char *from, int64_t bytes) {
  switch (bytes) {
    case 4: memcpy(to, from, 4); break;
    case 8: memcpy(to, from, 8); break;
    default: memmove(to, from, (size_t)bytes); break;
  }
}

static void gather_task(void *arg, int64_t begin, int64_t end, char *scratch) {
  (void)scratch;
  const gather_job *job = arg;
  const gather_plan *plan = job->plan;
  const window_plan *windows = &plan->windows;
  int64_t bytes = windows->window_n * windows->size;
  window_walk walk;
  mjx_window_seek(&walk, windows, begin);
  for (int64_t i = begin; i < end; i++, mjx_window_next(&walk)) {
    int64_t offset = mjx_window_offset(&walk, job->indices, plan->index_size);
    char *to = job->out + walk.at[2] * windows->size;
    if (offset == MJX_NO_WINDOW)
      mjx_copy_run(&plan->fill, to, plan->fill_value, false);
    else if (plan->line)
      gather_line(to, job->operand + offset, bytes);
    else
      mjx_copy_run(&plan->copy, to, job->operand + offset, false);
  }
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
  plan->index_size = indices->size;
  window_plan *w = &plan->windows;
  MJX_TRY(mjx_window_prepare(loader, operand, indices, out, &dims, sizes.items,
                             instr->params[0] != MJX_FILL_OR_DROP, w));
  const int64_t zeros[MJX_MAX_NDIM] = {0};
  MJX_TRY(
      mjx_copy_prepare(loader, w->ndim, w->shape, w->other_strides, zeros, w->size, &plan->fill));
  MJX_TRY(mjx_copy_prepare(loader, w->ndim, w->shape, w->other_strides, w->operand_strides, w->size,
                           &plan->copy));
  plan->line = is_line(&plan->copy);
  return MJX_OK;
}

mjx_status mjx_op_gather_run(const mjx_instr *instr, mjx_frame *frame) {
  const gather_plan *plan = instr->plan;
  const window_plan *windows = &plan->windows;
  if (instr->out->n == 0) return MJX_OK;
  gather_job job = {plan, mjx_at(frame, &instr->in[0]), mjx_at(frame, &instr->in[1]),
                    mjx_at(frame, instr->out)};
  int64_t cost = windows->n_windows * (8 + windows->window_n * windows->size / 8);
  mjx_pool_for(windows->n_windows, cost, 0, NULL, gather_task, &job);
  return MJX_OK;
}
