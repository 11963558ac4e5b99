"""Derivatives with respect to sparse arrays: of their elements, at the same places."""

import functools

from minijax import tree_util
from minijax.api import differentiate, jacobians
from minijax.api.vectorize import vmap
from minijax.experimental.sparse._base import JAXSparse


def _is_sparse(x):
    return isinstance(x, JAXSparse)


def _split(args, argnums):
    """(the arrays to differentiate by, args of such arrays, derivatives as arguments)."""
    wanted = (argnums,) if isinstance(argnums, int) else tuple(argnums)
    assert all(0 <= n < len(args) for n in wanted)
    chosen = [args[n] for n in wanted]
    leaves, tree = tree_util.tree_flatten(chosen, is_leaf=_is_sparse)
    arrays = [x.tree_flatten()[0][0] if _is_sparse(x) else x for x in leaves]

    def merge(arrays):
        filled = [_with_data(x, a) for x, a in zip(leaves, arrays, strict=True)]
        merged = list(args)
        new = tree_util.tree_unflatten(tree, filled)
        for n, x in zip(wanted, new, strict=True):
            merged[n] = x
        return merged

    def result(derivatives):
        filled = [_derivative(x, d) for x, d in zip(leaves, derivatives, strict=True)]
        new = tree_util.tree_unflatten(tree, filled)
        return new[0] if len(new) == 1 else tuple(new)

    return arrays, merge, result


def _with_data(x, data):
    if not _is_sparse(x):
        return data
    arrays, known = x.tree_flatten()
    return type(x).tree_unflatten(known, (data, *arrays[1:]))


def _derivative(x, d):
    """A derivative by the elements of `x`, as a sparse array, with axes of the output."""
    if not _is_sparse(x):
        return d
    place = functools.partial(_with_data, x)
    for _ in range(d.ndim - x.tree_flatten()[0][0].ndim):
        place = vmap(place)
    return place(d)


def _sparse_aware(transform, with_value=False):
    def of(fun, argnums=0, has_aux=False, **options):
        @functools.wraps(fun)
        def differentiated(*args, **kwargs):
            arrays, merge, result = _split(args, argnums)

            def by_arrays(arrays):
                return fun(*merge(arrays), **kwargs)

            out = transform(by_arrays, has_aux=has_aux, **options)(arrays)
            if with_value:
                return out[0], result(out[1])
            return (result(out[0]), out[1]) if has_aux else result(out)

        return differentiated

    of.__name__ = of.__qualname__ = transform.__name__
    of.__doc__ = f"`{transform.__name__}`, for functions of sparse arrays too."
    return of


value_and_grad = _sparse_aware(differentiate.value_and_grad, with_value=True)
grad = _sparse_aware(differentiate.grad)
jacfwd = _sparse_aware(jacobians.jacfwd)
jacrev = _sparse_aware(jacobians.jacrev)
jacobian = jacrev
