/* op_fft.c: FFT, discrete Fourier transforms along one extent.
 *
 * A plan, made when the program is loaded, holds the length's factors and the roots of unity of
 * every stage.  Lines are transformed `width` at a time, side by side, so that stages vectorise
 * whatever the length.  Factors above MJX_FFT_MAX_RADIX are taken by Bluestein's algorithm: a convolution
 * by a transform of a longer, smooth length, always in F64.  Real transforms of even length are
 * complex ones of half of it, taken apart afterwards (or put together before).
 */
#include <math.h>
#include <string.h>

#include "blocks.h"
#include "internal.h"

enum { MAX_STAGES = 64, MAX_WIDTH = 16, PART_SHIFT = 17 * MJX_ALIGN };
static const int64_t CACHED_BLOCK = INT64_C(1) << 11; /* elements that leave room in the cache */
static const int64_t LONG_LINE = INT64_C(1) << 12;
static const int64_t SMALL_BLOCK = INT64_C(1) << 17; /* elements that are transformed together */
static const int64_t MAX_LENGTH = INT64_C(1) << 40;
#define TWO_PI 6.283185307179586476925286766559005768L

/* A complex transform of `n` points by stages, elements of F32 or F64. */
typedef struct fft_chain {
  int64_t n;
  int n_stages;
  bool wide; /* F64 */
  mjx_fft_stage stages[MAX_STAGES];
  mjx_fft_fn kernels[MAX_STAGES];
} fft_chain;

typedef struct fft_plan {
  int64_t n;     /* as the user sees it */
  int64_t inner; /* the length of the complex transform: n, or n / 2 */
  int kind;
  bool halved;    /* a real transform through a complex one of half the length */
  bool bluestein; /* `chain` is that of the convolution */
  bool io_wide;   /* the operands are F64 */
  fft_chain chain;
  double *chirp_re, *chirp_im;       /* [inner]: e^(-pi i k^2 / inner) */
  double *spectrum_re, *spectrum_im; /* [chain.n]: of the conjugate chirp, over chain.n */
  double *half_re, *half_im;         /* [inner + 1]: e^(-2 pi i k / n), if halved */
  int64_t width;
} fft_plan;

/* Real and imaginary parts of `chain.n * width` elements. */
typedef struct fft_buffer {
  void *re, *im;
} fft_buffer;

/* ---- planning ---- */

/* e^(-2 pi i k / n), each part within half a unit of F64 or so: reduced to an eighth of a turn. */
static void root_of_unity(int64_t k, int64_t n, double *re, double *im) {
  int64_t eighths = 8 * (k % n); /* n <= 2^40 */
  int octant = (int)(eighths / n);
  int64_t rest = eighths % n;
  if (octant % 2) rest = n - rest;
  long double angle = TWO_PI * (long double)rest / ((long double)n * 8);
  long double c = cosl(angle), s = sinl(angle);
  if (octant == 1 || octant == 2 || octant == 5 || octant == 6) {
    long double swap = c;
    c = s, s = swap;
  }
  bool left = octant >= 2 && octant < 6, down = octant >= 4;
  *re = (double)(left ? -c : c);
  *im = (double)(down ? s : -s);
}

/* Roots k step of n, k < count, as elements of F32 or F64. */
static mjx_status make_roots(mjx_loader *loader, int64_t count, int64_t step, int64_t n, bool wide,
                             void *re, void *im) {
  (void)loader;
  for (int64_t k = 0; k < count; k++) {
    double c, s;
    root_of_unity(k * step % n, n, &c, &s);
    if (wide) {
      ((double *)re)[k] = c, ((double *)im)[k] = s;
    } else {
      ((float *)re)[k] = (float)c, ((float *)im)[k] = (float)s;
    }
  }
  return MJX_OK;
}

