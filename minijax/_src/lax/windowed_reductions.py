"""Reductions over windows."""

from minijax._src._homes import names_of
from minijax.ops.window_select import select_and_gather_add_p, select_and_scatter_add_p


def _select_and_gather_add(
    tangents, operand, select_prim, window_dimensions, window_strides, padding,
    base_dilation, window_dilation,
):  # fmt: skip
    """The tangent of the element of each window that `select_prim` (ge_p, le_p) chooses."""
    return select_and_gather_add_p.bind(
        tangents, operand, select_prim=select_prim,
        window_dimensions=tuple(window_dimensions), window_strides=tuple(window_strides),
        padding=tuple(padding), base_dilation=tuple(base_dilation),
        window_dilation=tuple(window_dilation),
    )  # fmt: skip


def _select_and_scatter_add(
    source, operand, select_prim, window_dimensions, window_strides, padding
):
    """The transpose: each of `source` added at the element its window chooses."""
    return select_and_scatter_add_p.bind(
        source, operand, select_prim=select_prim,
        window_dimensions=tuple(window_dimensions), window_strides=tuple(window_strides),
        padding=tuple(padding),
    )  # fmt: skip


__getattr__ = names_of(__name__, "minijax.lax", "minijax.ops.window")
