/* test_control.c: CALL, COND, WHILE, SCAN, CALLBACK, interrupts. */
#include "builder.h"

static view scalar(int64_t buffer, int dtype) { return dense(buffer, dtype, 0, 0, 0, 0); }
static view three(int64_t buffer) { return dense(buffer, MJX_F32, 1, 3, 0, 0); }

/* out = op(in0, in1) over three floats. */
static program *binary(const char *op) {
  program *p = program_new(2, 1, 0);
  view v[3] = {three(program_buffer(p, MJX_F32, 3, MJX_SPACE_OUTPUT, 0)),
               three(program_buffer(p, MJX_F32, 3, MJX_SPACE_INPUT, 0)),
               three(program_buffer(p, MJX_F32, 3, MJX_SPACE_INPUT, 1))};
  program_op(p, "EWISE", 1, 2, v, 5, (const int64_t[]){1, kernel(op), 0, 1, 2});
  return p;
}

static void test_cond_and_call(void) {
  program *p = program_new(3, 1, 64);
  int64_t index = program_buffer(p, MJX_I32, 1, MJX_SPACE_INPUT, 0);
  int64_t a = program_buffer(p, MJX_F32, 3, MJX_SPACE_INPUT, 1);
  int64_t b = program_buffer(p, MJX_F32, 3, MJX_SPACE_INPUT, 2);
  int64_t t = program_buffer(p, MJX_F32, 3, MJX_SPACE_ARENA, 0);
  int64_t o = program_buffer(p, MJX_F32, 3, MJX_SPACE_OUTPUT, 0);
  const view cond[4] = {three(t), scalar(index, MJX_I32), three(a), three(b)};
  const view call[3] = {three(o), three(t), three(b)};
  program_op(p, "COND", 1, 3, cond, 2, (const int64_t[]){1, 2});
  program_op(p, "CALL", 1, 2, call, 1, (const int64_t[]){2});
  program *programs[3] = {p, binary("add_f32"), binary("mul_f32")};
  mjx_program *loaded = load(3, programs, NULL, 0);
  const float x[3] = {1, 2, 3}, y[3] = {4, 5, 6};
  for (int32_t i = -1; i < 3; i++) {
    float out[3];
    CHECK(mjx_program_run(loaded, (const void *const[]){&i, x, y}, (void *const[]){out}) == MJX_OK);
    for (int k = 0; k < 3; k++) CHECK(out[k] == (i < 1 ? x[k] + y[k] : x[k] * y[k]) * y[k]);
  }
  mjx_program_free(loaded);
}

/* while i < limit: i += 1, x += step.  Carries (i, x). */
static mjx_program *counting_loop(int64_t in_place) {
  static const int32_t one = 1;
  program *p = program_new(4, 2, 0);
  const int dtypes[4] = {MJX_I32, MJX_F32, MJX_I32, MJX_F32};
  int64_t in[4], out[2];
  for (int i = 0; i < 4; i++)
    in[i] = program_buffer(p, dtypes[i], i % 2 ? 3 : 1, MJX_SPACE_INPUT, i);
  for (int i = 0; i < 2; i++) out[i] = program_buffer(p, dtypes[i], i ? 3 : 1, MJX_SPACE_OUTPUT, i);
  const view loop[6] = {scalar(out[0], MJX_I32), three(out[1]),
                        scalar(in[0], MJX_I32),  three(in[1]),
                        scalar(in[2], MJX_I32),  three(in[3])};
  program_op(p, "WHILE", 2, 4, loop, 6, (const int64_t[]){1, 2, 1, 1, in_place, in_place});
  program *cond = program_new(3, 1, 0);
  const view less[3] = {scalar(program_buffer(cond, MJX_BOOL, 1, MJX_SPACE_OUTPUT, 0), MJX_BOOL),
                        scalar(program_buffer(cond, MJX_I32, 1, MJX_SPACE_INPUT, 1), MJX_I32),
                        scalar(program_buffer(cond, MJX_I32, 1, MJX_SPACE_INPUT, 0), MJX_I32)};
  program_op(cond, "EWISE", 1, 2, less, 5, (const int64_t[]){1, kernel("lt_i32"), 0, 1, 2});
  program *body = program_new(3, 2, 0);
  const view count[3] = {scalar(program_buffer(body, MJX_I32, 1, MJX_SPACE_OUTPUT, 0), MJX_I32),
                         scalar(program_buffer(body, MJX_I32, 1, MJX_SPACE_INPUT, 1), MJX_I32),
                         scalar(program_buffer(body, MJX_I32, 1, MJX_SPACE_CONST, 0), MJX_I32)};
  const view add[3] = {three(program_buffer(body, MJX_F32, 3, MJX_SPACE_OUTPUT, 1)),
                       three(program_buffer(body, MJX_F32, 3, MJX_SPACE_INPUT, 2)),
                       three(program_buffer(body, MJX_F32, 3, MJX_SPACE_INPUT, 0))};
  program_op(body, "EWISE", 1, 2, count, 5, (const int64_t[]){1, kernel("add_i32"), 0, 1, 2});
  program_op(body, "EWISE", 1, 2, add, 5, (const int64_t[]){1, kernel("add_f32"), 0, 1, 2});
  return load(3, (program *const[]){p, cond, body}, &one, sizeof one);
}

