"""How arrays lie in memory (`jax.experimental.layout`): accepted, always row-major."""

from minijax import core, dtypes
from minijax._pytree import flatten
from minijax.device import Sharding


class _Auto:
    def __repr__(self):
        return "AUTO"


class Layout:
    """An order of axes, the slowest first, and a tiling."""

    AUTO = _Auto()

    def __init__(self, major_to_minor, tiling=None, sub_byte_element_size_in_bits=0):
        self.major_to_minor = tuple(major_to_minor)
        self.tiling = None if tiling is None else tuple(map(tuple, tiling))
        self.sub_byte_element_size_in_bits = sub_byte_element_size_in_bits

    def _key(self):
        tiling = self.tiling or None
        return self.major_to_minor, tiling, self.sub_byte_element_size_in_bits

    def __eq__(self, other):
        return isinstance(other, Layout) and self._key() == other._key()

    def __hash__(self):
        return hash(self._key())

    def __repr__(self):
        return (
            f"Layout(major_to_minor={self.major_to_minor}, tiling={self.tiling}, "
            f"sub_byte_element_size_in_bits={self.sub_byte_element_size_in_bits})"
        )


class Format:
    """A layout together with a sharding."""

    def __init__(self, layout=None, sharding=None):
        if not (layout is None or isinstance(layout, (Layout, _Auto))):
            raise TypeError(
                f"Invalid value received for the layout argument: {layout!r}. Expected "
                "values are `None`, `Layout.AUTO` or an instance of `Layout`"
            )
        if not (sharding is None or isinstance(sharding, Sharding)):
            raise TypeError(
                "Invalid value received for the sharding argument: expected `None` or "
                f"an instance of `Sharding`, got {sharding!r}"
            )
        self.layout, self.sharding = layout, sharding

    def __eq__(self, other):
        return isinstance(other, Format) and (self.layout, self.sharding) == (
            other.layout,
            other.sharding,
        )

    def __hash__(self):
        return hash((self.layout, self.sharding))

    def __repr__(self):
        return f"Format(layout={self.layout}, sharding={self.sharding})"


def format_of(x):
    """The format of an array; without a layout once the array is deleted."""
    if x.is_deleted():
        return Format(None, x.sharding)
    dtype = x.dtype
    bits = 0 if isinstance(dtype, dtypes.ExtendedDType) else dtypes.itemsize_bits(dtype)
    narrow = bits if bits < 8 else 0
    return Format(Layout(range(x.ndim), (), narrow), x.sharding)


def with_layout_constraint(x, layouts):
    """`x`, checked to have as many axes as the layouts; arrays stay row-major."""
    leaves = flatten(x)[0]
    wanted = flatten(layouts)[0]
    if len(wanted) == 1:
        wanted = wanted * len(leaves)
    for leaf, layout in zip(leaves, wanted, strict=True):
        if not isinstance(layout, Layout):
            raise TypeError(f"layouts passed to with_layout_constraint must be of type "
                            f"`Layout`. Got {type(layout)}")  # fmt: skip
        ndim = core.get_aval(leaf).ndim
        if len(layout.major_to_minor) != ndim:
            raise ValueError(
                f"The rank of the layout {layout} differs from that of the array, {ndim}"
            )
    return x
