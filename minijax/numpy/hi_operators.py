"""The operators and methods of values whose types users define: `x + y` is what the type
has as `_add`, `x.sum()` the `aval_method` and `x.T` the `aval_property` of that name.

Loaded with the first such type: tracers of arrays do without the question before.
"""

import functools

from minijax import hitypes
from minijax.numpy import array_methods

_BINARY = "add sub mul truediv floordiv mod divmod pow matmul and or xor lshift rshift"
# Conversions are not among them: a type has no say in `int(x)`
_OTHERS = "eq ne lt le gt ge neg pos abs invert round getitem setitem contains len iter"


def _is_high(tracer):
    return tracer.aval.is_high


def _operator(name):
    def operator(tracer, *operands):
        return getattr(tracer.aval, name)(tracer, *operands)

    return operator


def _method(name):
    def method(tracer, *args, **kwargs):
        return getattr(tracer.aval, name).fun(tracer, *args, **kwargs)

    return method


def _property(name):
    return lambda tracer: hitypes.member(tracer, name)


@functools.cache
def install() -> None:
    """Let tracers of values of users' own types have what the type has."""
    array_methods.load_all()  # else some would replace ours later
    reflected = " ".join(f"r{name}" for name in _BINARY.split())
    for name in f"{_BINARY} {reflected} {_OTHERS}".split():
        array_methods.let_mean(f"__{name}__", _is_high, _operator(f"_{name}"))
    methods, properties = array_methods.names()
    for name in methods:
        array_methods.let_mean(name, _is_high, _method(name))
    for name in properties:
        array_methods.let_mean(name, _is_high, _property(name))
