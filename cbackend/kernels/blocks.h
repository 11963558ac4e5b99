/* blocks.h: kernels that work on blocks of many elements (reductions, products), as opposed to
 * the elementwise tile kernels of kernels.h.  Like those they exist once per instruction set,
 * never allocate, and run on any thread.  Strides are in elements.
 */
#ifndef MJX_BLOCKS_H
#define MJX_BLOCKS_H

#include <stdint.h>

#include "mjx.h"
#include "mjx_encoding.h"

/* acc[c] = op(.. op(acc[c], in[0][c]) .., in[n_rows-1][c]) for c < n; rows are contiguous. */
typedef void (*mjx_rows_fn)(int64_t n_rows, int64_t row_stride, int64_t n, const void *in,
                            void *acc);
/* Lines of fewer contiguous elements than this are reduced as strided ones are: MJX_ORDER_FOUR. */
enum { MJX_LONG_LINE = 64 };
/* acc[l] = the reduction of line l: n >= 1 elements, `stride` apart. */
typedef void (*mjx_lines_fn)(int64_t n_lines, int64_t line_stride, int64_t n, int64_t stride,
                             const void *in, void *acc);
/* index[c] = the lowest row r in which in[r][c] == best[c], or both are NaN; index[c] stays where
 * there is none. */
typedef void (*mjx_find_rows_fn)(int64_t n_rows, int64_t row_stride, int64_t n, const void *in,
                                 const void *best, int64_t *index);
/* The first i with in[i] == best, or both NaN; 0 if there is none. */
typedef int64_t (*mjx_find_line_fn)(int64_t n, int64_t stride, const void *in, const void *best);
/* The same for many lines, each of which has its best[l], if they are short and contiguous and
 * no best is NaN; else false, with nothing done. */
typedef int (*mjx_find_short_fn)(int64_t n_lines, int64_t line_stride, int64_t n, int64_t stride,
                                 const void *in, const void *best, int64_t *index);

/* Extremes and where they are: index, of integers as wide as the elements.  Lines: of two or three
 * elements each, side by side.  NULL: no such kernel. */
typedef void (*mjx_places_rows_fn)(int64_t n_rows, int64_t row_stride, int64_t n, const void *in,
                                   void *best, void *index);
typedef struct mjx_places_kernel {
  mjx_places_rows_fn rows;
  void (*tiny_lines)(int64_t n_lines, int64_t n, const void *in, void *index);
} mjx_places_kernel;

typedef struct mjx_reduce_kernel {
  mjx_rows_fn rows; /* NULL: no such reduction */
  mjx_lines_fn lines;
  int32_t acc_dtype; /* of the accumulators: F32 for F16 and BF16, else the input's */
} mjx_reduce_kernel;

/* Running values of a block of columns, or, with a width of 1, of lines: rows are in_row apart, and
 * the first of MJX_CUM_ROWS starts anew, with what was before combined with each. */
enum { MJX_CUM_ROWS = 64, MJX_CUM_COLUMNS = 256, MJX_N_CUM_KINDS = MJX_LOGSUMEXP + 1 };
typedef struct mjx_cum_args {
  int64_t n, width; /* rows; columns, MJX_CUM_COLUMNS at most */
  const void *in;
  int64_t in_row, in_column;
  void *out;
  int64_t out_row;
  void *running, *before;           /* room for `width` accumulators each */
  int64_t lines, in_line, out_line; /* as many, if there is one column */
} mjx_cum_args;
typedef void (*mjx_cum_fn)(const mjx_cum_args *args);

/* c[M,N] = a[M,K] b[K,N].  a: any strides.  b: a unit column stride; or, of 32 and 64 bits, a unit
 * row stride.  c: contiguous rows. */
typedef struct mjx_dot_args {
  int64_t M, N, K;
  const void *a;
  int64_t a_row, a_column;
  const void *b;
  int64_t b_row, b_column;
  void *c;
  int64_t c_row;
  void *a_copy;   /* mjx_dot_copy_bytes(..) of room for a copy of a's rows, or NULL */
  int64_t b_line; /* of dot_lines with one column: from row to row of a, each has its own b */
  /* As many products, at least one, with these steps from one to the next. */
  int64_t batches, a_batch, b_batch, c_batch;
} mjx_dot_args;
typedef void (*mjx_dot_fn)(const mjx_dot_args *args);
/* Up to this K, each element of c is one sequence of fused multiply-adds from zero. */
enum { MJX_DOT_SEQUENCE = 256 };

static inline int64_t mjx_dot_copy_bytes(int64_t M, int64_t K, int64_t size) {
  return M * (K < MJX_DOT_SEQUENCE ? K : MJX_DOT_SEQUENCE) * size + 64;
}

/* A stage of a Fourier transform of radix * m points; see fft_kernels.h.  The tables are of the
 * stage's element type. */
