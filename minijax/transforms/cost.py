"""FLOPs and bytes of a jaxpr, counted from its equations' shapes.

Model counts: each operation of the jaxpr once, each operand and result moved once;
loops count their length, branches their most expensive one, `while` bodies once (their
number of steps is unknown).
"""

from minijax.core import ClosedJaxpr

_FREE = {
    "broadcast_in_dim", "reshape", "transpose", "squeeze", "slice", "iota", "copy",
    "convert_element_type", "bitcast_convert_type", "rev", "concatenate", "pad", "gather",
    "dynamic_slice", "dynamic_update_slice", "select_n", "stop_gradient", "split",
    "random_wrap", "random_unwrap", "expand_dims", "device_put", "scatter",
}  # fmt: skip


def cost(closed):
    """{'flops', 'bytes accessed', 'transcendentals'} of a closed jaxpr, as floats."""
    total = {"flops": 0.0, "transcendentals": 0.0}
    _count(closed.jaxpr, 1.0, total)
    ends = [v.aval for v in closed.jaxpr.invars + closed.jaxpr.outvars]
    total["bytes accessed"] = float(sum(a.size * a.dtype.itemsize for a in ends))
    return total


def _count(jaxpr, times, total):
    for eqn in jaxpr.eqns:
        rule = _NESTED.get(eqn.primitive.name)
        if rule is not None:
            rule(eqn, times, total)
        elif eqn.primitive.name in _TRANSCENDENTAL:
            total["transcendentals"] += times * eqn.outvars[0].aval.size
        else:
            total["flops"] += times * flops(eqn)


def flops(eqn):
    """Floating-point (or integer) operations of one first-order equation."""
    name, out = eqn.primitive.name, eqn.outvars[0].aval
    if name in _FREE:
        return 0
    if name == "dot_general":
        (contract, _), _ = eqn.params["dimension_numbers"]
        shape = eqn.invars[0].aval.shape
        depth = 1
        for axis in contract:
            depth *= shape[axis]
        return 2 * out.size * depth
    if name == "conv_general_dilated":
        kernel = eqn.invars[1].aval
        features = eqn.params["dimension_numbers"].rhs_spec[0]
        return 2 * out.size * kernel.size // max(kernel.shape[features], 1)
    if name.startswith(("reduce_", "arg", "cum", "scatter")):
        return max(a.aval.size for a in eqn.invars)
    return out.size


_TRANSCENDENTAL = {
    "exp", "exp2", "log", "log1p", "expm1", "sin", "cos", "tan", "tanh", "sinh", "cosh",
    "asin", "acos", "atan", "atan2", "asinh", "acosh", "atanh", "logistic", "pow", "erf",
    "erfc", "erf_inv", "lgamma", "digamma", "sqrt", "rsqrt", "cbrt",
}  # fmt: skip


def _scan(eqn, times, total):
    _count(eqn.params["jaxpr"].jaxpr, times * eqn.params["length"], total)


def _while(eqn, times, total):
    _count(eqn.params["cond_jaxpr"].jaxpr, times, total)
    _count(eqn.params["body_jaxpr"].jaxpr, times, total)


def _cond(eqn, times, total):
    found = []
    for branch in eqn.params["branches"]:
        found.append({"flops": 0.0, "transcendentals": 0.0})
        _count(branch.jaxpr, times, found[-1])
    most = max(found, key=lambda part: part["flops"] + part["transcendentals"])
    for key, value in most.items():
        total[key] += value


def _call(eqn, times, total):
    for value in eqn.params.values():
        if isinstance(value, ClosedJaxpr):
            _count(value.jaxpr, times, total)


_NESTED = {
    "scan": _scan, "while": _while, "cond": _cond, "jit": _call, "checkpoint": _call,
    "custom_jvp_call": _call, "custom_vjp_call": _call,
}  # fmt: skip
