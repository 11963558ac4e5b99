/* program.c: running a loaded module; its frames; the tables of opcodes and kernels. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#if defined(__linux__)
#include <sys/mman.h>
#endif

#include "internal.h"
#include "kernels.h"
#include "native.h"

/* ---- opcodes ---- */

#define MJX_OP(NAME, module)                                                \
  mjx_status mjx_op_##module##_check(mjx_loader *loader, mjx_instr *instr); \
  mjx_status mjx_op_##module##_run(const mjx_instr *instr, mjx_frame *frame);
#include "ops.def"
#undef MJX_OP

const mjx_op mjx_ops[] = {
#define MJX_OP(NAME, module) {#NAME, mjx_op_##module##_check, mjx_op_##module##_run},
#include "ops.def"
#undef MJX_OP
};

int mjx_opcode_count(void) { return (int)(sizeof mjx_ops / sizeof mjx_ops[0]); }

const char *mjx_opcode_name(int opcode) {
  return opcode < 0 || opcode >= mjx_opcode_count() ? NULL : mjx_ops[opcode].name;
}

/* ---- interrupts ---- */

static volatile sig_atomic_t interrupt_flag;

void mjx_interrupt(void) { interrupt_flag = 1; }
void mjx_interrupt_clear(void) { interrupt_flag = 0; }
bool mjx_interrupted(void) { return interrupt_flag != 0; }
const volatile int *mjx_interrupt_flag(void) { return &interrupt_flag; }

/* ---- frames ----
 *
 * memory := mjx_frame | slots | arena | locals          (each MJX_ALIGN-aligned)
 * The main frame's block continues with the scratch of the calling thread.
 */

static int64_t slots_offset(void) { return mjx_round_up(sizeof(mjx_frame), MJX_ALIGN); }

static int64_t arena_offset(const mjx_code *code) {
  int64_t n_slots = MJX_SLOT_INPUT0 + code->n_inputs + code->n_outputs;
  return slots_offset() + mjx_round_up(n_slots * (int64_t)sizeof(char *), MJX_ALIGN);
}

static int64_t locals_offset(const mjx_code *code) {
  return arena_offset(code) + mjx_round_up(code->arena_bytes, MJX_ALIGN);
}

int64_t mjx_frame_bytes(const mjx_code *code) {
  return locals_offset(code) + mjx_round_up(code->local_bytes, MJX_ALIGN);
}

static mjx_frame *frame_lay_out(const mjx_code *code, void *memory) {
  mjx_frame *frame = memory;
  char *base = memory;
  frame->slots = (char **)(void *)(base + slots_offset());
  frame->locals = base + locals_offset(code);
  frame->code = code;
  frame->slots[MJX_SLOT_ARENA] = base + arena_offset(code);
  frame->slots[MJX_SLOT_CONST] = code->program->consts;
  return frame;
}

mjx_frame *mjx_frame_nest(const mjx_frame *parent, const mjx_code *code, void *memory) {
  mjx_frame *frame = frame_lay_out(code, memory);
  frame->scratch = parent->scratch;
  frame->host_fp = parent->host_fp;
  return frame;
}

static int64_t block_bytes(const mjx_program *program) {
  return program->codes[0].frame_bytes + mjx_round_up(program->scratch_bytes, MJX_ALIGN);
}

/* Big blocks ask for huge pages: fewer faults in the first run, fewer TLB misses in all. */
static void *block_alloc(int64_t bytes) {
  const int64_t huge = 2 << 20;
  bool big = bytes >= 2 * huge;
  int64_t align = big ? huge : MJX_ALIGN;
  void *memory = aligned_alloc((size_t)align, (size_t)mjx_round_up(bytes, align));
#if defined(__linux__) && defined(MADV_HUGEPAGE)
  if (memory && big) madvise(memory, (size_t)mjx_round_up(bytes, align), MADV_HUGEPAGE);
#endif
  return memory;
}

static void spin_lock(mjx_program *program) {
  while (atomic_flag_test_and_set_explicit(&program->lock, memory_order_acquire)) {
  }
}

static void spin_unlock(mjx_program *program) {
  atomic_flag_clear_explicit(&program->lock, memory_order_release);
}

void *mjx_store_take(mjx_program *program, mjx_store *store, int64_t bytes) {
  void *memory = atomic_exchange_explicit(&store->spare, NULL, memory_order_acquire);
  if (memory) return memory;
  spin_lock(program);
  memory = store->blocks;
  if (memory) memcpy(&store->blocks, memory, sizeof(void *));
  spin_unlock(program);
  if (memory) return memory;
  memory = block_alloc(bytes);
  if (!memory) mjx_fail(MJX_NO_MEMORY, "Out of memory allocating %lld bytes.", (long long)bytes);
  return memory;
}

void mjx_store_give(mjx_program *program, mjx_store *store, void *memory) {
  void *expected = NULL;
  if (atomic_compare_exchange_strong_explicit(&store->spare, &expected, memory,
                                              memory_order_release, memory_order_relaxed))
    return;
  spin_lock(program);
  memcpy(memory, &store->blocks, sizeof(void *));
  store->blocks = memory;
  spin_unlock(program);
}

