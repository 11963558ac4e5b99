"""Eigenvalues of Hermitian matrices, with the arguments of JAX's routine for TPUs."""

from minijax.lax import linalg
from minijax.scipy.linalg.halley import leading_block


def eigh(
    H,
    *,
    precision="float32",
    termination_size=256,
    n=None,
    sort_eigenvalues=True,
    subset_by_index=None,
):
    """(eigenvalues ascending, eigenvectors as columns) of the matrix H (N, N).

    n: how many of its rows and columns count. subset_by_index: (first, end) of those
    to return. precision, termination_size: accepted; LAPACK has no use for them.
    TypeError where H is not square, ValueError for a subset that is not there.
    """
    rows, columns = H.shape
    if rows != columns:
        raise TypeError(f"Input H of shape {H.shape} must be square.")
    if n is not None:
        if n > rows:
            raise ValueError("Static size must be greater or equal to dynamic size.")
        H = leading_block(H, (n, n))
    vectors, values = linalg.eigh(H, symmetrize_input=False)
    if subset_by_index is None:
        return values, vectors
    first, end = subset_by_index
    if not 0 <= first < end <= (rows if n is None else n):
        raise ValueError(f"subset_by_index {subset_by_index} is no range of indices.")
    return values[first:end], vectors[:, first:end]
