"""The rules of random programs: what text gives a value of a wanted type.

A rule says whether it `applies` to a type and writes its text, asking the `Writer` for
its operands.  `FAMILIES` groups the rules; each family is drawn as often.
"""

from compat_tests.random_programs import SHAPES, Type


class Rule:
    """One rule: `write(writer, type, scope)` gives text of a value of `type`."""

    def __init__(self, write, applies=lambda type_, scope: True):
        self.write, self._applies = write, applies

    def applies(self, type_, scope):
        """Whether the rule can give this type in this scope."""
        return self._applies(type_, scope)


def of(dtypes):
    """Applies to values of these dtypes."""
    return lambda type_, scope: type_.dtype in dtypes


# --- elementwise ----------------------------------------------------------------------

# result dtype, operand dtypes, texts; operands of one shape
SAME_SHAPE = [
    ("f", "f", "jnp.sin({})", "lax.cos({})", "jnp.tanh({})", "-{}", "jnp.abs({})"),
    ("f", "f", "lax.logistic({})", "jnp.exp(jnp.tanh({}))", "jnp.log1p(jnp.abs({}))"),
    ("f", "f", "jnp.square({})", "{} ** 3", "lax.rsqrt(jnp.abs({}) + 0.5)"),
    ("f", "f", "jnp.sqrt(1 + {} ** 2)", "jnp.sign({})", "jnp.floor({})", "{} * 0.5"),
    ("f", "f", "jax.nn.relu({})", "jax.nn.gelu({})", "jax.nn.softplus({})", "2 - {}"),
    ("f", "f", "lax.erf({})", "lax.stop_gradient({})", "jnp.round({})", "jnp.sinc({})"),
    ("f", "f", "jnp.nan_to_num({})", "jnp.arcsinh({})", "1 / (2 + jnp.cos({}))"),
    ("f", "f", "jnp.clip({}, -1, 1)", "jnp.expm1(jnp.tanh({}))", "jnp.cbrt({} + 9)"),
    ("f", "ff", "lax.add({}, {})", "lax.mul({}, {})", "lax.max({}, {})"),
    ("f", "ff", "lax.div({}, 1.5 + jnp.abs({}))", "lax.atan2({}, 2 + jnp.abs({}))"),
    ("f", "ff", "lax.nextafter({}, {})", "lax.rem({}, 1.5 + lax.abs({}))"),
    ("f", "fff", "lax.clamp({}, {}, {})"),
    ("f", "bff", "lax.select({}, {}, {})"),
    ("f", "i", "{}.astype(jnp.float32)", "lax.convert_element_type({}, float)"),
    ("f", "i", "{} / 2", "{} * 0.25", "jnp.float_power(1.5, jnp.clip({}, -3, 3))"),
    ("f", "b", "{}.astype(jnp.float32)", "{} * 1.5"),
    ("i", "i", "-{}", "jnp.abs({})", "~{}", "{} // 2", "{} % 3", "{} << 1", "{} + 1"),
    ("i", "i", "lax.population_count({})", "jnp.sign({})", "jnp.clip({}, -2, 5)"),
    ("i", "ii", "lax.add({}, {})", "lax.sub({}, {})", "lax.mul({}, {})"),
    ("i", "ii", "lax.min({}, {})", "lax.shift_right_logical({}, jnp.abs({}) % 40)"),
    ("i", "ii", "lax.div({}, {})", "lax.rem({}, {})"),
    ("i", "bii", "lax.select({}, {}, {})"),
    ("i", "f", "jnp.round({}).astype(int)", "{}.astype(jnp.int32)"),
    ("i", "b", "{}.astype(jnp.int32)", "{} * 2", "-{}.astype(int)"),
    ("b", "b", "~{}", "jnp.logical_not({})"),
    ("b", "bb", "{} & {}", "{} | {}", "lax.bitwise_xor({}, {})"),
    ("b", "ff", "lax.lt({}, {})", "lax.ge({}, {})", "jnp.isclose({}, {}, 0.1)"),
    ("b", "ii", "lax.eq({}, {})", "lax.gt({}, {})"),
    ("b", "i", "{} > 0", "{}.astype(bool)"),
    ("b", "f", "{} > 0.25", "jnp.isfinite({})", "jnp.signbit({})"),
]  # fmt: skip

