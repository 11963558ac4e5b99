"""Mappings from primitives to rules that are views of the primitives' own slots."""

from collections.abc import MutableMapping

from minijax import core
from minijax import lax as lax
from minijax.ops.define import is_absent


class RuleTable(MutableMapping):
    """`table[primitive] = rule` fills a slot of the primitive.

    `to_slot(rule)` adapts a rule of JAX's signature to the slot's, `from_slot` the
    other way.
    """

    def __init__(self, slot, to_slot, from_slot):
        self._slot, self._to_slot, self._from_slot = slot, to_slot, from_slot
        self._given = {}

    def __setitem__(self, primitive, rule):
        self._given[primitive] = rule
        setattr(primitive, self._slot, self._to_slot(rule))

    def __getitem__(self, primitive):
        if primitive in self._given:
            return self._given[primitive]
        rule = getattr(primitive, self._slot, None)
        if rule is None or is_absent(rule) or _is_placeholder(rule):
            raise KeyError(primitive)
        return self._from_slot(rule)

    def __delitem__(self, primitive):
        del self._given[primitive]
        delattr(primitive, self._slot)

    def __iter__(self):
        own = [getattr(lax, name) for name in dir(lax) if name.endswith("_p")]
        known = [p for p in own if isinstance(p, core.Primitive)]
        for primitive in dict.fromkeys([*known, *self._given]):
            if primitive in self:
                yield primitive

    def __len__(self):
        return sum(1 for _ in self)

    def __contains__(self, primitive):
        try:
            self[primitive]
        except KeyError:
            return False
        return True


def _is_placeholder(rule):
    """Whether a rule is what primitives of others have before any is registered."""
    return getattr(rule, "__module__", "") == "minijax.extend.core._primitive"
