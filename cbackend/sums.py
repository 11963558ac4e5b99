"""C texts of sums and products that are made in tier 0's order.

Each is a function over sizes and strides, with NAME for its name.  The orders are those
of `mjx_order` in mjx.h; the runtime says which one an instruction has.
"""

from cbackend.scalars import STORED

OTHER, SEQUENCE, FOUR, COPY, TREE, LINES = range(6)  # enum mjx_order
WHOLE = 16
LANES = 256
_SUM, _PROD, _MAX, _MIN, _AND, _OR, _XOR = range(7)  # enum mjx_reduce_kind

_SUMMED = frozenset("f32 f64 i8 i16 i32 i64 u8 u16 u32 u64".split())  # noqa: SIM905


def has_text(kind, suffix):
    """Whether there is C for a reduction of that kind."""
    if kind in (_AND, _OR, _XOR):
        return suffix == "b1" or suffix[0] in "iu"
    return kind in (_SUM, _PROD, _MAX, _MIN) and suffix in _SUMMED


def is_whole(order):
    """Whether the runtime reduces the elements by no parts; order: as the runtime has it."""
    how, _ = order
    return how < LANES and bool(how & WHOLE)


def are_exact(kinds):
    """Whether every order of the elements gives the same bits: kinds and element types."""
    return all(
        kind not in (_SUM, _PROD) or suffix not in ("f32", "f64")
        for kind, suffix in kinds
    )


def operation(kind, suffix):
    """The C function that combines two elements."""
    return f"mjx_s_{_OPERATIONS[kind]}_{suffix}"


def header_of(suffix):
    """The header that has the operations of a type."""
    return f"math_{suffix}.h" if suffix in ("f32", "f64") else "math_int.h"


_OPERATIONS = {
    _SUM: "add", _PROD: "mul", _MAX: "max", _MIN: "min", _AND: "and", _OR: "or",
    _XOR: "xor",
}  # fmt: skip


def identity(kind, suffix):
    """C for what a reduction begins with."""
    if suffix in ("f32", "f64"):
        infinite = "__builtin_inff()" if suffix == "f32" else "__builtin_inf()"
        return {_SUM: "0", _PROD: "1", _MAX: f"-{infinite}", _MIN: infinite}[kind]
    if suffix == "b1":
        return "1" if kind == _AND else "0"
    bits = suffix[1:]
    if kind in (_MAX, _MIN):
        sign = "" if suffix[0] == "i" else "U"
        if sign and kind == _MAX:
            return "0"
        return f"{sign}INT{bits}_{'MIN' if kind == _MAX else 'MAX'}"
    return {_PROD: "1", _AND: f"({STORED[suffix]})-1"}.get(kind, "0")


_REDUCE_HEAD = """\
static void NAME(int64_t outer, int64_t n, int64_t inner, int64_t s0, int64_t s1, int64_t s2,
                 {t} *x, {t} *out) {{
  for (int64_t o = 0; o < outer; o++) {{
"""
# Rows that lie side by side.
_IN_SEQUENCE = """\
    (void)s2;
    for (int64_t c = 0; c < inner; c++) out[o * inner + c] = {identity};
    for (int64_t i = 0; i < n; i++) {{
      {t} *p = x + o * s0 + i * s1;
      _Pragma("GCC ivdep")
      for (int64_t c = 0; c < inner; c++)
        out[o * inner + c] = {op}(out[o * inner + c], p[c]);
    }}
  }}
}}
"""
_IN_FOURS = """\
    for (int64_t c = 0; c < inner; c++) {{
      {t} *p = x + o * s0 + c * s2;
      {t} a0 = p[0];
      int64_t i = 1;
      if (n >= 8) {{
        {t} a1 = p[s1], a2 = p[2 * s1], a3 = p[3 * s1];
        for (i = 4; i + 4 <= n; i += 4) {{
          a0 = {op}(a0, p[i * s1]);
          a1 = {op}(a1, p[(i + 1) * s1]);
          a2 = {op}(a2, p[(i + 2) * s1]);
          a3 = {op}(a3, p[(i + 3) * s1]);
        }}
        a0 = {op}({op}(a0, a1), {op}(a2, a3));
      }}
      {t} *rest = p + i * s1;
      for (int64_t left = n - i; left > 0; left--, rest += s1) a0 = {op}(a0, *rest);
      out[o * inner + c] = a0{zero};
    }}
  }}
}}
"""


