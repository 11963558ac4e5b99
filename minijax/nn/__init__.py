"""`jax.nn`: what neural networks are made of.

A function is found in its module when it is first asked for.
"""

import importlib
import sys
from typing import Any

from minijax.alias import unknown_attribute

_NAMES = {
    "attention": "dot_product_attention",
    "functions": """celu elu gelu glu hard_sigmoid hard_silu hard_swish hard_tanh identity
        leaky_relu log1mexp log_sigmoid log_softmax logmeanexp logsumexp mish one_hot relu
        relu6 selu sigmoid silu soft_sign softmax softplus sparse_plus sparse_sigmoid
        squareplus standardize swish""",
    "scaled": "get_scaled_dot_general_config scaled_dot_general scaled_matmul",
}
_HOME = {
    name: f"{__name__}.{module}"
    for module, names in _NAMES.items()
    for name in names.split()
}
_HOME["tanh"] = "minijax.numpy"
__all__ = sorted([*_HOME, "initializers"])  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name == "initializers":
        return importlib.import_module(f"{__name__}.initializers")
    home = _HOME.get(name)
    if home is None:
        raise unknown_attribute(__name__, name)
    value = getattr(importlib.import_module(home), name)
    setattr(sys.modules[__name__], name, value)
    return value


def __dir__():
    return sorted({*__all__, *globals()})
