/* mjx_native.h: the contract between the runtime and native code (tier 1).
 *
 * emit.py writes one C file per module; the machine's compiler makes a shared library of it, and
 * mjx_program_set_native() puts that in the place of the runtime's own walk over the instructions.
 * This header's text stands in every emitted file, so it includes nothing and uses no macro of
 * another header.  The library has no undefined symbols: what it needs comes through
 * mjx_native_host.
 */
#ifndef MJX_NATIVE_H
#define MJX_NATIVE_H

#define MJX_NATIVE_VERSION      3
#define MJX_NATIVE_SYMBOL       mjx_native_module_v1

#define MJX_NATIVE_REDUCE_BYTES 8192

/* Takes a block of a product: rows x columns elements from (row, column) on, with product_row
 * elements from row to row.  scratch: the tail's own, where the runtime was told that it needs
 * any. */
typedef void (*mjx_native_tail_fn)(void *context, int64_t row, int64_t column, int64_t rows,
                                   int64_t columns, const void *product, int64_t product_row,
                                   char *scratch);

/* What the runtime gives to native code. */
typedef struct mjx_native_host {
  /* Runs instruction `instr` of program `code` as tier 0 does.  slots: where that program's arena,
   * constants, inputs.. and outputs.. lie; only those that the instruction names are read.
   * Returns an mjx_status. */
  int32_t (*run)(void *run, int64_t code, int64_t instr, char **slots);
  /* Does the reductions of the MAP_REDUCE `instr`: those of output k from pieces[k], where the
   * native code left their elements, dense over the iteration shape.  lines < 0: all of them, with
   * the run's own scratch.  Otherwise those of first .. first+lines-1 of the outer extent alone,
   * where the mjx_order is without MJX_ORDER_WHOLE; scratch: MJX_NATIVE_REDUCE_BYTES. */
  void (*reduce)(void *run, int64_t code, int64_t instr, char **slots, char *const *pieces,
                 int64_t first, int64_t lines, char *scratch);
  /* Makes the product of the DOT_MAP `instr` and has `tail` take its blocks, on several threads
   * where `cost`, about the ns of the tail, and the product's own are worth it. */
  void (*product)(void *run, int64_t code, int64_t instr, char **slots, mjx_native_tail_fn tail,
                  void *context, int64_t cost);
  /* Runs task(context, begin, end, scratch) for parts of 0..n, on several threads where `cost`,
   * about ns for everything, is worth it; each has scratch_bytes, the caller its own_scratch. */
  void (*parallel)(int64_t n, int64_t cost, int64_t scratch_bytes, char *own_scratch,
                   void (*task)(void *, int64_t, int64_t, char *), void *context);
  /* Reports an interrupted loop; returns the status to give back. */
  int32_t (*interrupted)(void);
  const volatile int *interrupt; /* non-zero: loops are to stop */
  /* The elementwise tile kernels, by number. */
  void (*const *kernels)(int64_t n, void *const *out, const void *const *in);
} mjx_native_host;

/* Runs the module's main program.  memory: memory_bytes bytes for this run alone, aligned to 64;
 * run: to be handed to host->run.  Returns an mjx_status. */
typedef int32_t (*mjx_native_fn)(const mjx_native_host *host, void *run, char *memory, char *consts,
                                 const void *const *inputs, void *const *outputs);

/* What the library exports, under the name MJX_NATIVE_SYMBOL. */
typedef struct mjx_native_module {
  int64_t version;
  const char *key; /* the hash of everything that the library was made from */
  int64_t n_inputs, n_outputs, memory_bytes;
  int64_t calls_host; /* whether host->run is ever called */
  mjx_native_fn run;
} mjx_native_module;

#endif /* MJX_NATIVE_H */