def reduce_text(kind, suffix, order):
    """The function of a reduction (`mjx_reduce_kind`) of [outer, n, inner] along n."""
    text = _REDUCE_HEAD + (_IN_FOURS if order == FOUR else _IN_SEQUENCE)
    zero = _zero(kind, suffix)
    return text.format(
        t=STORED[suffix], op=operation(kind, suffix), identity=identity(kind, suffix),
        zero=zero,
    )  # fmt: skip


def _zero(kind, suffix):
    return " + 0" if kind == _SUM and suffix in ("f32", "f64") else ""


_PARTS = """\
static void NAME(int64_t parts, int64_t n, {t} *part, {t} *out) {{
  for (int64_t c = 0; c < n; c += {width}) {{
    int64_t w = n - c < {width} ? n - c : {width};
    {t} x0[{width}] = {{0}}; /* the compiler does not know that there is a part */
{body}
    for (int64_t l = 0; l < w; l++) out[c + l] = x0[l];
  }}
}}
"""
_WIDTH = 16


def parts_text(kind, suffix, n_parts, chunk):
    """The function that combines sums of leaves: out[n] of part[n_parts, n].

    chunk: how many of them are combined as a tree before they are part of one.
    """

    def every(lines):
        return ["for (int64_t l = 0; l < w; l++) {", *lines, "}"]

    kinds = [(kind, suffix)]
    kept = (f"[{_WIDTH}]", "x{k}[l]", "tree{k}[level][l]", every)
    leaf = every(["x0[l] = part[leaf_at * n + c + l];"])
    if chunk > 1:
        inner = tree(kinds, ("first", "last"), chunk, 1, leaf, *kept)
        leaf = ["int64_t first = leaf_at, last = end_of_leaf;", "{", *inner, "}"]
    body = tree(kinds, ("0", "parts"), n_parts, chunk, leaf, *kept)
    return _PARTS.format(t=STORED[suffix], width=_WIDTH, body="\n".join(body))


# --- reductions in registers ------------------------------------------------------------


def each(kinds, pattern):
    """A line of each reduction: its number is {k}, its operation {op}, what it begins with
    {start}, what ends it {zero}.
    """
    return [
        pattern.format(
            k=k, op=operation(kind, suffix), start=identity(kind, suffix),
            zero=_zero(kind, suffix),
        )
        for k, (kind, suffix) in enumerate(kinds)
    ]  # fmt: skip


def are_extremes(kinds):
    """Whether all are maxima and minima of floats."""
    return all(kind in (_MAX, _MIN) and s in ("f32", "f64") for kind, s in kinds)


# Without regard to NaN: of equal zeros, max has the sign of neither unless of both.
_EXTREME = """\
MJX_INLINE {t} NAME({t} a, {t} b) {{
  {t} x = b {better} a ? b : a, y = a {better} b ? a : b;
  return mjx_{s}_bits(mjx_bits_{s}(x) {both} mjx_bits_{s}(y));
}}
"""


def extremes(kinds, extent, every, make):
    """Lines that leave extremes in x{k}: quickly, and again with care if there is a NaN.

    make(is_quick): the lines that start them and take all elements; every(lines): lines for
    each accumulator, of which there are `extent`.
    """
    declared = [
        f"{STORED[suffix]} nan{k}[{extent}];" for k, (_, suffix) in enumerate(kinds)
    ]
    return [
        *declared,
        *every(each(kinds, "nan{k}[l] = 0;")),
        *make(True),
        "int again = 0;",
        *every(each(kinds, "again |= nan{k}[l] != nan{k}[l];")),
        "if (again) {",
        *make(False),
        "}",
    ]


