"""jnp's packing of booleans into bytes."""

import numpy as np

import minijax.numpy as jnp
from minijax import lax
from minijax.control.call import jit
from minijax.numpy.creation import asarray
from minijax.numpy.logic import as_bool
from minijax.numpy.promotion import canonical_axis, ensure_arraylike, is_kind, literal
from minijax.numpy.ranges import arange

_BYTE = np.dtype("uint8")


def _weights(bitorder):
    if bitorder not in ("little", "big"):
        raise ValueError("'order' must be either 'little' or 'big'")
    places = arange(8, dtype=_BYTE)
    return places if bitorder == "little" else lax.sub(literal(7, _BYTE), places)


@jit(static_argnames=("axis", "bitorder"))
def packbits(a, axis=None, bitorder="big"):
    """Eight booleans along an axis (None: of the flattened array) in each uint8.

    Args:
        a: booleans or integers; an element counts as a bit that is set where it is
            nonzero.
        axis: along which eight elements become one; None for the flattened array.
        bitorder: 'big' for the first element in the highest bit, 'little' for the
            lowest.

    Returns:
        An array of uint8; missing elements of the last byte count as 0.

    Examples:
        >>> jnp.packbits(jnp.array([1, 0, 0, 0, 0, 0, 1, 1]))
        Array([131], dtype=uint8)
    """
    (a,) = ensure_arraylike("packbits", a)
    a = asarray(a)
    if not (is_kind(a, np.integer) or a.dtype == np.bool_):
        raise TypeError("Expected an input array of integer or boolean data type")
    bits = lax.convert_element_type(as_bool(a), _BYTE)
    shifts = _weights(bitorder)
    if axis is None:
        bits, axis = jnp.ravel(bits), 0
    axis = canonical_axis(axis, bits.ndim)
    bits = jnp.swapaxes(bits, axis, -1) if axis != bits.ndim - 1 else bits
    rest = -bits.shape[-1] % 8
    if rest:
        config = [(0, 0, 0)] * (bits.ndim - 1) + [(0, rest, 0)]
        bits = lax.pad(bits, literal(0, _BYTE), config)
    bits = bits.reshape(*bits.shape[:-1], bits.shape[-1] // 8, 8)
    shifts = lax.broadcast_in_dim(shifts, bits.shape, (bits.ndim - 1,))
    packed = lax.reduce_sum(lax.shift_left(bits, shifts), (bits.ndim - 1,))
    return jnp.swapaxes(packed, axis, -1) if axis != packed.ndim - 1 else packed


@jit(static_argnames=("axis", "count", "bitorder"))
def unpackbits(a, axis=None, count=None, bitorder="big"):
    """The bits of uint8s along an axis (None: of the flattened array), `count` of them.

    Args:
        a: array of uint8.
        axis: along which each byte becomes eight elements; None for the flattened
            array.
        count: how many bits to give along the axis; more are cut, fewer are padded with
            0.
        bitorder: 'big' for the highest bit first, 'little' for the lowest.

    Returns:
        An array of uint8, whose elements are 0 or 1.

    Examples:
        >>> jnp.unpackbits(jnp.array([131], dtype=jnp.uint8))
        Array([1, 0, 0, 0, 0, 0, 1, 1], dtype=uint8)
    """
    (a,) = ensure_arraylike("unpackbits", a)
    a = asarray(a)
    if a.dtype != _BYTE:
        raise TypeError("Expected an input array of unsigned byte data type")
    shifts = _weights(bitorder)
    if axis is None:
        a, axis = jnp.ravel(a), 0
    axis = canonical_axis(axis, a.ndim)
    a = jnp.swapaxes(a, axis, -1) if axis != a.ndim - 1 else a
    shifts = lax.expand_dims(shifts, range(a.ndim))
    bits = jnp.bitwise_and(
        jnp.right_shift(lax.expand_dims(a, (a.ndim,)), shifts), literal(1, _BYTE)
    )
    bits = bits.reshape(*a.shape[:-1], -1)
    if count is not None:
        if count > bits.shape[-1]:
            config = [(0, 0, 0)] * (bits.ndim - 1) + [(0, count - bits.shape[-1], 0)]
            bits = lax.pad(bits, literal(0, _BYTE), config)
        else:
            bits = bits[..., :count]
    return jnp.swapaxes(bits, axis, -1) if axis != bits.ndim - 1 else bits
