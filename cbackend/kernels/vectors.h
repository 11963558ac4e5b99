/* vectors.h: how wide the vectors of the block kernels' instruction set are. */
#ifndef MJX_VECTORS_H
#define MJX_VECTORS_H

#if defined(__AVX512F__)
#define VECTOR_BYTES 64
#elif defined(__AVX2__)
#define VECTOR_BYTES 32
#else
#define VECTOR_BYTES 16
#endif

#endif /* MJX_VECTORS_H */
