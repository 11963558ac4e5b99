/* op_window.c: REDUCE_WINDOW and ARG_WINDOW: windows slid over an array.
 *
 * The last dims over which no window slides, and which are dense, are one dim
 * of `cells` elements that stay together (the features, of images with features
 * last; else a cell is one element). Both instructions work on one row of the
 * output at a time: the cells along the last dim over which a window slides.
 * Windows that lie close together are reduced by lines: the lines of the input
 * that a row sees are combined, then the places of each window along the line
 * that results, in which what is outside the input, or in a gap, is the
 * identity.  Otherwise, for each place in the window, the part of the row whose
 * windows read inside the input there is combined with a line of the input. The
 * order depends on the window only, whoever does the row.
 */
#include <math.h>
#include <string.h>

#include "slide.h"

enum {
  PARAMS_PER_DIM = 5,
  TILE = 256,
  LINE_BYTES = 1 << 14, /* of a combined line, unless a single window needs more */
  MAX_LINE_BYTES = 1 << 18,
  MAX_LINES = 32 /* that are combined at once */
};
static const int64_t MAX_EXTENT = INT64_C(1) << 31;

/* ---- which windows see what ---- */

static int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

/* The index that window j reads at place k; -1 outside or in a gap. */
static int64_t input_index(const slide_dim *dim, int64_t j, int64_t k) {
  int64_t at = j * dim->stride + k * dim->dilation - dim->low;
  if (at < 0) return -1;
  if (dim->base == 1) return at < dim->n_in ? at : -1;
  if (at % dim->base) return -1;
  at /= dim->base;
  return at < dim->n_in ? at : -1;
}

/* Windows *first..*last-1 of [j0, j1) read inside at place k of a dim without gaps. */
static void inside_windows(const slide_dim *dim, int64_t k, int64_t j0, int64_t j1, int64_t *first,
                           int64_t *last) {
  int64_t shift = k * dim->dilation - dim->low;
  int64_t begin = shift >= 0 ? 0 : ceil_div(-shift, dim->stride);
  int64_t end = shift >= dim->n_in ? 0 : (dim->n_in - 1 - shift) / dim->stride + 1;
  *first = MJX_MAX(begin, j0);
  *last = MJX_MIN(end, j1);
}

/* ---- load ---- */

/* Stores an integer as an element of a numeric type. */
static void store_number(void *to, int dtype, double value) {
  switch (dtype) {
    case MJX_F32: *(float *)to = (float)value; break;
    case MJX_F64: *(double *)to = value; break;
    case MJX_C64: *(float _Complex *)to = (float)value; break;
    case MJX_C128: *(double _Complex *)to = value; break;
    default: mjx_store_index(to, dtype, (int64_t)value); break;
  }
}

/* The smallest (or largest) value of a type. */
static void store_extreme(void *to, int dtype, bool smallest) {
  int bits = 8 * mjx_dtype_size(dtype);
  if (mjx_dtype_is_real_float(dtype)) {
    store_number(to, dtype, smallest ? -INFINITY : INFINITY);
  } else if (dtype == MJX_BOOL) {
    *(uint8_t *)to = !smallest;
  } else if (mjx_dtype_is_signed(dtype)) {
    int64_t lowest = -(INT64_C(1) << (bits - 2)) * 2;
    mjx_store_index(to, dtype, smallest ? lowest : -(lowest + 1));
  } else {
    mjx_store_index(to, dtype, smallest ? 0 : -1);
  }
}

static void store_identity(slide_plan *plan, int dtype, int64_t kind) {
  void *to = plan->identity;
  switch (kind) {
    case MJX_MAX: store_extreme(to, dtype, true); break;
    case MJX_MIN: store_extreme(to, dtype, false); break;
    case MJX_PROD: store_number(to, dtype, 1); break;
    case MJX_AND: /* all bits; booleans have one */
      mjx_store_index(to, dtype, dtype == MJX_BOOL ? 1 : -1);
      break;
    default: store_number(to, dtype, 0); break;
  }
}

