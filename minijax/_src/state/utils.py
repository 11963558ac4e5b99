"""Helpers for jaxprs with references."""

from minijax.state.run import hoist_consts_to_refs as hoist_consts_to_refs

__all__ = ["hoist_consts_to_refs"]
