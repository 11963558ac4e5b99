/* blocks_impl.h: all block kernels of one instruction set; MJX_BLOCKS names their table,
 * MJX_NARROW that of the products of narrow integers. */
#include "blocks.h"

#include "reduce_kernels.h"

#include "cum_kernels.h"

#include "window_kernels.h"

#include "words_impl.h"

#include "dot_kernels.h"

#include "solve_kernels.h"

#include "conv_kernels.h"

#include "fft_kernels.h"

#include "fft_lines.h"

#include "index_kernels.h"

#include "scatter_kernels.h"

#include "linalg_kernels.h"

#include "sort_kernels.h"

const mjx_block_kernels MJX_BLOCKS = {
    .reduce = reduce_table,
    .find_rows = find_table,
    .find_line = find_line_table,
    .find_short = find_short_table,
    .greatest = greatest_table,
    .least = least_table,
    .cum = cum_table,
    .dot = dot_table,
    .dot_lines = dot_lines_table,
    .dot_half_lines = half_lines_table,
    .dot_half_thin = half_thin_table,
    .dot_thin = dot_thin_table,
    .fft = fft_table,
    .fft_split = fft_split_table,
    .fft_join = fft_join_table,
    .fft_separate = fft_separate_table,
    .fft_fold = fft_fold_table,
    .fft_times = fft_times,
    .starts = starts_table,
    .all_inside = all_inside,
    .first_below = first_below,
    .lines_up = lines_up,
    .scatter = scatter_table,
    .conv = conv_table,
    .window = window_table,
    .window_extremes = window_extremes,
    .lu = lu_table,
    .solve = solve_table,
    .sort_words = SORT_WORDS,
    .vector_bytes = VECTOR_BYTES,
};
