"""Programs that are not made from jaxprs (`jax.extend.ifrt_programs`).

Their makers belong to XLA's runtimes for other machines; this runtime runs none, so none
is here.
"""

import sys

from minijax.alias import missing_attribute

ifrt_programs = sys.modules[__name__]  # the module that has the makers


def __getattr__(name):
    raise missing_attribute(__name__, name)
