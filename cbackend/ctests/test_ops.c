/* test_ops.c: every leaf instruction, on small cases with known answers. */
#include <math.h>
#include <stdbool.h>

#include "builder.h"

static void run(mjx_program *loaded, const void *const *in, void *const *out) {
  CHECK(mjx_program_run(loaded, in, out) == MJX_OK);
  mjx_program_free(loaded);
}

#define RUN(loaded, inputs, outputs) \
  run(loaded, (const void *const[])inputs, (void *const[])outputs)
#define LIST(...) {__VA_ARGS__}

static void same_f32(const float *got, const float *want, int n) {
  for (int i = 0; i < n; i++) CHECK(got[i] == want[i] || (isnan(got[i]) && isnan(want[i])));
}

static void same_i32(const int32_t *got, const int32_t *want, int n) {
  for (int i = 0; i < n; i++) CHECK(got[i] == want[i]);
}

/* A transposed input, a broadcast one, a strided output: packed, splat and scattered tiles. */
static void test_ewise_views(void) {
  enum { R = 37, C = 41 };
  static float a[C * R], row[C], out[R * C * 2];
  for (int i = 0; i < C * R; i++) a[i] = (float)i;
  for (int i = 0; i < C; i++) row[i] = (float)(1000 * i);
  view v[3] = {dense(0, MJX_F32, 2, R, C, 0), dense(0, MJX_F32, 2, R, C, 0),
               dense(0, MJX_F32, 2, R, C, 0)};
  v[0].strides[0] = 2 * C;
  v[0].strides[1] = 2;
  v[1].strides[0] = 1;
  v[1].strides[1] = R;
  v[2].strides[0] = 0;
  const int64_t params[] = {1, kernel("add_f32"), 0, 1, 2};
  RUN(load_single("EWISE", 1, 2, v, 5, params), LIST(a, row), LIST(out));
  for (int r = 0; r < R; r++) {
    for (int c = 0; c < C; c++) {
      CHECK(out[(r * C + c) * 2] == a[c * R + r] + row[c]);
      CHECK(out[(r * C + c) * 2 + 1] == 0 || r * C + c == R * C - 1);
    }
  }
}

/* An affine view, and a step whose early result must not overwrite an input that is read later. */
static void test_ewise_in_place(void) {
  enum { N = 1500 };
  static float a[N], b[N], a0[N], b0[N];
  for (int i = 0; i < N; i++) {
    a0[i] = a[i] = (float)i;
    b0[i] = b[i] = (float)(2 * i + 1);
  }
  view one = dense(0, MJX_F32, 1, N, 0, 0);
  view v[4] = {one, one, one, one};
  const int64_t params[] = {2, kernel("mul_f32"), 0, 1, kernel("add_f32"), 0, 2, 2, 3};
  RUN(load_single("EWISE", 2, 2, v, 9, params), LIST(a, b), LIST(a, b));
  for (int i = 0; i < N; i++) {
    CHECK(a[i] == a0[i] * b0[i]);
    CHECK(b[i] == a0[i] + a0[i] * b0[i]);
  }
}

static void fails_to_load(program *p) {
  static int64_t words[MAX_WORDS];
  module m = {1, {p}, NULL, 0};
  mjx_program *loaded = NULL;
  CHECK(mjx_program_load(words, module_write(&m, words), NULL, 0, &loaded) == MJX_INVALID);
  free(p);
}

/* N elements from those of a table, which is in `space`, at indices. */
static program *picks(int64_t n, const view *table, int space, int n_params,
                      const int64_t *params) {
  program *p = program_new(2, 1, 4 * n);
  view v[3] = {dense(0, MJX_F32, 1, n, 0, 0), *table, dense(0, MJX_I32, 1, n, 0, 0)};
  int output = space == MJX_SPACE_ARENA ? space : MJX_SPACE_OUTPUT;
  v[0].buffer = program_buffer(p, MJX_F32, n, output, 0);
  v[1].buffer = program_buffer(p, MJX_F32, n, space, 0);
  v[2].buffer = program_buffer(p, MJX_I32, n, MJX_SPACE_INPUT, 1);
  program_op(p, "EWISE", 1, 2, v, n_params, params);
  return p;
}

