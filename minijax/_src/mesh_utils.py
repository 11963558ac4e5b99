"""Meshes from devices."""

from minijax._src._homes import names_of


def _canonicalize_axis_sizes(axis_sizes):
    """The sizes as a tuple of ints, or None where they are not known numbers."""
    try:
        return tuple([int(size) for size in axis_sizes])
    except (TypeError, ValueError):
        return None


__getattr__ = names_of(__name__, "minijax.experimental.mesh_utils")
