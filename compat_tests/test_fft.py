"""lax.fft and jax.numpy.fft at every length, against NumPy in float64."""

import jax
import numpy as np
import pytest

import minijax
import minijax.numpy.fft


def test_every_name_is_there():
    public = {name for name in dir(jax.numpy.fft) if not name.startswith("_")}
    assert public <= set(minijax.numpy.fft.__all__)


# every small length; products of each radix; primes, taken by Bluestein's algorithm; large ones
LENGTHS = [
    *range(1, 41),
    64,
    81,
    97,
    125,
    127,
    143,
    210,
    243,
    361,
    1000,
    1001,
    1009,
    1024,
    1536,
    3001,
    4096,
    46189,
]


def _input(name, n, shape, axis, rng):
    real = rng.standard_normal(shape)
    if name == "rfft":
        return real
    x = real + 1j * rng.standard_normal(shape)
    return np.take(x, range(n // 2 + 1), axis) if name == "irfft" else x


@pytest.mark.parametrize("name", ["fft", "ifft", "rfft", "irfft"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_accuracy_at_every_length(name, dtype):
    """Near NumPy's float64 transform: errors of a few roundings, whatever the length
    and layout.
    """
    rng = np.random.default_rng(0)
    tolerance = 6e-7 if dtype == "float32" else 2e-15
    with minijax.enable_x64(dtype == "float64"):
        for n in LENGTHS:
            for shape, axis in [((n,), 0), ((3, n), 1), ((n, 21), 0)]:
                if n > 4096 and axis == 0 and len(shape) > 1:
                    continue
                x = _input(name, n, shape, axis, rng)
                narrow = x.astype(
                    np.result_type(dtype, np.complex64)
                    if x.dtype.kind == "c"
                    else dtype
                )
                length = {"n": n} if name == "irfft" else {}
                got = getattr(minijax.numpy.fft, name)(narrow, axis=axis, **length)
                want = getattr(np.fft, name)(
                    narrow.astype(x.dtype), axis=axis, **length
                )
                error = abs(np.asarray(got) - want).max() / abs(want).max()
                assert error < tolerance, (n, shape, error)


def test_lines_do_not_depend_on_their_neighbours():
    """The same bits alone, among others, and along another axis."""
    rng = np.random.default_rng(1)
    for n in (12, 31, 47, 100, 257, 1000, 1536):
        x = (rng.standard_normal((37, n)) + 1j * rng.standard_normal((37, n))).astype(
            "complex64"
        )
        rows = np.asarray(minijax.numpy.fft.fft(x))
        columns = np.asarray(minijax.numpy.fft.fft(np.asfortranarray(x.T), axis=0))
        single = np.asarray(minijax.numpy.fft.fft(x[20]))
        np.testing.assert_array_equal(rows, columns.T)
        np.testing.assert_array_equal(rows[20], single)
