/* conv_direct.c: CONV by tiles that read the input where it lies (see conv_kernels.h), or where
 * conv_layout.c lays it.
 *
 * The inner index k goes over the dims of the window and the input's features, in the order in
 * which the weights have them, so that weights are seldom copied.  When there are few rows (the
 * gradient of weights), k is cut into chunks, whose sums are added in order.  All blocks depend on
 * the extents only.
 */
#include <string.h>

#include "conv.h"

enum {
  ROW_BLOCK = 64,
  PIECE_BYTES = 1 << 18, /* of the weights that all rows of a block see */
  FEW_TASKS = 8,
  CHUNKS = 16,
  CHUNK_K = 512,
  PARTIAL_BYTES = 1 << 24,
  SPLIT_FLOPS = 1 << 20,
  MAX_ROWS = 16, /* of a tile */
  MAX_PLANE = 64,
  PLANE_TILES = 4 /* of a task, and of a call with one feature */
};

/* A dim of k. */
typedef struct k_dim {
  int64_t n, weight_stride;
  int space; /* -1: the input's features */
} k_dim;

struct mjx_conv_direct {
  mjx_conv_form form;
  const mjx_conv_kernels *kernels;
  mjx_conv_layout in;
  k_dim k[MJX_CONV_SPACE + 1]; /* slowest first */
  int n_k;
  int64_t groups, columns; /* `cells` has one group, and the groups as columns */
  int64_t *offset, n_offsets, run, step;
  /* weights, as [group][block of columns][k][weights_row] */
  bool weights_copied;
  int64_t weights_row, weights_group, weights_block, weights_elements;
  mjx_copy_plan whole_blocks, last_block;
  int64_t last_block_from, last_block_to;
  /* rows and cells */
  int64_t n_rows, row_blocks, chunks, piece;
  bool partial;         /* tiles go to scratch */
  mjx_copy_plan finish; /* from there to the output */
  mjx_rows_fn sum;
  /* planes; strides of the output from an image, a place, a feature to the next */
  int64_t positions, plane_blocks, images, image_stride, place_stride, line_stride;
  int64_t weights_at, partial_at; /* in scratch, behind the input */
  int64_t cost;
};

static int64_t magnitude(int64_t x) { return x < 0 ? -x : x; }

/* ---- the inner index ---- */

/* The dims of k, slowest first in the weights' memory. */
static void order_k(const mjx_conv_plan *plan, mjx_conv_direct *direct) {
  for (int space = -1; space < plan->n_space; space++) {
    k_dim fresh = {space < 0 ? plan->in_features : plan->space[space].window,
                   space < 0 ? plan->in_stride : plan->space[space].weight_stride, space};
    if (fresh.n == 1) continue;
    int at = direct->n_k++;
    for (; at > 0 && magnitude(direct->k[at - 1].weight_stride) < magnitude(fresh.weight_stride);
         at--)
      direct->k[at] = direct->k[at - 1];
    direct->k[at] = fresh;
  }
  if (direct->n_k == 0) direct->k[direct->n_k++] = (k_dim){1, 0, -1};
}

static bool has_phases(const mjx_conv_layout *in, const k_dim *k) {
  return k->space >= 0 && in->phases[k->space] > 1;
}

/* Elements from a window's first element to its element `at` of one dim of k. */
static int64_t k_offset(const mjx_conv_plan *plan, const mjx_conv_layout *in, const k_dim *k,
                        int64_t at) {
  if (k->space < 0) return at * in->feature_stride;
  int64_t place = at * plan->space[k->space].dilation, phases = in->phases[k->space];
  return place / phases * in->place[k->space] + place % phases * in->phase_stride[k->space];
}

static mjx_status plan_k(mjx_loader *loader, const mjx_conv_plan *plan, mjx_conv_direct *direct) {
  const mjx_conv_layout *in = &direct->in;
  const k_dim *last = &direct->k[direct->n_k - 1];
  direct->run = has_phases(in, last) ? 1 : last->n;
  direct->step = has_phases(in, last) || last->n == 1 ? 0 : k_offset(plan, in, last, 1);
  direct->n_offsets = plan->KC / direct->run;
  MJX_ALLOC(loader, direct->offset, (size_t)direct->n_offsets * sizeof(int64_t));
  for (int64_t t = 0; t < direct->n_offsets; t++) {
    int64_t rest = t * direct->run;
    for (int d = direct->n_k - 1; d >= 0; d--) {
      direct->offset[t] += k_offset(plan, in, &direct->k[d], rest % direct->k[d].n);
      rest /= direct->k[d].n;
    }
  }
  return MJX_OK;
}

