"""Arrays that are laid out alike."""

from minijax._src._homes import names_of

__getattr__ = names_of(__name__, "minijax.experimental.shard_alike")
