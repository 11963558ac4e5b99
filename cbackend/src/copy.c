/* copy.c: strided copies between views of one shape. */
#include <string.h>

#include "copies.h"
#include "internal.h"

enum {
  BLOCK = 16,       /* a block of 16 x 16 elements of 4 bytes fills whole cache lines */
  FAR_BYTES = 1024, /* rows a multiple of this apart share few places of the cache */
  SHORT_ROW = 8,
  ENOUGH = 16, /* elements, or rows, that pay for a call */
  PAGE_BYTES = 4096,
  LINE_BYTES = 64 /* of the cache */
};

typedef struct u128 {
  uint64_t low, high;
} u128;

/* ---- what the instruction set has shuffles for ---- */

static bool is_shuffled(int64_t step) { return step == -1 || (step >= 2 && step <= MJX_MOST_STEP); }

static int log2_of(int size) { return size == 1 ? 0 : size == 2 ? 1 : size == 4 ? 2 : 3; }

static void shuffle_line(void *to, const void *from, int64_t step, int64_t n, int size) {
  const mjx_copy_kernels *kernels = mjx_copy_kernels_get();
  int by_size = log2_of(size);
  mjx_copy_line_fn line = step < 0 ? kernels->reversed[by_size] : kernels->stepping[by_size][step];
  line(to, from, n);
}

/* Rows of a few elements, side by side: of as many lines, or of rows whose elements turn round or
 * that come in another order.  False: this is nothing of that kind. */
static bool shuffle_rows(char *to, const int64_t *ts, const char *from, const int64_t *fs,
                         int64_t rows, int64_t columns, int size) {
  if (rows < ENOUGH || columns < 2 || columns > MJX_MOST_JOINED || ts[1] != 1 || ts[0] != columns ||
      size > 8)
    return false;
  const mjx_copy_kernels *kernels = mjx_copy_kernels_get();
  if (fs[0] == 1) {
    kernels->join[log2_of(size)][columns](to, from, fs[1], rows);
    return true;
  }
  bool turned = fs[1] == -1;
  if (columns * size > 8 || !(turned || fs[1] == 1) || (fs[0] != columns && fs[0] != -columns))
    return false;
  const char *first = turned ? from - (columns - 1) * size : from;
  kernels->rows((uint8_t *)to, (const uint8_t *)first, fs[0] * size, rows, (int)(columns * size),
                size, turned);
  return true;
}

/* ---- bytes that lie side by side in both ---- */

typedef struct u128_bytes {
  uint8_t bytes[16];
} u128_bytes;

/* By whole vectors, the last of which overlaps the one before.  Rows either lie apart or are the
 * same. */
static inline __attribute__((always_inline)) void copy_row(char *to, const char *from,
                                                           int64_t bytes) {
  int64_t last = bytes - (int64_t)sizeof(u128_bytes);
  for (int64_t at = 0; at < last; at += (int64_t)sizeof(u128_bytes))
    *(u128_bytes *)(to + at) = *(const u128_bytes *)(from + at);
  *(u128_bytes *)(to + last) = *(const u128_bytes *)(from + last);
}

/* The string instructions by which C libraries move a few kilobytes take ten times as long on
 * some processors where the target comes less than a cache line after the source in its page. */
static void move_bytes(char *to, const char *from, int64_t bytes) {
  uintptr_t after = ((uintptr_t)to - (uintptr_t)from) % PAGE_BYTES;
  if (after > 0 && after < LINE_BYTES && bytes >= (int64_t)sizeof(u128_bytes))
    copy_row(to, from, bytes);
  else
    memmove(to, from, (size_t)bytes);
}

/* ---- a line and a plane, by element size ---- */

