/* profile.c: calls and time of each instruction, counted while somebody asks for it.
 *
 * The counters are made at the first start and live as long as the module.  A run that sees them
 * (program->profile) adds to them; others pay one load per program that they enter.
 */
#include <stdlib.h>
#include <time.h>

#include "internal.h"

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

typedef struct profile_row {
  atomic_int_least64_t calls, ticks;
} profile_row;

struct mjx_profile {
  int64_t ticks_at_start, ns_at_start;
  int64_t n_rows;
  profile_row rows[];
};

static int64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Of an unknown but fixed length; a clock read would cost more than a small instruction. */
static inline int64_t now_ticks(void) {
#if defined(__x86_64__)
  return (int64_t)__rdtsc();
#elif defined(__aarch64__)
  int64_t ticks;
  __asm__ volatile("mrs %0, cntvct_el0" : "=r"(ticks));
  return ticks;
#else
  return now_ns();
#endif
}

static int64_t count_rows(const mjx_program *program) {
  const mjx_code *last = &program->codes[program->n_codes - 1];
  return last->first_row + last->n_instrs;
}

mjx_status mjx_program_profile_start(mjx_program *program) {
  int64_t n = count_rows(program);
  mjx_profile *profile = program->profile_memory;
  if (!profile) {
    profile = calloc(1, sizeof *profile + (size_t)n * sizeof *profile->rows);
    if (!profile) return mjx_fail(MJX_NO_MEMORY, "no memory for %lld counters", (long long)n);
    program->profile_memory = profile;
  }
  for (int64_t r = 0; r < n; r++) {
    atomic_store_explicit(&profile->rows[r].calls, 0, memory_order_relaxed);
    atomic_store_explicit(&profile->rows[r].ticks, 0, memory_order_relaxed);
  }
  profile->n_rows = n;
  profile->ns_at_start = now_ns();
  profile->ticks_at_start = now_ticks();
  atomic_store(&program->profile, profile);
  return MJX_OK;
}

void mjx_program_profile_stop(mjx_program *program) { atomic_store(&program->profile, NULL); }

int64_t mjx_program_profile_read(const mjx_program *program, int64_t n, int64_t *calls,
                                 double *seconds) {
  const mjx_profile *profile = program->profile_memory;
  if (!profile) return 0;
  double ns = (double)(now_ns() - profile->ns_at_start);
  double ticks = (double)(now_ticks() - profile->ticks_at_start);
  double tick = ticks > 0 ? ns * 1e-9 / ticks : 0;
  for (int64_t r = 0; r < MJX_MIN(n, profile->n_rows); r++) {
    const profile_row *row = &profile->rows[r];
    calls[r] = atomic_load_explicit(&row->calls, memory_order_relaxed);
    seconds[r] = (double)atomic_load_explicit(&row->ticks, memory_order_relaxed) * tick;
  }
  return profile->n_rows;
}

mjx_status mjx_code_run_profiled(const mjx_code *code, mjx_frame *frame, mjx_profile *profile) {
  profile_row *row = profile->rows + code->first_row;
  int64_t before = now_ticks();
  for (int64_t i = 0; i < code->n_instrs; i++, row++) {
    const mjx_instr *instr = &code->instrs[i];
    mjx_status status = instr->op->run(instr, frame);
    int64_t after = now_ticks();
    atomic_fetch_add_explicit(&row->calls, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&row->ticks, after - before, memory_order_relaxed);
    before = now_ticks();
    if (status != MJX_OK) {
      mjx_fail_prefix("%s: ", instr->op->name);
      return status;
    }
  }
  return MJX_OK;
}
