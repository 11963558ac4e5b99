"""What JAX has for several devices and processes, where there is one of each."""

import numpy as np
import pytest
from sides import Side, assert_same, raised, said


def _sharding(side):
    mesh = side.make_mesh((1,), ("x",))
    return side.sharding.NamedSharding(mesh, side.P("x"))


def _call(module, name, *args, **kwargs):
    return lambda side: getattr(side(f"experimental.{module}"), name)(*args, **kwargs)


def _as_text(fun):
    """`fun`, its result as text, or the error's type and text."""

    def body(side):
        try:
            return str(fun(side))
        except Exception as error:
            return type(error).__name__, str(error)

    return body


def _cut_alike(s):
    """Trees that `shard_alike` takes, derivatives and batches of it, and errors."""
    alike, x = (
        s("experimental.shard_alike").shard_alike,
        s.jnp.arange(6.0).reshape(2, 3),
    )
    return [
        s.make_jaxpr(alike)([x], [x + 1]), s.jit(alike)([1, x], [2.0, x]),
        s.grad(lambda x: alike(x, x * 2)[1].sum())(x), s.vmap(alike, (0, None))(x, x[0])[1],
        said(lambda _: alike(x, x[0]), s)[0][:60], said(lambda _: alike([x], x), s)[0][:20],
    ]  # fmt: skip


def _topology(use):
    """What `use` gives of the module and the devices that are attached."""

    def body(side):
        topologies = side("experimental.topologies")
        return use(topologies, topologies.get_attached_topology())

    return body


SINGLE = {
    "devices of a topology": _topology(
        lambda t, there: (len(there.devices), t.TopologyDescription([3]).devices)),
    "mesh of a topology": _topology(lambda t, there: t.make_mesh(there, (1,), ("x",))),
    "mesh of two axes": _topology(lambda t, there: t.make_mesh(
        there, (1, 1), ("x", "y"), contiguous_submeshes=True).shape),
    "too large a mesh of a topology": _topology(
        lambda t, there: t.make_mesh(there, (2,), ("x",))),
    "topology of nothing attached": _topology(
        lambda t, there: t.get_topology_desc("1x2", "cpu")),
    "cut alike": _cut_alike,
    "device mesh": _call("mesh_utils", "create_device_mesh", (1, 1)),
    "too large a mesh": _call("mesh_utils", "create_device_mesh", (2, 1)),
    "hybrid": _call("mesh_utils", "create_hybrid_device_mesh", (1, 1), (1, 1)),
    "hybrid by process": _call(
        "mesh_utils", "create_hybrid_device_mesh", (1, 1), (1, 1),
        process_is_granule=True),
    "process_allgather": _call("multihost_utils", "process_allgather", np.arange(3)),
    "process_allgather, tiled": _call(
        "multihost_utils", "process_allgather", np.arange(3), tiled=True),
    "sync_global_devices": _call("multihost_utils", "sync_global_devices", "name"),
    "broadcast_one_to_all": _call("multihost_utils", "broadcast_one_to_all", [1, 2.5]),
    "assert_equal": _call("multihost_utils", "assert_equal", np.arange(3)),
    "preemption": _call("multihost_utils", "reached_preemption_sync_point", 1),
    "local to global": lambda s: s("experimental.multihost_utils")
    .host_local_array_to_global_array(np.arange(4), s.make_mesh((1,), ("x",)), s.P("x")),
    "layout": lambda s: s("experimental.layout").Layout((0, 1)),
    "equal layouts": lambda s: s("experimental.layout").Layout((0, 1))
    == s("experimental.layout").Layout((0, 1)),
    "format": lambda s: s("experimental.layout").Format(),
    "layout constraint": lambda s: s("experimental.layout").with_layout_constraint(
        s.jnp.ones((2, 3)), s("experimental.layout").Layout((0, 1))),
    "set_xla_metadata": lambda s: s("experimental.xla_metadata").set_xla_metadata(
        s.jnp.ones(2), note="b"),
    "set_xla_metadata of a function": lambda s: s("experimental.xla_metadata")
    .set_xla_metadata(print, note="b"),
    "from callback": lambda s: s.make_array_from_callback(
        (4,), _sharding(s), lambda index: np.arange(8)[::2][index]),
    "from arrays": lambda s: s.make_array_from_single_device_arrays(
        (4,), _sharding(s), [s.jnp.arange(4)]),
    "from local data": lambda s: s.make_array_from_process_local_data(
        _sharding(s), np.arange(4)),
    "from local data of another shape": lambda s: s.make_array_from_process_local_data(
        _sharding(s), np.arange(4), (5,)),
}  # fmt: skip


@pytest.mark.parametrize("name", SINGLE)
def test_one_device(name):
    assert_same(_as_text(SINGLE[name]))


# Arguments of the constructor that JAX's arrays have: dtype, number of parts, committed.
PARTS = [("float32", 1, True), ("float32", 1, False), ("int32", 1, True),
         ("float32", 2, True)]  # fmt: skip


