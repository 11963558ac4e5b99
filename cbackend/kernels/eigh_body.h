/* The text of factors_impl.h for one type, after factors_body.h: eigenvalues and vectors of a
 * symmetric matrix, by reduction to a tridiagonal one (Golub and Van Loan, Matrix Computations,
 * 8.3.1) and implicit QL or QR steps (8.3.3), as LAPACK's sytd2 and steqr take them.  No include
 * guard.
 */

/* d and e become the diagonal and its neighbour; a keeps the vectors of the reflections. */
MJX_INLINE int F(reduce)(int64_t n, REAL *a, REAL *d, REAL *e, REAL *taus) {
  REAL v[MJX_FACTOR_ROWS], w[MJX_FACTOR_ROWS];
  int64_t rows = mjx_factor_rows(n);
  for (int64_t i = 0; i < n - 1; i++) {
    REAL *column = a + i * rows, tau;
    int64_t first = BLOCK_OF(i + 1);
    if (!F(reflect)(column, i + 1, rows, v, &e[i], &tau)) return 0;
    d[i] = column[i], taus[i] = tau;
    for (int64_t b = first; b < rows; b += BLOCK) AT(column, b) = READ(v, b);
    if (tau == 0) continue;
    F(lanes) sums = {0};
    for (int64_t b = first; b < rows; b += BLOCK) {
      F(lanes) y = {0};
      for (int64_t c = i + 1; c < n; c++) y += READ(a, c * rows + b) * v[c];
      AT(w, b) = y * tau;
      sums += READ(w, b) * READ(v, b);
    }
    REAL alpha = (REAL)-0.5 * tau * F(total)(sums);
    for (int64_t b = first; b < rows; b += BLOCK) AT(w, b) += alpha * READ(v, b);
    for (int64_t c = i + 1; c < n; c++)
      for (int64_t b = first; b < rows; b += BLOCK)
        AT(a, c * rows + b) -= READ(v, b) * w[c] + READ(w, b) * v[c];
  }
  d[n - 1] = a[(n - 1) * (rows + 1)];
  return 1;
}

/* c and s with c f + s g = r, c g - s f = 0. */
MJX_INLINE void F(rotation)(REAL f, REAL g, REAL *c, REAL *s, REAL *r) {
  if (g == 0) {
    *c = 1, *s = 0, *r = f;
  } else if (f == 0) {
    *c = 0, *s = BUILTIN(copysign)((REAL)1, g), *r = BUILTIN(fabs)(g);
  } else {
    REAL root = BUILTIN(sqrt)(f * f + g * g);
    *c = BUILTIN(fabs)(f) / root;
    *r = BUILTIN(copysign)(root, f);
    *s = g / *r;
  }
}

/* Columns x and x + 1 of v turn by c[x], s[x]: from first to last - 1, or back.  v may be NULL. */
MJX_INLINE void F(turn)(REAL *v, int64_t rows, int64_t first, int64_t last, const REAL *c,
                        const REAL *s, int back) {
  for (int64_t b = 0; b < rows && v; b += BLOCK) {
    F(lanes) held = READ(v, (back ? last : first) * rows + b);
    for (int64_t x = last - 1; x >= first && back; x--) {
      F(lanes) left = READ(v, x * rows + b);
      AT(v, (x + 1) * rows + b) = c[x] * held - s[x] * left;
      held = s[x] * held + c[x] * left;
    }
    for (int64_t x = first; x < last && !back; x++) {
      F(lanes) right = READ(v, (x + 1) * rows + b);
      AT(v, x * rows + b) = s[x] * right + c[x] * held;
      held = c[x] * right - s[x] * held;
    }
    AT(v, (back ? first : last) * rows + b) = held;
  }
}

/* Of [[a, b], [b, c]] the eigenvalues, the larger in size first, and its vector (cos, sin): as
 * LAPACK's laev2. */
