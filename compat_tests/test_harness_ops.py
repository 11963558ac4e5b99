"""What JAX's own harnesses bind directly: parameters left out, identities, narrow dtypes."""

import numpy as np
import pytest
from sides import assert_same


def _svd(side):
    svd_p = side.lax.linalg.svd_p
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    params = {"full_matrices": False, "compute_uv": False, "subset_by_index": None}
    return svd_p.bind(x, **params)


def _conj(side):
    conj_p = side("_src.lax.lax").conj_p
    return conj_p.bind(np.float32([1, 2])), conj_p.bind(np.complex64([1 + 2j]))


def _narrow_triangular_solve(side):
    a = side.numpy.tri(3, dtype="bfloat16") + 1
    b = side.numpy.arange(6, dtype="bfloat16").reshape(3, 2)
    out = side.lax.linalg.triangular_solve(a, b, left_side=True, lower=True)
    return out.astype("float32")


def _device_put(side):
    dispatch = side("_src.dispatch")
    same = dispatch.ArrayCopySemantics.REUSE_INPUT

    def put(x):
        places = {"devices": (None,), "srcs": (None,), "copy_semantics": (same,)}
        return dispatch.device_put_p.bind(x, **places)[0]

    x = np.float32([1, 2])
    return put(x), side.vmap(put)(x), side.grad(lambda x: put(x)[0])(x)


def _select_windows(side):
    windows = side("_src.lax.windowed_reductions")
    x = np.arange(12, dtype=np.float32).reshape(3, 4) % 5
    args = (2, 2), (1, 1), ((0, 0), (0, 0))
    ge_p = side.lax.ge_p
    gathered = windows._select_and_gather_add(x + 1, x, ge_p, *args, (1, 1), (1, 1))
    return gathered, windows._select_and_scatter_add(gathered, x, ge_p, *args)


def _complex_windows(side):
    x = (np.arange(12).reshape(3, 4) % 5 - 1j * np.arange(12).reshape(3, 4)).astype(
        "c8"
    )
    windows = {"window_dimensions": (2, 2), "window_strides": (1, 1)}
    dilations = {"base_dilation": (1, 1), "window_dilation": (1, 1)}
    return [
        getattr(side("extend.core.primitives"), name).bind(
            x, padding=((1, 0), (0, 1)), **windows, **dilations
        )
        for name in ("reduce_window_max_p", "reduce_window_min_p")
    ]


def _select_truths(side):
    scatter = side("_src.lax.windowed_reductions")._select_and_scatter_add
    x = np.arange(12).reshape(3, 4) % 5 > 2
    source = np.array([[True, False, True], [True, True, False]])
    return scatter(source, x, side.lax.ge_p, (2, 2), (1, 1), ((0, 0), (0, 0)))


def _grad_of_spread_windows(side):
    x = np.float32([[3, 1, 4, 1, 5], [9, 2, 6, 5, 3]])
    pick = np.float32([[1, 2, 3, 4], [5, 6, 7, 8]])

    def picked(x, function, init):
        args = (3, 2), (1, 2), "VALID", (3, 2)
        windows = side.lax.reduce_window(x, np.float32(init), function, *args)
        return (windows * pick).sum()

    pools = (side.lax.max, -np.inf), (side.lax.min, np.inf)
    return [side.grad(picked)(x, *pool) for pool in pools]


@pytest.mark.parametrize(
    "case",
    [
        _svd,
        _conj,
        _narrow_triangular_solve,
        _device_put,
        _select_windows,
        _complex_windows,
        _grad_of_spread_windows,
        _select_truths,
    ],
)
def test_as_jax(case):
    assert_same(case)