static bool in_range(int64_t value, int64_t low) { return value >= low && value < MAX_EXTENT; }

static mjx_status read_dim(const mjx_instr *instr, slide_plan *plan, int d, const int64_t *params) {
  const mjx_operand *in = &instr->in[0], *out = &instr->out[0];
  slide_dim *dim = &plan->dims[d];
  dim->n_in = in->shape[d];
  dim->n_out = out->shape[d];
  dim->in_stride = in->strides[d];
  dim->window = params[0];
  dim->stride = params[1];
  dim->low = params[2];
  dim->base = params[3];
  dim->dilation = params[4];
  if (!in_range(dim->n_in, 0) || !in_range(dim->n_out, 0) || !in_range(dim->window, 1) ||
      !in_range(dim->stride, 1) || !in_range(dim->base, 1) || !in_range(dim->dilation, 1) ||
      dim->low <= -MAX_EXTENT || dim->low >= MAX_EXTENT)
    return mjx_fail(MJX_INVALID, "window of dim %d out of range", d);
  return MJX_OK;
}

/* Whether nothing slides over a dim. */
static bool is_still(const slide_dim *dim) {
  return dim->window == 1 && dim->stride == 1 && dim->low == 0 && dim->base == 1 &&
         dim->n_in == dim->n_out;
}

/* Moves the last dims that have no windows to the cells. */
static void take_cells(slide_plan *plan) {
  plan->cells = 1;
  while (plan->ndim > 0) {
    const slide_dim *dim = &plan->dims[plan->ndim - 1];
    if (!is_still(dim) || (dim->in_stride != plan->cells && dim->n_in != 1)) break;
    plan->cells *= dim->n_in;
    plan->ndim--;
  }
}

/* Makes one dim of neighbours that have no windows and lie as one. */
static void merge_still(slide_plan *plan) {
  for (int d = plan->ndim - 2; d >= 0; d--) {
    slide_dim *dim = &plan->dims[d], *next = dim + 1;
    if (!is_still(dim) || !is_still(next) || dim->in_stride != next->in_stride * next->n_in)
      continue;
    dim->n_in = dim->n_out = dim->n_in * next->n_in;
    dim->in_stride = next->in_stride, dim->flat_stride = next->flat_stride;
    memmove(next, next + 1, (size_t)(plan->ndim - d - 2) * sizeof *next);
    plan->ndim--;
  }
}

/* A dim for arrays without any. */
static const slide_dim no_dim = {1, 1, 1, 1, 0, 1, 1, 1, 1};

