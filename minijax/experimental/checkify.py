"""Errors as values (`jax.experimental.checkify`): checks that survive `jit`.

`checkify(f)` traces `f` and runs its jaxpr with a state carried along, through loops
and branches too: which check failed first, and what its message needs.
"""

import functools
import operator
import string

import numpy as np

from minijax import config, core, dtypes
from minijax import numpy as jnp
from minijax._pytree import flatten, unflatten
from minijax.api.inspection import trace_tree
from minijax.array import Array
from minijax.control.callback import checked_results
from minijax.core import Primitive
from minijax.experimental._checkify import (
    BatchedError,
    DivisionByZeroError,
    Entry,
    FailedCheckError,
    Functionalized,
    JaxException,
    JaxRuntimeError,
    NaNError,
    OOBError,
    entries_of,
)
from minijax.ops.define import NO_RULE, batch_front, define
from minijax.tree_util import register_pytree_node_class

JaxRuntimeError.__module__ = __name__
ErrorCategory = type[JaxException]

user_checks = frozenset({FailedCheckError})
nan_checks = frozenset({NaNError})
div_checks = frozenset({DivisionByZeroError})
index_checks = frozenset({OOBError})
float_checks = nan_checks | div_checks
automatic_checks = float_checks | index_checks
all_checks = automatic_checks | user_checks


@register_pytree_node_class
class Error:
    """What a checkified function reports: no error, or the first check that failed."""

    def __init__(self, entries, codes, payloads):
        self._entries, self._codes, self._payloads = entries, codes, payloads

    def get(self):
        """The message of the check that failed, or None.

        Of a batch of errors, or shards of one: one line for each that failed.
        """
        exception = self.get_exception()
        return None if exception is None else str(exception)

    def get_exception(self):
        """The check that failed as an exception of its kind, or None.

        Of a batch of errors, or shards of one: a `BatchedError`, if any failed.
        """
        codes = [np.asarray(code) for code in self._codes]
        if not codes or codes[0].dtype == dtypes.float0:  # a tangent says nothing
            return None
        codes = np.stack(codes)
        none = len(self._entries) + 1
        codes = np.min(np.where(codes == 0, none, codes), axis=0)
        found = {}
        for place in map(tuple, np.argwhere(codes != none).tolist()):
            k = int(codes[place]) - 1
            payload = [jnp.asarray(x)[place] for x in self._payload(k)]
            entry = self._entries[k]
            found[place + entry.place] = entry.exception(payload)
        return BatchedError(found) if any(found) else found.get(())

    def _payload(self, k):
        first = sum(len(e.avals) for e in self._entries[:k])
        return list(self._payloads[first : first + len(self._entries[k].avals)])

    def _failed(self, k):
        """Whether check `k` is the one its group reports."""
        return functools.reduce(operator.or_, [code == k + 1 for code in self._codes])

    def throw(self):
        """Raise JaxRuntimeError if a check failed."""
        check_error(self)

    def tree_flatten(self):
        """The codes and the payloads are leaves."""
        leaves = (*self._codes, *self._payloads)
        return leaves, (self._entries, len(self._codes))

    @classmethod
    def tree_unflatten(cls, aux, leaves):
        """From what `tree_flatten` gave."""
        entries, n = aux
        return cls(entries, tuple(leaves[:n]), tuple(leaves[n:]))

    def __repr__(self):
        if any(isinstance(code, core.Tracer) for code in self._codes):
            return f"Error({self._codes})"
        return f"Error({self.get()})"


init_error = Error((), (), ())

# --- the primitive ----------------------------------------------------------------------


class _Check(Primitive):
    """Fails where its first argument says so."""

    def effects_of(self, params):
        return frozenset([params["entry"].effect()])


def _check_impl(failed, *payload, entry, debug):
    failed = np.asarray(failed)
    if debug or not failed.any():
        return []
    index = tuple(np.argwhere(failed)[-1])
    raise JaxRuntimeError(entry.message([jnp.asarray(x)[index] for x in payload]))


def _check_batch(axis, args, dims, **params):
    if any(d is not None for d in dims):
        args = [batch_front(axis, x, d) for x, d in zip(args, dims, strict=True)]
    return check_p.bind(*args, **params), []


def _check_jvp(primals, tangents, **params):
    return check_p.bind(*primals, **params), []


