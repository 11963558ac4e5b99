"""`jax.lax.linalg`: the linear algebra that the rest is built on.

Each name is found in its home the first time it is asked for.
"""

import importlib
from typing import Any

from minijax.alias import missing_attribute

# home -> the names there that are public here
_HOMES = {
    "minijax.ops.linalg_triangular": (
        "cholesky cholesky_p triangular_solve triangular_solve_p"
    ),
    "minijax.ops.linalg_eigen": (
        "EigImplementation EighImplementation eig eig_p eigh eigh_p hessenberg "
        "hessenberg_p schur schur_p tridiagonal tridiagonal_p"
    ),
    "minijax.ops.linalg_lu": (
        "lu lu_p lu_pivots_to_permutation lu_pivots_to_permutation_p tridiagonal_solve "
        "tridiagonal_solve_p"
    ),
    "minijax.ops.linalg_qr": (
        "householder_product householder_product_p ormqr ormqr_p qr qr_p"
    ),
    "minijax.ops.linalg_svd": "SvdAlgorithm svd svd_p",
    "minijax.ops.linalg_updates": (
        "cholesky_update cholesky_update_p symmetric_product symmetric_product_p"
    ),
    "minijax.scipy.linalg.halley": "qdwh",
}
_FOUND_IN = {name: home for home, names in _HOMES.items() for name in names.split()}

__all__ = list(_FOUND_IN)


def __getattr__(name: str) -> Any:
    home = _FOUND_IN.get(name)
    if home is None:
        raise missing_attribute(__name__, name)
    value = globals()[name] = getattr(importlib.import_module(home), name)
    return value


def __dir__():
    return sorted({*__all__, *globals()})
