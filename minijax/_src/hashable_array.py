"""NumPy arrays that can be keys."""

from minijax.control.composite import HashableArray as HashableArray
