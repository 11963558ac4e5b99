/* mjx_encoding.h: how a module is written as int64 words.  This is the contract between
 * encode.py and the loader (src/load.c).
 *
 *   module      := MAGIC VERSION n_programs const_bytes  program * n_programs
 *   program     := n_inputs n_outputs arena_bytes n_buffers n_instrs
 *                  buffer * n_buffers  instruction * n_instrs
 *   buffer      := dtype n_elements space where
 *   instruction := opcode n_words n_out n_in  operand * (n_out + n_in)  n_params  param * n_params
 *   operand     := buffer offset ndim dtype  shape[ndim]  strides[ndim]
 *
 * Program 0 is the main one.  A program may refer only to programs of a higher index.
 *
 * buffer.space / buffer.where
 *   MJX_SPACE_ARENA   byte offset in the arena      } a multiple of the element size; the planner
 *   MJX_SPACE_CONST   byte offset in the const blob } should use multiples of MJX_ALIGN
 *   MJX_SPACE_INPUT   index of the program's input
 *   MJX_SPACE_OUTPUT  index of the program's output
 *   Several buffers may lie over the same memory (reuse, or the same bytes as another dtype).
 *   An input's (output's) size in bytes is the largest of the buffers that name it.
 *
 * instruction.n_words counts the words after itself (n_out .. last param), so that a reader can
 *   skip.  Operands come outputs first.  Outputs may not be in INPUT or CONST space.
 *   Every output is read-modify-write free unless an op says so: it is written wholly.
 *
 * operand: a strided view.  Element (i0, i1, ..) is at  offset + sum(strides[d] * i_d)  in elements.
 *   Strides may be 0 (broadcast; not in outputs) or negative.  ndim <= MJX_MAX_NDIM.
 *   dtype must have the byte size of the buffer's dtype (a difference is a reinterpretation).
 *   buffer == -1 (inputs of EWISE only): an affine index view, the *value* at (i0, ..) is
 *   offset + sum(strides[d] * i_d), as an element of dtype (integer or real float).
 *   "Dense" below means row-major contiguous (strides of extents <= 1 do not matter).
 *
 * In place: unless an op says otherwise, an output may share memory with an input only if both
 *   are the very same view (same first element, shape, strides, element size), or not at all.
 *
 * Opcodes are found by name (mjx_opcode_name), kernels by name (mjx_kernel_name).
 * "view3" = ndim 3, [outer, n, inner], any strides; the op works along n.
 *
 * EWISE            out.. | in..           all of one shape; out any strides
 *     n_micro, { kernel, source register * n_in(kernel) } * n_micro, register * n_out
 *     Registers 0..n_in-1 are the inputs; each micro-op's results take the next numbers.
 *     An output may name an input's register (a copy).  Sources must be earlier registers of
 *     the byte size of the kernel's dtype.  The output operand's byte size must be its register's.  Constants and fills are zero-stride inputs.
 *     Inputs may be in place with any output: of a tile, all reads happen before the writes.
 *     The first source of a kernel take_x.. is a table: an input of stride 0 everywhere that no
 *     other kind of kernel and no output names; its elements are those from its first to the end of its
 *     buffer, an index outside takes the nearest one.  No output may share memory with it.
 * REDUCE           out [outer, inner] dense | in view3                      kind
 *     kind: MJX_SUM PROD MAX MIN AND OR XOR.  out.dtype == in.dtype.  bool: AND OR XOR MAX MIN
 *     (and SUM = or, PROD = and); complex: SUM PROD.  An empty n gives the identity.
 *     f16/bf16 accumulate in f32.  MAX/MIN give NaN if there is one, and -0 < +0.  A sum of two
 *     or more is never -0; n == 1 copies.
 * MAP_REDUCE       reduced [outer, inner] dense .., stored.. | in..
 *     n_reduced, outer, n, inner, kind * n_reduced, then parameters as EWISE's
 *     As EWISE, at least one input; the registers of the first n_reduced outputs are reduced as
 *     REDUCE does it along n, the shape taken row-major as [outer, n, inner], with the same bits.
 *     n >= 2, nothing empty; n_reduced <= 16; accumulators of one size (F32's for F16, BF16).
 *     Stored outputs may be in place as in EWISE; reduced ones share memory with nothing.
 * DOT_MAP          stored [M, N].. | a [1, M, K], b [1, K, N], in [M, N]..
 *     parameters as EWISE's; register 0 is the product's element, the inputs' come after it.
 *     a and b are of one dtype, F32 or F64, and multiplied as DOT does it, with the same bits;
 *     M, N >= 2.  The first output is dense.  Stored outputs may be in place with inputs as in
 *     EWISE, and share memory with neither a nor b.
 * ARGREDUCE        out [outer, inner] dense, any integer dtype | in view3   kind (MAX MIN)
 *     The first index of the extreme; the first NaN wins.  n >= 1.
 * CUM              out view3 dense | in view3                               kind, reverse
 *     kind: SUM PROD MAX MIN LOGSUMEXP.  In place allowed if the input is dense too.
 * DOT              c [B,M,N] | a [B,M,K], b [B,K,N]                         (none)
 *     or with two batch dims, [A,B,M,N] and so on.
 *     c: last stride 1 (or N <= 1), others positive.  a, b: any strides (0 for broadcast too).
 *     Computed in c's dtype (F32 for F16, BF16): inputs of another dtype that is not larger are
 *     converted first, integers wrap, bool is OR of ANDs.
 * DYNAMIC_SLICE    out | in, start * ndim                                   (none)
 *     in and out of the same ndim, any strides; starts: one-element operands of integer dtypes.
 *     Starts are clamped so that the slice fits, as XLA does.
 * DYNAMIC_UPDATE_SLICE  out | in, update, start * ndim                      (none)
 *     out := in, then the slice := update.  The copy is left out when out is the same memory and
 *     view as in (decided at run time, so a loop body's in-place carry costs nothing).
 * GATHER           out | in, indices                      mode, fill_lo, fill_hi, list offset_dims,
 *     list collapsed_slice_dims, list operand_batching_dims, list start_indices_batching_dims,
 *     list start_index_map, list slice_sizes            (list := count, items)
 *     XLA's semantics as lax.gather has them; indices' last dim is the index vector.  in, out any
 *     strides; indices any strides, any integer dtype.  fill_lo/hi: the fill element's bytes,
 *     little-endian (hi only for C128).  mode: MJX_CLIP, MJX_FILL_OR_DROP, MJX_PROMISE_IN_BOUNDS
 *     (= clip).
 * SCATTER          out | in, indices, updates             kind, mode, apart,
 *     list update_window_dims, list inserted_window_dims, list operand_batching_dims,
 *     list scatter_indices_batching_dims, list scatter_dims_to_operand_dims
 *     kind: MJX_SET ADD MUL MIN MAX SUB.  out := in (skipped as in DYNAMIC_UPDATE_SLICE), then updates
 *     in row-major order.  A window that does not fit is dropped (or moved, for MJX_CLIP); so it is
 *     for MJX_PROMISE_IN_BOUNDS, as on XLA's CPU.  apart: 1 if no two windows that fit share an
 *     element; then they may be done in any order.
 * SORT             out.. | in..   (as many)  all view3 of one shape         num_keys
 *     Stable, ascending along n by the first num_keys operands, order of lax.sort.
 *     In place with the same view allowed.
 * TOP_K            values [outer,k,inner], indices [outer,k,inner] (I32) | in view3     (none)
 *     k = the outputs' middle extent <= n.  Descending, ties by lower index, NaN first.
 * CONV             out dense | in, weights           feature_groups, batch_groups, in_spec[ndim],
 *     weights_spec[ndim], out_spec[ndim], { stride, low, high, base, dilation } * (ndim - 2)
 *     All of one dtype: I64 F32 F64 C64 C128; none empty; in and weights any strides.
 *     specs: the places of (batch, feature, space..), of weights (out feature, in feature, space..).
 *     Space: input element i lies at low + i * base, place k of window j at j * stride +
 *     k * dilation; low and high (padding) may be negative.  One of the group counts is 1.
 * REDUCE_WINDOW    out dense | in           kind, { window, stride, low, base, dilation } * ndim
 *     One dtype, no F16 or BF16; kinds as in REDUCE.  Windows as in CONV, in every dim; what they
 *     see outside the input or in its gaps does not count; no element gives the identity.
 * ARG_WINDOW       out I64 dense | in       kind, from_identity, { as REDUCE_WINDOW } * ndim
 *     kind: MAX MIN.  The place, as a row-major index of the input, of each window's extreme; the
 *     first of equals.  A NaN is replaced by what follows it, and replaces what was before.
 *     -1 where there is none.  from_identity: the worst value of the type counts as none.
 * FFT              out dense [O,m,I] | in [O,k,I]                           kind, n
 *     Along the middle extent, of length n.  kind: MJX_FFT_FORWARD, MJX_FFT_INVERSE (divided by n):
 *     complex, k = m = n; MJX_FFT_REAL: real, k = n, to complex, m = n / 2 + 1; MJX_FFT_TO_REAL: its
 *     inverse, k = n / 2 + 1, m = n, imaginary parts of the first (and for even n the last) element
 *     not used.  in: any strides.  F32 F64 and their complex.
 *     A complex transform may be in place: out the same view as in.
 * CALL             out.. | in..                                             program
 * WHILE            carry.. | cond_consts.. body_consts.. carry..            cond, body,
 *     n_cond_consts, n_body_consts, in_place * n_carry
 *     cond: (cond_consts, carry) -> one BOOL; body: (body_consts, carry) -> carry.
 * SCAN             carry.. ys.. | consts.. carry.. xs..                     body, length, reverse,
 *     n_consts, n_carry, in_place * n_carry
 *     body: (consts, carry, x slices) -> (carry, y slices); xs, ys have `length` slices each.
 * COND             out.. | index, in..                                      program * n_branches
 *     index: one element, BOOL or integer, clamped to the branches.
 *   For these five: operands are dense and have exactly the bytes of the program's input or
 *   output.  in_place[k] = 1: carry k's input and output are the same memory in every
 *   iteration (the body was planned for it); 0: they are distinct memory.
 *   A carry output operand may be the same memory as its init operand, never as another one.
 * CALLBACK         out.. | in..                                             id
 *     dense operands.
 *
 * LAPACK.  A matrix is column-major, [batch, columns, rows]; a vector [batch, n].  Inputs have any
 *   strides, outputs are dense and share no memory with inputs.  dtype F32 F64 C64 C128 ("real":
 *   of its parts).  What cannot be computed comes out as NaN.  They need the BLAS library.
 * CHOLESKY         l [B,n,n] | a [B,n,n]                                    (none)
 *     Reads and writes the lower triangle; the rest is a's.
 * TRIANGULAR_SOLVE x [B,c,r] | a [B,n,n], b [B,c,r]                         left, lower, trans, unit
 *     op(a) x = b (left, n = r) or x op(a) = b; trans: 0 a, 1 its transpose, 2 its adjoint.
 * LU               lu [B,n,m], pivots [B,min] I32, permutation [B,m] I32 | a [B,n,m]   (none)
 * PIVOTS_TO_PERMUTATION  out [B,n] I32 | pivots [B,k] I32                   (none)
 * TRIDIAGONAL_SOLVE  x [B,k,n] | lower [B,n], diagonal [B,n], upper [B,n], b [B,k,n]   (none)
 *     lower's first and upper's last element are not used.
 * CHOLESKY_UPDATE  out [B,n,n] | r [B,n,n], w [B,n]     real only; row-major, r upper   (none)
 *     out^T out = r^T r + w w^T
 * GEQRF            qr [B,n,m], taus [B,min] | a [B,n,m]                     (none)
 * GEQP3            qr [B,n,m], pivots [B,n] I32, taus [B,min] | a, pivots   (none)
 * HOUSEHOLDER_PRODUCT  q [B,n,m] | qr [B,n,m], taus [B,k]     k <= n <= m   (none)
 * ORMQR            out [B,n,m] | qr [B,j,i], taus [B,k], c [B,n,m]          left, transpose
 *     i is m (left) or n; k <= j, i.  transpose: the adjoint.
 * EIGH             (v [B,n,n],) w [B,n] real | a [B,n,n]                    lower
 * SVD              s [B,min] real (, u, vt) | a [B,n,m]      mode: 0 s only, 1 thin, 2 full
 * EIG              w [B,n] (, vl [B,n,n]) (, vr [B,n,n]), complex | a [B,n,n]     left, right
 * SCHUR            t [B,n,n] (, vs [B,n,n]) | a [B,n,n]                     vectors
 * HESSENBERG       h [B,n,n], taus [B,n-1] | a [B,n,n]                      (none)
 * TRIDIAGONAL      t [B,n,n], d [B,n] real, e [B,n-1] real, taus [B,n-1] | a [B,n,n]     lower
 */