#define DEFINE_LINE(type)                                                                  \
  static void line_##type(type *to, int64_t ts, const type *from, int64_t fs, int64_t n) { \
    if (ts == 1 && fs == 1) {                                                              \
      move_bytes((char *)to, (const char *)from, n * (int64_t)sizeof *to);                 \
    } else if (ts == 1 && fs == 0) {                                                       \
      const type value = *from;                                                            \
      for (int64_t i = 0; i < n; i++) to[i] = value;                                       \
    } else if (ts == 1 && n >= ENOUGH && sizeof(type) <= 8 && is_shuffled(fs)) {           \
      shuffle_line(to, from, fs, n, sizeof(type));                                         \
    } else if (ts == 1) {                                                                  \
      for (int64_t i = 0; i < n; i++) to[i] = from[i * fs];                                \
    } else {                                                                               \
      for (int64_t i = 0; i < n; i++) to[i * ts] = from[i * fs];                           \
    }                                                                                      \
  }

#define DEFINE_BLOCK(type)                                                                   \
  static void block_##type(type *to, const int64_t *ts, const type *from, const int64_t *fs, \
                           int64_t rows, int64_t columns) {                                  \
    for (int64_t r = 0; r < rows; r++)                                                       \
      for (int64_t c = 0; c < columns; c++)                                                  \
        to[r * ts[0] + c * ts[1]] = from[r * fs[0] + c * fs[1]];                             \
  }

/* Rows of a few elements: written out rather than called for; the usual widths as constants. */
#define DEFINE_SHORT_ROWS(type)                                                                   \
  static inline __attribute__((always_inline)) void rows_of_##type(                               \
      type *to, const int64_t *ts, const type *from, const int64_t *fs, int64_t rows,             \
      int64_t columns) {                                                                          \
    int64_t step = fs[1], next_to = ts[0], next_from = fs[0];                                     \
    for (int64_t r = 0; r < rows; r++, to += next_to, from += next_from)                          \
      for (int64_t c = 0; c < columns; c++) to[c] = from[c * step];                               \
  }                                                                                               \
  static void short_rows_##type(type *to, const int64_t *ts, const type *from, const int64_t *fs, \
                                int64_t rows, int64_t columns) {                                  \
    const int64_t same[2] = {fs[0], 0}, side_by_side[2] = {fs[0], 1};                             \
    bool spread = fs[1] == 0, dense = fs[1] == 1;                                                 \
    if (spread && columns == 2)                                                                   \
      rows_of_##type(to, ts, from, same, rows, 2);                                                \
    else if (spread && columns == 4)                                                              \
      rows_of_##type(to, ts, from, same, rows, 4);                                                \
    else if (spread)                                                                              \
      rows_of_##type(to, ts, from, same, rows, columns);                                          \
    else if (dense && columns == 3)                                                               \
      rows_of_##type(to, ts, from, side_by_side, rows, 3);                                        \
    else                                                                                          \
      rows_of_##type(to, ts, from, fs, rows, columns);                                            \
  }

#define DEFINE_PLANE(type)                                                                   \
  static void plane_##type(type *to, const int64_t *ts, const type *from, const int64_t *fs, \
                           int64_t rows, int64_t columns) {                                  \
    if (columns <= SHORT_ROW && ts[1] == 1 && (fs[0] != 1 || fs[1] == 0)) {                  \
      short_rows_##type(to, ts, from, fs, rows, columns);                                    \
      return;                                                                                \
    }                                                                                        \
    bool few = rows <= fs[1] && is_shuffled(fs[1]); /* lines that lie in each other */       \
    if (few || fs[0] != 1 || fs[1] == 1 || fs[1] == 0) {                                     \
      for (int64_t r = 0; r < rows; r++)                                                     \
        line_##type(to + r * ts[0], ts[1], from + r * fs[0], fs[1], columns);                \
      return;                                                                                \
    }                                                                                        \
    for (int64_t r = 0; r < rows; r += BLOCK)                                                \
      for (int64_t c = 0; c < columns; c += BLOCK)                                           \
        block_##type(to + r * ts[0] + c * ts[1], ts, from + r * fs[0] + c * fs[1], fs,       \
                     MJX_MIN(BLOCK, rows - r), MJX_MIN(BLOCK, columns - c));                 \
  }

/* Squares of N x N elements are transposed in registers of N: rows interleaved with those half of
 * the square further on, log2(N) times. */
