/* ewise_tile.c: moves elements between strided views and the dense tiles that kernels work on. */
#include <string.h>

#include "ewise.h"

#include "half.h"

/* ---- affine values ---- */

#define AFFINE_LINE(type, convert)                                      \
  {                                                                     \
    type *out = (void *)to;                                             \
    for (int64_t i = 0; i < n; i++)                                     \
      out[i] = convert((uint64_t)value + (uint64_t)i * (uint64_t)step); \
    return;                                                             \
  }
#define AS_I8(x)   ((int8_t)(x))
#define AS_I16(x)  ((int16_t)(x))
#define AS_I64(x)  ((int64_t)(x))
#define AS_F32(x)  ((float)(int64_t)(x))
#define AS_F64(x)  ((double)(int64_t)(x))
#define AS_F16(x)  mjx_f16_from_f32(AS_F32(x))
#define AS_BF16(x) mjx_bf16_from_f32(AS_F32(x))

/* Among 32-bit integers, which wrap as the 64-bit ones would; four at a time, without a product. */
static void affine_words(uint32_t *out, uint32_t value, uint32_t step, int64_t n) {
  typedef uint32_t words __attribute__((vector_size(16), aligned(4), may_alias));
  words four = {value, value + step, value + 2 * step, value + 3 * step};
  int64_t i = 0;
  for (; i + 4 <= n; i += 4, four += 4 * step) *(words *)(void *)(out + i) = four;
  for (int k = 0; i < n; i++, k++) out[i] = four[k];
}

void mjx_affine_line(char *to, int dtype, int64_t value, int64_t step, int64_t n) {
  switch (dtype) {
    case MJX_I8:
    case MJX_U8: AFFINE_LINE(int8_t, AS_I8)
    case MJX_I16:
    case MJX_U16: AFFINE_LINE(int16_t, AS_I16)
    case MJX_I32:
    case MJX_U32: affine_words((void *)to, (uint32_t)value, (uint32_t)step, n); return;
    case MJX_I64:
    case MJX_U64: AFFINE_LINE(int64_t, AS_I64)
    case MJX_F16: AFFINE_LINE(uint16_t, AS_F16)
    case MJX_BF16: AFFINE_LINE(uint16_t, AS_BF16)
    case MJX_F32: AFFINE_LINE(float, AS_F32)
    default: AFFINE_LINE(double, AS_F64)
  }
}

/* ---- walking the flattened space, row by row ---- */

/* Dividing 64-bit numbers takes some CPUs several times as long as 32-bit ones. */
static inline int64_t quotient(int64_t a, int64_t b) {
  return ((uint64_t)a | (uint64_t)b) >> 32 ? a / b : (uint32_t)a / (uint32_t)b;
}

void mjx_ewise_seek(const mjx_space_plan *space, int64_t position, int ndim, ewise_cursor *cursor) {
  for (int d = ndim - 1; d >= 0; d--) {
    int64_t above = position ? quotient(position, space->shape[d]) : 0;
    cursor->index[d] = position - above * space->shape[d];
    position = above;
  }
}

/* A run of rows that lie at equal distances: the last two dims, or what is left of them. */
typedef struct rows {
  int64_t at, step; /* the view's position of the first row; from row to row */
  int64_t count;
} rows;

typedef struct row_walk {
  const mjx_space_plan *space;
  const int64_t *strides;
  ewise_cursor cursor; /* of dims 0 .. ndim-2 */
  int64_t at;
} row_walk;

static void start_rows(row_walk *walk, const mjx_space_plan *space, const int64_t *strides,
                       int64_t row) {
  walk->space = space;
  walk->strides = strides;
  walk->at = 0;
  mjx_ewise_seek(space, row, space->ndim - 1, &walk->cursor);
  for (int d = 0; d < space->ndim - 1; d++) walk->at += walk->cursor.index[d] * strides[d];
}

