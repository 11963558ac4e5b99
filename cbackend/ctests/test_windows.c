/* test_windows.c: CONV, REDUCE_WINDOW and ARG_WINDOW against naive loops, on random windows. */
#include <math.h>
#include <stdbool.h>

#include "builder.h"

enum { ROUNDS = 400, MAX_ELEMENTS = 20000 };

static uint64_t state = 88172645463325252u;

static int64_t below(int64_t n) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return (int64_t)(state % (uint64_t)n);
}

static int64_t between(int64_t low, int64_t high) { return low + below(high - low + 1); }

typedef struct dim {
  int64_t n_in, n_out, window, stride, low, high, base, dilation;
} dim;

/* A window with at least one place to stand. */
static dim random_dim(void) {
  dim d;
  do {
    d.n_in = between(1, 7);
    d.window = between(1, 4);
    d.stride = between(1, 3);
    d.low = between(-1, 3);
    d.high = between(-1, 3);
    d.base = below(3) ? 1 : 2;
    d.dilation = below(3) ? 1 : 2;
    int64_t room = (d.n_in - 1) * d.base + 1 + d.low + d.high;
    int64_t extent = (d.window - 1) * d.dilation + 1;
    d.n_out = room < extent ? 0 : (room - extent) / d.stride + 1;
  } while (d.n_out == 0);
  return d;
}

/* The element that window j sees at place k, or -1. */
static int64_t element(const dim *d, int64_t j, int64_t k) {
  int64_t at = j * d->stride + k * d->dilation - d->low;
  if (at < 0 || at % d->base || at / d->base >= d->n_in) return -1;
  return at / d->base;
}

/* ---- CONV ---- */

typedef struct conv {
  dim space[2];
  int64_t batch, features, out_features, feature_groups, batch_groups;
} conv;

/* A dense view of extents in the order (a, b, space..) laid out as `spec` says. */
static view laid_out(const int64_t extents[4], const int64_t spec[4], int dtype) {
  view v = {0, 0, 4, dtype, {0}, {0}};
  for (int d = 0; d < 4; d++) v.shape[spec[d]] = extents[d];
  int64_t stride = 1;
  for (int d = 3; d >= 0; d--) {
    v.strides[d] = stride;
    stride *= v.shape[d];
  }
  return v;
}

static int64_t place(const view *v, const int64_t spec[4], int64_t a, int64_t b, int64_t y,
                     int64_t x) {
  const int64_t index[4] = {a, b, y, x};
  int64_t at = 0;
  for (int d = 0; d < 4; d++) at += index[d] * v->strides[spec[d]];
  return at;
}

static void shuffle(int64_t spec[4]) {
  for (int d = 0; d < 4; d++) spec[d] = d;
  for (int d = 3; d > 0; d--) {
    int64_t other = below(d + 1), saved = spec[d];
    spec[d] = spec[other];
    spec[other] = saved;
  }
}

static double naive(const conv *c, const double *x, const double *w, const view v[3],
                    int64_t spec[3][4], int64_t n, int64_t o, int64_t y, int64_t z) {
  int64_t groups = c->feature_groups * c->batch_groups, group = o / (c->out_features / groups);
  int64_t per_group = c->features / c->feature_groups;
  int64_t first = c->feature_groups > 1 ? group * per_group : 0;
  int64_t batch = n + (c->batch_groups > 1 ? group * (c->batch / c->batch_groups) : 0);
  double total = 0;
  for (int64_t f = 0; f < per_group; f++) {
    for (int64_t k = 0; k < c->space[0].window; k++) {
      for (int64_t l = 0; l < c->space[1].window; l++) {
        int64_t i = element(&c->space[0], y, k), j = element(&c->space[1], z, l);
        if (i < 0 || j < 0) continue;
        total +=
            x[place(&v[1], spec[0], batch, first + f, i, j)] * w[place(&v[2], spec[1], o, f, k, l)];
      }
    }
  }
  return total;
}

static void random_conv(conv *c) {
  c->space[0] = random_dim();
  c->space[1] = random_dim();
  c->feature_groups = below(2) ? 1 : between(1, 3);
  c->batch_groups = c->feature_groups > 1 || below(2) ? 1 : between(1, 3);
  c->batch = c->batch_groups * between(1, 3);
  c->features = c->feature_groups * between(1, 6);
  c->out_features = c->feature_groups * c->batch_groups * between(1, 3);
}