#if defined(__clang__)
#define INTERLEAVE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define INTERLEAVE(a, b, ...) __builtin_shuffle(a, b, (indices){__VA_ARGS__})
#endif

#define DEFINE_SQUARE(type, N, LOW, HIGH)                                                 \
  static void transpose_##type(type *to, int64_t ts, const type *from, int64_t fs) {      \
    typedef type row                                                                      \
        __attribute__((vector_size(N * sizeof(type)), aligned(sizeof(type)), may_alias)); \
    typedef type indices __attribute__((vector_size(N * sizeof(type)), unused));          \
    row rows[N], mixed[N];                                                                \
    UNROLL for (int r = 0; r < N; r++) rows[r] = *(const row *)(from + r * fs);           \
    UNROLL for (int step = 1; step < N; step *= 2) {                                      \
      UNROLL for (int r = 0; r < N / 2; r++) {                                            \
        mixed[2 * r] = INTERLEAVE(rows[r], rows[r + N / 2], LOW);                         \
        mixed[2 * r + 1] = INTERLEAVE(rows[r], rows[r + N / 2], HIGH);                    \
      }                                                                                   \
      UNROLL for (int r = 0; r < N; r++) rows[r] = mixed[r];                              \
    }                                                                                     \
    UNROLL for (int r = 0; r < N; r++) * (row *)(to + r * ts) = rows[r];                  \
  }
#define UNROLL _Pragma("GCC unroll 16")
#define LOW_2  0, 2
#define HIGH_2 1, 3
#define LOW_4  0, 4, 1, 5
#define HIGH_4 2, 6, 3, 7
#define LOW_8  0, 8, 1, 9, 2, 10, 3, 11
#define HIGH_8 4, 12, 5, 13, 6, 14, 7, 15
DEFINE_SQUARE(uint8_t, 8, LOW_8, HIGH_8)
DEFINE_SQUARE(uint16_t, 8, LOW_8, HIGH_8)
DEFINE_SQUARE(uint32_t, 4, LOW_4, HIGH_4)
DEFINE_SQUARE(uint64_t, 2, LOW_2, HIGH_2)

static bool are_far(int64_t bytes) {
  return MJX_MAX(bytes, -bytes) > FAR_BYTES && bytes % FAR_BYTES == 0;
}

/* A block by `UNIT` x `UNIT` pieces; what is left at its ends one by one. */
#define DEFINE_TRANSPOSED(type, UNIT)                                                           \
  static void strided_##type(type *to, const int64_t *ts, const type *from, const int64_t *fs,  \
                             int64_t rows, int64_t columns) {                                   \
    for (int64_t r = 0; r < rows; r++)                                                          \
      for (int64_t c = 0; c < columns; c++)                                                     \
        to[r * ts[0] + c * ts[1]] = from[r * fs[0] + c * fs[1]];                                \
  }                                                                                             \
  /* A whole block by way of a small one, so that each cache line is met once on both sides. */ \
  static void far_block_##type(type *to, int64_t ts, const type *from, int64_t fs) {            \
    type turned[BLOCK * BLOCK];                                                                 \
    for (int64_t c = 0; c < BLOCK; c += UNIT)                                                   \
      for (int64_t r = 0; r < BLOCK; r += UNIT)                                                 \
        transpose_##type(turned + r * BLOCK + c, BLOCK, from + r + c * fs, fs);                 \
    for (int64_t r = 0; r < BLOCK; r++)                                                         \
      memcpy(to + r * ts, turned + r * BLOCK, BLOCK * sizeof(type));                            \
  }                                                                                             \
  static void block_##type(type *to, const int64_t *ts, const type *from, const int64_t *fs,    \
                           int64_t rows, int64_t columns) {                                     \
    if (ts[1] == 1 && fs[0] == 1 && rows == BLOCK && columns == BLOCK &&                        \
        (are_far(ts[0] * (int64_t)sizeof(type)) || are_far(fs[1] * (int64_t)sizeof(type)))) {   \
      far_block_##type(to, ts[0], from, fs[1]);                                                 \
      return;                                                                                   \
    }                                                                                           \
    if (ts[1] != 1 || fs[0] != 1) {                                                             \
      strided_##type(to, ts, from, fs, rows, columns);                                          \
      return;                                                                                   \
    }                                                                                           \
    int64_t whole_r = rows / UNIT * UNIT, whole_c = columns / UNIT * UNIT;                      \
    for (int64_t r = 0; r < whole_r; r += UNIT)                                                 \
      for (int64_t c = 0; c < whole_c; c += UNIT)                                               \
        transpose_##type(to + r * ts[0] + c, ts[0], from + r + c * fs[1], fs[1]);               \
    strided_##type(to + whole_c, ts, from + whole_c * fs[1], fs, whole_r, columns - whole_c);   \
    strided_##type(to + whole_r * ts[0], ts, from + whole_r, fs, rows - whole_r, columns);      \
  }

