/* test_fft.c: FFT against the sum that defines it, on every small length, kind and layout. */
#include <math.h>
#include <stdbool.h>

#include "builder.h"

enum { MAX_N = 150, LINES = 21 };
static const double PI = 3.14159265358979323846;

static uint64_t state = 88172645463325252u;

static double random_unit(void) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return (double)(state >> 11) / (double)((uint64_t)1 << 52) - 1;
}

/* out[k] = sum_j in[j] e^(sign 2 pi i j k / n) */
static void naive(int n, int sign, const double *re, const double *im, double *out_re,
                  double *out_im) {
  for (int k = 0; k < n; k++) {
    out_re[k] = out_im[k] = 0;
    for (int j = 0; j < n; j++) {
      double angle = sign * 2 * PI * (double)((int64_t)j * k % n) / n;
      out_re[k] += re[j] * cos(angle) - im[j] * sin(angle);
      out_im[k] += re[j] * sin(angle) + im[j] * cos(angle);
    }
  }
}

static int is_real(int kind, bool input) {
  return kind == (input ? MJX_FFT_REAL : MJX_FFT_TO_REAL);
}

static void set(void *array, bool wide, int64_t i, double value) {
  if (wide) {
    ((double *)array)[i] = value;
  } else {
    ((float *)array)[i] = (float)value;
  }
}

static double get(const void *array, bool wide, int64_t i) {
  return wide ? ((const double *)array)[i] : (double)((const float *)array)[i];
}

/* Line `line` of the input as n complex numbers: the whole spectrum for TO_REAL. */
static void line_of(const void *in, bool wide, int kind, int n, int n_in, int64_t at,
                    int64_t stride, double *re, double *im) {
  for (int j = 0; j < n_in; j++) {
    int64_t place = at + j * stride;
    re[j] = get(in, wide, is_real(kind, true) ? place : 2 * place);
    im[j] = is_real(kind, true) ? 0 : get(in, wide, 2 * place + 1);
  }
  if (kind != MJX_FFT_TO_REAL) return;
  im[0] = 0;
  if (n % 2 == 0) im[n / 2] = 0;
  for (int j = n_in; j < n; j++) re[j] = re[n - j], im[j] = -im[n - j];
}

static void check_case(int kind, int n, int64_t outer, int64_t inner, bool wide) {
  static double memory[2][2 * MAX_N * LINES];
  void *in = memory[0], *out = memory[1];
  int half = n / 2 + 1;
  int n_in = kind == MJX_FFT_TO_REAL ? half : n, n_out = kind == MJX_FFT_REAL ? half : n;
  int real = wide ? MJX_F64 : MJX_F32, complex = wide ? MJX_C128 : MJX_C64;
  view v[2] = {
      dense(0, is_real(kind, false) ? real : complex, 3, outer, n_out, inner),
      dense(0, is_real(kind, true) ? real : complex, 3, outer, n_in, inner),
  };
  for (int64_t i = 0; i < 2 * n_in * outer * inner; i++) set(in, wide, i, random_unit());
  const int64_t params[] = {kind, n};
  mjx_program *loaded = load_single("FFT", 1, 1, v, 2, params);
  CHECK(mjx_program_run(loaded, (const void *const[]){in}, (void *const[]){out}) == MJX_OK);
  mjx_program_free(loaded);
  bool inverse = kind == MJX_FFT_INVERSE || kind == MJX_FFT_TO_REAL;
  double re[MAX_N], im[MAX_N], want_re[MAX_N], want_im[MAX_N];
  double tolerance = (wide ? 1e-14 : 4e-6) * sqrt(n);
  for (int64_t o = 0; o < outer; o++) {
    for (int64_t i = 0; i < inner; i++) {
      line_of(in, wide, kind, n, n_in, o * n_in * inner + i, inner, re, im);
      naive(n, inverse ? 1 : -1, re, im, want_re, want_im);
      double scale = inverse ? 1.0 / n : 1;
      for (int k = 0; k < n_out; k++) {
        int64_t at = (o * n_out + k) * inner + i;
        bool to_real = is_real(kind, false);
        CHECK(fabs(get(out, wide, to_real ? at : 2 * at) - want_re[k] * scale) < tolerance);
        if (!to_real) CHECK(fabs(get(out, wide, 2 * at + 1) - want_im[k] * scale) < tolerance);
      }
    }
  }
}

static void test_against_the_definition(void) {
  for (int kind = MJX_FFT_FORWARD; kind <= MJX_FFT_TO_REAL; kind++) {
    for (int n = 1; n <= MAX_N; n += n < 40 ? 1 : 11) {
      for (int wide = 0; wide < 2; wide++) {
        check_case(kind, n, 1, 1, wide);
        check_case(kind, n, 3, 7, wide);
        if (n < 20) check_case(kind, n, LINES, 1, wide);
      }
    }
  }
}

/* Wrong words must be refused. */
static void test_refusals(void) {
  const view good[2] = {dense(0, MJX_C64, 3, 1, 6, 2), dense(0, MJX_C64, 3, 1, 6, 2)};
  struct {
    int64_t params[2];
    int out_dtype, in_dtype;
    int64_t out_n, in_n;
  } cases[] = {
      {{4, 6}, MJX_C64, MJX_C64, 6, 6},  {{-1, 6}, MJX_C64, MJX_C64, 6, 6},
      {{0, 0}, MJX_C64, MJX_C64, 6, 6},  {{0, INT64_MAX}, MJX_C64, MJX_C64, 6, 6},
      {{0, 5}, MJX_C64, MJX_C64, 6, 6},  {{0, 6}, MJX_C64, MJX_C64, 6, 5},
      {{0, 6}, MJX_C128, MJX_C64, 6, 6}, {{0, 6}, MJX_F32, MJX_F32, 6, 6},
      {{2, 6}, MJX_C64, MJX_C64, 4, 6},  {{2, 6}, MJX_C64, MJX_F32, 6, 6},
      {{3, 6}, MJX_F32, MJX_C64, 6, 6},  {{3, 6}, MJX_F64, MJX_C64, 6, 4},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    view v[2] = {dense(0, cases[i].out_dtype, 3, 1, cases[i].out_n, 2),
                 dense(0, cases[i].in_dtype, 3, 1, cases[i].in_n, 2)};
    program *p = program_single("FFT", 1, 1, v, 2, cases[i].params);
    module m = {1, {p}, NULL, 0};
    static int64_t words[MAX_WORDS];
    mjx_program *loaded = NULL;
    CHECK(mjx_program_load(words, module_write(&m, words), NULL, 0, &loaded) != MJX_OK);
    CHECK(loaded == NULL);
    free(p);
  }
  mjx_program_free(load_single("FFT", 1, 1, good, 2, (const int64_t[]){0, 6}));
}

int main(void) {
  test_against_the_definition();
  test_refusals();
  return 0;
}
