"""JAX as its users have it, where its quick compilation in the tests is not enough.

`conftest.py` has XLA compile quickly: no optimization, and the older of its two emitters
of LLVM code. Either rounds exponentials and their like in another way in the last bits, and
a few calls the older emitter lacks. What is about bits asks JAX through `as_users_have_it`;
`make test-all` has XLA's defaults everywhere.
"""

import os

import jax

QUICK = "xla_backend_optimization_level=0" in os.environ.get("XLA_FLAGS", "")
DEFAULTS = {"xla_backend_optimization_level": 3, "xla_cpu_use_fusion_emitters": True}


def as_users_have_it(fun):
    """`fun`, compiled as one, by XLA's defaults."""
    return jax.jit(fun, compiler_options=DEFAULTS)
