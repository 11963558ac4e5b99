"""The operations on mutable references."""

from minijax.state.pin import pin as pin
from minijax.state.pin import pin_p as pin_p
from minijax.state.pin import unpin as unpin
from minijax.state.pin import unpin_p as unpin_p
from minijax.state.primitives import addupdate as ref_addupdate
from minijax.state.primitives import addupdate_p as addupdate_p
from minijax.state.primitives import get as ref_get
from minijax.state.primitives import get_p as get_p
from minijax.state.primitives import set as ref_set
from minijax.state.primitives import swap as ref_swap
from minijax.state.primitives import swap_p as swap_p

__all__ = [
    "addupdate_p", "get_p", "pin", "pin_p", "ref_addupdate", "ref_get", "ref_set",
    "ref_swap", "swap_p", "unpin", "unpin_p",
]  # fmt: skip