@pytest.mark.parametrize("dtype, n, committed", PARTS)
def test_array_of_parts(dtype, n, committed):
    def body(side):
        x, place = side.jnp.arange(4.0), _sharding(side)
        aval, make = side.core.ShapedArray((4,), np.dtype(dtype)), type(x)
        try:
            out = make(aval, place, [x] * n, committed=committed)
        except ValueError as error:
            return str(error)
        return (
            np.asarray(out).tolist(),
            out.committed,
            not committed or out.sharding == place,
        )

    assert_same(body)


def test_wrong_parts_are_refused():
    def body(side):
        call = side.make_array_from_single_device_arrays
        error = raised(lambda: call((5,), _sharding(side), [side.jnp.arange(4)]))
        return type(error).__name__, str(error).split(" with sharding")[0].split("@")[0]

    theirs, ours = [body(Side(name)) for name in ("jax", "minijax")]
    assert ours[0] == theirs[0] and ours[1].startswith(theirs[1].split("[")[0])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("shape", [(4,), (4, 4), (3, 5), (16, 1), (2, 64)])
def test_visualize_array_sharding(shape, capsys):
    said = []
    for name in ("jax", "minijax"):
        side = Side(name)
        side.debug.visualize_array_sharding(side.jnp.zeros(shape), use_color=False)
        said.append(capsys.readouterr().out)
    assert said[0] == said[1]


def test_live_arrays():
    def body(side):
        side.jnp.arange(12345.0)  # its object may be used again for the next
        x = side.jnp.arange(12345.0)
        mine = [a for a in side.live_arrays() if a.shape == (12345,)]
        x.delete()
        rest = [a for a in side.live_arrays() if a.shape == (12345,)]
        return len(mine), len(rest)

    assert_same(body)


@pytest.mark.parametrize("old", ["pjit", "shard_map"])
def test_old_names_warn(old):
    def body(side):
        with pytest.warns(DeprecationWarning):
            function = getattr(side(f"experimental.{old}"), old)
        if old == "pjit":
            return function(lambda x: x + 1)(np.float32(2))
        mesh = side.sharding.Mesh(np.array(side.devices()), ("x",))
        spec = side.P("x")
        f = function(lambda x: side.lax.psum(x, "x"), mesh, (spec,), side.P())
        return f(side.jnp.arange(3.0))

    assert_same(body)


def test_arrays_are_made_of_parts_outside_of_traces_only():
    def body(side):
        place = side.sharding.SingleDeviceSharding(side.devices()[0])
        x = side.jnp.arange(4.0)

        def whole(x):
            return side.make_array_from_callback((4,), place, lambda i: x[i])

        def part(x):
            return side.make_array_from_single_device_arrays((4,), place, [x])

        return [
            said(lambda _, f=f: side.jit(f)(x), side)[0][:60] for f in (whole, part)
        ]

    assert_same(body)


def test_layouts_of_another_rank_are_refused():
    def body(side):
        layouts, place = side("experimental.layout"), side.devices()[0]
        place = side.sharding.SingleDeviceSharding(place)
        form = layouts.Format(layouts.Layout((0, 1, 2)), place)
        error = raised(lambda: side.device_put(np.arange(4), form))
        return type(error).__name__, "Length of major_to_minor" in str(error)

    assert_same(body)


def test_index_maps_are_kept():
    def body(side):
        maps = side("_src.sharding").common_devices_indices_map
        place = _sharding(side)
        side.clear_caches()
        before = maps.cache_info().hits
        for _ in range(3):
            place.devices_indices_map((8,))
        info = maps.cache_info()
        return info.hits - before, info.currsize

    assert_same(body)


# --- pjit and jit under meshes ----------------------------------------------------------


def _mesh_of(x):
    return getattr(x.sharding, "mesh", None)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("maker", ["jit", "pjit"])
@pytest.mark.parametrize("how", ["with mesh", "set_mesh"])
def test_mesh_that_specs_refer_to(maker, how):
    def body(side):
        make = side.jit if maker == "jit" else side("_src.pjit").pjit
        automatic = (side.sharding.AxisType.Auto,)
        mesh = side.make_mesh((1,), ("x",), axis_types=automatic)
        x, f = side.jnp.arange(3.0), lambda x: x * 2
        put, spec = side.device_put(x, side.devices()[0]), side.P("x")
        tried = [
            lambda: make(f, in_shardings=spec)(x),
            lambda: make(f, out_shardings=spec)(x),
        ]
        if maker == "pjit":  # of functions without places, jit serves calls in C
            tried += [
                lambda: make(f)(x),
                lambda: make(f)(put),
                lambda: make(lambda: 1)(),
            ]
        with mesh if how == "with mesh" else side.set_mesh(mesh):
            return [str(said(lambda _, t=t: _mesh_of(t()), side)) for t in tried]

    assert_same(body)


