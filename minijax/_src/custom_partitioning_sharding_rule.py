"""Rules of how axes are cut together."""

from minijax._src._homes import names_of


def _get_batching_dim_factor_name(batch_group, batch_dim_order):
    """The name of a batching axis among the factors of a rule."""
    return f"?{batch_group}_{batch_dim_order}"


def sdy_sharding_rule_to_mlir(rule, operand_types, result_types):
    """NotImplementedError: a rule has no form in MLIR here, whose types are not there."""
    raise NotImplementedError("minijax has no MLIR to write a sharding rule in")


__getattr__ = names_of(__name__, "minijax.experimental._sharding_rule")
