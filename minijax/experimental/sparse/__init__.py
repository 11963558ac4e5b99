"""Sparse matrices (`jax.experimental.sparse`): coordinates and values, as arrays.

Of JAX's formats there is `BCOO`, every axis of it sparse: no batch or dense axes.
"""

from typing import Any

from minijax.alias import missing_attribute
from minijax.experimental.sparse.bcoo import BCOO as BCOO
from minijax.experimental.sparse.bcoo import JAXSparse as JAXSparse
from minijax.experimental.sparse.bcoo import bcoo_fromdense as bcoo_fromdense
from minijax.experimental.sparse.bcoo import bcoo_sum_duplicates as bcoo_sum_duplicates
from minijax.experimental.sparse.bcoo import bcoo_todense as bcoo_todense
from minijax.experimental.sparse.bcoo import bcoo_transpose as bcoo_transpose
from minijax.experimental.sparse.bcoo import empty as empty
from minijax.experimental.sparse.bcoo import eye as eye
from minijax.experimental.sparse.bcoo import todense as todense


def __getattr__(name: str) -> Any:
    raise missing_attribute(__name__, name)
