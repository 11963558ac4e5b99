/* mjx.h: the C interface of the minijax runtime.
 *
 * A *module* (type mjx_program) is loaded once from a flat list of int64 words (mjx_encoding.h
 * says how they are laid out), is checked wholly while it is loaded, and is then run any number
 * of times, from any number of threads.  The runtime knows nothing of Python, never calls exit or
 * abort, and never touches memory outside the buffers that it was given.
 *
 * Ownership: every function that takes a pointer borrows it for the call only, unless it says
 * otherwise.  Fallible functions return mjx_status; mjx_last_error() has the words.
 */
#ifndef MJX_H
#define MJX_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define MJX_API __attribute__((visibility("default")))
#else
#define MJX_API
#endif

#define MJX_VERSION_STRING "0.1.0"

typedef enum mjx_status {
  MJX_OK = 0,
  MJX_INVALID = 1,     /* a malformed program or a wrong argument */
  MJX_NO_MEMORY = 2,   /* an allocation failed */
  MJX_UNSUPPORTED = 3, /* well-formed, but this build cannot do it */
  MJX_NOT_FOUND = 4,   /* a library, symbol or name does not exist */
  MJX_CALLBACK = 5,    /* the host callback reported a failure */
  MJX_INTERRUPTED = 6  /* mjx_interrupt() stopped a loop */
} mjx_status;

/* Element types.  X1..X16 name "any type of that many bytes"; only kernels use them. */
typedef enum mjx_dtype {
  MJX_BOOL = 0,
  MJX_I8 = 1,
  MJX_I16 = 2,
  MJX_I32 = 3,
  MJX_I64 = 4,
  MJX_U8 = 5,
  MJX_U16 = 6,
  MJX_U32 = 7,
  MJX_U64 = 8,
  MJX_F16 = 9,
  MJX_BF16 = 10,
  MJX_F32 = 11,
  MJX_F64 = 12,
  MJX_C64 = 13,
  MJX_C128 = 14,
  MJX_N_DTYPES = 15,
  MJX_X1 = 32,
  MJX_X2 = 33,
  MJX_X4 = 34,
  MJX_X8 = 35,
  MJX_X16 = 36
} mjx_dtype;

/* ---- programs ------------------------------------------------------------------------------ */

typedef struct mjx_program mjx_program;

/* Loads and checks a module.  `words` and `consts` are copied.  On success *out is the caller's
 * to free with mjx_program_free; on failure *out is NULL and mjx_last_error() names the place. */
MJX_API mjx_status mjx_program_load(const int64_t *words, int64_t n_words, const void *consts,
                                    int64_t const_bytes, mjx_program **out);

/* Frees a module.  No run of it may be in flight.  NULL is allowed. */
MJX_API void mjx_program_free(mjx_program *program);

/* Runs program 0.  inputs[i] has mjx_program_input_bytes(program, i) readable bytes, outputs[i]
 * likewise writable ones, each aligned to its element.  Outputs must not overlap one another; an
 * output may be the very memory of an input where the program was planned for that.
 * Re-entrant: any number of threads may run one module at once. */
MJX_API mjx_status mjx_program_run(mjx_program *program, const void *const *inputs,
                                   void *const *outputs);

MJX_API int64_t mjx_program_n_inputs(const mjx_program *program);
MJX_API int64_t mjx_program_n_outputs(const mjx_program *program);
/* Bytes of an input or output of program 0; -1 when there is no such one. */
MJX_API int64_t mjx_program_input_bytes(const mjx_program *program, int64_t index);
MJX_API int64_t mjx_program_output_bytes(const mjx_program *program, int64_t index);
/* Bytes of working memory that one run needs: arenas, loop state, scratch. */
MJX_API int64_t mjx_program_arena_bytes(const mjx_program *program);

/* Counts each instruction's calls and time, from zero, in runs that begin from now on, until
 * mjx_program_profile_stop.  May be called while runs are in flight, but by one thread at a time. */
MJX_API mjx_status mjx_program_profile_start(mjx_program *program);
MJX_API void mjx_program_profile_stop(mjx_program *program);
/* The counters of the first n instructions, in the module's order (all of program 0, then all of
 * program 1, ...); the time of a control instruction includes that of the programs it runs.
 * Returns how many instructions there are; 0 if it was never started. */
MJX_API int64_t mjx_program_profile_read(const mjx_program *program, int64_t n, int64_t *calls,
                                         double *seconds);

/* ---- native code (tier 1) -------------------------------------------------------------------- */

/* Puts a library of native code (mjx_native.h) in the place of tier 0, for all runs that begin
 * later; runs in flight end as they began.  `path` and `key` are borrowed; the library must carry
 * this very key.  A program takes native code once, and keeps it until it is freed. */
MJX_API mjx_status mjx_program_set_native(mjx_program *program, const char *path, const char *key);
MJX_API int mjx_program_has_native(const mjx_program *program);

/* Has the hot hook called with `id`, once, when `runs` more runs in tier 0 are over.  The thread
 * that ran the last of them calls it, after the run. */
