"""Neural networks from pairs of functions (`jax.example_libraries.stax`).

A layer is `(init, apply)`: `init(rng, input_shape)` gives `(output_shape, params)`,
`apply(params, inputs, **kwargs)` the outputs; a `rng` keyword reaches layers that draw.
"""

import functools
import operator
from typing import Any

import numpy as np

from minijax import lax as lax
from minijax import numpy as jnp
from minijax import random as random
from minijax.nn import (
    elu,
    gelu,
    leaky_relu,
    log_softmax,
    relu,
    selu,
    sigmoid,
    softmax,
    softplus,
    standardize,
)
from minijax.nn.initializers import glorot_normal, normal, ones, zeros

# the names that stax used before initializers had theirs
randn = normal
glorot = glorot_normal
logsoftmax = log_softmax

_GLOROT, _SMALL, _TINY = glorot_normal(), normal(), normal(1e-6)


def Dense(out_dim, W_init=_GLOROT, b_init=_SMALL):
    """An affine map of the last axis to `out_dim` features."""

    def init(rng, input_shape):
        k1, k2 = random.split(rng)
        weights = W_init(k1, (input_shape[-1], out_dim))
        bias = b_init(k2, (out_dim,))
        return (*input_shape[:-1], out_dim), (weights, bias)

    def apply(params, inputs, **kwargs):
        weights, bias = params
        return jnp.dot(inputs, weights) + bias

    return init, apply


def GeneralConv(
    dimension_numbers,
    out_chan,
    filter_shape,
    strides=None,
    padding="VALID",
    W_init=None,
    b_init=_TINY,
):
    """A convolution with layouts given as `lax.conv_general_dilated` takes them."""
    options = strides, padding, W_init, b_init
    conv = lax.conv_general_dilated, lax.conv_general_shape_tuple
    return _conv_layer(*conv, dimension_numbers, out_chan, filter_shape, *options)


def GeneralConvTranspose(
    dimension_numbers,
    out_chan,
    filter_shape,
    strides=None,
    padding="VALID",
    W_init=None,
    b_init=_TINY,
):
    """A transposed convolution, as `lax.conv_transpose`."""
    options = strides, padding, W_init, b_init
    conv = lax.conv_transpose, lax.conv_transpose_shape_tuple
    return _conv_layer(*conv, dimension_numbers, out_chan, filter_shape, *options)


def _conv_layer(
    conv,
    shape_tuple,
    dimension_numbers,
    out_chan,
    filter_shape,
    strides,
    padding,
    W_init,
    b_init,
):
    rhs_spec = dimension_numbers[1]
    strides = strides or (1,) * len(filter_shape)
    W_init = W_init or glorot_normal(rhs_spec.index("I"), rhs_spec.index("O"))

    def apply(params, inputs, **kwargs):
        weights, bias = params
        out = conv(
            inputs, weights, strides, padding, dimension_numbers=dimension_numbers
        )
        return out + bias

    def out_shape(lhs_shape, rhs_shape):
        return shape_tuple(lhs_shape, rhs_shape, strides, padding, dimension_numbers)

    return _conv_init(
        dimension_numbers, out_chan, filter_shape, W_init, b_init, out_shape
    ), apply


def _conv_init(dimension_numbers, out_chan, filter_shape, W_init, b_init, out_shape):
    lhs_spec, rhs_spec, out_spec = dimension_numbers

    def init(rng, input_shape):
        sizes = iter(filter_shape)
        known = {"O": out_chan, "I": input_shape[lhs_spec.index("C")]}
        kernel_shape = [known[c] if c in known else next(sizes) for c in rhs_spec]
        bias_shape = tuple(out_chan if c == "C" else 1 for c in out_spec)
        k1, k2 = random.split(rng)
        params = W_init(k1, kernel_shape), b_init(k2, bias_shape)
        return out_shape(input_shape, kernel_shape), params

    return init


