"""What `checkpoint` may keep: functions `(primitive, *avals, **params) -> bool`.

Policies made from names are equal where the names are, so that what was traced for one
serves the other.
"""

from dataclasses import dataclass

from minijax.control.remat import name_p


@dataclass(frozen=True)
class DotsSaveable:
    """Keep the results of matrix products and convolutions, or of products only that
    have no batch dimensions.
    """

    only_if_no_batch_dims: bool = False

    def __call__(self, primitive, *_, **params):
        if not self.only_if_no_batch_dims:
            return primitive.name in ("dot_general", "conv_general_dilated")
        if primitive.name != "dot_general":
            return False
        _, (lhs_batch, rhs_batch) = params["dimension_numbers"]
        return not lhs_batch and not rhs_batch


@dataclass(frozen=True)
class SaveOnlyTheseNames:
    """Keep results marked with one of the names."""

    saveable_names: frozenset

    def __call__(self, primitive, *_, **params):
        return primitive is name_p and params["name"] in self.saveable_names


@dataclass(frozen=True)
class SaveAnyNamesButThese:
    """Keep results marked with any other name."""

    names: frozenset

    def __call__(self, primitive, *_, **params):
        return primitive is name_p and params["name"] not in self.names


class checkpoint_policies:
    """What `checkpoint` may keep: functions `(primitive, *avals, **params) -> bool`."""

    @staticmethod
    def everything_saveable(*_, **__):
        """Keep every result."""
        return True

    @staticmethod
    def nothing_saveable(*_, **__):
        """Keep nothing."""
        return False

    dots_saveable = checkpoint_dots = DotsSaveable()
    dots_with_no_batch_dims_saveable = checkpoint_dots_with_no_batch_dims = (
        DotsSaveable(only_if_no_batch_dims=True)
    )

    @staticmethod
    def offload_dot_with_no_batch_dims(offload_src, offload_dst):
        """Keep matrix products; there is one memory, so nothing moves."""
        return checkpoint_policies.dots_with_no_batch_dims_saveable

    @staticmethod
    def save_anything_except_these_names(*names):
        """Keep everything but results marked with one of the names."""

        def policy(primitive, *_, **params):
            return not (primitive is name_p and params["name"] in names)

        return policy

    @staticmethod
    def save_any_names_but_these(*names):
        """Keep results marked with any other name."""
        return SaveAnyNamesButThese(frozenset(names))

    @staticmethod
    def save_only_these_names(*names):
        """Keep results marked with one of the names."""
        return SaveOnlyTheseNames(frozenset(names))

    @staticmethod
    def save_and_offload_only_these_names(
        *,
        names_which_can_be_saved,
        names_which_can_be_offloaded,
        offload_src,
        offload_dst,
    ):
        """Keep results marked with one of the names; there is one memory."""
        names = [*names_which_can_be_saved, *names_which_can_be_offloaded]
        return checkpoint_policies.save_only_these_names(*names)

    @staticmethod
    def save_from_both_policies(first, second):
        """Keep what either policy keeps."""

        def policy(primitive, *avals, **params):
            return first(primitive, *avals, **params) or second(
                primitive, *avals, **params
            )

        return policy