/* ---- the weights ---- */

/* Whether the kernels can read the weights where they are: rows of whole vectors. */
static bool weights_in_place(const mjx_conv_plan *plan, const mjx_conv_direct *direct,
                             int64_t column_stride) {
  if (direct->form == MJX_CONV_PLANES || column_stride != 1 ||
      direct->columns % direct->kernels->lanes)
    return false;
  int64_t stride = direct->k[direct->n_k - 1].weight_stride;
  if (plan->KC > 1 && stride < direct->columns) return false;
  for (int d = direct->n_k - 1; d > 0; d--) {
    stride *= direct->k[d].n;
    if (direct->k[d - 1].weight_stride != stride) return false;
  }
  return true;
}

/* Copies of `blocks` blocks of `width` columns, `block` apart, for all groups. */
static mjx_status plan_blocks(mjx_loader *loader, const mjx_conv_plan *plan,
                              const mjx_conv_direct *direct, int64_t blocks, int64_t width,
                              int64_t block, int64_t column_stride, mjx_copy_plan *copy) {
  int64_t shape[MJX_MAX_NDIM + 3], to[MJX_MAX_NDIM + 3], from[MJX_MAX_NDIM + 3], stride;
  int n = 0;
  shape[n] = direct->groups, to[n] = direct->weights_group, from[n++] = plan->weight_group_stride;
  shape[n] = blocks, to[n] = direct->weights_block, from[n++] = block * column_stride;
  stride = direct->weights_row * plan->KC;
  for (int d = 0; d < direct->n_k; d++) {
    stride /= direct->k[d].n;
    shape[n] = direct->k[d].n, to[n] = stride, from[n++] = direct->k[d].weight_stride;
  }
  shape[n] = width, to[n] = 1, from[n++] = column_stride;
  return mjx_copy_prepare(loader, n, shape, to, from, plan->size, copy);
}

static mjx_status plan_weights(mjx_loader *loader, const mjx_conv_plan *plan,
                               mjx_conv_direct *direct) {
  int64_t column_stride =
      direct->form == MJX_CONV_CELLS ? plan->weight_group_stride : plan->out_stride;
  if (weights_in_place(plan, direct, column_stride)) {
    direct->weights_row = plan->KC > 1 ? direct->k[direct->n_k - 1].weight_stride : direct->columns;
    direct->weights_group = plan->weight_group_stride;
    return MJX_OK;
  }
  direct->weights_copied = true;
  int64_t block = direct->columns;
  direct->weights_row = mjx_round_up(block, direct->kernels->lanes);
  if (direct->form == MJX_CONV_PLANES) block = direct->weights_row = direct->kernels->n_rows;
  int64_t blocks = direct->columns / block, left = direct->columns % block;
  direct->weights_block = plan->KC * direct->weights_row;
  direct->weights_group = (blocks + (left > 0)) * direct->weights_block;
  direct->weights_elements = direct->groups * direct->weights_group;
  direct->last_block_to = blocks * direct->weights_block;
  direct->last_block_from = blocks * block * column_stride;
  MJX_TRY(plan_blocks(loader, plan, direct, blocks, block, block, column_stride,
                      &direct->whole_blocks));
  return plan_blocks(loader, plan, direct, left > 0, left, block, column_stride,
                     &direct->last_block);
}

/* ---- cutting ---- */

static double flops(const mjx_conv_plan *plan) {
  return 2.0 * (double)plan->outer * (double)plan->inner * (double)plan->KC *
         (double)plan->total_features;
}