# operands of shapes that broadcast, of dtypes that promote
BROADCAST = [
    ("f", "ff", "{} + {}", "{} - {}", "{} * {}", "jnp.maximum({}, {})"),
    ("f", "ff", "jnp.minimum({}, {})", "jnp.logaddexp({}, {})", "jnp.hypot({}, {} + 3)"),
    ("f", "ff", "jnp.power(jnp.abs({}) + 0.5, jnp.tanh({}))", "{} / ({} ** 2 + 1)"),
    ("f", "fi", "{} * {}", "{} + {}", "jnp.ldexp({}, jnp.clip({}, -2, 2))"),
    ("f", "fb", "{} * {}", "{} - {}"),
    ("f", "bff", "jnp.where({}, {}, {})"),
    ("f", "bf", "jnp.where({}, {}, 0)", "jnp.where({}, 0.5, {})"),
    ("i", "ii", "{} + {}", "{} * {}", "{} & {}", "{} ^ {}", "{} | {}", "{} // {}"),
    ("i", "ii", "{} % {}", "jnp.maximum({}, {})", "{} >> (abs({}) % 9)"),
    ("i", "bii", "jnp.where({}, {}, {})"),
    ("i", "ib", "{} + {}", "{} * {}"),
    ("b", "ff", "{} < {}", "{} == {}"),
    ("b", "if", "{} >= {}"),
    ("b", "bb", "jnp.logical_xor({}, {})", "{} != {}"),
]  # fmt: skip


def _same_shape(operands, text):
    def write(w, type_, scope):
        return text.format(*[w.value(d, type_.shape, scope) for d in operands])

    return write


def _stretching(shape):
    """The shapes that broadcast to a shape."""
    smaller = [s for s in SHAPES if len(s) < len(shape)]
    return [shape, *(s for s in smaller if s == shape[len(shape) - len(s) :])]


def _broadcast(operands, text):
    def write(w, type_, scope):
        full = w.pick(range(len(operands)))  # one operand has the whole shape
        shapes = [
            type_.shape if k == full else w.pick(_stretching(type_.shape))
            for k in range(len(operands))
        ]
        return text.format(
            *[w.value(d, s, scope) for d, s in zip(operands, shapes, strict=True)]
        )

    return write


def _table(rows, writer):
    return [
        Rule(writer(operands, text), of(result))
        for result, operands, *texts in rows
        for text in texts
    ]


def elementwise_rules(rows):
    """The rules of rows like those of SAME_SHAPE."""
    return _table(rows, _same_shape)


# --- reductions and along an axis -----------------------------------------------------

REDUCTIONS = [
    ("f", "f", "jnp.sum", "jnp.mean", "jnp.max", "jnp.min", "jnp.var", "jnp.ptp"),
    ("f", "f", "jax.nn.logsumexp", "jnp.prod", "jnp.median"),
    ("i", "i", "jnp.sum", "jnp.max", "jnp.min", "jnp.prod", "jnp.bitwise_xor.reduce"),
    ("i", "f", "jnp.argmax", "jnp.argmin"),
    ("i", "b", "jnp.sum", "jnp.argmax"),
    ("b", "b", "jnp.any", "jnp.all"),
    ("b", "f", "jnp.any"),
]
ALONG_AXIS = [
    ("f", "f", "jnp.cumsum({}, {})", "jnp.sort({}, {})", "jax.nn.softmax({}, {})"),
    ("f", "f", "lax.cummax({}, {})", "lax.cumlogsumexp({}, {})", "jnp.flip({}, {})"),
    ("f", "f", "jnp.cumprod({}, {})", "lax.cumsum({}, {}, reverse=True)"),
    ("f", "f", "jnp.roll({}, 1, {})", "jax.nn.log_softmax({}, {})", "lax.cummin({}, {})"),
    ("i", "i", "jnp.cumsum({}, {})", "jnp.sort({}, {})", "jnp.roll({}, -1, {})"),
    ("i", "f", "jnp.argsort({}, {})"),
    ("i", "b", "jnp.cumsum({}, {})"),
    ("b", "b", "jnp.flip({}, {})", "jnp.roll({}, 1, {})"),
    ("f", "f", "lax.associative_scan(jnp.add, {}, axis={})"),
    ("f", "f", "lax.associative_scan(jnp.multiply, {}, axis={}, reverse=True)"),
    ("f", "f", "jnp.gradient({}, axis={})"),
    ("f", "f", "lax.sort(({0}, jnp.cos({0})), dimension={1}, num_keys=1)[1]"),
]  # fmt: skip


