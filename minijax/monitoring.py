"""Listeners for what minijax does, with `jax.monitoring`'s public functions.

The front end records its phases here (see `stats.py`) under the names that JAX
uses, so that one listener serves both. Recording is meant for rare things: traces,
lowerings, compilations, cache look-ups that missed. Nothing here runs on a warm call.
"""

from collections.abc import Callable
from typing import Any

EventListener = Callable[..., Any]

_event_listeners: list[EventListener] = []
_duration_listeners: list[EventListener] = []
_time_span_listeners: list[EventListener] = []
_scalar_listeners: list[EventListener] = []


def record_event(event: str, **metadata: str | int) -> None:
    """Tell the event listeners that `event` happened."""
    for listener in _event_listeners:
        listener(event, **metadata)


def record_event_duration_secs(
    event: str, duration: float, **metadata: str | int
) -> None:
    """Tell the duration listeners that `event` took `duration` seconds."""
    for listener in _duration_listeners:
        listener(event, duration, **metadata)


def record_event_time_span(
    event: str, start_time: float, end_time: float, **metadata: str | int
) -> None:
    """Tell the time-span listeners when `event` ran, in seconds since the epoch."""
    for listener in _time_span_listeners:
        listener(event, start_time, end_time, **metadata)


def record_scalar(event: str, value: float | int, **metadata: str | int) -> None:
    """Tell the scalar listeners the `value` of `event`."""
    for listener in _scalar_listeners:
        listener(event, value, **metadata)


def register_event_listener(callback: EventListener) -> None:
    """Call `callback(event, **metadata)` at every `record_event`."""
    _event_listeners.append(callback)


def register_event_duration_secs_listener(callback: EventListener) -> None:
    """Call `callback(event, seconds, **metadata)` at every recorded duration."""
    _duration_listeners.append(callback)


def register_event_time_span_listener(callback: EventListener) -> None:
    """Call `callback(event, start, end, **metadata)` at every recorded time span."""
    _time_span_listeners.append(callback)


def register_scalar_listener(callback: EventListener) -> None:
    """Call `callback(event, value, **metadata)` at every recorded scalar."""
    _scalar_listeners.append(callback)


def unregister_event_listener(callback: EventListener) -> None:
    """Drop `callback`; AssertionError where it was not registered, as in JAX."""
    _unregister(_event_listeners, callback)


def unregister_event_duration_listener(callback: EventListener) -> None:
    """Drop `callback`; AssertionError where it was not registered, as in JAX."""
    _unregister(_duration_listeners, callback)


def unregister_event_time_span_listener(callback: EventListener) -> None:
    """Drop `callback`; AssertionError where it was not registered, as in JAX."""
    _unregister(_time_span_listeners, callback)


def unregister_scalar_listener(callback: EventListener) -> None:
    """Drop `callback`; AssertionError where it was not registered, as in JAX."""
    _unregister(_scalar_listeners, callback)


def clear_event_listeners() -> None:
    """Drop every listener of every kind."""
    for listeners in (
        _event_listeners,
        _duration_listeners,
        _time_span_listeners,
        _scalar_listeners,
    ):
        listeners.clear()


def _unregister(listeners: list[EventListener], callback: EventListener) -> None:
    if callback not in listeners:
        raise AssertionError(f"{callback!r} is not a registered listener")
    listeners.remove(callback)
