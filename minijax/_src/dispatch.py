"""Computing primitives at once."""

from typing import NamedTuple

from minijax import dispatch, stats
from minijax._src._homes import names_of


class CacheInfo(NamedTuple):
    """How often a program was made, how many are kept, and at most how many."""

    misses: int
    maxsize: int
    currsize: int


class _EagerPrograms:
    """The programs of primitives that run outside `jit`, as a cache to look at."""

    def __init__(self):
        self._before = 0

    def cache_info(self):
        """What happened since the cache was cleared."""
        made = stats.counters.get("eager_cache_miss", 0)
        # The count starts again where the statistics are reset.
        self._before = min(self._before, made)
        kept = len(dispatch._eager)
        return CacheInfo(made - self._before, dispatch._MAX_EAGER, kept)

    def cache_clear(self):
        """Forget all programs."""
        dispatch.clear_eager()
        self._before = stats.counters.get("eager_cache_miss", 0)


xla_primitive_callable = _EagerPrograms()

__getattr__ = names_of(__name__, "minijax.interpreters.xla", "minijax.dispatch")