def larger(shape):
    """(shape, axis) of values that lose that axis to become `shape`."""
    return [
        (s, k)
        for s in SHAPES
        for k in range(len(s))
        if s[:k] + s[k + 1 :] == tuple(shape)
    ]


def _reduction(operands, text):
    def write(w, type_, scope):
        shape, axis = w.pick(larger(type_.shape))
        if not type_.shape and w.pick([0, 1]):
            shape, axis = w.pick(SHAPES[1:]), None
            if text.endswith("reduce"):
                shape, axis = (3,), 0
        return f"{text}({w.value(operands[0], shape, scope)}, axis={axis})"

    return write


def _along(operands, text):
    def write(w, type_, scope):
        axis = w.pick(range(len(type_.shape)))
        return text.format(w.value(operands[0], type_.shape, scope), axis)

    return write


def _ranked(rank, dtypes="fib"):
    return lambda type_, scope: len(type_.shape) >= rank and type_.dtype in dtypes


# --- shapes ---------------------------------------------------------------------------


def _transpose(w, type_, scope):
    x = w.value(type_.dtype, type_.shape[::-1], scope)
    return f"{x}.T" if w.pick([0, 1]) else f"lax.transpose({x}, (1, 0))"


def _reshape(w, type_, scope):
    x = w.value(type_.dtype, type_.shape[::-1], scope)
    return f"{x}.reshape{type_.shape}"


def _stack(w, type_, scope):
    axis = w.pick(range(len(type_.shape)))
    rest = type_.shape[:axis] + type_.shape[axis + 1 :]
    parts = [w.value(type_.dtype, rest, scope) for _ in range(type_.shape[axis])]
    return f"jnp.stack([{', '.join(parts)}], axis={axis})"


def _broadcast_in_dim(w, type_, scope):
    axis = w.pick(range(len(type_.shape)))
    x = w.value(type_.dtype, (type_.shape[axis],), scope)
    return f"lax.broadcast_in_dim({x}, {type_.shape}, ({axis},))"


def _longer(shape):
    """(shape, axis) of values that are one longer along an axis."""
    grown = [
        (shape[:k] + (n + 1,) + shape[k + 1 :], k) for k, n in enumerate(shape)
    ]  # fmt: skip
    return [(s, k) for s, k in grown if s in SHAPES]


def _shorter(shape):
    cut = [(shape[:k] + (n - 1,) + shape[k + 1 :], k) for k, n in enumerate(shape)]
    return [(s, k) for s, k in cut if s in SHAPES]


def _cut(w, type_, scope):
    shape, axis = w.pick(_longer(type_.shape))
    x = w.value(type_.dtype, shape, scope)
    span = w.pick(["1:", ":-1", "::2", "::-2"])
    return f"{x}[{', '.join([':'] * axis + [span])}]"


def _pad(w, type_, scope):
    shape, axis = w.pick(_shorter(type_.shape))
    x = w.value(type_.dtype, shape, scope)
    config = [(0, 0, 0)] * len(shape)
    config[axis] = w.pick([(1, 0, 0), (0, 1, 0), (2, -1, 0)])
    if shape[axis] == 2 and w.pick([0, 1]):
        config[axis] = (0, 0, 1)
    fill = w.value(type_.dtype, (), scope)
    if w.pick([0, 1]):
        return f"lax.pad({x}, jnp.asarray({fill}, {x}.dtype), {tuple(config)})"
    mode = w.pick(["constant", "edge", "reflect"])
    return f"jnp.pad({x}, {tuple((int(k == axis), 0) for k in range(len(shape)))}, '{mode}')"


def _join(w, type_, scope):
    shape, axis = w.pick(_shorter(type_.shape))
    x = w.value(type_.dtype, shape, scope)
    y = w.value(type_.dtype, shape[:axis] + shape[axis + 1 :], scope)
    parts = [x, f"jnp.expand_dims({y}, {axis})"]
    if w.pick([0, 1]):
        parts.reverse()
    return f"jnp.concatenate([{', '.join(parts)}], axis={axis})"


# --- indexing -------------------------------------------------------------------------


def _at(axis, index):
    return ", ".join([":"] * axis + [str(index)])


