/* contract_on.h: from here to contract_off.h, products contract to fused multiply-adds, as in every
 * BLAS: faster and more exact.  No guard: it opens a new part each time.
 */
#if defined(__clang__)
#pragma clang fp contract(fast)
#elif defined(__GNUC__)
#pragma GCC push_options
#pragma GCC optimize("fp-contract=fast")
#endif
