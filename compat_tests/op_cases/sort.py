"""Rows for ops/sort.py."""

from compat_tests.op_cases import ANY, REAL, A, case, error

_SORTED = ("float32", "float16", "bfloat16", "int32", "uint8", "bool", "int8")

CASES = [
    case("sort", lambda lax, x: lax.sort(x), A(3, 7), dtypes=_SORTED, diff=False),
    case("sort-distinct", lambda lax, x: lax.sort(x), A(2, 5), values="normal"),
    case("sort-first-dim", lambda lax, x: lax.sort(x, dimension=0), A(5, 3)),
    case("sort-complex", lambda lax, x: lax.sort(x), A(6), dtypes=("complex64",)),
    case(
        "sort-long",
        lambda lax, x: lax.sort(lax.tile(x, (30,))),
        A(10),
        dtypes=("float32", "int32"),
        diff=False,
    ),
    case("sort-one", lambda lax, x: lax.sort(x), A(3, 1)),
    case("sort-empty", lambda lax, x: lax.sort(x), A(3, 0)),
    case(
        "sort_key_val",
        lambda lax, x, y: lax.sort_key_val(x, y),
        A(2, 6, values="small"),
        A(2, 6),
        dtypes=ANY,
    ),
    case(
        "sort_key_val-zeros",
        lambda lax, x, y: lax.sort_key_val(x, y, dimension=0),
        A(6),
        A(6, dtype="int32"),
        dtypes=("float32", "float16"),
        diff=False,
    ),
    case(
        "sort-two-keys",
        lambda lax, x, y, z: lax.sort((x, y, z), num_keys=2),
        A(9, dtype="int32", values="small"),
        A(9, values="small"),
        A(9, dtype="int32"),
        dtypes=REAL,
        diff=False,
    ),
    case(
        "sort-unstable",
        lambda lax, x: lax.sort((x, x), is_stable=False, dimension=0),
        A(4, 2),
        values="normal",
    ),
    case("top_k", lambda lax, x: lax.top_k(x, 2), A(3, 5), dtypes=_SORTED, diff=False),
    case("top_k-values", lambda lax, x: lax.top_k(x, 3)[0], A(3, 5), values="normal"),
    case("top_k-axis", lambda lax, x: lax.top_k(x, 2, axis=0)[0], A(4, 3)),
    case("top_k-all", lambda lax, x: lax.top_k(x, 4)[0], A(2, 4), values="small"),
    case("top_k-none", lambda lax, x: lax.top_k(x, 0), A(2, 4), diff=False),
    case(
        "top_k-few",
        lambda lax, x: lax.top_k(lax.tile(x, (1, 3)), 3),
        A(2, 17),
        dtypes=_SORTED,
        diff=False,
    ),
    case(
        "top_k-long",
        lambda lax, x: lax.top_k(lax.tile(x, (20,)), 27),
        A(10),
        diff=False,
    ),
    case(
        "approx_top_k-values",
        lambda lax, x: (lax.approx_max_k(x, 2)[0], lax.approx_min_k(x, 2, 0)[0]),
        A(3, 5),
        values="normal",
        diff_jaxpr=False,  # JAX has a jit of take_along_axis there
    ),
    case(
        "approx_top_k-partial",
        lambda lax, x: lax.approx_max_k(
            lax.tile(x, (1, 60)), 10, recall_target=0.9, aggregate_to_topk=False
        ),
        A(2, 5),
        diff=False,
    ),
    error("approx_top_k-none", lambda lax, x: lax.approx_max_k(x, 0), A(3)),
    error("approx_top_k-large", lambda lax, x: lax.approx_min_k(x, 4, 0), A(3, 5)),
    error("sort-nothing", lambda lax: lax.sort(())),
    error("sort-keys", lambda lax, x: lax.sort((x, x), num_keys=3), A(3)),
    error("sort-no-key", lambda lax, x: lax.sort((x, x), num_keys=0), A(3)),
    error("sort-shapes", lambda lax, x, y: lax.sort((x, y)), A(3), A(4)),
    error("sort-dim", lambda lax, x: lax.sort(x, dimension=2), A(3, 4)),
    error("sort-scalar", lambda lax, x: lax.sort(x), A()),
    error("top_k-large", lambda lax, x: lax.top_k(x, 5), A(3, 4)),
    error("top_k-negative", lambda lax, x: lax.top_k(x, -1), A(3, 4)),
    error("top_k-complex", lambda lax, x: lax.top_k(x, 1), A(3), dtypes=("complex64",)),
    error("top_k-dim", lambda lax, x: lax.top_k(x, 1, axis=2), A(3, 4)),
]