#define DEFINE_BY_SQUARES(type, N) \
  DEFINE_LINE(type)                \
  DEFINE_TRANSPOSED(type, N)       \
  DEFINE_SHORT_ROWS(type)          \
  DEFINE_PLANE(type)
DEFINE_BY_SQUARES(uint8_t, 8)
DEFINE_BY_SQUARES(uint16_t, 8)
DEFINE_BY_SQUARES(uint32_t, 4)
DEFINE_BY_SQUARES(uint64_t, 2)
DEFINE_LINE(u128)
DEFINE_BLOCK(u128)
DEFINE_SHORT_ROWS(u128)
DEFINE_PLANE(u128)

void mjx_copy_line(char *to, int64_t ts, const char *from, int64_t fs, int64_t n, int size) {
  switch (size) {
    case 1: line_uint8_t((uint8_t *)to, ts, (const uint8_t *)from, fs, n); break;
    case 2: line_uint16_t((void *)to, ts, (const void *)from, fs, n); break;
    case 4: line_uint32_t((void *)to, ts, (const void *)from, fs, n); break;
    case 8: line_uint64_t((void *)to, ts, (const void *)from, fs, n); break;
    default: line_u128((void *)to, ts, (const void *)from, fs, n); break;
  }
}

static bool is_unit(int64_t stride) { return stride == 1 || stride == -1; }

void mjx_copy_plane(char *to, const int64_t *ts, const char *from, const int64_t *fs,
                    const int64_t *shape, int size) {
  int64_t r = shape[0], c = shape[1];
  const int64_t up[2] = {-ts[0], ts[1]}, forwards[2] = {1, fs[1]};
  if (fs[0] == -1 && !is_unit(fs[1])) { /* blocks are for what is read forwards */
    to += (r - 1) * ts[0] * size;
    from -= (r - 1) * size;
    ts = up;
    fs = forwards;
  }
  if (shuffle_rows(to, ts, from, fs, r, c, size)) return;
  switch (size) {
    case 1: plane_uint8_t((uint8_t *)to, ts, (const uint8_t *)from, fs, r, c); break;
    case 2: plane_uint16_t((void *)to, ts, (const void *)from, fs, r, c); break;
    case 4: plane_uint32_t((void *)to, ts, (const void *)from, fs, r, c); break;
    case 8: plane_uint64_t((void *)to, ts, (const void *)from, fs, r, c); break;
    default: plane_u128((void *)to, ts, (const void *)from, fs, r, c); break;
  }
}

/* ---- rows of a few bytes that lie side by side in both ---- */

enum { LEAST_ROW_BYTES = 16, MOST_ROW_BYTES = 512 };

static bool are_dense_rows(const mjx_space_plan *space, int d, int size) {
  int last = space->ndim - 1;
  int64_t bytes = space->shape[last] * size;
  return d < last && space->strides[0][last] == 1 && space->strides[1][last] == 1 &&
         bytes >= LEAST_ROW_BYTES && bytes <= MOST_ROW_BYTES;
}