static mjx_status prepare(mjx_loader *loader, mjx_instr *instr, const int64_t *params,
                          int64_t n_params, slide_plan **result) {
  const mjx_operand *in = &instr->in[0], *out = &instr->out[0];
  MJX_TRY(mjx_check_real(in, "the input", -1));
  MJX_TRY(mjx_check_real(out, "the output", in->ndim));
  MJX_TRY(mjx_check_dense(out, "the output"));
  if (n_params != (int64_t)PARAMS_PER_DIM * in->ndim)
    return mjx_fail(MJX_INVALID, "%lld window parameters, expected %d", (long long)n_params,
                    PARAMS_PER_DIM * in->ndim);
  slide_plan *plan;
  MJX_ALLOC(loader, plan, sizeof *plan);
  plan->ndim = in->ndim;
  MJX_ALLOC(loader, plan->dims, (size_t)MJX_MAX(1, plan->ndim) * sizeof *plan->dims);
  double work = (double)out->n;
  for (int d = 0; d < in->ndim; d++) {
    MJX_TRY(read_dim(instr, plan, d, params + d * PARAMS_PER_DIM));
    work *= (double)plan->dims[d].window;
  }
  int64_t flat = 1;
  for (int d = plan->ndim - 1; d >= 0; d--) {
    plan->dims[d].flat_stride = flat;
    flat *= MJX_MAX(1, plan->dims[d].n_in);
  }
  plan->size = in->size;
  take_cells(plan);
  merge_still(plan);
  if (plan->ndim == 0) plan->dims[plan->ndim++] = no_dim;
  const slide_dim *last = &plan->dims[plan->ndim - 1];
  plan->rows = out->n == 0 ? 0 : out->n / (last->n_out * plan->cells);
  plan->inside_last = last->n_out;
  for (int64_t k = 0; k < last->window; k += MJX_MAX(1, last->window - 1)) {
    int64_t first, end; /* the first and the last place are the outermost */
    inside_windows(last, k, 0, last->n_out, &first, &end);
    plan->inside_first = MJX_MAX(plan->inside_first, first);
    plan->inside_last = MJX_MIN(plan->inside_last, end);
  }
  if (last->base > 1) plan->inside_last = 0;
  plan->inside_first = MJX_MIN(plan->inside_first, last->n_out);
  plan->inside_last = MJX_MAX(plan->inside_last, plan->inside_first);
  plan->cost = (int64_t)MJX_MIN(work / 2, 1e15);
  instr->plan = plan;
  *result = plan;
  return MJX_OK;
}

/* Places along a line that a window spans. */
static int64_t span_of(const slide_dim *dim) { return (dim->window - 1) * dim->dilation + 1; }

/* By lines: when most of a combined line is seen, and it is small enough. */
static void plan_lines(mjx_instr *instr, slide_plan *plan) {
  const slide_dim *last = &plan->dims[plan->ndim - 1];
  int64_t cell = plan->cells * plan->size, span = span_of(last);
  plan->by_lines = (last->in_stride == plan->cells || last->n_in == 1) && last->n_out > 0 &&
                   last->n_in > 0 && last->stride <= MJX_MAX(2, span) &&
                   span <= MAX_LINE_BYTES / cell;
  if (!plan->by_lines) return;
  int64_t fit = (MJX_MAX(LINE_BYTES, span * cell) / cell - span) / last->stride + 1;
  plan->chunk = MJX_MIN(last->n_out, fit);
  plan->chunks = ceil_div(last->n_out, plan->chunk);
  plan->line_bytes = mjx_round_up(((plan->chunk - 1) * last->stride + span) * cell, MJX_ALIGN);
  instr->scratch_bytes = (last->base > 1 ? 2 : 1) * plan->line_bytes;
}

mjx_status mjx_op_reduce_window_check(mjx_loader *loader, mjx_instr *instr) {
  if (instr->n_params < 1) return mjx_fail(MJX_INVALID, "no kind");
  MJX_TRY(mjx_check_counts(instr, 1, 1, -1));
  slide_plan *plan;
  MJX_TRY(prepare(loader, instr, instr->params + 1, instr->n_params - 1, &plan));
  int dtype = instr->in[0].dtype;
  int64_t kind = instr->params[0];
  if (instr->out[0].dtype != dtype) return mjx_fail(MJX_INVALID, "dtypes differ");
  plan->line = mjx_slide_line(dtype, kind);
  if (!plan->line)
    return mjx_fail(MJX_INVALID, "no window reduction of kind %lld for dtype %d", (long long)kind,
                    dtype);
  plan->wide = mjx_block_kernels_get()->reduce[kind][dtype].rows;
  plan->kernel = mjx_block_kernels_get()->window[kind][dtype];
  plan_lines(instr, plan);
  store_identity(plan, dtype, kind);
  return MJX_OK;
}

/* Cells that an extreme is looked for in at a time. */
static int64_t tile_of(const slide_plan *plan) { return MJX_MAX(1, TILE / plan->cells); }

