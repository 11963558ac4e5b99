"""Functions with batching rules of their own."""

from minijax._src._homes import names_of

__getattr__ = names_of(
    __name__, "minijax.custom_batching", "minijax.control.custom_vmap"
)
