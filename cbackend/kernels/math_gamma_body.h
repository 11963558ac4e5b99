/* The part of math_special.h's text that has the incomplete gamma function. No include guard:
 * math_special.h includes it once for each dtype. */

/* The incomplete gamma function and its kin, for MJX_BLOCK elements side by side: an expansion goes
 * on until all of them are exact enough, and those that are change no more. */
typedef struct {
  MJX_REAL a[MJX_BLOCK], x[MJX_BLOCK], log_density[MJX_BLOCK];
  MJX_REAL sum[MJX_BLOCK], slope[MJX_BLOCK];
  MJX_INT on[MJX_BLOCK]; /* -1 where the expansion goes on, else 0 */
} MJX_H(expansion);

MJX_INLINE MJX_INT MJX_H(any_on)(const MJX_H(expansion) * e) {
  MJX_INT any = 0;
  for (int i = 0; i < MJX_BLOCK; i++) any |= e->on[i];
  return any;
}

/* The power series of the lower function, Abramowitz and Stegun 6.5.29; without
 * the factor x^a exp(-x) / gamma(a + 1). Its first term to begin with. */
MJX_INLINE void MJX_H(gamma_series)(MJX_H(expansion) * e, int slope) {
  MJX_REAL r[MJX_BLOCK], c[MJX_BLOCK], dc[MJX_BLOCK];
  for (int i = 0; i < MJX_BLOCK; i++) r[i] = e->a[i], c[i] = 1, dc[i] = 0;
  for (int i = 0; i < MJX_BLOCK; i++) e->sum[i] = 1, e->slope[i] = 0;
  /* the bound is for a near 1 / epsilon, where x / r stays 1 */
  for (int turn = 0; MJX_H(any_on)(e) && turn < 10000000; turn++) {
    for (int i = 0; i < MJX_BLOCK; i++) {
      MJX_INT on = e->on[i];
      MJX_REAL r1 = r[i] + 1, x = e->x[i], ratio = x / r1, c1 = c[i] * ratio;
      MJX_REAL sum = e->sum[i] + c1, dc1 = 0, dsum = 0;
      if (slope) dc1 = MJX_MADD(dc[i], ratio, -((c[i] * x) / (r1 * r1))), dsum = e->slope[i] + dc1;
      int more = slope ? MJX_BUILTIN(fabs)(dc1 / dsum) > MJX_EPSILON : c1 / sum > MJX_EPSILON;
      r[i] = r1, c[i] = c1, dc[i] = dc1;
      e->sum[i] = on ? sum : e->sum[i];
      e->slope[i] = on ? dsum : e->slope[i];
      e->on[i] = more ? on : 0;
    }
  }
}

/* Convergents of the continued fraction of the upper function (Cephes igamc);
 * without the factor x^a exp(-x) / gamma(a). The first one to begin with. */
