"""Rematerialisation."""

from minijax._src._homes import names_of

__getattr__ = names_of(
    __name__,
    "minijax.ad_checkpoint",
    "minijax.control.remat",
    "minijax.control.policies",
)