/* The nearest element where there is none; a table is no other kernel's operand, and no output's
 * memory. */
static void test_ewise_table(void) {
  enum { N = 1500 };
  static float elements[N], out[N];
  static int32_t index[N];
  for (int i = 0; i < N; i++) elements[i] = (float)(3 * i);
  for (int i = 0; i < N; i++) index[i] = 2 * i - 7;
  view one = dense(0, MJX_F32, 1, N, 0, 0), table = one;
  table.strides[0] = 0;
  const int64_t params[] = {1, kernel("take_x4"), 0, 1, 2};
  program *p = picks(N, &table, MJX_SPACE_INPUT, 5, params);
  RUN(load(1, &p, NULL, 0), LIST(elements, index), LIST(out));
  for (int i = 0; i < N; i++) {
    int at = index[i] < 0 ? 0 : index[i] >= N ? N - 1 : index[i];
    CHECK(out[i] == elements[at]);
  }
  const int64_t twice[] = {2, kernel("take_x4"), 0, 1, kernel("add_f32"), 0, 2, 3};
  fails_to_load(picks(N, &table, MJX_SPACE_INPUT, 8, twice));
  fails_to_load(picks(N, &one, MJX_SPACE_INPUT, 5, params));
  fails_to_load(picks(N, &table, MJX_SPACE_ARENA, 5, params));
}

static void test_ewise_affine(void) {
  int32_t out[6];
  program *p = program_new(0, 1, 0);
  int64_t o = program_buffer(p, MJX_I32, 6, MJX_SPACE_OUTPUT, 0);
  view v[2] = {dense(o, MJX_I32, 2, 2, 3, 0), dense(-1, MJX_I32, 2, 2, 3, 0)};
  v[1].offset = 5;
  v[1].strides[0] = 100;
  v[1].strides[1] = -1;
  program_op(p, "EWISE", 1, 1, v, 2, (const int64_t[]){0, 0});
  const void *in[1] = {NULL};
  run(load(1, &p, NULL, 0), in, (void *const[]){out});
  same_i32(out, (const int32_t[]){5, 4, 3, 105, 104, 103}, 6);
}

static void test_reduce(void) {
  const float x[12] = {1, 2, 3, 4, NAN, 6, -0.0f, 8, 9, 10, 11, 12};
  float out[4];
  view v[2] = {dense(0, MJX_F32, 2, 2, 2, 0), dense(0, MJX_F32, 3, 2, 3, 2)};
  RUN(load_single("REDUCE", 1, 1, v, 1, (const int64_t[]){MJX_SUM}), LIST(x), LIST(out));
  same_f32(out, (const float[]){NAN, 12, 20, 30}, 4);
  RUN(load_single("REDUCE", 1, 1, v, 1, (const int64_t[]){MJX_MAX}), LIST(x), LIST(out));
  same_f32(out, (const float[]){NAN, 6, 11, 12}, 4);
  RUN(load_single("REDUCE", 1, 1, v, 1, (const int64_t[]){MJX_MIN}), LIST(x), LIST(out));
  same_f32(out, (const float[]){NAN, 2, -0.0f, 8}, 4);
}

