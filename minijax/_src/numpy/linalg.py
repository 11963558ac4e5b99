"""Linear algebra."""

from minijax._src._homes import names_of

__getattr__ = names_of(
    __name__,
    "minijax.numpy.linalg",
    "minijax.numpy.determinants",
    "minijax.numpy.decompositions",
    "minijax.numpy",
)
