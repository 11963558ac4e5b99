/* fft_kernels.h: the stages of Fourier transforms, included once per instruction set by
 * blocks_impl.h.
 *
 * Stockham's algorithm, decimation in frequency.  A stage of radix r takes n = r m points apart:
 *   y[(r p + j) L + q] = w^(p j) sum_k x[(p + m k) L + q] e^(-2 pi i j k / r),  w = e^(-2 pi i / n)
 * for p < m, j < r, q < L.  Real and imaginary parts are apart.  L counts what earlier stages took
 * apart and the lines that are transformed together, so the loop over q vectorises.
 */

/* ---- butterflies: r[0..radix-1] + i m[..] become their transform ---- */

#define DEFINE_BUTTERFLIES(S, V, T)                                           \
  MJX_INLINE void butterfly2_##S(V *r, V *m) {                                \
    V r1 = r[0] - r[1], m1 = m[0] - m[1];                                     \
    r[0] += r[1], m[0] += m[1], r[1] = r1, m[1] = m1;                         \
  }                                                                           \
  MJX_INLINE void butterfly3_##S(V *r, V *m) {                                \
    const T sine = (T)0.866025403784438646763723170752936183;                 \
    V tr = r[1] + r[2], tm = m[1] + m[2];                                     \
    V ur = r[0] - (T)0.5 * tr, um = m[0] - (T)0.5 * tm;                       \
    V vr = sine * (r[1] - r[2]), vm = sine * (m[1] - m[2]);                   \
    r[0] += tr, m[0] += tm;                                                   \
    r[1] = ur + vm, m[1] = um - vr, r[2] = ur - vm, m[2] = um + vr;           \
  }                                                                           \
  MJX_INLINE void butterfly4_##S(V *r, V *m) {                                \
    V ar = r[0] + r[2], am = m[0] + m[2], br = r[0] - r[2], bm = m[0] - m[2]; \
    V cr = r[1] + r[3], cm = m[1] + m[3], dr = r[1] - r[3], dm = m[1] - m[3]; \
    r[0] = ar + cr, m[0] = am + cm, r[1] = br + dm, m[1] = bm - dr;           \
    r[2] = ar - cr, m[2] = am - cm, r[3] = br - dm, m[3] = bm + dr;           \
  }                                                                           \
  MJX_INLINE void butterfly5_##S(V *r, V *m) {                                \
    const T c1 = (T)0.309016994374947424102293417182819059;                   \
    const T c2 = (T) - 0.809016994374947424102293417182819059;                \
    const T s1 = (T)0.951056516295153572116439333379382143;                   \
    const T s2 = (T)0.587785252292473129168705954639072769;                   \
    V ar = r[1] + r[4], am = m[1] + m[4], br = r[1] - r[4], bm = m[1] - m[4]; \
    V cr = r[2] + r[3], cm = m[2] + m[3], dr = r[2] - r[3], dm = m[2] - m[3]; \
    V er = r[0] + c1 * ar + c2 * cr, em = m[0] + c1 * am + c2 * cm;           \
    V fr = r[0] + c2 * ar + c1 * cr, fm = m[0] + c2 * am + c1 * cm;           \
    V gr = s1 * br + s2 * dr, gm = s1 * bm + s2 * dm;                         \
    V hr = s2 * br - s1 * dr, hm = s2 * bm - s1 * dm;                         \
    r[0] += ar + cr, m[0] += am + cm;                                         \
    r[1] = er + gm, m[1] = em - gr, r[4] = er - gm, m[4] = em + gr;           \
    r[2] = fr + hm, m[2] = fm - hr, r[3] = fr - hm, m[3] = fm + hr;           \
  }

/* One group of points, or (V a vector) of those of neighbouring q: reads, butterfly, twiddles,
 * writes. */
#define DEFINE_POINT(S, V, T, R)                                                              \
  MJX_INLINE void point##R##_##S(const mjx_fft_stage *stage, int64_t L, int64_t p, int64_t q, \
                                 const T *restrict xr, const T *restrict xm, T *restrict yr,  \
                                 T *restrict ym) {                                            \
    const T *restrict wr = stage->twiddle_re, *restrict wm = stage->twiddle_im;               \
    V r[R], m[R];                                                                             \
    for (int k = 0; k < R; k++) {                                                             \
      r[k] = *(const V *)(xr + (p + stage->m * k) * L + q);                                   \
      m[k] = *(const V *)(xm + (p + stage->m * k) * L + q);                                   \
    }                                                                                         \
    butterfly##R##_##S(r, m);                                                                 \
    *(V *)(yr + R * p * L + q) = r[0];                                                        \
    *(V *)(ym + R * p * L + q) = m[0];                                                        \
    for (int j = 1; j < R; j++) {                                                             \
      T c = wr[(j - 1) * stage->m + p], s = wm[(j - 1) * stage->m + p];                       \
      *(V *)(yr + (R * p + j) * L + q) = r[j] * c - m[j] * s;                                 \
      *(V *)(ym + (R * p + j) * L + q) = r[j] * s + m[j] * c;                                 \
    }                                                                                         \
  }