/* -0 < +0, wherever they stand, in lines (short, long) and in rows. */
/* MAP_REDUCE of x * y along each axis of [A, B, C], against EWISE and REDUCE: the same bits. */
static void map_reduce_case(int64_t a, int64_t b, int64_t c, const float *x, const float *y) {
  int64_t n = a * b * c;
  const int64_t cuts[4][3] = {{1, a, b * c}, {a, b, c}, {a * b, c, 1}, {1, n, 1}};
  for (int i = 0; i < 4; i++) {
    const int64_t *e = cuts[i];
    if (e[1] < 2) continue;
    int64_t n_out = e[0] * e[2];
    float *product = calloc((size_t)n, 4), *stored = calloc((size_t)n, 4);
    float *want = calloc((size_t)n_out, 4), *got = calloc((size_t)n_out, 4);
    view v[4] = {dense(0, MJX_F32, 2, e[0], e[2], 0), dense(0, MJX_F32, 3, a, b, c),
                 dense(0, MJX_F32, 3, a, b, c), dense(0, MJX_F32, 3, a, b, c)};
    v[3].strides[0] = 0; /* y: one value per row of c */
    v[3].strides[1] = 1;
    v[3].strides[2] = 0;
    const int64_t mul[] = {1, kernel("mul_f32"), 0, 1, 2};
    RUN(load_single("EWISE", 1, 2, v + 1, 5, mul), LIST(x, y), LIST(product));
    view r[2] = {v[0], dense(0, MJX_F32, 3, e[0], e[1], e[2])};
    RUN(load_single("REDUCE", 1, 1, r, 1, (const int64_t[]){MJX_SUM}), LIST(product), LIST(want));
    const int64_t both[] = {1, e[0], e[1], e[2], MJX_SUM, 1, kernel("mul_f32"), 0, 1, 2, 2};
    RUN(load_single("MAP_REDUCE", 2, 2, v, 11, both), LIST(x, y), LIST(got, stored));
    CHECK(memcmp(got, want, (size_t)n_out * 4) == 0);
    CHECK(memcmp(stored, product, (size_t)n * 4) == 0);
    free(product);
    free(stored);
    free(want);
    free(got);
  }
}

static void test_map_reduce(void) {
  enum { N = 1 << 18 };
  static float x[N], y[N];
  for (int i = 0; i < N; i++) {
    x[i] = sinf((float)i);
    y[i] = cosf((float)i);
  }
  map_reduce_case(3, 5, 7, x, y);
  map_reduce_case(1, 300, 5, x, y);
  map_reduce_case(2, 3, 9000, x, y);
  map_reduce_case(150, 1, 64, x, y);
  map_reduce_case(2, 64, 1500, x, y);
  map_reduce_case(64, 8, 512, x, y);
}

/* DOT_MAP of tanh(x @ y + bias), the product stored too, against DOT and EWISE: the same bits. */
static void dot_map_case(int64_t m, int64_t n, int64_t k, bool transposed, const float *x,
                         const float *y) {
  float *product = calloc((size_t)(m * n), 4), *want = calloc((size_t)(m * n), 4);
  float *kept = calloc((size_t)(m * n), 4), *got = calloc((size_t)(m * n), 4);
  const view a = dense(0, MJX_F32, 3, 1, m, k),
             bias = {.ndim = 2, .dtype = MJX_F32, .shape = {m, n}, .strides = {0, 1}};
  view b = dense(0, MJX_F32, 3, 1, k, n), out = dense(0, MJX_F32, 2, m, n, 0);
  if (transposed) b.strides[1] = 1, b.strides[2] = k;
  const view dot[] = {dense(0, MJX_F32, 3, 1, m, n), a, b}, map[] = {out, out, bias};
  const view fused[] = {out, out, a, b, bias};
  const int64_t apart[] = {2, kernel("add_f32"), 0, 1, kernel("tanh_f32"), 2, 3};
  const int64_t both[] = {2, kernel("add_f32"), 0, 1, kernel("tanh_f32"), 2, 3, 0};
  RUN(load_single("DOT", 1, 2, dot, 0, NULL), LIST(x, y), LIST(product));
  RUN(load_single("EWISE", 1, 2, map, 7, apart), LIST(product, y), LIST(want));
  RUN(load_single("DOT_MAP", 2, 3, fused, 8, both), LIST(x, y, y), LIST(got, kept));
  CHECK(memcmp(got, want, (size_t)(m * n) * 4) == 0);
  CHECK(memcmp(kept, product, (size_t)(m * n) * 4) == 0);
  free(product);
  free(want);
  free(kept);
  free(got);
}