static mjx_status make_stage(mjx_loader *loader, fft_chain *chain, int64_t radix, int64_t m) {
  int size = chain->wide ? 8 : 4;
  mjx_fft_stage *stage = &chain->stages[chain->n_stages];
  char *re, *im;
  MJX_ALLOC(loader, re, radix * m * size);
  MJX_ALLOC(loader, im, radix * m * size);
  for (int64_t j = 1; j < radix; j++)
    MJX_TRY(make_roots(loader, m, j, radix * m, chain->wide, re + (j - 1) * m * size,
                       im + (j - 1) * m * size));
  *stage = (mjx_fft_stage){radix, m, re, im, NULL, NULL};
  const mjx_fft_fn *kernels = mjx_block_kernels_get()->fft[chain->wide];
  mjx_fft_fn own = radix < MJX_FFT_N_STAGES ? kernels[radix] : NULL;
  if (!own) {
    MJX_ALLOC(loader, re, radix * size);
    MJX_ALLOC(loader, im, radix * size);
    MJX_TRY(make_roots(loader, radix, 1, radix, chain->wide, re, im));
    stage->root_re = re, stage->root_im = im;
  }
  chain->kernels[chain->n_stages++] = own ? own : kernels[0];
  return MJX_OK;
}

/* The next factor to take out of n; n itself, or more than MJX_FFT_MAX_RADIX, where there is no small
 * one. */
static int64_t next_factor(int64_t n) {
  if (n % 8 == 0 && n != 16) return 8;
  if (n % 4 == 0) return 4;
  for (int64_t f = 2; f <= MJX_FFT_MAX_RADIX; f++)
    if (n % f == 0) return f;
  return n;
}

static bool is_smooth(int64_t n) {
  while (n > 1) {
    int64_t factor = next_factor(n);
    if (factor > MJX_FFT_MAX_RADIX) return false;
    n /= factor;
  }
  return true;
}

/* `single`: for lines one by one.  The first stage of long ones is best of radix 4: it reads
 * twiddles in nearly as many places as points, and those are a power of two apart. */
static mjx_status make_chain(mjx_loader *loader, fft_chain *chain, int64_t n, bool wide,
                             bool single) {
  chain->n = n, chain->wide = wide, chain->n_stages = 0;
  for (int64_t rest = n; rest > 1;) {
    int64_t radix = next_factor(rest);
    if (single && rest == n && radix == 8 && n > LONG_LINE) radix = 4;
    rest /= radix;
    MJX_TRY(make_stage(loader, chain, radix, rest));
  }
  return MJX_OK;
}

/* Lines that are transformed side by side: a vector of them, or two where those stay in the
 * cache. */
static int64_t choose_width(int64_t n, int64_t lines, bool wide) {
  int64_t lanes = mjx_block_kernels_get()->vector_bytes / (wide ? 8 : 4);
  int64_t width = MJX_MIN(lanes, MAX_WIDTH);
  if (width < MAX_WIDTH && n * width <= CACHED_BLOCK) width *= 2;
  width = MJX_MIN(width, lines);
  return n * width > SMALL_BLOCK ? 1 : width;
}

/* The least 2^a, 3 2^a or 5 2^a that is not below n. */
static int64_t convolution_length(int64_t n) {
  int64_t best = 0;
  for (int64_t odd = 1; odd <= 5; odd += 2) {
    int64_t length = odd;
    while (length < n) length *= 2;
    if (best == 0 || length < best) best = length;
  }
  return best;
}

/* ---- running a chain ---- */

/* Transforms buffers[0], `width` lines side by side; gives the index of the buffer it ends in. */
static int run_chain(const fft_chain *chain, int64_t width, const fft_buffer buffers[2]) {
  int at = 0;
  int64_t L = width;
  for (int k = 0; k < chain->n_stages; k++) {
    const fft_buffer *x = &buffers[at], *y = &buffers[!at];
    chain->kernels[k](&chain->stages[k], L, x->re, x->im, y->re, y->im);
    L *= chain->stages[k].radix;
    at = !at;
  }
  return at;
}

