"""Jaxpr → jaxpr that computes the same bits with fewer equations (but for masks: see
`_multiply_rule`).

One pass in the order of the equations: calls of `jit` are opened, an equation that was
computed before is not computed again, arithmetic that changes nothing is left out, what
constants decide is decided, a transposed matrix product becomes the product of the
swapped operands, sums over windows take over the padding with zeros before them, nothing
is reduced along an axis of one element, and constants without axes become literals,
converted ones too, also in the bodies of loops and branches.
"""

import operator

import numpy as np

from minijax import core, dtypes
from minijax.core import ClosedJaxpr, HigherOrderPrimitive, JaxprEqn, Literal, Var
from minijax.ops.bits import shift_right_logical_p
from minijax.ops.select import select_n_p
from minijax.ops.shape import broadcast_in_dim_p, squeeze_p
from minijax.transforms.dce import dce


def rewrite(closed):
    """The closed jaxpr rewritten, programs in its equations' parameters included."""
    known = closed.memo.get(rewrite)
    if known is None:
        jaxpr, _ = dce(closed.jaxpr)
        rewriter = _Rewriter()
        known = rewriter.run(ClosedJaxpr(jaxpr, closed.consts))
        known = known.replace(jaxpr=dce(known.jaxpr, compiled=True)[0])
        closed.memo[rewrite] = known
    return known


class _Rewriter:
    """The equations of the new jaxpr as they come."""

    def __init__(self):
        self.eqns, self.consts = [], []
        self.computed = {}  # what an equation computes -> its results
        self.keys = {}  # place of an equation -> its key in `computed`
        self.made_by = {}  # variable -> place of its equation
        self.uses = {}  # variable -> how many equations and outputs of the old one read it

    def run(self, closed):
        """The new closed jaxpr."""
        jaxpr = closed.jaxpr
        self._count(jaxpr)
        names = {}
        for var, value in zip(jaxpr.constvars, closed.consts, strict=True):
            scalar = _as_literal(var, value)
            if scalar is not None:
                names[var] = scalar
        outvars = self._walk(jaxpr, names, outermost=True)
        constvars = jaxpr.constvars + [v for v, _ in self.consts]
        return ClosedJaxpr(
            jaxpr.replace(constvars=constvars, outvars=outvars, eqns=self.eqns),
            closed.consts + [c for _, c in self.consts],
        )

    def _count(self, jaxpr):
        uses = self.uses
        for eqn in jaxpr.eqns:
            for atom in eqn.invars:
                if type(atom) is Var:
                    uses[atom] = uses.get(atom, 0) + 1
            if eqn.primitive.is_call:
                self._count(eqn.params["jaxpr"].jaxpr)
        for atom in jaxpr.outvars:
            if type(atom) is Var:
                uses[atom] = (
                    uses.get(atom, 0) + 2
                )  # what leaves a program is not dropped

    def _walk(self, jaxpr, names, outermost=False):
        """Take in the equations of a jaxpr; its outputs, named anew."""
        for eqn in jaxpr.eqns:
            ins = [names.get(a, a) if type(a) is Var else a for a in eqn.invars]
            if eqn.primitive.is_call:
                outs = self._open(eqn.params["jaxpr"], ins)
            else:
                outs = self._take(eqn, ins, outermost)
            if outs is not eqn.outvars:
                names.update(zip(eqn.outvars, outs, strict=True))
        return [names.get(a, a) if type(a) is Var else a for a in jaxpr.outvars]

    def _open(self, inner, ins):
        """The outputs of a call, whose equations become equations here."""
        names = dict(zip(inner.jaxpr.invars, ins, strict=True))
        for var, atom in names.items():
            self._read_more(atom, self.uses.get(var, 0) - 1)
        for var, value in zip(inner.jaxpr.constvars, inner.consts, strict=True):
            names[var] = _as_literal(var, value) or Var(var.aval)
            if type(names[var]) is Var:
                self.consts.append((names[var], value))
        return self._walk(inner.jaxpr, names)

    def _read_more(self, atom, times):
        if type(atom) is Var:
            self.uses[atom] = self.uses.get(atom, 0) + times

    def _take(self, eqn, ins, outermost):
        """The results of an equation: known ones, or those of a new equation.

        The outermost equations keep their variables; others may come more than once.
        """
        rule = _RULES.get(eqn.primitive.name)
        if rule is not None:
            found = rule(self, eqn, ins)
            if found is not None:
                return [found]
        key = _key(eqn, ins)
        known = self.computed.get(key) if key is not None else None
        if known is not None:
            for old, new in zip(eqn.outvars, known, strict=True):
                self._read_more(new, self.uses.get(old, 0))
            return known
        place, outs = len(self.eqns), eqn.outvars
        if not outermost:
            outs = [Var(v.aval) for v in outs]
            for old, new in zip(eqn.outvars, outs, strict=True):
                self.uses[new] = self.uses.get(old, 0)
        for var in outs:
            self.made_by[var] = place
        params = eqn.params
        if isinstance(eqn.primitive, HigherOrderPrimitive):
            if eqn.primitive.close_over is not None:
                ins, params = eqn.primitive.close_over(ins, params)
            params = {name: _rewritten(p) for name, p in params.items()}
        if outs is not eqn.outvars or ins != eqn.invars or params is not eqn.params:
            eqn = JaxprEqn(eqn.primitive, ins, outs, params, eqn.marks, eqn.source)
        self.eqns.append(eqn)
        if key is not None:
            self.computed[key] = outs
            self.keys[place] = key
        return outs

    def new(self, eqn, primitive, ins, params):
        """The result of an equation in the place of that one."""
        out = Var(eqn.outvars[0].aval)
        self.made_by[out] = len(self.eqns)
        self.uses[out] = self.uses.get(eqn.outvars[0], 0)
        self.eqns.append(JaxprEqn(primitive, ins, [out], params, eqn.marks, eqn.source))
        return out

    def maker(self, atom, name):
        """The equation of that primitive that makes a variable, or None."""
        place = self.made_by.get(atom) if type(atom) is Var else None
        if place is not None and self.eqns[place].primitive.name == name:
            return self.eqns[place]
        return None

    def scalar(self, atom):
        """What an atom repeats, if it is made of one element; else the atom."""
        repeated = self.maker(atom, "broadcast_in_dim")
        return atom if repeated is None else repeated.invars[0]

    def swap_product(self, eqn, product, order, rest):
        """Turn a transposed `dot_general` into that of its operands in the other order.

        order: its old result's axes as the new one has them; rest: the permutation that
        is then left to do.
        """
        place = self.made_by[product.outvars[0]]
        self.computed.pop(self.keys.pop(place, None), None)
        (contract, batch), params = product.params["dimension_numbers"], product.params
        precision = params["precision"]
        if type(precision) is tuple:
            precision = precision[::-1]
        numbers = contract[::-1], batch[::-1]
        params = {**params, "dimension_numbers": numbers, "precision": precision}
        old = product.outvars[0].aval
        out = Var(old.update(shape=tuple(old.shape[d] for d in order)))
        self.eqns[place] = JaxprEqn(
            product.primitive, product.invars[::-1], [out], params, product.marks,
            product.source,
        )  # fmt: skip
        self.made_by[out] = place
        self.uses[out] = self.uses.get(eqn.outvars[0], 0)
        if list(rest) == sorted(rest):
            return out
        params = {**eqn.params, "permutation": tuple(rest)}
        return self.new(eqn, eqn.primitive, [out], params)


