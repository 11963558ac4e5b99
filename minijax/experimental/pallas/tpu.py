"""Kernels for TPUs (`jax.experimental.pallas.tpu`): there are none."""

from minijax.alias import missing_attribute


def __getattr__(name):
    raise missing_attribute(__name__, name)
