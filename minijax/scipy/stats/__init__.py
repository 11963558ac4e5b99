"""`jax.scipy.stats`: densities and distribution functions, each distribution a module.

A module or function is loaded when it is first asked for.
"""

import importlib
import sys
from typing import Any

_DISTRIBUTIONS = (
    "bernoulli", "beta", "betabinom", "binom", "cauchy", "chi2", "dirichlet", "expon", "gamma",
    "gennorm", "geom", "gumbel_l", "gumbel_r", "laplace", "logistic", "multinomial",
    "multivariate_normal", "nbinom", "norm", "pareto", "poisson", "t", "truncnorm", "uniform",
    "vonmises", "wrapcauchy",
)  # fmt: skip
_HOME = {
    "gaussian_kde": "kernel_density",
    "mode": "samples",
    "rankdata": "samples",
    "sem": "samples",
}

__all__ = [*_DISTRIBUTIONS, *_HOME]


def __getattr__(name: str) -> Any:
    if name in _DISTRIBUTIONS:
        return importlib.import_module(f"{__name__}.{name}")
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    setattr(sys.modules[__name__], name, value)
    return value


def __dir__():
    return sorted({*__all__, *globals()})
