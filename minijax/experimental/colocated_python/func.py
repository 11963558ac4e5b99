"""Colocated functions, and what is known of them before they are called."""

import functools
from collections.abc import Callable
from typing import NamedTuple

from minijax.api.inspection import ShapeDtypeStruct
from minijax.array import ArrayImpl
from minijax.experimental.colocated_python.serialization import DeviceList
from minijax.tree_util import tree_leaves, tree_map


class Specialization(NamedTuple):
    """What `specialize` was given; None where it was not."""

    in_specs: object = None
    out_specs_fn: Callable[..., object] | None = None
    devices: DeviceList | None = None

    def update(self, **given):
        """This with what is given.  ValueError for what was given before."""
        given = {name: value for name, value in given.items() if value is not None}
        for name in given:
            if getattr(self, name) is not None:
                raise ValueError(f"{name} already specified")
        return self._replace(**given)


_NOTHING = Specialization()


def make_callable(fun, known=_NOTHING):
    """`fun` as a colocated function of which `known` is known."""

    @functools.wraps(fun)
    def call(*args, **kwargs):
        specs = tree_map(_spec, (args, kwargs))
        if known.devices is None and not tree_leaves(specs):
            raise ValueError(
                "No devices found. colocated_python function without input arguments "
                "must be first specialized with devices."
            )
        out = fun(*args, **kwargs)
        for leaf in tree_leaves(out):
            if not isinstance(leaf, ArrayImpl):
                raise ValueError(
                    "colocated_python only supports jax.Array as input and output, but "
                    f"got {type(leaf)}."
                )
        return out

    def specialize(in_specs=None, out_specs_fn=None, devices=None):
        """The function with the specs of its arguments ((args, kwargs)), a function
        from those to the specs of its results, or its devices fixed.  ValueError for
        what is fixed already.
        """
        devices = None if devices is None else DeviceList(devices)
        return make_callable(
            fun,
            known.update(in_specs=in_specs, out_specs_fn=out_specs_fn, devices=devices),
        )

    call.specialize = specialize  # pyright: ignore[reportAttributeAccessIssue]
    return call


def _spec(x):
    return ShapeDtypeStruct(dtype=x.dtype, shape=x.shape, sharding=x.sharding)
