"""`jax.scipy.optimize`: the minimum of a function of several variables."""

from minijax.scipy.optimize.minimize import OptimizeResults as OptimizeResults
from minijax.scipy.optimize.minimize import minimize as minimize

__all__ = ["OptimizeResults", "minimize"]
