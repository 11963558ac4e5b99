"""How arrays lie in memory (`jax.experimental.layout`): accepted, always row-major."""

from minijax import core, dtypes
from minijax._pytree import flatten
from minijax.device import Sharding


class AutoLayoutSingleton:
    """`Layout.AUTO`: the compiler may choose."""

    def __repr__(self):
        return "AUTO"


class Layout:
    """An order of axes, the slowest first, and a tiling."""

    AUTO = AutoLayoutSingleton()

    def __init__(self, major_to_minor, tiling=None, sub_byte_element_size_in_bits=0):
        self.major_to_minor = tuple(major_to_minor)
        self.tiling = None if tiling is None else tuple(map(tuple, tiling))
        self.sub_byte_element_size_in_bits = sub_byte_element_size_in_bits

    def update(self, **changes):
        """A layout with some of its fields changed."""
        fields = {
            "major_to_minor": self.major_to_minor,
            "tiling": self.tiling,
            "sub_byte_element_size_in_bits": self.sub_byte_element_size_in_bits,
        }
        return Layout(**{**fields, **changes})

    def check_compatible_aval(self, aval_shape):
        """ValueError for arrays with another number of axes."""
        if len(self.major_to_minor) != len(aval_shape):
            raise ValueError(
                "Length of major_to_minor and the rank of the value should match. Got "
                f"major_to_minor={self.major_to_minor} and shape={aval_shape}"
            )

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
        if not (layout is None or isinstance(layout, (Layout, AutoLayoutSingleton))):
            raise TypeError(
                "Invalid value received for the layout argument. Expected values are "
                "`None`, `Layout.AUTO` or an instance of `Layout`. Got "
                f"{layout} of type {type(layout)}"
            )
        if not (sharding is None or isinstance(sharding, Sharding)):
            raise TypeError(
                "Invalid value received for the sharding argument. Expected values are "
                "`None` or an instance of `jax.Sharding`. Got "
                f"{sharding} of type {type(sharding)}"
            )
        if isinstance(layout, Layout) and sharding is None:
            raise ValueError(
                f"Sharding has to be concrete when layout is of type {Layout}. Please "
                "pass a `jax.sharding.NamedSharding` or "
                "`jax.sharding.SingleDeviceSharding` to the sharding argument. Got "
                f"sharding {sharding}"
            )
        self._layout, self._sharding = layout, sharding

    @property
    def layout(self):
        """The order of the elements in memory."""
        return self._layout

    @property
    def sharding(self):
        """Where the parts live."""
        return self._sharding

    def __eq__(self, other):
        return isinstance(other, Format) and (self.layout, self.sharding) == (
            other.layout,
            other.sharding,
        )

    def __hash__(self):
        return hash((self.layout, self.sharding))

    def __repr__(self):
        return f"Format(layout={self.layout}, sharding={self.sharding})"


def row_major(aval, sharding):
    """The format that arrays have here."""
    dtype = aval.dtype
    bits = 0 if isinstance(dtype, dtypes.ExtendedDType) else dtypes.itemsize_bits(dtype)
    layout = Layout(range(aval.ndim), (), bits if bits < 8 else 0)
    return Format(layout, sharding)


def format_of(x):
    """The format of an array; without a layout once the array is deleted."""
    return Format(None, x.sharding) if x.is_deleted() else row_major(x, x.sharding)


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
