"""Traces: the calls as in JAX; what is written is minijax's own."""

import gzip
import json

from sides import assert_same, raised

import minijax


def _said(error):
    return type(error).__name__, str(error)


def test_order_of_calls(tmp_path):
    def body(side):
        profiler, said = side("profiler"), []
        said.append(_said(raised(profiler.stop_trace)))
        profiler.start_trace(tmp_path / side.name)
        said.append(_said(raised(lambda: profiler.start_trace(tmp_path / side.name))))
        profiler.stop_trace()
        said.append(_said(raised(profiler.stop_trace)))
        with raised_inside(profiler.trace(tmp_path / side.name)):
            pass
        with profiler.trace(tmp_path / side.name):
            pass
        return said

    assert_same(body)


class raised_inside:
    """A `with` block that fails within another, and forgets the failure."""

    def __init__(self, outer):
        self.outer = outer

    def __enter__(self):
        self.outer.__enter__()

    def __exit__(self, *exc):
        error = ValueError("inside")
        assert not self.outer.__exit__(ValueError, error, None)


def test_annotations():
    def body(side):
        profiler = side("profiler")
        with (
            profiler.TraceAnnotation("a", x=1),
            profiler.StepTraceAnnotation("b", step_num=1),
        ):
            pass

        @profiler.annotate_function
        def f(x):
            return x + 1

        g = profiler.annotate_function(lambda x, y: x * y, name="d", z=1)
        return f(1), f.__name__, g(2, y=3)

    assert_same(body)


def test_what_is_written(tmp_path):
    profiler = minijax.profiler
    with profiler.trace(tmp_path, create_perfetto_trace=True):
        with profiler.StepTraceAnnotation("step", step_num=3):
            minijax.jit(lambda x: minijax.lax.sin(x) + 1)(1.0)
        with profiler.TraceAnnotation("other"):
            pass
    files = sorted(tmp_path.rglob("*.json.gz"))
    assert [path.name for path in files if "perfetto" in path.name]
    assert len(files) == 2
    with gzip.open(files[0], "rt") as file:
        events = {event["name"]: event for event in json.load(file)["traceEvents"]}
    assert events["step"]["args"] == {"step_num": "3"}
    for phase in ("jaxpr_trace_duration", "backend_compile_duration"):
        step = events["step"]
        assert step["ts"] <= events[phase]["ts"]
        assert events[phase]["ts"] + events[phase]["dur"] <= step["ts"] + step["dur"]
    assert events["other"]["ts"] >= step["ts"] + step["dur"]


def _number(data):
    """The number that starts here in groups of seven bits, the lowest first."""
    value = shift = 0
    for byte in data:
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            break
    return value


def _fields(data):
    """[(number, value)] of a protocol buffer of numbers and bytes."""
    data, found = iter(data), []
    for byte in data:
        value = _number(data)
        if byte & 7:
            value = bytes([next(data) for _ in range(value)])
        found.append((byte >> 3, value))
    return found


def _count_and_bytes(sample):
    values = iter(dict(_fields(sample))[2])
    return _number(values), _number(values)


def test_memory_profiles_hold_the_live_arrays(tmp_path):
    def body(side):
        x = side.jnp.zeros(54321, side.jnp.int8)  # a size that nothing else has
        y = side.jnp.zeros((7, 54321), side.jnp.int8)
        profiler, path = side("profiler"), tmp_path / side.name
        profiler.save_device_memory_profile(path)
        saved = gzip.decompress(path.read_bytes())
        given = side("_src.xla_bridge").get_backend().heap_profile()
        del x, y
        after = gzip.decompress(profiler.device_memory_profile())
        told = []
        for profile in (saved, given, after):
            fields = _fields(profile)
            words = [value.decode() for number, value in fields if number == 6]
            kinds = [
                [words[i] for _, i in _fields(v)] for number, v in fields if number == 1
            ]
            held = {_count_and_bytes(v)[1] for number, v in fields if number == 2}
            known = [n * 54321 in held for n in (1, 7)]
            told.append(
                (kinds, words[0], {"kind", "device", "buffer"} <= {*words}, known)
            )
        return told

    assert_same(body)
