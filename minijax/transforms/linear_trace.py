"""The trace that records what depends on tangents while a function is linearized."""

import contextlib
import itertools
from typing import Any

from minijax.trace import JaxprTrace, JaxprTracer
from minijax.transforms.dce import dce


class LinearTrace(JaxprTrace):
    """Records what depends on tangents; all other work is the parent's."""

    pullback: Any = None  # whether it is to be transposed, where that is known
    splits = True  # whether what is known within an equation is computed: see `whole`

    def process_primitive(self, primitive, args, params):
        for x in args:
            if type(x) is JaxprTracer and x._trace is self:
                if primitive.split and self.splits:
                    with self.whole():
                        return primitive.split(self, args, **params)
                return super().process_primitive(primitive, args, params)
        return self.parent.process_primitive(primitive, args, params)

    @contextlib.contextmanager
    def whole(self):
        """Record equations as they are, also where known values are computed in them."""
        before, self.splits = self.splits, False
        try:
            yield
        finally:
            self.splits = before

    def finish(self, invars, outs):
        """The jaxpr and its constants, without what no output depends on."""
        jaxpr, consts = super().finish(invars, outs)
        both = jaxpr.constvars + jaxpr.invars
        live, read = dce(jaxpr.replace(constvars=[], invars=both))
        kept = read[: len(consts)]
        constvars = [*itertools.compress(jaxpr.constvars, kept)]
        found = live.replace(constvars=constvars, invars=jaxpr.invars)
        return found, [*itertools.compress(consts, kept)]

    def constant(self, x, value=None):
        return self.parent.constant(x, value)

    def process_custom_jvp_call(self, primitive, fun, jvp, args, **params):
        if any(self.owns(args)):
            return fun(*args)
        return self.parent.process_custom_jvp_call(primitive, fun, jvp, args, **params)

    def process_custom_vjp_call(self, primitive, fun, fwd, bwd, args, **params):
        if any(self.owns(args)):
            return fun(*args)
        return self.parent.process_custom_vjp_call(
            primitive, fun, fwd, bwd, args, **params
        )

    def owns(self, args):
        """For each of the values whether it is a tracer of this trace."""
        return tuple([type(x) is JaxprTracer and x._trace is self for x in args])

    def check_known(self, primals):
        """ValueError where values of the function itself have come to depend on tangents."""
        if any(self.owns(primals)):
            raise ValueError(
                "Linearization failed to produce known values for all output primals. "
                "This is typically caused by attempting to differentiate a function "
                "uses an operation that does not support reverse-mode autodiff."
            )
