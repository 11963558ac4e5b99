"""Functions that say how they are divided among devices: on one, they never are."""

import functools

from minijax.control.call import jit


class custom_partitioning:
    """`fun`, with `def_partition` to say how it is divided; here it runs whole.

    static_argnums: arguments that are part of the program.
    """

    def __init__(self, fun, static_argnums=()):
        self.fun, self.static_argnums = fun, static_argnums
        self.partition = None
        self._whole = jit(fun, static_argnums=static_argnums)
        functools.update_wrapper(self, fun)

    def def_partition(
        self, partition, infer_sharding_from_operands=None, propagate_user_sharding=None,
        decode_shardings=True, sharding_rule=None, *, reduction_factors=(),
        need_replication_factors=(), permutation_factors=(), **factor_sizes,
    ):  # fmt: skip
        """Keep how the function is divided: called where there are devices to divide it
        among, so never. NotImplementedError without a `sharding_rule` where callbacks
        stand in its place, TypeError where it is no string.
        """
        callbacks = infer_sharding_from_operands, propagate_user_sharding
        if sharding_rule is None and any(x is not None for x in callbacks):
            raise NotImplementedError(
                "Shardy is used, but sharding propagation callbacks instead of "
                "sharding_rule are provided. Need to provide sharding_rule to migrate to "
                "Shardy."
            )
        if not (sharding_rule is None or callable(sharding_rule)):
            if not isinstance(sharding_rule, str):
                raise TypeError(f"rule must be a str, but got {type(sharding_rule)}")
        self.partition = partition
        return partition

    def __call__(self, *args, **kwargs):
        return self._whole(*args, **kwargs)