static fft_buffer swapped(fft_buffer buffer) { return (fft_buffer){buffer.im, buffer.re}; }

static mjx_status make_bluestein(mjx_loader *loader, fft_plan *plan, int64_t lines) {
  int64_t n = plan->inner, length = convolution_length(2 * n - 1);
  plan->width = choose_width(length, lines, true);
  MJX_TRY(make_chain(loader, &plan->chain, length, true, plan->width == 1));
  MJX_ALLOC(loader, plan->chirp_re, n * 8);
  MJX_ALLOC(loader, plan->chirp_im, n * 8);
  fft_buffer buffers[2];
  for (int b = 0; b < 2; b++) {
    MJX_ALLOC(loader, buffers[b].re, length * 8);
    MJX_ALLOC(loader, buffers[b].im, length * 8);
  }
  double *re = buffers[0].re, *im = buffers[0].im;
  int64_t square = 0; /* k^2 mod 2 n */
  for (int64_t k = 0; k < n; k++) {
    root_of_unity(square, 2 * n, &plan->chirp_re[k], &plan->chirp_im[k]);
    square = (square + 2 * k + 1) % (2 * n);
    int64_t mirror = k ? length - k : 0;
    re[k] = re[mirror] = plan->chirp_re[k] / (double)length;
    im[k] = im[mirror] = -plan->chirp_im[k] / (double)length;
  }
  int at = run_chain(&plan->chain, 1, buffers);
  plan->spectrum_re = buffers[at].re, plan->spectrum_im = buffers[at].im;
  return MJX_OK;
}

static void bluestein(const fft_plan *plan, int64_t width, const fft_buffer buffers[2], int *at) {
  double *re = buffers[0].re, *im = buffers[0].im;
  for (int64_t k = 0; k < plan->chain.n; k++) {
    bool inside = k < plan->inner;
    double c = inside ? plan->chirp_re[k] : 0, s = inside ? plan->chirp_im[k] : 0;
    for (int64_t i = k * width; i < (k + 1) * width; i++) {
      double r = inside ? re[i] * c - im[i] * s : 0;
      im[i] = inside ? re[i] * s + im[i] * c : 0, re[i] = r;
    }
  }
  int mid = run_chain(&plan->chain, width, buffers);
  re = buffers[mid].re, im = buffers[mid].im;
  for (int64_t k = 0; k < plan->chain.n; k++) {
    double c = plan->spectrum_re[k], s = plan->spectrum_im[k];
    for (int64_t i = k * width; i < (k + 1) * width; i++) {
      double r = re[i] * c - im[i] * s;
      im[i] = re[i] * s + im[i] * c, re[i] = r;
    }
  }
  /* the inverse transform: real and imaginary parts change places before and after */
  const fft_buffer turned[2] = {swapped(buffers[mid]), swapped(buffers[!mid])};
  *at = run_chain(&plan->chain, width, turned) ? !mid : mid;
  re = buffers[*at].re, im = buffers[*at].im;
  for (int64_t k = 0; k < plan->inner; k++) {
    double c = plan->chirp_re[k], s = plan->chirp_im[k];
    for (int64_t i = k * width; i < (k + 1) * width; i++) {
      double r = re[i] * c - im[i] * s;
      im[i] = re[i] * s + im[i] * c, re[i] = r;
    }
  }
}

/* Bytes of one part of a buffer.  Not a multiple of a page, so that elements of the four parts
 * that belong together do not meet in a set of the cache. */
static int64_t part_bytes(const fft_plan *plan) {
  int64_t size = plan->chain.wide ? 8 : 4;
  return mjx_round_up(plan->chain.n * plan->width * size, MJX_ALIGN) + PART_SHIFT;
}

/* ---- check ---- */

