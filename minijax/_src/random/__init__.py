"""Random keys and samplers."""

from minijax._src._homes import names_of

__getattr__ = names_of(
    __name__,
    "minijax.random",
    "minijax.random.keys",
    "minijax.ops.random",
    submodules={"core", "prng"},
)
