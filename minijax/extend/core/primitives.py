"""The primitives by name, as `sin_p` (`jax.extend.core.primitives`)."""

from minijax import lax as lax
from minijax.alias import missing_attribute
from minijax.control.call import jit_p as jit_p
from minijax.control.custom_jvp import custom_jvp_call_p as custom_jvp_call_p
from minijax.control.custom_vjp import custom_lin_p as custom_lin_p
from minijax.control.custom_vjp import custom_vjp_call_p as custom_vjp_call_p
from minijax.control.remat import name_p as name_p
from minijax.control.remat import remat_p as remat_p
from minijax.extend.core._calls import call_p as call_p
from minijax.extend.core._calls import closed_call_p as closed_call_p


def __getattr__(name):
    if name.endswith("_p") and hasattr(lax, name):
        return getattr(lax, name)
    raise missing_attribute(__name__, name)