static void test_conv(void) {
  static double x[MAX_ELEMENTS], w[MAX_ELEMENTS], out[MAX_ELEMENTS], again[MAX_ELEMENTS];
  for (int i = 0; i < MAX_ELEMENTS; i++) {
    x[i] = (double)between(-9, 9);
    w[i] = (double)between(-9, 9);
  }
  for (int round = 0; round < ROUNDS; round++) {
    conv c;
    int64_t spec[3][4];
    random_conv(&c);
    for (int i = 0; i < 3; i++) shuffle(spec[i]);
    const dim *s = c.space;
    int64_t N = c.batch / c.batch_groups, O = c.out_features;
    view v[3] = {laid_out((int64_t[]){N, O, s[0].n_out, s[1].n_out}, spec[2], MJX_F64),
                 laid_out((int64_t[]){c.batch, c.features, s[0].n_in, s[1].n_in}, spec[0], MJX_F64),
                 laid_out((int64_t[]){O, c.features / c.feature_groups, s[0].window, s[1].window},
                          spec[1], MJX_F64)};
    int64_t params[24] = {c.feature_groups, c.batch_groups};
    for (int i = 0; i < 12; i++) params[2 + i] = spec[i / 4][i % 4];
    for (int i = 0; i < 2; i++) {
      const int64_t words[5] = {s[i].stride, s[i].low, s[i].high, s[i].base, s[i].dilation};
      memcpy(params + 14 + 5 * i, words, sizeof words);
    }
    mjx_program *loaded = load_single("CONV", 1, 2, v, 24, params);
    const void *in[2] = {x, w};
    CHECK(mjx_set_num_threads(1) == MJX_OK);
    CHECK(mjx_program_run(loaded, in, (void *const[]){out}) == MJX_OK);
    CHECK(mjx_set_num_threads(3) == MJX_OK);
    CHECK(mjx_program_run(loaded, in, (void *const[]){again}) == MJX_OK);
    mjx_program_free(loaded);
    for (int64_t n = 0; n < N; n++)
      for (int64_t o = 0; o < O; o++)
        for (int64_t y = 0; y < s[0].n_out; y++)
          for (int64_t z = 0; z < s[1].n_out; z++) {
            int64_t at = place(&v[0], spec[2], n, o, y, z);
            CHECK(out[at] == naive(&c, x, w, v, spec, n, o, y, z)); /* integers: exact */
            CHECK(again[at] == out[at]);
          }
  }
}