static void free_chain(void *head) {
  while (head) {
    void *next;
    memcpy(&next, head, sizeof next);
    free(head);
    head = next;
  }
}

void mjx_store_empty(mjx_program *program, mjx_store *store) {
  free(atomic_exchange_explicit(&store->spare, NULL, memory_order_acquire));
  spin_lock(program);
  void *blocks = store->blocks;
  store->blocks = NULL;
  spin_unlock(program);
  free_chain(blocks);
}

/* ---- running ---- */

mjx_status mjx_code_run(const mjx_code *code, mjx_frame *frame) {
  mjx_profile *profile = atomic_load_explicit(&code->program->profile, memory_order_acquire);
  if (__builtin_expect(profile != NULL, 0)) return mjx_code_run_profiled(code, frame, profile);
  const mjx_instr *instr = code->instrs, *end = instr + code->n_instrs;
  for (; instr < end; instr++) {
    mjx_status status = instr->op->run(instr, frame);
    if (__builtin_expect(status != MJX_OK, 0)) {
      mjx_fail_prefix("%s: ", instr->op->name);
      return status;
    }
  }
  return MJX_OK;
}

/* A tier 0 frame is not needed again once there is native code. */
static void give_frame(mjx_program *program, void *memory) {
  if (__builtin_expect(mjx_program_has_native(program), 0))
    free(memory);
  else
    mjx_store_give(program, &program->frames, memory);
}

static mjx_status run_tier0(mjx_program *program, const void *const *inputs, void *const *outputs) {
  const mjx_code *code = &program->codes[0];
  void *memory = mjx_store_take(program, &program->frames, block_bytes(program));
  if (!memory) return MJX_NO_MEMORY;
  mjx_frame *frame = frame_lay_out(code, memory);
  frame->scratch = (char *)memory + code->frame_bytes;
  for (int64_t i = 0; i < code->n_inputs; i++) mjx_frame_set_input(frame, i, inputs[i]);
  for (int64_t i = 0; i < code->n_outputs; i++) mjx_frame_set_output(frame, i, outputs[i]);
  frame->host_fp = mjx_fp_enter();
  mjx_status status = mjx_code_run(code, frame);
  mjx_fp_leave(frame->host_fp);
  give_frame(program, memory);
  return status;
}

mjx_status mjx_program_run(mjx_program *program, const void *const *inputs, void *const *outputs) {
  const mjx_native *native = atomic_load_explicit(&program->native, memory_order_acquire);
  bool profiled = atomic_load_explicit(&program->profile, memory_order_relaxed) != NULL;
  if (native && !profiled) return mjx_native_run(program, native, inputs, outputs);
  mjx_status status = run_tier0(program, inputs, outputs);
  mjx_native_count(program);
  return status;
}

void mjx_program_free(mjx_program *program) {
  if (!program) return;
  mjx_native_free(atomic_load(&program->native));
  mjx_store_empty(program, &program->frames);
  mjx_store_empty(program, &program->native_blocks);
  free_chain(program->blocks);
  free(program->profile_memory);
  free(program);
}

/* ---- questions ---- */

int64_t mjx_program_n_inputs(const mjx_program *program) { return program->codes[0].n_inputs; }
int64_t mjx_program_n_outputs(const mjx_program *program) { return program->codes[0].n_outputs; }

int64_t mjx_program_input_bytes(const mjx_program *program, int64_t index) {
  const mjx_code *code = &program->codes[0];
  return index < 0 || index >= code->n_inputs ? -1 : code->io_bytes[index];
}

int64_t mjx_program_output_bytes(const mjx_program *program, int64_t index) {
  const mjx_code *code = &program->codes[0];
  return index < 0 || index >= code->n_outputs ? -1 : code->io_bytes[code->n_inputs + index];
}

int64_t mjx_program_arena_bytes(const mjx_program *program) { return block_bytes(program); }

const char *mjx_version(void) { return MJX_VERSION_STRING; }
const char *mjx_isa(void) { return mjx_isa_name(); }
int mjx_half_arithmetic(void) { return mjx_has_half_arithmetic(); }

int mjx_kernel_count(void) { return mjx_n_kernels; }

static const mjx_kernel_info *kernel_at(int kernel) {
  return kernel < 0 || kernel >= mjx_n_kernels ? NULL : &mjx_kernel_infos[kernel];
}

const char *mjx_kernel_name(int kernel) {
  const mjx_kernel_info *info = kernel_at(kernel);
  return info ? info->name : NULL;
}

int mjx_kernel_n_in(int kernel) {
  const mjx_kernel_info *info = kernel_at(kernel);
  return info ? info->n_in : -1;
}

int mjx_kernel_n_out(int kernel) {
  const mjx_kernel_info *info = kernel_at(kernel);
  return info ? info->n_out : -1;
}

int mjx_kernel_in_dtype(int kernel, int index) {
  const mjx_kernel_info *info = kernel_at(kernel);
  return info && index >= 0 && index < info->n_in ? info->in_dtype[index] : -1;
}

int mjx_kernel_out_dtype(int kernel, int index) {
  const mjx_kernel_info *info = kernel_at(kernel);
  return info && index >= 0 && index < info->n_out ? info->out_dtype[index] : -1;
}
