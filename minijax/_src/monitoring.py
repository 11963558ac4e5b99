"""Listeners for what is traced and compiled."""

from minijax import monitoring
from minijax._src._homes import names_of


def get_event_listeners():
    """The event listeners."""
    return list(monitoring._event_listeners)


def get_event_duration_listeners():
    """The duration listeners."""
    return list(monitoring._duration_listeners)


def get_event_time_span_listeners():
    """The time-span listeners."""
    return list(monitoring._time_span_listeners)


def get_scalar_listeners():
    """The scalar listeners."""
    return list(monitoring._scalar_listeners)


__getattr__ = names_of(__name__, "minijax.monitoring")