static mjx_status check_operands(const mjx_instr *instr, fft_plan *plan) {
  const mjx_operand *in = &instr->in[0], *out = &instr->out[0];
  bool from_real = plan->kind == MJX_FFT_REAL, to_real = plan->kind == MJX_FFT_TO_REAL;
  MJX_TRY(mjx_check_real(in, "the input", 3));
  MJX_TRY(mjx_check_real(out, "the output", 3));
  MJX_TRY(mjx_check_dense(out, "the output"));
  int64_t n = plan->n, half = n / 2 + 1;
  const int64_t in_shape[3] = {out->shape[0], to_real ? half : n, out->shape[2]};
  const int64_t out_shape[3] = {out->shape[0], from_real ? half : n, out->shape[2]};
  MJX_TRY(mjx_check_shape(in, "the input", 3, in_shape));
  MJX_TRY(mjx_check_shape(out, "the output", 3, out_shape));
  plan->io_wide = out->dtype == MJX_C128 || out->dtype == MJX_F64;
  int real = plan->io_wide ? MJX_F64 : MJX_F32, complex = plan->io_wide ? MJX_C128 : MJX_C64;
  if (in->dtype != (from_real ? real : complex) || out->dtype != (to_real ? real : complex))
    return mjx_fail(MJX_INVALID, "wrong dtypes");
  return MJX_OK;
}

mjx_status mjx_op_fft_check(mjx_loader *loader, mjx_instr *instr) {
  MJX_TRY(mjx_check_counts(instr, 1, 1, 2));
  fft_plan *plan;
  MJX_ALLOC(loader, plan, sizeof *plan);
  instr->plan = plan;
  int64_t kind = instr->params[0], n = instr->params[1];
  if (kind < MJX_FFT_FORWARD || kind > MJX_FFT_TO_REAL || n < 1 || n > MAX_LENGTH)
    return mjx_fail(MJX_INVALID, "kind %lld, length %lld", (long long)kind, (long long)n);
  plan->kind = (int)kind, plan->n = n;
  MJX_TRY(check_operands(instr, plan));
  if (instr->out->n == 0) return MJX_OK;
  plan->halved = kind >= MJX_FFT_REAL && n % 2 == 0;
  plan->inner = plan->halved ? n / 2 : n;
  plan->bluestein = !is_smooth(plan->inner);
  int64_t lines = instr->out->shape[0] * instr->out->shape[2];
  plan->width = choose_width(plan->inner, lines, plan->io_wide);
  if (plan->bluestein)
    MJX_TRY(make_bluestein(loader, plan, lines));
  else
    MJX_TRY(make_chain(loader, &plan->chain, plan->inner, plan->io_wide, plan->width == 1));
  if (plan->halved) {
    MJX_ALLOC(loader, plan->half_re, (plan->inner + 1) * 8);
    MJX_ALLOC(loader, plan->half_im, (plan->inner + 1) * 8);
    MJX_TRY(make_roots(loader, plan->inner + 1, 1, n, true, plan->half_re, plan->half_im));
  }
  instr->scratch_bytes = 4 * part_bytes(plan);
  return MJX_OK;
}

/* ---- run ---- */

typedef struct fft_job {
  const mjx_instr *instr;
  const mjx_frame *frame;
  int64_t lines;
} fft_job;

/* Lines first .. first + width - 1, their first elements; strides in bytes. */
typedef struct fft_lines {
  const fft_plan *plan;
  int64_t width;
  const char *in[MAX_WIDTH];
  char *out[MAX_WIDTH];
  int64_t in_stride, out_stride;
} fft_lines;

/* S: elements of the operands, W: of the buffers.  A complex element is two S.  Pairs go k by k
 * over all lines, so that the buffers are written and read in order: element k's parts lie at
 * k * step and k * step + second of each line. */
