/* test_malformed.c: no program, however malformed, may touch memory outside its buffers.
 *
 * Good modules are mutated word by word.  Whatever still loads is run, over heap blocks of exactly
 * the stated sizes, so that AddressSanitizer sees every access outside.  A timer interrupts loops.
 */
#include <signal.h>
#include <stdbool.h>
#include <sys/time.h>

#include "builder.h"

#if defined(__SANITIZE_THREAD__) /* slow, and of no use here: one thread */
enum { ROUNDS = 3000 };
#else
enum { ROUNDS = 60000 };
#endif
enum { SMALL = 200, MAX_IO_BYTES = 1 << 20, MAX_FRAME_BYTES = 1 << 24 };

static uint64_t state = 88172645463325252u;

static uint64_t next_random(void) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return state;
}

static int64_t below(int64_t n) { return (int64_t)(next_random() % (uint64_t)n); }

/* ---- the good modules ---- */

static const int32_t consts[4] = {1, 2, 3, 4};

static program *ewise(void) {
  view v[4] = {dense(0, MJX_F32, 2, 5, 7, 0), dense(0, MJX_BOOL, 2, 5, 7, 0),
               dense(0, MJX_F32, 2, 5, 7, 0), dense(0, MJX_F32, 2, 5, 7, 0)};
  v[2].strides[0] = 1;
  v[2].strides[1] = 5;
  v[3].strides[1] = 0;
  const int64_t params[] = {
      3, kernel("mul_f32"), 0, 1, kernel("add_f32"), 2, 0, kernel("lt_f32"), 3, 1, 3, 4};
  return program_single("EWISE", 2, 2, v, 12, params);
}

/* An operand times what is picked from a table of 30 elements. */
static program *picked(void) {
  program *p = program_new(3, 1, 0);
  const int dtypes[4] = {MJX_F32, MJX_F32, MJX_F32, MJX_I32};
  view v[4];
  for (int i = 0; i < 4; i++) {
    v[i] = dense(0, dtypes[i], 2, 5, 7, 0);
    v[i].buffer = program_buffer(p, dtypes[i], i == 2 ? 30 : 35,
                                 i ? MJX_SPACE_INPUT : MJX_SPACE_OUTPUT, i ? i - 1 : 0);
  }
  v[2].strides[0] = v[2].strides[1] = 0;
  const int64_t params[] = {2, kernel("take_x4"), 1, 2, kernel("mul_f32"), 0, 3, 4};
  program_op(p, "EWISE", 1, 3, v, 8, params);
  return p;
}

static program *reduce(void) {
  view v[2] = {dense(0, MJX_F16, 2, 3, 9, 0), dense(0, MJX_F16, 3, 3, 7, 9)};
  return program_single("REDUCE", 1, 1, v, 1, (const int64_t[]){MJX_SUM});
}

/* Two reductions of a product, one of its transposed operand; the product is stored too. */
static program *map_reduce(void) {
  view v[5] = {dense(0, MJX_F32, 2, 3, 9, 0), dense(0, MJX_F32, 2, 3, 9, 0),
               dense(0, MJX_F32, 3, 3, 7, 9), dense(0, MJX_F32, 3, 3, 7, 9),
               dense(0, MJX_F32, 3, 3, 7, 9)};
  v[3].strides[0] = 1;
  v[3].strides[1] = 3;
  v[3].strides[2] = 21;
  v[4].strides[0] = v[4].strides[2] = 0;
  const int64_t params[] = {2, 3, 7, 9, MJX_SUM, MJX_MAX, 1, kernel("mul_f32"), 0, 1, 2, 0, 2};
  return program_single("MAP_REDUCE", 3, 2, v, 13, params);
}

/* A product and a group that stores it too, and adds an operand that is the same in every row. */
static program *dot_map(void) {
  view v[5] = {dense(0, MJX_F32, 2, 5, 6, 0), dense(0, MJX_F32, 2, 5, 6, 0),
               dense(0, MJX_F32, 3, 1, 5, 7), dense(0, MJX_F32, 3, 1, 7, 6),
               dense(0, MJX_F32, 2, 5, 6, 0)};
  v[4].strides[0] = 0;
  const int64_t params[] = {1, kernel("add_f32"), 0, 1, 2, 0};
  return program_single("DOT_MAP", 2, 3, v, 6, params);
}

