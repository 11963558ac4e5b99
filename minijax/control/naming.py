"""Names for stretches of a program, and computing while tracing."""

import contextlib
import functools

from minijax import core


class named_scope(contextlib.ContextDecorator):
    """Names the equations made within the block."""

    def __init__(self, name):
        if not isinstance(name, str):
            raise TypeError("named_scope name argument must be a string.")
        self.name = name

    def _recreate_cm(self):
        return named_scope(self.name)

    def __enter__(self):
        self._held = core.within(self.name)
        self._held.__enter__()
        return self

    def __exit__(self, *exc):
        return self._held.__exit__(*exc)


def named_call(fun, *, name=None):
    """`fun`, with its equations named."""
    if not callable(fun):
        raise TypeError(f"named_call requires a callable, got {fun}")

    name = fun.__name__ if name is None else name

    @functools.wraps(fun, updated=())
    def wrapped(*args, **kwargs):
        with named_scope(name):
            return fun(*args, **kwargs)

    return wrapped


class _CompileTimeTrace(core.Trace):
    """Computes what no tracer takes part in; all else is the parent's."""

    def __init__(self, parent):
        self.parent = parent

    def described(self):
        return self.parent.described()

    def constant(self, x, value=None):
        return x

    def _trace_for(self, args):
        known = not any(isinstance(x, core.Tracer) for x in args)
        return core.eval_trace if known else self.parent

    def process_primitive(self, primitive, args, params):
        level = self._trace_for(args)
        with core.set_current_trace(level):
            return level.process_primitive(primitive, args, params)

    def process_custom_jvp_call(self, primitive, fun, jvp, args, **params):
        """As the trace does whose the arguments are."""
        level = self._trace_for(args)
        with core.set_current_trace(level):
            return level.process_custom_jvp_call(primitive, fun, jvp, args, **params)

    def process_custom_vjp_call(self, primitive, fun, fwd, bwd, args, **params):
        """As the trace does whose the arguments are."""
        level = self._trace_for(args)
        with core.set_current_trace(level):
            return level.process_custom_vjp_call(
                primitive, fun, fwd, bwd, args, **params
            )


class ensure_compile_time_eval(contextlib.ContextDecorator):
    """Within the block, operations on known values are computed at once, also under
    `jit`.
    """

    def __enter__(self):
        level = core.current_trace()
        if level is not core.eval_trace:
            level = _CompileTimeTrace(level)
        self._held = core.set_current_trace(level)
        self._held.__enter__()
        return self

    def __exit__(self, *exc):
        return self._held.__exit__(*exc)
