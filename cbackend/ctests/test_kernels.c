/* Properties that every kernel of kernels.def has, on every instruction set of this CPU:
 * an element's result depends on that element alone (not on its place in the tile, on the tile's
 * length or on alignment), working in place changes nothing, and nothing outside the tile is
 * written. What the results are is compared with JAX in compat_tests/test_kernels.py. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "table.h"

enum { tile = 512, guard = 64, max_size = 16 };

static const int sizes[] = {1, 1, 2, 4, 8, 1, 2, 4, 8, 2, 2, 4, 8, 8, 16};

static int size_of(int dtype) { return dtype >= MJX_X1 ? 1 << (dtype - MJX_X1) : sizes[dtype]; }

static uint64_t random_state = 0x9e3779b97f4a7c15u;

static uint64_t next_random(void) { /* xorshift64* */
  random_state ^= random_state >> 12;
  random_state ^= random_state << 25;
  random_state ^= random_state >> 27;
  return random_state * 0x2545f4914f6cdd1du;
}

/* A number of ordinary size; `any` allows NaN, infinities, zeros and extremes. */
static double random_double(int any) {
  static const double special[] = {0.0, -0.0, 1.0,    -1.0,   0.5,   1e300,  -1e300, 1e-300,
                                   2.0, 3.0,  0x1p31, 0x1p63, 120.0, -120.5, 88.5,   1e30};
  if (any && next_random() % 8 == 0) {
    uint64_t k = next_random() % 19;
    if (k == 16) return __builtin_nan("");
    if (k > 16) return k == 17 ? __builtin_inf() : -__builtin_inf();
    return special[k];
  }
  double size = (double)(next_random() % 1000000 + 1) * 1e-5;
  return next_random() % 2 ? size : -size;
}

static uint16_t bfloat16_of(float x) {
  uint32_t u;
  memcpy(&u, &x, sizeof u);
  return (uint16_t)(u >> 16);
}

static void fill(unsigned char *to, int dtype, int any) {
  for (int i = 0; i < tile; i++, to += size_of(dtype)) {
    double x = random_double(any), y = random_double(any);
    float xf = (float)x, yf = (float)y;
    uint64_t bits[2] = {next_random(), next_random()};
    uint16_t half = dtype == MJX_BF16 ? bfloat16_of(xf) : (uint16_t)(bits[0] & 0xdfff);
    switch (dtype) {
      case MJX_BOOL: *to = bits[0] & 1; break;
      case MJX_F16:
      case MJX_BF16: memcpy(to, &half, 2); break;
      case MJX_F32: memcpy(to, &xf, 4); break;
      case MJX_F64: memcpy(to, &x, 8); break;
      case MJX_C64: memcpy(to, &xf, 4), memcpy(to + 4, &yf, 4); break;
      case MJX_C128: memcpy(to, &x, 8), memcpy(to + 8, &y, 8); break;
      default: /* integers: sometimes small, so that shifts and divisors are met */
        if (next_random() % 2) bits[0] %= 70;
        memcpy(to, bits, (size_t)size_of(dtype));
    }
  }
}

/* Equal bits, or both NaN: which NaN an operation gives may depend on operand order. */
static int same_float(const unsigned char *a, const unsigned char *b, int dtype) {
  if (memcmp(a, b, (size_t)size_of(dtype)) == 0) return 1;
  if (dtype == MJX_F64) {
    double x, y;
    memcpy(&x, a, 8), memcpy(&y, b, 8);
    return x != x && y != y;
  }
  if (dtype == MJX_F32) {
    float x, y;
    memcpy(&x, a, 4), memcpy(&y, b, 4);
    return x != x && y != y;
  }
  if (dtype == MJX_F16 || dtype == MJX_BF16) {
    uint16_t x, y, inf = dtype == MJX_F16 ? 0x7c00 : 0x7f80;
    memcpy(&x, a, 2), memcpy(&y, b, 2);
    return (x & 0x7fff) > inf && (y & 0x7fff) > inf;
  }
  return 0;
}

static int same(const unsigned char *a, const unsigned char *b, int dtype) {
  if (dtype == MJX_C64 || dtype == MJX_C128) {
    int part = dtype == MJX_C64 ? MJX_F32 : MJX_F64, step = size_of(part);
    return same_float(a, b, part) && same_float(a + step, b + step, part);
  }
  return same_float(a, b, dtype);
}

static int compare(const char *isa, const mjx_kernel_info *k, const char *what, int n, int output,
                   const unsigned char *want, const unsigned char *got) {
  int dtype = k->out_dtype[output], size = size_of(dtype);
  for (int i = 0; i < n; i++)
    if (!same(want + i * size, got + i * size, dtype)) {
      printf("%s %s: output %d, element %d differs %s\n", isa, k->name, output, i, what);
      return 1;
    }
  return 0;
}

static unsigned char in_memory[4][(tile + guard) * max_size];
static unsigned char want_memory[2][(tile + guard) * max_size];
static unsigned char got_memory[2][(tile + guard) * max_size];

static const mjx_table whole_table = {in_memory[0], tile};

static int takes(const mjx_kernel_info *k) { return strncmp(k->name, "take_x", 6) == 0; }

/* The kernel on elements [first, first + n). */
static void run(mjx_kernel_fn kernel, const mjx_kernel_info *k, int first, int n,
                unsigned char (*outs)[(tile + guard) * max_size]) {
  const void *in[4];
  void *out[2];
  for (int j = 0; j < k->n_in; j++) in[j] = in_memory[j] + first * size_of(k->in_dtype[j]);
  if (takes(k)) in[0] = &whole_table;
  for (int j = 0; j < k->n_out; j++) out[j] = outs[j] + first * size_of(k->out_dtype[j]);
  kernel(n, out, in);
}

