"""Uses that warn, and that may be made to raise."""

import functools
import warnings

from minijax.alias import missing_attribute

# the deprecations that minijax warns of
_accelerated = dict.fromkeys(
    ["jax-nn-one-hot-float-input", "jax-numpy-astype-complex-to-real"], False
)


def deprecation_getattr(module, deprecations):
    """A `__getattr__` for the module of that name, some of whose names are deprecated.

    `deprecations` maps a name to (message, value): asking for it warns, or raises
    AttributeError where the value is None.
    """

    @functools.cache
    def find(name):
        if name not in deprecations:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        message, value = deprecations[name]
        if value is None:
            raise AttributeError(message)
        warnings.warn(message, DeprecationWarning, stacklevel=2)
        return value

    return find


def accelerate_getattr_deprecation(module, name):
    """From now on asking the module for the deprecated name raises."""
    message, _ = module._deprecations[name]
    module._deprecations[name] = message, None


def is_accelerated_attribute(module, name):
    """Whether asking the module for the deprecated name raises."""
    return module._deprecations[name][1] is None


def register(deprecation_id):
    """Make a deprecation known."""
    _accelerated.setdefault(deprecation_id, False)


def unregister(deprecation_id):
    """Forget a deprecation."""
    if deprecation_id not in _accelerated:
        raise ValueError(f"deprecation_id={deprecation_id!r} not registered.")
    del _accelerated[deprecation_id]


def accelerate(deprecation_id):
    """From now on the deprecated use raises."""
    if deprecation_id not in _accelerated:
        raise ValueError(f"deprecation_id={deprecation_id!r} not registered.")
    _accelerated[deprecation_id] = True


def is_accelerated(deprecation_id):
    """Whether the deprecated use raises."""
    if deprecation_id not in _accelerated:
        raise ValueError(f"deprecation_id={deprecation_id!r} not registered.")
    return _accelerated[deprecation_id]


def warn(deprecation_id, message, stacklevel=1):
    """Warn of a deprecated use, or raise ValueError where it is accelerated."""
    if is_accelerated(deprecation_id):
        raise ValueError(message)
    warnings.warn(message, DeprecationWarning, stacklevel=stacklevel + 1)


def __getattr__(name):
    raise missing_attribute(__name__, name)
