"""What each primitive is in HLO: `RULES` has a function for each that has an
instruction there.

A rule is called with the computation that is written, the equation and the names of its
operands; it writes instructions and returns the names of the results.
"""

import numpy as np

from minijax import core, dtypes

RULES = {}

_SAME_SHAPE = {
    "abs": "abs", "acos": "acos", "acosh": "acosh", "add": "add", "add_any": "add",
    "and": "and", "asin": "asin", "asinh": "asinh", "atan2": "atan2", "atanh": "atanh",
    "cbrt": "cbrt", "ceil": "ceil", "clz": "count-leading-zeros", "complex": "complex",
    "copy": "copy", "copy_p": "copy", "cos": "cosine", "cosh": "cosh", "div": "divide",
    "erf": "erf", "exp": "exponential", "expm1": "exponential-minus-one",
    "floor": "floor", "imag": "imag", "is_finite": "is-finite", "log": "log",
    "log1p": "log-plus-one", "logistic": "logistic", "max": "maximum", "min": "minimum",
    "mul": "multiply", "neg": "negate", "not": "not", "or": "or",
    "population_count": "popcnt", "pow": "power", "real": "real", "rem": "remainder",
    "rsqrt": "rsqrt", "shift_left": "shift-left",
    "shift_right_arithmetic": "shift-right-arithmetic",
    "shift_right_logical": "shift-right-logical", "sign": "sign", "sin": "sine",
    "sinh": "sinh", "sqrt": "sqrt", "sub": "subtract", "tan": "tan", "tanh": "tanh",
    "xor": "xor", "clamp": "clamp", "optimization_barrier": "opt-barrier",
}  # fmt: skip
_COMPARED = ("eq", "ne", "lt", "le", "gt", "ge")
_REDUCED = {
    "reduce_sum": ("add", 0), "reduce_prod": ("multiply", 1),
    "reduce_max": ("maximum", "least"), "reduce_min": ("minimum", "greatest"),
    "reduce_and": ("and", True), "reduce_or": ("or", False), "reduce_xor": ("xor", 0),
}  # fmt: skip


def _rule(*names):
    def register(fun):
        RULES.update(dict.fromkeys(names, fun))
        return fun

    return register


def _braces(numbers):
    return f"{{{','.join(map(str, numbers))}}}"


def _spread(body, eqn, ins):
    """The operands, scalars in the shape of the result."""
    name, (out, *_) = eqn.primitive.name, eqn.outvars
    return [
        body.spread(name, x, atom.aval, out.aval)
        for x, atom in zip(ins, eqn.invars, strict=True)
    ]


def _one(body, eqn, text):
    return [body.emit(eqn.primitive.name, eqn.outvars[0].aval, text)]


def _attributes(opcode, *wanted):
    """A rule: the operands, and attributes read from parameters."""

    def rule(body, eqn, ins):
        said = "".join(f", {text}" for f in wanted if (text := f(eqn)))
        return _one(body, eqn, f"{opcode}({', '.join(ins)}){said}")

    return rule


@_rule(*_SAME_SHAPE)
def _same_shape(body, eqn, ins):
    opcode = _SAME_SHAPE[eqn.primitive.name]
    operands = ", ".join(_spread(body, eqn, ins))
    avals = [v.aval for v in eqn.outvars]
    return body.results(eqn.primitive.name, avals, f"{opcode}({operands})")


@_rule(*_COMPARED)
def _compare(body, eqn, ins):
    a, b = _spread(body, eqn, ins)
    direction = eqn.primitive.name.upper()
    return _one(body, eqn, f"compare({a}, {b}), direction={direction}")


