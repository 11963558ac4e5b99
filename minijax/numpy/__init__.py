"""`jax.numpy`: NumPy's functions on arrays, in terms of `minijax.ops`.

A function is found in its module when it is first asked for; so programs load only what
they use.
"""

import importlib
import sys
from types import FunctionType
from typing import Any

import numpy as np

from minijax import dtypes as _dtypes
from minijax.alias import unknown_attribute
from minijax.array import Array as ndarray
from minijax.control.served import serve
from minijax.numpy import scalar_types as _scalar_types

_NAMES = {
    "creation": """array asarray astype copy frombuffer fromfile fromiter
    from_dlpack fromstring""",
    "filling": """empty empty_like full full_like ones ones_like zeros zeros_like""",
    "ranges": """arange geomspace linspace logspace""",
    "ufuncs": """abs absolute add divide divmod fabs float_power floor_divide fmod
    maximum minimum mod multiply negative nextafter positive pow power
    reciprocal remainder sign square subtract true_divide""",
    "logic": """bitwise_and bitwise_count bitwise_invert bitwise_left_shift bitwise_not
    bitwise_or bitwise_right_shift bitwise_xor invert left_shift logical_and
    logical_not logical_or logical_xor right_shift""",
    "comparisons": """equal greater greater_equal less less_equal not_equal""",
    "math_ufuncs": """angle around cbrt ceil conj conjugate exp exp2 expm1 floor
        imag log log10 log1p log2 modf real rint round sqrt trunc""",
    "trigonometry": """acos acosh arctan2 atan2 arccos arccosh arcsin arcsinh arctan arctanh
        asin asinh atan atanh cos cosh deg2rad degrees hypot rad2deg radians sin sinh tan
        tanh""",
    "predicates": """copysign heaviside isclose iscomplex isfinite isinf isnan
        isneginf isposinf isreal signbit""",
    "special_ufuncs": "frexp gcd i0 lcm ldexp logaddexp logaddexp2 sinc spacing unwrap "
    "_reduce_logaddexp _reduce_logaddexp2",
    "ufunc_api": "frompyfunc ufunc",
    "selection": """choose clip compress extract fmax fmin nan_to_num piecewise place
    put select where""",
    "shape_ops": """atleast_1d atleast_2d atleast_3d broadcast_arrays broadcast_shapes
        broadcast_to expand_dims matrix_transpose moveaxis permute_dims ravel reshape
        rollaxis squeeze swapaxes transpose""",
    "joining": """append array_split block column_stack concat concatenate dsplit dstack
        hsplit hstack split stack unstack vsplit vstack""",
    "rearranging": """diff ediff1d flip fliplr flipud indices ix_ meshgrid repeat resize
        roll rot90 tile""",
    "padding": "pad",
    "editing": "delete insert trim_zeros",
    "matrices": """diag diag_indices diag_indices_from diagflat diagonal eye
    fill_diagonal identity mask_indices trace tri tril tril_indices tril_indices_from
    triu triu_indices triu_indices_from vander""",
    "gathering": """argwhere bincount
    flatnonzero nonzero put_along_axis ravel_multi_index take take_along_axis
    unravel_index""",
    "reductions": """all amax amin any argmax argmin count_nonzero max min prod ptp sum
    _reduce_logical_and _reduce_logical_or _reduce_logical_xor
    _reduce_bitwise_and _reduce_bitwise_or _reduce_bitwise_xor""",
    "moments": """average mean std var""",
    "running": """cumprod cumsum cumulative_prod cumulative_sum nancumprod nancumsum""",
    "nan_reductions": """nanargmax nanargmin
    nanmax nanmean nanmin nanprod nanstd nansum nanvar""",
    "statistics": """corrcoef cov
    median nanmedian nanpercentile nanquantile percentile quantile""",
    "products": """convolve correlate cross dot inner kron matmul matvec outer
    tensordot vdot vecdot vecmat""",
    "einstein": "einsum einsum_path",
    "sorting": """argpartition argsort digitize lexsort partition searchsorted sort
        sort_complex""",
    "histograms": "histogram histogram2d histogram_bin_edges histogramdd",
    "setops": """intersect1d isin setdiff1d setxor1d union1d unique unique_all
    unique_counts unique_inverse unique_values""",
    "polynomial": """poly polyadd polyder
    polydiv polyfit polyint polymul polysub polyval roots""",
    "calculus": "gradient interp trapezoid",
    "functional": """apply_along_axis apply_over_axes fromfunction vectorize""",
    "grids": "c_ index_exp mgrid ogrid r_ s_",
    "windows": "bartlett blackman hamming hanning kaiser",
    "bits": "packbits unpackbits",
    "testing": "allclose array_equal array_equiv iscomplexobj isrealobj isscalar iterable",
    "files": "load save savez",
    "inspection": "can_cast isdtype ndim shape size",
    "array_api": "__array_api_version__ __array_namespace_info__",
}
_HOME = {name: module for module, names in _NAMES.items() for name in names.split()}
_SUBMODULES = ("fft", "linalg")

