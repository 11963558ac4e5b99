"""`jnp.einsum`: pairwise contractions by `dot_general`, along a path that NumPy finds."""

import numpy as np

from minijax import lax
from minijax.control.call import jit
from minijax.numpy.creation import asarray
from minijax.numpy.products import contract
from minijax.numpy.promotion import (
    check_arraylike,
    convert,
    result_dtype,
    shape_of,
    user_dtype,
)

_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


def einsum(
    subscripts, /, *operands, out=None, optimize="auto", precision=None,
    preferred_element_type=None, _dot_general=None, out_sharding=None,
):  # fmt: skip
    """The sums of products that an index expression as 'ij,jk->ik' denotes.

    subscripts: the expression, or operands alternating with lists of axis numbers.
    optimize: how to choose the order of contractions ('auto', 'optimal', 'greedy',
    False, or a path).
    """
    operands = (subscripts, *operands)
    if out is not None:
        raise NotImplementedError("The 'out' argument to jnp.einsum is not supported.")
    inputs, output, arrays = _parse(operands)
    preferred = user_dtype(preferred_element_type, "einsum")
    shapes = tuple([tuple(shape_of(x)) for x in arrays])
    _check_sizes(inputs, shapes)
    path = _path(inputs, output, shapes, optimize)
    return _einsum(arrays, inputs, output, path, precision, preferred)


def einsum_path(subscripts, /, *operands, optimize="auto"):
    """The order of contractions that `einsum` takes, and a report on it, as NumPy's."""
    inputs, output, arrays = _parse((subscripts, *operands))
    dummies = [np.broadcast_to(np.float32(0), shape_of(x)) for x in arrays]
    optimize = "optimal" if optimize == "auto" else optimize
    path, report = np.einsum_path(
        f"{','.join(inputs)}->{output}", *dummies, optimize=optimize
    )
    return path[1:], report


# --- the expression -------------------------------------------------------------------


def _parse(operands):
    """(subscripts of the operands, of the result, arrays); ellipses spelled out."""
    if isinstance(operands[0], str):
        text, arrays = operands[0].replace(" ", ""), list(operands[1:])
    else:
        text, arrays = _from_lists(operands)
    check_arraylike("einsum", *arrays)
    left, arrow, right = text.partition("->")
    inputs = left.split(",")
    if len(inputs) != len(arrays):
        raise ValueError(
            f"Number of einsum subscripts, {len(inputs)}, must be equal to the number "
            "of "
            f"operands, {len(arrays)}."
        )
    inputs, dots = _spell_out(inputs, arrays, text)
    if arrow:
        output = right.replace("...", dots)
    else:
        joined = "".join(inputs)
        once = sorted({c for c in joined if joined.count(c) == 1 and c not in dots})
        output = dots + "".join(once)
    unknown = set(output) - set("".join(inputs))
    if unknown:
        raise ValueError(
            f"Output character {unknown.pop()} did not appear in the input"
        )
    return tuple(inputs), output, [asarray(x) for x in arrays]


def _check_sizes(inputs, shapes):
    """ValueError where a label stands for two sizes (1 goes with any)."""
    known = {}
    for k, (labels, shape) in enumerate(zip(inputs, shapes, strict=True)):
        for label, size in zip(labels, shape, strict=False):
            before = known.setdefault(label, size)
            if before == 1:
                known[label] = size
            elif size not in (1, before):
                raise ValueError(
                    f"Size of label '{label}' for operand {k} ({size}) does not match "
                    f"previous terms ({before})."
                )


def _from_lists(operands):
    """The expression for operands that alternate with lists of axis numbers."""
    names = {}

    def spell(axes):
        return "".join(
            "..." if axis is Ellipsis else names.setdefault(axis, _LETTERS[len(names)])
            for axis in axes
        )

    pairs = len(operands) // 2
    arrays = list(operands[0 : 2 * pairs : 2])
    for axis in sorted(
        {a for axes in operands[1 : 2 * pairs : 2] for a in axes if a is not Ellipsis}
    ):
        names[axis] = _LETTERS[len(names)]
    text = ",".join(spell(axes) for axes in operands[1 : 2 * pairs : 2])
    if len(operands) % 2:
        text += "->" + spell(operands[-1])
    return text, arrays


def _spell_out(inputs, arrays, text):
    """Ellipses replaced by letters of their own, aligned at the right; and these
    letters.
    """
    if "." not in text:
        return inputs, ""
    ranks = [
        len(shape_of(x)) - len(names.replace("...", ""))
        for names, x in zip(inputs, arrays, strict=True)
        if "..." in names
    ]
    unused = [c for c in _LETTERS if c not in text]
    dots = "".join(unused[: max(ranks, default=0)])
    out = []
    for names, x in zip(inputs, arrays, strict=True):
        rank = len(shape_of(x)) - len(names.replace("...", ""))
        out.append(names.replace("...", dots[len(dots) - rank :] if rank > 0 else ""))
    return out, dots


_paths = {}


def _path(inputs, output, shapes, optimize):
    """A tuple of the places of the operands that each step contracts."""
    if len(inputs) <= 2:
        return (tuple(range(len(inputs))),)
    if isinstance(optimize, (list, tuple)):
        steps = optimize[1:] if isinstance(optimize[0], str) else optimize
        return tuple([tuple(step) for step in steps])
    if optimize == "auto":
        optimize = "optimal" if len(inputs) <= 4 else "greedy"
    key = inputs, output, shapes, optimize
    if key not in _paths:
        dummies = [np.broadcast_to(np.float32(0), shape) for shape in shapes]
        found, _ = np.einsum_path(
            f"{','.join(inputs)}->{output}", *dummies, optimize=optimize
        )
        _paths[key] = tuple([tuple(step) for step in found[1:]])
    return _paths[key]


