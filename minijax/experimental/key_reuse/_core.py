"""Which keys a jaxpr uses up: one walk over its equations, by a signature for each.

A key that is renamed, copied or reshaped stays the key it was: `_Walk` follows such
results back to the variable that they stand for.
"""

import functools
import weakref
from typing import Any

import numpy as np

from minijax import core, dtypes, source_info
from minijax.api.inspection import trace_tree
from minijax.control.callback import debug_callback_p, debug_print_p
from minijax.control.cond_rules import cond_p
from minijax.control.constraint import sharding_constraint_p
from minijax.control.jit_rules import jit_p
from minijax.control.remat import remat_p
from minijax.control.scan_rules import scan_p
from minijax.control.shard_map import shard_map_p
from minijax.control.while_loop import while_p
from minijax.dispatch import executable
from minijax.errors import KeyReuseError
from minijax.experimental.key_reuse._signature import (
    Forward,
    KeyReuseSignature,
    Sink,
    Source,
)
from minijax.ops import (
    comparison,
    convert,
    gather,
    index,
    joining,
    random,
    scatter,
    shape,
    slicing,
)
from minijax.ops.define import NONDIFFERENTIABLE, NOT_LINEAR, define, elementwise_batch
from minijax.random.gammas import random_gamma_p
from minijax.source_info import traceback_at


def _is_key(atom):
    return dtypes.issubdtype(getattr(atom.aval, "dtype", None), dtypes.prng_key)


# --- the walk -------------------------------------------------------------------------


class _Walk:
    """What is known of the keys of one jaxpr while its equations are gone through."""

    def __init__(self):
        self.used = {}  # variable -> which elements of it are used up
        self.stands_for = {}  # variable -> the variable whose keys it holds

    def root(self, var):
        """The variable whose keys `var` holds."""
        while not isinstance(var, core.Literal) and var in self.stands_for:
            var = self.stands_for[var]
        return var

    def forward(self, out, arg):
        """`out` holds the keys of `arg`."""
        if out is not arg:
            self.stands_for[out] = arg

    def used_of(self, var):
        """Which elements of `var` are used up: a mask of its shape."""
        root = self.root(var)
        if isinstance(root, core.Literal):
            return np.zeros(var.aval.shape, bool)
        return _reshaped(self.used.get(root, False), root.aval.shape, var.aval.shape)

    def sink(self, var, mask):
        """Use up elements of `var`; False where some of them are used up already."""
        root = self.root(var)
        mask = _reshaped(mask, var.aval.shape, root.aval.shape)
        before = self.used.get(root, False)
        if np.any(before & mask):
            return False
        self.used[root] = before | mask
        return True


def _reshaped(mask, shape, wanted):
    """A mask over `shape`, over `wanted` where that has other axes; all of it, for one
    element that is in the mask, where sizes differ.
    """
    mask = np.broadcast_to(mask, shape)
    if mask.size == np.prod(wanted, dtype=int):
        return mask.reshape(wanted)
    return np.full(wanted, mask.any())


def _step(walk, eqn):
    """Account for one equation.  KeyReuseError where it uses a key again."""
    signature = key_reuse_signature_from_eqn(eqn)
    if eqn.primitive is assert_consumed_value_p:
        _check_assertion(eqn, walk.used_of(eqn.invars[0]))
    forwarded = set()
    for arg, out in signature.forwards:
        walk.forward(eqn.outvars[out], eqn.invars[arg])
        forwarded.add(out)
    for sink in sorted(signature.sinks, key=lambda sink: sink.idx):
        var = eqn.invars[sink.idx]
        if _is_key(var) and not walk.sink(var, sink.mask):
            raise KeyReuseError(
                f"In {eqn.primitive}, argument {sink.idx} is already consumed.\n"
                f"It is used at {source_info.describe_source(eqn.source)}"
            )
    fresh = {source.idx: source.mask for source in signature.sources}
    for k, out in enumerate(eqn.outvars):
        if k not in forwarded and _is_key(out):
            walk.used[out] = np.broadcast_to(
                ~np.asarray(fresh.get(k, False)), out.aval.shape
            )