/* The sums of tiles in scratch, [group][row][column], as the output has them. */
static mjx_status plan_finish(mjx_loader *loader, const mjx_conv_plan *plan,
                              mjx_conv_direct *direct) {
  const int64_t columns = direct->columns, inner = plan->inner;
  const int64_t shape[4] = {plan->outer, direct->groups, inner, columns};
  const int64_t to[4] = {plan->total_features * inner, columns * inner, 1, inner};
  const int64_t from[4] = {inner * columns, direct->n_rows * columns, columns, 1};
  return mjx_copy_prepare(loader, 4, shape, to, from, plan->size, &direct->finish);
}

static mjx_status cut_rows(mjx_loader *loader, const mjx_conv_plan *plan, mjx_conv_direct *direct) {
  direct->n_rows = plan->outer * plan->inner;
  direct->row_blocks = mjx_ceil_div(direct->n_rows, ROW_BLOCK);
  direct->chunks = 1;
  int64_t tasks = direct->groups * direct->row_blocks;
  int64_t matrix = direct->groups * direct->n_rows * direct->columns * plan->size;
  if (tasks < FEW_TASKS && flops(plan) >= SPLIT_FLOPS) {
    int64_t most = MJX_MIN(plan->KC / CHUNK_K, PARTIAL_BYTES / MJX_MAX(1, matrix));
    direct->chunks = MJX_MAX(1, MJX_MIN(MJX_MIN(CHUNKS, most), direct->n_offsets));
  }
  int64_t piece = PIECE_BYTES / (direct->columns * plan->size);
  direct->piece = MJX_MAX(1, MJX_MAX(piece, 64) / direct->run);
  direct->partial = direct->chunks > 1 || plan->inner > 1;
  direct->sum = mjx_block_kernels_get()->reduce[MJX_SUM][plan->dtype].rows;
  return direct->partial ? plan_finish(loader, plan, direct) : MJX_OK;
}

static void cut_planes(const mjx_conv_plan *plan, mjx_conv_direct *direct) {
  direct->positions = 1;
  for (int d = 0; d < plan->n_row_dims; d++) {
    int space = plan->rows[d].space;
    if (space >= 0) direct->positions += (plan->rows[d].n - 1) * direct->in.window[space];
  }
  int64_t block = PLANE_TILES * direct->kernels->plane;
  direct->plane_blocks = mjx_ceil_div(direct->positions, block);
}

/* ---- load ---- */

/* Whether the output is a row of images: the batch, then all of space; features before it or
 * behind. */
static bool find_images(const mjx_conv_plan *plan, mjx_conv_direct *direct) {
  int64_t places = 1;
  for (int d = 0; d < plan->n_space; d++) places *= plan->space[d].n_out;
  for (int d = 1; d < plan->n_row_dims; d++)
    if (plan->rows[d].space < 0) return false;
  if (!plan->features_last && places != plan->inner) return false;
  direct->images = plan->outer * plan->inner / places;
  direct->image_stride = places * plan->total_features;
  direct->place_stride = plan->features_last ? plan->total_features : 1;
  direct->line_stride = plan->features_last ? 1 : places;
  return places >= 2 * direct->kernels->lanes;
}

static bool choose_form(const mjx_conv_plan *plan, mjx_conv_direct *direct) {
  int lanes = direct->kernels->lanes;
  bool few = plan->out_features < lanes / 2, images = find_images(plan, direct);
  direct->groups = plan->groups;
  direct->columns = plan->out_features;
  int64_t together = mjx_conv_group_role(plan) == MJX_CONV_FEATURES ? plan->in_features
                                                                    : plan->batch / plan->groups;
  if (plan->out_features == 1 && plan->groups >= lanes / 2 && together == 1 &&
      (plan->features_last || !images)) {
    direct->form = MJX_CONV_CELLS;
    direct->groups = 1;
    direct->columns = plan->groups;
    return true;
  }
  direct->form = images && (few || !plan->features_last) ? MJX_CONV_PLANES : MJX_CONV_ROWS;
  return direct->form == MJX_CONV_PLANES || !few;
}

