"""jnp's comparisons of whole arrays, and predicates of kinds."""

import numpy as np

import minijax.numpy as jnp
from minijax import dtypes
from minijax.control.call import jit
from minijax.core import Tracer
from minijax.numpy.creation import asarray
from minijax.numpy.promotion import ensure_arraylike, shape_of


@jit(static_argnames=("equal_nan",))
def allclose(a, b, rtol=1e-05, atol=1e-08, equal_nan=False):
    """Whether all elements of `a` and `b` are close, see `isclose`.

    Args:
        a: array or scalar.
        b: array or scalar.
        rtol: the tolerance relative to `b`.
        atol: the absolute tolerance.
        equal_nan: whether NaNs are close.

    Returns:
        An array without axes: a boolean.

    Examples:
        >>> jnp.allclose(jnp.array([1.0, 2.0]), jnp.array([1.0, 2.1]))
        Array(False, dtype=bool)
    """
    a, b = ensure_arraylike("allclose", a, b)
    return jnp.all(jnp.isclose(a, b, rtol, atol, equal_nan))


def array_equal(a1, a2, equal_nan=False):
    """Whether two arrays have one shape and equal elements.

    Args:
        a1: array.
        a2: array.
        equal_nan: whether NaNs are equal.

    Returns:
        An array without axes: a boolean.

    Examples:
        >>> jnp.array_equal(jnp.array([1, 2]), jnp.array([1, 2]))
        Array(True, dtype=bool)
    """
    a1, a2 = asarray(a1), asarray(a2)
    if a1.shape != a2.shape:
        return jnp.bool_(False)
    same = jnp.equal(a1, a2)
    if equal_nan:
        same = jnp.logical_or(same, jnp.logical_and(jnp.isnan(a1), jnp.isnan(a2)))
    return jnp.all(same)


def array_equiv(a1, a2):
    """Whether two arrays have equal elements once they are broadcast together.

    Args:
        a1: array.
        a2: array.

    Returns:
        An array without axes: a boolean.

    Examples:
        >>> jnp.array_equiv(jnp.array([1, 1]), 1)
        Array(True, dtype=bool)
    """
    a1, a2 = asarray(a1), asarray(a2)
    try:
        same = jnp.equal(a1, a2)
    except ValueError:  # shapes or dtypes that do not go together
        return jnp.bool_(False)
    return jnp.all(same)


def iscomplexobj(x):
    """Whether the dtype is complex.

    Args:
        x: array or scalar.

    Returns:
        A bool.

    Examples:
        >>> jnp.iscomplexobj(jnp.array([1j]))
        True
    """
    if x is None:
        return False
    try:
        kind = x.dtype.type
    except AttributeError:
        number = type(x) in dtypes.python_scalar_types
        kind = type(x) if number else asarray(x).dtype.type
    return issubclass(kind, (complex, np.complexfloating))


def isrealobj(x):
    """Whether the dtype is not complex.

    Args:
        x: array or scalar.

    Returns:
        A bool.

    Examples:
        >>> jnp.isrealobj(jnp.array([1j]))
        False
    """
    return not iscomplexobj(x)


def isscalar(element):
    """Whether `element` is a Python or NumPy scalar, or an array without axes.

    Args:
        element: anything.

    Returns:
        A bool.

    Examples:
        >>> jnp.isscalar(3.0)
        True
    """
    if type(element) in dtypes.python_scalar_types or np.isscalar(element):
        return True
    if isinstance(element, (Tracer, np.ndarray)) or hasattr(element, "aval"):
        return not shape_of(element)
    if hasattr(element, "__jax_array__"):
        return not shape_of(asarray(element))
    return False


def iterable(y):
    """Whether `y` can be iterated over.

    Args:
        y: anything.

    Returns:
        A bool.

    Examples:
        >>> jnp.iterable([1, 2])
        True
    """
    if hasattr(y, "aval"):
        return bool(shape_of(y))
    return np.iterable(y)
