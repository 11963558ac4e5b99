/* The text of math_special.h for one dtype: MJX_REAL, named by MJX_SUFFIX. No
 * include guard: math_special.h includes it once for each dtype. */

/* Lanczos's approximation with g = 7 and n = 9 (Godfrey's coefficients):
 * sum(z) = 1 + sum of c[k] / (z + k), k = 1 .. 8. */
MJX_INLINE void MJX_H(lanczos)(MJX_REAL z, MJX_REAL *sum, MJX_REAL *slope) {
  static const MJX_REAL c[] = {
      (MJX_REAL)676.520368121885098567009190444019, (MJX_REAL)-1259.13921672240287047156078755283,
      (MJX_REAL)771.3234287776530788486528258894,   (MJX_REAL)-176.61502916214059906584551354,
      (MJX_REAL)12.507343278686904814458936853,     (MJX_REAL)-0.13857109526572011689554707,
      (MJX_REAL)9.984369578019570859563e-6,         (MJX_REAL)1.50563273514931155834e-7,
  };
  MJX_REAL s = (MJX_REAL)0.99999999999980993227684700473478, d = 0;
  for (int k = 0; k < 8; k++) {
    MJX_REAL zk = z + (MJX_REAL)(k + 1);
    d = d - c[k] / (zk * zk);
    s = s + c[k] / zk;
  }
  *sum = s;
  *slope = d;
}

#define MJX_LOG_LANCZOS     ((MJX_REAL)2.01490302054226471426) /* log(7.5) */
#define MJX_INVERSE_LANCZOS ((MJX_REAL)0.13333333333333333333) /* 1 / 7.5 */
#define MJX_PI              ((MJX_REAL)3.14159265358979323846)

/* log |gamma(x)|; below 1/2 by reflection. */
MJX_INLINE MJX_REAL MJX_S(lgamma)(MJX_REAL x) {
  MJX_REAL a = MJX_BUILTIN(fabs)(x), one = 1, half = (MJX_REAL)0.5;
  int reflect = x < half;
  MJX_REAL z = reflect ? -x : x + -one, sum, slope;
  MJX_H(lanczos)(z, &sum, &slope);
  MJX_REAL log_t = MJX_S(log1p)(z * MJX_INVERSE_LANCZOS) + MJX_LOG_LANCZOS;
  MJX_REAL t = z + (MJX_REAL)7.5;
  MJX_REAL y =
      MJX_MADD((z + half) - t / log_t, log_t, (MJX_REAL)0.91893853320467267 /* log(2 pi) / 2 */);
  y = y + MJX_S(log)(sum);
  MJX_REAL part = a - MJX_BUILTIN(floor)(a);
  part = half < part ? one - part : part;
  MJX_REAL log_sin = MJX_S(log)(MJX_H(small_sin)(part * MJX_PI));
  MJX_REAL mirrored = ((MJX_REAL)1.14472988584940017414 - log_sin) - y;
  mirrored = MJX_S(is_finite)(log_sin) ? mirrored : -log_sin;
  y = reflect ? mirrored : y;
  return a == (MJX_REAL)MJX_INF ? (MJX_REAL)MJX_INF : y;
}

/* d/dx log gamma(x); below 1/2 by reflection; NaN at the poles. */
MJX_INLINE MJX_REAL MJX_S(digamma)(MJX_REAL x) {
  MJX_REAL one = 1, half = (MJX_REAL)0.5;
  int reflect = x < half;
  MJX_REAL z = reflect ? -x : x + -one, sum, slope;
  MJX_H(lanczos)(z, &sum, &slope);
  MJX_REAL log_t = MJX_S(log1p)(z * MJX_INVERSE_LANCZOS) + MJX_LOG_LANCZOS;
  MJX_REAL y = (log_t + slope / sum) - (MJX_REAL)7 / (z + (MJX_REAL)7.5);
  /* (of no meaning where nothing is reflected) */
  MJX_REAL angle = (x + MJX_BUILTIN(fabs)(MJX_BUILTIN(floor)(x + half))) * MJX_PI;
  MJX_REAL turn = (MJX_H(small_cos)(angle) * MJX_PI) / MJX_H(small_sin)(angle);
  y = reflect ? y - turn : y;
  return x <= 0 && x == MJX_BUILTIN(floor)(x) ? (MJX_REAL)MJX_NAN : y;
}