typedef struct mjx_fft_stage {
  int64_t radix, m;
  const void *twiddle_re, *twiddle_im; /* [radix - 1][m]: e^(-2 pi i j p / (radix m)), j from 1 */
  const void *root_re, *root_im;       /* [radix]: e^(-2 pi i k / radix), or NULL: not needed */
} mjx_fft_stage;
/* y = the stage of x; all arrays of radix * m * L elements, none the same as another. */
typedef void (*mjx_fft_fn)(const mjx_fft_stage *stage, int64_t L, const void *x_re,
                           const void *x_im, void *y_re, void *y_im);
/* by radix; place 0 takes any odd one */
enum { MJX_FFT_N_STAGES = 14, MJX_FFT_MAX_RADIX = 31 };

/* `count` points of `width` lines: point k of line w has its real part at lines[w] + k * step,
 * its imaginary part `second` after it, and is element k * width + w of re and im. */
typedef struct mjx_fft_pairs {
  int64_t count, width, step, second; /* in elements of F32 or F64 */
  void *const *lines;
  void *re, *im;
  double scale;
} mjx_fft_pairs;
typedef void (*mjx_fft_pairs_fn)(const mjx_fft_pairs *pairs);

/* Between a transform Z of h points, in which `width` real lines stand as pairs of neighbours, and
 * the h + 1 points of theirs; cosines and sines are those of w^k = e^(-pi i k / h). */
typedef struct mjx_fft_halves {
  int64_t h, width;
  const void *cosines, *sines, *re, *im;
  void *to_re, *to_im;
} mjx_fft_halves;
typedef void (*mjx_fft_halves_fn)(const mjx_fft_halves *halves);

/* offsets[i] += stride * (index[i * step] as a start), for n windows.  A start below 0 or above
 * `last` is moved there (clip), or else the offset becomes MJX_NO_WINDOW, and stays so.  Returns
 * whether there are such offsets. */
#define MJX_NO_WINDOW INT64_MIN
typedef struct mjx_starts {
  int64_t n, last, stride, step;
  const void *index;
  int64_t *offsets;
  int clip;
  int gaps; /* some offsets are MJX_NO_WINDOW */
} mjx_starts;
typedef int64_t (*mjx_starts_fn)(const mjx_starts *starts);

/* For n windows, in order, of `width` elements that lie next to each other: the elements at
 * to + offsets[i] are combined with those at from + others[i], in bytes; or, where there is an
 * index, those at to + index[i] * to_step with those at from + i * from_step. */
typedef struct mjx_scatter_windows {
  int64_t n, width;
  char *to;
  const char *from;
  const int64_t *offsets, *others;
  const int32_t *index;
  int64_t to_step, from_step;
} mjx_scatter_windows;
typedef void (*mjx_scatter_fn)(const mjx_scatter_windows *windows);

/* A tile of a convolution; see conv_kernels.h.  Whole vectors are read: `row` has the kernels'
 * number of rows (of which the first `rows` are wanted), weights have whole vectors of columns
 * (planes: the kernels' number of rows), and so has what is read of `in`. */
typedef struct mjx_conv_args {
  const void *in;
  const int64_t *row;    /* [rows]: elements from `in`; not of planes */
  const int64_t *offset; /* [n_offsets] */
  int64_t n_offsets, run, step;
  const void *weights; /* [k][weights_row] */
  int64_t weights_row;
  void *out; /* rows of out_row elements */
  int64_t out_row, rows, columns;
  int add; /* to what out holds */
} mjx_conv_args;
typedef void (*mjx_conv_fn)(const mjx_conv_args *args);

typedef struct mjx_conv_kernels {
  int32_t n_rows, lanes, plane; /* a vector's elements; places that planes computes at a time */
  mjx_conv_fn rows, cells, planes;
} mjx_conv_kernels;

/* to[i] = op(.. op(op(identity, lines[0][i]), lines[1][i]) .., lines[n_lines-1][i]) for i < n;
 * n_lines >= 1. */
typedef void (*mjx_window_lines_fn)(int64_t n_lines, const void *const *lines, int64_t n,
                                    const void *identity, void *to);
/* to[i * cells + c] = the same of in[i * step + k * apart + c], k < n_places, for i < n and c
 * < cells; n_places >= 1. */
typedef struct mjx_window_places {
  int64_t n, cells, n_places, step, apart;
  const void *in, *identity;
  void *to;
} mjx_window_places;
typedef void (*mjx_window_places_fn)(const mjx_window_places *places);

typedef struct mjx_window_kernel {
  mjx_window_lines_fn lines; /* NULL: no such reduction */
  mjx_window_places_fn places;
} mjx_window_kernel;

