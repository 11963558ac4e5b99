/* native.c: native code (tier 1) in the place of the walk over a module's instructions.
 *
 * A library is opened and checked once, then published with one atomic store: runs that began
 * before go on in tier 0 with the frames they have, later ones take the native way.  It stays until
 * the module is freed, when no run can be in flight.
 */
#include "native.h"

#include <stdlib.h>
#include <string.h>
#if defined(__unix__) || defined(__APPLE__)
#include <dlfcn.h>
#define HAVE_DLOPEN 1
#else
#define HAVE_DLOPEN 0
#endif

#include "dot.h"
#include "kernels.h"

struct mjx_native {
  const mjx_native_module *module;
  void *library;
  int64_t locals_offset, scratch_offset, block_bytes;
};

/* What host_run needs of a run; native code hands it back unseen. */
typedef struct native_run {
  const mjx_program *program;
  char *locals, *scratch;
  uint32_t host_fp;
} native_run;

static mjx_frame frame_of(const native_run *run, int64_t code_index, char **slots) {
  return (mjx_frame){.slots = slots,
                     .locals = run->locals,
                     .scratch = run->scratch,
                     .host_fp = run->host_fp,
                     .code = &run->program->codes[code_index]};
}

static int32_t host_run(void *opaque, int64_t code_index, int64_t instr_index, char **slots) {
  mjx_frame frame = frame_of(opaque, code_index, slots);
  const mjx_instr *instr = &frame.code->instrs[instr_index];
  mjx_status status = instr->op->run(instr, &frame);
  if (status != MJX_OK) mjx_fail_prefix("%s: ", instr->op->name);
  return status;
}

static void host_reduce(void *opaque, int64_t code_index, int64_t instr_index, char **slots,
                        char *const *pieces, int64_t first, int64_t lines, char *scratch) {
  mjx_frame frame = frame_of(opaque, code_index, slots);
  mjx_map_reduce_pieces(&frame.code->instrs[instr_index], &frame, pieces, first, lines,
                        lines < 0 ? frame.scratch : scratch);
}

static void host_product(void *opaque, int64_t code_index, int64_t instr_index, char **slots,
                         mjx_native_tail_fn tail, void *context, int64_t cost) {
  mjx_frame frame = frame_of(opaque, code_index, slots);
  mjx_dot_map_product(&frame.code->instrs[instr_index], &frame, tail, context, cost);
}

static void host_parallel(int64_t n, int64_t cost, int64_t scratch_bytes, char *own_scratch,
                          mjx_task_fn task, void *context) {
  mjx_pool_for(n, cost, scratch_bytes, own_scratch, task, context);
}

static int32_t host_interrupted(void) { return mjx_fail(MJX_INTERRUPTED, "interrupted"); }

mjx_status mjx_native_run(mjx_program *program, const mjx_native *native, const void *const *inputs,
                          void *const *outputs) {
  const mjx_native_host host = {host_run,          host_reduce,      host_product,
                                host_parallel,     host_interrupted, mjx_interrupt_flag(),
                                mjx_kernel_table()};
  char *block = NULL;
  if (native->block_bytes) {
    block = mjx_store_take(program, &program->native_blocks, native->block_bytes);
    if (!block) return MJX_NO_MEMORY;
  }
  native_run run = {program, block + native->locals_offset, block + native->scratch_offset,
                    mjx_fp_enter()};
  mjx_status status =
      (mjx_status)native->module->run(&host, &run, block, program->consts, inputs, outputs);
  mjx_fp_leave(run.host_fp);
  if (block) mjx_store_give(program, &program->native_blocks, block);
  return status;
}

/* ---- opening a library ---- */

static void lay_out(const mjx_program *program, mjx_native *native) {
  int64_t locals = 0, scratch = 0;
  if (native->module->calls_host) {
    scratch = mjx_round_up(program->scratch_bytes, MJX_ALIGN);
    for (int64_t p = 0; p < program->n_codes; p++)
      locals = MJX_MAX(locals, mjx_round_up(program->codes[p].local_bytes, MJX_ALIGN));
  }
  native->locals_offset = mjx_round_up(native->module->memory_bytes, MJX_ALIGN);
  native->scratch_offset = native->locals_offset + locals;
  native->block_bytes = native->scratch_offset + scratch;
}

