"""The leak checker: tracers that outlive their trace (`jax.checking_leaks`)."""

import gc
import sys

from minijax import config, errors
from minijax.core import Tracer


def check(level):
    """Exception, naming them and who holds them, if tracers of `level` are still alive.

    Does nothing unless `jax_check_tracer_leaks` is set. Callers have dropped their own
    references to tracers.
    """
    if not config.values.jax_check_tracer_leaks or sys.exc_info()[0] is not None:
        return
    gc.collect()
    leaked = [
        x for x in gc.get_objects() if isinstance(x, Tracer) and x._trace is level
    ]
    if not leaked:
        return
    said = "\n\n".join(_describe(tracer, leaked) for tracer in leaked)
    raise Exception(f"Leaked trace {level.jax_name}. Leaked tracer(s):\n\n{said}\n")


def _describe(tracer, ours):
    kind = tracer.jax_name
    lines = [f"{tracer!r}{errors.origin(tracer)}"]
    for holder in gc.get_referrers(tracer):
        if holder is not ours and type(holder).__name__ not in _PASSING:
            lines.append(
                f"<{kind} {id(tracer)}> is referred to by "
                f"<{type(holder).__name__} {id(holder)}>"
            )
    return "\n".join(lines)


_PASSING = {"frame", "list_iterator"}  # what looks at a tracer only for now