static program *argreduce(void) {
  view v[2] = {dense(0, MJX_I32, 2, 3, 9, 0), dense(0, MJX_I16, 3, 3, 7, 9)};
  return program_single("ARGREDUCE", 1, 1, v, 1, (const int64_t[]){MJX_MAX});
}

static program *cum(void) {
  view v[2] = {dense(0, MJX_F64, 3, 2, 3, 4), dense(0, MJX_F64, 3, 2, 3, 4)};
  return program_single("CUM", 1, 1, v, 2, (const int64_t[]){MJX_SUM, 1});
}

/* Two batch dims, one of a broadcast; b is read transposed, c written into a larger array. */
static program *dot_batches(void) {
  view v[3] = {dense(0, MJX_F32, 3, 2, 3, 5), dense(0, MJX_F32, 3, 2, 3, 5),
               dense(0, MJX_F32, 3, 2, 3, 5)};
  const int64_t shapes[3][4] = {{2, 3, 4, 6}, {2, 3, 4, 5}, {2, 3, 5, 6}};
  const int64_t strides[3][4] = {{72, 6, 18, 1}, {60, 0, 5, 1}, {90, 30, 1, 5}};
  for (int i = 0; i < 3; i++) {
    v[i].ndim = 4;
    memcpy(v[i].shape, shapes[i], sizeof shapes[i]);
    memcpy(v[i].strides, strides[i], sizeof strides[i]);
  }
  return program_single("DOT", 1, 2, v, 0, NULL);
}

static program *dot(void) {
  view v[3] = {dense(0, MJX_F32, 3, 2, 5, 6), dense(0, MJX_F32, 3, 2, 5, 7),
               dense(0, MJX_F32, 3, 2, 7, 6)};
  v[2].strides[0] = 0;
  return program_single("DOT", 1, 2, v, 0, NULL);
}

static program *dynamic_slice(void) {
  view v[4] = {dense(0, MJX_I32, 2, 2, 3, 0), dense(0, MJX_I32, 2, 5, 6, 0),
               dense(0, MJX_I8, 0, 0, 0, 0), dense(0, MJX_U64, 0, 0, 0, 0)};
  return program_single("DYNAMIC_SLICE", 1, 3, v, 0, NULL);
}

static program *dynamic_update_slice(void) {
  view v[5] = {dense(0, MJX_I32, 2, 5, 6, 0), dense(0, MJX_I32, 2, 5, 6, 0),
               dense(0, MJX_I32, 2, 2, 3, 0), dense(0, MJX_I8, 0, 0, 0, 0),
               dense(0, MJX_U64, 0, 0, 0, 0)};
  return program_single("DYNAMIC_UPDATE_SLICE", 1, 4, v, 0, NULL);
}

static program *gather(void) {
  view v[3] = {dense(0, MJX_F32, 3, 4, 3, 2), dense(0, MJX_F32, 2, 4, 5, 0),
               dense(0, MJX_I8, 3, 4, 3, 1)};
  const int64_t params[] = {MJX_FILL_OR_DROP, 7, 0, 1, 2, 0, 1, 0, 1, 0, 1, 1, 2, 1, 2};
  return program_single("GATHER", 1, 2, v, 15, params);
}

static program *scatter(void) {
  view v[4] = {dense(0, MJX_F32, 2, 4, 5, 0), dense(0, MJX_F32, 2, 4, 5, 0),
               dense(0, MJX_I8, 2, 3, 2, 0), dense(0, MJX_F32, 2, 3, 2, 0)};
  const int64_t params[] = {MJX_SCATTER_ADD, MJX_FILL_OR_DROP, 0, 1, 1, 1, 0, 0, 0, 2, 0, 1};
  return program_single("SCATTER", 1, 3, v, 12, params);
}

static program *sort(void) {
  view v[4] = {dense(0, MJX_C64, 3, 2, 9, 2), dense(0, MJX_I32, 3, 2, 9, 2),
               dense(0, MJX_C64, 3, 2, 9, 2), dense(0, MJX_I32, 3, 2, 9, 2)};
  return program_single("SORT", 2, 2, v, 1, (const int64_t[]){2});
}