static mjx_status check_module(const mjx_program *program, const mjx_native_module *module,
                               const char *key) {
  if (!module || module->version != MJX_NATIVE_VERSION || !module->key || !module->run)
    return mjx_fail(MJX_INVALID, "not a library of native code of this version");
  if (strcmp(module->key, key) != 0)
    return mjx_fail(MJX_INVALID, "native code of another program or another machine");
  if (module->n_inputs != program->codes[0].n_inputs ||
      module->n_outputs != program->codes[0].n_outputs || module->memory_bytes < 0 ||
      module->memory_bytes > MJX_MAX_BYTES)
    return mjx_fail(MJX_INVALID, "native code that does not fit its program");
  return MJX_OK;
}

#if HAVE_DLOPEN
#define TEXT_(name) #name
#define TEXT(name)  TEXT_(name)

static mjx_status open_library(const char *path, void **library, const mjx_native_module **module) {
  *module = NULL;
  *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (!*library) {
    const char *why = dlerror();
    return mjx_fail(MJX_NOT_FOUND, "cannot load native code: %s", why ? why : path);
  }
  *module = dlsym(*library, TEXT(MJX_NATIVE_SYMBOL));
  return MJX_OK;
}

static void close_library(void *library) { dlclose(library); }
#else
static mjx_status open_library(const char *path, void **library, const mjx_native_module **module) {
  *library = NULL;
  *module = NULL;
  return mjx_fail(MJX_UNSUPPORTED, "cannot load native code on this system: %s", path);
}

static void close_library(void *library) { (void)library; }
#endif

mjx_status mjx_program_set_native(mjx_program *program, const char *path, const char *key) {
  mjx_native *fresh = calloc(1, sizeof *fresh);
  if (!fresh) return mjx_fail(MJX_NO_MEMORY, "out of memory");
  mjx_status status = open_library(path, &fresh->library, &fresh->module);
  if (status == MJX_OK) status = check_module(program, fresh->module, key);
  if (status == MJX_OK) {
    lay_out(program, fresh);
    mjx_native *expected = NULL;
    if (atomic_compare_exchange_strong_explicit(&program->native, &expected, fresh,
                                                memory_order_release, memory_order_relaxed)) {
      mjx_store_empty(program, &program->frames);
      return MJX_OK;
    }
    status = mjx_fail(MJX_INVALID, "the program has native code already");
  }
  mjx_native_free(fresh);
  return status;
}

int mjx_program_has_native(const mjx_program *program) {
  return atomic_load_explicit(&program->native, memory_order_acquire) != NULL;
}

void mjx_native_free(mjx_native *native) {
  if (!native) return;
  if (native->library) close_library(native->library);
  free(native);
}

/* ---- the orders of sums ---- */

mjx_status mjx_op_dot_run(const mjx_instr *instr, mjx_frame *frame);
mjx_status mjx_op_reduce_run(const mjx_instr *instr, mjx_frame *frame);
mjx_status mjx_op_map_reduce_run(const mjx_instr *instr, mjx_frame *frame);

int mjx_program_order(const mjx_program *program, int64_t code, int64_t index, int64_t *chunk) {
  *chunk = 0;
  if (code < 0 || code >= program->n_codes) return -1;
  if (index < 0 || index >= program->codes[code].n_instrs) return -1;
  const mjx_instr *instr = &program->codes[code].instrs[index];
  if (instr->op->run == mjx_op_dot_run) return mjx_op_dot_order(instr);
  if (instr->op->run == mjx_op_reduce_run) return mjx_op_reduce_order(instr);
  if (instr->op->run == mjx_op_map_reduce_run) return mjx_op_map_reduce_order(instr, chunk);
  return MJX_ORDER_OTHER;
}

/* ---- when a program has run often ---- */

static _Atomic(mjx_hot_fn) hot_hook;

void mjx_set_hot_hook(mjx_hot_fn fn) { atomic_store(&hot_hook, fn); }

void mjx_program_watch(mjx_program *program, int64_t runs, int64_t id) {
  program->hot_id = id;
  atomic_store_explicit(&program->runs_left, runs, memory_order_relaxed);
}

void mjx_native_count(mjx_program *program) {
  /* Two threads may lose a count between them; only one of them may take the last. */
  int64_t left = atomic_load_explicit(&program->runs_left, memory_order_relaxed);
  if (left <= 0) return;
  if (left > 1) {
    atomic_store_explicit(&program->runs_left, left - 1, memory_order_relaxed);
    return;
  }
  if (atomic_exchange(&program->runs_left, 0) != 1) return;
  mjx_hot_fn hook = atomic_load(&hot_hook);
  if (hook) hook(program->hot_id);
}
