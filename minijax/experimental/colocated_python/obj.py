"""Colocated classes: objects that live beside devices, and are called by methods only."""

import functools
import inspect
import threading

from minijax.experimental.colocated_python.func import make_callable

_NOT_CALLED = ("__init__", "__del__", "__reduce__", "__reduce_ex__")


def wrap_class(cls):
    """The class of handles on objects of `cls`."""
    methods = {
        name: member
        for name, member in inspect.getmembers(cls, inspect.isfunction)
        if name not in _NOT_CALLED
    }

    class Handle:
        @functools.wraps(cls.__init__)
        def __init__(self, *args, **kwargs):
            get = _made_once(lambda: cls(*args, **kwargs))
            for name, method in methods.items():
                setattr(self, name, make_callable(_forwarding(get, name, method)))

    Handle.__name__, Handle.__doc__ = cls.__name__, cls.__doc__
    return Handle


def _made_once(make):
    """A function that gives what `make` gave when it was first asked for."""
    made, lock = [], threading.Lock()

    def get():
        with lock:
            if not made:
                made.append(make())
        return made[0]

    return get


def _forwarding(get, name, method):
    @functools.wraps(method)
    def forward(*args, **kwargs):
        return getattr(get(), name)(*args, **kwargs)

    return forward
