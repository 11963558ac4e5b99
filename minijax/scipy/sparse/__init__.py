"""`jax.scipy.sparse`: solvers of linear systems given as functions."""

from minijax.scipy.sparse import linalg as linalg

__all__ = ["linalg"]