# Modules of functions from arrays to arrays, which run as one program; and what in them
# gives no array, or depends on whether a number is Python's.
_SERVED = frozenset([
    "bits", "calculus", "comparisons", "einstein", "filling", "gathering", "joining",
    "logic", "matrices", "math_ufuncs", "moments", "nan_reductions", "padding",
    "predicates", "products", "rearranging", "reductions", "running", "selection",
    "shape_ops", "sorting", "special_ufuncs", "statistics", "trigonometry", "ufuncs",
    "windows",
])  # fmt: skip
_NOT_SERVED = frozenset([
    "broadcast_shapes", "einsum_path", "float_power", "mask_indices", "piecewise",
    "pow", "power", "reshape",
])  # fmt: skip
_SCALAR_TYPES = [
    name for name in vars(_scalar_types)
    if not name.startswith("_")
    and name not in ("Any", "install_asarray", "np", "ml_dtypes")
]  # fmt: skip
globals().update({name: getattr(_scalar_types, name) for name in _SCALAR_TYPES})

e = np.e
euler_gamma = np.euler_gamma
inf = np.inf
nan = np.nan
newaxis = None
pi = np.pi

dtype = np.dtype
finfo = _dtypes.finfo
iinfo = _dtypes.iinfo


def issubdtype(arg1, arg2):
    """Whether a dtype or scalar class is another, or a kind of it.

    Args:
        arg1: dtype, or scalar class.
        arg2: dtype, or scalar class, which may be an abstract one.

    Returns:
        A bool.

    Examples:
        >>> jnp.issubdtype(jnp.float32, jnp.floating)
        True
        >>> jnp.issubdtype(jnp.int32, jnp.unsignedinteger)
        False
    """
    return _dtypes.issubdtype(arg1, arg2)


promote_types = _dtypes.promote_types
result_type = _dtypes.result_type
ComplexWarning = np.exceptions.ComplexWarning
array_repr = np.array_repr
array_str = np.array_str
get_printoptions = np.get_printoptions
printoptions = np.printoptions
set_printoptions = np.set_printoptions

__all__ = [
    "ComplexWarning", "array_repr", "array_str", "dtype", "e", "euler_gamma", "finfo",
    "get_printoptions", "iinfo", "inf", "issubdtype", "nan", "ndarray", "newaxis", "pi",
    "printoptions", "promote_types", "result_type", "set_printoptions", *_SUBMODULES,
    *_SCALAR_TYPES, *[name for name in _HOME if not name.startswith("_")],
]  # fmt: skip


def _is_served(module, name):
    return module in _SERVED and name not in _NOT_SERVED


def __getattr__(name: str) -> Any:
    module = _HOME.get(name)
    if module is not None:
        value = getattr(importlib.import_module(f"{__name__}.{module}"), name)
        if type(value) is FunctionType and _is_served(module, name):
            value = serve(value)
    elif name in _SUBMODULES:
        value = importlib.import_module(f"{__name__}.{name}")
    else:
        raise unknown_attribute(__name__, name)
    setattr(sys.modules[__name__], name, value)
    return value


def __dir__():
    return sorted({*__all__, *globals()})


# gives arrays their operators and methods
importlib.import_module(f"{__name__}.array_methods")
