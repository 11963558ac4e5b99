/* The bodies of the tile kernels: every line of kernels.def becomes a loop around
 * its scalar function. Included once by each isa_*.c, which sets MJX_ISA to the
 * suffix of its kernels and MJX_ISA_BASELINE to 1 or 0.
 */
#include "convert.h"
#include "half_lines.h"
#include "math_complex.h"
#include "math_f32.h"
#include "math_f64.h"
#include "math_half.h"
#include "math_int.h"
#include "math_special.h"
#include "table.h"
#include "threefry.h"

#define MJX_JOIN_(a, b)       a##b
#define MJX_JOIN(a, b)        MJX_JOIN_(a, b)
#define MJX_KERNEL_NAME(name) MJX_JOIN(mjx_k_##name##__, MJX_ISA)
#define MJX_SIGNATURE(name)   void name(int64_t n, void *const *out, const void *const *in)
#define MJX_KERNEL(name)      static MJX_SIGNATURE(MJX_KERNEL_NAME(name))

/* An output may be one of the inputs, at the same index only. */
#define MJX_FOR_TILE _Pragma("GCC ivdep") for (int64_t i = 0; i < n; i++)

#define MJX_BODY1(head, op, S, T)               \
  head {                                        \
    const mjx_t_##S *a = in[0];                 \
    mjx_t_##T *r = out[0];                      \
    MJX_FOR_TILE r[i] = mjx_s_##op##_##S(a[i]); \
  }
#define MJX_BODY2(head, op, S, T)                     \
  head {                                              \
    const mjx_t_##S *a = in[0], *b = in[1];           \
    mjx_t_##T *r = out[0];                            \
    MJX_FOR_TILE r[i] = mjx_s_##op##_##S(a[i], b[i]); \
  }
#define MJX_BODY3(head, op, S, T)                           \
  head {                                                    \
    const mjx_t_##S *a = in[0], *b = in[1], *c = in[2];     \
    mjx_t_##T *r = out[0];                                  \
    MJX_FOR_TILE r[i] = mjx_s_##op##_##S(a[i], b[i], c[i]); \
  }
#define MJX_K1(op, S, T) MJX_BODY1(MJX_KERNEL(op##_##S), op, S, T)
#define MJX_K2(op, S, T) MJX_BODY2(MJX_KERNEL(op##_##S), op, S, T)
#define MJX_K3(op, S, T) MJX_BODY3(MJX_KERNEL(op##_##S), op, S, T)
/* Piece by piece, so that one hard element slows down its neighbours only. */
#define MJX_GUARDED(head, S, EASY, VECTOR, SCALAR)         \
  head {                                                   \
    enum { piece = 64 };                                   \
    mjx_t_##S *r = out[0];                                 \
    for (int64_t first = 0; first < n; first += piece) {   \
      int64_t end = n - first < piece ? n : first + piece; \
      int easy = 1;                                        \
      for (int64_t i = first; i < end; i++) easy &= EASY;  \
      if (easy) {                                          \
        MJX_FOR_PIECE r[i] = VECTOR;                       \
      } else {                                             \
        MJX_FOR_PIECE r[i] = SCALAR;                       \
      }                                                    \
    }                                                      \
  }
