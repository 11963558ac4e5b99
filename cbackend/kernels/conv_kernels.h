/* conv_kernels.h: the tiles of convolutions, included once per instruction set by blocks_impl.h,
 * after dot_kernels.h (whose vectors they share).
 *
 * All are products whose inner index k runs over `n_offsets` runs of `run` elements: element i of
 * run t lies offset[t] + i * step behind the pointer of its row.  So patches are never copied out.
 *   rows      out[row][o]  += in[row][k] * w[k][o]      vectors along o
 *   cells     out[row][g]  += in[row][k + g] * w[k][g]  vectors along g: every group has one feature
 *   planes    out[o][p]    += w[k][o] * in[k + p]       vectors along the places p of an image
 */
#include "contract_on.h"

/* Registers for ROWS x VECTORS sums, VECTORS of one factor, and one of the other. */
#if defined(__AVX512F__)
enum { CONV_ROWS = 8 };
#else
enum { CONV_ROWS = 4 };
#endif
enum { CONV_VECTORS = 3 };
/* Of a plane with one feature at a time: enough sums that none waits for its last product. */
enum { CONV_LINE = 4 * CONV_VECTORS };

#define DEFINE_CONV(T, S)                                                                         \
  MJX_INLINE void conv_store_##S(const vec_##S *sum, T *to, int64_t width, int add) {             \
    T *from = (T *)sum;                                                                           \
    if (add) {                                                                                    \
      for (int64_t j = 0; j < width; j++) to[j] += from[j];                                       \
    } else {                                                                                      \
      for (int64_t j = 0; j < width; j++) to[j] = from[j];                                        \
    }                                                                                             \
  }                                                                                               \
  /* A row of sums to the output; whole vectors if there are so many columns left. */             \
  MJX_INLINE void conv_row_##S(const mjx_conv_args *args, const vec_##S *sum, int vectors,        \
                               int64_t row, int64_t column) {                                     \
    T *to = (T *)args->out + row * args->out_row + column;                                        \
    if (args->columns - column < vectors * LANES_##S) {                                           \
      conv_store_##S(sum, to, args->columns - column, args->add);                                 \
      return;                                                                                     \
    }                                                                                             \
    for (int v = 0; v < vectors; v++) {                                                           \
      vec_##S *place = (vec_##S *)(to + v * LANES_##S);                                           \
      vec_##S value = sum[v];                                                                     \
      if (args->add) value += *place;                                                             \
      *place = value;                                                                             \
    }                                                                                             \
  }                                                                                               \
  /* All rows of a tile at once where there are so many: sums then stay in registers. */          \
  MJX_INLINE void conv_out_##S(const mjx_conv_args *args, const vec_##S sum[][CONV_VECTORS],      \
                               int rows, int vectors, int64_t column) {                           \
    if (args->rows == rows && !args->add && args->columns - column >= vectors * LANES_##S) {      \
      T *to = (T *)args->out + column;                                                            \
      for (int r = 0; r < rows; r++, to += args->out_row)                                         \
        for (int v = 0; v < vectors; v++) *(vec_##S *)(to + v * LANES_##S) = sum[r][v];           \
      return;                                                                                     \
    }                                                                                             \
    vec_##S copy[CONV_ROWS][CONV_VECTORS];                                                        \
    for (int r = 0; r < rows; r++)                                                                \
      for (int v = 0; v < vectors; v++) copy[r][v] = sum[r][v];                                   \
    for (int64_t r = 0; r < args->rows; r++) conv_row_##S(args, copy[r], vectors, r, column);     \
  }                                                                                               \
  /* Only the sums that a tile uses: an initializer would write all of them to memory. */         \
  MJX_INLINE void conv_clear_##S(vec_##S sum[][CONV_VECTORS], int rows, int vectors) {            \
    for (int r = 0; r < rows; r++)                                                                \
      for (int v = 0; v < vectors; v++) sum[r][v] = (vec_##S){0};                                 \
  }                                                                                               \
  MJX_INLINE void rows_tile_##S(const mjx_conv_args *args, int vectors, int64_t column) {         \
    vec_##S sum[CONV_ROWS][CONV_VECTORS];                                                         \
    conv_clear_##S(sum, CONV_ROWS, vectors);                                                      \
    const T *w = (const T *)args->weights + column;                                               \
    const T *row[CONV_ROWS];                                                                      \
    for (int r = 0; r < CONV_ROWS; r++) row[r] = (const T *)args->in + args->row[r];              \
    int64_t w_row = args->weights_row, step = args->step;                                         \
    for (int64_t t = 0; t < args->n_offsets; t++) {                                               \
      int64_t at = args->offset[t];                                                               \
      for (int64_t i = args->run; i > 0; i--, at += step, w += w_row) {                           \
        vec_##S y[CONV_VECTORS];                                                                  \
        for (int v = 0; v < vectors; v++) y[v] = *(const vec_##S *)(w + v * LANES_##S);           \
        for (int r = 0; r < CONV_ROWS; r++) {                                                     \
          T x = row[r][at];                                                                       \
          for (int v = 0; v < vectors; v++) sum[r][v] += x * y[v];                                \
        }                                                                                         \
      }                                                                                           \
    }                                                                                             \
    conv_out_##S(args, sum, CONV_ROWS, vectors, column);                                          \
  }                                                                                               \
  MJX_INLINE void cells_tile_##S(const mjx_conv_args *args, int vectors, int64_t column) {        \
    vec_##S sum[CONV_ROWS][CONV_VECTORS];                                                         \
    conv_clear_##S(sum, CONV_ROWS, vectors);                                                      \
    const T *w = (const T *)args->weights + column;                                               \
    const T *row[CONV_ROWS];                                                                      \
    for (int r = 0; r < CONV_ROWS; r++) row[r] = (const T *)args->in + args->row[r] + column;     \
    int64_t w_row = args->weights_row, step = args->step;                                         \
    for (int64_t t = 0; t < args->n_offsets; t++) {                                               \
      int64_t at = args->offset[t];                                                               \
      for (int64_t i = args->run; i > 0; i--, at += step, w += w_row) {                           \
        vec_##S y[CONV_VECTORS];                                                                  \
        for (int v = 0; v < vectors; v++) y[v] = *(const vec_##S *)(w + v * LANES_##S);           \
        for (int r = 0; r < CONV_ROWS; r++)                                                       \
          for (int v = 0; v < vectors; v++)                                                       \
            sum[r][v] += *(const vec_##S *)(row[r] + at + v * LANES_##S) * y[v];                  \
      }                                                                                           \
    }                                                                                             \
    conv_out_##S(args, sum, CONV_ROWS, vectors, column);                                          \
  }                                                                                               \
  MJX_INLINE void planes_tile_##S(const mjx_conv_args *args, int rows, int vectors,               \
                                  int64_t column) {                                               \
    vec_##S sum[CONV_ROWS][CONV_VECTORS];                                                         \
    conv_clear_##S(sum, rows, vectors);                                                           \
    const T *w = args->weights, *in = (const T *)args->in + column;                               \
    int64_t w_row = args->weights_row, step = args->step;                                         \
    for (int64_t t = 0; t < args->n_offsets; t++) {                                               \
      const T *x = in + args->offset[t];                                                          \
      for (int64_t i = args->run; i > 0; i--, x += step, w += w_row) {                            \
        vec_##S y[CONV_VECTORS];                                                                  \
        for (int v = 0; v < vectors; v++) y[v] = *(const vec_##S *)(x + v * LANES_##S);           \
        for (int r = 0; r < rows; r++)                                                            \
          for (int v = 0; v < vectors; v++) sum[r][v] += w[r] * y[v];                             \
      }                                                                                           \
    }                                                                                             \
    conv_out_##S(args, sum, rows, vectors, column);                                               \
  }                                                                                               \
  /* CONV_LINE whole vectors of a plane's only feature. */                                        \
  MJX_INLINE void line_tile_##S(const mjx_conv_args *args, int64_t column) {                      \
    vec_##S sum[CONV_LINE];                                                                       \
    for (int v = 0; v < CONV_LINE; v++) sum[v] = (vec_##S){0};                                    \
    const T *w = args->weights, *in = (const T *)args->in + column;                               \
    int64_t w_row = args->weights_row, step = args->step;                                         \
    for (int64_t t = 0; t < args->n_offsets; t++) {                                               \
      const T *x = in + args->offset[t];                                                          \
      for (int64_t i = args->run; i > 0; i--, x += step, w += w_row)                              \
        for (int v = 0; v < CONV_LINE; v++) sum[v] += *w * *(const vec_##S *)(x + v * LANES_##S); \
    }                                                                                             \
    vec_##S *to = (vec_##S *)((T *)args->out + column);                                           \
    for (int v = 0; v < CONV_LINE; v++) to[v] = sum[v];                                           \
  }                                                                                               \
  /* As few vectors as hold the columns, in panels of nearly the same width. */                   \
  MJX_INLINE int conv_panel_##S(int64_t columns) {                                                \
    int64_t vectors = (columns + LANES_##S - 1) / LANES_##S;                                      \
    return vectors == 4 ? 2 : vectors < CONV_VECTORS ? (int)vectors : CONV_VECTORS;               \
  }                                                                                               \
  static void conv_rows_##S(const mjx_conv_args *args) {                                          \
    for (int64_t c = 0, vectors; c < args->columns; c += vectors * LANES_##S) {                   \
      vectors = conv_panel_##S(args->columns - c);                                                \
      if (vectors == 3)                                                                           \
        rows_tile_##S(args, 3, c);                                                                \
      else if (vectors == 2)                                                                      \
        rows_tile_##S(args, 2, c);                                                                \
      else                                                                                        \
        rows_tile_##S(args, 1, c);                                                                \
    }                                                                                             \
  }                                                                                               \
  static void conv_cells_##S(const mjx_conv_args *args) {                                         \
    for (int64_t c = 0, vectors; c < args->columns; c += vectors * LANES_##S) {                   \
      vectors = args->columns - c > LANES_##S ? 2 : 1;                                            \
      if (vectors == 2)                                                                           \
        cells_tile_##S(args, 2, c);                                                               \
      else                                                                                        \
        cells_tile_##S(args, 1, c);                                                               \
    }                                                                                             \
  }                                                                                               \
  static void conv_planes_##S(const mjx_conv_args *args) {                                        \
    int64_t tile = CONV_VECTORS * LANES_##S, line = CONV_LINE * LANES_##S, c = 0;                 \
    if (args->rows == 1)                                                                          \
      for (; c + line <= args->columns; c += line) line_tile_##S(args, c);                        \
    for (; c < args->columns; c += tile) {                                                        \
      if (args->rows > 4)                                                                         \
        planes_tile_##S(args, CONV_ROWS, CONV_VECTORS, c);                                        \
      else if (args->rows > 1)                                                                    \
        planes_tile_##S(args, 4, CONV_VECTORS, c);                                                \
      else                                                                                        \
        planes_tile_##S(args, 1, CONV_VECTORS, c);                                                \
    }                                                                                             \
  }

DEFINE_CONV(float, f32)
DEFINE_CONV(double, f64)

#define CONV_KERNELS(S) \
  {CONV_ROWS, LANES_##S, CONV_VECTORS * LANES_##S, conv_rows_##S, conv_cells_##S, conv_planes_##S}
static const mjx_conv_kernels conv_table[2] = {CONV_KERNELS(f32), CONV_KERNELS(f64)};

#include "contract_off.h"
