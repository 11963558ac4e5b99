"""Functions beside devices, and managers of checkpoints."""

from functools import partial

import numpy as np
import pytest
from sides import Side, assert_same, raised


def _colocated(side, fun=lambda x: x + 1):
    return side("experimental.colocated_python").colocated_python(fun)


def _counter(side):
    class Counter:
        """Counts the calls of its method."""

        def __init__(self, start):
            self.count = start

        def add(self, x):
            self.count += 1
            return x + self.count

    return side("experimental.colocated_python").colocated_python_class(Counter)


def _counted(side, start, *xs):
    counter = _counter(side)(start)
    return (
        [counter.add(x) for x in xs],
        hasattr(counter, "count"),
        _counter(side).__doc__,
    )


COLOCATED = {
    "tree": lambda s, x: _colocated(s, lambda x, y: {"a": x + y, "b": None})(x, y=x),
    "array of numpy's": lambda s, x: _colocated(s)(np.ones(3)),
    "number": lambda s, x: _colocated(s)(3),
    "number out": lambda s, x: _colocated(s, lambda x: 3)(x),
    "nothing": lambda s, x: _colocated(s, lambda: s.jnp.ones(2))(),
    "devices": lambda s, x: _colocated(s, partial(s.jnp.ones, 2)).specialize(
        devices=s.devices()
    )(),
    "devices twice": lambda s, x: (
        _colocated(s).specialize(devices=s.devices()).specialize(devices=s.devices())
    ),
    "error within": lambda s, x: _colocated(s, lambda x: {}[1])(x),
    "object": lambda s, x: _counted(s, 3, x, x, x),
    "no attributes": lambda s, x: _counter(s)(3).count,
    "cpu devices": lambda s, x: (
        s("experimental.colocated_python").colocated_cpu_devices(s.devices())
        == s.devices()
    ),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("case", COLOCATED)
def test_colocated(case):
    def found(side):
        try:
            return COLOCATED[case](side, side.jnp.arange(3))
        except Exception as error:
            return type(error).__name__, str(error)

    assert_same(found)


def _serialization():
    # JAX's own module cannot be imported without tensorstore.
    return Side("minijax")("experimental.array_serialization.serialization")


def test_a_manager_of_checkpoints_says_what_it_does():
    base = _serialization().GlobalAsyncCheckpointManagerBase
    names = ["check_for_errors", "wait_until_finished", "serialize", "deserialize"]
    whole = dict.fromkeys(names, print)
    type("Manager", (base,), whole)()
    del whole["serialize"]
    assert "serialize" in str(raised(type("Manager", (base,), whole)))


def test_where_tensorstore_keeps_an_array():
    spec = _serialization().get_tensorstore_spec
    assert spec("/a/b/") == {
        "driver": "zarr", "kvstore": {"driver": "file", "path": "/a/b"}
    }  # fmt: skip
    base = {"driver": "file", "path": "/a/process_2"}
    assert spec("/a/b", ocdbt=True, process_idx=2)["kvstore"] == {
        "driver": "ocdbt", "base": base, "path": "b"
    }  # fmt: skip
    assert spec("/a/b", arr=np.ones((2, 0)))["metadata"]["chunks"] == [2, 1]
    assert "absolute" in str(raised(lambda: spec("b", ocdbt=True)))


def test_arrays_come_back_from_files(tmp_path):
    pytest.importorskip("tensorstore")
    manager, side, said = (
        _serialization().GlobalAsyncCheckpointManager(),
        Side("minijax"),
        [],
    )
    arrays = [side.jnp.arange(6.0).reshape(2, 3), side.jnp.ones(4, "bfloat16")]
    paths = [tmp_path / "0", tmp_path / "1"]
    manager.serialize_with_paths(
        arrays, paths, on_commit_callback=lambda: said.append(1)
    )
    places = [side("sharding").SingleDeviceSharding(side.devices()[0])] * 2
    found = manager.deserialize_with_paths(places, paths, [(3, 2), (4,)])
    assert (said, found[1].dtype) == ([1], "bfloat16")
    np.testing.assert_array_equal(found[0], [[0, 1], [3, 4], [0, 0]])