#define MJX_FOR_PIECE _Pragma("GCC ivdep") for (int64_t i = first; i < end; i++)
#define MJX_A(S)      ((const mjx_t_##S *)in[0])[i]
#define MJX_B(S)      ((const mjx_t_##S *)in[1])[i]
#define MJX_GUARDED1(op, S)                                               \
  MJX_GUARDED(MJX_KERNEL(op##_##S), S, mjx_s_##op##_##S##_easy(MJX_A(S)), \
              mjx_s_##op##_##S##_vector(MJX_A(S)), mjx_s_##op##_##S(MJX_A(S)))
#define MJX_GUARDED2(op, S)                                                         \
  MJX_GUARDED(MJX_KERNEL(op##_##S), S, mjx_s_##op##_##S##_easy(MJX_A(S), MJX_B(S)), \
              mjx_s_##op##_##S##_vector(MJX_A(S), MJX_B(S)), mjx_s_##op##_##S(MJX_A(S), MJX_B(S)))
/* In blocks, the last of which repeats the last element. */
#define MJX_BLOCKS2(op, S)                                                       \
  MJX_KERNEL(op##_##S) {                                                         \
    const mjx_t_##S *from[] = {in[0], in[1]};                                    \
    mjx_t_##S a[MJX_BLOCK], b[MJX_BLOCK], r[MJX_BLOCK];                          \
    for (int64_t first = 0; first < n; first += MJX_BLOCK) {                     \
      int64_t m = n - first < MJX_BLOCK ? n - first : MJX_BLOCK;                 \
      for (int64_t i = 0; i < MJX_BLOCK; i++) {                                  \
        int64_t at = first + (i < m ? i : m - 1);                                \
        a[i] = from[0][at], b[i] = from[1][at];                                  \
      }                                                                          \
      mjx_block_##op##_##S(a, b, r);                                             \
      __builtin_memcpy((mjx_t_##S *)out[0] + first, r, (size_t)m * sizeof r[0]); \
    }                                                                            \
  }
/* Piece by piece in float32. */
#define MJX_HALF_PIECES(S)                                                           \
  static void MJX_KERNEL_NAME(pieces_##S)(mjx_kernel_fn kernel, int n_in, int64_t n, \
                                          void *const *out, const void *const *in) { \
    enum { piece = 256 };                                                            \
    float x[3][piece];                                                               \
    const void *const from[] = {x[0], x[1], x[2]};                                   \
    void *const to[] = {x[0]};                                                       \
    for (int64_t first = 0; first < n; first += piece) {                             \
      int64_t m = n - first < piece ? n - first : piece;                             \
      for (int k = 0; k < n_in; k++)                                                 \
        mjx_floats_from_##S(m, x[k], (const mjx_t_##S *)in[k] + first);              \
      kernel(m, to, from);                                                           \
      mjx_##S##s_from_floats(m, (mjx_t_##S *)out[0] + first, x[0]);                  \
    }                                                                                \
  }
MJX_HALF_PIECES(f16)
MJX_HALF_PIECES(bf16)
#define MJX_HALF_BODY(op, S, N) \
  MJX_KERNEL(op##_f32);         \
  MJX_KERNEL(op##_##S) { MJX_KERNEL_NAME(pieces_##S)(MJX_KERNEL_NAME(op##_f32), N, n, out, in); }
#define MJX_HALF1(op, S) MJX_HALF_BODY(op, S, 1)
#define MJX_HALF2(op, S) MJX_HALF_BODY(op, S, 2)
#define MJX_HALF3(op, S) MJX_HALF_BODY(op, S, 3)
#define MJX_CONVERT(S, T)                              \
  MJX_KERNEL(convert_##S##_##T) {                      \
    const mjx_t_##S *a = in[0];                        \
    mjx_t_##T *r = out[0];                             \
    MJX_FOR_TILE r[i] = mjx_s_convert_##S##_##T(a[i]); \
  }
#define MJX_SELECT(X)                            \
  MJX_KERNEL(select_##X) {                       \
    const mjx_t_b1 *which = in[0];               \
    const mjx_t_##X *a = in[1], *b = in[2];      \
    mjx_t_##X *r = out[0];                       \
    MJX_FOR_TILE {                               \
      mjx_t_##X on_false = a[i], on_true = b[i]; \
      r[i] = which[i] ? on_true : on_false;      \
    }                                            \
  }
#define MJX_COPY(X)             \
  MJX_KERNEL(copy_##X) {        \
    const mjx_t_##X *a = in[0]; \
    mjx_t_##X *r = out[0];      \
    MJX_FOR_TILE r[i] = a[i];   \
  }
#define MJX_TAKE(X)                                                            \
  MJX_KERNEL(take_##X) {                                                       \
    const mjx_table *table = in[0];                                            \
    const mjx_t_##X *from = table->elements;                                   \
    const int32_t *at = in[1];                                                 \
    int32_t last = (int32_t)(table->n > INT32_MAX ? INT32_MAX : table->n - 1); \
    mjx_t_##X *r = out[0];                                                     \
    MJX_FOR_TILE r[i] = from[mjx_s_max_i32(0, mjx_s_min_i32(at[i], last))];    \
  }

#define MJX_THREEFRY                                                   \
  MJX_KERNEL(threefry2x32_u32) {                                       \
    const uint32_t *k0 = in[0], *k1 = in[1], *x0 = in[2], *x1 = in[3]; \
    uint32_t *r0 = out[0], *r1 = out[1];                               \
    MJX_FOR_TILE {                                                     \
      uint32_t y0, y1;                                                 \
      mjx_threefry2x32(k0[i], k1[i], x0[i], x1[i], &y0, &y1);          \
      r0[i] = y0;                                                      \
      r1[i] = y1;                                                      \
    }                                                                  \
  }

/* The baseline's slow kernels serve every instruction set: not static. */
#define MJX_SLOW(name) MJX_SIGNATURE(mjx_k_##name##__baseline)
#if MJX_ISA_BASELINE
#define MJX_R1(op, S, T) \
  MJX_SLOW(op##_##S);    \
  MJX_BODY1(MJX_SLOW(op##_##S), op, S, T)
#define MJX_R2(op, S, T) \
  MJX_SLOW(op##_##S);    \
  MJX_BODY2(MJX_SLOW(op##_##S), op, S, T)
#else
#define MJX_R1(op, S, T) MJX_SLOW(op##_##S);
#define MJX_R2           MJX_R1
#endif

#include "kernels.def"

#undef MJX_K1
#undef MJX_K2
#undef MJX_K3
#undef MJX_R1
#undef MJX_R2
#undef MJX_GUARDED1
#undef MJX_GUARDED2
#undef MJX_BLOCKS2
#undef MJX_HALF1
#undef MJX_HALF2
#undef MJX_HALF3
#undef MJX_CONVERT
#undef MJX_SELECT
#undef MJX_COPY
#undef MJX_TAKE
#undef MJX_THREEFRY

/* This instruction set's table. */
#define MJX_K1(op, S, T)    MJX_KERNEL_NAME(op##_##S),
#define MJX_K2              MJX_K1
#define MJX_K3              MJX_K1
#define MJX_R1(op, S, T)    mjx_k_##op##_##S##__baseline,
#define MJX_R2              MJX_R1
#define MJX_GUARDED1(op, S) MJX_KERNEL_NAME(op##_##S),
#define MJX_GUARDED2        MJX_GUARDED1
#define MJX_BLOCKS2         MJX_GUARDED1
#define MJX_HALF1           MJX_GUARDED1
#define MJX_HALF2           MJX_GUARDED1
#define MJX_HALF3           MJX_GUARDED1
#define MJX_CONVERT(S, T)   MJX_KERNEL_NAME(convert_##S##_##T),
#define MJX_SELECT(X)       MJX_KERNEL_NAME(select_##X),
#define MJX_COPY(X)         MJX_KERNEL_NAME(copy_##X),
#define MJX_TAKE(X)         MJX_KERNEL_NAME(take_##X),
#define MJX_THREEFRY        MJX_KERNEL_NAME(threefry2x32_u32),

const mjx_kernel_fn MJX_JOIN(mjx_kernel_table_, MJX_ISA)[] = {
#include "kernels.def"
};
