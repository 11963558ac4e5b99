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

/* As two of radix 4: of the sums of points that lie opposite, and of their differences, turned. */
#define DEFINE_BUTTERFLY8(S, V, T)                         \
  MJX_INLINE void butterfly8_##S(V *r, V *m) {             \
    const T h = (T)0.707106781186547524400844362104849039; \
    V ar[4], am[4], br[4], bm[4];                          \
    for (int k = 0; k < 4; k++) {                          \
      ar[k] = r[k] + r[k + 4], am[k] = m[k] + m[k + 4];    \
      br[k] = r[k] - r[k + 4], bm[k] = m[k] - m[k + 4];    \
    }                                                      \
    V r1 = br[1], r2 = br[2], r3 = br[3];                  \
    br[1] = (r1 + bm[1]) * h, bm[1] = (bm[1] - r1) * h;    \
    br[2] = bm[2], bm[2] = -r2;                            \
    br[3] = (bm[3] - r3) * h, bm[3] = (r3 + bm[3]) * -h;   \
    butterfly4_##S(ar, am);                                \
    butterfly4_##S(br, bm);                                \
    for (int k = 0; k < 4; k++) {                          \
      r[2 * k] = ar[k], m[2 * k] = am[k];                  \
      r[2 * k + 1] = br[k], m[2 * k + 1] = bm[k];          \
    }                                                      \
  }

/* cos and sin of 2 pi k / R, for k from 0 to R / 2. */
#define COSINES_7                                                                        \
  {1, 0.6234898018587335305250048840042398106, -0.2225209339563144042889025644967947595, \
   -0.9009688679024191262361023195074450512}
#define SINES_7                                                                         \
  {0, 0.7818314824680298087084445266740577502, 0.9749279121818236070181316829939312172, \
   0.4338837391175581204757683328483587546}
#define COSINES_11                           \
  {1,                                        \
   0.8412535328311811688618116489193677175,  \
   0.4154150130018864255292741492296232035,  \
   -0.1423148382732851404437926686163696688, \
   -0.6548607339452850640569250724662935532, \
   -0.9594929736144973898903680570663276991}
#define SINES_11                            \
  {0,                                       \
   0.5406408174555975821076359543186916954, \
   0.9096319953545183714117153830790284601, \
   0.9898214418809327323760920377767187874, \
   0.7557495743542582837740358439723444202, \
   0.2817325568414296977114179153466168990}
#define COSINES_13                           \
  {1,                                        \
   0.8854560256532098959003755220150988786,  \
   0.5680647467311558025118075591275166245,  \
   0.1205366802553230533490676874525435823,  \
   -0.3546048870425356259696378926000184743, \
   -0.7485107481711010986346305997013513838, \
   -0.9709418174260520271569822762937892272}
#define SINES_13                            \
  {0,                                       \
   0.4647231720437685456560153351331047776, \
   0.8229838658936563945796174234393819907, \
   0.9927088740980539928007516494925201793, \
   0.9350162426854148234397845998378307291, \
   0.6631226582407952023767854926667662795, \
   0.2393156642875577671487537262602118952}

/* An odd radix: points k and R - k meet cosines in their sum and sines in their difference. */
#define DEFINE_ODD_BUTTERFLY(S, V, T, R)                         \
  MJX_INLINE void butterfly##R##_##S(V *r, V *m) {               \
    enum { H = R / 2 };                                          \
    static const T cosines[] = COSINES_##R, sines[] = SINES_##R; \
    V ar[H + 1], am[H + 1], br[H + 1], bm[H + 1];                \
    V r0 = r[0], m0 = m[0];                                      \
    EACH_PAIR(k) {                                               \
      ar[k] = r[k] + r[R - k], am[k] = m[k] + m[R - k];          \
      br[k] = r[k] - r[R - k], bm[k] = m[k] - m[R - k];          \
      r[0] += ar[k], m[0] += am[k];                              \
    }                                                            \
    EACH_PAIR(j) {                                               \
      V er = r0, em = m0, gr = {0}, gm = {0};                    \
      EACH_PAIR(k) {                                             \
        int at = j * k % R;                                      \
        T c = cosines[at <= H ? at : R - at];                    \
        T s = at <= H ? sines[at] : -sines[R - at];              \
        er += c * ar[k], em += c * am[k];                        \
        gr += s * br[k], gm += s * bm[k];                        \
      }                                                          \
      r[j] = er + gm, m[j] = em - gr;                            \
      r[R - j] = er - gm, m[R - j] = em + gr;                    \
    }                                                            \
  }
