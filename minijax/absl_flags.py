"""The flags of `config` as flags of absl's, for programs that read a command line with it."""

import importlib
import itertools
import sys
from typing import Any

from minijax import config

_DEFINERS = {bool: "DEFINE_bool", int: "DEFINE_integer", float: "DEFINE_float"}
_registered = []


def config_with_absl():
    """Let absl know JAX's flags: `app.run` reads them from the command line."""
    flags: Any = importlib.import_module("absl.flags")
    if _registered:
        return
    for name, (value, choices, about) in config.flags().items():
        given = value if type(value) in (*_DEFINERS, str) else None
        words = [word for word in choices if isinstance(word, str)]
        if words:
            flags.DEFINE_enum(name, given, words, about)
        else:
            define = getattr(flags, _DEFINERS.get(type(value), "DEFINE_string"))
            define(name, given, about)
        _registered.append(name)
    importlib.import_module("absl.app").call_after_init(lambda: _take(flags.FLAGS))


def parse_flags_with_absl():
    """Take JAX's flags from the command line now, other arguments aside."""
    if _registered:
        return
    config_with_absl()
    flags = importlib.import_module("absl.flags").FLAGS
    ours = itertools.takewhile(lambda word: word != "--", sys.argv)
    flags(["", *[word for word in ours if word.startswith("--jax")]], known_only=True)
    _take(flags)


def _take(flags):
    """Set what the command line gave."""
    for name in _registered:
        if flags[name].present:
            config.update(name, flags[name].value)