def _static_index(w, type_, scope):
    shape, axis = w.pick(larger(type_.shape))
    return f"{w.value(type_.dtype, shape, scope)}[{_at(axis, w.pick([0, -1, 1]))}]"


def _dynamic_index(w, type_, scope):
    shape, axis = w.pick(larger(type_.shape))
    x, n = w.value(type_.dtype, shape, scope), w.value("i", (), scope)
    return w.pick(
        [
            f"{x}[{_at(axis, n)}]",
            f"lax.dynamic_index_in_dim({x}, {n}, {axis}, keepdims=False)",
            f"jnp.take({x}, {n}, {axis}, mode='clip')",
            f"jnp.take({x}, {n}, {axis}, mode='wrap')",
        ]
    )


def _gather(w, type_, scope):
    axis = w.pick(range(len(type_.shape)))
    lengths = {s[axis] for s in SHAPES if len(s) == len(type_.shape)}
    shapes = [
        s
        for n in sorted(lengths)
        if (s := type_.shape[:axis] + (n,) + type_.shape[axis + 1 :]) in SHAPES
    ]
    x = w.value(type_.dtype, w.pick(shapes), scope)
    n = w.value("i", (type_.shape[axis],), scope)
    at = w.pick([n, f"{n} % 2"])
    return w.pick([f"{x}[{_at(axis, at)}]", f"jnp.take({x}, {n}, {axis}, mode='clip')"])


def _along_gather(w, type_, scope):
    axis = w.pick(range(len(type_.shape)))
    x, n = w.value(type_.dtype, type_.shape, scope), w.value("i", type_.shape, scope)
    return f"jnp.take_along_axis({x}, {n} % {type_.shape[axis]}, {axis})"


def _scatter(w, type_, scope):
    axis = w.pick(range(len(type_.shape)))
    x = w.value(type_.dtype, type_.shape, scope)
    rest = type_.shape[:axis] + type_.shape[axis + 1 :]
    how = w.pick(["set", "add"] + ["max", "min"] * (type_.dtype != "b"))
    if type_.dtype == "b":
        how = "set"
    if w.pick([0, 1]):
        n, y = w.value("i", (), scope), w.value(type_.dtype, rest, scope)
        return f"{x}.at[{_at(axis, n)}].{how}({y})"
    n, y = w.value("i", (type_.shape[axis],), scope), w.value(type_.dtype, (), scope)
    if how == "set":  # equal indices: any of the updates may win
        n = f"jnp.argsort({n})"
    return f"{x}.at[{_at(axis, n)}].{how}({y})"


def _dynamic_slice(w, type_, scope):
    shapes = [
        s
        for s in SHAPES
        if len(s) == len(type_.shape)
        and all(a >= b for a, b in zip(s, type_.shape, strict=True))
    ]
    x = w.value(type_.dtype, w.pick(shapes), scope)
    starts = [w.value("i", (), scope) for _ in type_.shape]
    return f"lax.dynamic_slice({x}, ({', '.join(starts)},), {type_.shape})"


def _dynamic_update(w, type_, scope):
    shapes = [
        s
        for s in SHAPES
        if len(s) == len(type_.shape)
        and all(a <= b for a, b in zip(s, type_.shape, strict=True))
    ]
    x = w.value(type_.dtype, type_.shape, scope)
    y = w.value(type_.dtype, w.pick(shapes), scope)
    starts = [w.value("i", (), scope) for _ in type_.shape]
    return (
        f"lax.dynamic_update_slice({x}, {y}.astype({x}.dtype), ({', '.join(starts)},))"
    )


# --- products -------------------------------------------------------------------------


def _dot(w, type_, scope):
    k = w.pick([2, 3])
    left, right = {0: ((k,), (k,)), 1: (type_.shape + (k,), (k,))}.get(
        len(type_.shape), (type_.shape[:1] + (k,), (k, *type_.shape[1:]))
    )
    if len(type_.shape) == 1 and w.pick([0, 1]):
        left, right = (k,), (k, *type_.shape)
    x, y = (w.value(type_.dtype, s, scope) for s in (left, right))
    return w.pick([f"{x} @ {y}", f"jnp.dot({x}, {y})"])


