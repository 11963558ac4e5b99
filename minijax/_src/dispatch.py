"""Computing primitives at once."""

import functools
from typing import NamedTuple

from minijax import core, dispatch, stats
from minijax._src._homes import names_of
from minijax.interpreters.xla import apply_primitive


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


JAXPR_TRACE_EVENT = stats.EVENTS["trace"][0]
JAXPR_TO_MLIR_MODULE_EVENT = stats.EVENTS["lower"][0]
BACKEND_COMPILE_EVENT = stats.EVENTS["compile"][0]

xla_primitive_callable = _EagerPrograms()


def simple_impl(prim):
    """Compute a primitive, outside of traces, by its compiled form."""
    prim.def_impl(functools.partial(apply_primitive, prim))


class _RuntimeTokens:
    """The effects that are still to happen: none, computation is synchronous."""

    def block_until_ready(self):
        """Wait for effects."""

    clear = block_until_ready


runtime_tokens = _RuntimeTokens()
wait_for_tokens = runtime_tokens.block_until_ready


def is_single_device_sharding(sharding):
    """Whether arrays lie on one device."""
    return sharding.num_devices == 1


def jaxpr_has_primitive(jaxpr, prim_name):
    """Whether a primitive of a name is anywhere in a jaxpr."""
    inner = (sub for eqn in jaxpr.eqns for sub in core.subjaxprs(eqn.params))
    return any(eqn.primitive.name == prim_name for eqn in jaxpr.eqns) or any(
        jaxpr_has_primitive(sub, prim_name) for sub in inner
    )


__getattr__ = names_of(
    __name__, "minijax.interpreters.xla", "minijax.dispatch", "minijax.ops.identities"
)