@functools.lru_cache(maxsize=1024)
def jaxpr_type_signature(jaxpr: core.Jaxpr) -> KeyReuseSignature:
    """What a jaxpr does to its inputs (constants after arguments) and outputs.

    KeyReuseError where it uses a key twice, AssertionError where an assertion about one
    (`assert_consumed`) does not hold.
    """
    walk = _Walk()
    for eqn in jaxpr.eqns:
        _step(walk, eqn)
    inputs: list[Any] = [*jaxpr.invars, *jaxpr.constvars]
    places = {id(var): k for k, var in enumerate(inputs)}
    parts: list[Sink | Source | Forward] = [
        Sink(k, walk.used[var])
        for k, var in enumerate(inputs)
        if _is_key(var) and np.any(walk.used.get(var, False))
    ]
    for k, var in enumerate(jaxpr.outvars):
        if not _is_key(var):
            continue
        place = places.get(id(walk.root(var)))
        if place is not None:
            parts.append(Forward(place, k))
        elif not np.any(walk.used_of(var)):
            parts.append(Source(k))
    return KeyReuseSignature(*parts)


def key_reuse_signature_from_eqn(eqn) -> KeyReuseSignature:
    """What an equation does to its keys: where no rule says, it uses up all."""
    rule = key_reuse_signatures.get(eqn.primitive)
    if rule is None:
        keys = [k for k, var in enumerate(eqn.invars) if _is_key(var)]
        return KeyReuseSignature(*map(Sink, keys))
    return rule if isinstance(rule, KeyReuseSignature) else rule(eqn)


def function_type_signature(fun, *args) -> KeyReuseSignature:
    """What `fun` does to the keys among its arguments."""
    return jaxpr_type_signature(trace_tree(fun, args, {}, "key_reuse")[0].jaxpr)


def check_key_reuse_jaxpr(jaxpr: core.Jaxpr) -> None:
    """KeyReuseError where a jaxpr uses a key twice."""
    jaxpr_type_signature(jaxpr)


def check_key_reuse(fun, /, *args) -> None:
    """KeyReuseError where `fun`, traced on these arguments, uses a key twice."""
    function_type_signature(fun, *args)


# --- assertions, for tests of programs ---------------------------------------------------


def _unchanged(name):
    """A primitive that gives its argument back."""
    primitive = define(
        name,
        shape=lambda x, **_: x,
        reference=lambda x, **_: x,
        jvp=NONDIFFERENTIABLE,
        transpose=NOT_LINEAR,
        batch=elementwise_batch(lambda: primitive),
        lower=lambda b, ins, out_avals, **_: ins,
    )
    return primitive


consume_p = _unchanged("consume")
assert_consumed_value_p = _unchanged("assert_consumed_value")


def consume(key):
    """The key, used up: both it and the result are."""
    return consume_p.bind(key)


def assert_unconsumed(key):
    """Ask the check to see that no element of `key` is used up by now."""
    assert_consumed_value_p.bind(key, value=False)


def assert_consumed(key, value=True):
    """Ask the check to see that just the elements of `value`, a mask, are used up."""
    assert_consumed_value_p.bind(key, value=Sink(0, value).mask)


def _check_assertion(eqn, used):
    expected = eqn.params["value"]
    if not np.all(used == expected):
        word = {
            True: "Expected key to be consumed",
            False: "Expected key to not be consumed",
        }
        said = word.get(expected) if isinstance(expected, bool) else None
        raise AssertionError(f"{said or f'Expected {expected}, got {used}'} in {eqn}")


# --- signatures ---------------------------------------------------------------------------


def _slice_signature(eqn):
    """Slicing uses up the elements that it takes."""
    aval = eqn.invars[0].aval
    if not _is_key(eqn.invars[0]):
        return KeyReuseSignature(Forward(0, 0))
    params = eqn.params
    strides = params["strides"] or (1,) * len(aval.shape)
    bounds = params["start_indices"], params["limit_indices"], strides
    taken = np.zeros(aval.shape, bool)
    taken[tuple(slice(*bound) for bound in zip(*bounds, strict=True))] = True
    return KeyReuseSignature(Sink(0, taken), Source(0))


def _concatenate_signature(eqn):
    if len(eqn.invars) == 1:
        return KeyReuseSignature(Forward(0, 0))
    return KeyReuseSignature(*map(Sink, range(len(eqn.invars))), Source(0))


