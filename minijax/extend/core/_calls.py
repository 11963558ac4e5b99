"""Calls of flat functions as primitives; here they are written in place."""


class CallPrimitive:
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


call_p = CallPrimitive("call")
closed_call_p = CallPrimitive("closed_call")
call = call_p.bind
