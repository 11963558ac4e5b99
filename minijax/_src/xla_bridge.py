"""The backends by name: chex asks whether they have been started."""

from minijax.extend.backend import backends

_backends = backends()
