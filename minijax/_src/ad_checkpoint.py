"""Rematerialisation."""

import functools
import importlib

from minijax._src._homes import names_of
from minijax.control.remat import checkpoint, checkpoint_name


def checkpoint_name3(name, x):
    """`checkpoint_name`, with the name first."""
    return checkpoint_name(x, name)


def remat3(f=None, /, policy=None, static_argnums=(), static_argnames=()):
    """`checkpoint`; a set of names as the policy keeps what is marked with one of them."""
    if f is None:
        return functools.partial(
            remat3,
            policy=policy,
            static_argnums=static_argnums,
            static_argnames=static_argnames,
        )
    if isinstance(policy, (set, frozenset)):
        names = importlib.import_module("minijax.control.policies")
        policy = names.SaveOnlyTheseNames(frozenset(policy))
    return checkpoint(
        f, policy=policy, static_argnums=static_argnums, static_argnames=static_argnames
    )


_find = names_of(
    __name__,
    "minijax.ad_checkpoint",
    "minijax.control.remat",
    "minijax.control.policies",
)


def __getattr__(name):
    policies = importlib.import_module("minijax.control.policies").checkpoint_policies
    return getattr(policies, name) if name in vars(policies) else _find(name)
