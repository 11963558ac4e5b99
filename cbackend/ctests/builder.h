/* builder.h: hand-written programs for the C tests.  Fixed capacities; aborts the test on misuse. */
#ifndef MJX_TEST_BUILDER_H
#define MJX_TEST_BUILDER_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mjx.h"
#include "mjx_encoding.h"

#define CHECK(condition)                                                               \
  do {                                                                                 \
    if (!(condition)) {                                                                \
      fprintf(stderr, "%s:%d: %s  (last error: %s)\n", __FILE__, __LINE__, #condition, \
              mjx_last_error());                                                       \
      exit(1);                                                                         \
    }                                                                                  \
  } while (0)

enum { MAX_WORDS = 8192, MAX_OPERANDS = 16, MAX_PROGRAMS = 8, MAX_PARAMS = 64 };

typedef struct view {
  int64_t buffer, offset, ndim, dtype, shape[4], strides[4];
} view;

typedef struct program {
  int64_t n_inputs, n_outputs, arena_bytes, n_buffers, n_instrs;
  int64_t buffers[256], n_buffer_words;
  int64_t instrs[MAX_WORDS], n_instr_words;
} program;

typedef struct module {
  int64_t n_programs;
  program *programs[MAX_PROGRAMS];
  const void *consts;
  int64_t const_bytes;
} module;

program *program_new(int64_t n_inputs, int64_t n_outputs, int64_t arena_bytes);
int64_t program_buffer(program *p, int dtype, int64_t n, int space, int64_t where);
/* A row-major view of a whole buffer; unused extents are 0. */
view dense(int64_t buffer, int dtype, int ndim, int64_t d0, int64_t d1, int64_t d2);
/* operands: outputs, then inputs. */
void program_op(program *p, const char *name, int n_out, int n_in, const view *operands,
                int n_params, const int64_t *params);
int64_t module_write(const module *m, int64_t *words);
/* Loads programs[0..n-1] and frees them; the test fails if that fails. */
mjx_program *load(int n_programs, program *const *programs, const void *consts,
                  int64_t const_bytes);
int kernel(const char *name);
int opcode(const char *name);

/* One instruction over whole inputs and outputs: each view's buffer number is replaced. */
program *program_single(const char *name, int n_out, int n_in, const view *operands, int n_params,
                        const int64_t *params);
mjx_program *load_single(const char *name, int n_out, int n_in, const view *operands, int n_params,
                         const int64_t *params);

#endif