def _as_literal(var, value):
    """A constant as a literal, where it is a scalar that is known."""
    scalar_of = core.scalar_values.get(type(value))
    if scalar_of is None or var.aval.shape:
        return None
    scalar = scalar_of(value)
    return None if scalar is None else Literal(scalar, var.aval)


def _rewritten(param):
    """A parameter with the programs in it rewritten."""
    if type(param) is ClosedJaxpr and not param.consts:
        found = rewrite(param)
        return param if found.consts else found
    if type(param) is tuple and param and type(param[0]) is ClosedJaxpr:
        return tuple(map(_rewritten, param))
    return param


def _key(eqn, ins):
    """What tells equations apart that compute different things; None for effects."""
    if eqn.marks or eqn.primitive.stays:
        return None
    return computed(eqn, [a if type(a) is Var else a.identity() for a in ins])


def computed(eqn, ins):
    """What an equation computes of some values; None where that cannot be compared."""
    key = eqn.primitive, tuple(ins), tuple(eqn.params.items())
    try:
        hash(key)
    except TypeError:
        return None
    return key


# --- arithmetic that changes nothing --------------------------------------------------


def _is_literal(atom, value, negative_zero=False):
    """Whether an atom is that scalar constant, of a real type."""
    if type(atom) is not Literal or atom.aval.shape:
        return False
    if not dtypes.issubdtype(atom.aval.dtype, np.number):
        return False
    found = np.asarray(atom.val)
    if found.dtype.kind not in "fiuV" or float(found) != value:
        return False
    if value == 0 and dtypes.issubdtype(atom.aval.dtype, np.floating):
        return bool(np.signbit(found.astype(np.float32))) == negative_zero
    return True