def _within(closed, n_args):
    """The signature of an inner jaxpr as seen by its caller, who gives no constants."""
    signature = jaxpr_type_signature(closed.jaxpr)
    return KeyReuseSignature(
        *(sink for sink in signature.sinks if sink.idx < n_args),
        *signature.sources,
        *(forward for forward in signature.forwards if forward.in_idx < n_args),
    )


def _moved(signature, k):
    """A signature whose arguments stand `k` places further on."""
    return KeyReuseSignature(
        *(Sink(sink.idx + k, sink.mask) for sink in signature.sinks),
        *signature.sources,
        *(Forward(arg + k, out) for arg, out in signature.forwards),
    )


def _call_signature(eqn):
    return _within(eqn.params["jaxpr"], len(eqn.invars))


def _remat_signature(eqn):
    """What runs again in the backward pass draws from no key anew."""
    return KeyReuseSignature() if eqn.params["differentiated"] else _call_signature(eqn)


def _cond_signature(eqn):
    """A key is used up if a branch uses it up, forwarded if all branches forward it."""
    branches = [_within(b, len(eqn.invars) - 1) for b in eqn.params["branches"]]
    used = {}
    for branch in branches:
        for sink in branch.sinks:
            used[sink.idx] = used.get(sink.idx, False) | np.asarray(sink.mask)
    sinks = [Sink(k, mask) for k, mask in used.items()]
    sources = {source for branch in branches for source in branch.sources}
    forwards = set.intersection(*(set(branch.forwards) for branch in branches))
    return _moved(KeyReuseSignature(*sinks, *sources, *forwards), 1)


def _refuse_loop(what, why, signature, eqn):
    raise KeyReuseError(
        f"{what} leads to key reuse when repeatedly executed{why}:\n  {signature=}\n"
        f"  {eqn=}\nIt is used at {source_info.describe_source(eqn.source)}"
    )


def _scan_signature(eqn):
    n_consts, n_carry = eqn.params["num_consts"], eqn.params["num_carry"]
    signature = _call_signature(eqn)
    used = {sink.idx - n_consts for sink in signature.sinks}
    if any(k < 0 for k in used):
        why = ", because key constants are repeatedly consumed"
        _refuse_loop("scan body function", why, signature, eqn)
    fresh = {source.idx for source in signature.sources}
    if not {k for k in used if k < n_carry} <= fresh:
        why = ", because consumed inputs don't match sourced outputs"
        _refuse_loop("scan body function", why, signature, eqn)
    return signature


def _while_signature(eqn):
    params = eqn.params
    n_cond, n_body = params["cond_nconsts"], params["body_nconsts"]
    n_carry = len(eqn.invars) - n_cond - n_body
    body = _within(params["body_jaxpr"], n_body + n_carry)
    fresh = {source.idx for source in body.sources}
    used = []
    for name, n_consts in (("cond", n_cond), ("body", n_body)):
        signature = _within(params[f"{name}_jaxpr"], n_consts + n_carry)
        used.append({sink.idx - n_consts for sink in signature.sinks})
        if not used[-1] <= fresh:  # constants, below 0, are not among them either
            _refuse_loop(f"while_loop {name} function", "", signature, eqn)
    if used[0] & used[1]:
        raise KeyReuseError(
            f"while_loop cond and body functions both use the same key:\n  {eqn=}\n"
            f"It is used at {source_info.describe_source(eqn.source)}"
        )
    if n_cond:
        # As in JAX, whose `poisson` and `binomial` draw twice from one key by it: such a
        # loop uses up no key of its caller's.
        body = KeyReuseSignature(*body.sources, *body.forwards)
    return _moved(body, n_cond)


_NEUTRAL = KeyReuseSignature()
_FRESH = KeyReuseSignature(Source(0))
_USED = KeyReuseSignature(Sink(0))
_SAME = KeyReuseSignature(Forward(0, 0))