static program *top_k(void) {
  view v[3] = {dense(0, MJX_F32, 3, 2, 3, 1), dense(0, MJX_I32, 3, 2, 3, 1),
               dense(0, MJX_F32, 3, 2, 60, 1)};
  return program_single("TOP_K", 2, 1, v, 0, NULL);
}

/* One dim of space, two groups, dilated. */
static program *conv(void) {
  view v[3] = {dense(0, MJX_F32, 3, 2, 3, 6), dense(0, MJX_F32, 3, 2, 9, 4),
               dense(0, MJX_F32, 3, 3, 2, 6)};
  return program_single("CONV", 1, 2, v, 16,
                        (const int64_t[]){2, 1, 0, 2, 1, 2, 1, 0, 0, 2, 1, 2, 1, 0, 1, 2});
}

static program *reduce_window(void) {
  view v[2] = {dense(0, MJX_F32, 2, 4, 3, 0), dense(0, MJX_F32, 2, 7, 9, 0)};
  return program_single("REDUCE_WINDOW", 1, 1, v, 11,
                        (const int64_t[]){MJX_MAX, 2, 2, 1, 1, 1, 3, 2, 0, 1, 2});
}

static program *arg_window(void) {
  view v[2] = {dense(0, MJX_I64, 2, 4, 3, 0), dense(0, MJX_I16, 2, 7, 9, 0)};
  return program_single("ARG_WINDOW", 1, 1, v, 12,
                        (const int64_t[]){MJX_MIN, 1, 2, 2, 1, 1, 1, 3, 2, 0, 2, 2});
}

/* carry, y = carry + x, carry + const. */
static program *body(void) {
  program *p = program_new(2, 2, 64);
  view v[4] = {dense(program_buffer(p, MJX_I32, 4, MJX_SPACE_OUTPUT, 0), MJX_I32, 1, 4, 0, 0),
               dense(program_buffer(p, MJX_I32, 4, MJX_SPACE_OUTPUT, 1), MJX_I32, 1, 4, 0, 0),
               dense(program_buffer(p, MJX_I32, 4, MJX_SPACE_INPUT, 0), MJX_I32, 1, 4, 0, 0),
               dense(program_buffer(p, MJX_I32, 4, MJX_SPACE_CONST, 0), MJX_I32, 1, 4, 0, 0)};
  view t = dense(program_buffer(p, MJX_I32, 4, MJX_SPACE_ARENA, 0), MJX_I32, 1, 4, 0, 0);
  view x = dense(program_buffer(p, MJX_I32, 4, MJX_SPACE_INPUT, 1), MJX_I32, 1, 4, 0, 0);
  const view first[3] = {t, v[2], x}, second[3] = {v[1], v[2], v[3]}, third[2] = {v[0], t};
  program_op(p, "EWISE", 1, 2, first, 5, (const int64_t[]){1, kernel("add_i32"), 0, 1, 2});
  program_op(p, "EWISE", 1, 2, second, 5, (const int64_t[]){1, kernel("add_i32"), 0, 1, 2});
  program_op(p, "EWISE", 1, 1, third, 2, (const int64_t[]){0, 0});
  return p;
}

static program *scan(void) {
  view v[4] = {dense(0, MJX_I32, 1, 4, 0, 0), dense(0, MJX_I32, 2, 3, 4, 0),
               dense(0, MJX_I32, 1, 4, 0, 0), dense(0, MJX_I32, 2, 3, 4, 0)};
  return program_single("SCAN", 2, 2, v, 6, (const int64_t[]){1, 3, 0, 0, 1, 0});
}

static program *loop_condition(void) {
  program *p = program_new(1, 1, 0);
  int64_t out = program_buffer(p, MJX_BOOL, 1, MJX_SPACE_OUTPUT, 0);
  int64_t in = program_buffer(p, MJX_I32, 4, MJX_SPACE_INPUT, 0);
  int64_t limit = program_buffer(p, MJX_I32, 1, MJX_SPACE_CONST, 8);
  const view v[3] = {dense(out, MJX_BOOL, 0, 0, 0, 0), dense(in, MJX_I32, 0, 0, 0, 0),
                     dense(limit, MJX_I32, 0, 0, 0, 0)};
  program_op(p, "EWISE", 1, 2, v, 5, (const int64_t[]){1, kernel("lt_i32"), 0, 1, 2});
  return p;
}

