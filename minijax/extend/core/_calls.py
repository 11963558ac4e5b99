"""Calls of flat functions as primitives; here they are written in place."""


class _Call:
    """A call primitive: `bind(*args, subfuns=(fun,))` runs `fun` in place."""

    multiple_results = True
    call_primitive = True

    def __init__(self, name):
        self.name = name

    def __repr__(self):
        return self.name

    def bind(self, *args, subfuns, **params):
        """The list of results of the wrapped function."""
        (fun,) = subfuns
        return list(fun.call_wrapped(*args))


call_p = _Call("call")
closed_call_p = _Call("closed_call")
call = call_p.bind