static void test_dot_map(void) {
  enum { N = 1 << 18 };
  static float x[N], y[N];
  for (int i = 0; i < N; i++) {
    x[i] = sinf((float)i);
    y[i] = cosf((float)i);
  }
  for (int transposed = 0; transposed < 2; transposed++) {
    dot_map_case(2, 2, 3, transposed, x, y);
    dot_map_case(5, 70, 0, transposed, x, y);
    dot_map_case(64, 64, 64, transposed, x, y);
    dot_map_case(130, 33, 300, transposed, x, y);
    dot_map_case(200, 600, 64, transposed, x, y);
    dot_map_case(33, 700, 300, transposed, x, y);
    dot_map_case(3, 900, 20, transposed, x, y);
  }
}

static void test_reduce_zeros(void) {
  enum { N = 130, WIDTH = 16 };
  static float x[N * WIDTH];
  float out[WIDTH];
  for (int n = 2; n <= N; n += 64) {
    for (int width = 1; width <= WIDTH; width += WIDTH - 1) {
      view v[2] = {dense(0, MJX_F32, 2, 1, width, 0), dense(0, MJX_F32, 3, 1, n, width)};
      for (int odd = 0; odd < n; odd += n - 1) {
        for (int i = 0; i < n * width; i++) x[i] = i / width == odd ? 0.0f : -0.0f;
        RUN(load_single("REDUCE", 1, 1, v, 1, (const int64_t[]){MJX_MAX}), LIST(x), LIST(out));
        CHECK(!signbit(out[0]) && !signbit(out[width - 1]));
        for (int i = 0; i < n * width; i++) x[i] = -x[i];
        RUN(load_single("REDUCE", 1, 1, v, 1, (const int64_t[]){MJX_MIN}), LIST(x), LIST(out));
        CHECK(signbit(out[0]) && signbit(out[width - 1]));
      }
      for (int i = 0; i < n * width; i++) x[i] = -0.0f;
      RUN(load_single("REDUCE", 1, 1, v, 1, (const int64_t[]){MJX_MAX}), LIST(x), LIST(out));
      CHECK(signbit(out[0]) && signbit(out[width - 1]));
      RUN(load_single("REDUCE", 1, 1, v, 1, (const int64_t[]){MJX_SUM}), LIST(x), LIST(out));
      CHECK(!signbit(out[0]) && !signbit(out[width - 1]));
    }
  }
}

static void test_reduce_empty(void) {
  float out[3];
  view v[2] = {dense(0, MJX_F32, 2, 3, 1, 0), dense(0, MJX_F32, 3, 3, 0, 1)};
  const float x[1] = {0};
  RUN(load_single("REDUCE", 1, 1, v, 1, (const int64_t[]){MJX_MAX}), LIST(x), LIST(out));
  same_f32(out, (const float[]){-INFINITY, -INFINITY, -INFINITY}, 3);
}

/* A long sum is accurate to a few units, far better than one addition after another. */
static void test_reduce_accuracy(void) {
  enum { N = 1 << 22 };
  float *x = malloc(N * sizeof *x), out[1];
  CHECK(x != NULL);
  for (int i = 0; i < N; i++) x[i] = 0.1f;
  view v[2] = {dense(0, MJX_F32, 2, 1, 1, 0), dense(0, MJX_F32, 3, 1, N, 1)};
  RUN(load_single("REDUCE", 1, 1, v, 1, (const int64_t[]){MJX_SUM}), LIST(x), LIST(out));
  CHECK(fabs(out[0] / ((double)0.1f * N) - 1) < 1e-6);
  free(x);
}