typedef void (*mjx_hot_fn)(int64_t id);
MJX_API void mjx_set_hot_hook(mjx_hot_fn fn);
MJX_API void mjx_program_watch(mjx_program *program, int64_t runs, int64_t id);

/* In which order an instruction combines the elements of a sum, so that native code can do the
 * same: an mjx_order; MJX_ORDER_OTHER also for what is no sum.  -1: no such instruction.
 * *chunk: 0, or the elements of a chunk: all but the last are as long; TREE and LINES hold within
 * each, and then chunks are combined pairwise as leaves are. */
typedef enum mjx_order {
  MJX_ORDER_OTHER = 0,
  MJX_ORDER_SEQUENCE = 1, /* one after the other, from the identity (a product: from zero, each
                             product and sum in one rounding where the CPU has that) */
  MJX_ORDER_FOUR = 2,     /* four interleaved sequences from 8 elements on, else one, from the first
                             element; a sum of floats then adds +0 */
  MJX_ORDER_COPY = 3,     /* there is one element: it stays as it is */
  MJX_ORDER_TREE = 4,     /* leaves of 64 elements in SEQUENCE, combined pairwise, the left part a
                             power of two of leaves */
  MJX_ORDER_LINES = 5,  /* as TREE of leaves of 4096, each 64 interleaved sequences whose halves are
                             combined; a sum of floats adds +0 to a leaf */
  MJX_ORDER_WHOLE = 16, /* + one of the above: mjx_native_host.reduce needs all elements at once */
  MJX_ORDER_LANES = 256 /* + n: a product in n interleaved sequences along K, from zero, each
                             product and sum in one rounding as above; then halves are added */
} mjx_order;
MJX_API int mjx_program_order(const mjx_program *program, int64_t code, int64_t instr,
                              int64_t *chunk);

/* ---- errors and control -------------------------------------------------------------------- */

/* The last failure's message in this thread; "" if none.  Valid until the next failing call here. */
MJX_API const char *mjx_last_error(void);

/* Makes loops (WHILE, SCAN) that run now or later stop with MJX_INTERRUPTED, until cleared.
 * Async-signal-safe. */
MJX_API void mjx_interrupt(void);
MJX_API void mjx_interrupt_clear(void);

/* ---- names and tables ---------------------------------------------------------------------- */

MJX_API const char *mjx_version(void);
/* "baseline", "avx2" or "avx512": the kernels in use on this CPU. */
MJX_API const char *mjx_isa(void);
/* Whether the CPU has arithmetic on float16s, and native code is to use it. */
MJX_API int mjx_half_arithmetic(void);

/* Opcodes are 0 .. mjx_opcode_count()-1; the name is as in src/ops.def, or NULL out of range. */
MJX_API int mjx_opcode_count(void);
MJX_API const char *mjx_opcode_name(int opcode);

/* Elementwise kernels, 0 .. mjx_kernel_count()-1.  Out-of-range questions give NULL or -1. */
MJX_API int mjx_kernel_count(void);
MJX_API const char *mjx_kernel_name(int kernel);
MJX_API int mjx_kernel_n_in(int kernel);
MJX_API int mjx_kernel_n_out(int kernel);
MJX_API int mjx_kernel_in_dtype(int kernel, int index);
MJX_API int mjx_kernel_out_dtype(int kernel, int index);

/* Bytes of one element; 0 for an unknown dtype. */
MJX_API int mjx_dtype_size(int dtype);

/* ---- threads, BLAS, callbacks -------------------------------------------------------------- */

/* Threads that a run may use, its own included.  n < 1 means "as many as there are CPUs".
 * Results never depend on it.  Must not be called from inside a callback. */
MJX_API mjx_status mjx_set_num_threads(int n);
MJX_API int mjx_get_num_threads(void);
/* Runs do without n more CPUs (fewer, if n < 0), one excepted: somebody else works for them. */
MJX_API void mjx_lend_cpus(int n);

/* Says where the OpenBLAS library (symbols scipy_cblas_*) is; it is opened at the first need.
 * The path is copied.  NULL turns BLAS off: own kernels serve every DOT. */
MJX_API mjx_status mjx_blas_set_path(const char *path);
/* Opens it now.  NULL means the path set before. */
MJX_API mjx_status mjx_blas_load(const char *path);
/* The library's name for the kernels in use ("SkylakeX", ...); "" while it is not open. */
MJX_API const char *mjx_blas_corename(void);
/* Address of a symbol of the open library (e.g. a LAPACK routine); NULL if there is none. */
MJX_API void *mjx_blas_symbol(const char *name);

/* The one function that CALLBACK instructions call.  in/out point to dense row-major arrays,
 * borrowed for the call.  A non-zero return ends the run with MJX_CALLBACK. */
typedef int (*mjx_callback_fn)(int64_t id, int64_t n_in, const void *const *in, int64_t n_out,
                               void *const *out);
MJX_API void mjx_set_callback(mjx_callback_fn fn);

#ifdef __cplusplus
}
#endif

#endif /* MJX_H */
