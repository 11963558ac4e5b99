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
static const int64_t MODEST_BLOCK = INT64_C(1) << 15; /* elements that are quick to reach */
static const int64_t LONG_LINE = INT64_C(1) << 12;
static const int64_t SMALL_BLOCK = INT64_C(1) << 17; /* elements that are transformed together */
static const int64_t PREFETCHED = INT64_C(1) << 14;  /* bytes of a line */
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
  void *half_re, *half_im;           /* [inner]: e^(-2 pi i k / n), if halved */
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
static void make_roots(int64_t count, int64_t step, int64_t n, bool wide, void *re, void *im) {
  for (int64_t k = 0; k < count; k++) {
    double c, s;
    root_of_unity(k * step % n, n, &c, &s);
    if (wide) {
      ((double *)re)[k] = c, ((double *)im)[k] = s;
    } else {
      ((float *)re)[k] = (float)c, ((float *)im)[k] = (float)s;
    }
  }
}

static mjx_status make_stage(mjx_loader *loader, fft_chain *chain, int64_t radix, int64_t m) {
  int size = chain->wide ? 8 : 4;
  mjx_fft_stage *stage = &chain->stages[chain->n_stages];
  char *re, *im;
  MJX_ALLOC(loader, re, radix * m * size);
  MJX_ALLOC(loader, im, radix * m * size);
  for (int64_t j = 1; j < radix; j++)
    make_roots(m, j, radix * m, chain->wide, re + (j - 1) * m * size, im + (j - 1) * m * size);
  *stage = (mjx_fft_stage){radix, m, re, im, NULL, NULL};
  const mjx_fft_fn *kernels = mjx_block_kernels_get()->fft[chain->wide];
  mjx_fft_fn own = radix < MJX_FFT_N_STAGES ? kernels[radix] : NULL;
  if (!own) {
    MJX_ALLOC(loader, re, radix * size);
    MJX_ALLOC(loader, im, radix * size);
    make_roots(radix, 1, radix, chain->wide, re, im);
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
 * cache.  Contiguous lines go one by one where vectors fit them well, or the cache is too small for
 * several. */
static int64_t choose_width(int64_t n, int64_t lines, bool wide, bool contiguous) {
  int64_t lanes = mjx_block_kernels_get()->vector_bytes / (wide ? 8 : 4);
  int64_t width = MJX_MIN(lanes, MAX_WIDTH);
  if (contiguous && n >= 8 * lanes && (n % 4 == 0 || n * width > MODEST_BLOCK)) return 1;
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

static mjx_status make_bluestein(mjx_loader *loader, fft_plan *plan, int64_t lines,
                                 bool contiguous) {
  int64_t n = plan->inner, length = convolution_length(2 * n - 1);
  plan->width = choose_width(length, lines, true, contiguous);
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
  void (*times)(int64_t, int64_t, const double *, const double *, double *, double *) =
      mjx_block_kernels_get()->fft_times;
  double *re = buffers[0].re, *im = buffers[0].im;
  int64_t n = plan->inner, length = plan->chain.n;
  times(n, width, plan->chirp_re, plan->chirp_im, re, im);
  memset(re + n * width, 0, (size_t)((length - n) * width) * sizeof *re);
  memset(im + n * width, 0, (size_t)((length - n) * width) * sizeof *im);
  int mid = run_chain(&plan->chain, width, buffers);
  times(length, width, plan->spectrum_re, plan->spectrum_im, buffers[mid].re, buffers[mid].im);
  /* the inverse transform: real and imaginary parts change places before and after */
  const fft_buffer turned[2] = {swapped(buffers[mid]), swapped(buffers[!mid])};
  *at = run_chain(&plan->chain, width, turned) ? !mid : mid;
  times(n, width, plan->chirp_re, plan->chirp_im, buffers[*at].re, buffers[*at].im);
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
  bool contiguous = instr->in->strides[1] == 1 && instr->out->strides[1] == 1;
  plan->width = choose_width(plan->inner, lines, plan->io_wide, contiguous);
  if (plan->bluestein)
    MJX_TRY(make_bluestein(loader, plan, lines, contiguous));
  else
    MJX_TRY(make_chain(loader, &plan->chain, plan->inner, plan->io_wide, plan->width == 1));
  if (plan->halved) {
    MJX_ALLOC(loader, plan->half_re, plan->inner * 8);
    MJX_ALLOC(loader, plan->half_im, plan->inner * 8);
    make_roots(plan->inner, 1, n, plan->chain.wide, plan->half_re, plan->half_im);
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

/* Points of the lines of an operand, and where they lie in a buffer; step and second in bytes. */
static mjx_fft_pairs pairs_of(const fft_lines *lines, bool input, int64_t count, int64_t step,
                              int64_t second, fft_buffer buffer) {
  int64_t size = lines->plan->io_wide ? 8 : 4;
  return (mjx_fft_pairs){.count = count,
                         .width = lines->width,
                         .step = step / size,
                         .second = second / size,
                         .lines = input ? (void *const *)lines->in : (void *const *)lines->out,
                         .re = buffer.re,
                         .im = buffer.im,
                         .scale = 1};
}

/* S: elements of the operands, W: of the buffers.  Real lines of odd length, and the half spectra
 * of such made whole. */
#define DEFINE_ODD(S, W, NAME)                                                                 \
  static void load_real_##NAME(const fft_lines *lines, fft_buffer to) {                        \
    int64_t n = lines->plan->n, width = lines->width, step = lines->in_stride;                 \
    W *restrict re = to.re, *im = to.im;                                                       \
    memset(im, 0, (size_t)(n * width) * sizeof *im);                                           \
    for (int64_t k = 0; k < n; k++)                                                            \
      for (int64_t w = 0; w < width; w++)                                                      \
        re[k * width + w] = (W) * (const S *)(const void *)(lines->in[w] + k * step);          \
  }                                                                                            \
  static void store_real_##NAME(const fft_lines *lines, fft_buffer from, double scale) {       \
    int64_t n = lines->plan->n, width = lines->width, step = lines->out_stride;                \
    const W *restrict re = from.re;                                                            \
    for (int64_t k = 0; k < n; k++)                                                            \
      for (int64_t w = 0; w < width; w++)                                                      \
        *(S *)(void *)(lines->out[w] + k * step) = (S)(re[k * width + w] * (W)scale);          \
  }                                                                                            \
  static void mirror_##NAME(const fft_lines *lines, fft_buffer buffer) {                       \
    int64_t width = lines->width, n = lines->plan->n;                                          \
    W *re = buffer.re, *im = buffer.im;                                                        \
    for (int64_t w = 0; w < width; w++) im[w] = 0;                                             \
    for (int64_t k = width; k < (n / 2 + 1) * width; k += width) {                             \
      W *mirror_re = re + n * width - k, *mirror_im = im + n * width - k;                      \
      for (int64_t w = 0; w < width; w++) mirror_re[w] = re[k + w], mirror_im[w] = -im[k + w]; \
    }                                                                                          \
  }
DEFINE_ODD(float, float, f32)
DEFINE_ODD(float, double, mixed)
DEFINE_ODD(double, double, f64)

enum { F32_LINES, F64_LINES, MIXED_LINES }; /* types of operands and buffers */
static const struct {
  void (*load_real)(const fft_lines *, fft_buffer);
  void (*store_real)(const fft_lines *, fft_buffer, double);
  void (*mirror)(const fft_lines *, fft_buffer);
} odd[] = {{load_real_f32, store_real_f32, mirror_f32},
           {load_real_f64, store_real_f64, mirror_f64},
           {load_real_mixed, store_real_mixed, mirror_mixed}};

static int types_of(const fft_plan *plan) {
  return !plan->chain.wide ? F32_LINES : plan->io_wide ? F64_LINES : MIXED_LINES;
}

static mjx_fft_halves halves_of(const fft_lines *lines, fft_buffer from, fft_buffer to) {
  const fft_plan *plan = lines->plan;
  return (mjx_fft_halves){plan->inner, lines->width, plan->half_re, plan->half_im,
                          from.re,     from.im,      to.re,         to.im};
}

/* To buffers[0]; the buffers have room for a point more than the transform has. */
static void load_lines(const fft_lines *lines, const fft_buffer buffers[2]) {
  const fft_plan *plan = lines->plan;
  const mjx_block_kernels *kernels = mjx_block_kernels_get();
  int types = types_of(plan);
  int64_t size = plan->io_wide ? 8 : 4, step = lines->in_stride;
  if (plan->kind == MJX_FFT_REAL && !plan->halved) {
    odd[types].load_real(lines, buffers[0]);
    return;
  }
  bool folded = plan->kind == MJX_FFT_TO_REAL && plan->halved;
  int64_t count = plan->kind == MJX_FFT_TO_REAL ? plan->n / 2 + 1 : plan->inner;
  mjx_fft_pairs pairs = pairs_of(lines, true, count, step, size, buffers[folded]);
  if (plan->kind == MJX_FFT_REAL) pairs = pairs_of(lines, true, count, 2 * step, step, buffers[0]);
  kernels->fft_split[types](&pairs);
  if (folded) {
    mjx_fft_halves halves = halves_of(lines, buffers[1], buffers[0]);
    kernels->fft_fold[plan->chain.wide](&halves);
  } else if (plan->kind == MJX_FFT_TO_REAL) {
    odd[types].mirror(lines, buffers[0]);
  }
}

/* From `from`; `spare` is the other buffer. */
static void store_lines(const fft_lines *lines, fft_buffer from, fft_buffer spare) {
  const fft_plan *plan = lines->plan;
  const mjx_block_kernels *kernels = mjx_block_kernels_get();
  int types = types_of(plan);
  int64_t size = plan->io_wide ? 8 : 4, step = lines->out_stride;
  bool from_real = plan->kind == MJX_FFT_REAL, to_real = plan->kind == MJX_FFT_TO_REAL;
  double scale = to_real || plan->kind == MJX_FFT_INVERSE ? 1.0 / (double)plan->n : 1;
  if (to_real && !plan->halved) {
    odd[types].store_real(lines, from, scale);
    return;
  }
  if (from_real && plan->halved) {
    mjx_fft_halves halves = halves_of(lines, from, spare);
    kernels->fft_separate[plan->chain.wide](&halves);
    from = spare;
  }
  int64_t count = from_real ? plan->n / 2 + 1 : plan->inner;
  mjx_fft_pairs pairs = pairs_of(lines, false, count, step, size, from);
  if (to_real) pairs = pairs_of(lines, false, count, 2 * step, step, from);
  pairs.scale = scale;
  kernels->fft_join[types](&pairs);
  for (int64_t w = 0; w < lines->width && from_real && !plan->halved; w++)
    memset(lines->out[w] + size, 0, (size_t)size); /* the imaginary part of the first */
}

static void transform_lines(const fft_lines *lines, char *scratch) {
  const fft_plan *plan = lines->plan;
  int64_t part = part_bytes(plan);
  const fft_buffer buffers[2] = {{scratch, scratch + part},
                                 {scratch + 2 * part, scratch + 3 * part}};
  load_lines(lines, buffers);
  bool inverse = plan->kind == MJX_FFT_INVERSE || plan->kind == MJX_FFT_TO_REAL;
  fft_buffer turned[2] = {buffers[0], buffers[1]};
  if (inverse) turned[0] = swapped(buffers[0]), turned[1] = swapped(buffers[1]);
  int at = 0;
  if (plan->bluestein)
    bluestein(plan, lines->width, turned, &at);
  else
    at = run_chain(&plan->chain, lines->width, turned);
  store_lines(lines, buffers[at], buffers[!at]);
}

/* Brings the line after this one nearer, in and out, while this one is transformed. */
static void prefetch_line(const fft_lines *lines, const mjx_instr *instr) {
  int64_t in_bytes = instr->in[0].shape[1] * lines->in_stride;
  int64_t out_bytes = instr->out[0].shape[1] * lines->out_stride;
  if (lines->plan->width > 1 || MJX_MAX(in_bytes, out_bytes) > PREFETCHED) return;
  for (int64_t b = 0; b < in_bytes; b += MJX_ALIGN)
    __builtin_prefetch(lines->in[0] + in_bytes + b, 0, 2);
  for (int64_t b = 0; b < out_bytes; b += MJX_ALIGN)
    __builtin_prefetch(lines->out[0] + out_bytes + b, 1, 2);
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
    if (block + 1 < end) prefetch_line(&lines, job->instr);
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
