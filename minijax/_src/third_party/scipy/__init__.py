"""What JAX has from SciPy."""

from minijax._src._homes import names_of

_SUBMODULES = {"interpolate", "linalg"}
__getattr__ = names_of(__name__, submodules=_SUBMODULES)
