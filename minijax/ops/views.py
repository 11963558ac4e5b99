"""What the `lower` rules of several op families share: small helpers around the builder
and its views.
"""

import numpy as np

from minijax.core import ShapedArray


def real_view(b, view):
    """`view`, stored if it was an affine index view: only EWISE reads those."""
    return b.dense(view) if view.buffer is None else view


def index_views(b, ins, places):
    """`ins` stored, the indices among them, at these places, as there is arithmetic on."""
    ins = [real_view(b, view) for view in ins]
    for k in places:
        ins[k] = b.from_cells(ins[k], b.eqn.invars[k].aval.dtype)
    return ins


def encode_lists(*lists):
    """Lists of integers as parameters of an instruction: a count, then the items."""
    return [int(n) for items in lists for n in (len(items), *items)]


def element_words(value, dtype):
    """The bytes of one element of `dtype`, as two little-endian words; None is zero."""
    scalar = np.zeros((), dtype) if value is None else np.asarray(value).astype(dtype)
    raw = scalar.tobytes().ljust(16, b"\0")
    return [int(word) for word in np.frombuffer(raw, "<i8")]


def convert_real(b, view, dtype):
    """`b.convert`, taking the real part of complex values for a type that is real."""
    if view.dtype == dtype:
        return view
    if view.dtype.kind == "c" and dtype.kind != "c":
        part = np.dtype("f4") if view.dtype.itemsize == 8 else np.dtype("f8")
        view = b.ewise("real", [view], ShapedArray(view.shape, part))
    return b.convert(view, dtype)