def _einsum(w, type_, scope):
    if not type_.shape:
        x, y = (w.value("f", (2, 3), scope) for _ in range(2))
        return f"jnp.einsum('ij,ij', {x}, {y})"
    if len(type_.shape) == 1:
        x, y = (w.value("f", (2, *type_.shape), scope) for _ in range(2))
        return f"jnp.einsum('ij,ij->j', {x}, {y})"
    x, y = (w.value("f", (n,), scope) for n in type_.shape)
    z = w.value("f", type_.shape, scope)
    return w.pick(
        [f"jnp.einsum('i,j,ij->ij', {x}, {y}, {z})", f"jnp.outer({x}, {y}) + {z}"]
    )


# --- control flow ---------------------------------------------------------------------


def _length(w):
    return w.pick([s for s in SHAPES if s])


def _scan_carry(w, type_, scope):
    other = w.pick("fib")
    if w.pick([0, 1]):
        shape = _length(w)
        xs, step = w.value(other, shape, scope), Type(other, shape[1:])
        options = w.pick(["", ", reverse=True", ", unroll=2"])
        f = w.function([type_, step], [type_, step], scope)
    else:
        step = w.function([type_], [type_], scope)
        f, xs = f"lambda c, _: ({step}(c), None)", "None"
        options = f", length={w.pick([2, 0, 5])}"
    return f"lax.scan({f}, {w.value(*type_, scope)}, {xs}{options})[0]"


def _scan_outputs(w, type_, scope):
    other = Type(w.pick("fib"), w.pick(SHAPES))
    shapes = [s for s in SHAPES if s and s[0] == type_.shape[0]]
    shape, dtype = w.pick(shapes), w.pick("fib")
    f = w.function(
        [other, Type(dtype, shape[1:])],
        [other, Type(type_.dtype, type_.shape[1:])],
        scope,
    )
    options = w.pick(["", ", reverse=True", ", unroll=2"])
    init, xs = w.value(*other, scope), w.value(dtype, shape, scope)
    return f"lax.scan({f}, {init}, {xs}{options})[1]"


def _fori(w, type_, scope):
    f = w.function([Type("i", ()), type_], [type_], scope)
    return f"lax.fori_loop({w.pick([0, 1])}, 3, {f}, {w.value(*type_, scope)})"


def _while(w, type_, scope):
    holds = w.function([Type("i", ()), type_], [Type("b", ())], scope)
    body = w.function([Type("i", ()), type_], [type_], scope)
    return (
        f"lax.while_loop(lambda c: (c[0] < 3) & {holds}(*c), "
        f"lambda c: (c[0] + 1, {body}(*c)), (0, {w.value(*type_, scope)}))[1]"
    )


def _cond(w, type_, scope):
    operand = Type(w.pick("fib"), w.pick(SHAPES))
    f, g = (w.function([operand], [type_], scope) for _ in range(2))
    p, x = w.value("b", (), scope), w.value(*operand, scope)
    return f"lax.cond({p}, {f}, {g}, {x})"


def _switch(w, type_, scope):
    operand = Type(w.pick("fib"), w.pick(SHAPES))
    branches = [w.function([operand], [type_], scope) for _ in range(3)]
    n, x = w.value("i", (), scope), w.value(*operand, scope)
    return f"lax.switch({n}, [{', '.join(branches)}], {x})"


def _map(w, type_, scope):
    shapes = [s for s in SHAPES if s and s[0] == type_.shape[0]]
    shape, dtype = w.pick(shapes), w.pick("fib")
    f = w.function(
        [Type(dtype, shape[1:])], [Type(type_.dtype, type_.shape[1:])], scope
    )
    size = w.pick(["", ", batch_size=2"])
    return f"lax.map({f}, {w.value(dtype, shape, scope)}{size})"


# --- transformations ------------------------------------------------------------------


def _wrapped(transform, reverse=False):
    def write(w, type_, scope):
        operand = Type(w.pick("fib"), w.pick(SHAPES))
        f = w.function([operand], [type_], scope, reverse)
        return f"{transform}({f})({w.value(*operand, scope)})"

    return write


def _grad(w, type_, scope):
    f = w.function([type_], [Type("f", ())], scope, reverse=True)
    x = w.value(*type_, scope)
    return w.pick([f"jax.grad({f})({x})", f"jax.value_and_grad({f})({x})[1]"])


def _jvp(w, type_, scope):
    operand = Type("f", w.pick(SHAPES))
    f = w.function([operand], [type_], scope)
    x, t = w.value(*operand, scope), w.value(*operand, scope)
    return f"jax.jvp({f}, ({x} * 1,), ({t}.astype(({x} * 1).dtype),))[{w.pick([1, 0])}]"


