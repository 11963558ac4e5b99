"""The folder of compiled programs: accepted, as nothing slow is compiled."""

from minijax import config


def set_cache_dir(path):
    """Set `jax_compilation_cache_dir`."""
    config.update("jax_compilation_cache_dir", path)


def reset_cache():
    """Forget that the folder was opened; there is nothing to forget."""
