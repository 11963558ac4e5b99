"""Notes to the compiler on the order of operations: accepted, read by nobody."""

import functools

from minijax.control.call import jit


def xla_metadata_call(f=None, **meta):
    """`f` as one computation that carries notes, which nobody reads."""
    return functools.partial(xla_metadata_call, **meta) if f is None else jit(f)


def scheduling_group(name):
    """Decorates a function whose operations the compiler shall keep together."""
    return xla_metadata_call(scheduling_group=name)