/* The extreme of each window and where it is, as far as n windows of `cells` elements see it at one
 * place: in[i * step + c], whose place is flat + i * flat_step + c, replaces value[i * cells + c],
 * and its place index[..], unless the value that is there is no worse.  A place below 0 is that of
 * no element: without keep_first, anything replaces that. */
typedef struct mjx_window_extremes {
  int64_t n, cells, step, flat, flat_step;
  int keep_first;
  void *value; /* apart from `in` */
  int64_t *index;
  const void *in;
} mjx_window_extremes;
typedef void (*mjx_window_extremes_fn)(const mjx_window_extremes *windows);

/* The LU factorisation of a column-major m x n matrix in place; see linalg_kernels.h. */
typedef void (*mjx_lu_fn)(int64_t m, int64_t n, void *a, int32_t *pivots);

/* The triangular system a x = b of n unknowns, in place: unknown i of right side j lies at x + i *
 * x_row + j, as element (i, j) of a, zero for j > i, does at a + i * a_row + j * a_column. */
typedef struct mjx_solve {
  int64_t n, count; /* unknowns, right sides */
  const void *a;
  int64_t a_row, a_column;
  void *x;
  int64_t x_row;
  int unit; /* the diagonal is of ones, and not read */
} mjx_solve;
typedef void (*mjx_solve_fn)(const mjx_solve *s);

/* Sorts n >= 1 words in place, as numbers without sign; may write to twice as many, or 8. */
typedef void (*mjx_sort_words_fn)(int64_t n, uint64_t *words);

typedef struct mjx_block_kernels {
  const mjx_reduce_kernel (*reduce)[MJX_N_DTYPES]; /* [kind][dtype], kinds SUM..XOR */
  const mjx_find_rows_fn *find_rows;               /* [dtype]; NULL for complex */
  const mjx_find_line_fn *find_line;
  const mjx_find_short_fn *find_short;       /* [dtype]; NULL for wide ones */
  const mjx_places_kernel *greatest, *least; /* [dtype] */
  const mjx_cum_fn (*cum)[MJX_N_DTYPES];     /* [kind][dtype]; NULL where there is none */
  const mjx_dot_fn *dot;                     /* [dtype]; NULL for F16 and BF16 */
  /* The same with a and b both contiguous along K: a_column is 1, b_row is the stride between
   * b's columns.  NULL where there is none. */
  const mjx_dot_fn *dot_lines;
  /* [dtype of a, or of b]: of halves, all else of F32, widened as they are read.  Lines: with one
   * column, b and c contiguous.  NULL where there is none. */
  const mjx_dot_fn *dot_half_lines, *dot_half_thin;
  const mjx_dot_fn *dot_thin; /* [dtype]: for few rows, as dot; NULL where there is none */
  const mjx_fft_fn (*fft)[MJX_FFT_N_STAGES]; /* [0: F32, 1: F64][radix] */
  /* [0: F32, 1: F64, 2: of F32 in operands, F64 in buffers]; join scales */
  const mjx_fft_pairs_fn *fft_split, *fft_join;
  const mjx_fft_halves_fn *fft_separate, *fft_fold; /* [0: F32, 1: F64] */
  /* (re + i im)[k * width + w] *= (c + i s)[k], k < n */
  void (*fft_times)(int64_t n, int64_t width, const double *c, const double *s, double *re,
                    double *im);
  const mjx_starts_fn *starts; /* [dtype]; NULL but for integers */
  /* whether all of n indices are in [0, last] */
  int (*all_inside)(int64_t n, const int32_t *index, uint32_t last);
  /* the place of the first of n words that is less than the limit; n if there is none */
  int64_t (*first_below)(int64_t n, const uint64_t *words, uint64_t limit);
  void (*lines_up)(int64_t n, int64_t first, int64_t step,
                   int64_t *to);                      /* first, first + step, .. */
  const mjx_scatter_fn (*scatter)[MJX_N_DTYPES];      /* [kind][dtype]; NULL where there is none */
  const mjx_conv_kernels *conv;                       /* [0: F32, 1: F64] */
  const mjx_window_kernel (*window)[MJX_N_DTYPES];    /* [kind][dtype], as reduce; no half types */
  const mjx_window_extremes_fn (*window_extremes)[2]; /* [dtype][MJX_MAX, MJX_MIN]; as window */
  const mjx_lu_fn *lu;                                /* [0: F32, 1: F64] */
  const mjx_solve_fn *solve;                          /* [0: F32, 1: F64] */
  mjx_sort_words_fn sort_words;                       /* NULL: vectors are too short for it */
  int vector_bytes; /* of the vectors that dot and dot_lines work with */
} mjx_block_kernels;

enum { MJX_N_REDUCE_KINDS = 7 };

/* Those of the instruction set that mjx_isa_name() names; static storage. */
const mjx_block_kernels *mjx_block_kernels_get(void);

#endif /* MJX_BLOCKS_H */
