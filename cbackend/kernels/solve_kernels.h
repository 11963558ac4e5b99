/* solve_kernels.h: triangular systems, included once per instruction set by blocks_impl.h after
 * dot_kernels.h, whose blocks of sums these are.
 */
#include "contract_on.h"

/* A block of unknowns: less what the ones before make of them, then by substitution, all in
 * registers.  As in BLAS, pivots are divided by once. */
#define DEFINE_SOLVE(S, T)                                                                     \
  MJX_INLINE void solve_block_##S(int rows, int vectors, int64_t width, const mjx_solve *s,    \
                                  int64_t first, T *x) {                                       \
    const T *a = (const T *)s->a + first * s->a_row;                                           \
    T *to = x + first * s->x_row;                                                              \
    int whole = width >= LANES_##S;                                                            \
    vec_##S sum[ROWS][2];                                                                      \
    EACH_ROW {                                                                                 \
      const T *row = to + r * s->x_row;                                                        \
      sum[r][0] = whole ? ((const vec_##S *)row)[0] : part_##S(row, width);                    \
      sum[r][1] = vectors > 1 ? ((const vec_##S *)row)[1] : sum[r][0];                         \
    }                                                                                          \
    for (int64_t k = 0; k < first; k++) {                                                      \
      const T *row = x + k * s->x_row;                                                         \
      const vec_##S y0 = whole ? ((const vec_##S *)row)[0] : part_##S(row, width);             \
      const vec_##S y1 = vectors > 1 ? ((const vec_##S *)row)[1] : y0;                         \
      EACH_ROW {                                                                               \
        T factor = a[r * s->a_row + k * s->a_column];                                          \
        sum[r][0] -= factor * y0;                                                              \
        if (vectors > 1) sum[r][1] -= factor * y1;                                             \
      }                                                                                        \
    }                                                                                          \
    EACH_ROW {                                                                                 \
      const T *column = a + (first + r) * s->a_column;                                         \
      T scale = s->unit ? 1 : 1 / column[r * s->a_row];                                        \
      sum[r][0] *= scale;                                                                      \
      if (vectors > 1) sum[r][1] *= scale;                                                     \
      _Pragma("GCC unroll 12") for (int q = r + 1; q < rows; q++) {                            \
        T factor = column[q * s->a_row];                                                       \
        sum[q][0] -= factor * sum[r][0];                                                       \
        if (vectors > 1) sum[q][1] -= factor * sum[r][1];                                      \
      }                                                                                        \
    }                                                                                          \
    EACH_ROW {                                                                                 \
      T *row = to + r * s->x_row;                                                              \
      if (whole)                                                                               \
        ((vec_##S *)row)[0] = sum[r][0];                                                       \
      else                                                                                     \
        for (int64_t l = 0; l < width; l++) row[l] = sum[r][0][l];                             \
      if (vectors > 1) ((vec_##S *)row)[1] = sum[r][1];                                        \
    }                                                                                          \
  }                                                                                            \
  MJX_INLINE void solve_strip_##S(int vectors, int64_t width, const mjx_solve *s, T *x) {      \
    int64_t first = 0;                                                                         \
    for (; first + ROWS <= s->n; first += ROWS)                                                \
      solve_block_##S(ROWS, vectors, width, s, first, x);                                      \
    for (; ROWS > FEW_ROWS && first + FEW_ROWS <= s->n; first += FEW_ROWS)                     \
      solve_block_##S(FEW_ROWS, vectors, width, s, first, x);                                  \
    for (; first < s->n; first++) solve_block_##S(1, vectors, width, s, first, x);             \
  }                                                                                            \
  static void solve_##S(const mjx_solve *s) {                                                  \
    T *x = s->x;                                                                               \
    int64_t j = 0;                                                                             \
    for (; j + 2 * LANES_##S <= s->count; j += 2 * LANES_##S)                                  \
      solve_strip_##S(2, 2 * LANES_##S, s, x + j);                                             \
    for (; j + LANES_##S <= s->count; j += LANES_##S) solve_strip_##S(1, LANES_##S, s, x + j); \
    if (j < s->count) solve_strip_##S(1, s->count - j, s, x + j);                              \
  }
DEFINE_SOLVE(f32, float)
DEFINE_SOLVE(f64, double)

#include "contract_off.h"

static const mjx_solve_fn solve_table[2] = {solve_f32, solve_f64};
