"""What the distributions share: their arguments, promoted, and literals."""

from minijax.numpy.promotion import aval_of, literal, promote_args_inexact

__all__ = ["like", "promoted"]


def promoted(name, *args):
    """The arguments in one floating dtype, with equal ranks.  TypeError unless they are
    arrays or scalars.
    """
    return promote_args_inexact(name, *args)


def like(value, x):
    """The scalar `value` in the dtype of `x`: weak beside a weak scalar only, for with
    arrays of integers and Python's numbers the distributions give strong floats.
    """
    aval = aval_of(x)
    return literal(value, aval.dtype, aval.weak_type and not aval.shape)