/* Clenshaw's sum of a Chebyshev series, the last coefficient halved. */
MJX_INLINE MJX_REAL MJX_H(chebyshev)(MJX_REAL x, const MJX_REAL *c, int n) {
  MJX_REAL b0 = MJX_MADD(x, c[0], c[1]), b1 = c[0], b2 = 0;
  MJX_UNROLLED for (int i = 2; i < n; i++) {
    b2 = b1;
    b1 = b0;
    b0 = MJX_MADD(x, b1, -b2) + c[i];
  }
  return (b0 - b2) * (MJX_REAL)0.5;
}

/* exp(-|x|) I0(x): Cephes' series in |x|/2 - 2 up to 8, in 32/|x| - 2 beyond; the
 * last coefficients of the float64 series are those of float32's. */
MJX_INLINE MJX_REAL MJX_S(bessel_i0e)(MJX_REAL x) {
  static const MJX_REAL near[] = {
      (MJX_REAL)-4.41534164647933937950e-18, (MJX_REAL)3.33079451882223809783e-17,
      (MJX_REAL)-2.43127984654795469359e-16, (MJX_REAL)1.71539128555513303061e-15,
      (MJX_REAL)-1.16853328779934516808e-14, (MJX_REAL)7.67618549860493561688e-14,
      (MJX_REAL)-4.85644678311192946090e-13, (MJX_REAL)2.95505266312963983461e-12,
      (MJX_REAL)-1.72682629144155570723e-11, (MJX_REAL)9.67580903537323691224e-11,
      (MJX_REAL)-5.18979560163526290666e-10, (MJX_REAL)2.65982372468238665035e-9,
      (MJX_REAL)-1.30002500998624804212e-8,  (MJX_REAL)6.04699502254191894932e-8,
      (MJX_REAL)-2.67079385394061173391e-7,  (MJX_REAL)1.11738753912010371815e-6,
      (MJX_REAL)-4.41673835845875056359e-6,  (MJX_REAL)1.64484480707288970893e-5,
      (MJX_REAL)-5.75419501008210370398e-5,  (MJX_REAL)1.88502885095841655729e-4,
      (MJX_REAL)-5.76375574538582365885e-4,  (MJX_REAL)1.63947561694133579842e-3,
      (MJX_REAL)-4.32430999505057594430e-3,  (MJX_REAL)1.05464603945949983183e-2,
      (MJX_REAL)-2.37374148058994688156e-2,  (MJX_REAL)4.93052842396707084878e-2,
      (MJX_REAL)-9.49010970480476444210e-2,  (MJX_REAL)1.71620901522208775349e-1,
      (MJX_REAL)-3.04682672343198398683e-1,  (MJX_REAL)6.76795274409476084995e-1};
  static const MJX_REAL far[] = {
      (MJX_REAL)-7.23318048787475395456e-18, (MJX_REAL)-4.83050448594418207126e-18,
      (MJX_REAL)4.46562142029675999901e-17,  (MJX_REAL)3.46122286769746109310e-17,
      (MJX_REAL)-2.82762398051658348494e-16, (MJX_REAL)-3.42548561967721913462e-16,
      (MJX_REAL)1.77256013305652638360e-15,  (MJX_REAL)3.81168066935262242075e-15,
      (MJX_REAL)-9.55484669882830764870e-15, (MJX_REAL)-4.15056934728722208663e-14,
      (MJX_REAL)1.54008621752140982691e-14,  (MJX_REAL)3.85277838274214270114e-13,
      (MJX_REAL)7.18012445138366623367e-13,  (MJX_REAL)-1.79417853150680611778e-12,
      (MJX_REAL)-1.32158118404477131188e-11, (MJX_REAL)-3.14991652796324136454e-11,
      (MJX_REAL)1.18891471078464383424e-11,  (MJX_REAL)4.94060238822496958910e-10,
      (MJX_REAL)3.39623202570838634515e-9,   (MJX_REAL)2.26666899049817806459e-8,
      (MJX_REAL)2.04891858946906374183e-7,   (MJX_REAL)2.89137052083475648297e-6,
      (MJX_REAL)6.88975834691682398426e-5,   (MJX_REAL)3.36911647825569408990e-3,
      (MJX_REAL)8.04490411014108831608e-1};
  MJX_REAL a = MJX_BUILTIN(fabs)(x), two = 2;
  MJX_REAL small =
      MJX_H(chebyshev)(a * (MJX_REAL)0.5 - two, near + 30 - MJX_I0E_NEAR_COUNT, MJX_I0E_NEAR_COUNT);
  MJX_REAL large =
      MJX_H(chebyshev)((MJX_REAL)32 / a - two, far + 25 - MJX_I0E_FAR_COUNT, MJX_I0E_FAR_COUNT);
  return a <= 8 ? small : large / MJX_BUILTIN(sqrt)(a);
}