static void test_argreduce(void) {
  const float x[8] = {3, 7, 7, 1, 2, NAN, NAN, 9};
  int64_t out[2];
  view v[2] = {dense(0, MJX_I64, 2, 2, 1, 0), dense(0, MJX_F32, 3, 2, 4, 1)};
  RUN(load_single("ARGREDUCE", 1, 1, v, 1, (const int64_t[]){MJX_MAX}), LIST(x), LIST(out));
  CHECK(out[0] == 1 && out[1] == 1);
  RUN(load_single("ARGREDUCE", 1, 1, v, 1, (const int64_t[]){MJX_MIN}), LIST(x), LIST(out));
  CHECK(out[0] == 3 && out[1] == 1);
}

static void test_cum(void) {
  const int32_t x[6] = {1, 2, 3, 4, 5, 6};
  int32_t out[6];
  view v[2] = {dense(0, MJX_I32, 3, 1, 3, 2), dense(0, MJX_I32, 3, 1, 3, 2)};
  RUN(load_single("CUM", 1, 1, v, 2, (const int64_t[]){MJX_SUM, 0}), LIST(x), LIST(out));
  same_i32(out, (const int32_t[]){1, 2, 4, 6, 9, 12}, 6);
  RUN(load_single("CUM", 1, 1, v, 2, (const int64_t[]){MJX_PROD, 1}), LIST(x), LIST(out));
  same_i32(out, (const int32_t[]){15, 48, 15, 24, 5, 6}, 6);
}

/* Own kernels against a plain triple loop, for a, b in both orders, with ragged edges. */
static void test_dot(int M, int N, int K, int a_order, int b_order) {
  static float a[64 * 600], b[600 * 140], c[64 * 140];
  for (int i = 0; i < M * K; i++) a[i] = (float)(i % 7 - 3);
  for (int i = 0; i < K * N; i++) b[i] = (float)(i % 5 - 2);
  view v[3] = {dense(0, MJX_F32, 3, 1, M, N), dense(0, MJX_F32, 3, 1, M, K),
               dense(0, MJX_F32, 3, 1, K, N)};
  if (a_order) v[1].strides[1] = 1, v[1].strides[2] = M;
  if (b_order) v[2].strides[1] = 1, v[2].strides[2] = K;
  RUN(load_single("DOT", 1, 2, v, 0, NULL), LIST(a, b), LIST(c));
  for (int i = 0; i < M; i++) {
    for (int j = 0; j < N; j++) {
      float want = 0;
      for (int k = 0; k < K; k++)
        want += a[i * v[1].strides[1] + k * v[1].strides[2]] *
                b[k * v[2].strides[1] + j * v[2].strides[2]];
      CHECK(c[i * N + j] == want);
    }
  }
}

/* Two batch dims: c's rows lie between those of the next batch, b is broadcast over one dim. */
static void test_dot_batches(int M, int N, int K) {
  enum { A = 2, B = 3 };
  static float a[A * B * 64 * 80], b[A * 64 * 80], c[A * B * 64 * 80];
  for (int i = 0; i < A * B * M * K; i++) a[i] = (float)(i % 7 - 3);
  for (int i = 0; i < A * K * N; i++) b[i] = (float)(i % 5 - 2);
  const int64_t shapes[3][4] = {{A, B, M, N}, {A, B, M, K}, {A, B, K, N}};
  const int64_t strides[3][4] = {
      {M * B * N, N, B * N, 1}, {M * B * K, K, B * K, 1}, {K * N, 0, 1, K}};
  view v[3];
  for (int i = 0; i < 3; i++) {
    v[i] = dense(0, MJX_F32, 3, 1, 1, 1);
    v[i].ndim = 4;
    memcpy(v[i].shape, shapes[i], sizeof shapes[i]);
    memcpy(v[i].strides, strides[i], sizeof strides[i]);
  }
  RUN(load_single("DOT", 1, 2, v, 0, NULL), LIST(a, b), LIST(c));
  for (int64_t i = 0; i < (int64_t)A * B * M * N; i++) {
    int64_t n = i % N, m = i / N % M, q = i / N / M % B, p = i / N / M / B;
    float want = 0;
    for (int k = 0; k < K; k++) want += a[((p * M + m) * B + q) * K + k] * b[(p * N + n) * K + k];
    CHECK(c[((p * M + m) * B + q) * N + n] == want);
  }
}