/* Dims d.. of a copy of such rows, d before the last; no call for each row, nor for a few. */
static void dense_rows(const mjx_copy_plan *plan, int d, int64_t extent, char *to,
                       const char *from) {
  const mjx_space_plan *space = &plan->space;
  int last = space->ndim - 1;
  int64_t bytes = space->shape[last] * plan->size;
  int64_t next_to = space->strides[0][d] * plan->size,
          next_from = space->strides[1][d] * plan->size;
  for (int64_t i = 0; i < extent; i++, to += next_to, from += next_from) {
    if (d + 1 == last) {
      copy_row(to, from, bytes);
    } else if (d + 2 == last) {
      int64_t row_to = space->strides[0][d + 1] * plan->size;
      int64_t row_from = space->strides[1][d + 1] * plan->size;
      for (int64_t r = 0; r < space->shape[d + 1]; r++)
        copy_row(to + r * row_to, from + r * row_from, bytes);
    } else {
      dense_rows(plan, d + 1, space->shape[d + 1], to, from);
    }
  }
}

/* ---- plans ---- */

/* When the source walks another dim contiguously than the target, makes that dim the last but
 * one: mjx_copy_plane then works in blocks. */
static void pair_transposed(mjx_space_plan *space) {
  int last = space->ndim - 1;
  if (last < 1 || space->strides[1][last] == 1 || space->strides[1][last] == 0) return;
  for (int d = 0; d < last - 1; d++) {
    if (!is_unit(space->strides[1][d])) continue;
    int64_t *arrays[3] = {space->shape, space->strides[0], space->strides[1]};
    for (int a = 0; a < 3; a++) {
      int64_t moved = arrays[a][d];
      memmove(&arrays[a][d], &arrays[a][d + 1], (size_t)(last - 1 - d) * sizeof moved);
      arrays[a][last - 1] = moved;
    }
    return;
  }
}

mjx_status mjx_copy_prepare(mjx_loader *loader, int ndim, const int64_t *shape,
                            const int64_t *to_strides, const int64_t *from_strides, int size,
                            mjx_copy_plan *plan) {
  const int64_t *strides[2] = {to_strides, from_strides};
  plan->size = size;
  MJX_TRY(mjx_space_collapse(loader, 2, ndim, shape, strides, &plan->space));
  pair_transposed(&plan->space);
  return MJX_OK;
}

static void copy_dims(const mjx_copy_plan *plan, int d, int64_t extent, char *to,
                      const char *from) {
  const mjx_space_plan *space = &plan->space;
  const int64_t *ts = space->strides[0] + d, *fs = space->strides[1] + d;
  int left = space->ndim - d;
  if (are_dense_rows(space, d, plan->size)) {
    dense_rows(plan, d, extent, to, from);
  } else if (left == 1) {
    mjx_copy_line(to, ts[0], from, fs[0], extent, plan->size);
  } else if (left == 2) {
    const int64_t shape[2] = {extent, space->shape[d + 1]};
    mjx_copy_plane(to, ts, from, fs, shape, plan->size);
  } else {
    for (int64_t i = 0; i < extent; i++)
      copy_dims(plan, d + 1, space->shape[d + 1], to + i * ts[0] * plan->size,
                from + i * fs[0] * plan->size);
  }
}

typedef struct copy_job {
  const mjx_copy_plan *plan;
  char *to;
  const char *from;
} copy_job;

static void copy_task(void *arg, int64_t begin, int64_t end, char *scratch) {
  (void)scratch;
  const copy_job *job = arg;
  const mjx_space_plan *space = &job->plan->space;
  copy_dims(job->plan, 0, end - begin, job->to + begin * space->strides[0][0] * job->plan->size,
            job->from + begin * space->strides[1][0] * job->plan->size);
}

static bool same_view(const mjx_space_plan *space) {
  for (int d = 0; d < space->ndim; d++) {
    if (space->shape[d] > 1 && space->strides[0][d] != space->strides[1][d]) return false;
  }
  return true;
}

void mjx_copy_run(const mjx_copy_plan *plan, char *to, const char *from, bool threads) {
  if (plan->space.n == 0 || (to == from && same_view(&plan->space))) return;
  copy_job job = {plan, to, from};
  int64_t cost = threads ? plan->space.n * plan->size / 8 : 0;
  mjx_pool_for(plan->space.shape[0], cost, 0, NULL, copy_task, &job);
}
