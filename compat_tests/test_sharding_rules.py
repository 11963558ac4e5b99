"""Sharding rules in words, and what says where values lie, against JAX's."""

import pytest
from sides import Side, both, raised

FACTORS = "reduction_factors", "need_replication_factors", "permutation_factors"
# rule, options
RULES = [
    (1, {}), ("i->j", {"i": "j"}), (".i -> j", {}), ("2i -> j", {}), ("i", {}),
    ("i j, k)->j", {}), ("i (j k->j", {}), ("i ( ) j k->j", {}), ("i (j ) k->j", {}),
    ("i (j (k))->j", {}), ("i; j->j", {}), ("…j->…j", {}), ("i ... -> j", {}),
    ("i, (..., j) -> j", {}), ("->", {}), ("i j, , k->j", {}), ("i->j", {"k": 10}),
    ("i->j", {"i": 10}), ("(i j) -> i", {"i": 10, "j": 20}), ("i j -> (j k)", {}),
    ("... i j, ...i j -> ...i j", {}), ("...i,  -> ...i", {}), ("...12 i -> ...2", {}),
    ("(j i) -> (i j)", {"i": 10, "j": 20}), ("(i j) (j k) i -> j k", {}),
    ("i (j k)-> j foo (m bar_24)", {"k": 10, "m": 10, "bar_24": 20}), ("_i->_i", {}),
    ("i j, j k -> i k", {"reduction_factors": ("j",)}),
    ("i j -> i", {"reduction_factors": ("j",), "permutation_factors": ("j",)}),
    ("i j -> i", {"need_replication_factors": ("j", "j")}),
    ("i j -> i", {"permutation_factors": ("k",)}), ("i->j->k", {}),
    ("i j -> i", {"permutation_factors": ["j"]}),
]  # fmt: skip


def _told(fun):
    try:
        return str(fun())
    except Exception as error:
        return type(error).__name__, str(error)


@pytest.mark.parametrize("number", range(len(RULES)))
def test_rules(number):
    rule, options = RULES[number]

    def told(side):
        parse = side("_src.custom_partitioning_sharding_rule").str_to_sdy_sharding_rule
        return _told(lambda: parse(rule, **options))

    theirs, ours = both(told)
    assert ours == theirs


def test_mappings():
    def told(side):
        module = side("experimental.custom_partitioning")
        mapping, factor = module.ArrayMapping, module.CompoundFactor
        batching = module.BATCHING
        cases = [
            lambda: factor("b", "c"), lambda: factor("b"), lambda: factor("b", 1),
            lambda: factor("b", batching), lambda: factor("b", "2c"),
            lambda: mapping(batching, factor("b", "c"), "d"),
            lambda: mapping("d", batching), lambda: mapping(3), lambda: mapping("a?"),
            lambda: module.SdyShardingRule((mapping("i"),), (mapping("i"),)),
        ]  # fmt: skip
        return [_told(case) for case in cases]

    theirs, ours = both(told)
    assert ours == theirs


def test_partitioning_takes_rules():
    def told(side):
        make = side("experimental.custom_partitioning").custom_partitioning

        def define(*args, **options):
            fun = make(lambda x: x * 2)
            fun.def_partition(lambda *_: None, *args, **options)
            return fun

        infer = define(lambda *_: None)
        return [
            _told(lambda: define(sharding_rule="i j -> i", j=3)),
            _told(lambda: define(sharding_rule=lambda *_: "i -> i", i=3)),
            type(raised(lambda: infer(1.0))).__name__,
            float(define(sharding_rule="i -> i")(1.0)),
        ]

    theirs, ours = both(told)
    assert ours == theirs


def test_unspecified_places_and_the_mesh_in_force():
    def told(side):
        unspecified = side("_src.sharding_impls").UNSPECIFIED
        mesh_lib = side("_src.mesh")
        mesh = side.make_mesh((1,), ("x",))
        f = side.jit(
            lambda x, y: x + y, in_shardings=unspecified, out_shardings=unspecified
        )
        empty = mesh_lib.thread_resources.env == mesh_lib.EMPTY_ENV
        with mesh:
            inside = mesh_lib.thread_resources.env.physical_mesh == mesh
        return float(f(1.0, 2.0)), empty, inside, repr(unspecified)

    with pytest.warns(DeprecationWarning):
        theirs, ours = both(told)
    assert ours == theirs


def test_keys():
    """Arrays and dicts that can be keys."""

    def told(side):
        array = side("_src.hashable_array").HashableArray
        frozen = side("_src.frozen_dict").FrozenDict
        names = side("_src.util").fun_qual_name
        a, d = array([1, 2]), frozen({"a": 1})
        return [
            repr(a), str(a), a == array([1, 2]), a == array([1.0, 2.0]), a == 3,
            hash(a) == hash(array([1, 2])), a.val.flags.writeable,
            repr(d), str(d), d == frozen({"a": 1}), d == {"a": 1}, {d: 2}[frozen({"a": 1})],
            d.get("b"), len(d), dict(d), names(Side.__call__), names(len),
        ]  # fmt: skip

    theirs, ours = both(told)
    assert ours == theirs
