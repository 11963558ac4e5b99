"""FLOPs and bytes of a jaxpr, counted from its equations' shapes.

Model counts: each live operation of the jaxpr once, each result and what is needed of
each argument moved once; loops count their length, branches their most expensive one,
`while` bodies once (their number of steps is unknown). What `checkpoint` computes again
counts again.

Imports nothing of the package, and knows equations by their attributes only: measurements
load this file by its path and count JAX's own jaxprs with it.
"""

import math

_FREE = {
    "broadcast_in_dim", "reshape", "transpose", "squeeze", "slice", "iota", "copy", "copy_p",
    "convert_element_type", "bitcast_convert_type", "rev", "concatenate", "pad", "gather",
    "dynamic_slice", "dynamic_update_slice", "select_n", "stop_gradient", "split",
    "random_wrap", "random_unwrap", "expand_dims", "device_put", "scatter", "name",
    "optimization_barrier", "sharding_constraint", "pvary", "empty", "create_token",
}  # fmt: skip

_TRANSCENDENTAL = {
    "exp", "exp2", "log", "log1p", "expm1", "sin", "cos", "tan", "tanh", "sinh", "cosh",
    "asin", "acos", "atan", "atan2", "asinh", "acosh", "atanh", "logistic", "pow", "erf",
    "erfc", "erf_inv", "lgamma", "digamma", "sqrt", "rsqrt", "cbrt",
}  # fmt: skip


def cost(closed):
    """{'flops', 'bytes accessed', 'transcendentals'} of a closed jaxpr, as floats."""
    total = {"flops": 0.0, "transcendentals": 0.0}
    _count(closed.jaxpr, 1.0, total)
    jaxpr = closed.jaxpr
    read = sum(bytes_read(jaxpr, jaxpr.constvars + jaxpr.invars))
    total["bytes accessed"] = float(read + sum(map(_size, jaxpr.outvars)))
    return total


# They read no more of their first operand than they give.
_PARTS = {"gather", "dynamic_slice", "slice"}


def _size(atom):
    return atom.aval.size * atom.aval.dtype.itemsize


def bytes_read(jaxpr, arguments):
    """How many bytes of each of these arguments of a jaxpr its equations need."""
    needed = {id(v): 0 for v in arguments}
    for v in jaxpr.outvars:
        if id(v) in needed:
            needed[id(v)] = _size(v)
    for eqn in live_eqns(jaxpr):
        for k, atom in enumerate(eqn.invars):
            if id(atom) in needed:
                needed[id(atom)] += _needs(eqn, k)
    return [min(_size(v), needed[id(v)]) for v in arguments]


def _needs(eqn, k):
    """How many bytes of its operand `k` an equation needs."""
    name = eqn.primitive.name
    if name in _PARTS and k == 0:
        return _size(eqn.outvars[0])
    if name in ("jit", "pjit"):
        inner = eqn.params["jaxpr"].jaxpr
        return bytes_read(inner, [inner.invars[k]])[0]
    return _size(eqn.invars[k])


def products(closed):
    """The FLOPs of matrix products and convolutions: {operand dtype: FLOPs}.

    With the precision that was asked for, as `float32 HIGHEST`, where one was.
    """
    found = {}
    _count(closed.jaxpr, 1.0, {"flops": 0.0, "transcendentals": 0.0}, found)
    return found


def _count(jaxpr, times, total, by_dtype=None):
    for eqn in live_eqns(jaxpr):
        name = eqn.primitive.name
        rule = _NESTED.get(name)
        if rule is not None:
            rule(eqn, times, total, by_dtype)
        elif name in _TRANSCENDENTAL:
            total["transcendentals"] += times * eqn.outvars[0].aval.size
        else:
            amount = times * flops(eqn)
            total["flops"] += amount
            if by_dtype is not None and name in _PRODUCTS:
                key = _precision(eqn)
                by_dtype[key] = by_dtype.get(key, 0.0) + amount


_PRODUCTS = {"dot_general", "conv_general_dilated"}


def _precision(eqn):
    """The operands' dtype, and the precision asked for."""
    precision = eqn.params.get("precision")
    asked = precision if isinstance(precision, (tuple, list)) else (precision,)
    names = {getattr(p, "name", str(p)) for p in asked} - {"None", "DEFAULT"}
    return " ".join([str(eqn.invars[0].aval.dtype), *sorted(names)])