/* Large enough for BLAS-sized blocks and several blocks of kc: one and many threads agree. */
static void test_conv_blocks(void) {
  enum { B = 3, S = 21, F = 130, O = 33 };
  static float x[B * S * S * F], w[9 * F * O], out[2][B * S * S * O];
  for (int i = 0; i < B * S * S * F; i++) x[i] = (float)between(-3, 3);
  for (int i = 0; i < 9 * F * O; i++) w[i] = (float)between(-3, 3);
  view v[3] = {{0, 0, 4, MJX_F32, {B, S, S, O}, {S * S * O, S * O, O, 1}},
               {0, 0, 4, MJX_F32, {B, S, S, F}, {S * S * F, S * F, F, 1}},
               {0, 0, 4, MJX_F32, {3, 3, F, O}, {3 * F * O, F * O, O, 1}}};
  const int64_t params[24] = {1, 1, 0, 3, 1, 2, 3, 2, 0, 1, 0, 3,
                              1, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
  for (int t = 0; t < 2; t++) {
    CHECK(mjx_set_num_threads(t ? 4 : 1) == MJX_OK);
    mjx_program *loaded = load_single("CONV", 1, 2, v, 24, params);
    const void *in[2] = {x, w};
    CHECK(mjx_program_run(loaded, in, (void *const[]){out[t]}) == MJX_OK);
    mjx_program_free(loaded);
  }
  CHECK(memcmp(out[0], out[1], sizeof out[0]) == 0);
  float want = 0; /* the corner: places (1..2, 1..2) read inside */
  for (int k = 1; k < 3; k++)
    for (int l = 1; l < 3; l++)
      for (int f = 0; f < F; f++)
        want += x[((k - 1) * S + l - 1) * F + f] * w[((k * 3 + l) * F + f) * O];
  CHECK(out[0][0] == want);
}

/* ---- windows ---- */

static void window_params(const dim *d, int n, int64_t *params) {
  for (int i = 0; i < n; i++) {
    const int64_t words[5] = {d[i].window, d[i].stride, d[i].low, d[i].base, d[i].dilation};
    memcpy(params + 5 * i, words, sizeof words);
  }
}

static void test_windows(void) {
  static float x[MAX_ELEMENTS], out[MAX_ELEMENTS];
  static int64_t index[MAX_ELEMENTS];
  for (int round = 0; round < ROUNDS; round++) {
    for (int i = 0; i < 64; i++) x[i] = below(12) ? (float)between(-5, 5) : NAN;
    const dim d[2] = {random_dim(), random_dim()};
    view v[2] = {dense(0, MJX_F32, 2, d[0].n_out, d[1].n_out, 0),
                 dense(0, MJX_F32, 2, d[0].n_in, d[1].n_in, 0)};
    v[1].strides[0] = 1; /* stored by columns */
    v[1].strides[1] = d[0].n_in;
    int64_t params[12] = {MJX_SUM, 0};
    window_params(d, 2, params + 1);
    const void *in[1] = {x};
    mjx_program *sum = load_single("REDUCE_WINDOW", 1, 1, v, 11, params);
    CHECK(mjx_program_run(sum, in, (void *const[]){out}) == MJX_OK);
    mjx_program_free(sum);
    params[0] = MJX_MAX;
    params[1] = 0;
    window_params(d, 2, params + 2);
    v[0].dtype = MJX_I64;
    mjx_program *arg = load_single("ARG_WINDOW", 1, 1, v, 12, params);
    CHECK(mjx_program_run(arg, in, (void *const[]){index}) == MJX_OK);
    mjx_program_free(arg);
    for (int64_t y = 0; y < d[0].n_out; y++)
      for (int64_t z = 0; z < d[1].n_out; z++) {
        float total = 0, best = 0;
        int64_t where = -1;
        for (int64_t k = 0; k < d[0].window; k++)
          for (int64_t l = 0; l < d[1].window; l++) {
            int64_t i = element(&d[0], y, k), j = element(&d[1], z, l);
            if (i < 0 || j < 0) continue;
            float value = x[j * d[0].n_in + i];
            total += value;
            if (where < 0 || !(best >= value)) {
              best = value;
              where = i * d[1].n_in + j;
            }
          }
        int64_t at = y * d[1].n_out + z;
        CHECK(out[at] == total || (isnan(out[at]) && isnan(total)));
        CHECK(index[at] == where);
      }
  }
}

/* XLA's order of floats: a NaN wins, -0 < +0. */
static float larger(float a, float b) {
  if (isnan(a) || isnan(b)) return NAN;
  if (a == b) return signbit(a) ? b : a;
  return a > b ? a : b;
}

static bool same(float a, float b) {
  return (isnan(a) && isnan(b)) || (a == b && !signbit(a) == !signbit(b));
}

/* Dense images with features last: windows are reduced by lines, whatever sticks out. */
static void test_lines(void) {
  static float x[2 * 7 * 7 * 9], out[MAX_ELEMENTS], again[MAX_ELEMENTS];
  const int kinds[2] = {MJX_SUM, MJX_MAX};
  for (int round = 0; round < ROUNDS; round++) {
    const dim d[2] = {random_dim(), random_dim()};
    const int64_t features = between(1, 9), batch = between(1, 2);
    const int kind = kinds[round % 2];
    const int64_t n_in = batch * d[0].n_in * d[1].n_in * features;
    for (int64_t i = 0; i < n_in; i++)
      x[i] = below(12) ? (below(4) ? (float)between(-5, 5) : -0.0f) : NAN;
    const dim one = {1, 1, 1, 1, 0, 0, 1, 1};
    const dim dims[4] = {one, d[0], d[1], one};
    const int64_t spec[4] = {0, 1, 2, 3};
    const int64_t out_shape[4] = {batch, d[0].n_out, d[1].n_out, features};
    const int64_t in_shape[4] = {batch, d[0].n_in, d[1].n_in, features};
    view v[2] = {laid_out(out_shape, spec, MJX_F32), laid_out(in_shape, spec, MJX_F32)};
    int64_t params[21] = {kind};
    window_params(dims, 4, params + 1);
    mjx_program *loaded = load_single("REDUCE_WINDOW", 1, 1, v, 21, params);
    CHECK(mjx_set_num_threads(1) == MJX_OK);
    CHECK(mjx_program_run(loaded, (const void *const[]){x}, (void *const[]){out}) == MJX_OK);
    CHECK(mjx_set_num_threads(3) == MJX_OK);
    CHECK(mjx_program_run(loaded, (const void *const[]){x}, (void *const[]){again}) == MJX_OK);
    mjx_program_free(loaded);
    for (int64_t at = 0; at < batch * d[0].n_out * d[1].n_out * features; at++) {
      int64_t f = at % features, z = at / features % d[1].n_out;
      int64_t y = at / features / d[1].n_out % d[0].n_out,
              b = at / features / d[1].n_out / d[0].n_out;
      float want = kind == MJX_SUM ? 0 : -INFINITY;
      for (int64_t k = 0; k < d[0].window; k++)
        for (int64_t l = 0; l < d[1].window; l++) {
          int64_t i = element(&d[0], y, k), j = element(&d[1], z, l);
          if (i < 0 || j < 0) continue;
          float value = x[((b * d[0].n_in + i) * d[1].n_in + j) * features + f];
          want = kind == MJX_SUM ? want + value : larger(want, value);
        }
      CHECK(same(out[at], want)); /* small integers: exact in any order */
      CHECK(same(again[at], out[at]));
    }
  }
}

/* A line that is reduced in parts, and windows of more lines than are combined at once. */
static void test_many(int64_t rows, int64_t n, int64_t window_rows, int64_t window, int64_t stride,
                      int64_t base) {
  static float x[MAX_ELEMENTS], out[MAX_ELEMENTS];
  for (int64_t i = 0; i < rows * n; i++) x[i] = (float)between(-9, 9);
  const int64_t reach = (n - 1) * base + 1;
  const dim d[2] = {{rows, 2, window_rows, 1, window_rows - rows + 1, 0, 1, 1},
                    {n, (reach - window) / stride + 1, window, stride, 0, 0, base, 1}};
  view v[2] = {dense(0, MJX_F32, 2, d[0].n_out, d[1].n_out, 0), dense(0, MJX_F32, 2, rows, n, 0)};
  int64_t params[11] = {MJX_SUM};
  window_params(d, 2, params + 1);
  mjx_program *loaded = load_single("REDUCE_WINDOW", 1, 1, v, 11, params);
  CHECK(mjx_program_run(loaded, (const void *const[]){x}, (void *const[]){out}) == MJX_OK);
  mjx_program_free(loaded);
  for (int64_t at = 0; at < d[0].n_out * d[1].n_out; at++) {
    float want = 0;
    for (int64_t k = 0; k < window_rows; k++)
      for (int64_t l = 0; l < window; l++) {
        int64_t i = element(&d[0], at / d[1].n_out, k), j = element(&d[1], at % d[1].n_out, l);
        if (i >= 0 && j >= 0) want += x[i * n + j];
      }
    CHECK(out[at] == want);
  }
}

static void test_kinds(void) {
  const uint8_t x[4] = {1, 0, 1, 1};
  uint8_t out[3];
  view v[2] = {dense(0, MJX_BOOL, 1, 3, 0, 0), dense(0, MJX_BOOL, 1, 4, 0, 0)};
  const uint8_t want[2][3] = {{0, 0, 1}, {1, 1, 0}};
  const int kinds[2] = {MJX_AND, MJX_XOR};
  for (int i = 0; i < 2; i++) {
    const int64_t params[6] = {kinds[i], 2, 1, 0, 1, 1};
    mjx_program *loaded = load_single("REDUCE_WINDOW", 1, 1, v, 6, params);
    CHECK(mjx_program_run(loaded, (const void *const[]){x}, (void *const[]){out}) == MJX_OK);
    mjx_program_free(loaded);
    CHECK(memcmp(out, want[i], 3) == 0);
  }
}

int main(void) {
  test_conv();
  test_conv_blocks();
  test_windows();
  test_lines();
  test_many(1, 9001, 1, 5, 1, 1);
  test_many(1, 9001, 1, 5, 2, 1);
  test_many(1, 5000, 1, 7, 3, 2);
  test_many(1, 9000, 1, 5000, 1, 1);
  test_many(70, 40, 69, 3, 2, 1);
  test_kinds();
  puts("test_windows: ok");
  return 0;
}
