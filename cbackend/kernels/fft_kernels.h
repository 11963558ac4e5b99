/* fft_kernels.h: the stages of Fourier transforms, included once per instruction set by
 * blocks_impl.h.
 *
 * Stockham's algorithm, decimation in frequency.  A stage of radix r takes n = r m points apart:
 *   y[(r p + j) L + q] = w^(p j) sum_k x[(p + m k) L + q] e^(-2 pi i j k / r),  w = e^(-2 pi i / n)
 * for p < m, j < r, q < L.  Real and imaginary parts are apart.  L counts what earlier stages took
 * apart and the lines that are transformed together, so the loop over q vectorises.
 */

/* ---- butterflies: r[0..radix-1] + i m[..] become their transform ---- */

#define DEFINE_BUTTERFLIES(S, T)                                              \
  MJX_INLINE void butterfly2_##S(T *r, T *m) {                                \
    T r1 = r[0] - r[1], m1 = m[0] - m[1];                                     \
    r[0] += r[1], m[0] += m[1], r[1] = r1, m[1] = m1;                         \
  }                                                                           \
  MJX_INLINE void butterfly3_##S(T *r, T *m) {                                \
    const T sine = (T)0.866025403784438646763723170752936183;                 \
    T tr = r[1] + r[2], tm = m[1] + m[2];                                     \
    T ur = r[0] - (T)0.5 * tr, um = m[0] - (T)0.5 * tm;                       \
    T vr = sine * (r[1] - r[2]), vm = sine * (m[1] - m[2]);                   \
    r[0] += tr, m[0] += tm;                                                   \
    r[1] = ur + vm, m[1] = um - vr, r[2] = ur - vm, m[2] = um + vr;           \
  }                                                                           \
  MJX_INLINE void butterfly4_##S(T *r, T *m) {                                \
    T ar = r[0] + r[2], am = m[0] + m[2], br = r[0] - r[2], bm = m[0] - m[2]; \
    T cr = r[1] + r[3], cm = m[1] + m[3], dr = r[1] - r[3], dm = m[1] - m[3]; \
    r[0] = ar + cr, m[0] = am + cm, r[1] = br + dm, m[1] = bm - dr;           \
    r[2] = ar - cr, m[2] = am - cm, r[3] = br - dm, m[3] = bm + dr;           \
  }                                                                           \
  MJX_INLINE void butterfly5_##S(T *r, T *m) {                                \
    const T c1 = (T)0.309016994374947424102293417182819059;                   \
    const T c2 = (T) - 0.809016994374947424102293417182819059;                \
    const T s1 = (T)0.951056516295153572116439333379382143;                   \
    const T s2 = (T)0.587785252292473129168705954639072769;                   \
    T ar = r[1] + r[4], am = m[1] + m[4], br = r[1] - r[4], bm = m[1] - m[4]; \
    T cr = r[2] + r[3], cm = m[2] + m[3], dr = r[2] - r[3], dm = m[2] - m[3]; \
    T er = r[0] + c1 * ar + c2 * cr, em = m[0] + c1 * am + c2 * cm;           \
    T fr = r[0] + c2 * ar + c1 * cr, fm = m[0] + c2 * am + c1 * cm;           \
    T gr = s1 * br + s2 * dr, gm = s1 * bm + s2 * dm;                         \
    T hr = s2 * br - s1 * dr, hm = s2 * bm - s1 * dm;                         \
    r[0] += ar + cr, m[0] += am + cm;                                         \
    r[1] = er + gm, m[1] = em - gr, r[4] = er - gm, m[4] = em + gr;           \
    r[2] = fr + hm, m[2] = fm - hr, r[3] = fr - hm, m[3] = fm + hr;           \
  }