#define EACH_PAIR(k) _Pragma("GCC unroll 6") for (int k = 1; k <= H; k++)

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

/* FIRST: how many groups of a single line the first stage has done in vectors. */
#define DEFINE_STAGE(S, T, R, FIRST)                                                        \
  static void stage##R##_##S(const mjx_fft_stage *stage, int64_t L, const void *xr_,        \
                             const void *xm_, void *yr_, void *ym_) {                       \
    const T *restrict xr = xr_, *restrict xm = xm_;                                         \
    T *restrict yr = yr_, *restrict ym = ym_;                                               \
    int64_t whole = L / LANES_##S * LANES_##S, narrow = L / NARROW_##S * NARROW_##S, p = 0; \
    if (L == 1) p = FIRST;                                                                  \
    for (; p < stage->m; p++) {                                                             \
      for (int64_t q = 0; q < whole; q += LANES_##S)                                        \
        point##R##_vector_##S(stage, L, p, q, xr, xm, yr, ym);                              \
      for (int64_t q = whole; q < narrow; q += NARROW_##S)                                  \
        point##R##_narrow_##S(stage, L, p, q, xr, xm, yr, ym);                              \
      for (int64_t q = narrow; q < L; q++) point##R##_##S(stage, L, p, q, xr, xm, yr, ym);  \
    }                                                                                       \
  }

/* Any odd radix up to MJX_FFT_MAX_RADIX, as those above. */
enum { MAX_PAIRS = MJX_FFT_MAX_RADIX / 2 };
#define DEFINE_ANY_POINT(S, V, T)                                                            \
  MJX_INLINE void turned_##S(const mjx_fft_stage *stage, int64_t L, int64_t p, int64_t q,    \
                             int64_t j, V r, V m, T *restrict yr, T *restrict ym) {          \
    int64_t at = (j - 1) * stage->m + p, to = (stage->radix * p + j) * L + q;                \
    T c = ((const T *)stage->twiddle_re)[at], s = ((const T *)stage->twiddle_im)[at];        \
    *(V *)(yr + to) = r * c - m * s;                                                         \
    *(V *)(ym + to) = r * s + m * c;                                                         \
  }                                                                                          \
  MJX_INLINE void point_any_##S(const mjx_fft_stage *stage, int64_t L, int64_t p, int64_t q, \
                                const T *restrict xr, const T *restrict xm, T *restrict yr,  \
                                T *restrict ym) {                                            \
    const T *cosines = stage->root_re, *sines = stage->root_im;                              \
    V ar[MAX_PAIRS], am[MAX_PAIRS], br[MAX_PAIRS], bm[MAX_PAIRS];                            \
    int64_t radix = stage->radix, pairs = radix / 2, step = stage->m * L;                    \
    xr += p * L + q, xm += p * L + q;                                                        \
    V r0 = *(const V *)xr, m0 = *(const V *)xm, r = r0, m = m0;                              \
    for (int64_t k = 1; k <= pairs; k++) {                                                   \
      V r1 = *(const V *)(xr + k * step), r2 = *(const V *)(xr + (radix - k) * step);        \
      V m1 = *(const V *)(xm + k * step), m2 = *(const V *)(xm + (radix - k) * step);        \
      ar[k - 1] = r1 + r2, am[k - 1] = m1 + m2;                                              \
      br[k - 1] = r1 - r2, bm[k - 1] = m1 - m2;                                              \
      r += ar[k - 1], m += am[k - 1];                                                        \
    }                                                                                        \
    *(V *)(yr + radix * p * L + q) = r;                                                      \
    *(V *)(ym + radix * p * L + q) = m;                                                      \
    for (int64_t j = 1; j <= pairs; j++) {                                                   \
      V er = r0, em = m0, gr = {0}, gm = {0};                                                \
      for (int64_t k = 0, at = j; k < pairs; k++) {                                          \
        T c = cosines[at], s = -sines[at]; /* the roots are conjugate */                     \
        er += c * ar[k], em += c * am[k];                                                    \
        gr += s * br[k], gm += s * bm[k];                                                    \
        at += j;                                                                             \
        if (at >= radix) at -= radix;                                                        \
      }                                                                                      \
      turned_##S(stage, L, p, q, j, er + gm, em - gr, yr, ym);                               \
      turned_##S(stage, L, p, q, radix - j, er - gm, em + gr, yr, ym);                       \
    }                                                                                        \
  }

