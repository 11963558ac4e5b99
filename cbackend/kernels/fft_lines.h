/* fft_lines.h: between operands and the buffers of Fourier transforms, and what real transforms
 * and Bluestein's algorithm add to stages; included once per instruction set by blocks_impl.h,
 * after fft_kernels.h.
 */

/* ---- between elements of operands (X) and parts that are apart (T) ---- */

#define DEFINE_PAIRS(S, X, T)                                                                      \
  static void split_line_##S(int64_t n, const X *restrict x, T *restrict re, T *restrict im) {     \
    for (int64_t i = 0; i < n; i++) re[i] = (T)x[2 * i], im[i] = (T)x[2 * i + 1];                  \
  }                                                                                                \
  static void join_line_##S(int64_t n, T scale, const T *restrict re, const T *restrict im,        \
                            X *restrict y) {                                                       \
    for (int64_t i = 0; i < n; i++) {                                                              \
      y[2 * i] = (X)(re[i] * scale);                                                               \
      y[2 * i + 1] = (X)(im[i] * scale);                                                           \
    }                                                                                              \
  }                                                                                                \
  static void read_line_##S(int64_t n, const X *restrict x, T *restrict part) {                    \
    for (int64_t i = 0; i < n; i++) part[i] = (T)x[i];                                             \
  }                                                                                                \
  static void write_line_##S(int64_t n, T scale, const T *restrict part, X *restrict y) {          \
    for (int64_t i = 0; i < n; i++) y[i] = (X)(part[i] * scale);                                   \
  }                                                                                                \
  /* Whether neighbouring lines are `apart` from each other. */                                    \
  static int are_apart_##S(const mjx_fft_pairs *pairs, int64_t apart) {                            \
    for (int64_t w = 1; w < pairs->width; w++)                                                     \
      if ((X *)pairs->lines[w] != (X *)pairs->lines[0] + apart * w) return 0;                      \
    return 1;                                                                                      \
  }                                                                                                \
  /* Lines w.. one by one, points first..last-1. */                                                \
  static void split_some_##S(const mjx_fft_pairs *pairs, int64_t w, int64_t first, int64_t last) { \
    int64_t width = pairs->width, step = pairs->step;                                              \
    T *restrict re = pairs->re, *restrict im = pairs->im;                                          \
    for (; w < width; w++) {                                                                       \
      const X *x = pairs->lines[w], *second = x + pairs->second;                                   \
      for (int64_t k = first; k < last; k++) {                                                     \
        re[k * width + w] = (T)x[k * step];                                                        \
        im[k * width + w] = (T)second[k * step];                                                   \
      }                                                                                            \
    }                                                                                              \
  }                                                                                                \
  static void join_some_##S(const mjx_fft_pairs *pairs, int64_t w, int64_t first, int64_t last) {  \
    const T *re = pairs->re, *im = pairs->im, scale = (T)pairs->scale;                             \
    int64_t width = pairs->width, step = pairs->step;                                              \
    for (; w < width; w++) {                                                                       \
      X *y = pairs->lines[w], *second = y + pairs->second;                                         \
      for (int64_t k = first; k < last; k++) {                                                     \
        y[k * step] = (X)(re[k * width + w] * scale);                                              \
        second[k * step] = (X)(im[k * width + w] * scale);                                         \
      }                                                                                            \
    }                                                                                              \
  }                                                                                                \
  static void split_##S(const mjx_fft_pairs *pairs) {                                              \
    int64_t count = pairs->count, width = pairs->width, step = pairs->step;                        \
    const X *x = pairs->lines[0];                                                                  \
    T *re = pairs->re, *im = pairs->im;                                                            \
    if (width == 1 && step == 2 && pairs->second == 1) {                                           \
      split_line_##S(count, x, re, im);                                                            \
    } else if (pairs->second == 1 && step == 2) {                                                  \
      split_apart_##S(pairs);                                                                      \
    } else if (pairs->second == 1 && are_apart_##S(pairs, 2)) {                                    \
      for (int64_t k = 0; k < count; k++)                                                          \
        split_line_##S(width, x + k * step, re + k * width, im + k * width);                       \
    } else if (are_apart_##S(pairs, 1)) {                                                          \
      for (int64_t k = 0; k < count; k++) {                                                        \
        read_line_##S(width, x + k * step, re + k * width);                                        \
        read_line_##S(width, x + k * step + pairs->second, im + k * width);                        \
      }                                                                                            \
    } else {                                                                                       \
      split_some_##S(pairs, 0, 0, count);                                                          \
    }                                                                                              \
  }                                                                                                \
  static void join_##S(const mjx_fft_pairs *pairs) {                                               \
    int64_t count = pairs->count, width = pairs->width, step = pairs->step;                        \
    const T *re = pairs->re, *im = pairs->im, scale = (T)pairs->scale;                             \
    X *y = pairs->lines[0];                                                                        \
    if (width == 1 && step == 2 && pairs->second == 1) {                                           \
      join_line_##S(count, scale, re, im, y);                                                      \
    } else if (pairs->second == 1 && step == 2) {                                                  \
      join_apart_##S(pairs);                                                                       \
    } else if (pairs->second == 1 && are_apart_##S(pairs, 2)) {                                    \
      for (int64_t k = 0; k < count; k++)                                                          \
        join_line_##S(width, scale, re + k * width, im + k * width, y + k * step);                 \
    } else if (are_apart_##S(pairs, 1)) {                                                          \
      for (int64_t k = 0; k < count; k++) {                                                        \
        write_line_##S(width, scale, re + k * width, y + k * step);                                \
        write_line_##S(width, scale, im + k * width, y + k * step + pairs->second);                \
      }                                                                                            \
    } else {                                                                                       \
      join_some_##S(pairs, 0, 0, count);                                                           \
    }                                                                                              \
  }

