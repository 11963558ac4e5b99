"""What an operation does to the keys that it takes and gives."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np


class _Marked:
    """One operand, and which of its elements are meant: all (True), or those of a mask."""

    __slots__ = ("idx", "mask")

    idx: int
    mask: bool | np.ndarray

    def __init__(self, idx: int, mask: bool | np.ndarray = True):
        mask = np.array(mask, bool)
        mask.flags.writeable = False
        same = mask.all() if mask.any() else not mask.any()
        object.__setattr__(self, "idx", idx)
        object.__setattr__(self, "mask", bool(mask.any()) if same else mask)

    def __setattr__(self, name, value):
        raise ValueError(f"{type(self).__name__} is immutable")

    def _key(self):
        mask = np.asarray(self.mask)
        return type(self).__name__, self.idx, mask.shape, mask.tobytes()

    def __eq__(self, other):
        return isinstance(other, _Marked) and self._key() == other._key()

    def __hash__(self):
        return hash(self._key())

    def __repr__(self):
        mask = "" if self.mask is True else f", {self.mask}"
        return f"{type(self).__name__}({self.idx}{mask})"


class Sink(_Marked):
    """An argument that is used up."""

    __slots__ = ()


class Source(_Marked):
    """A result that is fresh."""

    __slots__ = ()


class Forward(NamedTuple):
    """A result that stands for the same keys as an argument."""

    in_idx: int
    out_idx: int

    def __repr__(self):
        return f"Forward({self.in_idx}, {self.out_idx})"


class KeyReuseSignature:
    """A set of sinks, sources and forwards; results in none of them count as used up."""

    def __init__(self, *parts: Sink | Source | Forward):
        self._parts = frozenset(parts)

    @property
    def sinks(self) -> Iterator[Sink]:
        """The arguments that are used up."""
        return (part for part in self._parts if isinstance(part, Sink))

    @property
    def sources(self) -> Iterator[Source]:
        """The results that are fresh."""
        return (part for part in self._parts if isinstance(part, Source))

    @property
    def forwards(self) -> Iterator[Forward]:
        """The results that stand for arguments."""
        return (part for part in self._parts if isinstance(part, Forward))

    def __eq__(self, other):
        return isinstance(other, KeyReuseSignature) and self._parts == other._parts

    def __hash__(self):
        return hash(self._parts)

    def __repr__(self):
        kinds = self.sinks, self.sources, self.forwards
        parts = tuple([part for kind in kinds for part in sorted(kind, key=repr)])
        return f"KeyReuseSignature{parts}"
