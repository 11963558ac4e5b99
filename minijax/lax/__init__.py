"""The public `jax.lax`: every op of `minijax.ops`, and structured control flow.

Each name is found in its home the first time it is asked for, so that importing `lax` costs
nothing.
"""

import importlib
from typing import Any

from minijax.alias import missing_attribute

# home -> the names there that are public here (`name=other` where it is called so there)
_HOMES = {
    "minijax.control.associative_scan": (
        "associative_scan"
    ),
    "minijax.control.collectives": (
        "axis_index axis_index_p axis_size pmax pmax_p pmean pmin pmin_p psum psum_p"
    ),
    "minijax.control.composite": (
        "composite"
    ),
    "minijax.control.cond": (
        "cond switch"
    ),
    "minijax.control.cond_rules": (
        "cond_p"
    ),
    "minijax.control.constraint": (
        "sharding_constraint_p with_sharding_constraint"
    ),
    "minijax.control.exchanges": (
        "all_gather all_gather_p all_to_all all_to_all_p pbroadcast pcast ppermute "
        "ppermute_p pshuffle psum_scatter pswapaxes"
    ),
    "minijax.control.fourier": (
        "fft"
    ),
    "minijax.control.linear_solve": (
        "custom_linear_solve custom_root linear_solve_p"
    ),
    "minijax.control.mapping": (
        "map"
    ),
    "minijax.control.platform": (
        "platform_dependent platform_index_p"
    ),
    "minijax.control.scan": (
        "scan"
    ),
    "minijax.control.scan_rules": (
        "scan_p"
    ),
    "minijax.control.while_loop": (
        "fori_loop while_loop while_p"
    ),
    "minijax.dtypes": (
        "dtype"
    ),
    "minijax.ops.approx_top_k": (
        "approx_max_k approx_min_k approx_top_k_p"
    ),
    "minijax.ops.arithmetic": (
        "add add_p div div_p integer_pow integer_pow_p mul mul_p mulhi mulhi_p neg "
        "neg_p reciprocal square square_p sub sub_p"
    ),
    "minijax.ops.bit_generator": (
        "RandomAlgorithm rng_bit_generator rng_bit_generator_p"
    ),
    "minijax.ops.bitcast": (
        "bitcast_convert_type bitcast_convert_type_p"
    ),
    "minijax.ops.bits": (
        "and_p bitwise_and bitwise_not bitwise_or bitwise_xor clz clz_p not_p or_p "
        "population_count population_count_p shift_left shift_left_p "
        "shift_right_arithmetic shift_right_arithmetic_p shift_right_logical "
        "shift_right_logical_p xor_p"
    ),
    "minijax.ops.comparison": (
        "eq eq_p ge ge_p gt gt_p le le_p lt lt_p max max_p min min_p ne ne_p "
        "nextafter nextafter_p"
    ),
    "minijax.ops.complex_parts": (
        "complex complex_p conj conj_p imag imag_p real real_p"
    ),
    "minijax.ops.conv": (
        "conv conv_general_dilated conv_general_dilated_p "
        "conv_general_dilated_patches conv_transpose conv_with_general_padding"
    ),
    "minijax.ops.conv_local": (
        "conv_general_dilated_local"
    ),
    "minijax.ops.conv_shapes": (
        "ConvDimensionNumbers ConvGeneralDilatedDimensionNumbers "
        "conv_dimension_numbers conv_general_permutations "
        "conv_general_shape_tuple conv_shape_tuple conv_transpose_shape_tuple "
        "padtype_to_pads"
    ),
    "minijax.ops.convert": (
        "convert_element_type convert_element_type_p copy_p"
    ),
    "minijax.ops.cumulative": (
        "cumlogsumexp cumlogsumexp_p cummax cummax_p cummin cummin_p cumprod "
        "cumprod_p cumsum cumsum_p"
    ),
    "minijax.ops.define": (
        "AccuracyMode Tolerance"
    ),
    "minijax.ops.dot": (
        "DotAlgorithm DotAlgorithmPreset DotDimensionNumbers Precision PrecisionLike "
        "batch_matmul dot dot_general "
        "dot_general_p"
    ),
    "minijax.ops.exponential": (
        "cbrt cbrt_p exp exp2 exp2_p exp_p expm1 expm1_p log log1p log1p_p log_p "
        "logistic logistic_p pow pow_p rsqrt rsqrt_p sqrt sqrt_p"
    ),
    "minijax.ops.gather": (
        "GatherDimensionNumbers GatherScatterMode gather gather_p"
    ),
    "minijax.ops.general_reduce": (
        "reduce reduce_p"
    ),
    "minijax.ops.index": (
        "dynamic_index_in_dim dynamic_slice dynamic_slice_in_dim dynamic_slice_p "
        "dynamic_update_index_in_dim dynamic_update_slice dynamic_update_slice_in_dim "
        "dynamic_update_slice_p index_take"
    ),
    "minijax.ops.identities": (
        "dce_sink dce_sink_p device_put_p optimization_barrier optimization_barrier_p "
        "stage stop_gradient stop_gradient_p"
    ),
    "minijax.ops.joining": (
        "concatenate concatenate_p split split_p stack stack_p tile tile_p unstack "
        "unstack_p"
    ),
    "minijax.ops.ragged_dot": (
        "RaggedDotDimensionNumbers ragged_dot ragged_dot_general"
    ),
    "minijax.ops.reduce": (
        "argmax argmax_p argmin argmin_p reduce_and reduce_and_p reduce_max "
        "reduce_max_p reduce_min reduce_min_p reduce_or reduce_or_p reduce_prod "
        "reduce_prod_p reduce_sum reduce_sum_p reduce_xor reduce_xor_p"
    ),
    "minijax.ops.reduce_precision": (
        "reduce_precision reduce_precision_p"
    ),
    "minijax.ops.rounding": (
        "RoundingMethod abs abs_p ceil ceil_p floor floor_p is_finite is_finite_p rem "
        "rem_p round round_p sign sign_p"
    ),
    "minijax.ops.scaled_dot": (
        "scaled_dot"
    ),
    "minijax.ops.scatter": (
        "ScatterDimensionNumbers scatter scatter_add scatter_add_p scatter_apply "
        "scatter_max scatter_max_p scatter_min scatter_min_p scatter_mul "
        "scatter_mul_p scatter_p scatter_sub scatter_sub_p"
    ),
    "minijax.ops.select": (
        "clamp clamp_p select select_n select_n_p"
    ),
    "minijax.ops.shape": (
        "broadcast broadcast_in_dim broadcast_in_dim_p broadcast_like "
        "broadcast_shapes broadcast_to_rank broadcasted_iota collapse empty "
        "expand_dims full full_like iota iota_p reshape reshape_p rev rev_p "
        "shape_as_value squeeze squeeze_p transpose transpose_p"
    ),
    "minijax.ops.slicing": (
        "index_in_dim pad pad_p slice slice_in_dim slice_p"
    ),
    "minijax.ops.fft": (
        "FftType fft_p"
    ),
    "minijax.ops.sort": (
        "sort sort_key_val sort_p top_k top_k_p"
    ),
    "minijax.ops.special": (
        "bessel_i0e bessel_i0e_p bessel_i1e bessel_i1e_p betainc digamma digamma_p "
        "erf erf_inv erf_inv_p erf_p erfc erfc_p igamma igamma_grad_a igamma_grad_a_p "
        "igamma_p igammac igammac_p lgamma lgamma_p polygamma polygamma_p "
        "random_gamma_grad regularized_incomplete_beta_p zeta zeta_p"
    ),
    "minijax.ops.token": (
        "after_all after_all_p create_token create_token_p"
    ),
    "minijax.ops.total_order": (
        "eq_to_p le_to_p lt_to_p"
    ),
    "minijax.ops.trigonometric": (
        "acos acos_p acosh acosh_p asin asin_p asinh asinh_p atan atan2 atan2_p "
        "atan_p atanh atanh_p cos cos_p cosh cosh_p sin sin_p sinh sinh_p tan tan_p "
        "tanh tanh_p"
    ),
    "minijax.ops.window": (
        "reduce_window reduce_window_max_p reduce_window_min_p reduce_window_p "
        "reduce_window_sum_p"
    ),
    "minijax.ops.window_select": (
        "select_and_gather_add_p select_and_scatter_add_p"
    ),
    "minijax.ops.window_shapes": (
        "reduce_window_shape_tuple"
    ),
    "minijax.random.unkeyed": (
        "rng_uniform rng_uniform_p"
    ),
}  # fmt: skip

_FOUND_IN = {
    entry.partition("=")[0]: (home, entry.rpartition("=")[2])
    for home, entries in _HOMES.items()
    for entry in entries.split()
}


def __getattr__(name: str) -> Any:
    if name == "linalg":
        return importlib.import_module("minijax.lax.linalg")
    if name == "__all__":  # for `from jax.lax import *`
        return __dir__()
    if name not in _FOUND_IN:
        raise missing_attribute(__name__, name)
    home, there = _FOUND_IN[name]
    value = globals()[name] = getattr(importlib.import_module(home), there)
    return value


def __dir__():
    return [*_FOUND_IN, "linalg"]
