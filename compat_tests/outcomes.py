"""What a case gives as text, to compare on both sides: results, or errors whole."""

import re

import numpy as np


def _text(side, x):
    if isinstance(x, (tuple, list)):
        return f"{type(x).__name__}({', '.join(_text(side, v) for v in x)})"
    if isinstance(x, dict):
        return str({k: _text(side, v) for k, v in x.items()})
    if isinstance(x, side.Array):
        kind = f"{x.dtype}{x.shape}{' weak' * x.weak_type}"
        return f"{kind} {np.asarray(x).tolist()}"
    return f"{type(x).__name__} {x}"


def in_order(said):
    """A message with the dtypes that it lists sorted: JAX lists a set, in any order."""
    return re.sub(
        r"(?<=are subtypes of )\w+(, \w+)*",
        lambda found: ", ".join(sorted(found[0].split(", "))),
        said,
    )


def _message(error):
    said = str(error).partition("\n--------------------")[0].rstrip()
    said = said.replace("minijax", "jax").replace("jax._src.core", "jax.core")
    said = in_order(re.sub(r"at \S+:\d+", "at FILE", said))
    return f"{type(error).__name__}: {re.sub('0x[0-9a-f]+', '0x', said)}"


def outcome(case, side):
    """`case(side)` as text: types, weak types and values, or the error."""
    try:
        return _text(side, case(side))
    except Exception as error:
        return _message(error)
