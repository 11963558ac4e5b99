/* builder.c: see builder.h. */
#include "builder.h"

program *program_new(int64_t n_inputs, int64_t n_outputs, int64_t arena_bytes) {
  program *p = calloc(1, sizeof *p);
  CHECK(p != NULL);
  p->n_inputs = n_inputs;
  p->n_outputs = n_outputs;
  p->arena_bytes = arena_bytes;
  return p;
}

int64_t program_buffer(program *p, int dtype, int64_t n, int space, int64_t where) {
  CHECK(p->n_buffer_words + 4 <= 256);
  const int64_t words[4] = {dtype, n, space, where};
  memcpy(p->buffers + p->n_buffer_words, words, sizeof words);
  p->n_buffer_words += 4;
  return p->n_buffers++;
}

view dense(int64_t buffer, int dtype, int ndim, int64_t d0, int64_t d1, int64_t d2) {
  view v = {buffer, 0, ndim, dtype, {d0, d1, d2, 0}, {0}};
  int64_t stride = 1;
  for (int d = ndim - 1; d >= 0; d--) {
    v.strides[d] = stride;
    stride *= v.shape[d];
  }
  return v;
}

static int64_t operand_words(const view *v, int64_t *to) {
  int64_t n = 0;
  to[n++] = v->buffer;
  to[n++] = v->offset;
  to[n++] = v->ndim;
  to[n++] = v->dtype;
  for (int d = 0; d < v->ndim; d++) to[n++] = v->shape[d];
  for (int d = 0; d < v->ndim; d++) to[n++] = v->strides[d];
  return n;
}

void program_op(program *p, const char *name, int n_out, int n_in, const view *operands,
                int n_params, const int64_t *params) {
  int64_t *to = p->instrs + p->n_instr_words, n = 2;
  CHECK(p->n_instr_words + 16 * (n_out + n_in) + n_params + 8 <= MAX_WORDS);
  to[0] = opcode(name);
  to[n++] = n_out;
  to[n++] = n_in;
  for (int i = 0; i < n_out + n_in; i++) n += operand_words(&operands[i], to + n);
  to[n++] = n_params;
  for (int i = 0; i < n_params; i++) to[n++] = params[i];
  to[1] = n - 2;
  p->n_instr_words += n;
  p->n_instrs++;
}

static int64_t put(int64_t *to, const int64_t *from, int64_t n) {
  memcpy(to, from, (size_t)n * sizeof *to);
  return n;
}

int64_t module_write(const module *m, int64_t *words) {
  const int64_t header[4] = {MJX_MAGIC, MJX_ENCODING_VERSION, m->n_programs, m->const_bytes};
  int64_t n = put(words, header, 4);
  for (int64_t i = 0; i < m->n_programs; i++) {
    const program *p = m->programs[i];
    n += put(words + n, &p->n_inputs, 5);
    n += put(words + n, p->buffers, p->n_buffer_words);
    n += put(words + n, p->instrs, p->n_instr_words);
  }
  return n;
}

mjx_program *load(int n_programs, program *const *programs, const void *consts,
                  int64_t const_bytes) {
  static int64_t words[MAX_PROGRAMS * (MAX_WORDS + 300)];
  module m = {n_programs, {0}, consts, const_bytes};
  for (int i = 0; i < n_programs; i++) m.programs[i] = programs[i];
  int64_t n = module_write(&m, words);
  mjx_program *loaded = NULL;
  CHECK(mjx_program_load(words, n, consts, const_bytes, &loaded) == MJX_OK);
  for (int i = 0; i < n_programs; i++) free(programs[i]);
  return loaded;
}

int kernel(const char *name) {
  for (int i = 0; i < mjx_kernel_count(); i++) {
    if (strcmp(mjx_kernel_name(i), name) == 0) return i;
  }
  fprintf(stderr, "no kernel %s\n", name);
  exit(1);
}

int opcode(const char *name) {
  for (int i = 0; i < mjx_opcode_count(); i++) {
    if (strcmp(mjx_opcode_name(i), name) == 0) return i;
  }
  fprintf(stderr, "no opcode %s\n", name);
  exit(1);
}

static int64_t extent(const view *v) {
  int64_t last = v->offset;
  for (int d = 0; d < v->ndim; d++) {
    if (v->shape[d] == 0) return 0;
    if (v->strides[d] > 0) last += v->strides[d] * (v->shape[d] - 1);
  }
  return last + 1;
}

program *program_single(const char *name, int n_out, int n_in, const view *operands, int n_params,
                        const int64_t *params) {
  program *p = program_new(n_in, n_out, 0);
  view bound[MAX_OPERANDS];
  for (int i = 0; i < n_out + n_in; i++) {
    bound[i] = operands[i];
    int space = i < n_out ? MJX_SPACE_OUTPUT : MJX_SPACE_INPUT;
    bound[i].buffer = program_buffer(p, (int)operands[i].dtype, extent(&operands[i]), space,
                                     i < n_out ? i : i - n_out);
  }
  program_op(p, name, n_out, n_in, bound, n_params, params);
  return p;
}

mjx_program *load_single(const char *name, int n_out, int n_in, const view *operands, int n_params,
                         const int64_t *params) {
  program *p = program_single(name, n_out, n_in, operands, n_params, params);
  return load(1, &p, NULL, 0);
}
