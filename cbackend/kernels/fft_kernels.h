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

/* Elements of a and b by turns: those of their first halves, then those of their second. */
#if VECTOR_BYTES == 64
#define ZIP_LOW_f32  0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23
#define ZIP_HIGH_f32 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31
#define ZIP_LOW_f64  0, 8, 1, 9, 2, 10, 3, 11
#define ZIP_HIGH_f64 4, 12, 5, 13, 6, 14, 7, 15
#elif VECTOR_BYTES == 32
#define ZIP_LOW_f32  0, 8, 1, 9, 2, 10, 3, 11
#define ZIP_HIGH_f32 4, 12, 5, 13, 6, 14, 7, 15
#define ZIP_LOW_f64  0, 4, 1, 5
#define ZIP_HIGH_f64 2, 6, 3, 7
#else
#define ZIP_LOW_f32  0, 4, 1, 5
#define ZIP_HIGH_f32 2, 6, 3, 7
#define ZIP_LOW_f64  0, 2
#define ZIP_HIGH_f64 1, 3
#endif
/* The lists of lanes are expanded before they are handed on. */
#define ZIP(U, a, b, ...) SHUFFLE_LANES(U, a, b, __VA_ARGS__)
#define ZIP_f32(a, b, low, high) \
  low = ZIP(vec_u32, a, b, ZIP_LOW_f32), high = ZIP(vec_u32, a, b, ZIP_HIGH_f32)
#define ZIP_f64(a, b, low, high) \
  low = ZIP(vec_u64, a, b, ZIP_LOW_f64), high = ZIP(vec_u64, a, b, ZIP_HIGH_f64)

/* y[R i + j] = r[j][i]: vectors side by side, taken apart by hand, or by halves where R is a power
 * of two. */
#define DEFINE_SPREAD(S, V, T, R)                          \
  MJX_INLINE void spread##R##_##S(const V *r, T *y) {      \
    for (int i = 0; i < (int)(sizeof(V) / sizeof(T)); i++) \
      for (int j = 0; j < R; j++) y[R * i + j] = r[j][i];  \
  }
#define DEFINE_ZIPPED_SPREADS(S, V, T, ZIP)                                     \
  MJX_INLINE void spread2_##S(const V *r, T *y) {                               \
    V *to = (V *)y;                                                             \
    ZIP(r[0], r[1], to[0], to[1]);                                              \
  }                                                                             \
  MJX_INLINE void spread4_##S(const V *r, T *y) {                               \
    V even[2], odd[2], *to = (V *)y;                                            \
    ZIP(r[0], r[2], even[0], even[1]);                                          \
    ZIP(r[1], r[3], odd[0], odd[1]);                                            \
    for (int k = 0; k < 2; k++) ZIP(even[k], odd[k], to[2 * k], to[2 * k + 1]); \
  }                                                                             \
  MJX_INLINE void spread8_##S(const V *r, T *y) {                               \
    V a[2], b[2], even[4], odd[4], *to = (V *)y;                                \
    ZIP(r[0], r[4], a[0], a[1]);                                                \
    ZIP(r[2], r[6], b[0], b[1]);                                                \
    for (int k = 0; k < 2; k++) ZIP(a[k], b[k], even[2 * k], even[2 * k + 1]);  \
    ZIP(r[1], r[5], a[0], a[1]);                                                \
    ZIP(r[3], r[7], b[0], b[1]);                                                \
    for (int k = 0; k < 2; k++) ZIP(a[k], b[k], odd[2 * k], odd[2 * k + 1]);    \
    for (int k = 0; k < 4; k++) ZIP(even[k], odd[k], to[2 * k], to[2 * k + 1]); \
  }
DEFINE_ZIPPED_SPREADS(vector_f32, vec_f32, float, ZIP_f32)
DEFINE_ZIPPED_SPREADS(vector_f64, vec_f64, double, ZIP_f64)

/* The last vector ends where the elements do: it makes some a second time, of what is still
 * there. */