def _check_lower(b, ins, out_avals, *, entry, debug):
    if debug:
        return []
    if config.values.jax_experimental_unsafe_xla_runtime_errors:
        avals = [atom.aval for atom in b.eqn.invars]
        run = functools.partial(_check_impl, entry=entry, debug=False)
        return b.callback(checked_results("checkify.check", run, avals, []), ins, [])
    raise ValueError(
        "Cannot abstractly evaluate a checkify.check which was not functionalized. This "
        "probably means you tried to stage (jit/scan/pmap/...) a `check` without "
        "functionalizing it through `checkify.checkify`."
    )


check_p = define(
    "check",
    cls=_Check,
    multiple_results=True,
    shape=lambda *avals, **_: [],
    reference=_check_impl,
    jvp=_check_jvp,
    transpose=NO_RULE("checks have no transpose"),
    batch=_check_batch,
    lower=_check_lower,
)
check_p.impl = _check_impl


def _is_scalar_pred(pred):
    if not isinstance(pred, Array):
        return isinstance(pred, bool)
    aval = core.get_aval(pred)
    return aval.shape == () and aval.dtype == np.dtype(bool)


def check(pred, msg, *fmt_args, debug=False, **fmt_kwargs):
    """Report `msg` where the scalar `pred` is false.

    Outside of any transformation that raises at once; under `checkify` it becomes part
    of the error value.  Staging it without `checkify` is a ValueError.

    Args:
        msg: a format string; its arguments are pytrees of arrays.
        debug: leave the check out where nothing functionalizes it.
    """
    if not _is_scalar_pred(pred):
        name = "debug_check" if debug else "check"
        raise TypeError(f"{name} takes a scalar pred as argument, got {pred}")
    leaves, tree = flatten((fmt_args, fmt_kwargs))
    for leaf in leaves:
        if not isinstance(leaf, (Array, np.ndarray)):
            raise TypeError(
                "Formatting arguments to checkify.check need to be PyTrees of arrays, "
                f"but got {leaf!r} of type {type(leaf)}."
            )
    avals = tuple(core.get_aval(x) for x in leaves)
    entry = Entry(FailedCheckError, functools.partial(_user_message, msg, tree), avals)
    failed = (
        np.bool_(not pred)
        if isinstance(pred, (bool, np.bool_))
        else jnp.logical_not(pred)
    )
    check_p.bind(failed, *leaves, entry=entry, debug=debug)


def _user_message(template, tree, payload):
    args, kwargs = unflatten(tree, payload)
    text = string.Formatter().vformat(template, args, kwargs)
    return f"{text} (`check` failed)"


def debug_check(pred, msg, *fmt_args, **fmt_kwargs):
    """As `check`, but doing nothing where no `checkify` is around it."""
    check(pred, msg, *fmt_args, debug=True, **fmt_kwargs)


def check_error(error):
    """Raise JaxRuntimeError if `error` is one; under a trace, check it there."""
    if not isinstance(error, Error):
        raise TypeError(
            f"check_error takes an Error as argument, got type {type(error)} instead."
        )
    for k, entry in enumerate(error._entries):
        check_p.bind(error._failed(k), *error._payload(k), entry=entry, debug=False)


def checkify(f, errors=user_checks):
    """`f` as a function that gives a pair: an `Error`, and what `f` gives.

    Args:
        errors: which kinds of checks to make, as `user_checks | float_checks`.
    """
    if not callable(f):
        raise TypeError(f"Expected a callable value, got {f}")

    @functools.wraps(f, updated=())
    def checked(*args, **kwargs):
        # As in JAX the arguments are closed over: Python scalars stay what they are.
        call = functools.wraps(f)(lambda: f(*args, **kwargs))
        closed, _, out_tree = trace_tree(call, (), {}, "checkify")
        entries = entries_of(closed.jaxpr, errors, check_p)
        run = Functionalized(entries, check_p)
        state, outs = run(closed, run.initial(), [])
        n = run.n_groups
        error = Error(tuple(run.table), tuple(state[:n]), tuple(state[n:]))
        return error, unflatten(out_tree, outs)

    return checked


__all__ = [
    "Error", "ErrorCategory", "JaxRuntimeError", "all_checks", "automatic_checks",
    "check", "check_error", "checkify", "debug_check", "div_checks", "float_checks",
    "index_checks", "init_error", "nan_checks", "user_checks",
]  # fmt: skip