mjx_status mjx_op_arg_window_check(mjx_loader *loader, mjx_instr *instr) {
  if (instr->n_params < 2) return mjx_fail(MJX_INVALID, "no kind");
  MJX_TRY(mjx_check_counts(instr, 1, 1, -1));
  slide_plan *plan;
  MJX_TRY(prepare(loader, instr, instr->params + 2, instr->n_params - 2, &plan));
  int dtype = instr->in[0].dtype;
  int64_t kind = instr->params[0];
  if (instr->out[0].dtype != MJX_I64) return mjx_fail(MJX_INVALID, "the output is not I64");
  if (kind == MJX_MAX || kind == MJX_MIN)
    plan->extremes = mjx_block_kernels_get()->window_extremes[dtype][kind == MJX_MIN];
  if (!plan->extremes)
    return mjx_fail(MJX_INVALID, "no extreme of kind %lld for dtype %d", (long long)kind, dtype);
  plan->from_identity = instr->params[1] != 0;
  store_extreme(plan->identity, dtype, kind == MJX_MAX);
  instr->scratch_bytes = mjx_round_up(tile_of(plan) * plan->cells * plan->size, MJX_ALIGN);
  return MJX_OK;
}

/* ---- run ---- */

typedef struct window_job {
  const slide_plan *plan;
  const char *in;
  char *out;
} window_job;

/* Cells [j0, j1) of a row in the making. */
typedef struct row_part {
  int64_t j0, j1;
  char *value;
  int64_t *index; /* NULL: REDUCE_WINDOW */
} row_part;

/* What windows j.. of a part see, n of them, `step` elements apart: one place of each. */
static void apply(const slide_plan *plan, const row_part *part, int64_t j, int64_t n,
                  const char *in, int64_t step, int64_t flat, int64_t flat_step) {
  int64_t cells = plan->cells, at = (j - part->j0) * cells;
  char *value = part->value + at * plan->size;
  if (part->index) {
    plan->extremes(&(mjx_window_extremes){.n = n,
                                          .cells = cells,
                                          .step = step,
                                          .flat = flat,
                                          .flat_step = flat_step,
                                          .keep_first = plan->from_identity,
                                          .value = value,
                                          .index = part->index + at,
                                          .in = in});
  } else if (step == cells) {
    plan->wide(1, 0, n * cells, in, value);
  } else if (cells >= SLIDE_WIDE_CELL) {
    for (int64_t i = 0; i < n; i++)
      plan->wide(1, 0, cells, in + i * step * plan->size, value + i * cells * plan->size);
  } else {
    plan->line(n, cells, value, in, step);
  }
}

/* Combines what the windows j0..j1-1 of a part see at place k of the last dim. */
static void apply_place(const slide_plan *plan, const row_part *part, int64_t j0, int64_t j1,
                        const char *in, int64_t flat, int64_t k) {
  const slide_dim *dim = &plan->dims[plan->ndim - 1];
  int64_t first, last, size = plan->size;
  if (dim->base > 1) {
    for (int64_t j = j0; j < j1; j++) {
      int64_t at = input_index(dim, j, k);
      if (at >= 0)
        apply(plan, part, j, 1, in + at * dim->in_stride * size, 0, flat + at * dim->flat_stride,
              0);
    }
    return;
  }
  inside_windows(dim, k, j0, j1, &first, &last);
  if (first >= last) return;
  int64_t at = first * dim->stride + k * dim->dilation - dim->low;
  apply(plan, part, first, last - first, in + at * dim->in_stride * size,
        dim->stride * dim->in_stride, flat + at * dim->flat_stride, dim->stride * dim->flat_stride);
}