def element_sums(groups, instr, kinds, outs, ins, depth, is_quick=False):
    """Lines for one element in a nest of that depth: what the innermost loop does not move,
    and what it does, up to the sums x{k}[l]; is_quick: as `extremes` has it.
    """
    names = iter(range(1 << 30))
    registers, fixed, moving = groups.elements(
        instr, ins, depth, lambda: f"r{next(names)}"
    )
    moving += groups.stores(instr.out_regs[len(kinds) :], outs, registers, depth)
    for k, (kind, suffix) in enumerate(kinds):
        groups.scalars.use(header_of(suffix))
        value = groups.scalars.cast(registers[instr.out_regs[k]], suffix)
        combine = operation(kind, suffix)
        if is_quick:
            better, both = (">", "&") if kind == _MAX else ("<", "|")
            text = _EXTREME.format(t=STORED[suffix], s=suffix, better=better, both=both)
            combine = groups.function(text)
            moving.append(f"nan{k}[l] += {value};")
        moving.append(f"x{k}[l] = {combine}(x{k}[l], {value});")
    return fixed, moving


def tree(kinds, ends, n, size, leaf, extent, value, kept, every):
    """Lines that combine the sums of leaves pairwise, as a binary counter counts.

    ends: C for the first element and the end of, at most, `n`; size: of a leaf; leaf: the
    lines that make its sums `value`, from element leaf_at to end_of_leaf; kept: where those
    of a digit of one stay, of declared `extent`; every(lines): lines for each of them.
    """
    first, end = ends
    levels = (-(-n // size)).bit_length()
    declared = [
        f"{STORED[suffix]} tree{k}[{levels}]{extent};"
        for k, (_, suffix) in enumerate(kinds)
    ]
    combined = every(each(kinds, f"{value} = {{op}}({kept}, {value});"))
    return [
        *declared,
        "int64_t leaves = 0;",
        "int level = 0;",
        f"for (int64_t leaf_at = {first}; leaf_at < {end}; leaf_at += {size}, leaves++) {{",
        f"int64_t end_of_leaf = leaf_at + {size} < {end} ? leaf_at + {size} : {end};",
        "(void)end_of_leaf;",
        *leaf,
        "level = 0;",
        "for (int64_t digits = leaves; digits & 1; digits >>= 1, level++) {",
        *combined,
        "}",
        *every(each(kinds, f"{kept} = {value};")),
        "}",
        "for (level++; leaves >> level; level++) {",
        "if (!(leaves >> level & 1)) continue;",
        *combined,
        "}",
    ]


_DOT = """\
static void NAME(int64_t B, int64_t M, int64_t K, int64_t N, int64_t a0, int64_t a1, int64_t a2,
                 int64_t b0, int64_t b1, int64_t b2, int64_t c0, int64_t c1, int64_t c2,
                 {t} *a, {t} *b, {t} *c) {{
  for (int64_t i = 0; i < B; i++) {{
    for (int64_t m = 0; m < M; m++) {{
      for (int64_t n = 0; n < N; n++) {{
        {t} *x = a + i * a0 + m * a1, *y = b + i * b0 + n * b2;
{body}
      }}
    }}
  }}
}}
"""
_PRODUCT_IN_SEQUENCE = """\
        {t} sum = 0;
        for (int64_t k = 0; k < K; k++) sum = {fma}(x[k * a2], y[k * b1], sum);
        c[i * c0 + m * c1 + n * c2] = sum;"""
_PRODUCT_IN_LANES = """\
        {t} sum[{lanes}] = {{0}};
        for (int64_t k = 0; k < K; k++)
          sum[k % {lanes}] = {fma}(x[k * a2], y[k * b1], sum[k % {lanes}]);
        for (int l = {padded}; l < {lanes}; l++) sum[l] += 0; /* what is added to these */
        for (int width = {lanes} / 2; width > 0; width /= 2)
          for (int l = 0; l < width; l++) sum[l] += sum[l + width];
        c[i * c0 + m * c1 + n * c2] = sum[0];"""


# Batches of products so small that their sizes are written out.
_SMALL_DOTS = """\
static void NAME(int64_t B, int64_t a0, int64_t a1, int64_t a2, int64_t b0, int64_t b1,
                 int64_t b2, int64_t c0, int64_t c1, int64_t c2, {t} *restrict a,
                 {t} *restrict b, {t} *restrict c) {{
  for (int64_t i = 0; i < B; i++, a += a0, b += b0, c += c0) {{
    for (int64_t m = 0; m < {M}; m++) {{
      {t} sum[{N}] = {{0}};
      for (int64_t k = 0; k < {K}; k++)
        _Pragma("GCC ivdep")
        for (int64_t n = 0; n < {N}; n++)
          sum[n] = {fma}(a[m * a1 + k * a2], b[k * b1 + n * b2], sum[n]);
      for (int64_t n = 0; n < {N}; n++) c[m * c1 + n * c2] = sum[n];
    }}
  }}
}}
"""


def small_dots_text(suffix, sizes):
    """The function of products c[B,M,N] = a[B,M,K] b[B,K,N] in sequence, for `sizes` M,
    K, N.
    """
    fma = "MJX_FMAF" if suffix == "f32" else "MJX_FMA"
    m, k, n = sizes
    return _SMALL_DOTS.format(t=STORED[suffix], fma=fma, M=m, K=k, N=n)


def dot_text(suffix, order, k):
    """The function of a product c[B,M,N] = a[B,M,K] b[B,K,N], for K = `k`."""
    body = _PRODUCT_IN_SEQUENCE if order == SEQUENCE else _PRODUCT_IN_LANES
    fma = "MJX_FMAF" if suffix == "f32" else "MJX_FMA"
    stored, lanes = STORED[suffix], order - LANES
    used = min(lanes, 1 << max(k - 1, 0).bit_length())
    padded = 0 if used < lanes else k % lanes or lanes
    body = body.format(t=stored, fma=fma, lanes=used, padded=padded)
    return _DOT.format(t=stored, body=body)


# Best so far and its place, of all the columns of a matrix at once; the first NaN stays.
_PLACES_OF_EXTREMES = """\
__attribute__((hot)) static void NAME(int64_t outer, int64_t xs0, int64_t xs1,
                                      const {type} *x, {place} *restrict out) {{
  for (int64_t o = 0; o < outer; o++, x += xs0, out += {inner}) {{
    {type} best[{inner}];
    for (int64_t i = 0; i < {inner}; i++) best[i] = x[i], out[i] = 0;
    for (int64_t k = 1; k < {n}; k++) {{
      for (int64_t i = 0; i < {inner}; i++) {{
        {type} value = x[k * xs1 + i];
        int better = {better};
        best[i] = better ? value : best[i];
        out[i] = better ? ({place})k : out[i];
      }}
    }}
  }}
}}
"""


def has_places(suffix):
    """Whether there is C for the places of extremes of such elements."""
    return suffix in _SUMMED


def places_text(kind, suffix, place, n, inner):
    """C for the first place of the extreme in each column of [outer, n, inner]; `inner` lie
    side by side. place: the type of the results.
    """
    beats, keeps = {_MAX: (">", "<="), _MIN: ("<", ">=")}[kind]
    better = f"value {beats} best[i]"
    if suffix in ("f32", "f64"):
        better = f"!(value {keeps} best[i]) & (best[i] == best[i])"
    return _PLACES_OF_EXTREMES.format(
        type=STORED[suffix], place=STORED[place], n=n, inner=inner, better=better
    )
