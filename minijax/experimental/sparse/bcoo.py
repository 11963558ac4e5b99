"""`BCOO` and what is done with it, under the names that JAX has for them."""

from minijax._src._homes import names_of

__getattr__ = names_of(
    __name__,
    "minijax.experimental.sparse.bcoo_type",
    "minijax.experimental.sparse.bcoo_parts",
    "minijax.experimental.sparse.bcoo_dot",
    "minijax.experimental.sparse.bcoo_layout",
    "minijax.experimental.sparse.bcoo_shape",
    "minijax.experimental.sparse.bcoo_gather",
)