def _known(atoms):
    """The values of integer and bool scalars that are constants, or None."""
    values = []
    for atom in atoms:
        if type(atom) is not Literal or atom.aval.shape:
            return None
        if atom.aval.dtype.kind not in "iub":
            return None
        values.append(int(atom.val))
    return values


# What is known of two integers or bools is known when the program is made.
_FOLDED = {
    "eq": operator.eq, "lt": operator.lt, "le": operator.le, "gt": operator.gt,
    "ge": operator.ge, "and": operator.and_, "or": operator.or_,
}  # fmt: skip


def _folded(operation):
    """The rule of an operation that constants decide."""

    def rule(self, eqn, ins):
        values, aval = _known(ins), eqn.outvars[0].aval
        if values is None:
            return None
        return Literal(aval.dtype.type(operation(*values)), aval)

    return rule


def _neutral(value, right_only=False, negative_zero=False):
    """The rule of an operation for which x op value is x."""

    def rule(self, eqn, ins):
        x, y = ins
        aval = eqn.outvars[0].aval
        if x.aval == aval and _is_literal(self.scalar(y), value, negative_zero):
            return x
        if right_only or y.aval != aval:
            return None
        return y if _is_literal(self.scalar(x), value, negative_zero) else None

    return rule


def _multiply_rule(self, eqn, ins):
    """x * 1; and by a bool that was converted: a choice, as XLA has it, so that what is
    masked is 0 even where it is infinite or not a number.
    """
    found = _neutral(1)(self, eqn, ins)
    if found is not None:
        return found
    aval = eqn.outvars[0].aval
    if aval.dtype.isbuiltin != 1:  # bfloat16 and narrower, which XLA widens first
        return None
    for mask, other in (ins, ins[::-1]):
        converted = self.maker(mask, "convert_element_type")
        if converted is None or mask.aval.shape != aval.shape:
            continue
        if converted.invars[0].aval.dtype != np.bool_:
            continue
        zero = Literal(aval.dtype.type(0), aval.update(shape=()))
        cases = [_filled(self, eqn, case) for case in (zero, other)]
        return self.new(eqn, select_n_p, [converted.invars[0], *cases], {})
    return None


def _filled(self, eqn, x):
    """A value as large as the equation's result: arithmetic takes scalars and axes of one
    element, choices do not."""
    shape = eqn.outvars[0].aval.shape
    if x.aval.shape == shape:
        return x
    dims = tuple(range(len(x.aval.shape)))
    params = {"shape": shape, "broadcast_dimensions": dims, "sharding": None}
    return self.new(eqn, broadcast_in_dim_p, [x], params)


def _divide_rule(self, eqn, ins):
    """x / 1, and an unsigned integer by a power of two: a shift, far quicker."""
    found = _neutral(1, right_only=True)(self, eqn, ins)
    x, y = ins
    if found is not None or type(y) is not Literal or y.aval.shape:
        return found
    if not dtypes.issubdtype(x.aval.dtype, np.unsignedinteger):
        return None
    places = int(y.val).bit_length() - 1
    if int(y.val) != 1 << places:
        return None
    places = Literal(x.aval.dtype.type(places), y.aval)
    return self.new(eqn, shift_right_logical_p, [x, places], {})


def _convert_rule(self, eqn, ins):
    """A scalar constant, converted here where that is exact."""
    x, aval = ins[0], eqn.outvars[0].aval
    if type(x) is not Literal or x.aval.shape or aval.dtype.kind not in "iuf":
        return None
    before = np.asarray(x.val)
    if before.dtype.kind not in "iuf" or not np.isfinite(before):
        return None
    with np.errstate(all="ignore"):
        after = before.astype(aval.dtype)
    exact = after == before and after.astype(before.dtype) == before
    return Literal(after[()], aval) if exact and not _is_negative_zero(before) else None


def _is_negative_zero(value):
    return value == 0 and bool(np.signbit(value))


def _ne_rule(self, eqn, ins):
    """Constants, and a bool that is compared with False: itself."""
    x, y = ins
    known = _known([y])
    if x.aval.dtype == np.bool_ and known == [0] and x.aval == eqn.outvars[0].aval:
        return x
    return _folded(operator.ne)(self, eqn, ins)


def _neg_rule(self, eqn, ins):
    inner = self.maker(ins[0], "neg")
    if inner is None or inner.invars[0].aval != eqn.outvars[0].aval:
        return None
    return inner.invars[0]


def _is_zero(self, atom):
    """Whether an atom is the scalar 0, or that converted."""
    converted = self.maker(atom, "convert_element_type")
    return _is_literal(atom if converted is None else converted.invars[0], 0)


