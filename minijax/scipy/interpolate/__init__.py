"""`jax.scipy.interpolate`: interpolation on a regular grid."""

from minijax.scipy.interpolate.grid import (
    RegularGridInterpolator as RegularGridInterpolator,
)

__all__ = ["RegularGridInterpolator"]
