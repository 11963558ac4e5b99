"""Dictionaries that can be keys."""

from collections.abc import Mapping
from typing import Any


class FrozenDict(Mapping):
    """A mapping that does not change, and has a hash where its values have one."""

    def __init__(self, d: Mapping):
        self._d = dict(d)

    def __getitem__(self, key):
        return self._d[key]

    def __iter__(self):
        return iter(self._d)

    def __len__(self):
        return len(self._d)

    def get(self, key: Any, default: Any = None) -> Any:
        """The value of a key, or `default`."""
        return self._d.get(key, default)

    def __hash__(self):
        return hash(frozenset(self._d.items()))

    def __eq__(self, other):
        return isinstance(other, FrozenDict) and self._d == other._d

    def __repr__(self):
        return f"FrozenDict({self._d!r})"