/* exp(-|x|) I1(x): as bessel_i0e. */
MJX_INLINE MJX_REAL MJX_S(bessel_i1e)(MJX_REAL x) {
  static const MJX_REAL near[] = {
      (MJX_REAL)2.7779141127610464e-18, (MJX_REAL)-2.111421214358166e-17,
      (MJX_REAL)1.5536319577362005e-16, (MJX_REAL)-1.1055969477353862e-15,
      (MJX_REAL)7.6006842947354077e-15, (MJX_REAL)-5.0421855047279118e-14,
      (MJX_REAL)3.2237933659455748e-13, (MJX_REAL)-1.9839743977649436e-12,
      (MJX_REAL)1.1736186298890901e-11, (MJX_REAL)-6.6634897235020271e-11,
      (MJX_REAL)3.6255902815521172e-10, (MJX_REAL)-1.8872497517228294e-09,
      (MJX_REAL)9.3815373864957726e-09, (MJX_REAL)-4.4450591287963281e-08,
      (MJX_REAL)2.0032947535521353e-07, (MJX_REAL)-8.5687202646954547e-07,
      (MJX_REAL)3.4702513081376785e-06, (MJX_REAL)-1.3273163656039436e-05,
      (MJX_REAL)4.7815651075500542e-05, (MJX_REAL)-0.00016176081582589674,
      (MJX_REAL)0.00051228595616857576, (MJX_REAL)-0.0015135724506312532,
      (MJX_REAL)0.0041564229443128882,  (MJX_REAL)-0.010564084894626197,
      (MJX_REAL)0.024726449030626516,   (MJX_REAL)-0.052945981208094989,
      (MJX_REAL)0.10264365868984709,    (MJX_REAL)-0.17641651835783406,
      (MJX_REAL)0.25258718644363365};
  static const MJX_REAL far[] = {
      (MJX_REAL)7.5172963108421052e-18,  (MJX_REAL)4.4143483230717077e-18,
      (MJX_REAL)-4.6503053684893586e-17, (MJX_REAL)-3.2095259219934238e-17,
      (MJX_REAL)2.96262899764595e-16,    (MJX_REAL)3.3082023109209285e-16,
      (MJX_REAL)-1.8803547755107825e-15, (MJX_REAL)-3.8144030724370075e-15,
      (MJX_REAL)1.0420276984128802e-14,  (MJX_REAL)4.272440016711951e-14,
      (MJX_REAL)-2.1015418427726643e-14, (MJX_REAL)-4.0835511110921974e-13,
      (MJX_REAL)-7.1985517762459084e-13, (MJX_REAL)2.0356285441470896e-12,
      (MJX_REAL)1.4125807436613782e-11,  (MJX_REAL)3.2526035830154884e-11,
      (MJX_REAL)-1.8974958123505413e-11, (MJX_REAL)-5.5897434621965838e-10,
      (MJX_REAL)-3.835380385964237e-09,  (MJX_REAL)-2.6314688468895196e-08,
      (MJX_REAL)-2.5122362378702088e-07, (MJX_REAL)-3.8825648088776906e-06,
      (MJX_REAL)-0.00011058893876262371, (MJX_REAL)-0.0097610974913614687,
      (MJX_REAL)0.77857623501828011};
  MJX_REAL a = MJX_BUILTIN(fabs)(x), two = 2;
  MJX_REAL small =
      MJX_H(chebyshev)(a * (MJX_REAL)0.5 - two, near + 29 - MJX_I1E_NEAR_COUNT, MJX_I1E_NEAR_COUNT);
  MJX_REAL large =
      MJX_H(chebyshev)((MJX_REAL)32 / a - two, far + 25 - MJX_I1E_FAR_COUNT, MJX_I1E_FAR_COUNT);
  MJX_REAL y = a <= 8 ? a * small : large / MJX_BUILTIN(sqrt)(a);
  return MJX_S(sign)(x) * y;
}

