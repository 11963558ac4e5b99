"""Functions with derivatives of the user's (`jax.custom_derivatives`)."""

from typing import Any

from minijax.alias import missing_attribute
from minijax.control.custom_call import SymbolicZero as SymbolicZero
from minijax.control.custom_jvp import custom_jvp as custom_jvp
from minijax.control.custom_jvp import custom_jvp_call_p as custom_jvp_call_p
from minijax.control.custom_vjp import CustomVJPPrimal as CustomVJPPrimal
from minijax.control.custom_vjp import closure_convert as closure_convert
from minijax.control.custom_vjp import custom_gradient as custom_gradient
from minijax.control.custom_vjp import custom_vjp as custom_vjp
from minijax.control.custom_vjp import custom_vjp_call_p as custom_vjp_call_p
from minijax.control.linear_call import linear_call as linear_call
from minijax.control.optimized_remat import remat_opt_p as remat_opt_p
from minijax.core import typeof
from minijax.ops.define import zeros
from minijax.tree_util import tree_map


def custom_vjp_primal_tree_values(tree):
    """The values of a tree of `CustomVJPPrimal`."""
    return tree_map(lambda leaf: leaf.value, tree)


def zero_from_primal(val, symbolic_zeros=False):
    """The zero tangents of primal values, which may be a tree."""
    make = SymbolicZero if symbolic_zeros else zeros
    return tree_map(lambda x: make(typeof(x).to_tangent_aval()), val)


def __getattr__(name: str) -> Any:
    raise missing_attribute(__name__, name)
