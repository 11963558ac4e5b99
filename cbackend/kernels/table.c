/* What kernels there are, and which instruction set's run on this CPU. */
#include "table.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define MJX_DTYPE_b1        MJX_BOOL
#define MJX_DTYPE_i8        MJX_I8
#define MJX_DTYPE_i16       MJX_I16
#define MJX_DTYPE_i32       MJX_I32
#define MJX_DTYPE_i64       MJX_I64
#define MJX_DTYPE_u8        MJX_U8
#define MJX_DTYPE_u16       MJX_U16
#define MJX_DTYPE_u32       MJX_U32
#define MJX_DTYPE_u64       MJX_U64
#define MJX_DTYPE_f16       MJX_F16
#define MJX_DTYPE_bf16      MJX_BF16
#define MJX_DTYPE_f32       MJX_F32
#define MJX_DTYPE_f64       MJX_F64
#define MJX_DTYPE_c64       MJX_C64
#define MJX_DTYPE_c128      MJX_C128
#define MJX_DTYPE_x1        MJX_X1
#define MJX_DTYPE_x2        MJX_X2
#define MJX_DTYPE_x4        MJX_X4
#define MJX_DTYPE_x8        MJX_X8
#define MJX_DTYPE_x16       MJX_X16

#define MJX_D(S)            MJX_DTYPE_##S
#define MJX_K1(op, S, T)    {#op "_" #S, 1, 1, {MJX_D(S)}, {MJX_D(T)}},
#define MJX_K2(op, S, T)    {#op "_" #S, 2, 1, {MJX_D(S), MJX_D(S)}, {MJX_D(T)}},
#define MJX_K3(op, S, T)    {#op "_" #S, 3, 1, {MJX_D(S), MJX_D(S), MJX_D(S)}, {MJX_D(T)}},
#define MJX_R1              MJX_K1
#define MJX_R2              MJX_K2
#define MJX_GUARDED1(op, S) MJX_K1(op, S, S)
#define MJX_GUARDED2(op, S) MJX_K2(op, S, S)
#define MJX_BLOCKS2(op, S)  MJX_K2(op, S, S)
#define MJX_HALF1(op, S)    MJX_K1(op, S, S)
#define MJX_HALF2(op, S)    MJX_K2(op, S, S)
#define MJX_HALF3(op, S)    MJX_K3(op, S, S)
#define MJX_CONVERT(S, T)   {"convert_" #S "_" #T, 1, 1, {MJX_D(S)}, {MJX_D(T)}},
#define MJX_SELECT(X)       {"select_" #X, 3, 1, {MJX_BOOL, MJX_D(X), MJX_D(X)}, {MJX_D(X)}},
#define MJX_COPY(X)         {"copy_" #X, 1, 1, {MJX_D(X)}, {MJX_D(X)}},
#define MJX_TAKE(X)         {"take_" #X, 2, 1, {MJX_D(X), MJX_I32}, {MJX_D(X)}},
#define MJX_THREEFRY \
  {"threefry2x32_u32", 4, 2, {MJX_U32, MJX_U32, MJX_U32, MJX_U32}, {MJX_U32, MJX_U32}},

const mjx_kernel_info mjx_kernel_infos[] = {
#include "kernels.def"
};

enum { n_kernels = sizeof mjx_kernel_infos / sizeof mjx_kernel_infos[0] };
const int32_t mjx_n_kernels = n_kernels;

typedef struct {
  const char *name;
  const mjx_kernel_fn *kernels;
} isa;

/* From the most to the least demanding. */
static const isa isas[] = {
#if defined(__x86_64__)
    {"avx512", mjx_kernel_table_avx512},
    {"avx2", mjx_kernel_table_avx2},
#endif
    {"baseline", mjx_kernel_table_baseline},
};
enum { n_isas = sizeof isas / sizeof isas[0] };

static int cpu_has(const char *name) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  int avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
             __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2") &&
             __builtin_cpu_supports("popcnt");
  if (strcmp(name, "avx2") == 0) return avx2;
  if (strcmp(name, "avx512") == 0)
    return avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512cd");
#endif
  return strcmp(name, "baseline") == 0;
}

static const isa *choose_isa(void) {
  const char *wanted = getenv("MINIJAX_ISA");
  size_t first = 0;
  for (size_t i = 0; wanted != NULL && i < n_isas; i++)
    if (strcmp(isas[i].name, wanted) == 0) first = i;
  while (first + 1 < n_isas && !cpu_has(isas[first].name)) first++;
  return &isas[first];
}

/* Every thread that finds nothing chosen chooses, and writes, the same. */
static const isa *chosen_isa(void) {
  static _Atomic(const isa *) chosen;
  const isa *found = atomic_load_explicit(&chosen, memory_order_acquire);
  if (found == NULL) {
    found = choose_isa();
    atomic_store_explicit(&chosen, found, memory_order_release);
  }
  return found;
}

const char *mjx_isa_name(void) { return chosen_isa()->name; }

int mjx_has_half_arithmetic(void) {
#if defined(__x86_64__) && (defined(__clang__) ? __clang_major__ >= 14 : __GNUC__ >= 12)
  return strcmp(mjx_isa_name(), "avx512") == 0 && __builtin_cpu_supports("avx512fp16");
#else
  return 0;
#endif
}

const mjx_kernel_fn *mjx_kernel_table(void) { return chosen_isa()->kernels; }
