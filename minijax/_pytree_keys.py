"""The keys that make up key paths, one class for each kind of step into a pytree."""


class _Key:
    """An immutable key holding one value, whose attribute's name the subclass gives."""

    __slots__ = ("_value",)
    __match_args__: tuple[str, ...] = ()

    def __eq__(self, other):
        if type(other) is not type(self):
            return NotImplemented
        return self._value == other._value

    def __hash__(self):
        return hash(self._value)

    def __repr__(self):
        return f"{type(self).__name__}({self.__match_args__[0]}={self._value!r})"

    def __reduce__(self):
        return type(self), (self._value,)


def _value(name, doc):
    return property(lambda self: self._value, doc=f"{name}: {doc}")


class DictKey(_Key):
    """A step into a dict: prints as `['a']`."""

    __slots__ = ()
    __match_args__ = ("key",)
    key = _value("key", "the dict's key")

    def __init__(self, key):
        self._value = key

    def __str__(self):
        return f"[{self._value!r}]"


class SequenceKey(_Key):
    """A step into a tuple or list: prints as `[0]`."""

    __slots__ = ()
    __match_args__ = ("idx",)
    idx = _value("idx", "the position")

    def __init__(self, idx):
        if not isinstance(idx, int):
            raise TypeError(f"SequenceKey takes an int, got {idx!r}")
        self._value = idx

    def __str__(self):
        return f"[{self._value!r}]"


class GetAttrKey(_Key):
    """A step into an attribute: prints as `.name`."""

    __slots__ = ()
    __match_args__ = ("name",)
    name = _value("name", "the attribute's name")

    def __init__(self, name):
        if not isinstance(name, str):
            raise TypeError(f"GetAttrKey takes a str, got {name!r}")
        self._value = name

    def __str__(self):
        return f".{self._value}"


class FlattenedIndexKey(_Key):
    """A step into a node that has no keys of its own: prints as `[<flat index 0>]`."""

    __slots__ = ()
    __match_args__ = ("key",)
    key = _value("key", "the child's position")

    def __init__(self, key):
        if not isinstance(key, int):
            raise TypeError(f"FlattenedIndexKey takes an int, got {key!r}")
        self._value = key

    def __str__(self):
        return f"[<flat index {self._value!r}>]"
