"""What `vjp` returns: a pullback whose residuals a program may take out and put back."""

from typing import Any, NamedTuple

import numpy as np

from minijax import core, dtypes
from minijax._pytree import flatten, unflatten
from minijax._pytree_prefix import equality_errors_pytreedef
from minijax.control.body import same_type
from minijax.core import Zero
from minijax.ops.define import instantiate
from minijax.tree_util import keystr, register_pytree_node

# --- words for what is wanted of an argument, and what was done ---------------------------


class _Word:
    """Equal to others of its class; nothing is in it."""

    __slots__ = ()

    def __repr__(self):
        return f"{type(self).__name__}()"

    def __eq__(self, other):
        return type(self) is type(other)

    def __hash__(self):
        return hash(type(self))


class GradValue(_Word):
    """In `VJP.with_refs`: the cotangent of this argument is to be returned."""

    __slots__ = ()


class DontWant(_Word):
    """In `VJP.with_refs`: the cotangent of this argument is not to be computed."""

    __slots__ = ()


class GradRef(_Word):
    """Returned for an argument whose cotangent was added to a reference."""

    __slots__ = ()


class DidntWant(_Word):
    """Returned for an argument whose cotangent was not wanted."""

    __slots__ = ()


class NotNeeded(_Word):
    """In `VJP.args_res`: the pullback does not read this argument."""

    __slots__ = ()


for _word in (GradRef, DidntWant, NotNeeded):
    register_pytree_node(_word, lambda _: ((), None), lambda _, __, word=_word: word())


# --- the pullback ---------------------------------------------------------------------


_SPLATTED = """
The function returned by `jax.vjp` applied to {name} was called with {n} arguments,
but functions returned by `jax.vjp` must be called with a single argument
corresponding to the single value returned by the function being differentiated
(even if that returned value is a tuple or other container): `f_vjp((x, y))`, not
`f_vjp(x, y)`."""


class _Form(NamedTuple):
    """All of a pullback that does not depend on values.

    `sources` says for each residual which flat argument it is, None where it is none.
    """

    pull: Any
    sources: tuple
    out_avals: tuple
    name: str


