"""Small helpers that other libraries use (`jax.util`)."""


def safe_zip(*args):
    """`zip` of sequences of equal length, as a list.  ValueError otherwise."""
    return list(zip(*args, strict=True))


def safe_map(fun, *args):
    """`map` over sequences of equal length, as a list.  ValueError otherwise."""
    return [fun(*row) for row in zip(*args, strict=True)]


def split_list(values, sizes):
    """Consecutive sublists of the given sizes, and the rest."""
    parts, at = [], 0
    for size in sizes:
        parts.append(values[at : at + size])
        at += size
    return [*parts, values[at:]]


def unzip2(pairs):
    """The firsts and the seconds of pairs."""
    pairs = list(pairs)
    return tuple(a for a, _ in pairs), tuple(b for _, b in pairs)
