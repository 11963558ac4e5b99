"""The public `jax.lax`: every op of `minijax.ops`, and structured control flow."""

from minijax.control.associative_scan import (
    associative_scan as associative_scan,
)
from minijax.control.collectives import (
    all_gather as all_gather,
)
from minijax.control.collectives import (
    all_gather_p as all_gather_p,
)
from minijax.control.collectives import (
    all_to_all as all_to_all,
)
from minijax.control.collectives import (
    all_to_all_p as all_to_all_p,
)
from minijax.control.collectives import (
    axis_index as axis_index,
)
from minijax.control.collectives import (
    axis_index_p as axis_index_p,
)
from minijax.control.collectives import (
    axis_size as axis_size,
)
from minijax.control.collectives import (
    pbroadcast as pbroadcast,
)
from minijax.control.collectives import (
    pcast as pcast,
)
from minijax.control.collectives import (
    pmax as pmax,
)
from minijax.control.collectives import (
    pmax_p as pmax_p,
)
from minijax.control.collectives import (
    pmean as pmean,
)
from minijax.control.collectives import (
    pmin as pmin,
)
from minijax.control.collectives import (
    pmin_p as pmin_p,
)
from minijax.control.collectives import (
    ppermute as ppermute,
)
from minijax.control.collectives import (
    ppermute_p as ppermute_p,
)
from minijax.control.collectives import (
    pshuffle as pshuffle,
)
from minijax.control.collectives import (
    psum as psum,
)
from minijax.control.collectives import (
    psum_p as psum_p,
)
from minijax.control.collectives import (
    psum_scatter as psum_scatter,
)
from minijax.control.collectives import (
    pswapaxes as pswapaxes,
)
from minijax.control.cond import (
    cond as cond,
)
from minijax.control.cond import (
    cond_p as cond_p,
)
from minijax.control.cond import (
    switch as switch,
)
from minijax.control.constraint import (
    with_sharding_constraint as with_sharding_constraint,
)
from minijax.control.mapping import (
    map as map,
)
from minijax.control.scan import (
    scan as scan,
)
from minijax.control.scan import (
    scan_p as scan_p,
)
from minijax.control.while_loop import (
    fori_loop as fori_loop,
)
from minijax.control.while_loop import (
    while_loop as while_loop,
)
from minijax.control.while_loop import (
    while_p as while_p,
)
from minijax.ops.conv import (
    conv as conv,
)
from minijax.ops.conv import (
    conv_general_dilated as conv_general_dilated,
)
from minijax.ops.conv import (
    conv_general_dilated_p as conv_general_dilated_p,
)
from minijax.ops.conv import (
    conv_general_dilated_patches as conv_general_dilated_patches,
)
from minijax.ops.conv import (
    conv_transpose as conv_transpose,
)
from minijax.ops.conv import (
    conv_with_general_padding as conv_with_general_padding,
)
from minijax.ops.conv_shapes import (
    ConvDimensionNumbers as ConvDimensionNumbers,
)
from minijax.ops.conv_shapes import (
    conv_dimension_numbers as conv_dimension_numbers,
)
from minijax.ops.conv_shapes import (
    conv_general_permutations as conv_general_permutations,
)
from minijax.ops.conv_shapes import (
    conv_general_shape_tuple as conv_general_shape_tuple,
)
from minijax.ops.conv_shapes import (
    conv_shape_tuple as conv_shape_tuple,
)
from minijax.ops.conv_shapes import (
    conv_transpose_shape_tuple as conv_transpose_shape_tuple,
)
from minijax.ops.conv_shapes import (
    padtype_to_pads as padtype_to_pads,
)
from minijax.ops.convert import (
    bitcast_convert_type as bitcast_convert_type,
)
from minijax.ops.convert import (
    bitcast_convert_type_p as bitcast_convert_type_p,
)
from minijax.ops.convert import (
    convert_element_type as convert_element_type,
)
from minijax.ops.convert import (
    convert_element_type_p as convert_element_type_p,
)
from minijax.ops.convert import (
    copy_p as copy_p,
)
from minijax.ops.convert import (
    optimization_barrier as optimization_barrier,
)
from minijax.ops.convert import (
    optimization_barrier_p as optimization_barrier_p,
)
from minijax.ops.convert import (
    reduce_precision as reduce_precision,
)
from minijax.ops.convert import (
    reduce_precision_p as reduce_precision_p,
)
from minijax.ops.convert import (
    stop_gradient as stop_gradient,
)
from minijax.ops.convert import (
    stop_gradient_p as stop_gradient_p,
)
from minijax.ops.cumulative import (
    cumlogsumexp as cumlogsumexp,
)
from minijax.ops.cumulative import (
    cumlogsumexp_p as cumlogsumexp_p,
)
from minijax.ops.cumulative import (
    cummax as cummax,
)
from minijax.ops.cumulative import (
    cummax_p as cummax_p,
)
from minijax.ops.cumulative import (
    cummin as cummin,
)
from minijax.ops.cumulative import (
    cummin_p as cummin_p,
)
from minijax.ops.cumulative import (
    cumprod as cumprod,
)
from minijax.ops.cumulative import (
    cumprod_p as cumprod_p,
)
from minijax.ops.cumulative import (
    cumsum as cumsum,
)
from minijax.ops.cumulative import (
    cumsum_p as cumsum_p,
)
from minijax.ops.dot import (
    DotAlgorithm as DotAlgorithm,
)
from minijax.ops.dot import (
    DotAlgorithmPreset as DotAlgorithmPreset,
)
from minijax.ops.dot import (
    Precision as Precision,
)
from minijax.ops.dot import (
    batch_matmul as batch_matmul,
)
from minijax.ops.dot import (
    dot as dot,
)
from minijax.ops.dot import (
    dot_general as dot_general,
)
from minijax.ops.dot import (
    dot_general_p as dot_general_p,
)
from minijax.ops.elementwise import (
    abs as abs,
)
from minijax.ops.elementwise import (
    abs_p as abs_p,
)
from minijax.ops.elementwise import (
    acos as acos,
)
from minijax.ops.elementwise import (
    acos_p as acos_p,
)
from minijax.ops.elementwise import (
    acosh as acosh,
)
from minijax.ops.elementwise import (
    acosh_p as acosh_p,
)
from minijax.ops.elementwise import (
    add as add,
)
from minijax.ops.elementwise import (
    add_p as add_p,
)
from minijax.ops.elementwise import (
    and_p as and_p,
)
from minijax.ops.elementwise import (
    asin as asin,
)
from minijax.ops.elementwise import (
    asin_p as asin_p,
)
from minijax.ops.elementwise import (
    asinh as asinh,
)
from minijax.ops.elementwise import (
    asinh_p as asinh_p,
)
from minijax.ops.elementwise import (
    atan as atan,
)
from minijax.ops.elementwise import (
    atan2 as atan2,
)
from minijax.ops.elementwise import (
    atan2_p as atan2_p,
)
from minijax.ops.elementwise import (
    atan_p as atan_p,
)
from minijax.ops.elementwise import (
    atanh as atanh,
)
from minijax.ops.elementwise import (
    atanh_p as atanh_p,
)
from minijax.ops.elementwise import (
    bessel_i0e as bessel_i0e,
)
from minijax.ops.elementwise import (
    bessel_i0e_p as bessel_i0e_p,
)
from minijax.ops.elementwise import (
    bessel_i1e as bessel_i1e,
)
from minijax.ops.elementwise import (
    bessel_i1e_p as bessel_i1e_p,
)
from minijax.ops.elementwise import (
    betainc as betainc,
    bitwise_and as bitwise_and,
)
from minijax.ops.elementwise import (
    bitwise_not as bitwise_not,
)
from minijax.ops.elementwise import (
    bitwise_or as bitwise_or,
)
from minijax.ops.elementwise import (
    bitwise_xor as bitwise_xor,
)
from minijax.ops.elementwise import (
    cbrt as cbrt,
)
from minijax.ops.elementwise import (
    cbrt_p as cbrt_p,
)
from minijax.ops.elementwise import (
    ceil as ceil,
)
from minijax.ops.elementwise import (
    ceil_p as ceil_p,
)
from minijax.ops.elementwise import (
    clz as clz,
)
from minijax.ops.elementwise import (
    clz_p as clz_p,
)
from minijax.ops.elementwise import (
    complex as complex,
)
from minijax.ops.elementwise import (
    complex_p as complex_p,
)
from minijax.ops.elementwise import (
    conj as conj,
)
from minijax.ops.elementwise import (
    conj_p as conj_p,
)
from minijax.ops.elementwise import (
    cos as cos,
)
from minijax.ops.elementwise import (
    cos_p as cos_p,
)
from minijax.ops.elementwise import (
    cosh as cosh,
)
from minijax.ops.elementwise import (
    cosh_p as cosh_p,
)
from minijax.ops.elementwise import (
    digamma as digamma,
)
from minijax.ops.elementwise import (
    digamma_p as digamma_p,
)
from minijax.ops.elementwise import (
    div as div,
)
from minijax.ops.elementwise import (
    div_p as div_p,
)
from minijax.ops.elementwise import (
    eq as eq,
)
from minijax.ops.elementwise import (
    eq_p as eq_p,
)
from minijax.ops.elementwise import (
    erf as erf,
)
from minijax.ops.elementwise import (
    erf_inv as erf_inv,
)
from minijax.ops.elementwise import (
    erf_inv_p as erf_inv_p,
)
from minijax.ops.elementwise import (
    erf_p as erf_p,
)
from minijax.ops.elementwise import (
    erfc as erfc,
)
from minijax.ops.elementwise import (
    erfc_p as erfc_p,
)
from minijax.ops.elementwise import (
    exp as exp,
)
from minijax.ops.elementwise import (
    exp2 as exp2,
)
from minijax.ops.elementwise import (
    exp2_p as exp2_p,
)
from minijax.ops.elementwise import (
    exp_p as exp_p,
)
from minijax.ops.elementwise import (
    expm1 as expm1,
)
from minijax.ops.elementwise import (
    expm1_p as expm1_p,
)
from minijax.ops.elementwise import (
    floor as floor,
)
from minijax.ops.elementwise import (
    floor_p as floor_p,
)
from minijax.ops.elementwise import (
    ge as ge,
)
from minijax.ops.elementwise import (
    ge_p as ge_p,
)
from minijax.ops.elementwise import (
    gt as gt,
)
from minijax.ops.elementwise import (
    gt_p as gt_p,
)
from minijax.ops.elementwise import (
    igamma as igamma,
)
from minijax.ops.elementwise import (
    igamma_grad_a as igamma_grad_a,
)
from minijax.ops.elementwise import (
    igamma_grad_a_p as igamma_grad_a_p,
)
from minijax.ops.elementwise import (
    igamma_p as igamma_p,
)
from minijax.ops.elementwise import (
    igammac as igammac,
)
from minijax.ops.elementwise import (
    igammac_p as igammac_p,
)
from minijax.ops.elementwise import (
    imag as imag,
)
from minijax.ops.elementwise import (
    imag_p as imag_p,
)
from minijax.ops.elementwise import (
    integer_pow as integer_pow,
)
from minijax.ops.elementwise import (
    integer_pow_p as integer_pow_p,
)
from minijax.ops.elementwise import (
    is_finite as is_finite,
)
from minijax.ops.elementwise import (
    is_finite_p as is_finite_p,
)
from minijax.ops.elementwise import (
    le as le,
)
from minijax.ops.elementwise import (
    le_p as le_p,
)
from minijax.ops.elementwise import (
    lgamma as lgamma,
)
from minijax.ops.elementwise import (
    lgamma_p as lgamma_p,
)
from minijax.ops.elementwise import (
    log as log,
)
from minijax.ops.elementwise import (
    log1p as log1p,
)
from minijax.ops.elementwise import (
    log1p_p as log1p_p,
)
from minijax.ops.elementwise import (
    log_p as log_p,
)
from minijax.ops.elementwise import (
    logistic as logistic,
)
from minijax.ops.elementwise import (
    logistic_p as logistic_p,
)
from minijax.ops.elementwise import (
    lt as lt,
)
from minijax.ops.elementwise import (
    lt_p as lt_p,
)
from minijax.ops.elementwise import (
    max as max,
)
from minijax.ops.elementwise import (
    max_p as max_p,
)
from minijax.ops.elementwise import (
    min as min,
)
from minijax.ops.elementwise import (
    min_p as min_p,
)
from minijax.ops.elementwise import (
    mul as mul,
)
from minijax.ops.elementwise import (
    mul_p as mul_p,
)
from minijax.ops.elementwise import (
    ne as ne,
)
from minijax.ops.elementwise import (
    ne_p as ne_p,
)
from minijax.ops.elementwise import (
    neg as neg,
)
from minijax.ops.elementwise import (
    neg_p as neg_p,
)
from minijax.ops.elementwise import (
    nextafter as nextafter,
)
from minijax.ops.elementwise import (
    nextafter_p as nextafter_p,
)
from minijax.ops.elementwise import (
    not_p as not_p,
)
from minijax.ops.elementwise import (
    or_p as or_p,
)
from minijax.ops.elementwise import (
    polygamma as polygamma,
)
from minijax.ops.elementwise import (
    polygamma_p as polygamma_p,
)
from minijax.ops.elementwise import (
    population_count as population_count,
)
from minijax.ops.elementwise import (
    population_count_p as population_count_p,
)
from minijax.ops.elementwise import (
    pow as pow,
)
from minijax.ops.elementwise import (
    pow_p as pow_p,
)
from minijax.ops.elementwise import (
    random_gamma_grad as random_gamma_grad,
)
from minijax.ops.elementwise import (
    real as real,
)
from minijax.ops.elementwise import (
    real_p as real_p,
)
from minijax.ops.elementwise import (
    regularized_incomplete_beta_p as regularized_incomplete_beta_p,
)
from minijax.ops.elementwise import (
    rem as rem,
)
from minijax.ops.elementwise import (
    rem_p as rem_p,
)
from minijax.ops.elementwise import (
    rsqrt as rsqrt,
)
from minijax.ops.elementwise import (
    rsqrt_p as rsqrt_p,
)
from minijax.ops.elementwise import (
    select as select,
)
from minijax.ops.elementwise import (
    shift_left as shift_left,
)
from minijax.ops.elementwise import (
    shift_left_p as shift_left_p,
)
from minijax.ops.elementwise import (
    shift_right_arithmetic as shift_right_arithmetic,
)
from minijax.ops.elementwise import (
    shift_right_arithmetic_p as shift_right_arithmetic_p,
)
from minijax.ops.elementwise import (
    shift_right_logical as shift_right_logical,
)
from minijax.ops.elementwise import (
    shift_right_logical_p as shift_right_logical_p,
)
from minijax.ops.elementwise import (
    sign as sign,
)
from minijax.ops.elementwise import (
    sign_p as sign_p,
)
from minijax.ops.elementwise import (
    sin as sin,
)
from minijax.ops.elementwise import (
    sin_p as sin_p,
)
from minijax.ops.elementwise import (
    sinh as sinh,
)
from minijax.ops.elementwise import (
    sinh_p as sinh_p,
)
from minijax.ops.elementwise import (
    sqrt as sqrt,
)
from minijax.ops.elementwise import (
    sqrt_p as sqrt_p,
)
from minijax.ops.elementwise import (
    square as square,
)
from minijax.ops.elementwise import (
    square_p as square_p,
)
from minijax.ops.elementwise import (
    sub as sub,
)
from minijax.ops.elementwise import (
    sub_p as sub_p,
)
from minijax.ops.elementwise import (
    tan as tan,
)
from minijax.ops.elementwise import (
    tan_p as tan_p,
)
from minijax.ops.elementwise import (
    tanh as tanh,
)
from minijax.ops.elementwise import (
    tanh_p as tanh_p,
)
from minijax.ops.elementwise import (
    xor_p as xor_p,
)
from minijax.ops.elementwise import (
    zeta as zeta,
)
from minijax.ops.elementwise import (
    zeta_p as zeta_p,
)
from minijax.ops.gather import (
    GatherDimensionNumbers as GatherDimensionNumbers,
)
from minijax.ops.gather import (
    GatherScatterMode as GatherScatterMode,
)
from minijax.ops.gather import (
    gather as gather,
)
from minijax.ops.gather import (
    gather_p as gather_p,
)
from minijax.ops.general_reduce import (
    reduce as reduce,
)
from minijax.ops.general_reduce import (
    reduce_p as reduce_p,
)
from minijax.ops.index import (
    dynamic_index_in_dim as dynamic_index_in_dim,
)
from minijax.ops.index import (
    dynamic_slice as dynamic_slice,
)
from minijax.ops.index import (
    dynamic_slice_in_dim as dynamic_slice_in_dim,
)
from minijax.ops.index import (
    dynamic_slice_p as dynamic_slice_p,
)
from minijax.ops.index import (
    dynamic_update_index_in_dim as dynamic_update_index_in_dim,
)
from minijax.ops.index import (
    dynamic_update_slice as dynamic_update_slice,
)
from minijax.ops.index import (
    dynamic_update_slice_in_dim as dynamic_update_slice_in_dim,
)
from minijax.ops.index import (
    dynamic_update_slice_p as dynamic_update_slice_p,
)
from minijax.ops.index import (
    index_take as index_take,
)
from minijax.ops.reduce import (
    argmax as argmax,
)
from minijax.ops.reduce import (
    argmax_p as argmax_p,
)
from minijax.ops.reduce import (
    argmin as argmin,
)
from minijax.ops.reduce import (
    argmin_p as argmin_p,
)
from minijax.ops.reduce import (
    reduce_and as reduce_and,
)
from minijax.ops.reduce import (
    reduce_and_p as reduce_and_p,
)
from minijax.ops.reduce import (
    reduce_max as reduce_max,
)
from minijax.ops.reduce import (
    reduce_max_p as reduce_max_p,
)
from minijax.ops.reduce import (
    reduce_min as reduce_min,
)
from minijax.ops.reduce import (
    reduce_min_p as reduce_min_p,
)
from minijax.ops.reduce import (
    reduce_or as reduce_or,
)
from minijax.ops.reduce import (
    reduce_or_p as reduce_or_p,
)
from minijax.ops.reduce import (
    reduce_prod as reduce_prod,
)
from minijax.ops.reduce import (
    reduce_prod_p as reduce_prod_p,
)
from minijax.ops.reduce import (
    reduce_sum as reduce_sum,
)
from minijax.ops.reduce import (
    reduce_sum_p as reduce_sum_p,
)
from minijax.ops.reduce import (
    reduce_xor as reduce_xor,
)
from minijax.ops.reduce import (
    reduce_xor_p as reduce_xor_p,
)
from minijax.ops.rounding import (
    RoundingMethod as RoundingMethod,
)
from minijax.ops.rounding import (
    round as round,
)
from minijax.ops.rounding import (
    round_p as round_p,
)
from minijax.ops.scatter import (
    ScatterDimensionNumbers as ScatterDimensionNumbers,
)
from minijax.ops.scatter import (
    scatter as scatter,
)
from minijax.ops.scatter import (
    scatter_add as scatter_add,
)
from minijax.ops.scatter import (
    scatter_add_p as scatter_add_p,
)
from minijax.ops.scatter import (
    scatter_apply as scatter_apply,
)
from minijax.ops.scatter import (
    scatter_max as scatter_max,
)
from minijax.ops.scatter import (
    scatter_max_p as scatter_max_p,
)
from minijax.ops.scatter import (
    scatter_min as scatter_min,
)
from minijax.ops.scatter import (
    scatter_min_p as scatter_min_p,
)
from minijax.ops.scatter import (
    scatter_mul as scatter_mul,
)
from minijax.ops.scatter import (
    scatter_mul_p as scatter_mul_p,
)
from minijax.ops.scatter import (
    scatter_p as scatter_p,
)
from minijax.ops.scatter import (
    scatter_sub as scatter_sub,
)
from minijax.ops.scatter import (
    scatter_sub_p as scatter_sub_p,
)
from minijax.ops.select import (
    clamp as clamp,
)
from minijax.ops.select import (
    clamp_p as clamp_p,
)
from minijax.ops.select import (
    select_n as select_n,
)
from minijax.ops.select import (
    select_n_p as select_n_p,
)
from minijax.ops.shape import (
    broadcast as broadcast,
)
from minijax.ops.shape import (
    broadcast_in_dim as broadcast_in_dim,
)
from minijax.ops.shape import (
    broadcast_in_dim_p as broadcast_in_dim_p,
)
from minijax.ops.shape import (
    broadcast_like as broadcast_like,
)
from minijax.ops.shape import (
    broadcast_shapes as broadcast_shapes,
)
from minijax.ops.shape import (
    broadcast_to_rank as broadcast_to_rank,
)
from minijax.ops.shape import (
    broadcasted_iota as broadcasted_iota,
)
from minijax.ops.shape import (
    collapse as collapse,
)
from minijax.ops.shape import (
    empty as empty,
)
from minijax.ops.shape import (
    expand_dims as expand_dims,
)
from minijax.ops.shape import (
    full as full,
)
from minijax.ops.shape import (
    full_like as full_like,
)
from minijax.ops.shape import (
    iota as iota,
)
from minijax.ops.shape import (
    iota_p as iota_p,
)
from minijax.ops.shape import (
    reshape as reshape,
)
from minijax.ops.shape import (
    reshape_p as reshape_p,
)
from minijax.ops.shape import (
    rev as rev,
)
from minijax.ops.shape import (
    rev_p as rev_p,
)
from minijax.ops.shape import (
    shape_as_value as shape_as_value,
)
from minijax.ops.shape import (
    squeeze as squeeze,
)
from minijax.ops.shape import (
    squeeze_p as squeeze_p,
)
from minijax.ops.shape import (
    transpose as transpose,
)
from minijax.ops.shape import (
    transpose_p as transpose_p,
)
from minijax.ops.slicing import (
    concatenate as concatenate,
)
from minijax.ops.slicing import (
    concatenate_p as concatenate_p,
)
from minijax.ops.slicing import (
    index_in_dim as index_in_dim,
)
from minijax.ops.slicing import (
    pad as pad,
)
from minijax.ops.slicing import (
    pad_p as pad_p,
)
from minijax.ops.slicing import (
    slice as slice,
)
from minijax.ops.slicing import (
    slice_in_dim as slice_in_dim,
)
from minijax.ops.slicing import (
    slice_p as slice_p,
)
from minijax.ops.slicing import (
    split as split,
)
from minijax.ops.slicing import (
    split_p as split_p,
)
from minijax.ops.slicing import (
    stack as stack,
)
from minijax.ops.slicing import (
    stack_p as stack_p,
)
from minijax.ops.slicing import (
    tile as tile,
)
from minijax.ops.slicing import (
    tile_p as tile_p,
)
from minijax.ops.slicing import (
    unstack as unstack,
)
from minijax.ops.slicing import (
    unstack_p as unstack_p,
)
from minijax.ops.sort import (
    sort as sort,
)
from minijax.ops.sort import (
    sort_key_val as sort_key_val,
)
from minijax.ops.sort import (
    sort_p as sort_p,
)
from minijax.ops.sort import (
    top_k as top_k,
)
from minijax.ops.sort import (
    top_k_p as top_k_p,
)
from minijax.ops.total_order import (
    eq_to_p as eq_to_p,
)
from minijax.ops.total_order import (
    le_to_p as le_to_p,
)
from minijax.ops.total_order import (
    lt_to_p as lt_to_p,
)
from minijax.ops.window import (
    reduce_window as reduce_window,
)
from minijax.ops.window import (
    reduce_window_max_p as reduce_window_max_p,
)
from minijax.ops.window import (
    reduce_window_min_p as reduce_window_min_p,
)
from minijax.ops.window import (
    reduce_window_p as reduce_window_p,
)
from minijax.ops.window import (
    reduce_window_sum_p as reduce_window_sum_p,
)
from minijax.ops.window import (
    select_and_gather_add_p as select_and_gather_add_p,
)
from minijax.ops.window import (
    select_and_scatter_add_p as select_and_scatter_add_p,
)
from minijax.ops.window_shapes import (
    reduce_window_shape_tuple as reduce_window_shape_tuple,
)
