"""`jax.experimental.buffer_callback`: Python functions that write results in place."""

import enum
from typing import Any

import numpy as np

from minijax import core
from minijax._pytree import flatten, unflatten
from minijax.api.inspection import ShapeDtypeStruct
from minijax.control.callback import io_callback, pure_callback
from minijax.errors import JaxRuntimeError

__all__ = ["Buffer", "ExecutionContext", "ExecutionStage", "buffer_callback"]


class ExecutionStage(enum.Enum):
    """When a callback is called: always to execute, here."""

    INSTANTIATE = 0
    PREPARE = 1
    INITIALIZE = 2
    EXECUTE = 3


class ExecutionContext:
    """What a callback is told of its call."""

    @property
    def stage(self) -> ExecutionStage:
        """`ExecutionStage.EXECUTE`."""
        return ExecutionStage.EXECUTE

    @property
    def stream(self) -> int:
        """JaxRuntimeError: there is no GPU, whose stream this would be."""
        raise JaxRuntimeError(
            "UNIMPLEMENTED: XLA FFI GPU context is not available on this platform"
        )


class Buffer:
    """The memory of an argument or result, for `np.asarray` and `np.from_dlpack`."""

    def __init__(self, array: np.ndarray):
        self._array = array

    shape = property(lambda self: self._array.shape)
    dtype = property(lambda self: self._array.dtype)
    ndim = property(lambda self: self._array.ndim)
    writeable = property(lambda self: self._array.flags.writeable)

    def __array__(self, dtype=None, copy=None):
        array = self._array
        if dtype is not None and np.dtype(dtype) != array.dtype:
            if copy is False:
                raise ValueError("a buffer in another dtype is a copy")
            return array.astype(dtype)
        return array.copy() if copy else array

    def __dlpack__(self, **options: Any) -> Any:
        return self._array.__dlpack__(**options)

    def __dlpack_device__(self):
        return self._array.__dlpack_device__()


def _checked_aliases(aliases, ins, outs):
    for i, o in sorted((aliases or {}).items()):
        said = f"input_output_aliases contains the mapping '{i}:{o}'"
        for what, k, avals in (("input", i, ins), ("output", o, outs)):
            if k >= len(avals):
                raise ValueError(
                    f"{said} with {what} index {k} outside the range [0, {len(avals)})."
                )
        if (ins[i].shape, ins[i].dtype) != (outs[o].shape, outs[o].dtype):
            raise ValueError(
                f"{said} referring to an input with abstract value {ins[i]} and an output "
                f"with a different abstract value {outs[o]}."
            )
    return {int(o): int(i) for i, o in (aliases or {}).items()}


def buffer_callback(
    callback: Any,
    result_shape_dtypes: Any,
    *,
    has_side_effect: bool = False,
    vmap_method: str | None = None,
    input_output_aliases: dict[int, int] | None = None,
    command_buffer_compatible: bool = False,
) -> Any:
    """A function of arrays that runs `callback(ctx, out, *args)`, which writes its results
    into `out` and returns nothing.

    Args:
        result_shape_dtypes: a pytree of things with shape and dtype, like the results;
            `out` is that of their `Buffer`s, and `args` those of the arguments.
        has_side_effect: whether the callback must be called although nothing reads the
            results.
        vmap_method: as for `jax.pure_callback`.
        input_output_aliases: flat inputs that the outputs begin as.
        command_buffer_compatible: accepted; it concerns GPUs.

    ValueError for aliases that do not fit, and from a callback that returns something.
    """
    wanted, out_tree = flatten(result_shape_dtypes)
    outs = [ShapeDtypeStruct(x.shape, x.dtype) for x in wanted]

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        flat, in_tree = flatten((args, kwargs))
        avals = [core.get_aval(x) for x in flat]
        begins = _checked_aliases(input_output_aliases, avals, outs)

        def on_host(*arrays):
            ins = [np.asarray(x) for x in arrays]
            lead = np.broadcast_shapes(*[
                x.shape[: x.ndim - aval.ndim] for x, aval in zip(ins, avals, strict=True)
            ])  # fmt: skip
            results = [
                np.array(ins[begins[k]]) if k in begins
                else np.zeros((*lead, *out.shape), out.dtype)
                for k, out in enumerate(outs)
            ]  # fmt: skip
            given, named = unflatten(in_tree, map(Buffer, ins))
            into = unflatten(out_tree, map(Buffer, results))
            if callback(ExecutionContext(), into, *given, **named) is not None:
                raise ValueError("buffer_callback callback must not return any values.")
            return results

        if has_side_effect:
            found = io_callback(on_host, outs, *flat)
        else:
            found = pure_callback(on_host, outs, *flat, vmap_method=vmap_method)
        return unflatten(out_tree, found)

    return wrapped
