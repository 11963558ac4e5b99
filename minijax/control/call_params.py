"""The parameters of a `jit` equation beside its jaxpr and its name.

Nothing here depends on them; what reads jaxprs finds them as JAX has them: one value for
each input or each output, or one for the call. Calls of one size share the plain ones.
"""

import functools
import importlib
import sys

from minijax.device import UNSPECIFIED


def _empty_mesh():
    return importlib.import_module("minijax.mesh").EMPTY_MESH


class _NoMesh:
    """The empty mesh, by its looks; loaded when something is asked of it."""

    __class__ = property(lambda self: type(_empty_mesh()))
    empty = True

    def __getattr__(self, name):
        return getattr(_empty_mesh(), name)

    def __eq__(self, other):
        return _empty_mesh() == (_empty_mesh() if other is self else other)

    def __hash__(self):
        return hash(_empty_mesh())

    def __repr__(self):
        return repr(_empty_mesh())

    def __str__(self):
        return str(_empty_mesh())

    def __reduce__(self):
        return "NO_MESH"


NO_MESH = _NoMesh()

_OF_INPUTS = {"in_shardings": UNSPECIFIED, "in_layouts": None, "donated_invars": False}
_OF_OUTPUTS = {"out_shardings": UNSPECIFIED, "out_layouts": None}
_OF_CALL = {
    "ctx_mesh": NO_MESH,
    "keep_unused": False,
    "inline": False,
    "compiler_options_kvs": (),
}


@functools.cache
def _plain(n_in, n_out):
    """The parameters of a call that nothing is said of."""
    return {
        **{name: (value,) * n_in for name, value in _OF_INPUTS.items()},
        **{name: (value,) * n_out for name, value in _OF_OUTPUTS.items()},
        **_OF_CALL,
    }


def context_mesh():
    """The parameters of the mesh in force: none where it is the empty one."""
    meshes = sys.modules.get("minijax.mesh")
    mesh = None if meshes is None else meshes.get_mesh()
    return {} if mesh is None or mesh.empty else {"ctx_mesh": mesh}


def call_params(closed, name, special=(), n_consts=0):
    """All parameters of a call of a closed jaxpr.

    `special` has those that are not plain; the first `n_consts` inputs are not among what
    it has values for.
    """
    n_in, n_out = len(closed.jaxpr.invars), len(closed.jaxpr.outvars)
    params = {"jaxpr": closed, "name": name, **_plain(n_in, n_out)}
    for key in special:
        value = special[key]
        if key in _OF_INPUTS:
            value = (_OF_INPUTS[key],) * n_consts + tuple(value)
        params[key] = value
    return params


def special_params(params, ins=(), outs=()):
    """Those of a call's parameters that are not plain, for a call derived from it.

    `ins` and `outs` have, for each input and output of the derived call, the number of
    the one it comes from, or None.
    """
    found = {
        key: params[key]
        for key, plain in _OF_CALL.items()
        if params.get(key, plain) is not plain
    }
    for defaults, places in ((_OF_INPUTS, ins), (_OF_OUTPUTS, outs)):
        for key, plain in defaults.items():
            values = params.get(key, ())
            if values.count(plain) < len(values):
                found[key] = tuple(plain if k is None else values[k] for k in places)
    return found