typedef struct {
  MJX_REAL y[MJX_BLOCK], z[MJX_BLOCK], p[2][MJX_BLOCK], q[2][MJX_BLOCK];
  MJX_REAL dp[2][MJX_BLOCK], dq[2][MJX_BLOCK];
} MJX_H(convergents);
MJX_INLINE void MJX_H(gamma_convergent)(MJX_H(expansion) * e, MJX_H(convergents) * v, MJX_REAL c,
                                        int slope) {
  for (int i = 0; i < MJX_BLOCK; i++) {
    MJX_INT on = e->on[i];
    MJX_REAL y = v->y[i] + 1, z = v->z[i] + 2, yc = y * c;
    MJX_REAL p1 = v->p[0][i], p2 = v->p[1][i], q1 = v->q[0][i], q2 = v->q[1][i];
    MJX_REAL p = MJX_MADD(p1, z, -(p2 * yc)), q = MJX_MADD(q1, z, -(q2 * yc));
    int divides = q != 0;
    MJX_REAL divisor = divides ? q : 1, ratio = p / divisor, before = e->sum[i];
    MJX_REAL change = MJX_BUILTIN(fabs)((before - ratio) / ratio);
    MJX_REAL sum = divides ? ratio : before;
    MJX_REAL scale = MJX_BUILTIN(fabs)(p) > 1 / MJX_EPSILON ? MJX_EPSILON : 1;
    if (slope) {
      MJX_REAL dp1 = v->dp[0][i], dq1 = v->dq[0][i];
      MJX_REAL dp = MJX_MADD(-v->dp[1][i], yc, MJX_MADD(dp1, z, -p1));
      MJX_REAL dq = MJX_MADD(-v->dq[1][i], yc, MJX_MADD(dq1, z, -q1));
      dp = MJX_MADD(p2, c, dp);
      dq = MJX_MADD(q2, c, dq);
      MJX_REAL dratio = MJX_MADD(-sum, dq, dp) / divisor;
      change = MJX_BUILTIN(fabs)(dratio - e->slope[i]);
      e->slope[i] = on && divides ? dratio : e->slope[i];
      v->dp[1][i] = dp1 * scale, v->dp[0][i] = dp * scale;
      v->dq[1][i] = dq1 * scale, v->dq[0][i] = dq * scale;
    }
    change = divides ? change : 1;
    v->y[i] = y, v->z[i] = z;
    v->p[1][i] = p1 * scale, v->p[0][i] = p * scale;
    v->q[1][i] = q1 * scale, v->q[0][i] = q * scale;
    e->sum[i] = on ? sum : before;
    e->on[i] = change > MJX_EPSILON ? on : 0;
  }
}
MJX_INLINE void MJX_H(gamma_fraction)(MJX_H(expansion) * e, int slope) {
  MJX_H(convergents) v;
  for (int i = 0; i < MJX_BLOCK; i++) {
    MJX_REAL x = e->x[i], y = 1 - e->a[i], z = x + y + 1;
    v.y[i] = y, v.z[i] = z;
    v.p[1][i] = 1, v.q[1][i] = x, v.p[0][i] = x + 1, v.q[0][i] = z * x;
    v.dp[1][i] = 0, v.dq[1][i] = 0, v.dp[0][i] = 0, v.dq[0][i] = -x;
    e->sum[i] = (x + 1) / (z * x);
    e->slope[i] = (e->sum[i] * x) / (z * x);
  }
  for (int turn = 1; MJX_H(any_on)(e) && turn <= 2000; turn++)
    MJX_H(gamma_convergent)(e, &v, (MJX_REAL)turn, slope);
}

/* log(x^a exp(-x) / gamma(a)). Where its exponential underflows, no expansion is
 * worth its rounds. */
MJX_INLINE MJX_REAL MJX_H(log_gamma_density)(MJX_REAL a, MJX_REAL x) {
  return MJX_MADD(a, MJX_S(log)(x), -x) - MJX_S(lgamma)(a);
}

/* The expansions of a block: the fraction where `wide` (-1), else (0) the series. */
MJX_INLINE void MJX_H(expand)(MJX_H(expansion) * e, const MJX_REAL *a, const MJX_REAL *x,
                              const MJX_INT *wide, int slope) {
  for (int i = 0; i < MJX_BLOCK; i++) e->a[i] = a[i], e->x[i] = x[i];
  MJX_H(expansion) series = *e;
  for (int i = 0; i < MJX_BLOCK; i++) {
    int regular = (e->a[i] >= 0) & (e->x[i] > 0) & (e->x[i] < (MJX_REAL)MJX_INF);
    e->log_density[i] = MJX_H(log_gamma_density)(e->a[i], e->x[i]);
    MJX_INT on = -(MJX_INT)(regular & !(e->log_density[i] < -MJX_LOG_LARGEST));
    series.on[i] = on & ~wide[i];
    e->on[i] = on & wide[i];
  }
  MJX_H(gamma_series)(&series, slope);
  MJX_H(gamma_fraction)(e, slope);
  for (int i = 0; i < MJX_BLOCK; i++) {
    e->sum[i] = wide[i] ? e->sum[i] : series.sum[i];
    e->slope[i] = wide[i] ? e->slope[i] : series.slope[i];
  }
}

