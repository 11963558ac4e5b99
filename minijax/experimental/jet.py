"""Taylor mode: `jet` pushes a truncated power series through a function.

Here and in `_jet_trace` a series is the list of its normalised coefficients, x(t) = x_0 + x_1 t
+ x_2 t^2 + ...; None stands for a coefficient that is zero.  The recurrences are those of
Griewank and Walther, "Evaluating Derivatives" (2nd edition), chapter 13.  A primitive
without a rule of its own is differentiated along the curve as often as it takes, by its
jvp rule.
"""

import functools
import math

from minijax import core, dtypes, lax
from minijax import numpy as jnp
from minijax.experimental._jet_trace import (
    along_curve,
    filled,
    is_inexact,
    is_known,
    jet_of,
    jet_rules,
    moves,
    plus,
    times,
)
from minijax.numpy.creation import asarray
from minijax.tree_util import all_leaves, tree_flatten, tree_unflatten

# --- series -----------------------------------------------------------------------------


class ZeroSeries:
    """The series of what does not move; results have arrays of zeros instead."""


zero_series = ZeroSeries()


def fact(n):
    """n!, in floating point."""
    return lax.exp(lax.lgamma(n + 1.0))


def _convolution(product, a, b, k, first=0):
    """sum over i >= first of product(a_i, b_(k - i))."""
    out = None
    for i in range(first, k + 1):
        if a[i] is not None and b[k - i] is not None:
            out = plus(out, product(a[i], b[k - i]))
    return out


def _integral(slope, a, k):
    """The k-th coefficient of y with y' = slope a', from lower ones of both."""
    out = None
    for j in range(1, k + 1):
        if a[j] is not None and slope[k - j] is not None:
            out = plus(out, times(j, lax.mul(slope[k - j], a[j])))
    return times(1.0 / k, out)


# --- rules ------------------------------------------------------------------------------


def _rule(*primitives):
    def register(rule):
        for primitive in primitives:
            jet_rules[primitive] = functools.partial(rule, primitive)
        return rule

    return register


def _linear_in(primitive, places=None):
    """Register an operation that is linear in all operands, or in those at `places`."""

    def rule(primals, series, **params):
        linear = range(len(primals)) if places is None else places
        if any(moves(primals[i], s) for i, s in enumerate(series) if i not in linear):
            return along_curve(primitive, primals, series, params)
        out = primitive.bind(*primals, **params)
        terms = []
        for coefficients in zip(*series, strict=True):
            if not is_known(coefficients):
                terms.append([None] * len(out) if primitive.multiple_results else None)
                continue
            args = list(primals)
            for i in linear:
                args[i] = filled([coefficients[i]], primals[i])[0]
            terms.append(primitive.bind(*args, **params))
        if primitive.multiple_results:
            terms = [list(one) for one in zip(*terms, strict=True)]
        return out, terms

    jet_rules[primitive] = rule


for _primitive in (
    lax.neg_p, lax.add_p, lax.sub_p, lax.real_p, lax.imag_p, lax.conj_p, lax.complex_p,
    lax.convert_element_type_p, lax.reshape_p, lax.broadcast_in_dim_p, lax.transpose_p,
    lax.squeeze_p, lax.rev_p, lax.slice_p, lax.concatenate_p, lax.pad_p,
    lax.reduce_sum_p, lax.cumsum_p, lax.reduce_window_sum_p, lax.fft_p,
    lax.reduce_precision_p, lax.copy_p,
):  # fmt: skip
    _linear_in(_primitive)

_linear_in(lax.gather_p, [0])
_linear_in(lax.dynamic_slice_p, [0])
_linear_in(lax.dynamic_update_slice_p, [0, 1])
_linear_in(lax.scatter_add_p, [0, 2])


@_rule(lax.mul_p, lax.dot_general_p, lax.conv_general_dilated_p)
def _bilinear(primitive, primals, series, **params):
    def product(x, y):
        return primitive.bind(x, y, **params)

    a, b = [[p, *s] for p, s in zip(primals, series, strict=True)]
    terms = [_convolution(product, a, b, k) for k in range(1, len(a))]
    return product(*primals), terms


@_rule(lax.div_p)
def _quotient(primitive, primals, series, **params):
    (_, divisor), (above, below) = primals, series
    below = [divisor, *below]
    y = [primitive.bind(*primals, **params)]
    for k, a in enumerate(above, 1):
        rest = _convolution(lax.mul, below, y, k, first=1)
        rest = plus(a, times(-1, rest))
        y.append(None if rest is None else lax.div(rest, divisor))
    return y[0], y[1:]


