"""Student's t distribution with df degrees of freedom."""

import numpy as np

from minijax import lax
from minijax.scipy.stats.arguments import like, promoted


def logpdf(x, df, loc=0, scale=1):
    """The logarithm of the density at x."""
    x, df, loc, scale = promoted("t.logpdf", x, df, loc, scale)
    two = like(2, x)
    y = lax.div(lax.sub(x, loc), scale)
    half = lax.div(df, two)
    half_more = lax.add(half, like(0.5, x))
    area = lax.mul(lax.mul(lax.mul(scale, scale), like(np.pi, x)), df)
    log_area = lax.div(lax.log(area), two)
    normalizer = lax.sub(lax.add(lax.lgamma(half), log_area), lax.lgamma(half_more))
    quadratic = lax.div(lax.mul(y, y), df)
    return lax.neg(lax.add(normalizer, lax.mul(half_more, lax.log1p(quadratic))))


def pdf(x, df, loc=0, scale=1):
    """The density at x."""
    return lax.exp(logpdf(x, df, loc, scale))
