"""Filtering of tracebacks; equinox, flax and jaxtyping register their own files."""

from minijax.traceback_util import UnfilteredStackTrace as UnfilteredStackTrace
from minijax.traceback_util import _excluded as _exclude_paths  # noqa: F401
from minijax.traceback_util import api_boundary as api_boundary
from minijax.traceback_util import include_frame as include_frame
from minijax.traceback_util import register_exclusion as register_exclusion