def test_specs_are_looked_at_when_functions_are_made():
    def body(side):
        pjit, twice = side("_src.pjit").pjit, side.P("x", "x")
        device = side.devices()[0]
        return [
            said(lambda _, t=t: t(), side)
            for t in (
                lambda: side.jit(len, in_shardings=twice),
                lambda: pjit(len, None, twice),
                lambda: side.jit(len, device=device, backend="cpu"),
            )
        ]

    assert_same(body)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore:backend and device:DeprecationWarning")
def test_functions_with_a_device():
    def body(side):
        pjit, device = side("_src.pjit").pjit, side.devices()[0]
        mesh, x = side.make_mesh((1,), ("x",)), side.jnp.arange(3.0)
        with mesh:
            refused = said(lambda _: pjit(abs, device=device)(x), side)
        return refused, side.jit(abs, device=device)(x).committed

    assert_same(body)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_mesh_as_decorator():
    def body(side):
        mesh = side.make_mesh((1,), ("x",))
        return (
            mesh(lambda: side("_src.mesh").thread_resources.env.physical_mesh)() == mesh
        )

    assert_same(body)


def test_calls_with_places_are_served_in_c():
    def misses(side):
        place = _sharding(side)
        f = side.jit(lambda x: x * 2, in_shardings=place, out_shardings=place)
        util, x = side("_src.util"), side.jnp.arange(3.0)
        seen, before = [], util.test_event_listener
        util.test_event_listener = lambda name, *_: seen.append(name)
        try:
            [f(x) for _ in range(3)]
        finally:
            util.test_event_listener = before
        return seen.count("jit_cpp_cache_miss")

    assert misses(Side("minijax")) == 1


def test_arrays_like_a_struct_lie_where_it_says():
    def body(side):
        x = side.ShapeDtypeStruct((2, 2), np.float32, sharding=_sharding(side))
        jnp, lax = side.jnp, side.lax
        likes = (
            jnp.zeros_like,
            lambda x: jnp.full_like(x, 3),
            lambda x: lax.full_like(x, 2.0),
        )
        return [str(like(x).sharding) for like in likes]

    assert_same(body)


# --- what matters where there are several devices --------------------------------------


def _whole(side):
    """Functions that could run elsewhere, or divided, run as they are."""
    jnp, on = side.jnp, side("experimental.compute_on")
    with on.compute_on("device_host"):
        x = jnp.arange(3.0) + 1
    space = getattr(side.typeof(x), "memory_space", None)
    twice = on.compute_on2(
        lambda x: x * 2, compute_type="device_host", out_memory_spaces=space
    )
    divided = side("experimental.custom_partitioning").custom_partitioning(
        lambda x: x + 1
    )
    divided.def_partition(lambda *args: args, sharding_rule="i -> i")
    grouped = side("experimental.scheduling_groups").scheduling_group(name="a")
    return twice(x), divided(x), side.jit(divided)(x), grouped(lambda x: x - 1)(x)


def test_run_whole():
    assert_same(_whole)
    for wrong in ("gpu", 3):

        def refusal(side, wrong=wrong):
            on = side("experimental.compute_on").compute_on
            return repr(raised(lambda: on(wrong).__enter__()))

        assert refusal(Side("minijax")) == refusal(Side("jax"))


# --- transfer guards ------------------------------------------------------------------

TRANSFERS = [
    "jax.device_put(n)", "f(n)", "f(1.0)", "f(x)", "x + n", "x + 1.0", "jnp.asarray(n)",
    "jnp.asarray([1, 2])", "jnp.zeros(3)", "jnp.arange(3)", "jnp.sin(n)", "-x",
    "np.asarray(x)", "jax.device_get(x)",
]  # fmt: skip


def _refused(transfer, names):
    """What a transfer's error says first, "" where there is none."""
    try:
        eval(transfer, names)
    except Exception as error:
        return f"{type(error).__name__}: {str(error)[:70]}"
    return ""


@pytest.mark.parametrize("level", ["disallow", "disallow_explicit", "log", "allow"])
def test_transfer_guard(level):
    """The same transfers are refused; the innermost guard decides."""

    def body(side):
        jax, jnp = side.jax, side.jnp
        names = {"jax": jax, "jnp": jnp, "np": np, "n": np.ones(3, np.float32)}
        names |= {"x": jnp.ones(3), "f": jax.jit(lambda x: x * 2)}
        found = [eval(transfer, names) is None for transfer in TRANSFERS]
        for transfer in TRANSFERS:
            with jax.transfer_guard(level):
                found.append(_refused(transfer, names))
        with jax.transfer_guard(level), jax.transfer_guard_host_to_device("allow"):
            jnp.ones(1)
        with jax.transfer_guard_host_to_device(level), jax.transfer_guard("allow"):
            jnp.ones(1)
        return found

    assert_same(body)
