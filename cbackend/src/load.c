/* load.c: decodes a module's words, checks every operand, and calls the ops' checks. */
#include <stdlib.h>
#include <string.h>

#include "internal.h"

typedef struct buffer {
  int32_t slot;
  int32_t size;
  int64_t n;
  int64_t offset; /* bytes from the slot's base */
} buffer;

struct mjx_loader {
  mjx_program *program;
  int64_t at; /* the next word */
  int64_t n_words;
  int64_t code_index;
  mjx_code *code;
  buffer *buffers;
  int64_t n_buffers;
};

/* ---- memory of the module ---- */

typedef struct block {
  struct block *next;
} block;

enum { BLOCK_BYTES = 1 << 16 };

static bool block_add(mjx_program *program, int64_t bytes) {
  int64_t total = MJX_MAX(bytes + MJX_ALIGN, BLOCK_BYTES);
  block *fresh = aligned_alloc(MJX_ALIGN, (size_t)mjx_round_up(total, MJX_ALIGN));
  if (!fresh) return false;
  memset(fresh, 0, (size_t)mjx_round_up(total, MJX_ALIGN));
  fresh->next = program->blocks;
  program->blocks = fresh;
  program->block_at = (char *)fresh + MJX_ALIGN;
  program->block_end = (char *)fresh + total;
  return true;
}

void *mjx_loader_alloc(mjx_loader *loader, int64_t bytes) {
  mjx_program *program = loader->program;
  if (bytes < 0 || bytes > MJX_MAX_BYTES) return NULL;
  bytes = mjx_round_up(bytes + 1, MJX_ALIGN);
  if (!program->blocks || bytes > program->block_end - program->block_at) {
    if (!block_add(program, bytes)) return NULL;
  }
  void *memory = program->block_at;
  program->block_at += bytes;
  return memory;
}

static void *alloc_array(mjx_loader *loader, int64_t count, size_t size) {
  int64_t bytes;
  if (__builtin_mul_overflow(count, (int64_t)size, &bytes)) return NULL;
  return mjx_loader_alloc(loader, bytes);
}

/* ---- reading words ---- */

static mjx_status read_word(mjx_loader *loader, int64_t *value) {
  *value = 0;
  if (loader->at >= loader->n_words) return mjx_fail(MJX_INVALID, "the words end too early");
  *value = loader->program->words[loader->at++];
  return MJX_OK;
}

/* A count of things that take at least one word each, so it cannot exceed the words left. */
static mjx_status read_count(mjx_loader *loader, const char *what, int64_t *value) {
  MJX_TRY(read_word(loader, value));
  if (*value < 0 || *value > loader->n_words - loader->at)
    return mjx_fail(MJX_INVALID, "%s is %lld, with %lld words left", what, (long long)*value,
                    (long long)(loader->n_words - loader->at));
  return MJX_OK;
}

static mjx_status read_bounded(mjx_loader *loader, const char *what, int64_t limit,
                               int64_t *value) {
  MJX_TRY(read_word(loader, value));
  if (*value < 0 || *value > limit)
    return mjx_fail(MJX_INVALID, "%s is %lld, allowed is 0..%lld", what, (long long)*value,
                    (long long)limit);
  return MJX_OK;
}

/* ---- buffers ---- */

static mjx_status place_io(mjx_loader *loader, buffer *buf, int64_t index, bool output) {
  mjx_code *code = loader->code;
  int64_t count = output ? code->n_outputs : code->n_inputs;
  if (index < 0 || index >= count)
    return mjx_fail(MJX_INVALID, "names %s %lld of %lld", output ? "output" : "input",
                    (long long)index, (long long)count);
  int64_t at = output ? code->n_inputs + index : index;
  buf->slot = (int32_t)(MJX_SLOT_INPUT0 + at);
  code->io_bytes[at] = MJX_MAX(code->io_bytes[at], buf->n * buf->size);
  return MJX_OK;
}

