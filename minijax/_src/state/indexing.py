"""Indices into references."""

from minijax.numpy.slices import Slice as Slice
from minijax.numpy.slices import ds as ds
from minijax.numpy.slices import dslice as dslice

__all__ = ["Slice", "ds", "dslice"]
