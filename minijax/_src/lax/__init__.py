"""Operations, control flow and collectives."""

from minijax._src._homes import names_of

_SUBMODULES = {
    "ann",
    "control_flow",
    "convolution",
    "fft",
    "lax",
    "linalg",
    "other",
    "parallel",
    "slicing",
    "special",
    "windowed_reductions",
}
__getattr__ = names_of(__name__, "minijax.lax", submodules=_SUBMODULES)
