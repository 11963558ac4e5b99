"""The functions of `jax.scipy`."""

from minijax._src._homes import names_of

_SUBMODULES = {
    "cluster", "linalg", "ndimage", "signal", "sparse", "spatial", "special",
}  # fmt: skip
__getattr__ = names_of(__name__, "minijax.scipy", submodules=_SUBMODULES)