def live_eqns(jaxpr):
    """The equations that an output or an effect needs, in order."""
    live = {id(v) for v in jaxpr.outvars}
    kept = []
    for eqn in reversed(jaxpr.eqns):
        if eqn.effects or any(id(v) in live for v in eqn.outvars):
            kept.append(eqn)
            live.update(id(a) for a in eqn.invars)
    kept.reverse()
    return kept


def flops(eqn):
    """Floating-point (or integer) operations of one first-order equation."""
    name = eqn.primitive.name
    if name in _FREE or not eqn.outvars:
        return 0
    out = eqn.outvars[0].aval
    if name == "dot_general":
        (contract, _), _ = eqn.params["dimension_numbers"]
        shape = eqn.invars[0].aval.shape
        depth = 1
        for axis in contract:
            depth *= shape[axis]
        return 2 * out.size * depth
    if name == "conv_general_dilated":
        avals = [a.aval for a in eqn.invars]
        return conv_flops(avals, out, eqn.params)
    if name.startswith(("reduce_", "arg", "cum", "scatter")):
        return max(a.aval.size for a in eqn.invars)
    return getattr(out, "size", 0)


def conv_flops(avals, out, params):
    """Multiplications and additions that meet an element of the input, not padding.

    With a dilated input (the gradient of a strided convolution) most of a window's
    places are zeros that were never there; they are no part of the model's arithmetic.
    """
    numbers, pairs = params["dimension_numbers"], 1
    image, kernel = avals[:2]
    for k, (low, _) in enumerate(params["padding"]):
        size = image.shape[numbers.lhs_spec[2 + k]]
        pairs *= _meetings(
            size,
            kernel.shape[numbers.rhs_spec[2 + k]],
            out.shape[numbers.out_spec[2 + k]],
            (params["window_strides"][k], low),
            (params["lhs_dilation"][k], params["rhs_dilation"][k]),
        )
    depth = kernel.shape[numbers.rhs_spec[1]]
    batch, features = out.shape[numbers.out_spec[0]], out.shape[numbers.out_spec[1]]
    return 2 * batch * features * depth * pairs


def _meetings(size, window, steps, placing, dilation):
    """Pairs of output place and window place along one axis that meet an element."""
    (stride, low), (spread, step) = placing, dilation
    reach, count = (size - 1) * spread, 0
    together = math.gcd(stride, spread)
    period = spread // together
    inverse = pow(stride // together, -1, period)
    for tap in range(window):
        first = tap * step - low
        if spread == 1:
            least = max(0, -(first // stride)) if first < 0 else 0
            most = min(steps - 1, (reach - first) // stride) if reach >= first else -1
            count += max(0, most - least + 1)
        elif first % together == 0:
            # every `period`-th step from the first that falls on an element
            at = -(first // together) * inverse % period
            least = max(0, -(first // stride)) if first < 0 else 0
            most = min(steps - 1, (reach - first) // stride) if reach >= first else -1
            start = least + (at - least) % period
            count += (most - start) // period + 1 if start <= most else 0
    return count


def _scan(eqn, times, total, by_dtype):
    _count(eqn.params["jaxpr"].jaxpr, times * eqn.params["length"], total, by_dtype)


def _while(eqn, times, total, by_dtype):
    _count(eqn.params["cond_jaxpr"].jaxpr, times, total, by_dtype)
    _count(eqn.params["body_jaxpr"].jaxpr, times, total, by_dtype)


def _cond(eqn, times, total, by_dtype):
    found = []
    for branch in eqn.params["branches"]:
        found.append(({"flops": 0.0, "transcendentals": 0.0}, {}))
        _count(branch.jaxpr, times, *found[-1])
    most, products = max(found, key=lambda pair: sum(pair[0].values()))
    for key, value in most.items():
        total[key] += value
    if by_dtype is not None:
        for key, value in products.items():
            by_dtype[key] = by_dtype.get(key, 0.0) + value


def _call(eqn, times, total, by_dtype):
    """A call counts its body: the first of its parameters that is a jaxpr."""
    for value in eqn.params.values():
        jaxpr = getattr(value, "jaxpr", value)
        if hasattr(jaxpr, "eqns"):
            _count(jaxpr, times, total, by_dtype)
            return


_NESTED = {
    "scan": _scan, "while": _while, "cond": _cond, "jit": _call, "pjit": _call,
    "checkpoint": _call, "remat2": _call, "closed_call": _call, "core_call": _call,
    "custom_jvp_call": _call, "custom_vjp_call": _call, "custom_lin": _call,
    "custom_linear_solve": _call, "shard_map": _call,
}  # fmt: skip
