/* native.h: what program.c needs of native code. */
#ifndef MJX_NATIVE_INTERNAL_H
#define MJX_NATIVE_INTERNAL_H

#include "internal.h"

#include "mjx_native.h"

typedef struct mjx_native mjx_native;

/* Runs the main program; the caller has checked that `native` is the program's. */
mjx_status mjx_native_run(mjx_program *program, const mjx_native *native, const void *const *inputs,
                          void *const *outputs);
/* No run of it may be in flight. */
void mjx_native_free(mjx_native *native);
/* Counts a run in tier 0; calls the hook when the runs agreed on are over. */
void mjx_native_count(mjx_program *program);

/* ---- program.c ---- */

/* A block of `bytes`, aligned to MJX_ALIGN, for one run; NULL if there is no memory left. */
void *mjx_store_take(mjx_program *program, mjx_store *store, int64_t bytes);
void mjx_store_give(mjx_program *program, mjx_store *store, void *memory);
/* Frees the blocks that no run has. */
void mjx_store_empty(mjx_program *program, mjx_store *store);
const volatile int *mjx_interrupt_flag(void);

#endif /* MJX_NATIVE_INTERNAL_H */