static mjx_status plan_scratch(mjx_instr *instr, const mjx_conv_plan *plan,
                               mjx_conv_direct *direct) {
  int64_t size = plan->size, at = 0;
  if (direct->in.copied)
    at += mjx_round_up((direct->in.elements + direct->kernels->plane) * size, MJX_ALIGN);
  direct->weights_at = at;
  if (direct->weights_copied) at += mjx_round_up(direct->weights_elements * size, MJX_ALIGN);
  direct->partial_at = at;
  if (direct->partial)
    at += mjx_round_up(direct->chunks * direct->groups * direct->n_rows * direct->columns * size,
                       MJX_ALIGN);
  if (at > MJX_MAX_BYTES) return mjx_fail(MJX_INVALID, "too large");
  instr->scratch_bytes = at;
  direct->cost = (int64_t)MJX_MIN(flops(plan) / (direct->form == MJX_CONV_CELLS ? 20 : 60), 1e15);
  return MJX_OK;
}

mjx_status mjx_conv_direct_prepare(mjx_loader *loader, mjx_instr *instr, mjx_conv_plan *plan,
                                   bool *taken) {
  *taken = false;
  if (plan->dtype != MJX_F32 && plan->dtype != MJX_F64) return MJX_OK;
  mjx_conv_direct *direct;
  MJX_ALLOC(loader, direct, sizeof *direct);
  direct->kernels = &mjx_block_kernels_get()->conv[plan->dtype == MJX_F64];
  if (!choose_form(plan, direct)) return MJX_OK;
  bool planes = direct->form == MJX_CONV_PLANES;
  /* cells reads whole vectors of the groups */
  bool copy = direct->form == MJX_CONV_CELLS &&
              (plan->group_stride != 1 || direct->columns % direct->kernels->lanes);
  MJX_TRY(mjx_conv_plan_layout(loader, plan, direct->form, copy, &direct->in, taken));
  if (!*taken) return MJX_OK;
  order_k(plan, direct);
  MJX_TRY(plan_k(loader, plan, direct));
  MJX_TRY(plan_weights(loader, plan, direct));
  if (planes)
    cut_planes(plan, direct);
  else
    MJX_TRY(cut_rows(loader, plan, direct));
  plan->direct = direct;
  return plan_scratch(instr, plan, direct);
}

/* ---- run ---- */

typedef struct direct_job {
  const mjx_conv_plan *plan;
  const mjx_conv_direct *direct;
  const char *in, *weights;
  char *out, *partial;
} direct_job;

static const char *ready_weights(const mjx_conv_plan *plan, const mjx_conv_direct *direct,
                                 const char *weights, char *scratch) {
  if (!direct->weights_copied) return weights;
  char *to = scratch + direct->weights_at;
  if (direct->last_block.space.n || direct->weights_row > direct->columns)
    memset(to, 0, (size_t)(direct->weights_elements * plan->size));
  mjx_copy_run(&direct->whole_blocks, to, weights, true);
  mjx_copy_run(&direct->last_block, to + direct->last_block_to * plan->size,
               weights + direct->last_block_from * plan->size, true);
  return to;
}

/* Goes over rows: their offsets in the input. */
typedef struct row_walk {
  const mjx_conv_plan *plan;
  const mjx_conv_layout *in;
  int64_t position[MJX_CONV_SPACE + 1], offset;
} row_walk;

static int64_t row_stride(const row_walk *walk, int d) {
  int space = walk->plan->rows[d].space;
  return space < 0 ? walk->in->batch_stride : walk->in->window[space];
}

static void seek_row(row_walk *walk, int64_t row) {
  walk->offset = 0;
  for (int d = walk->plan->n_row_dims - 1; d >= 0; d--) {
    walk->position[d] = row % walk->plan->rows[d].n;
    row /= walk->plan->rows[d].n;
    walk->offset += walk->position[d] * row_stride(walk, d);
  }
}

static void next_row(row_walk *walk) {
  for (int d = walk->plan->n_row_dims - 1; d >= 0; d--) {
    walk->offset += row_stride(walk, d);
    if (++walk->position[d] < walk->plan->rows[d].n) return;
    walk->offset -= walk->plan->rows[d].n * row_stride(walk, d);
    walk->position[d] = 0;
  }
}

