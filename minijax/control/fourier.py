"""`lax.fft` as a compiled function: its own call in a trace, as JAX has it."""

from minijax.control.call import jit
from minijax.ops import fft as ops

fft = jit(ops.fft, static_argnums=(1, 2))


@jit(static_argnums=(1,))
def _rfft_transpose(ct, fft_lengths):
    return ops.rfft_transpose(ct, fft_lengths)


ops.install(fft=fft, rfft_transpose=_rfft_transpose)