static program *loop_body(void) {
  program *p = program_new(1, 1, 0);
  view v[3] = {dense(program_buffer(p, MJX_I32, 4, MJX_SPACE_OUTPUT, 0), MJX_I32, 1, 4, 0, 0),
               dense(program_buffer(p, MJX_I32, 4, MJX_SPACE_INPUT, 0), MJX_I32, 1, 4, 0, 0),
               dense(program_buffer(p, MJX_I32, 4, MJX_SPACE_CONST, 0), MJX_I32, 1, 4, 0, 0)};
  program_op(p, "EWISE", 1, 2, v, 5, (const int64_t[]){1, kernel("add_i32"), 0, 1, 2});
  return p;
}

static program *loop(void) {
  view v[2] = {dense(0, MJX_I32, 1, 4, 0, 0), dense(0, MJX_I32, 1, 4, 0, 0)};
  return program_single("WHILE", 1, 1, v, 5, (const int64_t[]){1, 2, 0, 0, 0});
}

static program *cond(void) {
  view v[3] = {dense(0, MJX_I32, 1, 4, 0, 0), dense(0, MJX_I8, 0, 0, 0, 0),
               dense(0, MJX_I32, 1, 4, 0, 0)};
  return program_single("COND", 1, 2, v, 2, (const int64_t[]){1, 2});
}

static program *callback(void) {
  view v[2] = {dense(0, MJX_I32, 1, 4, 0, 0), dense(0, MJX_I32, 1, 4, 0, 0)};
  return program_single("CALLBACK", 1, 1, v, 1, (const int64_t[]){3});
}

typedef struct sample {
  int64_t words[MAX_WORDS];
  int64_t n;
} sample;

static sample samples[32];
static int n_samples;

static void add_sample(int n, program *const *programs) {
  sample *s = &samples[n_samples++];
  module m = {n, {0}, consts, sizeof consts};
  for (int i = 0; i < n; i++) m.programs[i] = programs[i];
  s->n = module_write(&m, s->words);
  mjx_program *loaded = NULL;
  CHECK(mjx_program_load(s->words, s->n, consts, sizeof consts, &loaded) == MJX_OK);
  mjx_program_free(loaded);
  for (int i = 0; i < n; i++) free(programs[i]);
}

static void make_samples(void) {
  program *(*const leaves[])(void) = {
      ewise, picked,      reduce,        map_reduce,           dot_map,   argreduce, cum,
      dot,   dot_batches, dynamic_slice, dynamic_update_slice, gather,    scatter,   sort,
      top_k, callback,    conv,          reduce_window,        arg_window};
  for (size_t i = 0; i < sizeof leaves / sizeof leaves[0]; i++)
    add_sample(1, (program *const[]){leaves[i]()});
  add_sample(2, (program *const[]){scan(), body()});
  add_sample(3, (program *const[]){loop(), loop_condition(), loop_body()});
  add_sample(3, (program *const[]){cond(), loop_body(), loop_body()});
}

/* ---- mutation and running ---- */

static int64_t interesting(int64_t old) {
  static const int64_t values[] = {-1,
                                   0,
                                   1,
                                   2,
                                   3,
                                   4,
                                   5,
                                   7,
                                   8,
                                   63,
                                   64,
                                   65,
                                   128,
                                   INT32_MAX,
                                   (int64_t)1 << 46,
                                   ((int64_t)1 << 61) + 1,
                                   INT64_MAX,
                                   INT64_MIN};
  switch (below(4)) {
    case 0: return old + below(5) - 2;
    case 1: return -old;
    case 2: return below(SMALL);
    default: return values[below(sizeof values / sizeof values[0])];
  }
}

