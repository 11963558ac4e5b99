/* op_scatter.c: SCATTER.  One thread, so that the order of updates is the order of the indices. */
#include <string.h>

#include "half.h"
#include "window.h"

/* to[i] = op(to[i], from[i]) for n elements, strides in elements. */
typedef void (*combine_fn)(char *to, int64_t to_stride, const char *from, int64_t from_stride,
                           int64_t n);

/* ---- operations ---- */

#define OP_ADD(a, b) ((a) + (b))
#define OP_SUB(a, b) ((a) - (b))
#define OP_MUL(a, b) ((a) * (b))
#define OP_MIN(a, b) ((b) < (a) ? (b) : (a))
#define OP_MAX(a, b) ((b) > (a) ? (b) : (a))
/* NaN wins; -0 < +0. */
#define OP_NANMIN(a, b)                              \
  ((a) != (a)   ? (a)                                \
   : (b) != (b) ? (b)                                \
   : (a) == (b) ? (__builtin_signbit(a) ? (a) : (b)) \
                : OP_MIN(a, b))
#define OP_NANMAX(a, b)                              \
  ((a) != (a)   ? (a)                                \
   : (b) != (b) ? (b)                                \
   : (a) == (b) ? (__builtin_signbit(a) ? (b) : (a)) \
                : OP_MAX(a, b))
#define SAME(x) (x)

#define DEFINE_COMBINE(kind, S, A, LOAD, STORE, OP)                                       \
  static void kind##_##S(char *to, int64_t ts, const char *from, int64_t fs, int64_t n) { \
    mjx_t_##S *x = (mjx_t_##S *)(void *)to;                                               \
    const mjx_t_##S *y = (const mjx_t_##S *)(const void *)from;                           \
    for (int64_t i = 0; i < n; i++) {                                                     \
      mjx_t_##A a = LOAD(x[i * ts]), b = LOAD(y[i * fs]);                                 \
      x[i * ts] = STORE(OP(a, b));                                                        \
    }                                                                                     \
  }
