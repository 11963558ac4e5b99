"""Looking into a running program (`jax.debug`)."""

import builtins
import importlib

from minijax import core
from minijax.alias import missing_attribute
from minijax.control.callback import debug_callback as callback
from minijax.control.callback import debug_print as print
from minijax.device import DEFAULT_SHARDING


def visualize_sharding(
    shape,
    sharding,
    *,
    use_color=True,
    scale=1.0,
    min_width=9,
    max_width=80,
    color_map=None,
):
    """Print a picture of which device holds which part of an array of one or two axes.

    ValueError for other shapes.
    """
    if len(shape) not in (1, 2):
        raise ValueError(
            "`visualize_sharding` only works for shapes with 1 and 2 dimensions."
        )
    rows, width = 1, min_width
    if len(shape) == 2:
        height = int(10 * scale)
        width = int(int(height * shape[1] / shape[0]) * 2.5)
        rows = height - 1
    inner = min(max(width, min_width), max_width) - 2
    left = (inner - 5) // 2
    label = " " * left + "CPU 0" + " " * (inner - 5 - left)
    above = (rows - 1) // 2
    lines = [" " * inner] * above + [label] + [" " * inner] * (rows - 1 - above)
    builtins.print(f"┌{'─' * inner}┐")
    for line in lines:
        builtins.print(f"│{line}│")
    builtins.print(f"└{'─' * inner}┘")


def visualize_array_sharding(arr, **kwargs):
    """Print a picture of which device holds which part of `arr`."""
    visualize_sharding(core.get_aval(arr).shape, None, **kwargs)


def inspect_array_sharding(value, *, callback):
    """Call `callback(sharding)` with the sharding of `value`: of the one device."""
    core.get_aval(value)
    callback(DEFAULT_SHARDING)


def log(fmt=None, *args, **options):
    """As `print`, to the log in place of the standard output."""
    return print(fmt, *args, _use_logging=True, **options)


def __getattr__(name):
    if name == "breakpoint":  # few programs stop: the debugger loads when one does
        debugger = importlib.import_module("minijax.control.debugger")
        globals()[name] = debugger.breakpoint
        return debugger.breakpoint
    raise missing_attribute(__name__, name)


__all__ = [
    "breakpoint", "callback", "inspect_array_sharding", "log", "print",
    "visualize_array_sharding", "visualize_sharding",
]  # fmt: skip
