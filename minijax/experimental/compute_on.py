"""Where operations run (`jax.experimental.compute_on`): checked; there is one device."""

import contextlib
import functools

from minijax.control.call import jit


def _check(compute_type):
    if not isinstance(compute_type, str):
        raise TypeError("`compute_on`'s compute_type argument must be a string.")
    known = compute_type in ("device_host", "device", "tpu_sparsecore")
    if not known and not compute_type.startswith("gpu_stream:"):
        raise ValueError(
            f"Invalid compute type {compute_type}. Current supported values are "
            "`device_host`, `device`, `tpu_sparsecore`, and `gpu_stream:#`."
        )


@contextlib.contextmanager
def compute_on(compute_type):
    """A block whose operations run on a kind of device: here they all run on the CPU.

    TypeError or ValueError where it is no such kind.
    """
    _check(compute_type)
    yield


def compute_on2(f=None, *, compute_type, out_memory_spaces, compiler_options=None):
    """`f` as one computation on a kind of device, here the CPU, which has one memory."""
    if f is None:
        return functools.partial(
            compute_on2, compute_type=compute_type, out_memory_spaces=out_memory_spaces,
            compiler_options=compiler_options,
        )  # fmt: skip
    _check(compute_type)
    return jit(f)