Conv = functools.partial(GeneralConv, ("NHWC", "HWIO", "NHWC"))
Conv1DTranspose = functools.partial(GeneralConvTranspose, ("NHC", "HIO", "NHC"))
ConvTranspose = functools.partial(GeneralConvTranspose, ("NHWC", "HWIO", "NHWC"))


def BatchNorm(
    axis=(0, 1, 2),
    epsilon=1e-5,
    center=True,
    scale=True,
    beta_init=zeros,
    gamma_init=ones,
):
    """Standardizing over `axis` with the batch's own statistics, then an affine map."""
    axis = (axis,) if jnp.isscalar(axis) else axis

    def init(rng, input_shape):
        shape = tuple(d for i, d in enumerate(input_shape) if i not in axis)
        k1, k2 = random.split(rng)
        beta = beta_init(k1, shape) if center else ()
        gamma = gamma_init(k2, shape) if scale else ()
        return input_shape, (beta, gamma)

    def apply(params, x, **kwargs):
        beta, gamma = params
        place = tuple(None if i in axis else slice(None) for i in range(jnp.ndim(x)))
        z = standardize(x, axis, epsilon=epsilon)
        if scale:
            z = gamma[place] * z
        return z + beta[place] if center else z

    return init, apply


def elementwise(fun, **fun_kwargs):
    """A layer without parameters that applies `fun` to its input."""

    def init(rng, input_shape):
        return input_shape, ()

    def apply(params, inputs, **kwargs):
        return fun(inputs, **fun_kwargs)

    return init, apply


Tanh = elementwise(jnp.tanh)
Relu = elementwise(relu)
Exp = elementwise(jnp.exp)
LogSoftmax = elementwise(log_softmax, axis=-1)
Softmax = elementwise(softmax, axis=-1)
Softplus = elementwise(softplus)
Sigmoid = elementwise(sigmoid)
Elu = elementwise(elu)
LeakyRelu = elementwise(leaky_relu)
Selu = elementwise(selu)
Gelu = elementwise(gelu)


def _pooling(reducer, initial, normalizer=None):
    """A function that makes pooling layers."""

    def pooling_layer(window_shape, strides=None, padding="VALID", spec=None):
        strides = strides or (1,) * len(window_shape)
        places = range(1, len(window_shape) + 1)
        if spec is not None:
            places = [i for i, c in enumerate(spec) if c not in ("N", "C")]
        rank = len(window_shape) + 2
        sizes = dict(zip(places, zip(window_shape, strides, strict=True), strict=True))
        dims = tuple(sizes.get(i, (1, 1))[0] for i in range(rank))
        steps = tuple(sizes.get(i, (1, 1))[1] for i in range(rank))

        def init(rng, input_shape):
            pads = padding
            if isinstance(padding, str):
                pads = lax.padtype_to_pads(input_shape, dims, steps, padding)
            shape = [
                (n + low + high - size) // step + 1
                for n, size, step, (low, high) in zip(
                    input_shape, dims, steps, pads, strict=True
                )
            ]
            return tuple(max(0, n) for n in shape), ()

        def apply(params, inputs, **kwargs):
            out = lax.reduce_window(inputs, initial, reducer, dims, steps, padding)
            return normalizer(out, inputs, dims, steps, padding) if normalizer else out

        return init, apply

    return pooling_layer


def _mean(out, inputs, dims, strides, padding):
    """Sums of windows over the number of elements each has."""
    ones = jnp.ones(inputs.shape, inputs.dtype)
    return out / lax.reduce_window(ones, 0.0, lax.add, dims, strides, padding)


MaxPool = _pooling(lax.max, -np.inf)
SumPool = _pooling(lax.add, 0.0)
AvgPool = _pooling(lax.add, 0.0, _mean)
for _name in ("MaxPool", "SumPool", "AvgPool"):
    globals()[_name].__name__ = _name