#define DEFINE_PAIRS(S, W, NAME)                                                              \
  static void load_pairs_##NAME(const fft_lines *lines, int64_t count, int64_t step,          \
                                int64_t second, W *restrict re, W *restrict im) {             \
    int64_t width = lines->width;                                                             \
    if (second == sizeof(S) && sizeof(S) == sizeof(W)) {                                      \
      mjx_fft_pairs pairs = {                                                                 \
          count, width, step / (int64_t)sizeof(S), (void *const *)lines->in, re, im, 1};      \
      mjx_block_kernels_get()->fft_split[sizeof(W) == 8](&pairs);                             \
      return;                                                                                 \
    }                                                                                         \
    for (int64_t k = 0; k < count; k++, re += width, im += width) {                           \
      for (int64_t w = 0; w < width; w++) {                                                   \
        const char *x = lines->in[w] + k * step;                                              \
        re[w] = (W) * (const S *)(const void *)x;                                             \
        im[w] = (W) * (const S *)(const void *)(x + second);                                  \
      }                                                                                       \
    }                                                                                         \
  }                                                                                           \
  static void store_pairs_##NAME(const fft_lines *lines, int64_t count, int64_t step,         \
                                 int64_t second, W scale, W *re, W *im) {                     \
    int64_t width = lines->width;                                                             \
    if (second == sizeof(S) && sizeof(S) == sizeof(W)) {                                      \
      mjx_fft_pairs pairs = {                                                                 \
          count, width, step / (int64_t)sizeof(S), (void *const *)lines->out, re, im, scale}; \
      mjx_block_kernels_get()->fft_join[sizeof(W) == 8](&pairs);                              \
      return;                                                                                 \
    }                                                                                         \
    for (int64_t k = 0; k < count; k++, re += width, im += width) {                           \
      for (int64_t w = 0; w < width; w++) {                                                   \
        char *y = lines->out[w] + k * step;                                                   \
        *(S *)(void *)y = (S)(re[w] * scale);                                                 \
        *(S *)(void *)(y + second) = (S)(im[w] * scale);                                      \
      }                                                                                       \
    }                                                                                         \
  }

#define DEFINE_IO(S, W, NAME)                                                             \
  static void load_##NAME(const fft_lines *lines, fft_buffer to) {                        \
    const fft_plan *plan = lines->plan;                                                   \
    W *re = to.re, *im = to.im;                                                           \
    int64_t width = lines->width, step = lines->in_stride;                                \
    if (plan->kind == MJX_FFT_REAL && plan->halved) {                                     \
      load_pairs_##NAME(lines, plan->inner, 2 * step, step, re, im);                      \
      return;                                                                             \
    }                                                                                     \
    if (plan->kind != MJX_FFT_REAL) {                                                     \
      int64_t count = plan->kind == MJX_FFT_TO_REAL ? plan->n / 2 + 1 : plan->n;          \
      if (plan->halved) count--; /* the last one is put in by complete */                 \
      load_pairs_##NAME(lines, count, step, sizeof(S), re, im);                           \
      if (plan->kind == MJX_FFT_TO_REAL) complete_##NAME(lines, re, im);                  \
      return;                                                                             \
    }                                                                                     \
    for (int64_t w = 0; w < width; w++) {                                                 \
      for (int64_t k = 0; k < plan->n; k++) {                                             \
        re[k * width + w] = (W) * (const S *)(const void *)(lines->in[w] + k * step);     \
        im[k * width + w] = 0;                                                            \
      }                                                                                   \
    }                                                                                     \
  }                                                                                       \
  /* spare: memory for a line more than the transform's */                                \
  static void store_##NAME(const fft_lines *lines, fft_buffer from, fft_buffer spare) {   \
    const fft_plan *plan = lines->plan;                                                   \
    W *re = from.re, *im = from.im;                                                       \
    int64_t width = lines->width, step = lines->out_stride;                               \
    bool scaled = plan->kind == MJX_FFT_INVERSE || plan->kind == MJX_FFT_TO_REAL;         \
    W scale = scaled ? (W)(1.0 / (double)plan->n) : 1;                                    \
    if (plan->kind == MJX_FFT_TO_REAL && plan->halved) {                                  \
      store_pairs_##NAME(lines, plan->inner, 2 * step, step, scale, re, im);              \
    } else if (plan->kind == MJX_FFT_TO_REAL) {                                           \
      for (int64_t w = 0; w < width; w++)                                                 \
        for (int64_t k = 0; k < plan->n; k++)                                             \
          *(S *)(void *)(lines->out[w] + k * step) = (S)(re[k * width + w] * scale);      \
    } else if (plan->halved) {                                                            \
      separate_##NAME(plan, width, re, im, spare.re, spare.im);                           \
      store_pairs_##NAME(lines, plan->inner + 1, step, sizeof(S), 1, spare.re, spare.im); \
    } else {                                                                              \
      int64_t count = plan->kind == MJX_FFT_REAL ? plan->n / 2 + 1 : plan->n;             \
      store_pairs_##NAME(lines, count, step, sizeof(S), scale, re, im);                   \
      for (int64_t w = 0; w < width && plan->kind == MJX_FFT_REAL; w++)                   \
        ((S *)(void *)lines->out[w])[1] = 0;                                              \
    }                                                                                     \
  }

