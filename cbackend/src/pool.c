/* pool.c: the thread pool.
 *
 * Workers are created at the first need, spin a little between jobs, then park.  Each has its
 * own mailbox, so a job wakes only those that it needs.  One job runs at a time: when the pool is
 * busy (another thread runs a module, or a job is nested), the caller does all the work itself.
 * Who does what never changes results: a job's items are fixed before the pool sees them.
 * After fork the child starts with no workers and makes its own.
 */
#if defined(__linux__) && !defined(_GNU_SOURCE)
#define _GNU_SOURCE /* sched_getaffinity */
#endif
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

#include "internal.h"
#include "kernels.h"

enum { MAX_THREADS = 64, SPINS = 4000, COST_PER_THREAD = 15000 /* ns */ };

typedef struct worker {
  atomic_int has_job;
  atomic_int parked;
  mjx_task_fn fn;
  void *arg;
  int64_t begin, end;
  char *scratch;
  int64_t scratch_bytes;
  pthread_mutex_t mutex;
  pthread_cond_t wake;
} worker;

static struct {
  pthread_mutex_t busy; /* held by the submitting thread */
  atomic_int n_threads; /* 0: not decided yet */
  int n_workers;        /* under busy */
  bool hooked;          /* under busy: the fork handler is installed */
  worker workers[MAX_THREADS - 1];
} pool = {.busy = PTHREAD_MUTEX_INITIALIZER};

static inline void relax(void) {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

static void wait_for_job(worker *self) {
  for (int i = 0; i < SPINS; i++) {
    if (atomic_load_explicit(&self->has_job, memory_order_acquire)) return;
    relax();
  }
  pthread_mutex_lock(&self->mutex);
  atomic_store(&self->parked, 1);
  while (!atomic_load(&self->has_job)) pthread_cond_wait(&self->wake, &self->mutex);
  atomic_store(&self->parked, 0);
  pthread_mutex_unlock(&self->mutex);
}

static void *worker_main(void *arg) {
  worker *self = arg;
  mjx_fp_enter();
  for (;;) {
    wait_for_job(self);
    self->fn(self->arg, self->begin, self->end, self->scratch);
    atomic_store_explicit(&self->has_job, 0, memory_order_release);
  }
  return NULL;
}

static void post(worker *to, mjx_task_fn fn, void *arg, int64_t begin, int64_t end) {
  to->fn = fn;
  to->arg = arg;
  to->begin = begin;
  to->end = end;
  atomic_store(&to->has_job, 1);
  if (!atomic_load(&to->parked)) return;
  pthread_mutex_lock(&to->mutex);
  pthread_cond_signal(&to->wake);
  pthread_mutex_unlock(&to->mutex);
}

static void wait_until_done(const worker *of) {
  for (int i = 0; atomic_load_explicit(&of->has_job, memory_order_acquire); i++) {
    if (i < SPINS)
      relax();
    else
      sched_yield();
  }
}

/* ---- making workers ---- */

static void forget_workers(void) {
  for (int i = 0; i < pool.n_workers; i++) free(pool.workers[i].scratch);
  pool.n_workers = 0;
  pthread_mutex_init(&pool.busy, NULL);
}

static bool start_worker(worker *fresh) {
  *fresh = (worker){0};
  pthread_mutex_init(&fresh->mutex, NULL);
  pthread_cond_init(&fresh->wake, NULL);
  pthread_attr_t attr;
  pthread_t thread;
  if (pthread_attr_init(&attr) != 0) return false;
  pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
  bool started = pthread_create(&thread, &attr, worker_main, fresh) == 0;
  pthread_attr_destroy(&attr);
  return started;
}

static bool ensure_scratch(worker *of, int64_t bytes) {
  if (bytes <= of->scratch_bytes) return true;
  free(of->scratch);
  of->scratch_bytes = 0;
  of->scratch = aligned_alloc(MJX_ALIGN, (size_t)mjx_round_up(bytes, MJX_ALIGN));
  if (of->scratch) of->scratch_bytes = bytes;
  return of->scratch != NULL;
}

/* Readies up to `wanted` workers; returns how many there are. */
static int ensure_workers(int wanted, int64_t scratch_bytes) {
  if (!pool.hooked) pool.hooked = pthread_atfork(NULL, NULL, forget_workers) == 0;
  while (pool.n_workers < wanted && pool.hooked) {
    if (!start_worker(&pool.workers[pool.n_workers])) break;
    pool.n_workers++;
  }
  int ready = 0;
  while (ready < MJX_MIN(wanted, pool.n_workers)) {
    if (!ensure_scratch(&pool.workers[ready], scratch_bytes)) break;
    ready++;
  }
  return ready;
}

/* ---- the interface ---- */

static int count_cpus(void) {
#if defined(__linux__)
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set);
#endif
  return (int)sysconf(_SC_NPROCESSORS_ONLN);
}

mjx_status mjx_set_num_threads(int n) {
  if (n < 1) n = count_cpus();
  atomic_store(&pool.n_threads, MJX_MAX(1, MJX_MIN(n, MAX_THREADS)));
  return MJX_OK;
}

int mjx_get_num_threads(void) {
  int n = atomic_load_explicit(&pool.n_threads, memory_order_relaxed);
  if (n == 0) {
    mjx_set_num_threads(0);
    n = atomic_load(&pool.n_threads);
  }
  return n;
}

static void run_parts(int64_t n, int parts, char *own_scratch, mjx_task_fn fn, void *arg) {
  for (int t = 1; t < parts; t++)
    post(&pool.workers[t - 1], fn, arg, n * t / parts, n * (t + 1) / parts);
  fn(arg, 0, n / parts, own_scratch);
  for (int t = 1; t < parts; t++) wait_until_done(&pool.workers[t - 1]);
}

void mjx_pool_for(int64_t n, int64_t cost, int64_t scratch_bytes, char *own_scratch, mjx_task_fn fn,
                  void *arg) {
  if (n <= 0) return;
  int64_t parts = 1;
  if (n > 1 && cost >= 2 * COST_PER_THREAD) {
    parts = MJX_MIN(cost / COST_PER_THREAD, mjx_get_num_threads());
    parts = MJX_MIN(parts, n);
  }
  if (parts < 2 || pthread_mutex_trylock(&pool.busy) != 0) {
    fn(arg, 0, n, own_scratch);
    return;
  }
  int workers = ensure_workers((int)parts - 1, scratch_bytes);
  run_parts(n, workers + 1, own_scratch, fn, arg);
  pthread_mutex_unlock(&pool.busy);
}