static void test_dots(void) {
  const int sizes[][3] = {{1, 1, 1},    {5, 37, 19}, {4, 64, 300}, {64, 3, 130},  {3, 5, 0},
                          {1, 150, 99}, {3, 67, 5},  {4, 64, 0},   {2, 1029, 11}, {61, 140, 600}};
  for (int s = 0; s < (int)(sizeof sizes / sizeof sizes[0]); s++) {
    for (int order = 0; order < 4; order++)
      test_dot(sizes[s][0], sizes[s][1], sizes[s][2], order & 1, order >> 1);
  }
  test_dot_batches(4, 5, 6);
  test_dot_batches(3, 33, 17);
  test_dot_batches(64, 48, 80);
}

static void test_slices(void) {
  const int32_t x[12] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
  const int32_t r = 9, c = -4, update[2] = {100, 101};
  int32_t out[12];
  view v[4] = {dense(0, MJX_I32, 2, 2, 1, 0), dense(0, MJX_I32, 2, 3, 4, 0),
               dense(0, MJX_I32, 0, 0, 0, 0), dense(0, MJX_I32, 0, 0, 0, 0)};
  RUN(load_single("DYNAMIC_SLICE", 1, 3, v, 0, NULL), LIST(x, &r, &c), LIST(out));
  same_i32(out, (const int32_t[]){4, 8}, 2);
  view u[5] = {v[1], v[1], v[0], v[2], v[3]};
  RUN(load_single("DYNAMIC_UPDATE_SLICE", 1, 4, u, 0, NULL), LIST(x, update, &r, &c), LIST(out));
  same_i32(out, (const int32_t[]){0, 1, 2, 3, 100, 5, 6, 7, 101, 9, 10, 11}, 12);
}

/* Rows of a table; the last index is out of range. */
static void test_gather(void) {
  const float x[6] = {1, 2, 3, 4, 5, 6};
  const int32_t index[3] = {2, 0, 7};
  float out[6];
  view v[3] = {dense(0, MJX_F32, 2, 3, 2, 0), dense(0, MJX_F32, 2, 3, 2, 0),
               dense(0, MJX_I32, 2, 3, 1, 0)};
  int64_t params[] = {MJX_CLIP, 0, 0, 1, 1, 1, 0, 0, 0, 1, 0, 2, 1, 2};
  RUN(load_single("GATHER", 1, 2, v, 14, params), LIST(x, index), LIST(out));
  same_f32(out, (const float[]){5, 6, 1, 2, 5, 6}, 6);
  params[0] = MJX_FILL_OR_DROP;
  params[1] = 0x7fc00000;
  RUN(load_single("GATHER", 1, 2, v, 14, params), LIST(x, index), LIST(out));
  same_f32(out, (const float[]){5, 6, 1, 2, NAN, NAN}, 6);
}

static void test_scatter(void) {
  const float x[3] = {1, 2, 3}, updates[4] = {10, 20, 30, 40};
  const int64_t index[4] = {1, 1, -1, 2};
  float out[3];
  view v[4] = {dense(0, MJX_F32, 1, 3, 0, 0), dense(0, MJX_F32, 1, 3, 0, 0),
               dense(0, MJX_I64, 2, 4, 1, 0), dense(0, MJX_F32, 1, 4, 0, 0)};
  int64_t params[] = {MJX_SCATTER_ADD, MJX_FILL_OR_DROP, 0, 0, 1, 0, 0, 0, 1, 0};
  RUN(load_single("SCATTER", 1, 3, v, 10, params), LIST(x, index, updates), LIST(out));
  same_f32(out, (const float[]){1, 32, 43}, 3);
  params[0] = MJX_SCATTER_SET;
  params[1] = MJX_CLIP;
  RUN(load_single("SCATTER", 1, 3, v, 10, params), LIST(x, index, updates), LIST(out));
  same_f32(out, (const float[]){30, 20, 40}, 3);
}

