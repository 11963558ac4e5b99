"""What a report of a fault should tell of the machine and the versions."""

import os
import platform
import sys

import numpy as np

from minijax.device import device_count, devices, local_device_count, process_count
from minijax.version import __version__


def print_environment_info(return_string: bool = False) -> str | None:
    """Print versions, devices, platform and the environment's JAX_ and XLA_ variables.

    `return_string`: return the text instead.
    """
    python = sys.version.replace("\n", " ")
    kind = devices()[0].device_kind
    lines = [
        f"jax:    {__version__}",
        f"jaxlib: {__version__}",
        f"numpy:  {np.__version__}",
        f"python: {python}",
        f"device info: {kind}-{device_count()}, {local_device_count()} local devices",
        f"process_count: {process_count()}",
        f"platform: {platform.uname()}",
    ]
    lines += [
        f"{name}={value}"
        for name, value in os.environ.items()
        if name.startswith(("JAX_", "XLA_"))
    ]
    text = "\n".join(lines)
    if return_string:
        return text
    print(text)
    return None