/* The half spectrum of a real line made whole (odd n), or folded into one of half the length.
 * With h = n / 2: Z[k] = (X[k] + conj X[h-k]) + i e^(2 pi i k / n) (X[k] - conj X[h-k]). */
#define DEFINE_COMPLETE(S, W, NAME)                                                              \
  static void complete_##NAME(const fft_lines *lines, W *re, W *im) {                            \
    const fft_plan *plan = lines->plan;                                                          \
    int64_t width = lines->width, h = plan->inner;                                               \
    for (int64_t w = 0; w < width; w++) im[w] = 0;                                               \
    if (!plan->halved) {                                                                         \
      for (int64_t k = width; k < (h / 2 + 1) * width; k += width) {                             \
        W *mirror_re = re + h * width - k, *mirror_im = im + h * width - k;                      \
        for (int64_t w = 0; w < width; w++) mirror_re[w] = re[k + w], mirror_im[w] = -im[k + w]; \
      }                                                                                          \
      return;                                                                                    \
    }                                                                                            \
    for (int64_t w = 0; w < width; w++) {                                                        \
      W last = (W) * (const S *)(const void *)(lines->in[w] + h * lines->in_stride),             \
        first = re[w];                                                                           \
      re[w] = first + last, im[w] = first - last;                                                \
    }                                                                                            \
    for (int64_t k = 1; k <= h - k; k++) {                                                       \
      W *ar = re + k * width, *am = im + k * width;                                              \
      W *br = re + (h - k) * width, *bm = im + (h - k) * width;                                  \
      W c = (W)plan->half_re[k], s = (W)plan->half_im[k];                                        \
      for (int64_t w = 0; w < width; w++) {                                                      \
        W pr = ar[w] + br[w], pm = am[w] - bm[w], dr = ar[w] - br[w], dm = am[w] + bm[w];        \
        /* i conj(root) (dr + i dm) = tr + i tm */                                               \
        W tr = -(dm * c - dr * s), tm = dr * c + dm * s;                                         \
        ar[w] = pr + tr, am[w] = pm + tm;                                                        \
        /* at h - k the difference is -conj, the root is -conj: the same product, conjugated */  \
        br[w] = pr - tr, bm[w] = tm - pm;                                                        \
      }                                                                                          \
    }                                                                                            \
  }