/* Many scalar updates, steered by one index of 32 bits: those of the direct way, with and without
 * some out of bounds, against a plain loop. */
static void test_scatter_direct(int kind, int mode, bool lost) {
  enum { N = 700, OUT = 37 };
  static float x[OUT], updates[2 * N], out[OUT], want[OUT];
  static int32_t index[N];
  for (int i = 0; i < OUT; i++) x[i] = want[i] = (float)(i % 5);
  for (int i = 0; i < N; i++) {
    index[i] = i * 7 % OUT;
    if (lost && i % 50 == 3) index[i] = i % 4 ? -1 : OUT + i;
    updates[2 * i] = i % 90 == 5 ? NAN : i % 3 ? (float)(i % 11 - 5) : -0.0f;
  }
  view v[4] = {dense(0, MJX_F32, 1, OUT, 0, 0), dense(0, MJX_F32, 1, OUT, 0, 0),
               dense(0, MJX_I32, 2, N, 1, 0), dense(0, MJX_F32, 1, N, 0, 0)};
  v[3].strides[0] = 2;
  const int64_t params[] = {kind, mode, 0, 0, 1, 0, 0, 0, 1, 0};
  RUN(load_single("SCATTER", 1, 3, v, 10, params), LIST(x, index, updates), LIST(out));
  for (int i = 0; i < N; i++) {
    int at = index[i];
    if (mode == MJX_CLIP) at = at < 0 ? 0 : at >= OUT ? OUT - 1 : at;
    if (at < 0 || at >= OUT) continue;
    float a = want[at], b = updates[2 * i];
    if (kind == MJX_SCATTER_SET) want[at] = b;
    if (kind == MJX_SCATTER_ADD) want[at] = a + b;
    if (kind != MJX_SCATTER_MAX) continue;
    bool first = a != a || (b == b && (a > b || (a == b && signbit(b))));
    want[at] = first ? a : b;
  }
  same_f32(out, want, OUT);
}

/* Rows that are added as vectors, and rows of the updates that lie apart. */
static void test_scatter_rows(int64_t stride) {
  enum { N = 40, OUT = 5, WIDTH = 23 };
  static float x[OUT * WIDTH], updates[2 * N * WIDTH], out[OUT * WIDTH], want[OUT * WIDTH];
  static int32_t index[N];
  for (int i = 0; i < OUT * WIDTH; i++) x[i] = want[i] = (float)i;
  for (int i = 0; i < 2 * N * WIDTH; i++) updates[i] = (float)(i % 13);
  for (int i = 0; i < N; i++) index[i] = i * 3 % (OUT + 1);
  view v[4] = {dense(0, MJX_F32, 2, OUT, WIDTH, 0), dense(0, MJX_F32, 2, OUT, WIDTH, 0),
               dense(0, MJX_I32, 2, N, 1, 0), dense(0, MJX_F32, 2, N, WIDTH, 0)};
  v[3].strides[0] = stride * WIDTH;
  v[3].strides[1] = stride;
  const int64_t params[] = {MJX_SCATTER_ADD, MJX_FILL_OR_DROP, 0, 1, 1, 1, 0, 0, 0, 1, 0};
  RUN(load_single("SCATTER", 1, 3, v, 11, params), LIST(x, index, updates), LIST(out));
  for (int i = 0; i < N; i++)
    for (int c = 0; c < WIDTH && index[i] < OUT; c++)
      want[index[i] * WIDTH + c] += updates[(i * WIDTH + c) * stride];
  same_f32(out, want, OUT * WIDTH);
}