static int check_pieces(const char *isa, mjx_kernel_fn kernel, const mjx_kernel_info *k) {
  int failed = 0;
  memset(got_memory, 0xa5, sizeof got_memory);
  for (int first = 0, n = 1; first < tile; first += n, n = n % 37 + 1) {
    if (n > tile - first) n = tile - first;
    run(kernel, k, first, n, got_memory);
    for (int j = 0; j < k->n_out; j++) {
      const unsigned char *past = got_memory[j] + (first + n) * size_of(k->out_dtype[j]);
      for (int b = 0; b < guard; b++)
        if (past[b] != 0xa5) {
          printf("%s %s: wrote past the end of %d elements\n", isa, k->name, n);
          return 1;
        }
    }
  }
  for (int j = 0; j < k->n_out; j++)
    failed |= compare(isa, k, "in a shorter tile", tile, j, want_memory[j], got_memory[j]);
  return failed;
}

static int check_in_place(const char *isa, mjx_kernel_fn kernel, const mjx_kernel_info *k) {
  int failed = 0, size = size_of(k->out_dtype[0]);
  static unsigned char saved[sizeof in_memory[0]];
  for (int j = takes(k); j < k->n_in; j++) {
    if (size_of(k->in_dtype[j]) != size) continue;
    const void *in[4] = {in_memory[0], in_memory[1], in_memory[2], in_memory[3]};
    if (takes(k)) in[0] = &whole_table;
    void *out[2] = {in_memory[j], got_memory[1]};
    memcpy(saved, in_memory[j], sizeof saved);
    kernel(tile, out, in);
    failed |= compare(isa, k, "in place", tile, 0, want_memory[0], in_memory[j]);
    memcpy(in_memory[j], saved, sizeof saved);
  }
  return failed;
}

/* ---- division of integers of 32 bits, which goes by way of floating point ---- */

static int find(const char *name) {
  int i = 0;
  while (strcmp(mjx_kernel_infos[i].name, name) != 0) i++;
  return i;
}

static uint32_t random_operand(void) {
  static const uint32_t edges[] = {0,          1,          2,          3,          0x3fffffff,
                                   0x40000000, 0x40000001, 0x7ffffffe, 0x7fffffff, 0x80000000,
                                   0x80000001, 0xbfffffff, 0xc0000000, 0xfffffffe, 0xffffffff};
  uint64_t bits = next_random();
  if (bits % 3 == 0) return edges[bits / 3 % (sizeof edges / sizeof *edges)];
  return (uint32_t)(bits >> 32) >> (bits % 3 == 1 ? bits / 3 % 32 : 0);
}

static int check_division(const char *isa, const mjx_kernel_fn *table) {
  static const char *const names[4] = {"div_u32", "rem_u32", "div_i32", "rem_i32"};
  static uint32_t a[tile], b[tile], got[tile];
  for (int round = 0; round < 2000; round++) {
    for (int i = 0; i < tile; i++) a[i] = random_operand(), b[i] = random_operand();
    for (int k = 0; k < 4; k++) {
      const void *in[2] = {a, b};
      void *out[1] = {got};
      uint32_t state = mjx_fp_enter();
      table[find(names[k])](tile, out, in);
      mjx_fp_leave(state);
      for (int i = 0; i < tile; i++) {
        int64_t x = k < 2 ? (int64_t)a[i] : (int32_t)a[i],
                y = k < 2 ? (int64_t)b[i] : (int32_t)b[i];
        int64_t want = k % 2 ? (y ? x % y : x) : (y ? x / y : -1);
        if (got[i] == (uint32_t)want) continue;
        printf("%s %s: %lld, %lld gave %u\n", isa, names[k], (long long)x, (long long)y, got[i]);
        return 1;
      }
    }
  }
  return 0;
}

static int check(const char *isa, const mjx_kernel_fn *table) {
  int failed = check_division(isa, table);
  for (int i = 0; i < mjx_n_kernels; i++) {
    const mjx_kernel_info *k = &mjx_kernel_infos[i];
    /* the gamma function's series may take long at its extremes */
    int any = strstr(k->name, "gamma") == NULL;
    for (int j = 0; j < k->n_in; j++) fill(in_memory[j], k->in_dtype[j], any);
    memset(want_memory, 0, sizeof want_memory);
    uint32_t state = mjx_fp_enter();
    run(table[i], k, 0, tile, want_memory);
    failed += check_pieces(isa, table[i], k);
    failed += check_in_place(isa, table[i], k);
    mjx_fp_leave(state);
  }
  return failed;
}

/* Names are unique: the lowering finds kernels by them. */
static int check_names(void) {
  int failed = 0;
  for (int i = 0; i < mjx_n_kernels; i++)
    for (int j = 0; j < i; j++)
      if (strcmp(mjx_kernel_infos[i].name, mjx_kernel_infos[j].name) == 0) {
        printf("two kernels are called %s\n", mjx_kernel_infos[i].name);
        failed++;
      }
  return failed;
}

int main(void) {
  int failed = check_names();
  failed += check("baseline", mjx_kernel_table_baseline);
  if (strcmp(mjx_isa_name(), "baseline") != 0) failed += check(mjx_isa_name(), mjx_kernel_table());
#if defined(__x86_64__)
  if (strcmp(mjx_isa_name(), "avx512") == 0) failed += check("avx2", mjx_kernel_table_avx2);
#endif
  if (failed) printf("%d kernel checks failed\n", failed);
  return failed != 0;
}
