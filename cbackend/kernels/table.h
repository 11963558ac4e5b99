/* The per-instruction-set kernel tables, private to cbackend/kernels. Each has
 * one entry for every record of mjx_kernel_infos. */
#ifndef MJX_TABLE_H
#define MJX_TABLE_H

#include "kernels.h"

extern const mjx_kernel_fn mjx_kernel_table_baseline[];
#if defined(__x86_64__)
extern const mjx_kernel_fn mjx_kernel_table_avx2[];
extern const mjx_kernel_fn mjx_kernel_table_avx512[];
#endif

#endif
