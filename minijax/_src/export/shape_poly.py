"""Symbolic sizes."""

from typing import Any

from minijax._src._homes import names_of
from minijax.dims.expr import Dim as _DimExpr  # noqa: F401

DimSize = Any

__getattr__ = names_of(
    __name__,
    "minijax.dims.expr",
    "minijax.dims.scope",
    "minijax.dims.solve",
    "minijax.dims.specs",
    "minijax.dims.value",
)
