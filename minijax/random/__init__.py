"""`jax.random`: keys, and samplers that give JAX's numbers bit for bit.

A function is found in its module when it is first asked for.
"""

import importlib
import sys
from types import FunctionType
from typing import Any

from minijax.alias import unknown_attribute
from minijax.control.served import serve

_NAMES = {
    "keys": """PRNGKey clone fold_in key key_data key_dtype key_impl split wrap_key_data""",
    "basic": "bernoulli bits normal rademacher randint uniform",
    "shuffling": "choice permutation",
    "continuous": """ball cauchy double_sided_maxwell exponential generalized_normal
        gumbel laplace logistic lognormal maxwell pareto rayleigh triangular
        truncated_normal wald weibull_min""",
    "gammas": "beta chisquare dirichlet f gamma loggamma random_gamma_p t",
    "counts": "binomial categorical geometric multinomial poisson",
    "vectors": "multivariate_normal orthogonal",
}
_HOME = {name: module for module, names in _NAMES.items() for name in names.split()}
__all__ = sorted(_HOME)  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    module = _HOME.get(name)
    if module is None:
        raise unknown_attribute(__name__, name)
    value = getattr(importlib.import_module(f"{__name__}.{module}"), name)
    if type(value) is FunctionType and (module != "keys" or name == "split"):
        value = serve(value)
    setattr(sys.modules[__name__], name, value)
    return value


def __dir__():
    return sorted({*__all__, *globals()})
