"""Functions with derivatives of their own."""

from minijax import core, dtypes
from minijax._src._homes import names_of
from minijax.core import Zero
from minijax.trace import JaxprTracer
from minijax.transforms.ad import JVPTracer


def _maybe_perturbed(x):
    """Whether a value may have a tangent that is not zero, as far as can be told now."""
    if not isinstance(x, core.Tracer):
        return False
    if isinstance(x, JVPTracer) and isinstance(x.tangent, Zero):
        return _maybe_perturbed(x.primal)
    if isinstance(x, JaxprTracer):  # it may be differentiated later
        return x.aval.to_tangent_aval().dtype != dtypes.float0
    return True


__getattr__ = names_of(
    __name__,
    "minijax.custom_derivatives",
    "minijax.control.custom_call",
    "minijax.control.custom_jvp",
    "minijax.control.custom_vjp",
    "minijax.control.linear_call",
    "minijax.control.optimized_remat",
)
