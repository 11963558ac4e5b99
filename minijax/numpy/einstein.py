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
from minijax.ops.define import check_out_sharding

_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


def einsum(
    subscripts, /, *operands, out=None, optimize="auto", precision=None,
    preferred_element_type=None, _dot_general=None, out_sharding=None,
):  # fmt: skip
    """The sums of products that an index expression as 'ij,jk->ik' denotes.

    Args:
        subscripts: the expression as text, or operands alternating with lists of axis
            numbers.
        *operands: arrays, one for each term.
        out: must be None: results are new arrays.
        optimize: how to choose the order of contractions: 'auto', 'optimal', 'greedy',
            False, or a path.
        precision: how exact products are, see `lax.Precision`.
        preferred_element_type: a dtype to add in and to give.
        _dot_general: what contracts two operands; `lax.dot_general` by default.
        out_sharding: accepted; there is one device.

    Returns:
        An array with the axes that the expression leaves.

    Examples:
        >>> x = jnp.arange(6).reshape(2, 3)
        >>> jnp.einsum("ij->i", x)
        Array([ 3, 12], dtype=int32)
        >>> jnp.einsum("ij,kj->ik", x, x)
        Array([[ 5, 14],
               [14, 50]], dtype=int32)
    """
    operands = (subscripts, *operands)
    if out is not None:
        raise NotImplementedError("The 'out' argument to jnp.einsum is not supported.")
    inputs, output, arrays = _parse(operands)
    check_out_sharding(out_sharding, "einsum")
    preferred = user_dtype(preferred_element_type, "einsum")
    shapes = tuple([tuple(shape_of(x)) for x in arrays])
    _check_sizes(inputs, shapes)
    path = _path(inputs, output, shapes, optimize)
    return _einsum(arrays, inputs, output, path, precision, preferred)


def einsum_path(subscripts, /, *operands, optimize="auto"):
    """The order of contractions that `einsum` takes, and a report on it, as NumPy's.

    Args:
        subscripts: the expression as text, or operands alternating with lists of axis
            numbers.
        *operands: arrays, one for each term.
        optimize: how to choose the order: 'auto', 'optimal', 'greedy', False, or a
            path.

    Returns:
        A list (the word 'einsum_path', then the pairs to contract) and a text.

    Examples:
        >>> x = jnp.ones((2, 2))
        >>> jnp.einsum_path("ij,jk,kl", x, x, x)[0]
        [(0, 1), (0, 1)]
    """
    inputs, output, arrays = _parse((subscripts, *operands))
    shapes = tuple([tuple(shape_of(x)) for x in arrays])
    path = _path(inputs, output, shapes, optimize)
    _, report = _ask_numpy(inputs, output, shapes, ["einsum_path", *path])
    return list(path), report


# --- the expression -------------------------------------------------------------------


def _parse(operands):
    """(subscripts of the operands, of the result, arrays); ellipses spelled out."""
    if isinstance(operands[0], str):
        text, arrays = operands[0].replace(" ", ""), list(operands[1:])
    else:
        text, arrays = _from_lists(operands)
    check_arraylike("einsum", *arrays)
    left, arrow, right = text.partition("->")
    if any(mark in left + right for mark in "->"):
        raise ValueError("Subscripts can only contain one '->'.")
    inputs = left.split(",")
    if any("." in names.replace("...", "", 1) for names in (*inputs, right)):
        raise ValueError("Invalid Ellipses.")
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
    _check_output(output, "".join(inputs))
    return tuple(inputs), output, [asarray(x) for x in arrays]


def _check_output(output, known):
    """ValueError where the result names an axis that no operand has, or one twice."""
    for label in output:
        if label not in known:
            raise ValueError(f"Output character '{label}' did not appear in the input")
        if output.count(label) > 1:
            raise ValueError(
                f"Output character '{label}' appeared more than once in the output."
            )


