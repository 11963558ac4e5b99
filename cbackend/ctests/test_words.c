/* Products of narrow integers of every instruction set that this CPU has, those that the runtime
 * would not choose here too, against plain loops. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "words.h"

extern const mjx_narrow_kernels mjx_narrow_baseline;
#if defined(__x86_64__)
extern const mjx_narrow_kernels mjx_narrow_avx2, mjx_narrow_avx512, mjx_narrow_vnni;
#endif

enum { MOST_M = 21, MOST_N = 70, MOST_K = 1100 };

static int failed;
static int8_t a[MOST_M * MOST_K], b[MOST_K * MOST_N];
static int32_t want[MOST_M * MOST_N], got[MOST_M * MOST_N];

static void check(const char *isa, const char *what, int64_t M, int64_t N, int64_t K) {
  if (memcmp(want, got, (size_t)(M * N) * sizeof *got) == 0) return;
  printf("%s: %s of %lld x %lld x %lld differs\n", isa, what, (long long)M, (long long)K,
         (long long)N);
  failed = 1;
}

/* a is [M][K]; b is [K][N], or [N][K] if turned. */
static void test_words(const char *isa, const mjx_words *form, int64_t M, int64_t N, int64_t K,
                       int turned) {
  int64_t words = (K + form->per_word - 1) / form->per_word;
  int64_t panel = (words + 1) * form->width, panels = (N + form->width - 1) / form->width;
  int32_t *rows = malloc((size_t)(M * words + 1) * 4),
          *packed = malloc((size_t)(panels * panel) * 4);
  if (rows == NULL || packed == NULL) exit(1);
  mjx_word_pack pack = {M, K, a, K, 1, rows};
  form->rows[MJX_I8](&pack);
  for (int64_t p = 0; p < panels; p++) {
    int64_t j = p * form->width, n = N - j < form->width ? N - j : form->width;
    int64_t step = turned ? K : 1, k_step = turned ? 1 : N;
    pack = (mjx_word_pack){n, K, b + j * step, step, k_step, packed + p * panel};
    form->panel[MJX_I8](&pack);
    mjx_word_dot dot = {M, n, words, rows, packed + p * panel, got + j, N, 4};
    form->dot(&dot);
  }
  check(isa, form->per_word == 2 ? "pairs" : "bytes", M, N, K);
  free(rows);
  free(packed);
}

static void test_sizes(const char *isa, const mjx_narrow_kernels *kernels, int64_t M, int64_t N,
                       int64_t K) {
  for (int turned = 0; turned < 2; turned++) {
    for (int64_t i = 0; i < M * N; i++) {
      uint32_t sum = 0;
      for (int64_t k = 0; k < K; k++)
        sum += (uint32_t)(a[i / N * K + k] * b[turned ? i % N * K + k : k * N + i % N]);
      want[i] = (int32_t)sum;
    }
    for (int f = 0; f < MJX_N_WORDS; f++)
      if (kernels->words[f].dot) test_words(isa, &kernels->words[f], M, N, K, turned);
    mjx_narrow_dot dot = {M, N, K, a, b, K, 1, turned ? 1 : N, turned ? K : 1, got, N, 4};
    (turned ? kernels->lines : kernels->thin)[MJX_I8](&dot);
    check(isa, turned ? "lines" : "thin", M, N, K);
  }
}

static void test(const char *isa, const mjx_narrow_kernels *kernels) {
  const int64_t sizes[][3] = {{1, 1, 1},    {2, 3, 5},    {3, 16, 4},   {8, 32, 64}, {9, 33, 63},
                              {21, 70, 33}, {5, 17, 511}, {4, 31, 513}, {3, 9, 1100}};
  for (int s = 0; s < (int)(sizeof sizes / sizeof sizes[0]); s++)
    test_sizes(isa, kernels, sizes[s][0], sizes[s][1], sizes[s][2]);
}

int main(void) {
  srand(1);
  for (size_t i = 0; i < sizeof a; i++) a[i] = (int8_t)(rand() % 3 ? rand() >> 7 : -128);
  for (size_t i = 0; i < sizeof b; i++) b[i] = (int8_t)(rand() % 3 ? rand() >> 7 : -128);
  test("baseline", &mjx_narrow_baseline);
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2")) test("avx2", &mjx_narrow_avx2);
  if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl"))
    test("avx512", &mjx_narrow_avx512);
  if (__builtin_cpu_supports("avx512vnni")) test("vnni", &mjx_narrow_vnni);
#endif
  if (!failed) printf("products of narrow integers: ok\n");
  return failed;
}