@_rule(lax.log_p)
def _log(primitive, primals, series, **params):
    (x,), (a,) = primals, series
    a, y = [x, *a], [primitive.bind(x, **params)]
    for k in range(1, len(a)):
        weighted = [None, *[times(j, y[j]) for j in range(1, k)], None]
        rest = times(-1.0 / k, _convolution(lax.mul, weighted, a, k, first=1))
        rest = plus(a[k], rest)
        y.append(None if rest is None else lax.div(rest, x))
    return y[0], y[1:]


def _power(y, x, a, exponent):
    """The coefficients of x^exponent, where `y` is the value at 0."""
    a, y = [x, *a], [y]
    for k in range(1, len(a)):
        out = None
        for j in range(1, k + 1):
            if a[j] is not None and y[k - j] is not None:
                weight = (exponent * j - (k - j)) / k
                out = plus(out, times(weight, lax.mul(a[j], y[k - j])))
        y.append(None if out is None else lax.div(out, x))
    return y[0], y[1:]


@_rule(lax.sqrt_p, lax.rsqrt_p, lax.cbrt_p)
def _root(primitive, primals, series, **params):
    (x,), (a,) = primals, series
    exponent = {lax.sqrt_p: 0.5, lax.rsqrt_p: -0.5, lax.cbrt_p: 1 / 3}[primitive]
    return _power(primitive.bind(x, **params), x, a, exponent)


@_rule(lax.integer_pow_p)
def _integer_power(primitive, primals, series, *, y):
    """By products, which hold at zero too."""
    power, rest = abs(y), None
    square = primals[0], series[0]
    while power:
        if power & 1:
            rest = square if rest is None else _product(rest, square)
        power >>= 1
        square = _product(square, square) if power else square
    one = lax.full_like(primals[0], 1), [None] * len(series[0])
    rest = one if rest is None else rest
    if y < 0:
        rest = jet_rules[lax.div_p]([one[0], rest[0]], [one[1], rest[1]])
    return primitive.bind(primals[0], y=y), rest[1]


def _product(x, y):
    return jet_rules[lax.mul_p]([x[0], y[0]], [x[1], y[1]])


@_rule(lax.square_p)
def _square(primitive, primals, series):
    return _product((primals[0], series[0]), (primals[0], series[0]))


def _by_slope(primitive, slope, of_result=False):
    """Register y(x) with y' = slope(x) x', or slope(y) x'; `slope` is made of lax."""

    def rule(primals, series, **params):
        (x,), (a,) = primals, series
        a, y = [x, *a], [primitive.bind(x, **params)]
        for k in range(1, len(a)):
            known = y if of_result else a[:k]
            outs, terms = jet_of(lambda v: [slope(v)], [known[0]], [known[1:]], k - 1)
            y.append(_integral([outs[0], *terms[0]], a, k))
        return y[0], y[1:]

    jet_rules[primitive] = rule


def _one(x):
    return lax.full_like(x, 1)


_by_slope(lax.exp_p, lambda y: y, True)
_by_slope(lax.exp2_p, lambda y: lax.mul(y, lax.full_like(y, math.log(2))), True)
_by_slope(lax.expm1_p, lambda y: lax.add(y, _one(y)), True)
_by_slope(lax.log1p_p, lambda x: lax.div(_one(x), lax.add(_one(x), x)))
_by_slope(lax.tanh_p, lambda y: lax.sub(_one(y), lax.mul(y, y)), True)
_by_slope(lax.tan_p, lambda y: lax.add(_one(y), lax.mul(y, y)), True)
_by_slope(lax.logistic_p, lambda y: lax.mul(y, lax.sub(_one(y), y)), True)
_by_slope(lax.asin_p, lambda x: lax.rsqrt(lax.sub(_one(x), lax.mul(x, x))))
_by_slope(lax.acos_p, lambda x: lax.neg(lax.rsqrt(lax.sub(_one(x), lax.mul(x, x)))))
_by_slope(lax.atan_p, lambda x: lax.div(_one(x), lax.add(_one(x), lax.mul(x, x))))
_by_slope(lax.asinh_p, lambda x: lax.rsqrt(lax.add(lax.mul(x, x), _one(x))))
_by_slope(lax.acosh_p, lambda x: lax.rsqrt(lax.sub(lax.mul(x, x), _one(x))))
_by_slope(lax.atanh_p, lambda x: lax.div(_one(x), lax.sub(_one(x), lax.mul(x, x))))
_by_slope(lax.lgamma_p, lax.digamma)


def _bell(x, factor, sign):
    """factor exp(sign x^2)."""
    return lax.mul(lax.full_like(x, factor), lax.exp(times(sign, lax.mul(x, x))))