#define EACH_VECTOR(q, L, LANES)                               \
  for (int64_t q##_at = 0, q = 0; q##_at < L; q##_at += LANES) \
    if ((q = MJX_LEAST(q##_at, L - LANES)), 1)

/* The first stage of a single line, L = 1: vectors go over p. */
#define DEFINE_FIRST(S, V, T, R)                                                            \
  MJX_INLINE int64_t first##R##_##S(const mjx_fft_stage *stage, const T *restrict xr,       \
                                    const T *restrict xm, T *restrict yr, T *restrict ym) { \
    enum { LANES = sizeof(V) / sizeof(T) };                                                 \
    const T *restrict wr = stage->twiddle_re, *restrict wm = stage->twiddle_im;             \
    int64_t m_ = stage->m;                                                                  \
    if (m_ < LANES) return 0;                                                               \
    EACH_VECTOR(p, m_, LANES) {                                                             \
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
      spread##R##_##S(r, yr + R * p);                                                       \
      spread##R##_##S(m, ym + R * p);                                                       \
    }                                                                                       \
    return m_;                                                                              \
  }

/* Stages take the longest vectors that L holds, then single elements.  FIRST: how many groups of a
 * single line the first stage has done. */
#define IN_VECTORS(S, R, LANES, KIND)     \
  for (; p < stage->m && L >= LANES; p++) \
  EACH_VECTOR(q, L, LANES) point##R##_##KIND##_##S(stage, L, p, q, xr, xm, yr, ym)
#if VECTOR_BYTES == 64
#define IN_MIDDLE_VECTORS(S, R) IN_VECTORS(S, R, MIDDLE_##S, middle)
#else
#define IN_MIDDLE_VECTORS(S, R) (void)0
#endif
#define DEFINE_STAGE(S, T, R, FIRST)                                                  \
  static void stage##R##_##S(const mjx_fft_stage *stage, int64_t L, const void *xr_,  \
                             const void *xm_, void *yr_, void *ym_) {                 \
    const T *restrict xr = xr_, *restrict xm = xm_;                                   \
    T *restrict yr = yr_, *restrict ym = ym_;                                         \
    int64_t p = L == 1 ? FIRST : 0;                                                   \
    IN_VECTORS(S, R, LANES_##S, vector);                                              \
    IN_MIDDLE_VECTORS(S, R);                                                          \
    IN_VECTORS(S, R, NARROW_##S, narrow);                                             \
    for (; p < stage->m; p++)                                                         \
      for (int64_t q = 0; q < L; q++) point##R##_##S(stage, L, p, q, xr, xm, yr, ym); \
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

/* Vectors of 16 bytes, and of 32, for an L that is less than the longest ones. */
typedef float element_f32;
typedef double element_f64;
typedef float narrow_f32 __attribute__((vector_size(16), aligned(4), may_alias));
typedef double narrow_f64 __attribute__((vector_size(16), aligned(8), may_alias));
typedef float middle_f32 __attribute__((vector_size(32), aligned(4), may_alias));
typedef double middle_f64 __attribute__((vector_size(32), aligned(8), may_alias));
enum { NARROW_f32 = 4, NARROW_f64 = 2, MIDDLE_f32 = 8, MIDDLE_f64 = 4 };

/* DEFINE(name, type of what is worked on, element type, ..) for elements and for all vectors. */
#if VECTOR_BYTES == 64
#define FOR_MIDDLE(DEFINE, S, ...) DEFINE(middle_##S, middle_##S, __VA_ARGS__)
#else
#define FOR_MIDDLE(DEFINE, S, ...)
#endif
#define FOR_WIDTHS(DEFINE, S, ...)            \
  DEFINE(S, element_##S, __VA_ARGS__)         \
  DEFINE(vector_##S, vec_##S, __VA_ARGS__)    \
  DEFINE(narrow_##S, narrow_##S, __VA_ARGS__) \
  FOR_MIDDLE(DEFINE, S, __VA_ARGS__)

#define DEFINE_RADIX(S, T, R)             \
  FOR_WIDTHS(DEFINE_POINT, S, T, R)       \
  DEFINE_FIRST(vector_##S, vec_##S, T, R) \
  DEFINE_STAGE(S, T, R, first##R##_vector_##S(stage, xr, xm, yr, ym))
#define DEFINE_SPREAD_RADIX(S, T, R)       \
  DEFINE_SPREAD(vector_##S, vec_##S, T, R) \
  DEFINE_RADIX(S, T, R)
#define DEFINE_ODD(S, T, R)                 \
  FOR_WIDTHS(DEFINE_ODD_BUTTERFLY, S, T, R) \
  DEFINE_SPREAD_RADIX(S, T, R)

#define DEFINE_STAGES(S, T)            \
  FOR_WIDTHS(DEFINE_BUTTERFLIES, S, T) \
  FOR_WIDTHS(DEFINE_BUTTERFLY8, S, T)  \
  DEFINE_RADIX(S, T, 2)                \
  DEFINE_SPREAD_RADIX(S, T, 3)         \
  DEFINE_RADIX(S, T, 4)                \
  DEFINE_SPREAD_RADIX(S, T, 5)         \
  DEFINE_RADIX(S, T, 8)                \
  DEFINE_ODD(S, T, 7)                  \
  DEFINE_ODD(S, T, 11)                 \
  DEFINE_ODD(S, T, 13)                 \
  FOR_WIDTHS(DEFINE_ANY_POINT, S, T)   \
  DEFINE_STAGE(S, T, _any, 0)
DEFINE_STAGES(f32, float)
DEFINE_STAGES(f64, double)

#define STAGES(S)                                                                                  \
  {[0] = stage_any_##S, [2] = stage2_##S, [3] = stage3_##S,   [4] = stage4_##S,  [5] = stage5_##S, \
   [7] = stage7_##S,    [8] = stage8_##S, [11] = stage11_##S, [13] = stage13_##S}
static const mjx_fft_fn fft_table[2][MJX_FFT_N_STAGES] = {STAGES(f32), STAGES(f64)};
