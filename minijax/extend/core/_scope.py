"""What libraries ask of the place where they are called: what traces, which axes."""

from minijax import core
from minijax.trace import JaxprTrace
from minijax.transforms.batching import BatchTrace


class TraceTag:
    """The mark of one run of a transformation of others, on its trace and its tracers.

    All tags are equal, so that a function that holds one is found again in caches;
    `is` tells two runs apart.
    """

    def __eq__(self, other):
        return isinstance(other, TraceTag)

    def __hash__(self):
        return hash(TraceTag)


def _any_trace(kind):
    """Whether the current trace, or one that it hands on to, is of a kind."""
    trace = core.current_trace()
    while trace is not None:
        if isinstance(trace, kind):
            return True
        trace = trace.parent
    return False


def unsafe_am_i_under_a_jit():
    """Whether a jaxpr is being recorded: under `jit`, in a loop's body and so on."""
    return _any_trace(JaxprTrace)


def unsafe_am_i_under_a_vmap():
    """Whether a function is being mapped by `vmap`."""
    return _any_trace(BatchTrace)


def unsafe_get_axis_names():
    """The names of the axes in scope."""
    return list(core.axis_env())


def nonempty_axis_env():
    """Whether a named axis is in scope."""
    return bool(core.axis_env())


def call_impl(f, *args, **params):
    """The results of a wrapped function, computed."""
    return f.call_wrapped(*args)
