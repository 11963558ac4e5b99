/* Elementwise tile kernels: the table the runtime calls them through.
 *
 * A kernel works on one tile: n elements of every operand, each contiguous.
 * out[i] may be exactly equal to an in[j] whose dtype has the same size (the
 * kernel then works in place) and is disjoint from every input otherwise.
 * Kernels never allocate, keep no state and may run on any thread.
 *
 * Kernels expect the floating-point environment that XLA's CPU runs in: round to
 * nearest even, and denormal float32/float64 operands and results taken as zero.
 * A caller brackets its kernel calls, on each thread, with mjx_fp_enter and
 * mjx_fp_leave.
 */
#ifndef MJX_KERNELS_H
#define MJX_KERNELS_H

#include <stdint.h>

#include "mjx.h"

#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

#ifdef __cplusplus
extern "C" {
#endif

typedef void (*mjx_kernel_fn)(int64_t n, void *const *out, const void *const *in);

/* The first operand of the kernels take_x1 .. take_x16: n > 0 elements that they pick from.  They
 * never read outside of it, whatever the indices. */
typedef struct {
  const void *elements;
  int64_t n;
} mjx_table;

/* One kernel's signature; in_dtype and out_dtype hold enum mjx_dtype values. */
typedef struct {
  const char *name; /* "add_f32"; a string constant */
  uint8_t n_in, n_out, in_dtype[4], out_dtype[2];
} mjx_kernel_info;

extern const mjx_kernel_info mjx_kernel_infos[];
extern const int32_t mjx_n_kernels;

/* The kernels of the best instruction set of this CPU, in the order of
 * mjx_kernel_infos. The environment variable MINIJAX_ISA (baseline, avx2,
 * avx512) may lower the choice, never raise it. Chosen once; static storage. */
const mjx_kernel_fn *mjx_kernel_table(void);

/* "baseline", "avx2" or "avx512": what mjx_kernel_table chose; a constant. */
const char *mjx_isa_name(void);

/* Whether native code may use instructions on float16s: the CPU has them, and no less than
 * AVX-512 was chosen. */
int mjx_has_half_arithmetic(void);

/* Sets denormals-are-zero and flush-to-zero on this thread; returns the state
 * to give back to mjx_fp_leave. Where the CPU has no such mode, does nothing. */
static inline uint32_t mjx_fp_enter(void) {
#if defined(__SSE2__)
  uint32_t state = _mm_getcsr();
  _mm_setcsr((state & ~0x6000u) | 0x8040u);
  return state;
#elif defined(__aarch64__)
  uint64_t state;
  __asm__ volatile("mrs %0, fpcr" : "=r"(state));
  __asm__ volatile("msr fpcr, %0" ::"r"(state | (1u << 24)));
  return (uint32_t)state;
#else
  return 0;
#endif
}

static inline void mjx_fp_leave(uint32_t state) {
#if defined(__SSE2__)
  _mm_setcsr(state);
#elif defined(__aarch64__)
  __asm__ volatile("msr fpcr, %0" ::"r"((uint64_t)state));
#else
  (void)state;
#endif
}

#ifdef __cplusplus
}
#endif

#endif
