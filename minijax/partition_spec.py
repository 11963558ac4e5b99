"""`PartitionSpec`: for each axis of an array the mesh axes that it is split over."""


class UnconstrainedSingleton:
    """`PartitionSpec.UNCONSTRAINED`: the compiler may choose."""

    def __repr__(self):
        return "UNCONSTRAINED"

    def __reduce__(self):
        return "UNCONSTRAINED"


UNCONSTRAINED = UnconstrainedSingleton()


def _canonical(part):
    """A part as it is kept: nothing is None, one axis stands for itself."""
    if not part:
        return None
    if isinstance(part, (tuple, list)):
        return _canonical(part[0]) if len(part) == 1 else tuple(part)
    return part


def _axes(what, axes):
    """The argument `unreduced` or `reduced`, checked."""
    if not isinstance(axes, (set, frozenset)):
        raise TypeError(
            f"{what} argument of PartitionSpec should of type `frozenset` or `set`. Got "
            f"type {axes}"
        )
    if None in axes:
        raise ValueError(
            f"{what} cannot contain None. All elements in {what} should refer to the "
            "mesh axes."
        )
    return frozenset(axes)


class P:
    """P(*partitions, unreduced=frozenset(), reduced=frozenset())

    For each axis of an array the mesh axis, or the tuple of them, that it is split over,
    or None; and the mesh axes over which parts are still to be summed.
    """

    __slots__ = ("partitions", "reduced", "unreduced")

    UNCONSTRAINED = UNCONSTRAINED

    def __init__(self, *partitions, unreduced=frozenset(), reduced=frozenset()):
        self.partitions = tuple([_canonical(part) for part in partitions])
        self.unreduced = _axes("unreduced", unreduced)
        self.reduced = _axes("reduced", reduced)
        self._check()

    def _check(self):
        for what, axes in (("unreduced", self.unreduced), ("reduced", self.reduced)):
            if axes & set(self.names()):
                raise ValueError(
                    f"partitions cannot overlap with {what} axes passed to "
                    f"PartitionSpec. Got partitions: {self.partitions} and {what} axes: "
                    f"{axes}"
                )
        if self.unreduced & self.reduced:
            raise ValueError(
                "`unreduced` and `reduced` argument to PartitionSpec cannot overlap. Got "
                f"unreduced: {self.unreduced} and reduced: {self.reduced}"
            )

    def names(self):
        """The mesh axes that are named, in order, each as often as it is."""
        parts = [p if isinstance(p, tuple) else (p,) for p in self.partitions]
        return [n for part in parts for n in part if not _is_none_or_any(n)]

    _partitions = property(lambda self: self.partitions)

    def __iter__(self):
        if self.unreduced or self.reduced:
            raise ValueError(
                "Using *pspec is dangerous when PartitionSpec has non-empty "
                "unreduced/reduced set. Please use *spec.partitions"
            )
        return iter(self.partitions)

    def __len__(self):
        return len(self.partitions)

    def __getitem__(self, index):
        return self.partitions[index]

    def index(self, part):
        """The place of a part."""
        return self.partitions.index(_canonical(part))

    def count(self, part):
        """How many parts are equal to `part`."""
        return self.partitions.count(_canonical(part))

    def _key(self):
        return self.partitions, self.unreduced, self.reduced

    def __eq__(self, other):
        return isinstance(other, P) and self._key() == other._key()

    def __hash__(self):
        return hash(self._key())

    def __repr__(self):
        inner = ", ".join(map(repr, self.partitions))
        inner += "," if len(self) == 1 and not (self.unreduced or self.reduced) else ""
        for what in ("unreduced", "reduced"):
            axes = getattr(self, what)
            if axes:
                names = ", ".join(map(repr, sorted(axes)))
                inner += f"{', ' if inner else ''}{what}={{{names}}}"
        return f"P({inner})"

    def __reduce__(self):
        return _restored, self._key()

    def __add__(self, other):
        if isinstance(other, P):
            return P(
                *self.partitions,
                *other.partitions,
                unreduced=self.unreduced | other.unreduced,
                reduced=self.reduced | other.reduced,
            )
        if not isinstance(other, tuple):
            raise NotImplementedError
        return P(
            *self.partitions, *other, unreduced=self.unreduced, reduced=self.reduced
        )

    def __radd__(self, other):
        if not isinstance(other, tuple):
            raise NotImplementedError
        return P(
            *other, *self.partitions, unreduced=self.unreduced, reduced=self.reduced
        )

    def update(self, *, partitions=None, unreduced=None, reduced=None):
        """A copy with other parts or axes."""
        return P(
            *(self.partitions if partitions is None else partitions),
            unreduced=self.unreduced if unreduced is None else unreduced,
            reduced=self.reduced if reduced is None else reduced,
        )

    def to_ct_spec(self):
        """The spec of cotangents: sums to be taken and sums taken change places."""
        return self.update(unreduced=self.reduced, reduced=self.unreduced)

    def to_tangent_spec(self):
        """The spec of tangents: the same."""
        return self

    def to_lo(self):
        """The specs of the arrays that an array consists of: itself."""
        return [self]

    def _normalized_spec_for_aval(self, ndim):
        """With a part for each of `ndim` axes."""
        missing = (None,) * (ndim - len(self))
        return self.update(partitions=(*self.partitions, *missing))


PartitionSpec = P
P.__module__ = "minijax"


def _is_none_or_any(part):
    return part is None or part is UNCONSTRAINED


def _restored(partitions, unreduced, reduced):
    return P(*partitions, unreduced=unreduced, reduced=reduced)
