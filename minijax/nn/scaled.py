"""Products of block-scaled operands: what of `jax.nn` there is without an accelerator for them.

JAX itself runs these on some GPUs only; elsewhere its calls end in NotImplementedError.
"""

from typing import NamedTuple

import ml_dtypes
import numpy as np

from minijax import lax

_UNSUPPORTED = "'scaled_matmul' is not implemented for platform cpu"


class BlockScaleConfig(NamedTuple):
    """How an operand is quantized: blocks of `block_size` elements share a scale."""

    mode: str
    block_size: int
    data_type: type
    scale_type: type
    global_scale: object = None
    infer_only: bool = False


def get_scaled_dot_general_config(mode, global_scale=None) -> BlockScaleConfig:
    """The configuration named "mxfp8" or "nvfp4".  ValueError for other names."""
    if mode == "mxfp8":
        types = ml_dtypes.float8_e4m3fn, ml_dtypes.float8_e8m0fnu
        return BlockScaleConfig(mode, 32, *types, global_scale)
    if mode == "nvfp4":
        types = ml_dtypes.float4_e2m1fn, ml_dtypes.float8_e4m3fn
        if global_scale is None:
            global_scale = np.ones(1, np.float32)
        return BlockScaleConfig(mode, 16, *types, global_scale)
    raise ValueError(f"Unsupported mode: {mode}")


def scaled_matmul(
    lhs, rhs, lhs_scales, rhs_scales, preferred_element_type=np.float32
):  # fmt: skip
    """The product of operands with block scales.  NotImplementedError always."""
    raise NotImplementedError(_UNSUPPORTED)


def scaled_dot_general(
    lhs,
    rhs,
    dimension_numbers,
    preferred_element_type=np.float32,
    configs=None,
    implementation=None,
):
    """`lax.dot_general` of operands quantized as the configurations say.

    configs: of lhs, rhs and the gradient; None: not quantized.  NotImplementedError for
    others.
    """
    if configs is not None:
        raise NotImplementedError(_UNSUPPORTED)
    return lax.dot_general(
        lhs, rhs, dimension_numbers, preferred_element_type=preferred_element_type
    )
