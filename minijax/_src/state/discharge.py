"""Jaxprs with references as jaxprs on values."""

from minijax.state.run import discharge_state as discharge_state
from minijax.state.run import run_state as run_state
from minijax.state.run import run_state_p as run_state_p
from minijax.state.run import run_state_reference as run_state_reference

__all__ = ["discharge_state", "run_state", "run_state_p", "run_state_reference"]
