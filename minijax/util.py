"""Small helpers that other libraries use (`jax.util`)."""


def safe_zip(*args):
    """`zip` of sequences of equal length, as a list.  ValueError otherwise."""
    if not args:
        raise TypeError("safe_zip requires at least 1 argument")
    columns = [list(arg) for arg in args]
    lengths = tuple(map(len, columns))
    for k, n in enumerate(lengths):
        if n != lengths[0]:
            raise ValueError(
                f"safe_zip() argument {k} has length {n} but argument 0 has length "
                f"{lengths[0]}. All lengths: {lengths}"
            )
    return list(zip(*columns, strict=True))


def safe_map(fun, *args):
    """`map` over sequences of equal length, as a list.  ValueError otherwise."""
    if not args:
        raise TypeError("safe_map requires at least 2 arguments")
    columns = [list(arg) for arg in args]
    for k, column in enumerate(columns[1:], 2):
        if len(column) != len(columns[0]):
            than = "longer" if len(column) > len(columns[0]) else "shorter"
            raise ValueError(f"safe_map() argument {k} is {than} than argument 1")
    return [fun(*row) for row in zip(*columns, strict=True)]


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
