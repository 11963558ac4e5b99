"""What must hold of the arguments of a scatter."""

from minijax.ops.gather import (
    check_batching,
    check_disjoint,
    check_distinct,
    check_in_range,
    check_indices,
    check_sorted,
    kept_dims,
)


def check_scatter(operand, indices, updates, numbers):
    """TypeError or ValueError unless the arguments of a scatter fit together."""
    window, inserted, scatter_map, batching, index_batching = numbers
    check_indices("scatter", indices)
    rank = len(window) + indices.ndim - 1
    if updates.ndim != rank:
        raise TypeError(f"Updates tensor must be of rank {rank}; got {updates.ndim}.")
    for name, dims, limit in (
        ("update_window_dims", window, updates.ndim),
        ("inserted_window_dims", inserted, operand.ndim),
        ("operand_batching_dims", batching, operand.ndim),
    ):
        check_sorted("scatter", name, dims)
        check_distinct("scatter", name, dims)
        check_in_range("scatter", name, dims, limit)
    operand_name = "operand_batching_dims"
    check_disjoint("scatter", "inserted_window_dims", inserted, operand_name, batching)
    check_disjoint(
        "scatter", "scatter_dims_to_operand_dims", scatter_map, operand_name, batching
    )
    names = operand_name, "scatter_indices_batching_dims"
    check_batching("scatter", operand, indices, names, (batching, index_batching))
    n_window = len(window) + len(inserted) + len(batching)
    if n_window != operand.ndim:
        raise TypeError(
            f"Scatter op has window of size {n_window}; doesn't match operand of rank "
            f"{operand.ndim}."
        )
    _check_scatter_map(operand, indices, scatter_map)
    _check_update_shape(operand, indices, updates, numbers)


def _check_scatter_map(operand, indices, scatter_map):
    if len(scatter_map) != indices.shape[-1]:
        raise TypeError(
            f"Scatter op has {len(scatter_map)} elements in scatter_dims_to_operand_dims "
            f"and the bound of dimension index_vector_dim={indices.ndim - 1} of indices "
            f"is {indices.shape[-1]}. These two numbers must be equal"
        )
    for i, d in enumerate(scatter_map):
        if not 0 <= d < operand.ndim:
            raise TypeError(
                "Invalid scatter_dims_to_operand_dims mapping; domain is [0, "
                f"{operand.ndim}), got: {i}->{d}."
            )
    check_distinct("scatter", "scatter_dims_to_operand_dims", scatter_map)


def _check_update_shape(operand, indices, updates, numbers):
    window, inserted, _, batching, _ = numbers
    limits = [operand.shape[d] for d in kept_dims(operand.ndim, inserted, batching)]
    for d, limit in zip(window, limits, strict=True):
        if updates.shape[d] > limit:
            raise TypeError(
                "Bounds of the window dimensions of updates must not exceed the bounds "
                f"of the corresponding dimensions of operand. For dimension {d}, updates "
                f"bound is {updates.shape[d]}, operand bound is {limit}."
            )
    for i, d in enumerate(kept_dims(updates.ndim, window)):
        if updates.shape[d] != indices.shape[i]:
            raise TypeError(
                "Bounds of the scatter dimensions of updates must be the same as the "
                "bounds of the corresponding dimensions of scatter indices. For scatter "
                f"dimension {i}, updates bound is {updates.shape[d]}, indices bound is "
                f"{indices.shape[i]}."
            )