class VJP:
    """What `vjp` returns: `f_vjp(cotangent)` is a tuple of cotangents.

    A pytree, whose leaves are the residuals: `args_res` holds those that are arguments,
    one entry for each argument, and may be assigned; `opaque_residuals` the others.
    """

    __slots__ = (
        "__weakref__", "_form", "args_res", "in_tree", "opaque_residuals", "out_tree"
    )  # fmt: skip

    def __init__(self, form, in_tree, out_tree, args_res, opaque_residuals):
        self._form, self.in_tree, self.out_tree = form, in_tree, out_tree
        self.args_res, self.opaque_residuals = args_res, opaque_residuals

    @classmethod
    def of(cls, pull, args, in_tree, out_tree, out_avals, name):
        """The pullback of a function called `name` at flat arguments."""
        places = {}
        for place, x in enumerate(args):
            places.setdefault(id(x), place)
        sources = tuple([places.get(id(r)) for r in pull.residuals])
        opaque = [
            r for r, at in zip(pull.residuals, sources, strict=True) if at is None
        ]
        read = set(sources)
        kept = [x if k in read else NotNeeded() for k, x in enumerate(args)]
        form = _Form(pull._replace(residuals=None), sources, out_avals, name)
        return cls(form, in_tree, out_tree, list(unflatten(in_tree, kept)), opaque)

    jaxpr = property(lambda self: self._form.pull.jaxpr)

    def __repr__(self):
        return (
            f"VJP(jaxpr={self.jaxpr}, in_tree={self.in_tree}, out_tree={self.out_tree}, "
            f"args_res={self.args_res}, opaque_residuals={self.opaque_residuals})"
        )

    def __call__(self, out_ct, *extra_args):
        if extra_args:
            name, n = self._form.name.split(" at ")[0], 1 + len(extra_args)
            raise TypeError(_SPLATTED.format(name=name, n=n))
        found = self._pulled(out_ct)
        return unflatten(self.in_tree, [materialised(ct) for ct in found])

    def with_refs(self, *wanted):
        """A function of the cotangent that does with each argument's what is asked.

        `wanted` has the structure of the arguments: `GradValue()` has the cotangent
        returned, a reference has it added there (`GradRef()` is returned), and with
        `DontWant()` it is not computed (`DidntWant()`).  ValueError for another
        structure.
        """
        ways, tree = flatten(wanted)
        if tree != self.in_tree:
            raise ValueError(
                "what is wanted must have the structure of the arguments: expected "
                f"{self.in_tree}, got {tree}"
            )
        needed = tuple([type(way) is not DontWant for way in ways])

        def pulled(out_ct):
            found = self._pulled(out_ct, needed)
            outs = [_delivered(way, ct) for way, ct in zip(ways, found, strict=True)]
            return unflatten(self.in_tree, outs)

        return pulled

    def _pulled(self, out_ct, needed=None):
        flat, tree = flatten(out_ct)
        if tree != self.out_tree:  # unless symbolic zeros stand for arrays
            flat, tree = flatten(out_ct, is_leaf=lambda x: type(x) is Zero)
        if tree != self.out_tree:
            raise self._other_tree(tree)
        cts = [
            _checked_ct(ct, aval)
            for ct, aval in zip(flat, self._form.out_avals, strict=True)
        ]
        return self._form.pull._replace(residuals=self._residuals())(cts, needed)

    def _residuals(self):
        sources = self._form.sources
        if all(at is None for at in sources):
            return self.opaque_residuals
        args, tree = flatten(
            tuple(self.args_res), is_leaf=lambda x: type(x) is NotNeeded
        )
        if tree != self.in_tree:
            raise ValueError(
                "args_res must have the structure of the arguments: expected "
                f"{self.in_tree}, got {tree}"
            )
        opaque = iter(self.opaque_residuals)
        return [next(opaque) if at is None else args[at] for at in sources]

    def _other_tree(self, tree):
        example = unflatten(self.out_tree, self._form.out_avals)
        found = "\n".join(
            f"  * out{keystr(path)} was a {want} in the original output, but a {got} "
            f"here, so {why}."
            for path, want, got, why in equality_errors_pytreedef(
                flatten(example)[1], tree
            )
        )
        return ValueError(
            "unexpected tree structure.\n\nThe argument to a VJP function returned by "
            "`jax.vjp` must match the pytree\nstructure of the differentiated function "
            f"{self._form.name}.\n\nBut the tree structures differ:\n{found}"
        )

    def _flatten(self):
        known = self._form, self.in_tree, self.out_tree
        return (self.args_res, self.opaque_residuals), known

    @classmethod
    def _unflatten(cls, known, children):
        return cls(*known, *children)


register_pytree_node(VJP, VJP._flatten, VJP._unflatten)


def _delivered(way, ct):
    if type(way) is DontWant:
        return DidntWant()
    if type(way) is GradValue:
        return materialised(ct)
    if type(ct) is not Zero:
        way[...] += ct
    return GradRef()


# --- cotangents -----------------------------------------------------------------------


def materialised(t):
    """A cotangent as an array: symbolic zeros become zeros."""
    return instantiate(t)


def tangent_aval(t):
    """The aval of a tangent that a user handed in; float0 as NumPy has it."""
    if isinstance(t, np.ndarray) and t.dtype == dtypes.float0:
        return core.ShapedArray(t.shape, dtypes.float0)
    if type(t) is Zero:
        return t.aval
    return core.get_aval(t)


def _checked_ct(ct, aval):
    want, got = aval.to_tangent_aval(), tangent_aval(ct)
    if core.is_float0(want) and want.shape == got.shape:
        return Zero(want)
    if not same_type(want, got):
        raise ValueError(
            "unexpected JAX type (e.g. shape/dtype) for argument to VJP function: got "
            f"{got.str_short()}, but expected "
            f"{want.str_short()} because the corresponding output of the "
            f"differentiated function had JAX type {aval.str_short()}"
        )
    return ct