MJX_INLINE void F(pair)(REAL a, REAL b, REAL c, REAL *large, REAL *small, REAL *cosine,
                        REAL *sine) {
  REAL sum = a + c, gap = a - c, twice = b + b;
  REAL x = BUILTIN(fabs)(gap), y = BUILTIN(fabs)(twice), root;
  int swap = BUILTIN(fabs)(a) < BUILTIN(fabs)(c), sign = sum < 0 ? -1 : 1;
  REAL most = swap ? c : a, least = swap ? a : c;
  if (x > y)
    root = x * BUILTIN(sqrt)(1 + (y / x) * (y / x));
  else if (x < y)
    root = y * BUILTIN(sqrt)(1 + (x / y) * (x / y));
  else
    root = y * (REAL)1.41421356237309504880168872420969808;
  *large = (REAL)0.5 * (sum + (REAL)sign * root);
  *small = sum == 0 ? (REAL)-0.5 * root : (most / *large) * least - (b / *large) * b;
  int other = gap >= 0 ? 1 : -1;
  REAL cs = gap + (REAL)other * root;
  if (BUILTIN(fabs)(cs) > y) {
    REAL t = -twice / cs;
    *sine = 1 / BUILTIN(sqrt)(1 + t * t);
    *cosine = t * *sine;
  } else if (y == 0) {
    *cosine = 1, *sine = 0;
  } else {
    REAL t = -cs / twice;
    *cosine = 1 / BUILTIN(sqrt)(1 + t * t);
    *sine = t * *cosine;
  }
  if (sign == other) {
    REAL t = *cosine;
    *cosine = -*sine, *sine = t;
  }
}

typedef struct F(tridiagonal) {
  int64_t rows;
  REAL *d, *e, *v;
  int left; /* steps that may still be taken */
} F(tridiagonal);

/* Makes d[l..last] diagonal, last >= l, e[last] being none: from the top down.  0 if it takes too
 * many steps. */
static int F(ql)(F(tridiagonal) * t, int64_t l, int64_t last) {
  REAL *d = t->d, *e = t->e, cosines[MJX_FACTOR_ROWS], sines[MJX_FACTOR_ROWS], c, s, r;
  while (l <= last) {
    int64_t m = l;
    for (; m < last; m++)
      if (e[m] * e[m] <=
          ROUNDING * ROUNDING * BUILTIN(fabs)(d[m]) * BUILTIN(fabs)(d[m + 1]) + SMALLEST)
        break;
    if (m < last) e[m] = 0;
    if (m == l) {
      l++;
      continue;
    }
    if (m == l + 1) {
      F(pair)(d[l], e[l], d[m], &d[l], &d[m], &cosines[l], &sines[l]);
      F(turn)(t->v, t->rows, l, m, cosines, sines, 1);
      e[l] = 0;
      l += 2;
      continue;
    }
    if (t->left-- == 0) return 0;
    REAL p = d[l], g = (d[l + 1] - p) / (2 * e[l]);
    r = BUILTIN(sqrt)(g * g + 1);
    g = d[m] - p + e[l] / (g + BUILTIN(copysign)(r, g));
    s = c = 1, p = 0;
    for (int64_t i = m - 1; i >= l; i--) {
      REAL f = s * e[i], b = c * e[i];
      F(rotation)(g, f, &c, &s, &r);
      if (i != m - 1) e[i + 1] = r;
      g = d[i + 1] - p;
      r = (d[i] - g) * s + 2 * c * b;
      p = s * r;
      d[i + 1] = g + p;
      g = c * r - b;
      cosines[i] = c, sines[i] = -s;
    }
    F(turn)(t->v, t->rows, l, m, cosines, sines, 1);
    d[l] -= p, e[l] = g;
  }
  return 1;
}

