"""The context of an equation (`eqn.ctx`), which interpreters of jaxprs enter.

What a trace was made under is in its equations' parameters here, not beside them; so the
context is what is in force, and whoever enters it holds that for what is bound inside.
"""

import contextlib

from minijax import config
from minijax.mesh import get_abstract_mesh, use_abstract_mesh

_partitionable = config.context_manager("jax_threefry_partitionable")


class JaxprEqnContext:
    """The flags and the mesh that an equation is bound under."""

    __slots__ = ("threefry_partitionable", "cur_abstract_mesh")
    compute_type = None
    xla_metadata = None
    remove_size_one_mesh_axis = False

    def __init__(self):
        self.threefry_partitionable = _partitionable.value
        self.cur_abstract_mesh = get_abstract_mesh()

    def _values(self):
        return self.threefry_partitionable, self.cur_abstract_mesh

    def __eq__(self, other):
        return type(other) is JaxprEqnContext and self._values() == other._values()

    def __hash__(self):
        return hash(self._values())

    @property
    def manager(self):
        """A context manager that holds the flags and the mesh."""
        return self._held()

    @contextlib.contextmanager
    def _held(self):
        with (
            _partitionable(self.threefry_partitionable),
            use_abstract_mesh(self.cur_abstract_mesh),
        ):
            yield

    def __repr__(self):
        return (
            f"JaxprEqnContext(compute_type={self.compute_type}, "
            f"threefry_partitionable={self.threefry_partitionable}, "
            f"cur_abstract_mesh={self.cur_abstract_mesh}, "
            f"xla_metadata={self.xla_metadata})"
        )