def _power(body, name, aval, x, y):
    """x**y for an integer y > 0, by squares."""
    if y == 1:
        return x
    half = _power(body, name, aval, x, y // 2)
    square = body.emit(name, aval, f"multiply({half}, {half})")
    return body.emit(name, aval, f"multiply({square}, {x})") if y % 2 else square


@_rule("square", "integer_pow")
def _integer_pow(body, eqn, ins):
    (x,), aval, y = ins, eqn.outvars[0].aval, eqn.params.get("y", 2)
    name = eqn.primitive.name
    if y > 0:
        return [_power(body, name, aval, x, y)]
    one = _scalar(body, 1, aval)
    if y == 0:
        return [one]
    power = _power(body, name, aval, x, -y)
    return _one(body, eqn, f"divide({one}, {power})")


def _scalar(body, value, aval):
    """A number in the shape of `aval`."""
    scalar = core.ShapedArray((), aval.dtype)
    return body.spread("broadcast", body.constant(value, scalar), scalar, aval)


@_rule("conj")
def _conj(body, eqn, ins):
    (x,), name, aval = ins, eqn.primitive.name, eqn.outvars[0].aval
    part = core.ShapedArray(aval.shape, np.empty(0, aval.dtype).real.dtype)
    if eqn.invars[0].aval.dtype == part.dtype:
        return _one(body, eqn, f"complex({x}, {_scalar(body, 0, part)})")
    real = body.emit(name, part, f"real({x})")
    imag = body.emit(name, part, f"imag({x})")
    negative = body.emit(name, part, f"negate({imag})")
    return _one(body, eqn, f"complex({real}, {negative})")


@_rule("round")
def _round(body, eqn, ins):
    even = getattr(eqn.params["rounding_method"], "name", "") == "TO_NEAREST_EVEN"
    return _one(body, eqn, f"round-nearest-{'even' if even else 'afz'}({ins[0]})")


@_rule("convert_element_type")
def _convert(body, eqn, ins):
    (x,), (atom,), out = ins, eqn.invars, eqn.outvars[0].aval
    if atom.aval.dtype == out.dtype:
        return [x]
    if out.dtype != bool:
        return _one(body, eqn, f"convert({x})")
    zero = _scalar(body, 0, atom.aval)
    return _one(body, eqn, f"compare({x}, {zero}), direction=NE")


@_rule("select_n")
def _select(body, eqn, ins):
    which, first, *others = ins
    if len(others) != 1 or eqn.invars[0].aval.dtype != bool:
        text = f'custom-call({", ".join(ins)}), custom_call_target="select_n"'
    else:
        text = f"select({which}, {others[0]}, {first})"
    return _one(body, eqn, text)


@_rule("broadcast_in_dim")
def _broadcast(body, eqn, ins):
    aval, out = eqn.invars[0].aval, eqn.outvars[0].aval
    places = tuple(eqn.params["broadcast_dimensions"])
    x, name = ins[0], eqn.primitive.name
    if aval.size == out.size and aval.ndim:
        return _one(body, eqn, f"reshape({x})")
    kept = [k for k, d in enumerate(places) if aval.shape[k] == out.shape[d]]
    if len(kept) < aval.ndim:  # an axis of size 1 is not spread, but dropped before
        smaller = core.ShapedArray([aval.shape[k] for k in kept], aval.dtype)
        x = body.emit(name, smaller, f"reshape({x})")
    dimensions = _braces([places[k] for k in kept])
    return _one(body, eqn, f"broadcast({x}), dimensions={dimensions}")


@_rule(*_REDUCED)
def _reduce(body, eqn, ins):
    opcode, start = _REDUCED[eqn.primitive.name]
    aval = eqn.invars[0].aval
    if isinstance(start, str):
        start = _extreme(aval.dtype, start == "least")
    initial = body.constant(start, core.ShapedArray((), aval.dtype))
    region = body.module.reduction(eqn.primitive.name, opcode, aval)
    axes = _braces(eqn.params["axes"])
    return _one(
        body, eqn,
        f"reduce({ins[0]}, {initial}), dimensions={axes}, to_apply={region}",
    )  # fmt: skip


def _extreme(dtype, least):
    if dtypes.issubdtype(dtype, np.inexact):
        return -np.inf if least else np.inf
    if dtypes.issubdtype(dtype, np.bool_):
        return not least
    info = dtypes.iinfo(dtype)
    return info.min if least else info.max


def _dot_dimensions(eqn):
    contracting, batch = eqn.params["dimension_numbers"]
    said = []
    for side, b, c in zip(("lhs", "rhs"), batch, contracting, strict=True):
        said += [f"{side}_batch_dims={_braces(b)}"] if b else []
        said += [f"{side}_contracting_dims={_braces(c)}"]
    return ", ".join(said)


def _operand_precision(eqn):
    precision = eqn.params["precision"]
    names = [str(getattr(p, "name", p)).lower() for p in precision or ()]
    if not names or set(names) == {"default"}:
        return ""
    return f"operand_precision={_braces(names)}"


def _window(eqn):
    """The extents of a convolution's window, and of the rest what is not trivial."""
    kernel = eqn.invars[1].aval.shape
    sizes = [kernel[d] for d in eqn.params["dimension_numbers"].rhs_spec[2:]]
    if not sizes:
        return ""
    said = [f"size={_by(sizes)}"]
    for label, param, trivial in (
        ("stride", "window_strides", 1),
        ("pad", "padding", (0, 0)),
        ("lhs_dilate", "lhs_dilation", 1),
        ("rhs_dilate", "rhs_dilation", 1),
    ):
        entries = list(eqn.params[param])
        if entries != [trivial] * len(sizes):
            said.append(f"{label}={_by(entries)}")
    return f"window={{{' '.join(said)}}}"


def _by(entries):
    """One entry for each axis: `3x3`, or of pairs `1_1x0_2`."""
    rows = (e if isinstance(e, tuple) else (e,) for e in entries)
    return "x".join("_".join(map(str, row)) for row in rows)


def _dim_labels(eqn):
    numbers = eqn.params["dimension_numbers"]
    lhs, rhs, out = (
        _labelled(spec, *names)
        for spec, names in (
            (numbers.lhs_spec, "bf"), (numbers.rhs_spec, "oi"), (numbers.out_spec, "bf"),
        )
    )  # fmt: skip
    return f"dim_labels={lhs}_{rhs}->{out}"


def _labelled(spec, *names):
    """What each axis is: two that have names, and numbered ones of space."""
    labels = dict(zip(spec, [*names, *range(len(spec) - 2)], strict=True))
    return "".join(str(labels[axis]) for axis in range(len(spec)))


def _group_count(name):
    return lambda e: f"{name}={e.params[name]}" if e.params[name] != 1 else ""


def _slices(eqn):
    starts, ends = eqn.params["start_indices"], eqn.params["limit_indices"]
    strides = eqn.params["strides"] or [None] * len(starts)
    plain = all(s in (None, 1) for s in strides)
    parts = [
        f"[{a}:{b}]" if plain else f"[{a}:{b}:{s or 1}]"
        for a, b, s in zip(starts, ends, strides, strict=True)
    ]
    return f"slice={{{', '.join(parts)}}}"


def _padding(eqn):
    rows = eqn.params["padding_config"]
    inner = any(row[2] for row in rows)
    return "padding=" + "x".join(
        "_".join(map(str, row if inner else row[:2])) for row in rows
    )


RULES.update({
    "reshape": _attributes("reshape"),
    "squeeze": _attributes("reshape"),
    "expand_dims": _attributes("reshape"),
    "transpose": _attributes(
        "transpose", lambda e: f"dimensions={_braces(e.params['permutation'])}"
    ),
    "rev": _attributes(
        "reverse", lambda e: f"dimensions={_braces(e.params['dimensions'])}"
    ),
    "concatenate": _attributes(
        "concatenate", lambda e: f"dimensions={{{e.params['dimension']}}}"
    ),
    "dot_general": _attributes("dot", _dot_dimensions, _operand_precision),
    "conv_general_dilated": _attributes(
        "convolution", _window, _dim_labels, _group_count("feature_group_count"),
        _group_count("batch_group_count"), _operand_precision,
    ),
    "slice": _attributes("slice", _slices),
    "pad": _attributes("pad", _padding),
    "dynamic_slice": _attributes(
        "dynamic-slice",
        lambda e: f"dynamic_slice_sizes={_braces(e.params['slice_sizes'])}",
    ),
    "dynamic_update_slice": _attributes("dynamic-update-slice"),
    "bitcast_convert_type": _attributes("bitcast-convert"),
})  # fmt: skip


@_rule("iota")
def _iota(body, eqn, ins):
    aval, axis = eqn.outvars[0].aval, eqn.params["dimension"]
    if aval.ndim == 1:
        return _one(body, eqn, "iota(), iota_dimension=0")
    line = core.ShapedArray(aval.shape[axis : axis + 1], aval.dtype)
    numbers = body.emit("iota", line, "iota(), iota_dimension=0")
    return _one(body, eqn, f"broadcast({numbers}), dimensions={{{axis}}}")


# --- calls, loops and branches ----------------------------------------------------------


@_rule("jit", "closed_call")
def _call(body, eqn, ins):
    closed, name = (
        eqn.params.get("jaxpr") or eqn.params["call_jaxpr"],
        eqn.primitive.name,
    )
    called = eqn.params.get("name", name)
    computation = body.module.computation(closed, called)
    base = f"jit_{called}_" if name == "jit" else name
    text = f"call({', '.join(ins)}), to_apply={computation}"
    return body.results(base, [v.aval for v in eqn.outvars], text)


@_rule("remat2", "checkpoint")
def _checkpoint(body, eqn, ins):
    again = ["rematted_computation"] * bool(eqn.params.get("differentiated"))
    return _inline(body, eqn, ins, body.scope_of(eqn, "checkpoint", *again))


@_rule("custom_jvp_call", "custom_vjp_call", "custom_lin")
def _inline(body, eqn, ins, scope=None):
    closed = eqn.params.get("jaxpr") or eqn.params["call_jaxpr"]
    if not isinstance(closed, core.ClosedJaxpr):
        closed = core.ClosedJaxpr(closed, ())
    return body.inline(closed, ins, scope)


@_rule("stop_gradient", "name", "pvary", "sharding_constraint", "reduce_precision")
def _same(body, eqn, ins):
    if eqn.primitive.name != "reduce_precision":
        return ins
    e, m = eqn.params["exponent_bits"], eqn.params["mantissa_bits"]
    text = f"reduce-precision({ins[0]}), exponent_bits={e}, mantissa_bits={m}"
    return _one(body, eqn, text)


@_rule("cond")
def _conditional(body, eqn, ins):
    which, *operands = ins
    branches = [
        body.module.region(branch, body.scope_of(eqn, "cond", f"branch_{k}_fun"))
        for k, branch in enumerate(eqn.params["branches"])
    ]
    given = body.pack("tuple", operands, [a.aval for a in eqn.invars[1:]])
    text = (
        f"conditional({', '.join([which] + [given] * len(branches))}), "
        f"branch_computations={{{', '.join(branches)}}}"
    )
    return body.results("cond", [v.aval for v in eqn.outvars], text)


@_rule("while")
def _while(body, eqn, ins):
    """What the condition and the body read beside the state is part of it in HLO."""
    n, m = eqn.params["cond_nconsts"], eqn.params["body_nconsts"]
    test, step = eqn.params["cond_jaxpr"], eqn.params["body_jaxpr"]
    test_reads, step_reads = test.jaxpr.invars[:n], step.jaxpr.invars[:m]
    whole_test = test.replace(
        jaxpr=test.jaxpr.replace(
            invars=[*test_reads, *_fresh(step_reads), *test.jaxpr.invars[n:]]
        )
    )
    unread = _fresh(test_reads)
    whole_step = step.replace(
        jaxpr=step.jaxpr.replace(
            invars=[*unread, *step.jaxpr.invars],
            outvars=[*unread, *step_reads, *step.jaxpr.outvars],
        )
    )
    condition = body.module.region(whole_test, body.scope_of(eqn, "while", "cond"))
    turn = body.module.region(whole_step, body.scope_of(eqn, "while", "body"))
    avals = [a.aval for a in eqn.invars]
    state = body.pack("while", ins, avals)
    text = f"while({state}), condition={condition}, body={turn}"
    return body.results("while", avals, text)[n + m :]


def _fresh(variables):
    return [core.Var(v.aval) for v in variables]