/* The places of the last dim, for windows j0..j1-1, which lie wholly inside: all at once. */
static void apply_inside(const slide_plan *plan, const row_part *part, int64_t j0, int64_t j1,
                         const char *in) {
  const slide_dim *dim = &plan->dims[plan->ndim - 1];
  int64_t cells = plan->cells, size = plan->size;
  int64_t step = dim->stride * dim->in_stride, apart = dim->dilation * dim->in_stride;
  const char *from = in + (j0 * step - dim->low * dim->in_stride) * size;
  char *value = part->value + (j0 - part->j0) * cells * size;
  if (step == cells) {
    plan->wide(dim->window, apart, (j1 - j0) * cells, from, value);
    return;
  }
  for (int64_t j = j0; j < j1; j++, from += step * size, value += cells * size)
    plan->wide(dim->window, apart, cells, from, value);
}

/* All places of the last dim. */
static void apply_line(const slide_plan *plan, const row_part *part, const char *in, int64_t flat) {
  const slide_dim *dim = &plan->dims[plan->ndim - 1];
  int64_t first = plan->inside_first, last = plan->inside_last;
  bool wide = plan->cells >= SLIDE_WIDE_CELL || dim->stride * dim->in_stride == plan->cells;
  if (part->index || !wide) first = last = part->j1;
  for (int64_t k = 0; k < dim->window; k++) {
    apply_place(plan, part, part->j0, first, in, flat, k);
    apply_place(plan, part, last, part->j1, in, flat, k);
  }
  if (first < last) apply_inside(plan, part, first, last, in);
}

/* Goes over the places of all dims but the last; false when there are no more. */
static bool next_place(const slide_plan *plan, int64_t place[MJX_MAX_NDIM]) {
  for (int d = plan->ndim - 2; d >= 0; d--) {
    if (++place[d] < plan->dims[d].window) return true;
    place[d] = 0;
  }
  return false;
}

/* Calls `each` for every place of the outer dims at which a row's windows read inside. */
typedef void (*place_fn)(const slide_plan *plan, const row_part *part, const char *in,
                         int64_t flat);

static void each_place(const slide_plan *plan, const char *in, const int64_t *window,
                       const row_part *part, place_fn each) {
  int64_t place[MJX_MAX_NDIM] = {0};
  do {
    int64_t offset = 0, flat = 0;
    bool inside = true;
    for (int d = 0; d < plan->ndim - 1 && inside; d++) {
      const slide_dim *dim = &plan->dims[d];
      int64_t at = input_index(dim, window[d], place[d]);
      inside = at >= 0;
      offset += at * dim->in_stride;
      flat += at * dim->flat_stride;
    }
    if (inside) each(plan, part, in + offset * plan->size, flat);
  } while (next_place(plan, place));
}

/* The row after `window`'s. */
static void next_row(const slide_plan *plan, int64_t window[MJX_MAX_NDIM]) {
  for (int d = plan->ndim - 2; d >= 0; d--) {
    if (++window[d] < plan->dims[d].n_out) return;
    window[d] = 0;
  }
}

static void split_row(const slide_plan *plan, int64_t row, int64_t window[MJX_MAX_NDIM]) {
  for (int d = plan->ndim - 2; d >= 0; d--) {
    window[d] = row % plan->dims[d].n_out;
    row /= plan->dims[d].n_out;
  }
}

/* Doubles what is there: copies of one size, whatever the type. */
static void fill_identity(const slide_plan *plan, char *to, int64_t n) {
  if (n == 0) return;
  size_t bytes = (size_t)(n * plan->size), done = (size_t)plan->size;
  memcpy(to, plan->identity, done);
  for (; done < bytes; done *= 2) memcpy(to + done, to, MJX_MIN(done, bytes - done));
}

/* The lines of the input that a row sees. */
typedef struct line_list {
  int64_t n;
  const void *lines[MAX_LINES];
} line_list;

/* Windows j0..j1-1 of a row; they see inputs first..last-1 of a line. */
typedef struct line_part {
  const slide_plan *plan;
  int64_t j0, j1, first, last;
  char *line, *compact; /* what they see, combined: with borders and gaps, and without */
  line_list seen;
} line_part;

