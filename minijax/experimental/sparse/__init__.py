"""Sparse arrays (`jax.experimental.sparse`), as pytrees of dense ones.

`BCOO` (batched coordinates) and `BCSR` (batched compressed rows) have batch and dense
axes and most of `lax`; `COO`, `CSR` and `CSC` are matrices with products. `sparsify` makes
functions of dense arrays accept sparse ones.
"""

from typing import Any

from minijax.alias import missing_attribute
from minijax.experimental.sparse import bcoo as bcoo
from minijax.experimental.sparse import linalg as linalg
from minijax.experimental.sparse import util as util
from minijax.experimental.sparse._base import JAXSparse as JAXSparse
from minijax.experimental.sparse.ad import (
    grad as grad,
)
from minijax.experimental.sparse.ad import (
    jacfwd as jacfwd,
)
from minijax.experimental.sparse.ad import (
    jacobian as jacobian,
)
from minijax.experimental.sparse.ad import (
    jacrev as jacrev,
)
from minijax.experimental.sparse.ad import (
    value_and_grad as value_and_grad,
)
from minijax.experimental.sparse.api import (
    empty as empty,
)
from minijax.experimental.sparse.api import (
    eye as eye,
)
from minijax.experimental.sparse.api import (
    todense as todense,
)
from minijax.experimental.sparse.api import (
    todense_p as todense_p,
)
from minijax.experimental.sparse.bcoo_dot import (
    bcoo_dot_general as bcoo_dot_general,
)
from minijax.experimental.sparse.bcoo_dot import (
    bcoo_dot_general_sampled as bcoo_dot_general_sampled,
)
from minijax.experimental.sparse.bcoo_dot import (
    bcoo_multiply_dense as bcoo_multiply_dense,
)
from minijax.experimental.sparse.bcoo_dot import (
    bcoo_multiply_sparse as bcoo_multiply_sparse,
)
from minijax.experimental.sparse.bcoo_gather import (
    bcoo_conv_general_dilated as bcoo_conv_general_dilated,
)
from minijax.experimental.sparse.bcoo_gather import (
    bcoo_gather as bcoo_gather,
)
from minijax.experimental.sparse.bcoo_layout import (
    bcoo_update_layout as bcoo_update_layout,
)
from minijax.experimental.sparse.bcoo_parts import (
    bcoo_extract as bcoo_extract,
)
from minijax.experimental.sparse.bcoo_parts import (
    bcoo_fromdense as bcoo_fromdense,
)
from minijax.experimental.sparse.bcoo_parts import (
    bcoo_sort_indices as bcoo_sort_indices,
)
from minijax.experimental.sparse.bcoo_parts import (
    bcoo_sum_duplicates as bcoo_sum_duplicates,
)
from minijax.experimental.sparse.bcoo_parts import (
    bcoo_todense as bcoo_todense,
)
from minijax.experimental.sparse.bcoo_parts import (
    bcoo_transpose as bcoo_transpose,
)
from minijax.experimental.sparse.bcoo_shape import (
    bcoo_broadcast_in_dim as bcoo_broadcast_in_dim,
)
from minijax.experimental.sparse.bcoo_shape import (
    bcoo_concatenate as bcoo_concatenate,
)
from minijax.experimental.sparse.bcoo_shape import (
    bcoo_dynamic_slice as bcoo_dynamic_slice,
)
from minijax.experimental.sparse.bcoo_shape import (
    bcoo_reduce_sum as bcoo_reduce_sum,
)
from minijax.experimental.sparse.bcoo_shape import (
    bcoo_reshape as bcoo_reshape,
)
from minijax.experimental.sparse.bcoo_shape import (
    bcoo_rev as bcoo_rev,
)
from minijax.experimental.sparse.bcoo_shape import (
    bcoo_slice as bcoo_slice,
)
from minijax.experimental.sparse.bcoo_shape import (
    bcoo_squeeze as bcoo_squeeze,
)
from minijax.experimental.sparse.bcoo_type import BCOO as BCOO
from minijax.experimental.sparse.bcsr import (
    BCSR as BCSR,
)
from minijax.experimental.sparse.bcsr import (
    bcsr_broadcast_in_dim as bcsr_broadcast_in_dim,
)
from minijax.experimental.sparse.bcsr import (
    bcsr_concatenate as bcsr_concatenate,
)
from minijax.experimental.sparse.bcsr import (
    bcsr_dot_general as bcsr_dot_general,
)
from minijax.experimental.sparse.bcsr import (
    bcsr_extract as bcsr_extract,
)
from minijax.experimental.sparse.bcsr import (
    bcsr_fromdense as bcsr_fromdense,
)
from minijax.experimental.sparse.bcsr import (
    bcsr_sum_duplicates as bcsr_sum_duplicates,
)
from minijax.experimental.sparse.bcsr import (
    bcsr_todense as bcsr_todense,
)
from minijax.experimental.sparse.coo import (
    COO as COO,
)
from minijax.experimental.sparse.coo import (
    coo_fromdense as coo_fromdense,
)
from minijax.experimental.sparse.coo import (
    coo_matmat as coo_matmat,
)
from minijax.experimental.sparse.coo import (
    coo_matvec as coo_matvec,
)
from minijax.experimental.sparse.coo import (
    coo_todense as coo_todense,
)
from minijax.experimental.sparse.csr import (
    CSC as CSC,
)
from minijax.experimental.sparse.csr import (
    CSR as CSR,
)
from minijax.experimental.sparse.csr import (
    csr_fromdense as csr_fromdense,
)
from minijax.experimental.sparse.csr import (
    csr_matmat as csr_matmat,
)
from minijax.experimental.sparse.csr import (
    csr_matvec as csr_matvec,
)
from minijax.experimental.sparse.csr import (
    csr_todense as csr_todense,
)
from minijax.experimental.sparse.random import random_bcoo as random_bcoo
from minijax.experimental.sparse.rules import sparsify as sparsify
from minijax.experimental.sparse.transform import SparseTracer as SparseTracer
from minijax.experimental.sparse.util import (
    CuSparseEfficiencyWarning as CuSparseEfficiencyWarning,
)
from minijax.experimental.sparse.util import (
    SparseEfficiencyError as SparseEfficiencyError,
)
from minijax.experimental.sparse.util import (
    SparseEfficiencyWarning as SparseEfficiencyWarning,
)


def __getattr__(name: str) -> Any:
    raise missing_attribute(__name__, name)
