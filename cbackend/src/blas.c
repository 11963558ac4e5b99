/* blas.c: opens OpenBLAS at the first need, single-threaded, with the core type of this CPU. */
#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "kernels.h"

enum { PATH_BYTES = 4096, CORE_BYTES = 64 };

static struct {
  pthread_mutex_t mutex;
  _Atomic(const mjx_blas *) ready; /* published when everything below is set */
  atomic_bool tried;
  mjx_blas table;
  void *library;
  char path[PATH_BYTES];
  char corename[CORE_BYTES];
} blas = {.mutex = PTHREAD_MUTEX_INITIALIZER};

/* ---- the environment around dlopen ---- */

/* OpenBLAS reads its settings from the environment while it is being opened, and users'
 * machines export settings meant for other programs. */
static const char *core_type(void) {
  const char *wanted = getenv("MINIJAX_BLAS_CORETYPE");
  if (wanted && *wanted) return wanted;
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
    return "SkylakeX";
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return "Haswell";
#endif
  return NULL;
}

static char *env_replace(const char *name, const char *value) {
  const char *old = getenv(name);
  char *saved = old ? strdup(old) : NULL;
  if (value)
    setenv(name, value, 1);
  else
    unsetenv(name);
  return saved;
}

static void env_restore(const char *name, char *saved) {
  if (saved)
    setenv(name, saved, 1);
  else
    unsetenv(name);
  free(saved);
}

static void *open_library(const char *path) {
  char *core = env_replace("OPENBLAS_CORETYPE", core_type());
  char *threads = env_replace("OPENBLAS_NUM_THREADS", "1");
  void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  env_restore("OPENBLAS_CORETYPE", core);
  env_restore("OPENBLAS_NUM_THREADS", threads);
  return library;
}

/* ---- symbols ---- */

static bool find(const char *name, void *function) {
  void *symbol = dlsym(blas.library, name);
  memcpy(function, &symbol, sizeof symbol);
  return symbol != NULL;
}

static void read_corename(void) {
  char *(*corename)(void);
  if (find("scipy_openblas_get_corename", &corename))
    strncpy(blas.corename, corename(), CORE_BYTES - 1);
}

static mjx_status bind_symbols(void) {
  if (!find("scipy_cblas_sgemm", &blas.table.sgemm) ||
      !find("scipy_cblas_dgemm", &blas.table.dgemm) ||
      !find("scipy_cblas_cgemm", &blas.table.cgemm) ||
      !find("scipy_cblas_zgemm", &blas.table.zgemm))
    return mjx_fail(MJX_NOT_FOUND, "%s has no scipy_cblas_*gemm", blas.path);
  void (*set_num_threads)(int);
  if (find("scipy_openblas_set_num_threads", &set_num_threads)) set_num_threads(1);
  read_corename();
  atomic_store_explicit(&blas.ready, &blas.table, memory_order_release);
  return MJX_OK;
}

static mjx_status open_locked(void) {
  if (atomic_load(&blas.ready)) return MJX_OK;
  if (!blas.path[0]) return mjx_fail(MJX_NOT_FOUND, "no BLAS library was named");
  blas.library = open_library(blas.path);
  if (!blas.library) return mjx_fail(MJX_NOT_FOUND, "BLAS cannot be opened: %s", dlerror());
  mjx_status status = bind_symbols();
  if (status != MJX_OK) {
    dlclose(blas.library);
    blas.library = NULL;
  }
  return status;
}

/* ---- the interface ---- */

static mjx_status set_path_locked(const char *path) {
  size_t length = path ? strlen(path) : 0;
  if (length >= PATH_BYTES) return mjx_fail(MJX_INVALID, "the path of BLAS is too long");
  if (blas.library && path && strcmp(path, blas.path) != 0)
    return mjx_fail(MJX_INVALID, "BLAS is already open: %s", blas.path);
  memcpy(blas.path, path ? path : "", length + 1);
  if (!path) { /* off: the library stays open, unused */
    atomic_store(&blas.ready, NULL);
    blas.library = NULL;
  }
  atomic_store(&blas.tried, false);
  return MJX_OK;
}

mjx_status mjx_blas_set_path(const char *path) {
  pthread_mutex_lock(&blas.mutex);
  mjx_status status = set_path_locked(path);
  pthread_mutex_unlock(&blas.mutex);
  return status;
}

mjx_status mjx_blas_load(const char *path) {
  pthread_mutex_lock(&blas.mutex);
  mjx_status status = path ? set_path_locked(path) : MJX_OK;
  if (status == MJX_OK) status = open_locked();
  atomic_store(&blas.tried, true);
  pthread_mutex_unlock(&blas.mutex);
  return status;
}

const mjx_blas *mjx_blas_get(void) {
  const mjx_blas *table = atomic_load_explicit(&blas.ready, memory_order_acquire);
  if (table || atomic_load_explicit(&blas.tried, memory_order_relaxed)) return table;
  mjx_blas_load(NULL);
  return atomic_load_explicit(&blas.ready, memory_order_acquire);
}

const char *mjx_blas_corename(void) { return atomic_load(&blas.ready) ? blas.corename : ""; }

void *mjx_blas_symbol(const char *name) {
  void *symbol = NULL;
  if (mjx_blas_get()) find(name, &symbol);
  return symbol;
}
