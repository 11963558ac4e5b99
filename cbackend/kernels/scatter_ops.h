/* scatter_ops.h: how SCATTER combines an element of the operand, a, with one of the updates, b. */
#ifndef MJX_SCATTER_OPS_H
#define MJX_SCATTER_OPS_H

#include "math_base.h"

#define SCATTER_ADD(a, b) ((a) + (b))
#define SCATTER_SUB(a, b) ((a) - (b))
#define SCATTER_MUL(a, b) ((a) * (b))
#define SCATTER_MIN(a, b) ((b) < (a) ? (b) : (a))
#define SCATTER_MAX(a, b) ((b) > (a) ? (b) : (a))
/* NaN wins, the first of two; -0 < +0.  That two are equal or not numbers is rare; left out of the
 * way, it leaves the choice between two numbers to one instruction without a branch. */
#define DEFINE_SCATTER_EXTREME(t, kind, BETTER, LOSER)                                       \
  MJX_NOINLINE mjx_t_##t rare_##kind##_##t(mjx_t_##t a, mjx_t_##t b) {                       \
    if (a != a || b != b) return a != a ? a : b;                                             \
    return (__builtin_signbit(a) == 0) == LOSER ? b : a;                                     \
  }                                                                                          \
  MJX_INLINE mjx_t_##t combine_##kind##_##t(mjx_t_##t a, mjx_t_##t b) {                      \
    mjx_t_##t best = b BETTER a ? b : a;                                                     \
    if (__builtin_expect(!__builtin_islessgreater(a, b), 0)) best = rare_##kind##_##t(a, b); \
    return best;                                                                             \
  }
DEFINE_SCATTER_EXTREME(f32, min, <, 1)
DEFINE_SCATTER_EXTREME(f32, max, >, 0)
DEFINE_SCATTER_EXTREME(f64, min, <, 1)
DEFINE_SCATTER_EXTREME(f64, max, >, 0)

#endif /* MJX_SCATTER_OPS_H */