static mjx_status place_block(buffer *buf, int64_t offset, int64_t bytes, const char *what) {
  if (offset < 0 || offset % buf->size != 0)
    return mjx_fail(MJX_INVALID, "%s offset %lld is not a multiple of the element's %d bytes", what,
                    (long long)offset, buf->size);
  if (offset > bytes || buf->n * buf->size > bytes - offset)
    return mjx_fail(MJX_INVALID, "offset %lld and %lld elements leave the %s of %lld bytes",
                    (long long)offset, (long long)buf->n, what, (long long)bytes);
  buf->offset = offset;
  return MJX_OK;
}

static mjx_status read_buffer(mjx_loader *loader, buffer *buf) {
  int64_t dtype, space, where;
  MJX_TRY(read_bounded(loader, "dtype", MJX_N_DTYPES - 1, &dtype));
  buf->size = mjx_dtype_size((int)dtype);
  MJX_TRY(read_bounded(loader, "n_elements", MJX_MAX_BYTES / buf->size, &buf->n));
  MJX_TRY(read_bounded(loader, "space", MJX_SPACE_CONST, &space));
  MJX_TRY(read_word(loader, &where));
  switch (space) {
    case MJX_SPACE_INPUT: return place_io(loader, buf, where, false);
    case MJX_SPACE_OUTPUT: return place_io(loader, buf, where, true);
    case MJX_SPACE_CONST:
      buf->slot = MJX_SLOT_CONST;
      return place_block(buf, where, loader->program->const_bytes, "const blob");
    default: break;
  }
  buf->slot = MJX_SLOT_ARENA;
  return place_block(buf, where, loader->code->arena_bytes, "arena");
}

static mjx_status read_buffers(mjx_loader *loader) {
  loader->buffers = alloc_array(loader, loader->n_buffers, sizeof(buffer));
  if (!loader->buffers) return mjx_fail(MJX_NO_MEMORY, "out of memory");
  for (int64_t i = 0; i < loader->n_buffers; i++) {
    mjx_status status = read_buffer(loader, &loader->buffers[i]);
    if (status != MJX_OK) {
      mjx_fail_prefix("buffer %lld: ", (long long)i);
      return status;
    }
  }
  return MJX_OK;
}

/* ---- operands ---- */

/* The lowest and highest element index that a view touches; false on overflow. */
static bool view_range(const mjx_operand *view, int64_t offset, int64_t *low, int64_t *high) {
  *low = *high = offset;
  for (int d = 0; d < view->ndim; d++) {
    int64_t reach;
    if (__builtin_mul_overflow(view->strides[d], view->shape[d] - 1, &reach)) return false;
    int64_t *end = reach < 0 ? low : high;
    if (__builtin_add_overflow(*end, reach, end)) return false;
  }
  return true;
}

static bool is_dense(const mjx_operand *view) {
  int64_t expected = 1;
  if (view->n == 0) return true;
  for (int d = view->ndim - 1; d >= 0; d--) {
    if (view->shape[d] > 1 && view->strides[d] != expected) return false;
    expected *= view->shape[d];
  }
  return true;
}

static mjx_status count_elements(mjx_operand *view) {
  view->n = 1;
  bool empty = false;
  for (int d = 0; d < view->ndim; d++) {
    int64_t extent = view->shape[d];
    if (extent < 0) return mjx_fail(MJX_INVALID, "extent %lld", (long long)extent);
    if (extent == 0) {
      empty = true;
    } else if (__builtin_mul_overflow(view->n, extent, &view->n) || view->n > MJX_MAX_BYTES) {
      return mjx_fail(MJX_INVALID, "too many elements");
    }
  }
  if (empty) view->n = 0;
  return MJX_OK;
}

static mjx_status bind_affine(mjx_operand *view, bool output) {
  int64_t low, high;
  if (output) return mjx_fail(MJX_INVALID, "an output cannot be an affine view");
  if (!mjx_dtype_is_integer(view->dtype) && !mjx_dtype_is_real_float(view->dtype))
    return mjx_fail(MJX_INVALID, "an affine view of dtype %d", view->dtype);
  if (view->n > 0 && !view_range(view, view->offset, &low, &high))
    return mjx_fail(MJX_INVALID, "an affine view overflows");
  view->slot = MJX_SLOT_AFFINE;
  return MJX_OK;
}