#define DEFINE_RADIX(S, T, R)                \
  DEFINE_POINT(S, T, T, R)                   \
  DEFINE_POINT(vector_##S, vec_##S, T, R)    \
  DEFINE_POINT(narrow_##S, narrow_##S, T, R) \
  DEFINE_FIRST(vector_##S, vec_##S, T, R)    \
  DEFINE_STAGE(S, T, R, first##R##_vector_##S(stage, xr, xm, yr, ym))
/* Vectors of 16 bytes, for an L that is less than the longest ones. */
typedef float narrow_f32 __attribute__((vector_size(16), aligned(4), may_alias));
typedef double narrow_f64 __attribute__((vector_size(16), aligned(8), may_alias));
enum { NARROW_f32 = 4, NARROW_f64 = 2 };

#define DEFINE_ODD(S, T, R)                          \
  DEFINE_ODD_BUTTERFLY(S, T, T, R)                   \
  DEFINE_ODD_BUTTERFLY(vector_##S, vec_##S, T, R)    \
  DEFINE_ODD_BUTTERFLY(narrow_##S, narrow_##S, T, R) \
  DEFINE_RADIX(S, T, R)

#define DEFINE_STAGES(S, T)                     \
  DEFINE_BUTTERFLIES(S, T, T)                   \
  DEFINE_BUTTERFLIES(vector_##S, vec_##S, T)    \
  DEFINE_BUTTERFLIES(narrow_##S, narrow_##S, T) \
  DEFINE_BUTTERFLY8(S, T, T)                    \
  DEFINE_BUTTERFLY8(vector_##S, vec_##S, T)     \
  DEFINE_BUTTERFLY8(narrow_##S, narrow_##S, T)  \
  DEFINE_RADIX(S, T, 2)                         \
  DEFINE_RADIX(S, T, 3)                         \
  DEFINE_RADIX(S, T, 4)                         \
  DEFINE_RADIX(S, T, 5)                         \
  DEFINE_RADIX(S, T, 8)                         \
  DEFINE_ODD(S, T, 7)                           \
  DEFINE_ODD(S, T, 11)                          \
  DEFINE_ODD(S, T, 13)                          \
  DEFINE_ANY_POINT(S, T, T)                     \
  DEFINE_ANY_POINT(vector_##S, vec_##S, T)      \
  DEFINE_ANY_POINT(narrow_##S, narrow_##S, T)   \
  DEFINE_STAGE(S, T, _any, 0)
DEFINE_STAGES(f32, float)
DEFINE_STAGES(f64, double)

#define STAGES(S)                                                                                  \
  {[0] = stage_any_##S, [2] = stage2_##S, [3] = stage3_##S,   [4] = stage4_##S,  [5] = stage5_##S, \
   [7] = stage7_##S,    [8] = stage8_##S, [11] = stage11_##S, [13] = stage13_##S}
static const mjx_fft_fn fft_table[2][MJX_FFT_N_STAGES] = {STAGES(f32), STAGES(f64)};

/* ---- between complex elements and parts that are apart ---- */

#define DEFINE_PAIRS(S, T)                                                                         \
  static void split_line_##S(int64_t n, const T *restrict x, T *restrict re, T *restrict im) {     \
    for (int64_t i = 0; i < n; i++) re[i] = x[2 * i], im[i] = x[2 * i + 1];                        \
  }                                                                                                \
  static void join_line_##S(int64_t n, T scale, const T *restrict re, const T *restrict im,        \
                            T *restrict y) {                                                       \
    for (int64_t i = 0; i < n; i++) y[2 * i] = re[i] * scale, y[2 * i + 1] = im[i] * scale;        \
  }                                                                                                \
  /* Whether pairs of neighbouring lines are neighbours too. */                                    \
  static int are_adjacent_##S(const mjx_fft_pairs *pairs) {                                        \
    for (int64_t w = 1; w < pairs->width; w++)                                                     \
      if ((T *)pairs->lines[w] != (T *)pairs->lines[0] + 2 * w) return 0;                          \
    return 1;                                                                                      \
  }                                                                                                \
  /* Lines w.. one by one, points first..last-1. */                                                \
  static void split_some_##S(const mjx_fft_pairs *pairs, int64_t w, int64_t first, int64_t last) { \
    T *re = pairs->re, *im = pairs->im;                                                            \
    for (; w < pairs->width; w++) {                                                                \
      const T *x = pairs->lines[w];                                                                \
      for (int64_t k = first; k < last; k++) {                                                     \
        re[k * pairs->width + w] = x[k * pairs->step];                                             \
        im[k * pairs->width + w] = x[k * pairs->step + 1];                                         \
      }                                                                                            \
    }                                                                                              \
  }                                                                                                \
  static void join_some_##S(const mjx_fft_pairs *pairs, int64_t w, int64_t first, int64_t last) {  \
    const T *re = pairs->re, *im = pairs->im;                                                      \
    for (; w < pairs->width; w++) {                                                                \
      T *y = pairs->lines[w];                                                                      \
      for (int64_t k = first; k < last; k++) {                                                     \
        y[k * pairs->step] = re[k * pairs->width + w] * (T)pairs->scale;                           \
        y[k * pairs->step + 1] = im[k * pairs->width + w] * (T)pairs->scale;                       \
      }                                                                                            \
    }                                                                                              \
  }                                                                                                \
  static void split_##S(const mjx_fft_pairs *pairs) {                                              \
    int64_t count = pairs->count, width = pairs->width;                                            \
    T *re = pairs->re, *im = pairs->im;                                                            \
    if (width == 1 && pairs->step == 2) {                                                          \
      split_line_##S(count, pairs->lines[0], re, im);                                              \
    } else if (are_adjacent_##S(pairs)) {                                                          \
      const T *x = pairs->lines[0];                                                                \
      for (int64_t k = 0; k < count; k++, x += pairs->step)                                        \
        split_line_##S(width, x, re + k * width, im + k * width);                                  \
    } else {                                                                                       \
      split_apart_##S(pairs);                                                                      \
    }                                                                                              \
  }                                                                                                \
  static void join_##S(const mjx_fft_pairs *pairs) {                                               \
    int64_t count = pairs->count, width = pairs->width;                                            \
    const T *re = pairs->re, *im = pairs->im, scale = (T)pairs->scale;                             \
    if (width == 1 && pairs->step == 2) {                                                          \
      join_line_##S(count, scale, re, im, pairs->lines[0]);                                        \
    } else if (are_adjacent_##S(pairs)) {                                                          \
      T *y = pairs->lines[0];                                                                      \
      for (int64_t k = 0; k < count; k++, y += pairs->step)                                        \
        join_line_##S(width, scale, re + k * width, im + k * width, y);                            \
    } else {                                                                                       \
      join_apart_##S(pairs);                                                                       \
    }                                                                                              \
  }

enum { PAIRS_BLOCK = 8 }; /* of F32: a cache line */

MJX_INLINE void turn_quads(lanes4_f32 *x) {
  lanes4_f32 a = SHUFFLE_LANES(lanes4_i32, x[0], x[1], 0, 4, 1, 5);
  lanes4_f32 b = SHUFFLE_LANES(lanes4_i32, x[0], x[1], 2, 6, 3, 7);
  lanes4_f32 c = SHUFFLE_LANES(lanes4_i32, x[2], x[3], 0, 4, 1, 5);
  lanes4_f32 d = SHUFFLE_LANES(lanes4_i32, x[2], x[3], 2, 6, 3, 7);
  x[0] = SHUFFLE_LANES(lanes4_i32, a, c, 0, 1, 4, 5);
  x[1] = SHUFFLE_LANES(lanes4_i32, a, c, 2, 3, 6, 7);
  x[2] = SHUFFLE_LANES(lanes4_i32, b, d, 0, 1, 4, 5);
  x[3] = SHUFFLE_LANES(lanes4_i32, b, d, 2, 3, 6, 7);
}

/* Points k..k+3 of lines w..w+3, which are contiguous. */
MJX_INLINE void split_quads(const mjx_fft_pairs *pairs, int64_t w, int64_t k) {
  lanes4_f32 r[4], m[4];
  for (int l = 0; l < 4; l++) {
    const lanes4_f32 *x = (const lanes4_f32 *)((const float *)pairs->lines[w + l] + 2 * k);
    r[l] = SHUFFLE_LANES(lanes4_i32, x[0], x[1], 0, 2, 4, 6);
    m[l] = SHUFFLE_LANES(lanes4_i32, x[0], x[1], 1, 3, 5, 7);
  }
  turn_quads(r);
  turn_quads(m);
  for (int p = 0; p < 4; p++) {
    int64_t at = (k + p) * pairs->width + w;
    *(lanes4_f32 *)((float *)pairs->re + at) = r[p];
    *(lanes4_f32 *)((float *)pairs->im + at) = m[p];
  }
}

MJX_INLINE void join_quads(const mjx_fft_pairs *pairs, int64_t w, int64_t k) {
  lanes4_f32 r[4], m[4];
  for (int p = 0; p < 4; p++) {
    int64_t at = (k + p) * pairs->width + w;
    r[p] = *(const lanes4_f32 *)((const float *)pairs->re + at) * (float)pairs->scale;
    m[p] = *(const lanes4_f32 *)((const float *)pairs->im + at) * (float)pairs->scale;
  }
  turn_quads(r);
  turn_quads(m);
  for (int l = 0; l < 4; l++) {
    lanes4_f32 *y = (lanes4_f32 *)((float *)pairs->lines[w + l] + 2 * k);
    y[0] = SHUFFLE_LANES(lanes4_i32, r[l], m[l], 0, 4, 1, 5);
    y[1] = SHUFFLE_LANES(lanes4_i32, r[l], m[l], 2, 6, 3, 7);
  }
}

/* Contiguous lines that lie apart: a cache line of each of four at a time. */
#define DEFINE_APART(what)                                                                         \
  static void what##_some_f32(const mjx_fft_pairs *pairs, int64_t w, int64_t first, int64_t last); \
  static void what##_apart_f32(const mjx_fft_pairs *pairs) {                                       \
    int64_t k = 0, count = pairs->count, lines = pairs->step == 2 ? pairs->width / 4 * 4 : 0;      \
    for (; lines > 0 && k + PAIRS_BLOCK <= count; k += PAIRS_BLOCK) {                              \
      for (int64_t w = 0; w < lines; w += 4)                                                       \
        for (int64_t p = k; p < k + PAIRS_BLOCK; p += 4) what##_quads(pairs, w, p);                \
    }                                                                                              \
    what##_some_f32(pairs, lines, 0, k);                                                           \
    what##_some_f32(pairs, 0, k, count);                                                           \
  }                                                                                                \
  static void what##_some_f64(const mjx_fft_pairs *pairs, int64_t w, int64_t first, int64_t last); \
  static void what##_apart_f64(const mjx_fft_pairs *pairs) {                                       \
    what##_some_f64(pairs, 0, 0, pairs->count);                                                    \
  }
DEFINE_APART(split)
DEFINE_APART(join)
DEFINE_PAIRS(f32, float)
DEFINE_PAIRS(f64, double)

static const mjx_fft_pairs_fn fft_split_table[2] = {split_f32, split_f64};
static const mjx_fft_pairs_fn fft_join_table[2] = {join_f32, join_f64};