def _select_rule(self, eqn, ins):
    """A choice that is known, of False and True, or by `x < 0` where x cannot be negative,
    as of indices that were clipped.
    """
    known = _known(ins[:1])
    if known is not None and known[0] < len(ins) - 1:
        chosen = ins[1 + known[0]]
        return chosen if chosen.aval == eqn.outvars[0].aval else None
    if [_known([self.scalar(atom)]) for atom in ins[1:]] == [[0], [1]]:
        if ins[0].aval == eqn.outvars[0].aval:  # of bools: the mask itself
            return ins[0]
    less = self.maker(ins[0], "lt")
    if less is None or len(ins) != 3 or not _is_literal(less.invars[1], 0):
        return None
    larger = self.maker(less.invars[0], "max")
    if larger is None or not dtypes.issubdtype(
        larger.outvars[0].aval.dtype, np.integer
    ):
        return None
    if not any(_is_zero(self, atom) for atom in larger.invars):
        return None
    return ins[1] if ins[1].aval == eqn.outvars[0].aval else None


def _transpose_rule(self, eqn, ins):
    """The transpose of a matrix product that only it reads, where the left operand's
    rows become the last axis: rows of a product are best written along its last axis.
    """
    product = self.maker(ins[0], "dot_general")
    if product is None or self.uses.get(ins[0]) != 1:
        return None
    (contract, _), (batch, _) = product.params["dimension_numbers"]
    n_batch = len(batch)
    left = product.invars[0].aval.ndim - len(contract)
    permutation = eqn.params["permutation"]
    rank = len(permutation)
    if not n_batch <= permutation[-1] < left or left == rank:
        return None
    order = [*range(n_batch), *range(left, rank), *range(n_batch, left)]
    return self.swap_product(eqn, product, order, [order.index(d) for d in permutation])


def _window_sum_rule(self, eqn, ins):
    """Sums over windows of what was padded with zeros: the windows do the padding."""
    padded = self.maker(ins[0], "pad")
    if padded is None:
        return None
    operand, value = padded.invars
    if not _is_literal(value, 0) and not _is_literal(value, 0, negative_zero=True):
        return None
    params = _padded_windows(eqn.params, padded.params["padding_config"])
    if params is None:
        return None
    return self.new(eqn, eqn.primitive, [operand], params)


def _padded_windows(params, config):
    """Windows' parameters that include a padding before them; None where none do."""
    padding, base = list(params["padding"]), list(params["base_dilation"])
    for d, (low, high, interior) in enumerate(config):
        if (low, high, interior) == (0, 0, 0):
            continue
        before, after = padding[d]
        # what one cuts off the other must not put back as zeros
        if base[d] != 1 or (low < 0 < before) or (high < 0 < after):
            return None
        padding[d], base[d] = (low + before, high + after), interior + 1
    return {**params, "padding": tuple(padding), "base_dilation": tuple(base)}


def _cumulative_rule(self, eqn, ins):
    """Along an axis of one element nothing is accumulated."""
    aval = eqn.outvars[0].aval
    return (
        ins[0] if ins[0].aval == aval and aval.shape[eqn.params["axis"]] == 1 else None
    )


def _reduce_rule(self, eqn, ins):
    """Of axes of one element each nothing is combined: they go."""
    shape, axes = ins[0].aval.shape, eqn.params["axes"]
    if not axes or any(shape[d] != 1 for d in axes) or eqn.params.get("out_sharding"):
        return None
    return self.new(eqn, squeeze_p, ins, {"dimensions": tuple(sorted(axes))})


def _position_rule(self, eqn, ins):
    """The extreme of one element is at its place 0."""
    (axis,), aval = eqn.params["axes"], eqn.outvars[0].aval
    if ins[0].aval.shape[axis] != 1:
        return None
    return _filled(self, eqn, Literal(aval.dtype.type(0), aval.update(shape=())))


_RULES = {
    "mul": _multiply_rule,
    "convert_element_type": _convert_rule,
    "div": _divide_rule,
    "sub": _neutral(0, right_only=True),
    "add": _neutral(0, negative_zero=True),
    "neg": _neg_rule,
    "select_n": _select_rule,
    "ne": _ne_rule,
    **{name: _folded(operation) for name, operation in _FOLDED.items()},
    "transpose": _transpose_rule,
    "reduce_window_sum": _window_sum_rule,
    **dict.fromkeys(("argmax", "argmin"), _position_rule),
    **dict.fromkeys(("cumsum", "cumprod", "cummax", "cummin"), _cumulative_rule),
    **{
        f"reduce_{kind}": _reduce_rule
        for kind in ("sum", "prod", "max", "min", "and", "or", "xor")
    },
}
