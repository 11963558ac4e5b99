"""What equations a jaxpr has: counts by primitive, by line and by shape."""

import collections

from minijax import core
from minijax.core import DropVar


def _inner(eqn):
    for found in core.subjaxprs(eqn.params):
        yield getattr(found, "jaxpr", found)


def all_eqns(jaxpr, revisit_inner_jaxprs=True):
    """Pairs (jaxpr, equation) of a jaxpr and those inside; each jaxpr once, if asked."""
    visited = set()

    def walk(jaxpr):
        for eqn in jaxpr.eqns:
            yield jaxpr, eqn
        for eqn in jaxpr.eqns:
            for inner in _inner(eqn):
                if revisit_inner_jaxprs or id(inner) not in visited:
                    visited.add(id(inner))
                    yield from walk(inner)

    yield from walk(getattr(jaxpr, "jaxpr", jaxpr))


def count_eqns(jaxpr, revisit_inner_jaxprs=True):
    """How many equations there are, also inside."""
    return sum(1 for _ in all_eqns(jaxpr, revisit_inner_jaxprs))


def collect_eqns(jaxpr, key):
    """`key(equation)` -> the equations it is said of."""
    found = collections.defaultdict(list)
    for _, eqn in all_eqns(jaxpr):
        found[key(eqn)].append(eqn)
    return dict(found)


def histogram(jaxpr, key, key_fmt=lambda x: x):
    """`key_fmt(key(equation))` -> how many equations it is said of."""
    return {key_fmt(k): len(eqns) for k, eqns in collect_eqns(jaxpr, key).items()}


def _where(eqn):
    return core.describe_source(eqn.source)


def _shapes(eqn):
    kinds = ["*" if isinstance(v, DropVar) else v.aval.str_short() for v in eqn.outvars]
    return eqn.primitive.name, " ".join(kinds)


def primitives(jaxpr):
    """Name of a primitive -> how many equations."""
    return histogram(jaxpr, lambda eqn: eqn.primitive.name)


def primitives_by_source(jaxpr):
    """`primitive @ line` -> how many equations."""
    return histogram(jaxpr, lambda eqn: (eqn.primitive.name, _where(eqn)), " @ ".join)


def primitives_by_shape(jaxpr):
    """`primitive :: types of the results` -> how many equations."""
    return histogram(jaxpr, _shapes, " :: ".join)


def source_locations(jaxpr):
    """The user's line -> how many equations."""
    return histogram(jaxpr, _where)


def print_histogram(histogram):
    """Print counts, the largest first."""
    for name, count in sorted(histogram.items(), key=lambda pair: (-pair[1], pair[0])):
        print(f"{count} {name}")
