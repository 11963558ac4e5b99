"""What the Python array API standard asks of a namespace about itself."""

from minijax import device as devices_of
from minijax import dtypes
from minijax.numpy.inspection import isdtype

__array_api_version__ = "2024.12"

_NARROW = [
    "int8",
    "int16",
    "int32",
    "uint8",
    "uint16",
    "uint32",
    "float32",
    "complex64",
]
_WIDE = ["int64", "uint64", "float64", "complex128"]


class ArrayNamespaceInfo:
    """What arrays there are: devices, dtypes, and what functions can do."""

    def default_device(self):
        """None: where nobody asks for a device, the one that there is."""

    def devices(self):
        """None, and the devices."""
        return [None, *devices_of.devices()]

    def capabilities(self):
        """What holds within `jit` as well."""
        return {
            "boolean indexing": False,
            "data-dependent shapes": False,
            "max dimensions": 64,
        }

    def default_dtypes(self, *, device=None):
        """{kind: the dtype of it that is taken where none is asked for}."""
        whole = dtypes.python_scalar_dtype(int)
        return {
            "real floating": dtypes.python_scalar_dtype(float),
            "complex floating": dtypes.python_scalar_dtype(complex),
            "integral": whole,
            "indexing": whole,
        }

    def dtypes(self, *, device=None, kind=None):
        """{name: dtype} of the standard's dtypes of a kind or of one of several; of all
        by default. KeyError for a kind that there is not.
        """
        kinds = kind if isinstance(kind, tuple) else (kind,)
        if kind is None:
            kinds = "numeric", "bool"
        wide = _WIDE if dtypes.python_scalar_dtype(int).itemsize == 8 else []
        known = [dtypes.dtype(name) for name in ("bool", *_NARROW, *wide)]
        for each in kinds:
            if each not in _KINDS:
                raise KeyError(each)
        return {t.name: t for each in kinds for t in known if isdtype(t, each)}


_KINDS = {
    "bool", "signed integer", "unsigned integer", "integral", "real floating",
    "complex floating", "numeric",
}  # fmt: skip


def __array_namespace_info__():
    """The namespace's description of itself."""
    return ArrayNamespaceInfo()