/* One group of points: reads, butterfly, twiddles, writes. */
#define DEFINE_POINT(S, T, R)                                                                  \
  MJX_INLINE void point##R##_##S(const mjx_fft_stage *stage, int64_t L, int64_t p, int64_t q,  \
                                 const T *restrict xr, const T *restrict xm, T *restrict yr,   \
                                 T *restrict ym) {                                             \
    const T *restrict wr = stage->twiddle_re, *restrict wm = stage->twiddle_im;                \
    T r[R], m[R];                                                                              \
    for (int k = 0; k < R; k++) {                                                              \
      r[k] = xr[(p + stage->m * k) * L + q];                                                   \
      m[k] = xm[(p + stage->m * k) * L + q];                                                   \
    }                                                                                          \
    butterfly##R##_##S(r, m);                                                                  \
    yr[R * p * L + q] = r[0];                                                                  \
    ym[R * p * L + q] = m[0];                                                                  \
    for (int j = 1; j < R; j++) {                                                              \
      T c = wr[(j - 1) * stage->m + p], s = wm[(j - 1) * stage->m + p];                        \
      yr[(R * p + j) * L + q] = r[j] * c - m[j] * s;                                           \
      ym[(R * p + j) * L + q] = r[j] * s + m[j] * c;                                           \
    }                                                                                          \
  }                                                                                            \
  static void stage##R##_##S(const mjx_fft_stage *stage, int64_t L, const void *xr_,           \
                             const void *xm_, void *yr_, void *ym_) {                          \
    const T *restrict xr = xr_, *restrict xm = xm_;                                            \
    T *restrict yr = yr_, *restrict ym = ym_;                                                  \
    if (L >= 8) {                                                                              \
      for (int64_t p = 0; p < stage->m; p++)                                                   \
        for (int64_t q = 0; q < L; q++) point##R##_##S(stage, L, p, q, xr, xm, yr, ym);        \
    } else {                                                                                   \
      for (int64_t q = 0; q < L; q++)                                                          \
        for (int64_t p = 0; p < stage->m; p++) point##R##_##S(stage, L, p, q, xr, xm, yr, ym); \
    }                                                                                          \
  }

/* Any radix: rows of y collect the terms of their sums. */
#define DEFINE_ANY(S, T)                                                                      \
  static void stage_any_##S(const mjx_fft_stage *stage, int64_t L, const void *xr_,           \
                            const void *xm_, void *yr_, void *ym_) {                          \
    const T *wr = stage->twiddle_re, *wm = stage->twiddle_im;                                 \
    const T *root_r = stage->root_re, *root_m = stage->root_im;                               \
    int64_t radix = stage->radix, m = stage->m;                                               \
    for (int64_t p = 0; p < m; p++) {                                                         \
      for (int64_t j = 0; j < radix; j++) {                                                   \
        T *restrict yr = (T *)yr_ + (radix * p + j) * L;                                      \
        T *restrict ym = (T *)ym_ + (radix * p + j) * L;                                      \
        const T *restrict xr = (const T *)xr_ + p * L, *restrict xm = (const T *)xm_ + p * L; \
        for (int64_t q = 0; q < L; q++) yr[q] = xr[q], ym[q] = xm[q];                         \
        for (int64_t k = 1; k < radix; k++) {                                                 \
          T c = root_r[j * k % radix], s = root_m[j * k % radix];                             \
          xr += m * L, xm += m * L;                                                           \
          for (int64_t q = 0; q < L; q++) {                                                   \
            yr[q] += xr[q] * c - xm[q] * s;                                                   \
            ym[q] += xr[q] * s + xm[q] * c;                                                   \
          }                                                                                   \
        }                                                                                     \
        if (j == 0) continue;                                                                 \
        T c = wr[(j - 1) * m + p], s = wm[(j - 1) * m + p];                                   \
        for (int64_t q = 0; q < L; q++) {                                                     \
          T r = yr[q] * c - ym[q] * s;                                                        \
          ym[q] = yr[q] * s + ym[q] * c, yr[q] = r;                                           \
        }                                                                                     \
      }                                                                                       \
    }                                                                                         \
  }

#define DEFINE_STAGES(S, T) \
  DEFINE_BUTTERFLIES(S, T)  \
  DEFINE_POINT(S, T, 2)     \
  DEFINE_POINT(S, T, 3)     \
  DEFINE_POINT(S, T, 4)     \
  DEFINE_POINT(S, T, 5)     \
  DEFINE_ANY(S, T)
DEFINE_STAGES(f32, float)
DEFINE_STAGES(f64, double)

#define STAGES(S) {stage_any_##S, NULL, stage2_##S, stage3_##S, stage4_##S, stage5_##S}
static const mjx_fft_fn fft_table[2][MJX_FFT_N_STAGES] = {STAGES(f32), STAGES(f64)};