_by_slope(lax.erf_p, lambda x: _bell(x, 2 / math.sqrt(math.pi), -1))
_by_slope(lax.erfc_p, lambda x: _bell(x, -2 / math.sqrt(math.pi), -1))
_by_slope(lax.erf_inv_p, lambda y: _bell(y, math.sqrt(math.pi) / 2, 1), True)


def _coupled(sign, sine, cosine):
    """Register s' = c a', c' = sign s a'."""

    def rule(primitive, primals, series, **params):
        (x,), (a,) = primals, series
        a = [x, *a]
        s, c = [sine.bind(x, **params)], [cosine.bind(x, **params)]
        for k in range(1, len(a)):
            new = _integral(c, a, k), times(sign, _integral(s, a, k))
            s.append(new[0])
            c.append(new[1])
        y = s if primitive is sine else c
        return y[0], y[1:]

    _rule(sine, cosine)(rule)


_coupled(-1, lax.sin_p, lax.cos_p)
_coupled(1, lax.sinh_p, lax.cosh_p)


@_rule(lax.pow_p)
def _pow(primitive, primals, series):
    (x, exponent), (a, b) = primals, series
    y = primitive.bind(x, exponent)
    exponent = core.scalar_values.get(type(exponent), lambda v: v)(exponent)
    if isinstance(exponent, (int, float)) and not is_known(b):
        return _power(y, x, a, exponent)
    exponents = lax.convert_element_type(primals[1], y.dtype)
    logs = jet_rules[lax.log_p]([x], [a])
    product = _product((exponents, b), logs)
    a, y = [product[0], *product[1]], [y]
    for k in range(1, len(a)):
        y.append(_integral(y, a, k))
    return y[0], y[1:]


def _chosen(which, x, y, a, b):
    """The terms of `a` where `which`, those of `b` elsewhere."""
    return [
        None
        if p is None and q is None
        else lax.select(which, *filled([p], x), *filled([q], y))
        for p, q in zip(a, b, strict=True)
    ]


@_rule(lax.abs_p)
def _abs(primitive, primals, series):
    (x,), (a,) = primals, series
    if dtypes.issubdtype(x.dtype, jnp.complexfloating):
        return along_curve(primitive, primals, series, {})
    sign = lax.sign(x)
    terms = [None if term is None else lax.mul(sign, term) for term in a]
    return primitive.bind(x), terms


@_rule(lax.max_p, lax.min_p)
def _extremum(primitive, primals, series):
    """The terms of the operand that is chosen, the mean of both where they are equal."""
    (x, y), (a, b) = primals, series
    out = primitive.bind(x, y)
    x, y = jnp.broadcast_to(x, out.shape), jnp.broadcast_to(y, out.shape)
    first = lax.gt(x, y) if primitive is lax.max_p else lax.lt(x, y)
    equal = lax.eq(x, y)
    means = [times(0.5, plus(p, q)) for p, q in zip(a, b, strict=True)]
    return out, _chosen(equal, x, x, means, _chosen(first, x, y, a, b))


@_rule(lax.select_n_p)
def _select_n(primitive, primals, series):
    which, *cases = primals
    terms = []
    for coefficients in zip(*series[1:], strict=True):
        whole = [filled([c], x)[0] for c, x in zip(coefficients, cases, strict=True)]
        known = is_known(coefficients)
        terms.append(primitive.bind(which, *whole) if known else None)
    return primitive.bind(which, *cases), terms


@_rule(lax.reduce_max_p, lax.reduce_min_p)
def _reduce_extremum(primitive, primals, series, **params):
    """The mean of the terms at the places of the extremum."""
    (x,), (a,) = primals, series
    out = primitive.bind(x, **params)
    axes = params["axes"]
    kept = [d for d in range(x.ndim) if d not in axes]
    places = lax.eq(x, lax.broadcast_in_dim(out, x.shape, kept))
    places = lax.convert_element_type(places, x.dtype)
    count = lax.reduce_sum(places, axes)

    def mean(term):
        return lax.div(lax.reduce_sum(lax.mul(term, places), axes), count)

    return out, [None if term is None else mean(term) for term in a]


# --- functions in functions ---------------------------------------------------------------


def _series_of_jaxpr(closed, order):
    """A closed jaxpr as a function of (primal, filled terms) pairs, giving such pairs."""

    def fun(pairs):
        primals, series = [list(side) for side in zip(*pairs, strict=True)] or [[], []]
        outs, terms = jet_of(core.jaxpr_as_fun(closed), primals, series, order)
        return [_pair(y, t, order) for y, t in zip(outs, terms, strict=True)]

    return fun


def _pair(x, terms, order):
    """A value with all its terms; with None for each where it has no tangent space."""
    if not is_inexact(x):
        return x, [None] * order
    return x, filled(terms, x)