#define DEFINE_COMPLEX(t)                                                     \
  MJX_INLINE mjx_t_##t add_op_##t(mjx_t_##t a, mjx_t_##t b) {                 \
    return (mjx_t_##t){a.re + b.re, a.im + b.im};                             \
  }                                                                           \
  MJX_INLINE mjx_t_##t sub_op_##t(mjx_t_##t a, mjx_t_##t b) {                 \
    return (mjx_t_##t){a.re - b.re, a.im - b.im};                             \
  }                                                                           \
  MJX_INLINE mjx_t_##t mul_op_##t(mjx_t_##t a, mjx_t_##t b) {                 \
    return (mjx_t_##t){a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re}; \
  }                                                                           \
  DEFINE_COMBINE(add, t, t, SAME, SAME, add_op_##t)                           \
  DEFINE_COMBINE(sub, t, t, SAME, SAME, sub_op_##t)                           \
  DEFINE_COMBINE(mul, t, t, SAME, SAME, mul_op_##t)

#define INTEGERS(kind, s8, s16, s32, s64, op)             \
  DEFINE_COMBINE(kind, s8, s8, SAME, (mjx_t_##s8), op)    \
  DEFINE_COMBINE(kind, s16, s16, SAME, (mjx_t_##s16), op) \
  DEFINE_COMBINE(kind, s32, s32, SAME, SAME, op)          \
  DEFINE_COMBINE(kind, s64, s64, SAME, SAME, op)
#define FLOATS(kind, op)                                                    \
  DEFINE_COMBINE(kind, f16, f32, mjx_f32_from_f16, mjx_f16_from_f32, op)    \
  DEFINE_COMBINE(kind, bf16, f32, mjx_f32_from_bf16, mjx_bf16_from_f32, op) \
  DEFINE_COMBINE(kind, f32, f32, SAME, SAME, op)                            \
  DEFINE_COMBINE(kind, f64, f64, SAME, SAME, op)

INTEGERS(add, u8, u16, u32, u64, OP_ADD)
INTEGERS(sub, u8, u16, u32, u64, OP_SUB)
INTEGERS(mul, u8, u16, u32, u64, OP_MUL)
INTEGERS(min, u8, u16, u32, u64, OP_MIN)
INTEGERS(max, u8, u16, u32, u64, OP_MAX)
INTEGERS(min, i8, i16, i32, i64, OP_MIN)
INTEGERS(max, i8, i16, i32, i64, OP_MAX)
FLOATS(add, OP_ADD)
FLOATS(sub, OP_SUB)
FLOATS(mul, OP_MUL)
FLOATS(min, OP_NANMIN)
FLOATS(max, OP_NANMAX)
DEFINE_COMPLEX(c64)
DEFINE_COMPLEX(c128)

#define INTEGER_ENTRIES(kind, s8, s16, s32, s64)                                                  \
  [MJX_I8] = kind##_##s8, [MJX_I16] = kind##_##s16, [MJX_I32] = kind##_##s32,                     \
  [MJX_I64] = kind##_##s64, [MJX_U8] = kind##_u8, [MJX_U16] = kind##_u16, [MJX_U32] = kind##_u32, \
  [MJX_U64] = kind##_u64
#define FLOAT_ENTRIES(kind) \
  [MJX_F16] = kind##_f16, [MJX_BF16] = kind##_bf16, [MJX_F32] = kind##_f32, [MJX_F64] = kind##_f64
#define ARITHMETIC(kind)                                                                  \
  {INTEGER_ENTRIES(kind, u8, u16, u32, u64), FLOAT_ENTRIES(kind), [MJX_C64] = kind##_c64, \
   [MJX_C128] = kind##_c128}
#define EXTREME(kind) \
  {[MJX_BOOL] = kind##_u8, INTEGER_ENTRIES(kind, i8, i16, i32, i64), FLOAT_ENTRIES(kind)}

static const combine_fn table[][MJX_N_DTYPES] = {
    [MJX_SCATTER_ADD] = ARITHMETIC(add), [MJX_SCATTER_MUL] = ARITHMETIC(mul),
    [MJX_SCATTER_MIN] = EXTREME(min),    [MJX_SCATTER_MAX] = EXTREME(max),
    [MJX_SCATTER_SUB] = ARITHMETIC(sub),
};
enum { N_KINDS = sizeof table / sizeof table[0] };

/* ---- the instruction ---- */

typedef struct scatter_plan {
  window_plan windows;
  mjx_copy_plan whole; /* out := in */
  mjx_copy_plan copy;  /* a window of the updates; its space serves `combine` too */
  combine_fn combine;  /* NULL: SET */
  int32_t index_size;
} scatter_plan;

static mjx_status read_sizes(const mjx_operand *operand, const mjx_operand *updates,
                             const window_dims *dims, int64_t *sizes) {
  bool left_out[MJX_MAX_NDIM] = {false};
  const mjx_list *lists[2] = {&dims->left_out, &dims->operand_batching};
  for (int l = 0; l < 2; l++) {
    for (int64_t i = 0; i < lists[l]->n; i++) {
      int64_t d = lists[l]->items[i];
      if (d < 0 || d >= operand->ndim) return mjx_fail(MJX_INVALID, "no dim %lld", (long long)d);
      left_out[d] = true;
    }
  }
  int64_t k = 0;
  for (int d = 0; d < operand->ndim; d++) {
    sizes[d] = 1;
    if (left_out[d]) continue;
    if (k >= dims->window.n) return mjx_fail(MJX_INVALID, "too few window dims");
    int64_t e = dims->window.items[k++];
    if (e < 0 || e >= updates->ndim) return mjx_fail(MJX_INVALID, "no dim %lld", (long long)e);
    sizes[d] = updates->shape[e];
  }
  return MJX_OK;
}

static mjx_status check_operands(const mjx_instr *instr) {
  const mjx_operand *in = &instr->in[0], *out = &instr->out[0];
  MJX_TRY(mjx_check_real(in, "the operand", -1));
  MJX_TRY(mjx_check_real(&instr->in[1], "the indices", -1));
  MJX_TRY(mjx_check_real(&instr->in[2], "the updates", -1));
  MJX_TRY(mjx_check_shape(out, "the output", in->ndim, in->shape));
  if (in->dtype != out->dtype || instr->in[2].dtype != out->dtype)
    return mjx_fail(MJX_INVALID, "the dtypes differ");
  return MJX_OK;
}

mjx_status mjx_op_scatter_check(mjx_loader *loader, mjx_instr *instr) {
  MJX_TRY(mjx_check_counts(instr, 1, 3, -1));
  MJX_TRY(check_operands(instr));
  const mjx_operand *in = &instr->in[0], *updates = &instr->in[2], *out = &instr->out[0];
  if (instr->n_params < 2 || instr->params[0] < 0 || instr->params[0] >= N_KINDS ||
      instr->params[1] < MJX_CLIP || instr->params[1] > MJX_PROMISE_IN_BOUNDS)
    return mjx_fail(MJX_INVALID, "no such kind or mode");
  window_dims dims;
  int64_t at = 2, sizes[MJX_MAX_NDIM];
  MJX_TRY(mjx_window_read_dims(instr, &at, &dims));
  if (at != instr->n_params) return mjx_fail(MJX_INVALID, "too many parameters");
  MJX_TRY(read_sizes(in, updates, &dims, sizes));
  scatter_plan *plan;
  MJX_ALLOC(loader, plan, sizeof *plan);
  instr->plan = plan;
  plan->index_size = instr->in[1].size;
  plan->combine = table[instr->params[0]][in->dtype];
  if (!plan->combine && instr->params[0] != MJX_SCATTER_SET)
    return mjx_fail(MJX_INVALID, "no such kind for dtype %d", in->dtype);
  MJX_TRY(mjx_copy_prepare(loader, out->ndim, out->shape, out->strides, in->strides, out->size,
                           &plan->whole));
  window_plan *w = &plan->windows;
  MJX_TRY(mjx_window_prepare(loader, out, &instr->in[1], updates, &dims, sizes,
                             instr->params[1] == MJX_CLIP, w));
  return mjx_copy_prepare(loader, w->ndim, w->shape, w->operand_strides, w->other_strides, w->size,
                          &plan->copy);
}

/* Combines dims d.. of a window. */
static void combine_window(const scatter_plan *plan, int d, char *to, const char *from) {
  const mjx_space_plan *space = &plan->copy.space;
  int64_t ts = space->strides[0][d], fs = space->strides[1][d], n = space->shape[d];
  if (d + 1 == space->ndim) {
    plan->combine(to, ts, from, fs, n);
    return;
  }
  for (int64_t i = 0; i < n; i++)
    combine_window(plan, d + 1, to + i * ts * plan->copy.size, from + i * fs * plan->copy.size);
}

mjx_status mjx_op_scatter_run(const mjx_instr *instr, mjx_frame *frame) {
  const scatter_plan *plan = instr->plan;
  const window_plan *windows = &plan->windows;
  char *out = mjx_at(frame, instr->out);
  mjx_copy_run(&plan->whole, out, mjx_at(frame, &instr->in[0]), true);
  if (windows->n_windows == 0 || windows->window_n == 0) return MJX_OK;
  const char *indices = mjx_at(frame, &instr->in[1]), *updates = mjx_at(frame, &instr->in[2]);
  window_walk walk;
  mjx_window_seek(&walk, windows, 0);
  for (int64_t i = 0; i < windows->n_windows; i++, mjx_window_next(&walk)) {
    int64_t offset = mjx_window_offset(&walk, indices, plan->index_size);
    if (offset == MJX_NO_WINDOW) continue;
    const char *from = updates + walk.at[2] * windows->size;
    if (plan->combine)
      combine_window(plan, 0, out + offset, from);
    else
      mjx_copy_run(&plan->copy, out + offset, from, false);
  }
  return MJX_OK;
}