static mjx_status check_output(const mjx_loader *loader, const mjx_operand *view,
                               int64_t buffer_n) {
  int64_t first_output = MJX_SLOT_INPUT0 + loader->code->n_inputs;
  if (view->slot != MJX_SLOT_ARENA && view->slot < first_output)
    return mjx_fail(MJX_INVALID, "an output in an input or constant");
  if (view->n > buffer_n) return mjx_fail(MJX_INVALID, "an output view overlaps itself");
  for (int d = 0; d < view->ndim; d++) {
    if (view->n > 0 && view->shape[d] > 1 && view->strides[d] == 0)
      return mjx_fail(MJX_INVALID, "an output view of stride 0");
  }
  return MJX_OK;
}

static mjx_status bind_view(const mjx_loader *loader, mjx_operand *view, int64_t index,
                            bool output) {
  if (index < 0 || index >= loader->n_buffers)
    return mjx_fail(MJX_INVALID, "buffer %lld of %lld", (long long)index,
                    (long long)loader->n_buffers);
  const buffer *buf = &loader->buffers[index];
  if (buf->size != view->size)
    return mjx_fail(MJX_INVALID, "dtype %d has %d bytes, its buffer's has %d", view->dtype,
                    view->size, buf->size);
  int64_t low, high;
  if (view->n == 0) {
    view->offset = 0;
  } else if (!view_range(view, view->offset, &low, &high) || low < 0 || high >= buf->n) {
    return mjx_fail(MJX_INVALID, "the view leaves buffer %lld of %lld elements", (long long)index,
                    (long long)buf->n);
  }
  view->slot = buf->slot;
  view->room = buf->n - view->offset;
  view->offset = buf->offset + view->offset * view->size;
  view->dense = is_dense(view);
  return output ? check_output(loader, view, buf->n) : MJX_OK;
}

static mjx_status read_operand(mjx_loader *loader, mjx_operand *view, bool output) {
  int64_t index, ndim, dtype;
  MJX_TRY(read_word(loader, &index));
  MJX_TRY(read_word(loader, &view->offset));
  MJX_TRY(read_bounded(loader, "ndim", MJX_MAX_NDIM, &ndim));
  MJX_TRY(read_bounded(loader, "dtype", MJX_N_DTYPES - 1, &dtype));
  if (2 * ndim > loader->n_words - loader->at)
    return mjx_fail(MJX_INVALID, "the words end too early");
  view->ndim = (int32_t)ndim;
  view->dtype = (int32_t)dtype;
  view->size = mjx_dtype_size((int)dtype);
  view->shape = loader->program->words + loader->at;
  view->strides = view->shape + ndim;
  loader->at += 2 * ndim;
  MJX_TRY(count_elements(view));
  if (index == -1) return bind_affine(view, output);
  return bind_view(loader, view, index, output);
}

/* ---- instructions and programs ---- */

static mjx_status read_operands(mjx_loader *loader, mjx_instr *instr) {
  int64_t n_out = instr->n_out, n = n_out + instr->n_in;
  instr->out = alloc_array(loader, n, sizeof(mjx_operand));
  if (!instr->out) return mjx_fail(MJX_NO_MEMORY, "out of memory");
  instr->in = instr->out + n_out;
  for (int64_t i = 0; i < n; i++) {
    mjx_status status = read_operand(loader, &instr->out[i], i < n_out);
    if (status != MJX_OK) {
      mjx_fail_prefix("%s %lld: ", i < n_out ? "output" : "input",
                      (long long)(i < n_out ? i : i - n_out));
      return status;
    }
  }
  return MJX_OK;
}

