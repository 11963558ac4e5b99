"""The operations on mutable references."""

from minijax.state.primitives import addupdate as ref_addupdate
from minijax.state.primitives import addupdate_p as addupdate_p
from minijax.state.primitives import get as ref_get
from minijax.state.primitives import get_p as get_p
from minijax.state.primitives import set as ref_set
from minijax.state.primitives import swap as ref_swap
from minijax.state.primitives import swap_p as swap_p

__all__ = [
    "addupdate_p", "get_p", "ref_addupdate", "ref_get", "ref_set", "ref_swap", "swap_p",
]  # fmt: skip