def _linearize(w, type_, scope):
    operand = Type("f", w.pick(SHAPES))
    f = w.function([operand], [type_], scope, reverse=True)
    x, t = w.value(*operand, scope), w.value(*operand, scope)
    return f"jax.linearize({f}, {x})[1]({t})"


def _vjp(w, type_, scope):
    result = Type("f", w.pick(SHAPES))
    f = w.function([type_], [result], scope, reverse=True)
    x, ct = w.value(*type_, scope), w.value(*result, scope)
    return f"jax.vjp({f}, {x})[1]({ct})[0]"


def _jacobian(w, type_, scope):
    split = w.pick(range(len(type_.shape)))
    f = w.function(
        [Type("f", type_.shape[split:])],
        [Type("f", type_.shape[:split])],
        scope,
        reverse=True,
    )
    x = w.value("f", type_.shape[split:], scope)
    return f"{w.pick(['jax.jacrev', 'jax.jacfwd'])}({f})({x})"


def _hessian(w, type_, scope):
    operand = Type("f", type_.shape[:1])
    f = w.function([operand], [Type("f", ())], scope, reverse=True)
    return f"jax.hessian({f})({w.value(*operand, scope)})"


def _vmap(w, type_, scope):
    axis = w.pick(range(len(type_.shape)))
    n = type_.shape[axis]
    inner = Type(type_.dtype, type_.shape[:axis] + type_.shape[axis + 1 :])
    mapped = [(s, k) for s in SHAPES for k, size in enumerate(s) if size == n]
    shape, in_axis = w.pick(mapped)
    dtype, other = w.pick("fib"), Type(w.pick("fib"), w.pick(SHAPES))
    element = Type(dtype, shape[:in_axis] + shape[in_axis + 1 :])
    f = w.function([element, other], [inner], scope)
    x, y = w.value(dtype, shape, scope), w.value(*other, scope)
    return f"jax.vmap({f}, in_axes=({in_axis}, None), out_axes={axis})({x}, {y})"


def _square(type_, scope):
    return type_.dtype == "f" and len(type_.shape) == 2 and len({*type_.shape}) == 1


FAMILIES = [
    elementwise_rules(SAME_SHAPE),
    _table(BROADCAST, _broadcast),
    [
        *(
            Rule(
                _reduction(operands, text),
                lambda t, scope, r=result: t.dtype == r and len(t.shape) < 2,
            )
            for result, operands, *texts in REDUCTIONS
            for text in texts
        ),
        *(
            Rule(_along(operands, text), _ranked(1, result))
            for result, operands, *texts in ALONG_AXIS
            for text in texts
        ),
    ],
    [
        Rule(_transpose, _ranked(2)),
        Rule(_reshape, _ranked(2)),
        Rule(_stack, _ranked(1)),
        Rule(_broadcast_in_dim, _ranked(1)),
        Rule(_cut, lambda t, scope: bool(_longer(t.shape))),
        Rule(_pad, lambda t, scope: bool(_shorter(t.shape))),
        Rule(_join, lambda t, scope: bool(_shorter(t.shape))),
    ],
    [
        Rule(_static_index, lambda t, scope: bool(larger(t.shape))),
        Rule(_dynamic_index, lambda t, scope: bool(larger(t.shape))),
        Rule(_gather, _ranked(1)),
        Rule(_along_gather, _ranked(1)),
        Rule(_scatter, _ranked(1)),
        Rule(_dynamic_slice, _ranked(1)),
        Rule(_dynamic_update, _ranked(1)),
    ],
    [Rule(_dot, of("fi")), Rule(_einsum, of("f"))],
    [
        Rule(_fori),
        Rule(_scan_carry),
        Rule(_scan_outputs, _ranked(1)),
        Rule(_while, lambda t, scope: not scope.reverse),
        Rule(_cond),
        Rule(_switch),
        Rule(_map, _ranked(1)),
    ],
    [
        Rule(_wrapped("jax.jit")),
        Rule(_wrapped("jax.checkpoint")),
        Rule(_grad, of("f")),
        Rule(_jvp, of("f")),
        Rule(_linearize, of("f")),
        Rule(_vjp, of("f")),
        Rule(_jacobian, _ranked(1, "f")),
        Rule(_hessian, _square),
        Rule(_vmap, _ranked(1)),
    ],
]
