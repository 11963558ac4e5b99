/* test_threads.c: bits do not depend on threads; modules run from many threads; fork. */
#include <dirent.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "builder.h"

enum { N = 300000, M = 96, RUNNERS = 4, REPEATS = 40 };

static float x[N], y[N];

static mjx_program *elementwise(void) {
  view one = dense(0, MJX_F32, 1, N, 0, 0), v[3] = {one, one, one};
  const int64_t params[] = {2, kernel("mul_f32"), 0, 1, kernel("tanh_f32"), 2, 3};
  return load_single("EWISE", 1, 2, v, 7, params);
}

static mjx_program *sum(void) {
  view v[2] = {dense(0, MJX_F32, 2, 1, 1, 0), dense(0, MJX_F32, 3, 1, N, 1)};
  return load_single("REDUCE", 1, 1, v, 1, (const int64_t[]){MJX_SUM});
}

static mjx_program *column_sums(void) {
  view v[2] = {dense(0, MJX_F32, 2, 1, 100, 0), dense(0, MJX_F32, 3, 1, N / 100, 100)};
  return load_single("REDUCE", 1, 1, v, 1, (const int64_t[]){MJX_SUM});
}

static mjx_program *product(void) {
  view v[3] = {dense(0, MJX_F32, 3, 8, M, M), dense(0, MJX_F32, 3, 8, M, M),
               dense(0, MJX_F32, 3, 8, M, M)};
  return load_single("DOT", 1, 2, v, 0, NULL);
}

static mjx_program *(*const programs[])(void) = {elementwise, sum, column_sums, product};
enum { N_PROGRAMS = sizeof programs / sizeof programs[0] };

static float *run(mjx_program *loaded) {
  float *out = calloc(N, sizeof *out);
  CHECK(out != NULL);
  const void *const in[2] = {x, y};
  CHECK(mjx_program_run(loaded, in, (void *const[]){out}) == MJX_OK);
  return out;
}

#if defined(__linux__)
static int count_threads(void) {
  DIR *tasks = opendir("/proc/self/task");
  CHECK(tasks != NULL);
  int n = 0;
  for (struct dirent *entry; (entry = readdir(tasks)) != NULL;) n += entry->d_name[0] != '.';
  closedir(tasks);
  return n;
}

/* No worker is made while all CPUs but one are lent.  Comes first: workers stay. */
static void test_lent_cpus(void) {
  mjx_program *loaded = elementwise();
  mjx_set_num_threads(3);
  int before = count_threads(); /* a sanitizer adds its own */
  mjx_lend_cpus(1 << 20);
  float *lent = run(loaded);
  CHECK(count_threads() == before);
  mjx_lend_cpus(-(1 << 20));
  float *all = run(loaded);
  CHECK(count_threads() > before);
  CHECK(memcmp(lent, all, N * sizeof *all) == 0);
  free(lent);
  free(all);
  mjx_program_free(loaded);
}
#endif

static void test_same_bits(void) {
  for (int p = 0; p < N_PROGRAMS; p++) {
    mjx_program *loaded = programs[p]();
    mjx_set_num_threads(1);
    float *want = run(loaded);
    for (int threads = 2; threads < 7; threads++) {
      mjx_set_num_threads(threads);
      CHECK(mjx_get_num_threads() == threads);
      float *got = run(loaded);
      CHECK(memcmp(got, want, N * sizeof *got) == 0);
      free(got);
    }
    free(want);
    mjx_program_free(loaded);
  }
}

typedef struct runner {
  mjx_program *loaded;
  const float *want;
} runner;

static void *run_often(void *arg) {
  const runner *self = arg;
  for (int i = 0; i < REPEATS; i++) {
    float *got = run(self->loaded);
    CHECK(memcmp(got, self->want, N * sizeof *got) == 0);
    free(got);
  }
  return NULL;
}

static void test_many_runners(void) {
  mjx_set_num_threads(3);
  for (int p = 0; p < N_PROGRAMS; p++) {
    mjx_program *loaded = programs[p]();
    float *want = run(loaded);
    runner self = {loaded, want};
    pthread_t threads[RUNNERS];
    for (int t = 0; t < RUNNERS; t++)
      CHECK(pthread_create(&threads[t], NULL, run_often, &self) == 0);
    for (int t = 0; t < RUNNERS; t++) CHECK(pthread_join(threads[t], NULL) == 0);
    free(want);
    mjx_program_free(loaded);
  }
}

/* The child has no workers of its own until it needs them. */
static void test_fork(void) {
#if !defined(__SANITIZE_THREAD__) /* it refuses new threads after a fork */
  mjx_program *loaded = elementwise();
  mjx_set_num_threads(4);
  float *want = run(loaded);
  pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    float *got = run(loaded);
    _exit(memcmp(got, want, N * sizeof *got) == 0 ? 0 : 1);
  }
  int status;
  CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
  free(want);
  mjx_program_free(loaded);
#endif
}

int main(void) {
  for (int i = 0; i < N; i++) {
    x[i] = (float)(i % 1001) * 0.001f - 0.5f;
    y[i] = (float)(i % 77) * 0.01f;
  }
#if defined(__linux__)
  test_lent_cpus();
#endif
  test_same_bits();
  test_many_runners();
  test_fork();
  puts("test_threads: ok");
  return 0;
}