/* Rows first..last-1 of a group, runs t0..t1-1 of k, into rows at `out`. */
static void row_tiles(const direct_job *job, int64_t group, int64_t first, int64_t last, int64_t t0,
                      int64_t t1, char *out, int64_t out_row, bool add) {
  const mjx_conv_plan *plan = job->plan;
  const mjx_conv_direct *direct = job->direct;
  int n_rows = direct->kernels->n_rows;
  int64_t row[MAX_ROWS], size = plan->size;
  int64_t w = group * direct->weights_group + t0 * direct->run * direct->weights_row;
  mjx_conv_args args = {.in = job->in + group * direct->in.group_stride * size,
                        .row = row,
                        .offset = direct->offset + t0,
                        .n_offsets = t1 - t0,
                        .run = direct->run,
                        .step = direct->step,
                        .weights = job->weights + w * size,
                        .weights_row = direct->weights_row,
                        .out_row = out_row,
                        .columns = direct->columns,
                        .add = add};
  row_walk walk = {.plan = plan, .in = &direct->in};
  seek_row(&walk, first);
  for (; first < last; first += n_rows, out += n_rows * out_row * size) {
    args.rows = MJX_MIN(n_rows, last - first);
    for (int r = 0; r < n_rows; r++) {
      row[r] = r < args.rows ? walk.offset : row[r - 1];
      if (r < args.rows) next_row(&walk);
    }
    args.out = out;
    (direct->form == MJX_CONV_CELLS ? direct->kernels->cells : direct->kernels->rows)(&args);
  }
}

/* Item i is (group, chunk, block of rows). */
static void rows_task(void *arg, int64_t begin, int64_t end, char *scratch) {
  (void)scratch;
  const direct_job *job = arg;
  const mjx_conv_direct *direct = job->direct;
  int64_t size = job->plan->size, columns = direct->columns;
  for (int64_t i = begin; i < end; i++) {
    int64_t block = i % direct->row_blocks, chunk = i / direct->row_blocks % direct->chunks;
    int64_t group = i / direct->row_blocks / direct->chunks;
    int64_t first = block * ROW_BLOCK, last = MJX_MIN(first + ROW_BLOCK, direct->n_rows);
    int64_t t = direct->n_offsets * chunk / direct->chunks;
    int64_t end_t = direct->n_offsets * (chunk + 1) / direct->chunks;
    int64_t out_row = direct->partial ? columns : job->plan->total_features;
    int64_t at = ((chunk * direct->groups + group) * direct->n_rows + first) * columns;
    char *out = direct->partial ? job->partial + at * size
                                : job->out + (first * out_row + group * columns) * size;
    bool add = false;
    for (; t < end_t; t += direct->piece, add = true)
      row_tiles(job, group, first, last, t, MJX_MIN(t + direct->piece, end_t), out, out_row, add);
  }
}

static void run_rows(const direct_job *job) {
  const mjx_conv_direct *direct = job->direct;
  mjx_pool_for(direct->groups * direct->chunks * direct->row_blocks, direct->cost, 0, NULL,
               rows_task, (void *)(uintptr_t)job);
  if (!direct->partial) return;
  int64_t matrix = direct->groups * direct->n_rows * direct->columns;
  if (direct->chunks > 1)
    direct->sum(direct->chunks - 1, matrix, matrix, job->partial + matrix * job->plan->size,
                job->partial);
  mjx_copy_run(&direct->finish, job->out, job->partial, true);
}

/* A stretch of the places of an image that the output has too. */
typedef struct stretch {
  int64_t at, n, out;
} stretch;

/* The output's place of position p of an image; -1: none, and *skip is how far the next may be. */
static int64_t place_of(const mjx_conv_plan *plan, const mjx_conv_layout *in, int64_t p,
                        int64_t *skip) {
  int64_t out = 0, above = INT64_MAX;
  for (int d = 0; d < plan->n_row_dims; d++) {
    const mjx_conv_row_dim *dim = &plan->rows[d];
    if (dim->space < 0) continue;
    int64_t pitch = in->window[dim->space], at = p / pitch;
    if (at >= dim->n) {
      *skip = above - p;
      return -1;
    }
    out = out * dim->n + at;
    p %= pitch;
    above = pitch;
  }
  return out;
}