/* The first stage of a single line, L = 1: vectors go over p, and are taken apart by hand. */
#define DEFINE_FIRST(S, V, T, R)                                                            \
  MJX_INLINE int64_t first##R##_##S(const mjx_fft_stage *stage, const T *restrict xr,       \
                                    const T *restrict xm, T *restrict yr, T *restrict ym) { \
    enum { LANES = sizeof(V) / sizeof(T) };                                                 \
    const T *restrict wr = stage->twiddle_re, *restrict wm = stage->twiddle_im;             \
    int64_t p = 0, m_ = stage->m;                                                           \
    for (; p + LANES <= m_; p += LANES) {                                                   \
      V r[R], m[R];                                                                         \
      for (int k = 0; k < R; k++) {                                                         \
        r[k] = *(const V *)(xr + p + m_ * k);                                               \
        m[k] = *(const V *)(xm + p + m_ * k);                                               \
      }                                                                                     \
      butterfly##R##_##S(r, m);                                                             \
      for (int j = 1; j < R; j++) {                                                         \
        V c = *(const V *)(wr + (j - 1) * m_ + p), s = *(const V *)(wm + (j - 1) * m_ + p), \
          a = r[j];                                                                         \
        r[j] = a * c - m[j] * s;                                                            \
        m[j] = a * s + m[j] * c;                                                            \
      }                                                                                     \
      for (int i = 0; i < LANES; i++) {                                                     \
        for (int j = 0; j < R; j++) {                                                       \
          yr[R * (p + i) + j] = r[j][i];                                                    \
          ym[R * (p + i) + j] = m[j][i];                                                    \
        }                                                                                   \
      }                                                                                     \
    }                                                                                       \
    return p;                                                                               \
  }

#define DEFINE_STAGE(S, T, R)                                                             \
  static void stage##R##_##S(const mjx_fft_stage *stage, int64_t L, const void *xr_,      \
                             const void *xm_, void *yr_, void *ym_) {                     \
    const T *restrict xr = xr_, *restrict xm = xm_;                                       \
    T *restrict yr = yr_, *restrict ym = ym_;                                             \
    int64_t whole = L / LANES_##S * LANES_##S, p = 0;                                     \
    if (L == 1) p = first##R##_vector_##S(stage, xr, xm, yr, ym);                         \
    for (; p < stage->m; p++) {                                                           \
      for (int64_t q = 0; q < whole; q += LANES_##S)                                      \
        point##R##_vector_##S(stage, L, p, q, xr, xm, yr, ym);                            \
      for (int64_t q = whole; q < L; q++) point##R##_##S(stage, L, p, q, xr, xm, yr, ym); \
    }                                                                                     \
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

#define DEFINE_RADIX(S, T, R)             \
  DEFINE_POINT(S, T, T, R)                \
  DEFINE_POINT(vector_##S, vec_##S, T, R) \
  DEFINE_FIRST(vector_##S, vec_##S, T, R) \
  DEFINE_STAGE(S, T, R)
#define DEFINE_STAGES(S, T)                  \
  DEFINE_BUTTERFLIES(S, T, T)                \
  DEFINE_BUTTERFLIES(vector_##S, vec_##S, T) \
  DEFINE_RADIX(S, T, 2)                      \
  DEFINE_RADIX(S, T, 3)                      \
  DEFINE_RADIX(S, T, 4)                      \
  DEFINE_RADIX(S, T, 5)                      \
  DEFINE_ANY(S, T)
DEFINE_STAGES(f32, float)
DEFINE_STAGES(f64, double)

#define STAGES(S) {stage_any_##S, NULL, stage2_##S, stage3_##S, stage4_##S, stage5_##S}
static const mjx_fft_fn fft_table[2][MJX_FFT_N_STAGES] = {STAGES(f32), STAGES(f64)};