/* At most `most` rows, up to where a carry into an outer dim breaks their equal distance. */
static rows next_rows(row_walk *walk, int64_t most) {
  const mjx_space_plan *space = walk->space;
  int d = space->ndim - 2;
  rows run = {walk->at, walk->strides[d], MJX_MIN(most, space->shape[d] - walk->cursor.index[d])};
  walk->cursor.index[d] += run.count;
  walk->at += run.count * run.step;
  for (; d > 0 && walk->cursor.index[d] == space->shape[d]; d--) {
    walk->at += walk->strides[d - 1] - space->shape[d] * walk->strides[d];
    walk->cursor.index[d] = 0;
    walk->cursor.index[d - 1]++;
  }
  return run;
}

typedef struct u128 {
  uint64_t low, high;
} u128;

/* n times `value`.  Whole vectors, which may reach into the rows after where there is room for
 * them: `room` elements up to the end of the last row. */
#define DEFINE_FILL(type)                                                                       \
  typedef type vec_##type __attribute__((vector_size(16), aligned(1), may_alias));              \
  static void fill_##type(type *row, type value, int64_t n, int64_t room) {                     \
    enum { LANES = 16 / sizeof(type) };                                                         \
    vec_##type values = value - (vec_##type){0};                                                \
    bool whole = n + LANES - 1 <= room;                                                         \
    int64_t i = 0;                                                                              \
    for (; i + (whole ? 1 : LANES) <= n; i += LANES) *(vec_##type *)(void *)(row + i) = values; \
    for (; !whole && i < n; i++) row[i] = value;                                                \
  }
DEFINE_FILL(uint8_t)
DEFINE_FILL(uint16_t)
DEFINE_FILL(uint32_t)
DEFINE_FILL(uint64_t)
static void fill_u128(u128 *row, u128 value, int64_t n, int64_t room) {
  (void)room;
  for (int64_t i = 0; i < n; i++) row[i] = value;
}

/* Rows are short, so the loops are written out rather than called per row. */
#define DEFINE_ROW_COPIES(type)                                                         \
  static void pack_##type(type *restrict tile, const type *restrict x, int64_t count,   \
                          int64_t row_step, int64_t inner, int64_t step) {              \
    if (step == 0) {                                                                    \
      for (int64_t r = 0; r < count; r++, x += row_step, tile += inner)                 \
        fill_##type(tile, *x, inner, (count - r) * inner);                              \
    } else if (step == 1) {                                                             \
      for (int64_t r = 0; r < count; r++, x += row_step, tile += inner)                 \
        for (int64_t i = 0; i < inner; i++) tile[i] = x[i];                             \
    } else {                                                                            \
      for (int64_t r = 0; r < count; r++, x += row_step, tile += inner)                 \
        for (int64_t i = 0; i < inner; i++) tile[i] = x[i * step];                      \
    }                                                                                   \
  }                                                                                     \
  static void unpack_##type(type *x, const type *tile, int64_t count, int64_t row_step, \
                            int64_t inner, int64_t step) {                              \
    for (int64_t r = 0; r < count; r++, x += row_step, tile += inner)                   \
      for (int64_t i = 0; i < inner; i++) x[i * step] = tile[i];                        \
  }
DEFINE_ROW_COPIES(uint8_t)
DEFINE_ROW_COPIES(uint16_t)
DEFINE_ROW_COPIES(uint32_t)
DEFINE_ROW_COPIES(uint64_t)
DEFINE_ROW_COPIES(u128)

#define BY_SIZE(size, verb, to, from, ...)                                           \
  switch (size) {                                                                    \
    case 1: verb##_uint8_t((void *)(to), (const void *)(from), __VA_ARGS__); break;  \
    case 2: verb##_uint16_t((void *)(to), (const void *)(from), __VA_ARGS__); break; \
    case 4: verb##_uint32_t((void *)(to), (const void *)(from), __VA_ARGS__); break; \
    case 8: verb##_uint64_t((void *)(to), (const void *)(from), __VA_ARGS__); break; \
    default: verb##_u128((void *)(to), (const void *)(from), __VA_ARGS__); break;    \
  }