#ifndef MJX_ENCODING_H
#define MJX_ENCODING_H

#define MJX_MAGIC            0x4d4a5831 /* "MJX1" */
#define MJX_ENCODING_VERSION 1
#define MJX_MAX_NDIM         32
#define MJX_ALIGN            64
#define MJX_TILE             512

enum mjx_space {
  MJX_SPACE_ARENA = 0,
  MJX_SPACE_INPUT = 1,
  MJX_SPACE_OUTPUT = 2,
  MJX_SPACE_CONST = 3
};

enum mjx_reduce_kind {
  MJX_SUM = 0,
  MJX_PROD = 1,
  MJX_MAX = 2,
  MJX_MIN = 3,
  MJX_AND = 4,
  MJX_OR = 5,
  MJX_XOR = 6,
  MJX_LOGSUMEXP = 7
};

enum mjx_fft_kind {
  MJX_FFT_FORWARD = 0,
  MJX_FFT_INVERSE = 1,
  MJX_FFT_REAL = 2,
  MJX_FFT_TO_REAL = 3
};

enum mjx_index_mode { MJX_CLIP = 0, MJX_FILL_OR_DROP = 1, MJX_PROMISE_IN_BOUNDS = 2 };

enum mjx_scatter_kind {
  MJX_SCATTER_SET = 0,
  MJX_SCATTER_ADD = 1,
  MJX_SCATTER_MUL = 2,
  MJX_SCATTER_MIN = 3,
  MJX_SCATTER_MAX = 4,
  MJX_SCATTER_SUB = 5
};

#endif /* MJX_ENCODING_H */
