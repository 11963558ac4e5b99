"""Resampling along axes: each is a product with a matrix of kernel weights."""

import enum

import numpy as np

import minijax.numpy as jnp
from minijax import dtypes
from minijax.control.call import jit
from minijax.numpy.creation import asarray
from minijax.numpy.promotion import canonical_axis, promote_dtypes_inexact
from minijax.ops.dot import Precision


class ResizeMethod(enum.Enum):
    """How values between elements are found."""

    NEAREST = 0
    LINEAR = 1
    LANCZOS3 = 2
    LANCZOS5 = 3
    CUBIC = 4
    CUBIC_PYTORCH = 5
    AREA = 6

    @staticmethod
    def from_string(s: str):
        """The method of a name, as "bilinear".  ValueError if there is none."""
        try:
            return ResizeMethod[_NAMES[s]]
        except KeyError:
            raise ValueError(f'Unknown resize method "{s}"') from None


_NAMES = {
    "nearest": "NEAREST", "linear": "LINEAR", "bilinear": "LINEAR", "trilinear": "LINEAR",
    "triangle": "LINEAR", "lanczos3": "LANCZOS3", "lanczos5": "LANCZOS5", "cubic": "CUBIC",
    "bicubic": "CUBIC", "tricubic": "CUBIC", "cubic-pytorch": "CUBIC_PYTORCH", "area": "AREA",
}  # fmt: skip

# --- kernels: weights at distances of x >= 0 elements ---------------------------------


def _triangle(x):
    return jnp.maximum(0, 1 - jnp.abs(x))


def _lanczos(radius):
    def kernel(x):
        y = radius * jnp.sin(np.pi * x) * jnp.sin(np.pi * x / radius)
        near = x > 1e-3
        value = jnp.where(near, y / jnp.where(x != 0, np.pi**2 * x**2, 1), 1)
        return jnp.where(x > radius, 0.0, value)

    return kernel


def _keys_cubic(x):
    """Keys, "Cubic Convolution Interpolation", 1981, with a = -1/2."""
    inner = ((1.5 * x - 2.5) * x) * x + 1.0
    outer = jnp.where(x >= 1.0, ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0, inner)
    return jnp.where(x >= 2.0, 0.0, outer)


def _cubic_pytorch(x, a=-0.75):
    """Keys' kernel with a = -3/4."""
    inner = ((a + 2) * x - (a + 3)) * x * x + 1
    outer = jnp.where(x >= 1.0, ((a * x - 5 * a) * x + 8 * a) * x - 4 * a, inner)
    return jnp.where(x >= 2.0, 0.0, outer)


_KERNELS = {
    ResizeMethod.LINEAR: _triangle,
    ResizeMethod.LANCZOS3: _lanczos(3.0),
    ResizeMethod.LANCZOS5: _lanczos(5.0),
    ResizeMethod.CUBIC: _keys_cubic,
    ResizeMethod.CUBIC_PYTORCH: _cubic_pytorch,
    ResizeMethod.AREA: None,
}

# --- weights --------------------------------------------------------------------------


def _overlaps(n_in, n_out, inverse_scale, translation, dtype):
    """[in, out]: how much of each input element lies inside an output element."""
    start = jnp.arange(n_out, dtype=dtype) * inverse_scale - translation * inverse_scale
    end = start + inverse_scale
    low = jnp.arange(n_in, dtype=dtype)
    high = low + 1.0
    right = jnp.minimum(end[None, :], high[:, None])
    return jnp.maximum(0.0, right - jnp.maximum(start[None, :], low[:, None]))


def _with_repeated_edges(n_in, n_out, sample, kernel_scale, dtype):
    """[in, out]: kernel weights where the input's edges go on outside of it."""
    place = -2 + jnp.arange(n_in + 4, dtype=dtype)
    distance = jnp.abs(sample[None, :] - place[:, None]) / kernel_scale
    weights = _cubic_pytorch(distance)
    inside = jnp.clip(place.astype(np.dtype("int32")), 0, n_in - 1)
    columns = jnp.arange(n_out, dtype=np.dtype("int32"))
    zeros = jnp.zeros((n_in, n_out), dtype)
    return zeros.at[inside[:, None], columns[None, :]].add(weights)


