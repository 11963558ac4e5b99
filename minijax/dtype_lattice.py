"""The dtypes an array may have, and what each may be promoted to.

Promotion is the least upper bound in JAX's lattice, see
https://docs.jax.dev/en/latest/type_promotion.html. Everybody reaches these names through
`dtypes`.
"""

from typing import Any

import ml_dtypes
import numpy as np

from minijax import config
from minijax.extended_dtypes import ExtendedDType, storage_dtype

_SMALL_INTS = ["int2", "int4", "uint2", "uint4"]
if hasattr(ml_dtypes, "int1"):  # newer releases only
    _SMALL_INTS += ["int1", "uint1"]
_SMALL_FLOATS = [
    "float4_e2m1fn", "float6_e2m3fn", "float6_e3m2fn", "float8_e3m4", "float8_e4m3",
    "float8_e4m3b11fnuz", "float8_e4m3fn", "float8_e4m3fnuz", "float8_e5m2",
    "float8_e5m2fnuz", "float8_e8m0fnu",
]  # fmt: skip

np_bool = np.dtype(bool)
np_bfloat16 = np.dtype(ml_dtypes.bfloat16)
small_ints = [np.dtype(getattr(ml_dtypes, name)) for name in _SMALL_INTS]
small_floats = [np.dtype(getattr(ml_dtypes, name)) for name in _SMALL_FLOATS]
unsigned = [np.dtype(f"uint{n}") for n in (8, 16, 32, 64)]
signed = [np.dtype(f"int{n}") for n in (8, 16, 32, 64)]
floats = [np_bfloat16, *[np.dtype(f"float{n}") for n in (16, 32, 64)]]
complexes = [np.dtype("complex64"), np.dtype("complex128")]

# Every dtype an array may have, extended dtypes and float0 apart.
array_dtypes = frozenset(
    [np_bool, *small_ints, *unsigned, *signed, *small_floats, *floats] + complexes
)

# The dtypes without arithmetic of their own. An element fills a byte in memory; a sum of
# two is one of wider elements, rounded.
narrow_dtypes = frozenset([*small_ints, *small_floats])
_HALF_HOLDS = frozenset(
    dt for dt in small_floats if dt != np.dtype(ml_dtypes.float8_e8m0fnu)
)


def cell_dtype(dtype) -> Any:
    """How elements lie in a program's buffers: as stored, narrow ones as bytes."""
    stored = storage_dtype(dtype)
    return np.dtype(np.uint8) if stored in narrow_dtypes else stored


def wide_dtype(dtype) -> Any:
    """What is computed in, where elements are of a narrow dtype; others are themselves."""
    if dtype not in narrow_dtypes:
        return dtype
    if dtype in small_ints:
        return np.dtype("uint8" if dtype.name.startswith("u") else "int8")
    return np.dtype("float16" if dtype in _HALF_HOLDS else "float32")


class TypePromotionError(ValueError):
    """There is no dtype that all operands may be promoted to."""


def itemsize_bits(dtype) -> int:
    """Bits of one element: 4 for int4, 8 for bool."""
    if dtype is None:
        raise ValueError("dtype cannot be None.")
    if isinstance(dtype, ExtendedDType):
        raise ValueError(f"unexpected input: {dtype=}")
    dtype = np.dtype(dtype)
    if dtype in small_ints:
        return ml_dtypes.iinfo(dtype).bits
    if dtype in small_floats:
        return ml_dtypes.finfo(dtype).bits
    return dtype.itemsize * 8


# -- promotion -----------------------------------------------------------------------


def _lattice_edges(strict):
    """node -> the nodes just above it. Nodes are dtypes and, for weak types, kinds."""
    u, i, f, c = unsigned, signed, floats, complexes
    edges = {node: [] for node in array_dtypes}
    if strict:
        edges[int] = [float, *small_ints, *u, *i]
        edges[float] = [complex, *small_floats, *f]
        edges[complex] = [*c]
        return edges
    edges[np_bool] = [int]
    edges[int] = [*small_ints, u[0], i[0]]
    for n in range(3):
        edges[u[n]] = [u[n + 1], i[n + 1]]
        edges[i[n]] = [i[n + 1]]
    edges[u[-1]] = edges[i[-1]] = [float]
    edges[float] = [f[0], f[1], *small_floats, complex]
    edges[f[0]] = edges[f[1]] = [f[2]]
    edges[f[2]] = [f[3], c[0]]
    edges[f[3]] = edges[c[0]] = [c[1]]
    edges[complex] = [c[0]]
    return edges


_upper_sets = {}


def _upper_set(node, strict):
    """All nodes that `node` may be promoted to, itself included."""
    if strict not in _upper_sets:
        edges = _lattice_edges(strict)
        _upper_sets[strict] = {start: _reachable(start, edges) for start in edges}
    found = _upper_sets[strict].get(node)
    if found is None:
        raise ValueError(f"dtype={node!r} is not a valid dtype for JAX type promotion.")
    return found


def _reachable(start, edges):
    seen = {start}
    todo = [start]
    while todo:
        new = [above for above in edges[todo.pop()] if above not in seen]
        seen.update(new)
        todo.extend(new)
    return frozenset(seen)


def least_upper_bound(nodes):
    """The dtype or kind that nodes of the lattice promote to: TypePromotionError if none."""
    strict = config.values.jax_numpy_dtype_promotion == "strict"
    bounds = frozenset.intersection(*[_upper_set(node, strict) for node in nodes])
    for node in bounds:
        if bounds <= _upper_set(node, strict):
            is_int64 = node == signed[3] and node not in nodes
            if is_int64 and not config.values.jax_enable_x64:
                return signed[2]  # uint32 with a signed type
            return node
    raise TypePromotionError(_no_promotion_message(nodes, strict))


def _no_promotion_message(nodes, strict):
    names = tuple([str(node) for node in nodes])
    start = f"Input dtypes {names} have no available implicit dtype promotion path"
    if strict:
        return (
            f"{start} when jax_numpy_dtype_promotion=strict. Try explicitly casting"
            " inputs to the desired output type, or set"
            " jax_numpy_dtype_promotion=standard."
        )
    hint, target = "", "float32"
    bits = [itemsize_bits(node) for node in nodes if node in small_floats]
    if bits:
        hint = (
            f" To avoid unintended promotion, {max(bits)}-bit floats do not support"
            " implicit"
        )
    elif any(node in small_ints for node in nodes):
        hint = (
            " To avoid unintended promotion, 1-bit, 2-bit and 4-bit integers do not"
            " support implicit"
        )
        target = "int32"
    hint = f"{hint} promotion." if hint else ""
    return (
        f"{start}.{hint} If you'd like your inputs to be promoted to another type, you"
        f" can do so explicitly using e.g. x.astype('{target}')"
    )
