"""Functions that say how they are divided among devices: on one, they never are."""

import functools

from minijax.control.call import jit
from minijax.experimental._sharding_rule import BATCHING as BATCHING
from minijax.experimental._sharding_rule import ArrayMapping as ArrayMapping
from minijax.experimental._sharding_rule import CompoundFactor as CompoundFactor
from minijax.experimental._sharding_rule import SdyShardingRule as SdyShardingRule
from minijax.experimental._sharding_rule import str_to_sdy_sharding_rule


class custom_partitioning:
    """`fun`, with `def_partition` to say how it is divided; here it runs whole.

    static_argnums: arguments that are part of the program.
    """

    def __init__(self, fun, static_argnums=()):
        self.fun, self.static_argnums = fun, static_argnums
        self.partition = self.sharding_rule = None
        self._callbacks = ()
        self._whole = jit(fun, static_argnums=static_argnums)
        functools.update_wrapper(self, fun)

    def def_partition(
        self, partition, infer_sharding_from_operands=None, propagate_user_sharding=None,
        decode_shardings=True, sharding_rule=None, *, reduction_factors=(),
        need_replication_factors=(), permutation_factors=(), **factor_sizes,
    ):  # fmt: skip
        """Keep how the function is divided: called where there are devices to divide it
        among, so never.  A `sharding_rule` in words is checked, with the factors' options.

        TypeError and ValueError for what is no rule, and for options without one in words.
        """
        special = {
            "reduction_factors": reduction_factors,
            "need_replication_factors": need_replication_factors,
            "permutation_factors": permutation_factors,
        }
        if (
            sharding_rule is None
            or callable(sharding_rule)
            or isinstance(sharding_rule, SdyShardingRule)
        ):
            unused = factor_sizes | {k: v for k, v in special.items() if v}
            if unused:
                raise ValueError(f"Unknown keyword arguments: {unused}")
        else:
            sharding_rule = str_to_sdy_sharding_rule(
                sharding_rule, **special, **factor_sizes
            )
        self.partition, self.sharding_rule = partition, sharding_rule
        self._callbacks = infer_sharding_from_operands, propagate_user_sharding
        return partition

    def __call__(self, *args, **kwargs):
        """NotImplementedError where callbacks stand in the place of a rule."""
        if self.sharding_rule is None and any(x is not None for x in self._callbacks):
            raise NotImplementedError(
                "Shardy is used, but sharding propagation callbacks instead of "
                "sharding_rule are provided. Need to provide sharding_rule to migrate to "
                "Shardy."
            )
        return self._whole(*args, **kwargs)