def _weights(method, n_in, n_out, scale, translation, antialias):
    """[in, out]: the factors of input elements in output elements; columns sum to 1, or
    are 0 outside.
    """
    dtype = dtypes.dtype(scale) if hasattr(scale, "dtype") else np.dtype("float32")
    inverse_scale = 1.0 / scale
    kernel_scale = jnp.maximum(inverse_scale, 1.0) if antialias else 1.0
    sample = (
        (jnp.arange(n_out, dtype=dtype) + 0.5) * inverse_scale
        - translation * inverse_scale
        - 0.5
    )
    if method == ResizeMethod.CUBIC_PYTORCH and antialias:
        method = ResizeMethod.CUBIC  # as PyTorch does
    if method == ResizeMethod.AREA:
        weights = _overlaps(n_in, n_out, inverse_scale, translation, dtype)
    elif method == ResizeMethod.CUBIC_PYTORCH:
        weights = _with_repeated_edges(n_in, n_out, sample, kernel_scale, dtype)
    else:
        place = jnp.arange(n_in, dtype=dtype)
        distance = jnp.abs(sample[None, :] - place[:, None]) / kernel_scale
        weights = _KERNELS[method](distance)
    total = jnp.sum(weights, axis=0, keepdims=True)
    tiny = 1000.0 * float(np.finfo(np.float32).eps)
    weights = jnp.where(
        jnp.abs(total) > tiny, jnp.divide(weights, jnp.where(total != 0, total, 1)), 0
    )
    inside = jnp.logical_and(sample >= -0.5, sample <= n_in - 0.5)[None, :]
    return jnp.where(inside, weights, 0)


def _resampled(x, shape, axes, scale, translation, method, antialias, precision):
    rank = x.ndim
    places = list(range(rank))
    operands, out = [], list(places)
    for k, axis in enumerate(axes):
        axis = canonical_axis(axis, rank)
        weights = _weights(
            method, x.shape[axis], shape[axis], scale[k], translation[k], antialias
        )
        out[axis] = rank + k
        operands += [weights.astype(x.dtype), [axis, rank + k]]
    return jnp.einsum(x, places, *operands, out, precision=precision)


# --- the functions --------------------------------------------------------------------


def _method(method):
    return ResizeMethod.from_string(method) if isinstance(method, str) else method


def scale_and_translate(
    image, shape, spatial_dims, scale, translation, method, antialias=True,
    precision=Precision.HIGHEST,
):  # fmt: skip
    """`image` resampled so that the point x of an axis comes to lie at x * scale + translation.

    Args:
        image: array; shape: of the result.
        spatial_dims: the axes to resample.
        scale, translation: arrays of one number for each of these axes; elements are at
            half-integers.
        method: a `ResizeMethod` or its name; not NEAREST.
        antialias: widen the kernel where the image shrinks.
        precision: of the products.
    """
    shape = tuple(shape)
    if len(shape) != np.ndim(image):
        raise ValueError(
            "shape must have length equal to the number of dimensions of x; "
            f" {shape} vs {np.shape(image)}"
        )
    method = _method(method)
    if method == ResizeMethod.NEAREST:
        raise ValueError(
            "Nearest neighbor resampling is not currently supported for "
            "scale_and_translate."
        )
    assert isinstance(method, ResizeMethod)
    _require_dtype(scale)
    _require_dtype(translation)
    (image,) = promote_dtypes_inexact(image)
    scale, translation = promote_dtypes_inexact(scale, translation)
    image, scale, translation = asarray(image), asarray(scale), asarray(translation)
    assert scale.shape == translation.shape == (len(spatial_dims),)
    return _resampled(
        image, shape, spatial_dims, scale, translation, method, antialias, precision
    )


def _require_dtype(x):
    if not hasattr(x, "dtype"):
        raise TypeError(f"Cannot determine dtype of {x}")


def _nearest(x, shape):
    """The element that each output element's middle lies in."""
    for axis, (m, n) in enumerate(zip(x.shape, shape, strict=True)):
        if m == n:
            continue
        place = (jnp.arange(n, dtype=np.float32) + 0.5) * m / n
        place = jnp.floor(place).astype(np.int32)
        index = [slice(None)] * x.ndim
        index[axis] = place
        x = x[tuple(index)]
    return x


@jit(static_argnums=(1, 2, 3, 4))
def _resize(image, shape, method, antialias, precision):
    if len(shape) != image.ndim:
        raise ValueError(
            "shape must have length equal to the number of dimensions of x; "
            f" {shape} vs {image.shape}"
        )
    method = _method(method)
    if method == ResizeMethod.NEAREST:
        return _nearest(image, shape)
    assert isinstance(method, ResizeMethod)
    (image,) = promote_dtypes_inexact(image)
    axes = tuple(k for k in range(len(shape)) if image.shape[k] != shape[k])
    scale = [1.0 if not shape[k] else shape[k] / image.shape[k] for k in axes]
    zeros = [0.0] * len(axes)
    return _resampled(image, shape, axes, scale, zeros, method, antialias, precision)


def resize(image, shape, method, antialias=True, precision=Precision.HIGHEST):
    """`image` resampled to a shape.

    Args:
        image: array of any rank; axes that keep their sizes are left alone.
        method: a `ResizeMethod` or its name: "nearest", "linear" (also "bilinear",
            ...), "cubic", "lanczos3", "lanczos5", "cubic-pytorch", "area".
        antialias: widen the kernel where the image shrinks.
        precision: of the products.
    """
    return _resize(asarray(image), tuple(shape), method, antialias, precision)
