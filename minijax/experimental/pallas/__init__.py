"""Kernels written by hand (`jax.experimental.pallas`): there are none here.

Libraries import it for the kernels of accelerators, which a program on the CPU does not
run; what asks for one of its names gets an AttributeError that says so.
"""

from minijax.alias import missing_attribute


def __getattr__(name):
    raise missing_attribute(__name__, name)