/* Four vectors of four become their transpose. */
typedef double lanes4_f64 __attribute__((vector_size(32), aligned(8), may_alias));
typedef int64_t lanes4_i64 __attribute__((vector_size(32)));
#define DEFINE_TURN(S, I)                                    \
  MJX_INLINE void turn_quads_##S(lanes4_##S *x) {            \
    lanes4_##S a = SHUFFLE_LANES(I, x[0], x[1], 0, 4, 2, 6); \
    lanes4_##S b = SHUFFLE_LANES(I, x[0], x[1], 1, 5, 3, 7); \
    lanes4_##S c = SHUFFLE_LANES(I, x[2], x[3], 0, 4, 2, 6); \
    lanes4_##S d = SHUFFLE_LANES(I, x[2], x[3], 1, 5, 3, 7); \
    x[0] = SHUFFLE_LANES(I, a, c, 0, 1, 4, 5);               \
    x[1] = SHUFFLE_LANES(I, b, d, 0, 1, 4, 5);               \
    x[2] = SHUFFLE_LANES(I, a, c, 2, 3, 6, 7);               \
    x[3] = SHUFFLE_LANES(I, b, d, 2, 3, 6, 7);               \
  }
DEFINE_TURN(f32, lanes4_i32)
DEFINE_TURN(f64, lanes4_i64)

