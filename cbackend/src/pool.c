/* pool.c: the thread pool.
 *
 * Workers are created at the first need, spin a little between jobs, then park.  Each has its
 * own mailbox, so a job wakes only those that it needs.  One job runs at a time: when the pool is
 * busy (another thread runs a module, or a job is nested), the caller does all the work itself.
 * A job's items are cut into one lane per thread, so that a thread meets the same memory from job
 * to job, and each lane into a few pieces: whoever is done with its own lane takes pieces of the
 * others'.  A worker that did not wake in time (its CPU is busy) loses the whole job; nobody waits
 * for it.  Who does what never changes results: the items are fixed before the pool sees them.
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

enum {
  MAX_THREADS = 64,
  SPINS = 4000,
  COST_PER_THREAD = 5000, /* ns */
  PIECES = 4              /* of a lane */
};

/* Items begin..end-1 of a job, in PIECES pieces; `next` is the first that nobody took. */
typedef struct lane {
  _Alignas(MJX_ALIGN) atomic_int next;
  int64_t begin, end;
} lane;

typedef struct job {
  mjx_task_fn fn;
  void *arg;
  int n_lanes;
  lane lanes[MAX_THREADS];
} job;

/* A mailbox.  The submitter posts, and takes back what the worker has not begun. */
enum { EMPTY, POSTED, RUNNING };

typedef struct worker {
  atomic_int mail;
  atomic_int parked;
  int lane;
  char *scratch;
  int64_t scratch_bytes;
  pthread_mutex_t mutex;
  pthread_cond_t wake;
} worker;

static struct {
  pthread_mutex_t busy; /* held by the submitting thread */
  atomic_int n_threads; /* 0: not decided yet */
  atomic_int lent;      /* CPUs */
  int n_workers;        /* under busy */
  pthread_once_t once;
  bool hooked; /* once: the fork handler is installed */
  job job;     /* written under busy, while no worker runs */
  worker workers[MAX_THREADS - 1];
} pool = {.busy = PTHREAD_MUTEX_INITIALIZER, .once = PTHREAD_ONCE_INIT};

static inline void relax(void) {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

/* ---- a job ---- */

/* Takes pieces of a lane until there are none. */
static void run_lane(job *all, lane *own, char *scratch) {
  int64_t n = own->end - own->begin;
  for (;;) {
    int piece = atomic_fetch_add_explicit(&own->next, 1, memory_order_relaxed);
    if (piece >= PIECES) return;
    int64_t begin = own->begin + n * piece / PIECES, end = own->begin + n * (piece + 1) / PIECES;
    if (begin < end) all->fn(all->arg, begin, end, scratch);
  }
}

static void run_lanes(job *all, int first, char *scratch) {
  for (int i = 0; i < all->n_lanes; i++)
    run_lane(all, &all->lanes[(first + i) % all->n_lanes], scratch);
}

static void cut_lanes(job *all, int64_t n, int lanes) {
  all->n_lanes = lanes;
  for (int t = 0; t < lanes; t++) {
    all->lanes[t].begin = n * t / lanes;
    all->lanes[t].end = n * (t + 1) / lanes;
    atomic_store_explicit(&all->lanes[t].next, 0, memory_order_relaxed);
  }
}

/* ---- workers ---- */

static void wait_for_mail(worker *self) {
  for (int i = 0; i < SPINS; i++) {
    if (atomic_load_explicit(&self->mail, memory_order_relaxed) == POSTED) return;
    relax();
  }
  pthread_mutex_lock(&self->mutex);
  atomic_store(&self->parked, 1);
  while (atomic_load(&self->mail) != POSTED) pthread_cond_wait(&self->wake, &self->mutex);
  atomic_store(&self->parked, 0);
  pthread_mutex_unlock(&self->mutex);
}

static void *worker_main(void *arg) {
  worker *self = arg;
  mjx_fp_enter();
  for (;;) {
    wait_for_mail(self);
    int posted = POSTED;
    if (!atomic_compare_exchange_strong(&self->mail, &posted, RUNNING)) continue;
    run_lanes(&pool.job, self->lane, self->scratch);
    atomic_store_explicit(&self->mail, EMPTY, memory_order_release);
  }
  return NULL;
}

static void post(worker *to, int lane) {
  to->lane = lane;
  atomic_store(&to->mail, POSTED);
  if (!atomic_load(&to->parked)) return;
  pthread_mutex_lock(&to->mutex);
  pthread_cond_signal(&to->wake);
  pthread_mutex_unlock(&to->mutex);
}

/* After this the worker does not touch the job. */
static void take_back(worker *from) {
  int posted = POSTED;
  if (atomic_compare_exchange_strong(&from->mail, &posted, EMPTY)) return;
  for (int i = 0; atomic_load_explicit(&from->mail, memory_order_acquire) != EMPTY; i++) {
    if (i < SPINS)
      relax();
    else
      sched_yield();
  }
}

/* ---- making workers ---- */

/* In a child.  The workers' scratch is not freed: the thread that submits a job, which the child
 * does not have, may have been exchanging it. */
static void forget_workers(void) {
  pool.n_workers = 0;
  atomic_store(&pool.lent, 0);
  pthread_mutex_init(&pool.busy, NULL);
}

static void hook(void) { pool.hooked = pthread_atfork(NULL, NULL, forget_workers) == 0; }

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
  pthread_once(&pool.once, hook);
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

void mjx_lend_cpus(int n) {
  pthread_once(&pool.once, hook);
  atomic_fetch_add(&pool.lent, n);
}

static int free_threads(void) {
  int lent = atomic_load_explicit(&pool.lent, memory_order_relaxed), n = mjx_get_num_threads();
  return lent <= 0 ? n : MJX_MIN(n, MJX_MAX(1, count_cpus() - lent));
}

static void run_job(int64_t n, int lanes, char *own_scratch, mjx_task_fn fn, void *arg) {
  pool.job.fn = fn;
  pool.job.arg = arg;
  cut_lanes(&pool.job, n, lanes);
  for (int t = 1; t < lanes; t++) post(&pool.workers[t - 1], t);
  run_lanes(&pool.job, 0, own_scratch);
  for (int t = 1; t < lanes; t++) take_back(&pool.workers[t - 1]);
}

void mjx_pool_for(int64_t n, int64_t cost, int64_t scratch_bytes, char *own_scratch, mjx_task_fn fn,
                  void *arg) {
  if (n <= 0) return;
  int64_t parts = 1;
  if (n > 1 && cost >= 2 * COST_PER_THREAD) {
    parts = MJX_MIN(cost / COST_PER_THREAD, free_threads());
    parts = MJX_MIN(parts, n);
  }
  if (parts < 2 || pthread_mutex_trylock(&pool.busy) != 0) {
    fn(arg, 0, n, own_scratch);
    return;
  }
  int workers = ensure_workers((int)parts - 1, scratch_bytes);
  run_job(n, workers + 1, own_scratch, fn, arg);
  pthread_mutex_unlock(&pool.busy);
}