/* The Hurwitz zeta function sum (q + k)^-x: of ten terms, the sum of which is given, and the
 * eleventh, and then by Euler and Maclaurin. */
MJX_INLINE MJX_REAL MJX_H(zeta_of)(MJX_REAL x, MJX_REAL q, MJX_REAL sum, MJX_REAL term) {
  /* Bernoulli number B(2k) / (2k)!, from k = 12 down to 1 */
  static const MJX_REAL bernoulli[] = {
      (MJX_REAL)-1.3954464685812522e-19, (MJX_REAL)5.5090028283602295e-18,
      (MJX_REAL)-2.1748686985580617e-16, (MJX_REAL)8.5860620562778452e-15,
      (MJX_REAL)-3.3896802963225832e-13, (MJX_REAL)1.3382536530684679e-11,
      (MJX_REAL)-5.2841901386874932e-10, (MJX_REAL)2.08767569878681e-08,
      (MJX_REAL)-8.2671957671957675e-07, (MJX_REAL)3.3068783068783071e-05,
      (MJX_REAL)-0.0013888888888888889,  (MJX_REAL)0.083333333333333329};
  MJX_REAL whole = MJX_BUILTIN(floor)(x), half = MJX_BUILTIN(floor)(whole * (MJX_REAL)0.5);
  MJX_REAL end = q + 10;
  MJX_REAL scale = 1 / (end * end), tail = bernoulli[0];
  MJX_UNROLLED for (int k = 1; k < 12; k++) {
    MJX_REAL rise = (x + (MJX_REAL)(24 - 2 * k)) * (x + (MJX_REAL)(23 - 2 * k));
    tail = rise * (scale * tail) + bernoulli[k];
  }
  sum += term * end / (x + -1);
  sum += term * (x / end * tail + (MJX_REAL)0.5);
  int whole_x = x == whole, pole = (q <= 0) & (q == MJX_BUILTIN(floor)(q));
  int none = (x < 1) | ((q <= 0) & !whole_x) | (x != x) | (q != q);
  MJX_REAL at_pole = whole_x & (half + half == x) & (MJX_BUILTIN(fabs)(x) < (MJX_REAL)MJX_INF)
                         ? (MJX_REAL)MJX_INF
                         : (MJX_REAL)MJX_NAN;
  sum = none ? (MJX_REAL)MJX_NAN : sum;
  sum = pole ? at_pole : sum;
  return x == 1 ? (MJX_REAL)MJX_INF : sum;
}
#define MJX_DEFINE_ZETA(ZETA, POWER)                                             \
  MJX_INLINE MJX_REAL ZETA(MJX_REAL x, MJX_REAL q) {                             \
    MJX_REAL sum = POWER(q, -x);                                                 \
    MJX_UNROLLED for (int k = 1; k < 10; k++) sum += POWER(q + (MJX_REAL)k, -x); \
    return MJX_H(zeta_of)(x, q, sum, POWER(q + 10, -x));                         \
  }
