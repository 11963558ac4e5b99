"""Phase timers, counters, and the listeners that mirror `jax.monitoring`."""

import time

import jax
import pytest

from minijax import monitoring, stats


@pytest.fixture(autouse=True)
def _clean():
    """Leave the process's own counts and listeners as they were."""
    saved = dict(stats.counters), dict(stats.phases)
    stats.reset()
    yield
    monitoring.clear_event_listeners()
    stats.reset()
    stats.counters.update(saved[0])
    stats.phases.update(saved[1])


def test_monitoring_has_jax_s_public_functions():
    public = [name for name in dir(jax.monitoring) if not name.startswith("_")]
    missing = [name for name in public if not callable(getattr(monitoring, name, None))]
    assert not missing


def exercise(module):
    """What listeners of `module` get from one of every kind of record."""
    heard = []

    def on_event(*args, **metadata):
        heard.append(("event", args, metadata))

    def on_duration(*args, **metadata):
        heard.append(("duration", args, metadata))

    def on_span(*args, **metadata):
        heard.append(("span", args, metadata))

    def on_scalar(*args, **metadata):
        heard.append(("scalar", args, metadata))

    def record():
        module.record_event("/a", kind="x")
        module.record_event_duration_secs("/b", 1.5, n=2)
        module.record_event_time_span("/c", 1.0, 2.0)
        module.record_scalar("/d", 7, n=3)

    module.register_event_listener(on_event)
    module.register_event_duration_secs_listener(on_duration)
    module.register_event_duration_secs_listener(on_duration)
    module.register_event_time_span_listener(on_span)
    module.register_scalar_listener(on_scalar)
    record()
    module.unregister_event_duration_listener(on_duration)
    module.unregister_event_listener(on_event)
    module.unregister_event_time_span_listener(on_span)
    module.unregister_scalar_listener(on_scalar)
    record()
    with pytest.raises(AssertionError):
        module.unregister_event_listener(on_event)
    module.unregister_event_duration_listener(on_duration)
    record()
    return heard


def test_listeners_hear_what_jax_s_hear():
    assert exercise(monitoring) == exercise(jax.monitoring)


def test_a_phase_is_recorded_as_jax_records_it():
    """Names, metadata and order of the events of one jitted call."""

    def heard_while(module, action):
        heard = []

        def listen(kind):
            return lambda event, *values, **metadata: heard.append(
                (kind, event, metadata)
            )

        listeners = [listen("duration"), listen("span"), listen("scalar")]
        module.register_event_duration_secs_listener(listeners[0])
        module.register_event_time_span_listener(listeners[1])
        module.register_scalar_listener(listeners[2])
        try:
            action()
        finally:
            module.unregister_event_duration_listener(listeners[0])
            module.unregister_event_time_span_listener(listeners[1])
            module.unregister_scalar_listener(listeners[2])
        return heard

    @jax.jit
    def f(x):
        return x * 3

    def phases():
        for name in ("trace", "lower", "compile"):
            with stats.phase(name, "f"):
                pass

    theirs = heard_while(jax.monitoring, lambda: f(2.0))
    assert heard_while(monitoring, phases) == theirs


def test_own_time_leaves_inner_phases_out():
    with stats.phase("trace", "outer"):
        time.sleep(0.01)
        with stats.phase("compile", "inner"):
            time.sleep(0.05)
    times, seconds, own = stats.phases["trace", "outer"]
    _, inner_seconds, inner_own = stats.phases["compile", "inner"]
    assert times == 1 and inner_own == inner_seconds >= 0.05
    assert own == pytest.approx(seconds - inner_seconds)
    assert stats.counters == {"trace": 1, "compile": 1}


def test_a_phase_that_raises_is_recorded_and_left():
    with pytest.raises(KeyError), stats.phase("lower", "f"):
        raise KeyError
    with stats.phase("lower", "f"):
        pass
    assert stats.phases["lower", "f"][0] == 2
    assert stats.phases["lower", "f"][2] == stats.phases["lower", "f"][1]


def test_snapshot_is_plain_data():
    stats.count("eager_cache_miss")
    stats.count("eager_cache_miss", 2)
    with stats.phase("trace", "f"):
        pass
    [phase] = stats.snapshot()["phases"]
    assert (phase["phase"], phase["function"], phase["count"]) == ("trace", "f", 1)
    assert stats.snapshot()["counters"] == {"eager_cache_miss": 3, "trace": 1}
