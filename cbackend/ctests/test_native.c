/* test_native.c: native code put in place while threads run; what is refused; the hot hook. */
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "builder.h"

enum { N = 3, N_THREADS = 4 };

/* out = x + y over three floats, by the runtime's own kernel or written out. */
static const char *const source =
    "#include <stdint.h>\n"
    "#include \"mjx_native.h\"\n"
    "static int32_t run(const mjx_native_host *host, void *run_, char *memory, char *consts,\n"
    "                   const void *const *in, void *const *out) {\n"
    "  (void)consts;\n"
    "  if (((uintptr_t)memory & 63) || *host->interrupt) return host->interrupted();\n"
    "  char *slots[5] = {memory, 0, (char *)in[0], (char *)in[1], (char *)out[0]};\n"
    "  return host->run(run_, 0, 0, slots);\n"
    "}\n"
    "const mjx_native_module MJX_NATIVE_SYMBOL = {VERSION, \"key\", 2, 1, 4096, 1, run};\n";

static mjx_program *adder(void) {
  const view v[3] = {dense(0, MJX_F32, 1, N, 0, 0), dense(0, MJX_F32, 1, N, 0, 0),
                     dense(0, MJX_F32, 1, N, 0, 0)};
  return load_single("EWISE", 1, 2, v, 5, (const int64_t[]){1, kernel("add_f32"), 0, 1, 2});
}

/* Compiles the library; its path stays valid until the next call. */
static const char *compile(const char *folder, const char *version) {
  static char text[256], library[256], command[1024];
  snprintf(text, sizeof text, "%s/n%s.c", folder, version);
  snprintf(library, sizeof library, "%s/n%s.so", folder, version);
  FILE *file = fopen(text, "w");
  CHECK(file && fputs(source, file) >= 0 && fclose(file) == 0);
  snprintf(command, sizeof command, "cc -shared -fPIC -Icbackend/include -DVERSION=%s -o %s %s",
           version, library, text);
  CHECK(system(command) == 0);
  return library;
}

static atomic_int stop;

static void run_once(mjx_program *program) {
  const float x[N] = {1, 2, 3}, y[N] = {4, 5, 6};
  float out[N] = {0};
  CHECK(mjx_program_run(program, (const void *const[]){x, y}, (void *const[]){out}) == MJX_OK);
  for (int k = 0; k < N; k++) CHECK(out[k] == x[k] + y[k]);
}

static void *run_on(void *program) {
  while (!atomic_load(&stop)) run_once(program);
  return NULL;
}

static void test_swap(const char *library) {
  mjx_program *program = adder();
  pthread_t threads[N_THREADS];
  for (int t = 0; t < N_THREADS; t++)
    CHECK(pthread_create(&threads[t], NULL, run_on, program) == 0);
  CHECK(mjx_program_has_native(program) == 0);
  usleep(20000);
  CHECK(mjx_program_set_native(program, library, "key") == MJX_OK);
  CHECK(mjx_program_has_native(program) == 1);
  usleep(20000);
  atomic_store(&stop, 1);
  for (int t = 0; t < N_THREADS; t++) CHECK(pthread_join(threads[t], NULL) == 0);
  run_once(program);
  CHECK(mjx_program_set_native(program, library, "key") == MJX_INVALID);
  mjx_program_free(program);
}

static void test_refused(const char *library, const char *other_version) {
  mjx_program *program = adder();
  CHECK(mjx_program_set_native(program, "/no/such/file.so", "key") == MJX_NOT_FOUND);
  CHECK(mjx_program_set_native(program, library, "another key") == MJX_INVALID);
  CHECK(mjx_program_set_native(program, other_version, "key") == MJX_INVALID);
  CHECK(mjx_program_has_native(program) == 0);
  run_once(program);
  mjx_program_free(program);
}

static atomic_int calls;
static _Atomic(int64_t) last_id;

static void on_hot(int64_t id) {
  atomic_fetch_add(&calls, 1);
  atomic_store(&last_id, id);
}

static void test_hot_hook(void) {
  mjx_program *program = adder();
  mjx_set_hot_hook(on_hot);
  mjx_program_watch(program, 3, 42);
  for (int k = 0; k < 2; k++) run_once(program);
  CHECK(atomic_load(&calls) == 0);
  for (int k = 0; k < 5; k++) run_once(program);
  CHECK(atomic_load(&calls) == 1 && atomic_load(&last_id) == 42);
  mjx_set_hot_hook(NULL);
  mjx_program_free(program);
}

static void test_order(void) {
  mjx_program *program = adder();
  int64_t chunk = 1;
  CHECK(mjx_program_order(program, 0, 0, &chunk) == MJX_ORDER_OTHER && chunk == 0);
  CHECK(mjx_program_order(program, 0, 1, &chunk) == -1);
  CHECK(mjx_program_order(program, -1, 0, &chunk) == -1);
  mjx_program_free(program);
}

#define TEXT_(x)     #x
#define TEXT(x)      TEXT_(x)
#define THIS_VERSION TEXT(MJX_NATIVE_VERSION)

int main(void) {
  char folder[] = "/tmp/mjx-native-XXXXXX", library[256];
  test_hot_hook();
  test_order();
  if (system("cc --version > /dev/null 2>&1") == 0 && mkdtemp(folder)) {
    snprintf(library, sizeof library, "%s", compile(folder, THIS_VERSION));
    test_refused(library, compile(folder, "9999"));
    test_swap(library);
    char command[300];
    snprintf(command, sizeof command, "rm -r %s", folder);
    CHECK(system(command) == 0);
  }
  puts("test_native: ok");
  return 0;
}
