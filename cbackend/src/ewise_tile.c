/* ewise_tile.c: moves elements between strided views and the dense tiles that kernels work on. */
#include <string.h>

#include "ewise.h"

#include "half.h"

/* ---- affine values ---- */

#define AFFINE_LINE(type, convert)                                             \
  {                                                                            \
    type *out = (void *)to;                                                    \
    for (int64_t i = 0; i < n; i++)                                            \
      out[i] = convert((uint64_t)value + (uint64_t)i * (uint64_t)step);        \
    return;                                                                    \
  }
#define AS_I8(x) ((int8_t)(x))
#define AS_I16(x) ((int16_t)(x))
#define AS_I32(x) ((int32_t)(x))
#define AS_I64(x) ((int64_t)(x))
#define AS_F32(x) ((float)(int64_t)(x))
#define AS_F64(x) ((double)(int64_t)(x))
#define AS_F16(x) mjx_f16_from_f32(AS_F32(x))
#define AS_BF16(x) mjx_bf16_from_f32(AS_F32(x))

void mjx_affine_line(char *to, int dtype, int64_t value, int64_t step, int64_t n) {
  switch (dtype) {
    case MJX_I8:
    case MJX_U8: AFFINE_LINE(int8_t, AS_I8)
    case MJX_I16:
    case MJX_U16: AFFINE_LINE(int16_t, AS_I16)
    case MJX_I32:
    case MJX_U32: AFFINE_LINE(int32_t, AS_I32)
    case MJX_I64:
    case MJX_U64: AFFINE_LINE(int64_t, AS_I64)
    case MJX_F16: AFFINE_LINE(uint16_t, AS_F16)
    case MJX_BF16: AFFINE_LINE(uint16_t, AS_BF16)
    case MJX_F32: AFFINE_LINE(float, AS_F32)
    default: AFFINE_LINE(double, AS_F64)
  }
}

/* ---- walking the flattened space, row piece by row piece ---- */

void mjx_ewise_seek(const mjx_space_plan *space, int64_t position, int ndim,
                    ewise_cursor *cursor) {
  for (int d = ndim - 1; d >= 0; d--) {
    cursor->index[d] = position % space->shape[d];
    position /= space->shape[d];
  }
}

/* Steps to the next index of dims 0..ndim-1; returns how far the view's position moves. */
static int64_t advance(const mjx_space_plan *space, const int64_t *strides, int ndim,
                       ewise_cursor *cursor) {
  int64_t moved = 0;
  for (int d = ndim - 1; d >= 0; d--) {
    if (++cursor->index[d] < space->shape[d]) return moved + strides[d];
    moved -= (space->shape[d] - 1) * strides[d];
    cursor->index[d] = 0;
  }
  return moved;
}

typedef enum direction { PACK, UNPACK, GENERATE } direction;

static inline void walk(const mjx_space_plan *space, const ewise_view *view, char *base,
                        int64_t first, int64_t n, char *tile, direction what) {
  const int64_t *strides = view->strides;
  int last = space->ndim - 1;
  int64_t inner = space->shape[last], step = strides[last];
  ewise_cursor cursor = {{0}};
  mjx_ewise_seek(space, first, space->ndim, &cursor);
  int64_t column = cursor.index[last], row = 0;
  for (int d = 0; d < last; d++) row += cursor.index[d] * strides[d];
  while (n > 0) {
    int64_t count = MJX_MIN(n, inner - column);
    int64_t at = row + column * step;
    if (what == PACK)
      mjx_copy_line(tile, 1, base + at * view->size, step, count, view->size);
    else if (what == UNPACK)
      mjx_copy_line(base + at * view->size, step, tile, 1, count, view->size);
    else
      mjx_affine_line(tile, view->dtype, view->offset + at, step, count);
    tile += count * view->size;
    n -= count;
    column = 0;
    row += advance(space, strides, last, &cursor);
  }
}

void mjx_ewise_pack(const mjx_space_plan *space, const ewise_view *view, char *base,
                    int64_t first, int64_t n, char *tile) {
  walk(space, view, base, first, n, tile, PACK);
}

void mjx_ewise_unpack(const mjx_space_plan *space, const ewise_view *view, char *base,
                      int64_t first, int64_t n, const char *tile) {
  walk(space, view, base, first, n, (char *)(uintptr_t)tile, UNPACK);
}

void mjx_ewise_generate(const mjx_space_plan *space, const ewise_view *view, int64_t first,
                        int64_t n, char *tile) {
  walk(space, view, NULL, first, n, tile, GENERATE);
}
