"""What JAX has from other projects."""

from minijax._src._homes import names_of

__getattr__ = names_of(__name__, submodules={"scipy"})