MJX_DEFINE_ZETA(MJX_S(zeta), MJX_S(pow))

/* The n-th derivative of digamma; n a whole number held as a float. */
MJX_INLINE MJX_REAL MJX_H(polygamma_of)(MJX_REAL n, MJX_REAL x, MJX_REAL zeta) {
  MJX_REAL half = MJX_BUILTIN(floor)(n * (MJX_REAL)0.5), sign = n == half + half ? -1 : 1;
  MJX_REAL y = sign * MJX_S(exp)(MJX_S(lgamma)(n + 1)) * zeta;
  y = n == 0 ? MJX_S(digamma)(x) : y;
  return (n == MJX_BUILTIN(floor)(n)) & (n >= 0) & (n < (MJX_REAL)MJX_INF) ? y : (MJX_REAL)MJX_NAN;
}
MJX_INLINE MJX_REAL MJX_S(polygamma)(MJX_REAL n, MJX_REAL x) {
  return MJX_H(polygamma_of)(n, x, MJX_S(zeta)(n + 1, x));
}

/* The continued fraction DLMF 8.17.22 by the modified method of Lentz. */
MJX_INLINE MJX_REAL MJX_H(beta_fraction)(MJX_REAL a, MJX_REAL b, MJX_REAL x) {
  const MJX_REAL small = MJX_EPSILON / 2;
  MJX_REAL c = small, d = 0, h = small, change = 1;
  for (int i = 1; i < MJX_BETA_ROUNDS && change >= small; i++) {
    MJX_REAL m = (MJX_REAL)((i - 1) / 2), top = 1;
    if (i > 1 && i % 2 == 1)
      top = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
    else if (i > 1)
      top = m == 0 ? -(a + b) * x / (a + 1)
                   : -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
    c = 1 + top / c;
    c = MJX_BUILTIN(fabs)(c) < small ? small : c;
    d = MJX_MADD(top, d, 1);
    d = 1 / (MJX_BUILTIN(fabs)(d) < small ? small : d);
    h *= c * d;
    change = MJX_BUILTIN(fabs)(c * d - 1);
  }
  return h;
}

/* I_x(a, b); where the fraction converges slowly, 1 - I_{1-x}(b, a). */
MJX_NOINLINE MJX_REAL MJX_S(regularized_incomplete_beta)(MJX_REAL a, MJX_REAL b, MJX_REAL x) {
  int left = a == 0 || b == (MJX_REAL)MJX_INF; /* all mass at 0 */
  int right = b == 0 || a == (MJX_REAL)MJX_INF;
  if (!(a >= 0) || !(b >= 0) || !(x >= 0) || !(x <= 1) || (left && right)) return (MJX_REAL)MJX_NAN;
  if (left) return x == 0 ? 0 : 1;
  if (right) return x == 1 ? 1 : 0;
  int fast = x < (a + 1) / (a + b + 2);
  MJX_REAL p = fast ? a : b, q = fast ? b : a, y = fast ? x : 1 - x;
  MJX_REAL log_beta = MJX_S(lgamma)(q) - MJX_S(lgamma)(p + q);
  MJX_REAL log_tail = MJX_S(log1p)(-y) * q, factor;
  if (p < MJX_LEAST * 2)
    factor = MJX_S(exp)(log_tail - log_beta);
  else
    factor = MJX_S(exp)(MJX_MADD(MJX_S(log)(y), p, log_tail) - (MJX_S(lgamma)(p) + log_beta)) / p;
  MJX_REAL r = MJX_H(beta_fraction)(p, q, y) * factor;
  return fast ? r : 1 - r;
}

#undef MJX_LOG_LANCZOS
#undef MJX_INVERSE_LANCZOS
#undef MJX_PI