/* The regularized lower incomplete gamma function. */
MJX_INLINE void MJX_BLOCK_OF(igamma)(const MJX_REAL *a, const MJX_REAL *x, MJX_REAL *r) {
  MJX_H(expansion) e;
  MJX_INT wide[MJX_BLOCK];
  for (int i = 0; i < MJX_BLOCK; i++) wide[i] = (x[i] >= 1) & (x[i] > a[i]) ? -1 : 0;
  MJX_H(expand)(&e, a, x, wide, 0);
  for (int i = 0; i < MJX_BLOCK; i++) {
    MJX_REAL ai = a[i], xi = x[i], density = MJX_S(exp)(e.log_density[i]);
    MJX_REAL upper = MJX_MADD(-e.sum[i], density, 1), lower = e.sum[i] * density / ai;
    MJX_REAL y = wide[i] ? upper : lower;
    int none = !(xi >= 0) | !(ai >= 0) | ((ai == 0) & (xi == 0));
    y = xi == 0 ? 0 : y;
    y = xi == (MJX_REAL)MJX_INF ? 1 : y;
    r[i] = none ? (MJX_REAL)MJX_NAN : y;
  }
}

/* 1 - igamma, without the cancellation. */
MJX_INLINE void MJX_BLOCK_OF(igammac)(const MJX_REAL *a, const MJX_REAL *x, MJX_REAL *r) {
  MJX_H(expansion) e;
  MJX_INT wide[MJX_BLOCK];
  for (int i = 0; i < MJX_BLOCK; i++) wide[i] = (x[i] >= 1) & (x[i] >= a[i]) ? -1 : 0;
  MJX_H(expand)(&e, a, x, wide, 0);
  for (int i = 0; i < MJX_BLOCK; i++) {
    MJX_REAL ai = a[i], xi = x[i], density = MJX_S(exp)(e.log_density[i]);
    MJX_REAL upper = e.sum[i] * density, lower = 1 - upper / ai, y = wide[i] ? upper : lower;
    int none = !(xi >= 0) | !(ai >= 0) | ((ai == 0) & (xi == 0));
    y = (xi == (MJX_REAL)MJX_INF) | (ai == 0) ? 0 : y;
    r[i] = none ? (MJX_REAL)MJX_NAN : y;
  }
}

/* d igamma(a, x) / da; and dx/da of a gamma(a) sample x held at its quantile, which is -1 times
 * that by the density. */
MJX_INLINE void MJX_H(gamma_slopes)(const MJX_REAL *a, const MJX_REAL *x, MJX_REAL *r,
                                    int of_sample) {
  MJX_H(expansion) e;
  MJX_INT wide[MJX_BLOCK];
  for (int i = 0; i < MJX_BLOCK; i++) wide[i] = (x[i] > 1) & (x[i] > a[i]) ? -1 : 0;
  MJX_H(expand)(&e, a, x, wide, 1);
  for (int i = 0; i < MJX_BLOCK; i++) {
    MJX_REAL ai = a[i], xi = x[i], density = MJX_S(exp)(e.log_density[i]);
    MJX_REAL by_a = MJX_S(log)(xi) - MJX_S(digamma)(wide[i] ? ai : ai + 1);
    MJX_REAL sum = MJX_MADD(e.sum[i], by_a, e.slope[i]);
    MJX_REAL upper = of_sample ? sum * xi : -(density * sum);
    MJX_REAL lower = (of_sample ? -sum * xi : density * sum) / ai;
    MJX_REAL y = wide[i] ? upper : lower;
    y = xi == 0 ? 0 : y;
    r[i] = !(xi >= 0) | !(ai > 0) ? (MJX_REAL)MJX_NAN : y;
  }
}
MJX_INLINE void MJX_BLOCK_OF(igamma_grad_a)(const MJX_REAL *a, const MJX_REAL *x, MJX_REAL *r) {
  MJX_H(gamma_slopes)(a, x, r, 0);
}
MJX_INLINE void MJX_BLOCK_OF(random_gamma_grad)(const MJX_REAL *a, const MJX_REAL *x, MJX_REAL *r) {
  MJX_H(gamma_slopes)(a, x, r, 1);
}
