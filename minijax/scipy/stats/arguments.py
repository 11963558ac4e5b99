"""What the distributions share: their arguments, promoted, and literals."""

from minijax.numpy.promotion import constant_like as like
from minijax.numpy.promotion import promote_args_inexact

__all__ = ["like", "promoted"]


def promoted(name, *args):
    """The arguments in one floating dtype, with equal ranks.  TypeError unless they are
    arrays or scalars.
    """
    return promote_args_inexact(name, *args)
