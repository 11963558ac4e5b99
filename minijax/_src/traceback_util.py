"""Filtering of tracebacks; equinox, flax and jaxtyping register their own files."""

from minijax.traceback_util import api_boundary as api_boundary
from minijax.traceback_util import register_exclusion as register_exclusion