/* Those of positions first..first+n-1; returns how many. */
static int find_stretches(const mjx_conv_plan *plan, const mjx_conv_layout *in, int64_t first,
                          int64_t n, stretch *found) {
  int count = 0;
  int64_t width = plan->rows[plan->n_row_dims - 1].n;
  for (int64_t p = 0, run = n; p < n; p += run) {
    int64_t out = place_of(plan, in, first + p, &run);
    if (out < 0) continue;
    run = MJX_MIN(width - out % width, n - p);
    found[count++] = (stretch){p, run, out};
  }
  return count;
}

/* Places from `first` on, as many as args has columns; all features of a group. */
static void plane_tile(const direct_job *job, mjx_conv_args *args, int64_t first, char *out) {
  const mjx_conv_plan *plan = job->plan;
  const mjx_conv_direct *direct = job->direct;
  int64_t size = plan->size, n_rows = direct->kernels->n_rows;
  int64_t n = MJX_MIN(args->columns, direct->positions - first);
  stretch stretches[PLANE_TILES * MAX_PLANE];
  int count = find_stretches(plan, &direct->in, first, n, stretches);
  const char *weights = args->weights;
  for (int64_t o = 0; o < plan->out_features; o += n_rows) {
    args->rows = MJX_MIN(n_rows, plan->out_features - o);
    direct->kernels->planes(args);
    for (int64_t r = 0; r < args->rows; r++) {
      char *line = out + (o + r) * direct->line_stride * size;
      const char *sums = (const char *)args->out + r * args->out_row * size;
      for (int i = 0; i < count; i++)
        mjx_copy_line(line + stretches[i].out * direct->place_stride * size, direct->place_stride,
                      sums + stretches[i].at * size, 1, stretches[i].n, (int)size);
    }
    args->weights = (const char *)args->weights + direct->weights_block * size;
  }
  args->weights = weights;
}

/* Item i is (group, outer, block of places). */
static void planes_task(void *arg, int64_t begin, int64_t end, char *scratch) {
  (void)scratch;
  const direct_job *job = arg;
  const mjx_conv_plan *plan = job->plan;
  const mjx_conv_direct *direct = job->direct;
  int64_t size = plan->size, plane = direct->kernels->plane;
  int64_t tile = plan->out_features == 1 ? PLANE_TILES * plane : plane;
  double sums[MAX_ROWS * MAX_PLANE];
  for (int64_t i = begin; i < end; i++) {
    int64_t block = i % direct->plane_blocks, image = i / direct->plane_blocks % direct->images;
    int64_t group = i / direct->plane_blocks / direct->images;
    int64_t at = group * direct->in.group_stride + image * direct->in.batch_stride;
    const char *in = job->in + at * size;
    at = image * direct->image_stride + group * plan->out_features * direct->line_stride;
    char *out = job->out + at * size;
    int64_t first = block * PLANE_TILES * plane;
    int64_t last = MJX_MIN(first + PLANE_TILES * plane, direct->positions);
    mjx_conv_args args = {.offset = direct->offset,
                          .n_offsets = direct->n_offsets,
                          .run = direct->run,
                          .step = direct->step,
                          .weights = job->weights + group * direct->weights_group * size,
                          .weights_row = direct->weights_row,
                          .out = sums,
                          .out_row = tile};
    for (; first < last; first += tile) {
      args.columns = MJX_MIN(tile, mjx_round_up(last - first, plane));
      args.in = in + first * size;
      plane_tile(job, &args, first, out);
    }
  }
}

void mjx_conv_direct_run(const mjx_instr *instr, mjx_frame *frame) {
  const mjx_conv_plan *plan = instr->plan;
  const mjx_conv_direct *direct = plan->direct;
  direct_job job = {plan,
                    direct,
                    mjx_conv_lay_out(plan, &direct->in, mjx_at(frame, &instr->in[0]),
                                     frame->scratch, direct->weights_at),
                    ready_weights(plan, direct, mjx_at(frame, &instr->in[1]), frame->scratch),
                    mjx_at(frame, &instr->out[0]),
                    frame->scratch + direct->partial_at};
  if (direct->form == MJX_CONV_PLANES)
    mjx_pool_for(direct->groups * direct->images * direct->plane_blocks, direct->cost, 0, NULL,
                 planes_task, &job);
  else
    run_rows(&job);
}
