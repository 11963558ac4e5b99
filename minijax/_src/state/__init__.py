"""Mutable references, as JAX names them inside."""

from minijax._src._homes import names_of

__getattr__ = names_of(
    __name__,
    "minijax.ref",
    "minijax._src.state.types",
    submodules={"discharge", "indexing", "primitives", "types", "utils"},
)