/* Changes one to three words; false if what results may run for very long. */
static bool mutate(int64_t *words, int64_t n) {
  bool quick = true;
  for (int64_t i = below(3); i >= 0; i--) {
    int64_t at = 2 + below(n - 2);
    words[at] = interesting(words[at]);
    quick &= words[at] < SMALL || words[at] > (int64_t)1 << 50;
  }
  return quick;
}

static void **make_blocks(int64_t n, int64_t (*bytes)(const mjx_program *, int64_t),
                          const mjx_program *loaded) {
  void **blocks = calloc((size_t)n + 1, sizeof *blocks);
  CHECK(blocks != NULL);
  for (int64_t i = 0; i < n; i++) {
    int64_t size = bytes(loaded, i);
    blocks[i] = malloc((size_t)(size ? size : 1));
    CHECK(blocks[i] != NULL);
    for (int64_t b = 0; b < size; b++) ((uint8_t *)blocks[i])[b] = b % 4 ? 0 : (uint8_t)below(9);
  }
  return blocks;
}

static void free_blocks(void **blocks, int64_t n) {
  for (int64_t i = 0; i < n; i++) free(blocks[i]);
  free(blocks);
}

static bool is_small(const mjx_program *loaded) {
  int64_t total = 0;
  if (mjx_program_arena_bytes(loaded) > MAX_FRAME_BYTES) return false;
  for (int64_t i = 0; i < mjx_program_n_inputs(loaded); i++) {
    total += mjx_program_input_bytes(loaded, i);
    if (total > MAX_IO_BYTES) return false;
  }
  for (int64_t i = 0; i < mjx_program_n_outputs(loaded); i++) {
    total += mjx_program_output_bytes(loaded, i);
    if (total > MAX_IO_BYTES) return false;
  }
  return true;
}

static void run(mjx_program *loaded) {
  const struct itimerval once = {{0, 0}, {0, 30000}}, off = {{0, 0}, {0, 0}};
  int64_t n_in = mjx_program_n_inputs(loaded), n_out = mjx_program_n_outputs(loaded);
  void **in = make_blocks(n_in, mjx_program_input_bytes, loaded);
  void **out = make_blocks(n_out, mjx_program_output_bytes, loaded);
  setitimer(ITIMER_REAL, &once, NULL);
  mjx_program_run(loaded, (const void *const *)in, out);
  setitimer(ITIMER_REAL, &off, NULL);
  mjx_interrupt_clear();
  free_blocks(in, n_in);
  free_blocks(out, n_out);
}

static int fill(int64_t id, int64_t n_in, const void *const *in, int64_t n_out, void *const *out) {
  (void)in, (void)out, (void)n_in, (void)n_out;
  return id == 3 ? 0 : 1;
}

static void on_alarm(int signal) {
  (void)signal;
  mjx_interrupt();
}

/* Every shorter piece of a good module is refused. */
static void test_truncated(void) {
  for (int i = 0; i < n_samples; i++) {
    for (int64_t n = 0; n < samples[i].n; n++) {
      mjx_program *loaded = NULL;
      CHECK(mjx_program_load(samples[i].words, n, consts, sizeof consts, &loaded) == MJX_INVALID);
      CHECK(loaded == NULL && mjx_last_error()[0] != 0);
    }
  }
}

int main(void) {
  static int64_t words[MAX_WORDS];
  int64_t loaded_count = 0, run_count = 0;
  signal(SIGALRM, on_alarm);
  mjx_set_callback(fill);
  make_samples();
  test_truncated();
  for (int64_t round = 0; round < ROUNDS; round++) {
    const sample *s = &samples[below(n_samples)];
    memcpy(words, s->words, (size_t)s->n * sizeof *words);
    bool quick = mutate(words, s->n);
    mjx_program *loaded = NULL;
    if (mjx_program_load(words, s->n, consts, sizeof consts, &loaded) != MJX_OK) continue;
    loaded_count++;
    if (quick && is_small(loaded)) {
      run(loaded);
      run_count++;
    }
    mjx_program_free(loaded);
  }
  CHECK(run_count > ROUNDS / 50);
  printf("test_malformed: ok (%lld of %d loaded, %lld run)\n", (long long)loaded_count, ROUNDS,
         (long long)run_count);
  return 0;
}
