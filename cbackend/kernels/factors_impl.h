/* factors_impl.h: the factorisations of one instruction set; MJX_FACTORS names their table.
 *
 * One text, factors_body.h and eigh_body.h, serves both types: it is written in terms of the macros
 * below.  Vectors have eight elements on every instruction set, and sums their order: so the bits
 * are the same.
 */
#include <float.h>

#include "factors.h"
#include "math_base.h"

#define REAL          float
#define F(name)       name##_f32
#define BUILTIN(name) __builtin_##name##f
#define LEAST_SQUARE  1e-24f
#define MOST_SQUARE   1e30f
#define LEAST_NORM    1e-15f
#define MOST_NORM     1e14f
#define SMALLEST      FLT_MIN
#define ROUNDING      (FLT_EPSILON / 2)
#include "factors_body.h"

#include "eigh_body.h"
#undef REAL
#undef F
#undef BUILTIN
#undef LEAST_SQUARE
#undef MOST_SQUARE
#undef LEAST_NORM
#undef MOST_NORM
#undef SMALLEST
#undef ROUNDING

#define REAL          double
#define F(name)       name##_f64
#define BUILTIN(name) __builtin_##name
#define LEAST_SQUARE  1e-240
#define MOST_SQUARE   1e280
#define LEAST_NORM    1e-140
#define MOST_NORM     1e140
#define SMALLEST      DBL_MIN
#define ROUNDING      (DBL_EPSILON / 2)
#include "factors_body.h"

#include "eigh_body.h"

#define KERNELS(T) \
  {.qr = qr_##T, .product = product_##T, .cholesky = cholesky_##T, .eigh = eigh_##T}
const mjx_factor_kernels MJX_FACTORS[2] = {KERNELS(f32), KERNELS(f64)};
