"""Singular values, with the arguments of JAX's routine for TPUs."""

from minijax.lax import linalg


def svd(
    a,
    full_matrices,
    compute_uv=True,
    hermitian=False,
    max_iterations=10,
    subset_by_index=None,
):
    """(u, s, vh), or s alone, of the matrix `a`: what `lax.linalg.svd` gives.

    hermitian, max_iterations: accepted; LAPACK has no use for them.
    """
    found = linalg.svd(
        a,
        full_matrices=full_matrices,
        compute_uv=compute_uv,
        subset_by_index=subset_by_index,
    )
    return tuple(found) if compute_uv else found
