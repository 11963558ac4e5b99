/* blocks_impl.h: all block kernels of one instruction set; MJX_BLOCKS names their table. */
#include "blocks.h"

#include "reduce_kernels.h"

#include "dot_kernels.h"

#include "conv_kernels.h"

#include "fft_kernels.h"

#include "index_kernels.h"

const mjx_block_kernels MJX_BLOCKS = {
    reduce_table, find_table,   find_line_table, find_short_table, dot_table,   dot_lines_table,
    fft_table,    starts_table, lines_up,        conv_table,       VECTOR_BYTES};
