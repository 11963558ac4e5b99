"""What loops and branches share."""

from minijax._src._homes import names_of
from minijax.control import body


class _TracedBodies:
    """The bodies that were traced, as the caches that JAX keeps of what it makes of them."""

    def cache_clear(self):
        """Forget them: each is traced again when it is next used."""
        body._cache.clear()


_pad_constvars = _dedup_consts = _TracedBodies()

__getattr__ = names_of(__name__, "minijax.control.body")