static mjx_status read_instr(mjx_loader *loader, mjx_instr *instr) {
  int64_t opcode, n_words, n_out, n_in;
  MJX_TRY(read_bounded(loader, "opcode", mjx_opcode_count() - 1, &opcode));
  instr->op = &mjx_ops[opcode];
  MJX_TRY(read_count(loader, "n_words", &n_words));
  int64_t end = loader->at + n_words;
  MJX_TRY(read_count(loader, "n_out", &n_out));
  MJX_TRY(read_count(loader, "n_in", &n_in));
  if (n_out > INT32_MAX || n_in > INT32_MAX) return mjx_fail(MJX_INVALID, "too many operands");
  instr->n_out = (int32_t)n_out;
  instr->n_in = (int32_t)n_in;
  MJX_TRY(read_operands(loader, instr));
  MJX_TRY(read_count(loader, "n_params", &instr->n_params));
  instr->params = loader->program->words + loader->at;
  loader->at += instr->n_params;
  if (loader->at != end) return mjx_fail(MJX_INVALID, "n_words does not match the contents");
  return instr->op->check(loader, instr);
}

static mjx_status read_instrs(mjx_loader *loader) {
  mjx_code *code = loader->code;
  code->instrs = alloc_array(loader, code->n_instrs, sizeof(mjx_instr));
  if (!code->instrs) return mjx_fail(MJX_NO_MEMORY, "out of memory");
  for (int64_t i = 0; i < code->n_instrs; i++) {
    mjx_instr *instr = &code->instrs[i];
    mjx_status status = read_instr(loader, instr);
    if (status != MJX_OK) {
      mjx_fail_prefix("instruction %lld (%s): ", (long long)i, instr->op ? instr->op->name : "?");
      return status;
    }
    code->local_bytes = MJX_MAX(code->local_bytes, instr->local_bytes);
    loader->program->scratch_bytes = MJX_MAX(loader->program->scratch_bytes, instr->scratch_bytes);
  }
  return MJX_OK;
}

static mjx_status read_code(mjx_loader *loader) {
  mjx_code *code = loader->code;
  code->program = loader->program;
  MJX_TRY(read_count(loader, "n_inputs", &code->n_inputs));
  MJX_TRY(read_count(loader, "n_outputs", &code->n_outputs));
  MJX_TRY(read_bounded(loader, "arena_bytes", MJX_MAX_BYTES, &code->arena_bytes));
  MJX_TRY(read_count(loader, "n_buffers", &loader->n_buffers));
  MJX_TRY(read_count(loader, "n_instrs", &code->n_instrs));
  code->io_bytes = alloc_array(loader, code->n_inputs + code->n_outputs, sizeof(int64_t));
  if (!code->io_bytes) return mjx_fail(MJX_NO_MEMORY, "out of memory");
  MJX_TRY(read_buffers(loader));
  MJX_TRY(read_instrs(loader));
  code->frame_bytes = mjx_frame_bytes(code);
  if (code->frame_bytes > MJX_MAX_BYTES)
    return mjx_fail(MJX_INVALID, "needs more than %lld bytes", (long long)MJX_MAX_BYTES);
  return MJX_OK;
}

/* Finds where each program starts, by skipping, so that they can be read from the last one
 * (which refers to nobody) to the first. */
static mjx_status find_codes(mjx_loader *loader, int64_t *starts) {
  for (int64_t p = 0; p < loader->program->n_codes; p++) {
    int64_t ignored, n_buffers, n_instrs, n_words;
    starts[p] = loader->at;
    for (int i = 0; i < 3; i++) MJX_TRY(read_word(loader, &ignored));
    MJX_TRY(read_count(loader, "n_buffers", &n_buffers));
    MJX_TRY(read_count(loader, "n_instrs", &n_instrs));
    if (4 * n_buffers > loader->n_words - loader->at)
      return mjx_fail(MJX_INVALID, "the words end too early");
    loader->at += 4 * n_buffers;
    for (int64_t i = 0; i < n_instrs; i++) {
      MJX_TRY(read_word(loader, &ignored));
      MJX_TRY(read_count(loader, "n_words", &n_words));
      loader->at += n_words;
    }
  }
  if (loader->at != loader->n_words) return mjx_fail(MJX_INVALID, "words after the last program");
  return MJX_OK;
}

