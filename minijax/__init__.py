"""minijax: a small JAX-compatible framework that runs on a C backend.

`import minijax as jax` and `import minijax.numpy as jnp` in a program's place of JAX's.
"""

from minijax import core as core
from minijax import dispatch as dispatch
