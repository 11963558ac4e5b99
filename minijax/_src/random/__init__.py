"""Random keys and samplers."""

from minijax._src._homes import names_of

_SUBMODULES = {
    "core", "philox2x32", "philox4x32", "prng", "rbg", "stateful_rng", "threefry2x32",
    "threefry4x32",
}  # fmt: skip
__getattr__ = names_of(
    __name__,
    "minijax.random",
    "minijax.random.keys",
    "minijax.ops.random",
    "minijax._src.random.core",
    submodules=_SUBMODULES,
)
