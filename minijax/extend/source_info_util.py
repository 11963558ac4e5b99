"""Where equations come from (`jax.extend.source_info_util`)."""

import contextlib

from minijax import core
from minijax.traceback_util import register_exclusion as register_exclusion


def current():
    """The user's line, as equations record it."""
    return core.user_frame()


new_source_info = current


def summarize(source_info, num_frames=1):
    """`file:line (function)`."""
    return core.describe_source(source_info)


@contextlib.contextmanager
def user_context(traceback=None, *, name_stack=None):
    """A block whose errors are the user's; they carry their lines already."""
    yield
