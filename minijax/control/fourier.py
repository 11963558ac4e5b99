"""`lax.fft` as a compiled function: its own call in a trace, as JAX has it."""

from minijax.control.call import jit
from minijax.ops import fft as ops

_fft = jit(ops.fft, static_argnums=(1, 2))


def fft(x, fft_type, fft_lengths):
    """The transform of the last dimensions; see `minijax.ops.fft.fft`."""
    return _fft(x, ops.fft_type_of(fft_type), tuple(fft_lengths))


@jit(static_argnums=(1,))
def _rfft_transpose(ct, fft_lengths):
    return ops.rfft_transpose(ct, fft_lengths)


ops.install(fft=fft, rfft_transpose=_rfft_transpose)