def _check_sizes(inputs, shapes):
    """ValueError where a label stands for two sizes (1 goes with any), or where the
    labels of an operand are not one for each axis.
    """
    known = {}
    for k, (labels, shape) in enumerate(zip(inputs, shapes, strict=True)):
        if len(labels) != len(shape):
            raise ValueError(
                f"Einstein sum subscript '{labels}' does not contain the correct number "
                f"of indices for operand {k}."
            )
        for label, size in zip(labels, shape, strict=False):
            before = known.setdefault(label, size)
            if before == 1:
                known[label] = size
            elif size not in (1, before):
                raise ValueError(
                    f"Size of label '{label}' for operand {k} ({before}) does not match "
                    f"previous terms ({size})."
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


# What the ways to search for a path come to, in the words of NumPy's search. All end at
# a path; which one is found differs from JAX for many operands.
_GUESS = 8  # in place of sizes that are symbols, where paths are compared
_SEARCHES = {
    True: "optimal", "optimal": "optimal", "dp": "optimal",
    "dynamic-programming": "optimal", "branch-all": "optimal",
    "branch-2": "greedy", "branch-1": "greedy", "greedy": "greedy", "eager": "greedy",
    "opportunistic": "greedy", "random-greedy": "greedy", "random-greedy-128": "greedy",
}  # fmt: skip

_paths = {}


def _path(inputs, output, shapes, optimize):
    """A tuple of the places of the operands that each step contracts."""
    if isinstance(optimize, (list, tuple)):
        steps = optimize[1:] if isinstance(optimize[0], str) else optimize
        return tuple([tuple(step) for step in steps])
    count = len(inputs)
    if count <= 2:
        return (tuple(range(count)),)
    if optimize is False:
        return ((0, 1),) * (count - 1)
    if optimize in (None, "auto", "auto-hq"):
        optimize = "optimal" if count <= 4 else "greedy"
    if optimize not in _SEARCHES:
        raise KeyError(
            f"Path optimizer '{optimize}' not found, valid options are "
            f"{ {'auto', 'auto-hq', *_SEARCHES} - {True} }"
        )
    shapes = tuple([tuple(map(_guessed, shape)) for shape in shapes])
    key = inputs, output, shapes, _SEARCHES[optimize]
    if key not in _paths:
        found, _ = _ask_numpy(*key)
        _paths[key] = _in_pairs(found[1:], count)
    return _paths[key]


def _guessed(size):
    """A size, or some number for one that is not known: any order gives the result."""
    return size if isinstance(size, int) else _GUESS


def _ask_numpy(inputs, output, shapes, optimize):
    """NumPy's path and its report, which depend on the shapes alone."""
    dummies = [np.broadcast_to(np.float32(0), shape) for shape in shapes]
    return np.einsum_path(f"{','.join(inputs)}->{output}", *dummies, optimize=optimize)


def _in_pairs(steps, count):
    """The path of `count` operands with two of them for each step; NumPy takes more in
    one step where that costs no more. The result of a step is the last operand.
    """
    pairs = []
    for step in steps:
        first, *rest = sorted(step)
        for done, place in enumerate(rest):
            pairs.append((first, place - done - (done > 0)))
            count -= 1
            first = count - 1
    return tuple([tuple(sorted(pair)) for pair in pairs])


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
        if len(taken) > 2:
            raise NotImplementedError(
                "jax.numpy.einsum does not support simultaneous contraction of 3 or more "
                "operands. Typically this means you've passed an unsupported path to the "
                "einsum optimize parameter."
            )
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


def _add_up(x, axes):
    return lax.reduce_or(x, axes) if x.dtype == bool else lax.reduce_sum(x, axes)


def _sum_out(x, names, gone):
    """The sum over the axes named by `gone`."""
    axes = tuple([i for i, c in enumerate(names) if c in gone])
    if axes:
        x = _add_up(x, axes)
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
        x = _add_up(masked, tuple(gone))
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
    # what only one of them has left
    x, x_names = _own_sums(x, x_names, y_names, needed)
    y, y_names = _own_sums(y, y_names, x_names, needed)
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