static mjx_status read_header(mjx_loader *loader, int64_t const_bytes) {
  mjx_program *program = loader->program;
  int64_t magic, version, stated;
  MJX_TRY(read_word(loader, &magic));
  MJX_TRY(read_word(loader, &version));
  if (magic != MJX_MAGIC) return mjx_fail(MJX_INVALID, "not a module: the magic word is wrong");
  if (version != MJX_ENCODING_VERSION)
    return mjx_fail(MJX_INVALID, "encoding version %lld; this runtime reads %d", (long long)version,
                    MJX_ENCODING_VERSION);
  MJX_TRY(read_count(loader, "n_programs", &program->n_codes));
  MJX_TRY(read_word(loader, &stated));
  if (program->n_codes < 1) return mjx_fail(MJX_INVALID, "no programs");
  if (stated != const_bytes)
    return mjx_fail(MJX_INVALID, "the words promise %lld constant bytes, %lld came",
                    (long long)stated, (long long)const_bytes);
  return MJX_OK;
}

static mjx_status read_module(mjx_loader *loader, int64_t const_bytes) {
  mjx_program *program = loader->program;
  MJX_TRY(read_header(loader, const_bytes));
  program->codes = alloc_array(loader, program->n_codes, sizeof(mjx_code));
  int64_t *starts = alloc_array(loader, program->n_codes, sizeof(int64_t));
  if (!program->codes || !starts) return mjx_fail(MJX_NO_MEMORY, "out of memory");
  MJX_TRY(find_codes(loader, starts));
  for (int64_t p = program->n_codes - 1; p >= 0; p--) {
    loader->at = starts[p];
    loader->code_index = p;
    loader->code = &program->codes[p];
    mjx_status status = read_code(loader);
    if (status != MJX_OK) {
      mjx_fail_prefix("program %lld: ", (long long)p);
      return status;
    }
  }
  for (int64_t p = 1; p < program->n_codes; p++)
    program->codes[p].first_row = program->codes[p - 1].first_row + program->codes[p - 1].n_instrs;
  return MJX_OK;
}

static mjx_status copy_in(mjx_loader *loader, const int64_t *words, const void *consts) {
  mjx_program *program = loader->program;
  program->words = alloc_array(loader, loader->n_words, sizeof(int64_t));
  program->consts = mjx_loader_alloc(loader, program->const_bytes);
  if (!program->words || !program->consts) return mjx_fail(MJX_NO_MEMORY, "out of memory");
  memcpy(program->words, words, (size_t)loader->n_words * sizeof(int64_t));
  if (program->const_bytes) memcpy(program->consts, consts, (size_t)program->const_bytes);
  return MJX_OK;
}

mjx_status mjx_program_load(const int64_t *words, int64_t n_words, const void *consts,
                            int64_t const_bytes, mjx_program **out) {
  if (!out) return mjx_fail(MJX_INVALID, "mjx_program_load: out is NULL");
  *out = NULL;
  if (!words || n_words < 0 || const_bytes < 0 || (const_bytes > 0 && !consts))
    return mjx_fail(MJX_INVALID, "mjx_program_load: a NULL pointer or a negative size");
  mjx_program *program = calloc(1, sizeof *program);
  if (!program) return mjx_fail(MJX_NO_MEMORY, "out of memory");
  atomic_flag_clear(&program->lock);
  program->const_bytes = const_bytes;
  mjx_loader loader = {.program = program, .n_words = n_words};
  mjx_status status = copy_in(&loader, words, consts);
  if (status == MJX_OK) status = read_module(&loader, const_bytes);
  if (status != MJX_OK) {
    mjx_program_free(program);
    return status;
  }
  *out = program;
  return MJX_OK;
}

/* ---- for the ops' checks ---- */

const mjx_code *mjx_loader_current(const mjx_loader *loader) { return loader->code; }

const mjx_code *mjx_loader_code(const mjx_loader *loader, int64_t index) {
  if (index <= loader->code_index || index >= loader->program->n_codes) return NULL;
  return &loader->program->codes[index];
}