/* Transposed copies of rows that lie far apart, with ragged edges. */
static void test_transpose(int dtype, int64_t rows, int64_t columns) {
  static char x[8 * 600 * 600], out[8 * 600 * 600];
  int64_t size = mjx_dtype_size(dtype);
  for (int64_t i = 0; i < rows * columns * size; i++) x[i] = (char)(i * 37 + i / 251);
  view v[2] = {dense(0, dtype, 2, rows, columns, 0), dense(0, dtype, 2, rows, columns, 0)};
  v[1].strides[0] = 1;
  v[1].strides[1] = rows;
  const int64_t params[] = {0, 0};
  RUN(load_single("EWISE", 1, 1, v, 2, params), LIST(x), LIST(out));
  for (int64_t i = 0; i < rows * columns; i++)
    CHECK(memcmp(out + i * size, x + (i % columns * rows + i / columns) * size, (size_t)size) == 0);
}

static void test_sort(void) {
  const float key[7] = {3, NAN, -0.0f, 0, -INFINITY, 3, 1};
  const int32_t value[7] = {0, 1, 2, 3, 4, 5, 6};
  float sorted[7];
  int32_t order[7];
  view v[4] = {dense(0, MJX_F32, 3, 1, 7, 1), dense(0, MJX_I32, 3, 1, 7, 1),
               dense(0, MJX_F32, 3, 1, 7, 1), dense(0, MJX_I32, 3, 1, 7, 1)};
  RUN(load_single("SORT", 2, 2, v, 1, (const int64_t[]){1}), LIST(key, value), LIST(sorted, order));
  same_i32(order, (const int32_t[]){4, 2, 3, 6, 0, 5, 1}, 7);
  same_f32(sorted, (const float[]){-INFINITY, -0.0f, 0, 1, 3, 3, NAN}, 7);
}

static void test_sort_long(void) {
  enum { N = 5000 };
  static double x[N], out[N];
  uint64_t state = 1;
  for (int i = 0; i < N; i++) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    x[i] = (double)(int64_t)state;
  }
  view v[2] = {dense(0, MJX_F64, 3, 1, N, 1), dense(0, MJX_F64, 3, 1, N, 1)};
  RUN(load_single("SORT", 1, 1, v, 1, (const int64_t[]){1}), LIST(x), LIST(out));
  for (int i = 1; i < N; i++) CHECK(out[i - 1] <= out[i]);
}

static void test_top_k(void) {
  const float x[5] = {2, 9, NAN, 9, -1};
  float values[3];
  int32_t indices[3];
  view v[3] = {dense(0, MJX_F32, 3, 1, 3, 1), dense(0, MJX_I32, 3, 1, 3, 1),
               dense(0, MJX_F32, 3, 1, 5, 1)};
  RUN(load_single("TOP_K", 2, 1, v, 0, NULL), LIST(x), LIST(values, indices));
  same_f32(values, (const float[]){NAN, 9, 9}, 3);
  same_i32(indices, (const int32_t[]){2, 1, 3}, 3);
}

int main(void) {
  test_ewise_views();
  test_ewise_in_place();
  test_ewise_table();
  test_ewise_affine();
  test_reduce();
  test_map_reduce();
  test_dot_map();
  test_reduce_zeros();
  test_reduce_empty();
  test_reduce_accuracy();
  test_argreduce();
  test_cum();
  test_dots();
  test_slices();
  test_gather();
  test_scatter();
  for (int kind = 0; kind < 3; kind++)
    for (int mode = 0; mode < 4; mode++) {
      const int kinds[3] = {MJX_SCATTER_SET, MJX_SCATTER_ADD, MJX_SCATTER_MAX};
      const int modes[2] = {MJX_CLIP, MJX_FILL_OR_DROP};
      test_scatter_direct(kinds[kind], modes[mode / 2], mode % 2);
    }
  test_scatter_rows(1);
  test_scatter_rows(2);
  test_transpose(MJX_F32, 530, 550);
  test_transpose(MJX_F32, 512, 530);
  test_transpose(MJX_F64, 290, 300);
  test_transpose(MJX_F64, 256, 512);
  test_sort();
  test_sort_long();
  test_top_k();
  puts("test_ops: ok");
  return 0;
}