/* The same for d[first..l], from the bottom up. */
static int F(qr_steps)(F(tridiagonal) * t, int64_t l, int64_t first) {
  REAL *d = t->d, *e = t->e, cosines[MJX_FACTOR_ROWS], sines[MJX_FACTOR_ROWS], c, s, r;
  while (l >= first) {
    int64_t m = l;
    for (; m > first; m--)
      if (e[m - 1] * e[m - 1] <=
          ROUNDING * ROUNDING * BUILTIN(fabs)(d[m]) * BUILTIN(fabs)(d[m - 1]) + SMALLEST)
        break;
    if (m > first) e[m - 1] = 0;
    if (m == l) {
      l--;
      continue;
    }
    if (m == l - 1) {
      F(pair)(d[m], e[m], d[l], &d[m], &d[l], &cosines[m], &sines[m]);
      F(turn)(t->v, t->rows, m, l, cosines, sines, 0);
      e[m] = 0;
      l -= 2;
      continue;
    }
    if (t->left-- == 0) return 0;
    REAL p = d[l], g = (d[l - 1] - p) / (2 * e[l - 1]);
    r = BUILTIN(sqrt)(g * g + 1);
    g = d[m] - p + e[l - 1] / (g + BUILTIN(copysign)(r, g));
    s = c = 1, p = 0;
    for (int64_t i = m; i < l; i++) {
      REAL f = s * e[i], b = c * e[i];
      F(rotation)(g, f, &c, &s, &r);
      if (i != m) e[i - 1] = r;
      g = d[i] - p;
      r = (d[i + 1] - g) * s + 2 * c * b;
      p = s * r;
      d[i] = g + p;
      g = c * r - b;
      cosines[i] = c, sines[i] = s;
    }
    F(turn)(t->v, t->rows, m, l, cosines, sines, 0);
    d[l] -= p, e[l - 1] = g;
  }
  return 1;
}

/* Between zeros of e, from the end whose element is the smaller one.  What a pass leaves is taken
 * up by the next. */
static int F(diagonalise)(F(tridiagonal) * t, int64_t n) {
  REAL *d = t->d, *e = t->e;
  for (int64_t start = 0; start < n;) {
    int64_t m = start;
    if (start > 0) e[start - 1] = 0;
    for (; m < n - 1; m++) {
      REAL size = BUILTIN(fabs)(e[m]);
      if (size == 0) break;
      if (size <=
          BUILTIN(sqrt)(BUILTIN(fabs)(d[m])) * BUILTIN(sqrt)(BUILTIN(fabs)(d[m + 1])) * ROUNDING) {
        e[m] = 0;
        break;
      }
    }
    int down = BUILTIN(fabs)(d[m]) >= BUILTIN(fabs)(d[start]);
    if (m > start && !(down ? F(ql)(t, start, m) : F(qr_steps)(t, m, start))) return 0;
    start = m + 1;
  }
  return 1;
}

static void F(sort_pairs)(int64_t n, int64_t rows, REAL *d, REAL *v) {
  for (int64_t i = 0; i < n - 1; i++) {
    int64_t least = i;
    for (int64_t j = i + 1; j < n; j++)
      if (d[j] < d[least]) least = j;
    if (least == i) continue;
    REAL value = d[i];
    d[i] = d[least], d[least] = value;
    for (int64_t b = 0; b < rows && v; b += BLOCK) {
      F(lanes) x = READ(v, i * rows + b);
      AT(v, i * rows + b) = READ(v, least * rows + b);
      AT(v, least * rows + b) = x;
    }
  }
}

static int F(eigh)(int64_t n, void *a_, void *v_, void *w_) {
  REAL *a = a_, *v = v_, *w = w_, e[MJX_FACTOR_ROWS], taus[MJX_FACTOR_ROWS], most = 0;
  int64_t rows = mjx_factor_rows(n);
  if (!F(all_finite)(a, rows * n)) return 0;
  for (int64_t i = 0; i < rows * n; i++)
    most = BUILTIN(fabs)(a[i]) > most ? BUILTIN(fabs)(a[i]) : most;
  if (most != 0 && !(most > LEAST_NORM && most < MOST_NORM)) return 0;
  if (!F(reduce)(n, a, w, e, taus)) return 0;
  if (v) {
    F(multiply)(n, n, n - 1, 1, a, v, taus);
    for (int64_t b = 0; b < rows; b += BLOCK) AT(v, b) = (F(lanes)){0};
    v[0] = 1;
  }
  F(tridiagonal) t = {rows, w, e, v, 30 * (int)n};
  if (!F(diagonalise)(&t, n)) return 0;
  F(sort_pairs)(n, rows, w, v);
  return 1;
}

#undef BLOCK
#undef BLOCK_OF
#undef AT
#undef READ
