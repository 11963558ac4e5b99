"""Sliding windows in NumPy, slow and obvious: the references of `window.py`."""

import numpy as np

from minijax import core


def _elements(shape, out_place, params):
    """The places of the elements that one window sees, in row-major order."""
    for place in np.ndindex(*params["window_dimensions"]):
        found = []
        for k, (j, at) in enumerate(zip(out_place, place, strict=True)):
            step = params.get("window_dilation", (1,) * len(shape))[k]
            base = params.get("base_dilation", (1,) * len(shape))[k]
            i = j * params["window_strides"][k] + at * step - params["padding"][k][0]
            if i % base or not 0 <= i // base < shape[k]:
                break
            found.append(i // base)
        else:
            yield tuple(found)


def _counts(shape, params):
    sizes = []
    for k, n in enumerate(shape):
        base = params.get("base_dilation", (1,) * len(shape))[k]
        step = params.get("window_dilation", (1,) * len(shape))[k]
        spread = 0 if n == 0 else (n - 1) * base + 1
        window = (params["window_dimensions"][k] - 1) * step + 1
        room = spread + sum(params["padding"][k]) - window
        sizes.append(max(room // params["window_strides"][k] + 1, 0))
    return tuple(sizes)


def reduce_window_reference(*args, function=None, jaxpr=None, consts=(), **params):
    """Each window reduced from the initial values, element by element."""
    half = len(args) // 2
    operands, inits = args[:half], args[half:]
    shape = operands[0].shape
    outs = [np.empty(_counts(shape, params), x.dtype) for x in operands]
    combine = _combiner(function, jaxpr, consts)
    for place in np.ndindex(*outs[0].shape):
        total = list(inits)
        for at in _elements(shape, place, params):
            total = combine(total, [x[at] for x in operands])
        for out, value in zip(outs, total, strict=True):
            out[place] = value
    return outs


def _combiner(function, jaxpr, consts):
    if function is not None:
        return lambda total, new: [function(total[0], new[0])]

    def combine(total, new):
        env = dict(zip(jaxpr.constvars, map(np.asarray, consts), strict=True))
        env.update(zip(jaxpr.invars, map(np.asarray, (*total, *new)), strict=True))

        def read(atom):
            if type(atom) is core.Literal:
                return np.asarray(atom.val).astype(atom.aval.dtype)
            return env[atom]

        for eqn in jaxpr.eqns:
            out = eqn.primitive.reference(*map(read, eqn.invars), **eqn.params)
            outs = out if eqn.primitive.multiple_results else [out]
            env.update(zip(eqn.outvars, outs, strict=True))
        return [read(atom) for atom in jaxpr.outvars]

    return combine


def _selected(operand, place, select_prim, params, from_identity):
    """The place of the element that a window selects, or None."""
    keeps = select_prim.reference
    best = None
    value = -np.inf if select_prim.name == "ge" else np.inf
    for at in _elements(operand.shape, place, params):
        if (best is not None or from_identity) and keeps(value, operand[at]):
            continue
        best, value = at, operand[at]
    return best


def select_and_gather_add_reference(tangents, operand, *, select_prim, **params):
    """The tangent at the element that each window selects; 0 if there is none."""
    out = np.zeros(_counts(operand.shape, params), tangents.dtype)
    for place in np.ndindex(*out.shape):
        best = _selected(operand, place, select_prim, params, True)
        if best is not None:
            out[place] = tangents[best]
    return out


def select_and_scatter_add_reference(source, operand, *, select_prim, **params):
    """Each window's source added to the element that the window selects."""
    out = np.zeros(operand.shape, source.dtype)
    for place in np.ndindex(*source.shape):
        best = _selected(operand, place, select_prim, params, False)
        if best is not None:
            out[best] += source[place]
    return out