static void test_while(void) {
  for (int in_place = 0; in_place < 2; in_place++) {
    mjx_program *loaded = counting_loop(in_place);
    for (int32_t limit = 0; limit < 5; limit++) {
      const float step[3] = {1, 10, 100}, x[3] = {5, 6, 7};
      int32_t start = 0, i = -1;
      float out[3];
      const void *const in[4] = {&limit, step, &start, x};
      CHECK(mjx_program_run(loaded, in, (void *const[]){&i, out}) == MJX_OK);
      CHECK(i == limit);
      for (int k = 0; k < 3; k++) CHECK(out[k] == x[k] + (float)limit * step[k]);
    }
    mjx_program_free(loaded);
  }
}

static void test_interrupt(void) {
  mjx_program *loaded = counting_loop(1);
  const float x[3] = {0};
  int32_t limit = 1000000000, start = 0, i;
  float out[3];
  const void *const in[4] = {&limit, x, &start, x};
  mjx_interrupt();
  CHECK(mjx_program_run(loaded, in, (void *const[]){&i, out}) == MJX_INTERRUPTED);
  mjx_interrupt_clear();
  limit = 3;
  CHECK(mjx_program_run(loaded, in, (void *const[]){&i, out}) == MJX_OK && i == 3);
  mjx_program_free(loaded);
}

/* carry, y = carry + x, carry + x. */
static program *running_sum(void) {
  program *p = program_new(2, 2, 0);
  view v[4] = {three(program_buffer(p, MJX_F32, 3, MJX_SPACE_OUTPUT, 0)),
               three(program_buffer(p, MJX_F32, 3, MJX_SPACE_OUTPUT, 1)),
               three(program_buffer(p, MJX_F32, 3, MJX_SPACE_INPUT, 0)),
               three(program_buffer(p, MJX_F32, 3, MJX_SPACE_INPUT, 1))};
  program_op(p, "EWISE", 2, 2, v, 6, (const int64_t[]){1, kernel("add_f32"), 0, 1, 2, 2});
  return p;
}

static void test_scan(int64_t length, int64_t reverse, int64_t in_place) {
  program *p = program_new(2, 2, 0);
  int64_t init = program_buffer(p, MJX_F32, 3, MJX_SPACE_INPUT, 0);
  int64_t xs = program_buffer(p, MJX_F32, 3 * length, MJX_SPACE_INPUT, 1);
  int64_t carry = program_buffer(p, MJX_F32, 3, MJX_SPACE_OUTPUT, 0);
  int64_t ys = program_buffer(p, MJX_F32, 3 * length, MJX_SPACE_OUTPUT, 1);
  const view v[4] = {three(carry), dense(ys, MJX_F32, 2, length, 3, 0), three(init),
                     dense(xs, MJX_F32, 2, length, 3, 0)};
  program_op(p, "SCAN", 2, 2, v, 6, (const int64_t[]){1, length, reverse, 0, 1, in_place});
  mjx_program *loaded = load(2, (program *const[]){p, running_sum()}, NULL, 0);
  float x[15], y[15] = {0}, start[3] = {1, 2, 3}, end[3], want[3];
  for (int i = 0; i < 15; i++) x[i] = (float)(i * i);
  const void *const in[2] = {start, x};
  CHECK(mjx_program_run(loaded, in, (void *const[]){end, y}) == MJX_OK);
  memcpy(want, start, sizeof want);
  for (int64_t i = 0; i < length; i++) {
    int64_t at = reverse ? length - 1 - i : i;
    for (int k = 0; k < 3; k++) {
      want[k] += x[3 * at + k];
      CHECK(y[3 * at + k] == want[k]);
    }
  }
  CHECK(memcmp(want, end, sizeof want) == 0);
  mjx_program_free(loaded);
}

static int twice(int64_t id, int64_t n_in, const void *const *in, int64_t n_out, void *const *out) {
  if (id != 7 || n_in != 1 || n_out != 1) return 1;
  for (int k = 0; k < 3; k++) ((float *)out[0])[k] = 2 * ((const float *)in[0])[k];
  return 0;
}

static void test_callback(void) {
  const view v[2] = {three(0), three(0)};
  const float x[3] = {1, 2, 3};
  float out[3];
  for (int64_t id = 7; id < 9; id++) {
    mjx_program *loaded = load_single("CALLBACK", 1, 1, v, 1, &id);
    const void *const in[1] = {x};
    mjx_set_callback(NULL);
    CHECK(mjx_program_run(loaded, in, (void *const[]){out}) == MJX_CALLBACK);
    mjx_set_callback(twice);
    mjx_status expected = id == 7 ? MJX_OK : MJX_CALLBACK;
    CHECK(mjx_program_run(loaded, in, (void *const[]){out}) == expected);
    mjx_program_free(loaded);
  }
  CHECK(out[2] == 6);
}

int main(void) {
  test_cond_and_call();
  test_while();
  test_interrupt();
  for (int64_t length = 0; length < 6; length++) {
    for (int flags = 0; flags < 4; flags++) test_scan(length, flags & 1, flags >> 1);
  }
  test_callback();
  puts("test_control: ok");
  return 0;
}