key_reuse_signatures: dict[core.Primitive, Any] = {
    consume_p: KeyReuseSignature(Sink(0), Forward(0, 0)),
    assert_consumed_value_p: _SAME,
    random.random_clone_p: _FRESH,
    random.random_bits_p: _USED,
    random.random_fold_in_p: _FRESH,
    random.random_seed_p: _FRESH,
    random.random_split_p: KeyReuseSignature(Sink(0), Source(0)),
    random.random_wrap_p: _FRESH,
    random.random_unwrap_p: _NEUTRAL,
    random_gamma_p: _USED,
    shape.broadcast_in_dim_p: _SAME,
    convert.copy_p: _SAME,
    sharding_constraint_p: _SAME,
    convert.convert_element_type_p: _SAME,
    shape.reshape_p: _SAME,
    shape.squeeze_p: _SAME,
    slicing.slice_p: _slice_signature,
    joining.concatenate_p: _concatenate_signature,
    index.dynamic_slice_p: _SAME,
    index.dynamic_update_slice_p: KeyReuseSignature(Sink(1), Forward(0, 0)),
    gather.gather_p: _SAME,
    scatter.scatter_p: KeyReuseSignature(Sink(2), Forward(0, 0)),
    comparison.eq_p: _NEUTRAL,
    comparison.ne_p: _NEUTRAL,
    debug_callback_p: _NEUTRAL,
    debug_print_p: _NEUTRAL,
    jit_p: _call_signature,
    shard_map_p: _call_signature,
    remat_p: _remat_signature,
    cond_p: _cond_signature,
    scan_p: _scan_signature,
    while_p: _while_signature,
}


# --- computed values -----------------------------------------------------------------------


class _Uses:
    """Which elements of arrays of keys were used up, and where, while the arrays live."""

    def __init__(self):
        self._known = {}  # id -> (weak reference, mask, source of the use)

    def __getitem__(self, keys):
        known = self._known.get(id(keys))
        return (False, None) if known is None else known[1:]

    def __setitem__(self, keys, use):
        forget = functools.partial(_forget, self._known, id(keys))
        self._known[id(keys)] = weakref.ref(keys, forget), *use


def _forget(known, key, reference):
    if known.get(key, (None,))[0] is reference:
        del known[key]


_uses = _Uses()


def _has_keys(x):
    return isinstance(getattr(x, "dtype", None), dtypes.KeyTy)


def call_checked(run, closed, args) -> list:
    """`run(args)`, of a `jit` of the closed jaxpr, with account kept of the keys.

    KeyReuseError where a key among them was used up before.
    """
    signature, given = jaxpr_type_signature(closed.jaxpr), [*args, *closed.consts]
    return _checked(lambda: run(args), signature, given, "jit-compiled function")


def apply_checked(run, primitive, args, params) -> Any:
    """`run(primitive, args, params)` with account kept of the keys among `args`.

    KeyReuseError where a key among them was used up before. A primitive without a rule
    passes, as JAX lets it.
    """

    def outs():
        found = run(primitive, args, params)
        return found if primitive.multiple_results else [found]

    if primitive not in key_reuse_signatures or not any(map(_has_keys, args)):
        return run(primitive, args, params)
    avals = tuple([core.get_aval(x) for x in args])
    jaxpr = executable().primitive_jaxpr(primitive, avals, params).jaxpr
    found = _checked(outs, jaxpr_type_signature(jaxpr), args, primitive.name)
    return found if primitive.multiple_results else found[0]


_FIRST_USE = (
    "PRNG key first used at the above location was subsequently reused at the following "
    "location:"
)


def _checked(run, signature, given, name):
    """The results of `run()`, which does to the keys among `given` what the signature
    says.
    """
    sinks = [sink for sink in signature.sinks if _has_keys(given[sink.idx])]
    for sink in sinks:
        used, source = _uses[given[sink.idx]]
        if np.any(used & np.asarray(sink.mask)):
            first = KeyReuseError(_FIRST_USE).with_traceback(traceback_at(source))
            raise KeyReuseError(
                f"Previously-consumed key passed to {name} at index {sink.idx}\n"
                f"It was first used at {source_info.describe_source(source)}"
            ) from first
    outs = run()
    here = source_info.user_frame()
    for sink in sinks:
        keys = given[sink.idx]
        _uses[keys] = _uses[keys][0] | np.asarray(sink.mask), here
    _account_for_results(signature, given, outs, here)
    return outs


def _account_for_results(signature, given, outs, here):
    standing = {out: arg for arg, out in signature.forwards}
    fresh = {source.idx for source in signature.sources}
    for k, out in enumerate(outs):
        if not _has_keys(out):
            continue
        if k in standing:
            keys = given[standing[k]]
            used, source = _uses[keys]
            _uses[out] = _reshaped(used, keys.shape, out.shape), source
        elif k not in fresh:
            _uses[out] = True, here