/* What is left of a range of elements, as rows of equal width at equal distances: whole rows, or
 * the rest of one that the range begins or ends in. */
typedef struct range_walk {
  row_walk rows;
  int64_t inner, skip, left; /* skip: elements of the next row that come before the range */
} range_walk;

static void start_range(range_walk *walk, const mjx_space_plan *space, const int64_t *strides,
                        int64_t first, int64_t n) {
  walk->inner = space->shape[space->ndim - 1];
  walk->left = n;
  int64_t row = first ? quotient(first, walk->inner) : 0;
  walk->skip = first - row * walk->inner;
  start_rows(&walk->rows, space, strides, row);
}

/* The next rows, `width` elements of each; .at is of the first element itself. */
static rows next_piece(range_walk *walk, int64_t step, int64_t *width) {
  bool whole = walk->skip == 0 && walk->left >= walk->inner;
  rows run = next_rows(&walk->rows, whole ? quotient(walk->left, walk->inner) : 1);
  *width = whole ? walk->inner : MJX_MIN(walk->inner - walk->skip, walk->left);
  run.at += walk->skip * step;
  walk->left -= run.count * *width;
  walk->skip = 0;
  return run;
}

/* Whether rows lie side by side, so that moving them in blocks is faster. */
static bool is_transposed(const rows *run, int64_t step, int64_t width) {
  return run->step == 1 && step > 1 && run->count >= 4 && width >= 4;
}

void mjx_ewise_pack(const mjx_space_plan *space, const ewise_view *view, char *base, int64_t first,
                    int64_t n, char *tile) {
  int64_t width, step = view->strides[space->ndim - 1];
  range_walk walk;
  start_range(&walk, space, view->strides, first, n);
  while (walk.left > 0) {
    rows run = next_piece(&walk, step, &width);
    const char *from = base + run.at * view->size;
    if (is_transposed(&run, step, width)) {
      const int64_t shape[2] = {run.count, width};
      const int64_t to_strides[2] = {width, 1}, from_strides[2] = {1, step};
      mjx_copy_plane(tile, to_strides, from, from_strides, shape, view->size);
    } else {
      BY_SIZE(view->size, pack, tile, from, run.count, run.step, width, step)
    }
    tile += run.count * width * view->size;
  }
}

void mjx_ewise_unpack(const mjx_space_plan *space, const ewise_view *view, char *base,
                      int64_t first, int64_t n, const char *tile) {
  int64_t width, step = view->strides[space->ndim - 1];
  range_walk walk;
  start_range(&walk, space, view->strides, first, n);
  while (walk.left > 0) {
    rows run = next_piece(&walk, step, &width);
    char *to = base + run.at * view->size;
    if (is_transposed(&run, step, width)) {
      const int64_t shape[2] = {width, run.count};
      const int64_t to_strides[2] = {step, 1}, from_strides[2] = {1, width};
      mjx_copy_plane(to, to_strides, tile, from_strides, shape, view->size);
    } else {
      BY_SIZE(view->size, unpack, to, tile, run.count, run.step, width, step)
    }
    tile += run.count * width * view->size;
  }
}

void mjx_ewise_generate(const mjx_space_plan *space, const ewise_view *view, int64_t first,
                        int64_t n, char *tile) {
  int64_t width, step = view->strides[space->ndim - 1];
  range_walk walk;
  start_range(&walk, space, view->strides, first, n);
  while (walk.left > 0) {
    rows run = next_piece(&walk, step, &width);
    for (int64_t r = 0; r < run.count; r++, tile += width * view->size)
      mjx_affine_line(tile, view->dtype, view->offset + run.at + r * run.step, step, width);
  }
}