static line_part part_of_row(const slide_plan *plan, int64_t chunk, char *scratch) {
  const slide_dim *dim = &plan->dims[plan->ndim - 1];
  line_part part = {.plan = plan, .line = scratch, .compact = scratch + plan->line_bytes};
  part.j0 = chunk * plan->chunk;
  part.j1 = MJX_MIN(part.j0 + plan->chunk, dim->n_out);
  int64_t begin = part.j0 * dim->stride - dim->low;
  int64_t end = (part.j1 - 1) * dim->stride - dim->low + span_of(dim);
  part.first = begin > 0 ? ceil_div(begin, dim->base) : 0;
  part.last = end > 0 ? MJX_MIN(ceil_div(end, dim->base), dim->n_in) : 0;
  int64_t places = (plan->chunk - 1) * dim->stride + span_of(dim);
  if (part.last - part.first < places) fill_identity(plan, part.line, places * plan->cells);
  return part;
}

/* Combines the lines seen so far to `to`, the first ones or more. */
static void combine_lines(line_part *part, bool more, char *to) {
  const slide_plan *plan = part->plan;
  int64_t n = (part->last - part->first) * plan->cells;
  if (!more)
    plan->kernel.lines(part->seen.n, part->seen.lines, n, plan->identity, to);
  else
    for (int64_t l = 0; l < part->seen.n; l++) plan->wide(1, 0, n, part->seen.lines[l], to);
  part->seen.n = 0;
}

/* The cells of a line with gaps to their places.  The compiler knows small copies by their size. */
#define COPY_CELLS(bytes) \
  for (int64_t i = 0; i < n; i++) memcpy(to + i * step, from + i * (bytes), (size_t)(bytes))
static void spread_cells(const line_part *part, const char *from, char *to) {
  const slide_plan *plan = part->plan;
  int64_t cell = plan->cells * plan->size, step = plan->dims[plan->ndim - 1].base * cell;
  int64_t n = part->last - part->first;
  switch (cell) {
    case 4: COPY_CELLS(4); break;
    case 8: COPY_CELLS(8); break;
    case 16: COPY_CELLS(16); break;
    case 32: COPY_CELLS(32); break;
    default: COPY_CELLS(cell); break;
  }
}

/* The combined line of a part; NULL if its windows see nothing. */
static const char *see_lines(line_part *part, const char *in, const int64_t *window) {
  const slide_plan *plan = part->plan;
  const slide_dim *last = &plan->dims[plan->ndim - 1];
  int64_t cell = plan->cells * plan->size, place[MJX_MAX_NDIM];
  int64_t border = part->first * last->base - (part->j0 * last->stride - last->low);
  char *to = last->base > 1 ? part->compact : part->line + border * cell;
  bool more = false;
  part->seen.n = 0;
  for (int d = 0; d < plan->ndim - 1; d++) place[d] = 0;
  if (part->first >= part->last) return NULL;
  do {
    int64_t offset = part->first * plan->cells;
    bool inside = true;
    for (int d = 0; d < plan->ndim - 1 && inside; d++) {
      int64_t at = input_index(&plan->dims[d], window[d], place[d]);
      inside = at >= 0;
      offset += at * plan->dims[d].in_stride;
    }
    if (!inside) continue;
    if (part->seen.n == MAX_LINES) {
      combine_lines(part, more, to);
      more = true;
    }
    part->seen.lines[part->seen.n++] = in + offset * plan->size;
  } while (next_place(plan, place));
  if (part->seen.n == 0 && !more) return NULL;
  int64_t places = (part->j1 - part->j0 - 1) * last->stride + span_of(last);
  bool one = part->seen.n == 1 && !more; /* which need not be combined with anything */
  if (one && part->last - part->first == places) return part->seen.lines[0];
  if (!one || last->base == 1) combine_lines(part, more, to);
  if (last->base > 1)
    spread_cells(part, one ? part->seen.lines[0] : part->compact, part->line + border * cell);
  return part->line;
}

