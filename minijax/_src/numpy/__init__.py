"""The functions of `jax.numpy`."""

from minijax._src._homes import names_of

_SUBMODULES = {
    "array_constructors",
    "array_creation",
    "array_methods",
    "einsum",
    "error",
    "fft",
    "index_tricks",
    "indexing",
    "lax_numpy",
    "linalg",
    "polynomial",
    "reductions",
    "scalar_types",
    "setops",
    "sorting",
    "tensor_contractions",
    "ufunc_api",
    "ufuncs",
    "util",
    "vectorize",
    "window_functions",
}
__getattr__ = names_of(__name__, "minijax.numpy", submodules=_SUBMODULES)
