"""The primitives by name, as `sin_p` (`jax.extend.core.primitives`)."""

from minijax import lax as lax
from minijax.alias import missing_attribute
from minijax.control.custom_jvp import custom_jvp_call_p as custom_jvp_call_p
from minijax.control.custom_vjp import custom_lin_p as custom_lin_p
from minijax.control.custom_vjp import custom_vjp_call_p as custom_vjp_call_p
from minijax.control.jit_rules import jit_p as jit_p
from minijax.control.remat import name_p as name_p
from minijax.control.remat import remat_p as remat_p
from minijax.extend.core._calls import call_p as call_p
from minijax.extend.core._calls import closed_call_p as closed_call_p
from minijax.lax import linalg
from minijax.ops import random as _random
from minijax.ops.arithmetic import add_any_p as add_jaxvals_p  # noqa: F401
from minijax.ops.identities import device_put_p as device_put_p
from minijax.ops.threefry import threefry2x32_p as threefry2x32_p
from minijax.random.gammas import random_gamma_p as random_gamma_p
from minijax.state.primitives import addupdate_p as addupdate_p
from minijax.state.primitives import get_p as get_p
from minijax.state.primitives import swap_p as swap_p

_HOMES = lax, linalg, _random


def __getattr__(name):
    if name.endswith("_p"):
        for home in _HOMES:
            if hasattr(home, name):
                return getattr(home, name)
    raise missing_attribute(__name__, name)


def __dir__():
    found = {name for home in _HOMES for name in dir(home) if name.endswith("_p")}
    return sorted({*globals(), *found})