/* Points k and k + 1 of lines w..w+3, which are contiguous: two pairs are four elements. */
#define DEFINE_QUADS(S, T)                                                                \
  MJX_INLINE void split_quads_##S(const mjx_fft_pairs *pairs, int64_t w, int64_t k) {     \
    T *re = (T *)pairs->re + k * pairs->width + w;                                        \
    T *im = (T *)pairs->im + k * pairs->width + w;                                        \
    lanes4_##S x[4];                                                                      \
    for (int l = 0; l < 4; l++)                                                           \
      x[l] = *(const lanes4_##S *)((const T *)pairs->lines[w + l] + 2 * k);               \
    turn_quads_##S(x);                                                                    \
    *(lanes4_##S *)re = x[0], *(lanes4_##S *)im = x[1];                                   \
    *(lanes4_##S *)(re + pairs->width) = x[2];                                            \
    *(lanes4_##S *)(im + pairs->width) = x[3];                                            \
  }                                                                                       \
  MJX_INLINE void join_quads_##S(const mjx_fft_pairs *pairs, int64_t w, int64_t k) {      \
    const T *re = (const T *)pairs->re + k * pairs->width + w;                            \
    const T *im = (const T *)pairs->im + k * pairs->width + w, scale = (T)pairs->scale;   \
    lanes4_##S x[4] = {*(const lanes4_##S *)re, *(const lanes4_##S *)im,                  \
                       *(const lanes4_##S *)(re + pairs->width),                          \
                       *(const lanes4_##S *)(im + pairs->width)};                         \
    for (int l = 0; l < 4; l++) x[l] *= scale;                                            \
    turn_quads_##S(x);                                                                    \
    for (int l = 0; l < 4; l++) *(lanes4_##S *)((T *)pairs->lines[w + l] + 2 * k) = x[l]; \
  }
DEFINE_QUADS(f32, float)
DEFINE_QUADS(f64, double)

/* Contiguous lines that lie apart: a cache line of each of four at a time. */
#define DEFINE_APART(what, S, POINTS)                                                              \
  static void what##_some_##S(const mjx_fft_pairs *pairs, int64_t w, int64_t first, int64_t last); \
  static void what##_apart_##S(const mjx_fft_pairs *pairs) {                                       \
    int64_t k = 0, count = pairs->count, lines = pairs->width / 4 * 4;                             \
    for (; lines > 0 && k + POINTS <= count; k += POINTS) {                                        \
      for (int64_t w = 0; w < lines; w += 4)                                                       \
        for (int64_t p = k; p < k + POINTS; p += 2) what##_quads_##S(pairs, w, p);                 \
    }                                                                                              \
    what##_some_##S(pairs, lines, 0, k);                                                           \
    what##_some_##S(pairs, 0, k, count);                                                           \
  }
DEFINE_APART(split, f32, 8)
DEFINE_APART(join, f32, 8)
DEFINE_APART(split, f64, 4)
DEFINE_APART(join, f64, 4)
static void split_some_mixed(const mjx_fft_pairs *pairs, int64_t w, int64_t first, int64_t last);
static void join_some_mixed(const mjx_fft_pairs *pairs, int64_t w, int64_t first, int64_t last);
static void split_apart_mixed(const mjx_fft_pairs *pairs) {
  split_some_mixed(pairs, 0, 0, pairs->count);
}
static void join_apart_mixed(const mjx_fft_pairs *pairs) {
  join_some_mixed(pairs, 0, 0, pairs->count);
}
DEFINE_PAIRS(f32, float, float)
DEFINE_PAIRS(f64, double, double)
DEFINE_PAIRS(mixed, float, double)

static const mjx_fft_pairs_fn fft_split_table[3] = {split_f32, split_f64, split_mixed};
static const mjx_fft_pairs_fn fft_join_table[3] = {join_f32, join_f64, join_mixed};

/* ---- half spectra ---- */

#if VECTOR_BYTES == 64
#define BACKWARDS_f32 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0
#define BACKWARDS_f64 7, 6, 5, 4, 3, 2, 1, 0
#elif VECTOR_BYTES == 32
#define BACKWARDS_f32 7, 6, 5, 4, 3, 2, 1, 0
#define BACKWARDS_f64 3, 2, 1, 0
#else
#define BACKWARDS_f32 3, 2, 1, 0
#define BACKWARDS_f64 1, 0
#endif
MJX_INLINE vec_f32 backwards_f32(const float *x) {
  const vec_f32 v = *(const vec_f32 *)x;
  return ZIP(vec_u32, v, v, BACKWARDS_f32);
}
MJX_INLINE vec_f64 backwards_f64(const double *x) {
  const vec_f64 v = *(const vec_f64 *)x;
  return ZIP(vec_u64, v, v, BACKWARDS_f64);
}

/* One point k (or V of them): a is the one there, b that at h - k, c + i s is w^k.
 * separate: X[k] = (Z[k] + conj Z[h-k]) / 2 - i / 2 w^k (Z[k] - conj Z[h-k]), k <= h, where Z[h]
 * is Z[0].  fold, the other way, but for a factor of 2:
 * Z[k] = (X[k] + conj X[h-k]) + i conj(w^k) (X[k] - conj X[h-k]), k < h. */
#define DEFINE_HALF_POINTS(S, V, T)                                                          \
  MJX_INLINE void separate_point_##S(V ar, V am, V br, V bm, V c, V s, T *to_re, T *to_im) { \
    V pr = ar + br, pm = am - bm, dr = ar - br, dm = am + bm;                                \
    *(V *)to_re = (T)0.5 * (pr + (dr * s + dm * c));                                         \
    *(V *)to_im = (T)0.5 * (pm - (dr * c - dm * s));                                         \
  }                                                                                          \
  MJX_INLINE void fold_point_##S(V ar, V am, V br, V bm, V c, V s, T *to_re, T *to_im) {     \
    V pr = ar + br, pm = am - bm, dr = ar - br, dm = am + bm;                                \
    *(V *)to_re = pr - (dm * c - dr * s);                                                    \
    *(V *)to_im = pm + (dr * c + dm * s);                                                    \
  }
DEFINE_HALF_POINTS(f32, float, float)
DEFINE_HALF_POINTS(f64, double, double)
DEFINE_HALF_POINTS(vector_f32, vec_f32, float)
DEFINE_HALF_POINTS(vector_f64, vec_f64, double)

/* Points 1 .. h - 1: the ends come from `what`_ends. */
#define DEFINE_HALVES(what, S, T)                                                                  \
  static void what##_##S(const mjx_fft_halves *x) {                                                \
    const T *cosines = x->cosines, *sines = x->sines, *re = x->re, *im = x->im;                    \
    T *to_re = x->to_re, *to_im = x->to_im;                                                        \
    int64_t h = x->h, width = x->width;                                                            \
    what##_ends_##S(x);                                                                            \
    if (width == 1 && h > LANES_##S) {                                                             \
      EACH_VECTOR(i, h - 1, LANES_##S) {                                                           \
        int64_t a = i + 1, b = h - a - (LANES_##S - 1);                                            \
        what##_point_vector_##S(*(const vec_##S *)(re + a), *(const vec_##S *)(im + a),            \
                                backwards_##S(re + b), backwards_##S(im + b),                      \
                                *(const vec_##S *)(cosines + a), *(const vec_##S *)(sines + a),    \
                                to_re + a, to_im + a);                                             \
      }                                                                                            \
      return;                                                                                      \
    }                                                                                              \
    for (int64_t k = 1; k < h; k++) {                                                              \
      T c = cosines[k], s = sines[k];                                                              \
      int64_t a = k * width, b = (h - k) * width, w = 0;                                           \
      for (; w + LANES_##S <= width; w += LANES_##S)                                               \
        what##_point_vector_##S(*(const vec_##S *)(re + a + w), *(const vec_##S *)(im + a + w),    \
                                *(const vec_##S *)(re + b + w), *(const vec_##S *)(im + b + w),    \
                                c - (vec_##S){0}, s - (vec_##S){0}, to_re + a + w, to_im + a + w); \
      for (; w < width; w++)                                                                       \
        what##_point_##S(re[a + w], im[a + w], re[b + w], im[b + w], c, s, to_re + a + w,          \
                         to_im + a + w);                                                           \
    }                                                                                              \
  }
#define DEFINE_BOTH_HALVES(S, T)                               \
  MJX_INLINE void separate_ends_##S(const mjx_fft_halves *x) { \
    const T *re = x->re, *im = x->im;                          \
    T *to_re = x->to_re, *to_im = x->to_im;                    \
    int64_t end = x->h * x->width;                             \
    for (int64_t w = 0; w < x->width; w++) {                   \
      to_re[w] = re[w] + im[w], to_im[w] = 0;                  \
      to_re[end + w] = re[w] - im[w], to_im[end + w] = 0;      \
    }                                                          \
  }                                                            \
  MJX_INLINE void fold_ends_##S(const mjx_fft_halves *x) {     \
    const T *re = x->re;                                       \
    T *to_re = x->to_re, *to_im = x->to_im;                    \
    for (int64_t w = 0; w < x->width; w++) {                   \
      T first = re[w], last = re[x->h * x->width + w];         \
      to_re[w] = first + last, to_im[w] = first - last;        \
    }                                                          \
  }                                                            \
  DEFINE_HALVES(separate, S, T)                                \
  DEFINE_HALVES(fold, S, T)
DEFINE_BOTH_HALVES(f32, float)
DEFINE_BOTH_HALVES(f64, double)

static const mjx_fft_halves_fn fft_separate_table[2] = {separate_f32, separate_f64};
static const mjx_fft_halves_fn fft_fold_table[2] = {fold_f32, fold_f64};

/* ---- products with factors that all lines share ---- */

#define DEFINE_TIMES(S, V)                                        \
  MJX_INLINE void times_##S(V c, V s, double *re_, double *im_) { \
    V *re = (V *)re_, *im = (V *)im_, r = *re * c - *im * s;      \
    *im = *re * s + *im * c;                                      \
    *re = r;                                                      \
  }
DEFINE_TIMES(one, double)
DEFINE_TIMES(vector, vec_f64)

static void fft_times(int64_t n, int64_t width, const double *c, const double *s, double *re,
                      double *im) {
  int64_t k = 0;
  for (; width == 1 && k + LANES_f64 <= n; k += LANES_f64)
    times_vector(*(const vec_f64 *)(c + k), *(const vec_f64 *)(s + k), re + k, im + k);
  for (; k < n; k++) {
    double *r = re + k * width, *m = im + k * width;
    int64_t w = 0;
    for (; w + LANES_f64 <= width; w += LANES_f64)
      times_vector(c[k] - (vec_f64){0}, s[k] - (vec_f64){0}, r + w, m + w);
    for (; w < width; w++) times_one(c[k], s[k], r + w, m + w);
  }
}