def _flatten_layer():
    def init(rng, input_shape):
        size = functools.reduce(operator.mul, input_shape[1:], 1)
        return (input_shape[0], size), ()

    def apply(params, inputs, **kwargs):
        return jnp.reshape(inputs, (inputs.shape[0], -1))

    return init, apply


Flatten = _flatten_layer()
Identity = elementwise(lambda x: x)


def FanOut(num):
    """The input, `num` times."""

    def init(rng, input_shape):
        return [input_shape] * num, ()

    def apply(params, inputs, **kwargs):
        return [inputs] * num

    return init, apply


def _fan_in_sum():
    def init(rng, input_shape):
        return input_shape[0], ()

    def apply(params, inputs, **kwargs):
        return sum(inputs)

    return init, apply


FanInSum = _fan_in_sum()


def FanInConcat(axis=-1):
    """The inputs, joined along `axis`."""

    def init(rng, input_shape):
        place = axis % len(input_shape[0])
        total = sum(shape[place] for shape in input_shape)
        first = input_shape[0]
        return (*first[:place], total, *first[place + 1 :]), ()

    def apply(params, inputs, **kwargs):
        return jnp.concatenate(inputs, axis)

    return init, apply


def Dropout(rate, mode="train"):
    """Each element kept with probability `rate` and scaled up; with mode "test" none is
    dropped.

    ValueError where `apply` gets no `rng`.
    """

    def init(rng, input_shape):
        return input_shape, ()

    def apply(params, inputs, **kwargs):
        rng = kwargs.get("rng")
        if rng is None:
            raise ValueError(
                "Dropout layer requires apply_fun to be called with a PRNG key argument. "
                "That is, instead of `apply_fun(params, inputs)`, call it like "
                "`apply_fun(params, inputs, rng)` where `rng` is a PRNG key (e.g. from "
                "`jax.random.key`)."
            )
        if mode != "train":
            return inputs
        keep = random.bernoulli(rng, rate, inputs.shape)
        return jnp.where(keep, inputs / rate, 0)

    return init, apply


# --- combining layers -------------------------------------------------------------------


def serial(*layers):
    """Layers one after another."""
    inits, applies = zip(*layers, strict=True) if layers else ((), ())

    def init(rng, input_shape):
        params = []
        for layer in inits:
            rng, layer_rng = random.split(rng)
            input_shape, param = layer(layer_rng, input_shape)
            params.append(param)
        return input_shape, params

    def apply(params, inputs, **kwargs):
        rng = kwargs.pop("rng", None)
        rngs = _split_or_none(rng, len(applies))
        for layer, param, layer_rng in zip(applies, params, rngs, strict=True):
            inputs = layer(param, inputs, rng=layer_rng, **kwargs)
        return inputs

    return init, apply


def _split_or_none(rng, n):
    return (None,) * n if rng is None else random.split(rng, n)


def parallel(*layers):
    """Layers side by side: sequences of inputs to sequences of outputs."""
    inits, applies = zip(*layers, strict=True) if layers else ((), ())

    def init(rng, input_shape):
        rngs = random.split(rng, len(inits))
        found: list[Any] = [
            layer(layer_rng, shape)
            for layer, layer_rng, shape in zip(inits, rngs, input_shape, strict=True)
        ]
        return tuple(shape for shape, _ in found), tuple(params for _, params in found)

    def apply(params, inputs, **kwargs):
        rngs = _split_or_none(kwargs.pop("rng", None), len(applies))
        rows = zip(applies, params, inputs, rngs, strict=True)
        return [f(p, x, rng=layer_rng, **kwargs) for f, p, x, layer_rng in rows]

    return init, apply


def shape_dependent(make_layer):
    """The layer that `make_layer(input_shape)` gives."""

    def init(rng, input_shape):
        return make_layer(input_shape)[0](rng, input_shape)

    def apply(params, inputs, **kwargs):
        return make_layer(inputs.shape)[1](params, inputs, **kwargs)

    return init, apply