/* X[k] = (Z[k] + conj Z[h-k]) / 2 - i / 2 e^(-2 pi i k / n) (Z[k] - conj Z[h-k]), k <= h. */
#define DEFINE_SEPARATE(S, W, NAME)                                                          \
  static void separate_##NAME(const fft_plan *plan, int64_t width, const W *re, const W *im, \
                              W *restrict to_re, W *restrict to_im) {                        \
    int64_t h = plan->inner;                                                                 \
    for (int64_t k = 0; k <= h; k++, to_re += width, to_im += width) {                       \
      int64_t a = (k == h ? 0 : k) * width, b = (k == 0 ? 0 : h - k) * width;                \
      const W *ar = re + a, *am = im + a, *br = re + b, *bm = im + b;                        \
      W c = (W)plan->half_re[k], s = (W)plan->half_im[k];                                    \
      for (int64_t w = 0; w < width; w++) {                                                  \
        W pr = ar[w] + br[w], pm = am[w] - bm[w], dr = ar[w] - br[w], dm = am[w] + bm[w];    \
        to_re[w] = (W)0.5 * (pr + (dr * s + dm * c));                                        \
        to_im[w] = (W)0.5 * (pm - (dr * c - dm * s));                                        \
      }                                                                                      \
      for (int64_t w = 0; w < width && (k == 0 || k == h); w++) to_im[w] = 0;                \
    }                                                                                        \
  }

#define DEFINE_LINES(S, W, NAME) \
  DEFINE_COMPLETE(S, W, NAME)    \
  DEFINE_SEPARATE(S, W, NAME)    \
  DEFINE_PAIRS(S, W, NAME)       \
  DEFINE_IO(S, W, NAME)
DEFINE_LINES(float, float, f32)
DEFINE_LINES(float, double, mixed)
DEFINE_LINES(double, double, f64)

static void transform_lines(const fft_lines *lines, char *scratch) {
  const fft_plan *plan = lines->plan;
  bool wide = plan->chain.wide, mixed = wide && !plan->io_wide;
  int64_t part = part_bytes(plan);
  const fft_buffer buffers[2] = {{scratch, scratch + part},
                                 {scratch + 2 * part, scratch + 3 * part}};
  (mixed ? load_mixed : wide ? load_f64 : load_f32)(lines, buffers[0]);
  bool inverse = plan->kind == MJX_FFT_INVERSE || plan->kind == MJX_FFT_TO_REAL;
  fft_buffer turned[2] = {buffers[0], buffers[1]};
  if (inverse) turned[0] = swapped(buffers[0]), turned[1] = swapped(buffers[1]);
  int at = 0;
  if (plan->bluestein)
    bluestein(plan, lines->width, turned, &at);
  else
    at = run_chain(&plan->chain, lines->width, turned);
  (mixed ? store_mixed : wide ? store_f64 : store_f32)(lines, buffers[at], buffers[!at]);
}

static void fft_task(void *arg, int64_t begin, int64_t end, char *scratch) {
  const fft_job *job = arg;
  const fft_plan *plan = job->instr->plan;
  const mjx_operand *in = &job->instr->in[0], *out = &job->instr->out[0];
  fft_lines lines = {.plan = plan,
                     .in_stride = in->strides[1] * in->size,
                     .out_stride = out->strides[1] * out->size};
  for (int64_t block = begin; block < end; block++) {
    int64_t first = block * plan->width;
    lines.width = MJX_MIN(plan->width, job->lines - first);
    for (int64_t w = 0; w < lines.width; w++) {
      int64_t o = (first + w) / out->shape[2], i = (first + w) % out->shape[2];
      lines.in[w] = mjx_at(job->frame, in) + (o * in->strides[0] + i * in->strides[2]) * in->size;
      lines.out[w] =
          mjx_at(job->frame, out) + (o * out->strides[0] + i * out->strides[2]) * out->size;
    }
    transform_lines(&lines, scratch);
  }
}

mjx_status mjx_op_fft_run(const mjx_instr *instr, mjx_frame *frame) {
  if (instr->out->n == 0) return MJX_OK;
  const fft_plan *plan = instr->plan;
  fft_job job = {instr, frame, instr->out->shape[0] * instr->out->shape[2]};
  int64_t blocks = (job.lines + plan->width - 1) / plan->width;
  mjx_pool_for(blocks, job.lines * plan->chain.n * 4, instr->scratch_bytes, frame->scratch,
               fft_task, &job);
  return MJX_OK;
}