def _pairs(primals, series):
    return [_pair(p, s, len(s)) for p, s in zip(primals, series, strict=True)]


def _unzipped(pairs):
    return [y for y, _ in pairs], [t for _, t in pairs]


@_rule(lax.cond_p)
def _cond(primitive, primals, series, *, branches, **_):
    order = len(series[0])
    functions = [_series_of_jaxpr(branch, order) for branch in branches]
    pairs = _pairs(primals[1:], series[1:])
    return _unzipped(lax.switch(primals[0], functions, pairs))


@_rule(lax.scan_p)
def _scan(
    primitive, primals, series, *, jaxpr, length, reverse, num_consts, num_carry, unroll,
    **_,
):  # fmt: skip
    body = _series_of_jaxpr(jaxpr, len(series[0]))
    pairs = _pairs(primals, series)
    split = num_consts + num_carry
    consts, init, xs = pairs[:num_consts], pairs[num_consts:split], pairs[split:]

    def step(carry, x):
        outs = body([*consts, *carry, *x])
        return outs[:num_carry], outs[num_carry:]

    carry, ys = lax.scan(step, init, xs, length, reverse, unroll)
    return _unzipped([*carry, *ys])


@_rule(lax.while_p)
def _while(
    primitive,
    primals,
    series,
    *,
    cond_jaxpr,
    body_jaxpr,
    cond_nconsts,
    body_nconsts,
    **_,
):
    body = _series_of_jaxpr(body_jaxpr, len(series[0]))
    pairs = _pairs(primals, series)
    split = cond_nconsts + body_nconsts
    limits, consts = primals[:cond_nconsts], pairs[cond_nconsts:split]
    goes_on = core.jaxpr_as_fun(cond_jaxpr)
    state = lax.while_loop(
        lambda state: goes_on(*limits, *[x for x, _ in state])[0],
        lambda state: body([*consts, *state]),
        pairs[split:],
    )
    return _unzipped(state)


# --- the function -----------------------------------------------------------------------


def _check(primals, series):
    """The order of all series.  ValueError where they differ, or are no arrays."""
    orders = {len(terms) for terms in series}
    if len(orders) != 1:
        raise ValueError("jet terms have inconsistent lengths for different arguments")
    for i, (x, terms) in enumerate(zip(primals, series, strict=True)):
        if not all_leaves([x]):
            raise ValueError(f"primal value at position {i} is not an array")
        for j, term in enumerate(terms):
            if not all_leaves([term]):
                raise ValueError(f"term {j} for argument {i} is not an array")
    return orders.pop()


def _input(x, term, scale):
    """A user's term as a coefficient of the series of `x`."""
    term = asarray(term) * (1.0 / scale)
    dtype = core.get_aval(x).dtype
    if term.dtype == dtype or not is_inexact(x):  # no integers: a coefficient is real
        return term
    return term.astype(dtype)


def jet(fun, primals, series, factorial_scaled=True, **_):
    """The value of `fun`, and the derivatives of t -> fun(*x(t)) at 0.

    Args:
        fun: a function of arrays, giving a pytree of arrays.
        primals: the values x(0).
        series: for each argument its derivatives x'(0), x''(0), ...: as many for all.
        factorial_scaled: whether series, in and out, hold derivatives; else the
            coefficients of the power series, which are these divided by k!.

    Returns (out, derivatives): both are like `fun`'s result, the second with a list in
    the place of each array.  ValueError for series that do not fit.
    """
    order = _check(primals, series)
    scales = [math.factorial(k) if factorial_scaled else 1 for k in range(1, order + 1)]
    inputs = [
        [_input(x, t, n) for n, t in zip(scales, terms, strict=True)]
        for x, terms in zip(primals, series, strict=True)
    ]
    tree = None

    def flat(*args):
        nonlocal tree
        leaves, tree = tree_flatten(fun(*args))
        return leaves

    outs, terms = jet_of(flat, primals, inputs, order)
    terms = [filled(ts, y) for y, ts in zip(outs, terms, strict=True)]
    if factorial_scaled:
        terms = [
            [float(n) * t for n, t in zip(scales, ts, strict=True)] for ts in terms
        ]
    return tree_unflatten(tree, outs), tree_unflatten(tree, terms)


def jet2(fun, primals, series, *, factorial_scaled=False, **_):
    """`jet` with the coefficients of power series by default."""
    return jet(fun, primals, series, factorial_scaled)


def _logistic_taylor(primals_in, series_in, **_):
    """The rule of `lax.logistic` by itself, on the coefficients of power series."""
    return jet2(lax.logistic, primals_in, series_in)
