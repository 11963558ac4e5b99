"""What the flags `jax_logging_level` and `jax_debug_log_modules` do: levels and handlers
of the loggers that the front end writes to.

Loaded when one of the flags is set; until then `logging` is not either.
"""

import logging
import sys

# Both names log: messages bear JAX's names, and `jaxlib` is what stands in for a library
_ROOTS = ("jax", "jaxlib")


def _handler(level=logging.NOTSET):
    handler = logging.StreamHandler(sys.stderr)
    handler.setLevel(level)
    form = "{levelname}:{asctime}:{name}:{lineno}: {message}"
    handler.setFormatter(logging.Formatter(form, style="{"))
    return handler


class _Followed:
    """Loggers that were given a level and a handler, until they are let go."""

    def __init__(self, handler):
        self._handler = handler
        self._before = []

    def follow(self, name, level, *, shown=True):
        """Set a logger's level; `shown`: what it says goes to the standard error."""
        logger = logging.getLogger(name)
        self._before.append((logger, logger.level))
        logger.setLevel(level)
        if shown:
            logger.addHandler(self._handler)

    def let_go(self):
        """Put every logger back as it was."""
        for logger, level in reversed(self._before):
            logger.removeHandler(self._handler)
            logger.setLevel(level)
        self._before.clear()


_by_level = _Followed(_handler())
_by_module = _Followed(_handler(logging.DEBUG))
# Where all of JAX's loggers are shown already, those of single modules are not twice
_by_module._handler.addFilter(
    lambda _: logging.getLogger(_ROOTS[0]).getEffectiveLevel() > logging.DEBUG
)


def set_level(name):
    """Log from the level of this name on; None: as before any level was set."""
    _by_level.let_go()
    if name is not None:
        level = getattr(logging, name)
        for root in _ROOTS:
            _by_level.follow(root, level, shown=level != logging.NOTSET)


def set_debug_modules(names):
    """Log all that modules say, for debugging: names as of loggers, with commas between."""
    _by_module.let_go()
    for name in names.split(",") if names else ():
        _by_module.follow(name, logging.DEBUG)
