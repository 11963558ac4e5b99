"""Kernels for GPUs by Triton (`jax.experimental.pallas.triton`): there are none."""

from minijax.alias import missing_attribute


def __getattr__(name):
    raise missing_attribute(__name__, name)