# --- the contractions -----------------------------------------------------------------


@jit(
    static_argnames=("inputs", "output", "path", "precision", "preferred"), inline=True
)
def _einsum(arrays, inputs, output, path, precision, preferred):
    dtype, weak = result_dtype(*arrays)
    if preferred is not None:
        dtype, weak = preferred, False
    terms = list(zip(arrays, inputs, strict=True))
    for step in path:
        taken = [terms.pop(place) for place in sorted(step, reverse=True)]
        while len(taken) > 2:
            rest = [names for _, names in [*terms, *taken[2:]]] + [output]
            joined = _contract_pair(taken[0], taken[1], rest, None, dtype, precision)
            taken = [joined, *taken[2:]]
        last = not terms
        rest = [names for _, names in terms] + [output]
        if len(taken) == 1:
            terms.append(_contract_one(taken[0], rest))
        else:
            left, right = taken
            wanted = output if last else None
            terms.append(_contract_pair(left, right, rest, wanted, dtype, precision))
    ((x, names),) = terms
    if names != output:
        x = lax.transpose(x, tuple([names.index(c) for c in output]))
    return convert(x, dtype, weak)


def _sum_out(x, names, gone):
    """The sum over the axes named by `gone`."""
    axes = tuple([i for i, c in enumerate(names) if c in gone])
    if axes:
        x = lax.reduce_sum(x, axes)
        names = "".join(c for c in names if c not in gone)
    return x, names


def _sum_repeats(x, names, keep):
    """Repeated names: the diagonal where they are kept, the sum over it where not."""
    for name in dict.fromkeys(names):
        axes = [i for i, c in enumerate(names) if c == name]
        if len(axes) < 2:
            continue
        masked = lax.select(_diagonal_mask(x.shape, axes), x, lax.full_like(x, 0))
        gone = axes[:-1] if name in keep else axes
        x = lax.reduce_sum(masked, tuple(gone))
        names = "".join(c for i, c in enumerate(names) if i not in gone)
    return x, names


def _diagonal_mask(shape, axes):
    """True where the indices along all of `axes` are equal."""
    sizes = tuple([shape[i] for i in axes])
    places = [lax.broadcasted_iota(np.uint32, sizes, i) for i in range(len(sizes))]
    mask = lax.eq(places[0], places[1])
    for i in range(1, len(places) - 1):
        mask = lax.bitwise_and(mask, lax.eq(places[i], places[i + 1]))
    if len(axes) == len(shape):
        return mask
    return lax.broadcast_in_dim(mask, shape, tuple(axes))


def _contract_one(term, rest):
    """Sum over what the other terms and the result do not name."""
    x, names = term
    needed = set("".join(rest))
    counts = {c: names.count(c) for c in names}
    x, names = _sum_out(
        x, names, [c for c in counts if c not in needed and counts[c] == 1]
    )
    return _sum_repeats(x, names, needed)


def _contract_pair(left, right, rest, output, dtype, precision):
    """Two terms contracted; `output` is the wanted order of axes where this is the last
    step.
    """
    needed = set("".join(rest))
    (x, x_names), (y, y_names) = left, right
    x, x_names = _own_sums(x, x_names, y_names, needed)
    y, y_names = _own_sums(y, y_names, x_names, needed)
    x, x_names = _sum_repeats(x, x_names, needed | set(y_names))
    y, y_names = _sum_repeats(y, y_names, needed | set(x_names))
    x, x_names, y, y_names = _drop_units(x, x_names, y, y_names)
    both = [c for c in x_names if c in y_names]
    summed = [c for c in both if c not in needed]
    batch = [c for c in both if c in needed]
    x_free = [c for c in x_names if c not in both]
    y_free = [c for c in y_names if c not in both]
    if output is None:
        output = "".join(batch + x_free + y_free)
    else:
        batch.sort(key=output.index)
    if "".join(batch + y_free + x_free) == output:
        x, x_names, x_free, y, y_names, y_free = y, y_names, y_free, x, x_names, x_free
    summed.sort(key=x_names.index)
    out = contract(
        x,
        y,
        (_places(x_names, summed), _places(y_names, summed)),
        (_places(x_names, batch), _places(y_names, batch)),
        precision,
        dtype,
    )
    return out, "".join(batch + x_free + y_free)


def _places(names, wanted):
    return tuple([names.index(c) for c in wanted])


def _own_sums(x, names, other, needed):
    gone = [
        c
        for c in set(names)
        if c not in needed and c not in other and names.count(c) == 1
    ]
    return _sum_out(x, names, gone)


def _drop_units(x, x_names, y, y_names):
    """Axes of size 1 that broadcast against larger ones are squeezed away."""
    shared = [c for c in x_names if c in y_names]
    x_size = dict(zip(x_names, x.shape, strict=True))
    y_size = dict(zip(y_names, y.shape, strict=True))
    x_gone = [c for c in shared if x_size[c] == 1 != y_size[c]]
    y_gone = [c for c in shared if y_size[c] == 1 != x_size[c]]
    for gone, is_x in ((x_gone, True), (y_gone, False)):
        if not gone:
            continue
        names = x_names if is_x else y_names
        kept = "".join(c for c in names if c not in gone)
        if is_x:
            x, x_names = lax.squeeze(x, _places(x_names, gone)), kept
        else:
            y, y_names = lax.squeeze(y, _places(y_names, gone)), kept
    return x, x_names, y, y_names
