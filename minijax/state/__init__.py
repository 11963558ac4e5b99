"""Mutable references to arrays: what they are, and how programs get rid of them.

`primitives` has the references and the operations on them; `discharge` rewrites a jaxpr
so that it takes and gives values instead, which the planner then updates in place.
"""

from minijax.state import discharge, effects, primitives

primitives.install()
discharge.install()
effects.install()
