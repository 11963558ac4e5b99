"""`jax.scipy.integrate`: integrals of samples."""

from minijax.numpy.calculus import trapezoid as trapezoid

__all__ = ["trapezoid"]