/* Item i is (row, chunk). */
static void line_rows(void *arg, int64_t begin, int64_t end, char *scratch) {
  const window_job *job = arg;
  const slide_plan *plan = job->plan;
  const slide_dim *last = &plan->dims[plan->ndim - 1];
  int64_t window[MJX_MAX_NDIM], cells = plan->cells;
  line_part part = {0};
  for (int64_t i = begin; i < end; i++) {
    bool fresh = i == begin || plan->chunks > 1;
    int64_t row = fresh ? i / plan->chunks : i;
    if (fresh) {
      part = part_of_row(plan, i % plan->chunks, scratch);
      split_row(plan, row, window);
    } else {
      next_row(plan, window);
    }
    int64_t n = part.j1 - part.j0;
    char *to = job->out + (row * last->n_out + part.j0) * cells * plan->size;
    const char *line = see_lines(&part, job->in, window);
    if (!line) {
      fill_identity(plan, to, n * cells);
      continue;
    }
    bool close = last->stride == 1; /* then all windows are as one cell */
    mjx_window_places places = {.n = close ? 1 : n,
                                .cells = close ? n * cells : cells,
                                .n_places = last->window,
                                .step = last->stride * cells,
                                .apart = last->dilation * cells,
                                .in = line,
                                .identity = plan->identity,
                                .to = to};
    plan->kernel.places(&places);
  }
}

static void reduce_rows(void *arg, int64_t begin, int64_t end, char *scratch) {
  (void)scratch;
  const window_job *job = arg;
  const slide_plan *plan = job->plan;
  int64_t n = plan->dims[plan->ndim - 1].n_out, window[MJX_MAX_NDIM];
  for (int64_t row = begin; row < end; row++) {
    row_part part = {0, n, job->out + row * n * plan->cells * plan->size, NULL};
    fill_identity(plan, part.value, n * plan->cells);
    split_row(plan, row, window);
    each_place(plan, job->in, window, &part, apply_line);
  }
}

static void arg_rows(void *arg, int64_t begin, int64_t end, char *scratch) {
  const window_job *job = arg;
  const slide_plan *plan = job->plan;
  int64_t n = plan->dims[plan->ndim - 1].n_out, tile = tile_of(plan), window[MJX_MAX_NDIM];
  for (int64_t row = begin; row < end; row++) {
    split_row(plan, row, window);
    for (int64_t j = 0; j < n; j += tile) {
      int64_t *index = (int64_t *)(void *)job->out + (row * n + j) * plan->cells;
      row_part part = {j, MJX_MIN(j + tile, n), scratch, index};
      int64_t count = (part.j1 - j) * plan->cells;
      fill_identity(plan, scratch, count);
      for (int64_t i = 0; i < count; i++) index[i] = -1;
      each_place(plan, job->in, window, &part, apply_line);
    }
  }
}

static mjx_status run(const mjx_instr *instr, mjx_frame *frame, int64_t n, mjx_task_fn fn) {
  const slide_plan *plan = instr->plan;
  window_job job = {plan, mjx_at(frame, &instr->in[0]), mjx_at(frame, &instr->out[0])};
  mjx_pool_for(n, plan->cost, instr->scratch_bytes, frame->scratch, fn, &job);
  return MJX_OK;
}

mjx_status mjx_op_reduce_window_run(const mjx_instr *instr, mjx_frame *frame) {
  const slide_plan *plan = instr->plan;
  if (plan->by_lines) return run(instr, frame, plan->rows * plan->chunks, line_rows);
  return run(instr, frame, plan->rows, reduce_rows);
}

mjx_status mjx_op_arg_window_run(const mjx_instr *instr, mjx_frame *frame) {
  const slide_plan *plan = instr->plan;
  return run(instr, frame, plan->rows, arg_rows);
}
