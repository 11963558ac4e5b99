"""lax.platform_dependent: a function for each platform, of which one is compiled."""

import numpy as np

from minijax.control.cond import bind_branches, switch_names
from minijax.control.cond_rules import platform_branch
from minijax.core import ShapedArray
from minijax.ops.define import NO_RULE, NONDIFFERENTIABLE, define
from minijax.traceback_util import api_boundary
from minijax.transforms import ad


@api_boundary
def platform_dependent(*args, default=None, **per_platform):
    """The function given for the platform `cpu`, or else `default`, called on `args`.

    All functions are traced, so that jaxprs hold every platform's. TypeError where one
    is not callable or the results differ in tree or type; NotImplementedError where
    there is no function for `cpu` and no default.
    """
    platforms, branches = _branches(default, per_platform)
    index = platform_index_p.bind(platforms=platforms)
    known = ad.concrete(index)
    if known is not None:
        return branches[int(known)](*args)
    names = switch_names(len(branches))
    return bind_branches(
        "switch", index, branches, args, names, branches_platforms=platforms
    )


def _branches(default, per_platform):
    """(names of platforms, functions), each function once."""
    joined = []
    for name, branch in per_platform.items():
        _check_callable(name, branch)
        if name == "gpu":
            raise ValueError("Use 'cuda' or 'rocm' for lax.platform_dependent.")
        same = next((names for names, other in joined if other == branch), None)
        if same is None:
            joined.append(([name], branch))
        else:
            same.append(name)
    platforms = tuple(tuple(names) for names, _ in joined)
    branches = tuple(branch for _, branch in joined)
    if default is None:
        return platforms, branches
    _check_callable("default", default)
    return (*platforms, None), (*branches, default)


def _check_callable(name, branch):
    if not callable(branch):
        raise TypeError(
            f"lax.platform_dependent: the '{name}' branch must be a callable."
        )


def _lower(b, ins, out_avals, *, platforms):
    return [b.full(out_avals[0], platform_branch(platforms))]


platform_index_p = define(
    "platform_index",
    shape=lambda *, platforms: ShapedArray((), np.int32),
    reference=lambda *, platforms: np.int32(platform_branch(platforms)),
    jvp=NONDIFFERENTIABLE,
    transpose=NO_RULE("has no inputs"),
    batch=NO_RULE("has no inputs"),
    lower=_lower,
)
