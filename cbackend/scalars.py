"""Elementwise kernels as C expressions, for native code.

The scalar functions are those that the tile kernels are loops around (kernels/*.h), so
the bits are the same.  A kernel is written out only where its function needs no C
library and is compiled alike for every instruction set; the others are called, through
the runtime's table, with one element.
"""

import os
import re

_HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "kernels")

_INTS = "i8 i16 i32 i64 u8 u16 u32 u64"
_FLOATS = "f16 bf16 f32 f64"
_COMPLEX = "c64 c128"

_COMPLEX_FUNCTIONS = (
    "exp exp2 expm1 log log1p logistic sqrt rsqrt sin cos tan sinh cosh tanh asin acos atan "
    "asinh acosh atanh pow"
)

# dtypes -> the ops that are written out for them
_WRITTEN = (
    (
        _INTS,
        "add sub mul div rem max min neg eq ne lt le gt ge and or xor not shift_left "
        "shift_right_logical shift_right_arithmetic mulhi population_count clz square "
        "abs sign clamp",
    ),
    ("b1", "max min eq ne lt le gt ge and or xor not clamp"),
    (
        _FLOATS,
        "add sub mul div max min neg eq ne lt le gt ge eq_to lt_to le_to square abs sign "
        "floor ceil round round_even is_finite sqrt rsqrt clamp exp exp2 expm1 tanh "
        "logistic log log1p erf",
    ),
    (
        "f32 f64",
        "erfc erf_inv sinh cosh asinh acosh atanh nextafter complex conj sin cos tan asin "
        "acos atan atan2 cbrt pow rem",
    ),
    (
        _COMPLEX,
        f"add sub mul div neg square eq ne conj real imag abs sign {_COMPLEX_FUNCTIONS}",
    ),
)
WRITTEN = frozenset(
    f"{op}_{suffix}"
    for suffixes, ops in _WRITTEN
    for suffix in suffixes.split()
    for op in ops.split()
) | frozenset(
    f"convert_{a}_{b}"
    for a in f"b1 {_INTS} {_FLOATS} {_COMPLEX}".split()
    for b in f"b1 {_INTS} {_FLOATS} {_COMPLEX}".split()
)
# These have a branch to a call, so loops over them do not become vector code.
BRANCHING = frozenset(
    [
        f"{op}_{suffix}"
        for op in ("sin", "cos", "tan", "rem")
        for suffix in ("f32", "f64")
    ]
    + [
        f"{op}_{suffix}"
        for op in ("div", *_COMPLEX_FUNCTIONS.split())
        for suffix in _COMPLEX.split()
    ]
    + ["pow_f64"]
)

# Of float16 and bfloat16, by float32's function of the same name: rounded, or a truth value.
_HALVES = ("f16", "bf16")
_ROUNDED = frozenset(
    [
        *("add", "sub", "mul", "div", "max", "min", "square", "sqrt", "rsqrt", "exp"),
        *(
            "expm1",
            "log",
            "log1p",
            "tanh",
            "erf",
            "floor",
            "ceil",
            "round",
            "round_even",
        ),
    ]
)
_COMPARED = frozenset(["eq", "ne", "lt", "le", "gt", "ge"])
_EXACT = {"neg": "-{}", "abs": "__builtin_fabsf({})"}
_STEPS = frozenset(["exp2", "logistic"])
# Of a half stage, with the parts of the steps.
_PARTS = {"exp_of_negative": "mjx_s_exp_f32(-{})", "one_over": "1.0f / {}"}
_NATIVE = frozenset(
    "add sub mul max min square floor ceil round_even neg abs clamp exp2 one_more".split()  # noqa: SIM905
)

# A few CPU instructions each: what tier 0 spends on these is loads and stores.
_LIGHT_OPS = (
    "add sub mul max min neg eq ne lt le gt ge and or xor not square abs sign clamp "
    "shift_left shift_right_logical shift_right_arithmetic is_finite real imag complex "
    "select copy convert"
)
_LIGHT = frozenset(_LIGHT_OPS.split())
_ROOTS = frozenset(
    f"{op}_{suffix}" for op in ("abs", "sign") for suffix in _COMPLEX.split()
)

# How elements of a type lie in memory; types of one kind need no conversion of bits.
_STORED = {
    "uint8_t": "b1 u8 x1",
    "int8_t": "i8",
    "uint16_t": "u16 f16 bf16 x2",
    "int16_t": "i16",
    "uint32_t": "u32 x4",
    "int32_t": "i32",
    "uint64_t": "u64 x8",
    "int64_t": "i64",
    "float": "f32",
    "double": "f64",
    "mjx_t_c64": "c64",
    "mjx_t_c128": "c128",
    "mjx_t_x16": "x16",
}
STORED = {suffix: c for c, names in _STORED.items() for suffix in names.split()}
_HEADERS = {
    **dict.fromkeys(_INTS.split(), "math_int.h"),
    **dict.fromkeys(("b1", "x1", "x2", "x4", "x8", "x16"), "math_int.h"),
    **dict.fromkeys(("f16", "bf16"), "math_half.h"),
    **dict.fromkeys(_COMPLEX.split(), "math_complex.h"),
    "f32": "math_f32.h",
    "f64": "math_f64.h",
}


def is_written(kernel):
    """Whether a kernel becomes an expression (else it is called, element by element)."""
    name = kernel.name
    return (
        name in WRITTEN
        or name.startswith(("select_x", "copy_x", "take_x"))
        or name == "threefry2x32_u32"
    )


def is_light(kernel):
    """Whether a kernel costs about as little as reading its operands."""
    name = kernel.name
    if name in _ROOTS:
        return False
    return name.partition("_")[0] in _LIGHT or name.rpartition("_")[0] in _LIGHT


class Part:
    """A kernel's name and types, as `Scalars.apply` takes it: a part of one on float16s."""

    __slots__ = ("name", "in_types", "out_types")

    def __init__(self, name):
        self.name, self.in_types, self.out_types = name, ["f16"], ["f16"]


class Register:
    """A C variable, or another expression, that holds one element of the type `suffix`.

    wide: of a float16 or bfloat16 that was computed, C for the same number as a float32,
    from which others are computed; exact: C for a number that becomes it by rounding.
    """

    __slots__ = ("name", "suffix", "wide", "exact")

    def __init__(self, name, suffix):
        self.name, self.suffix, self.wide, self.exact = name, suffix, None, None

    def become(self, other):
        """Be the same element; no lines are needed for it."""
        self.name, self.wide, self.exact = other.name, other.wide, other.exact
        return []

    def hold_native(self, expression):
        """Lines for a float16 of a half stage (half_stages.h)."""
        self.wide = self.exact = f"{self.name}x"
        self.name = f"mjx_h_stored({self.exact})"
        return [f"mjx_h {self.exact} = {expression};"]

    def hold(self, half, expression, is_rounded=False):
        """Lines for a half that is a float32's value, rounded if it is not yet a half."""
        exact = self.exact = f"{self.name}x"
        self.wide = exact if is_rounded else f"mjx_round_{half}({exact})"
        self.name = f"mjx_{half}_from_f32({exact})"
        return [f"float {exact} = {expression};"]


class TableRegister(Register):
    """A pointer to the elements of a table.

    in_words: whether it lies in memory, of which whole words can be read.
    """

    __slots__ = ("in_words",)

    def __init__(self, name, suffix, in_words):
        super().__init__(name, suffix)
        self.in_words = in_words


class Scalars:
    """The C that all expressions of a file rely on; it grows as they are written."""

    def __init__(self):
        self._headers = {}
        self._casts = {}
        self._branches = {}
        # Name of a C variable that turns non-zero where a branching kernel would take its
        # branch; None: the branch is taken.
        self.guard = None
        # Whether float16s are in the CPU's own arithmetic: half_stages.py.
        self.half_stage = False

    def prelude(self):
        """What comes before the first function."""
        done, lines = set(), []
        if "half_stages.h" in self._headers:
            lines.append(_HALF_ARITHMETIC)
        for name in ("math_base.h", *self._headers):
            _read_header(name, done, lines)
        return "\n".join([_STDINT, *lines])

    def helpers(self):
        """Small functions that use the prelude and the host's declarations."""
        return "\n".join([*self._casts.values(), *self._branches.values()])

    def use(self, header):
        """Let the prelude have one of the runtime's headers."""
        self._headers[header] = None

    def cast(self, register, suffix):
        """An expression: the register's bits as an element of another type."""
        there, here = STORED[register.suffix], STORED[suffix]
        if there == here:
            return register.name
        if "int" in there and "int" in here:
            return f"({here}){register.name}"
        name = f"cast_{suffix}_{register.suffix}"
        self._casts[name] = (
            f"MJX_INLINE {here} {name}({there} x) {{\n  {here} y;\n"
            f"  __builtin_memcpy(&y, &x, sizeof y);\n  return y;\n}}\n"
        )
        return f"{name}({register.name})"

    def apply(self, kernel, sources, results):
        """C lines that declare and compute a kernel's result registers."""
        name = kernel.name
        if name.startswith("copy_x"):
            if sources[0].wide:
                return results[0].become(sources[0])
            return [_declare(results[0], sources[0].name)]
        if name.startswith("select_x"):
            return self._select(sources, results[0])
        if name.startswith("take_x"):
            return [_declare(results[0], self._take(name, *sources))]
        args = [self.cast(s, t) for s, t in zip(sources, kernel.in_types, strict=True)]
        if name == "threefry2x32_u32":
            return self._threefry(args, results)
        if name in WRITTEN or isinstance(kernel, Part):
            self._need_headers(kernel)
            wide = self._in_float32(kernel, sources, results[0])
            if wide:
                return wide
            if name in BRANCHING and self.guard is not None:
                return [
                    f"{self.guard} |= !mjx_s_{name}_easy({', '.join(args)});",
                    _declare(results[0], f"mjx_s_{name}_vector({', '.join(args)})"),
                ]
            call = self._branch(kernel) if name in BRANCHING else f"mjx_s_{name}("
            return [_declare(results[0], f"{call}{', '.join(args)})")]
        return _call_kernel(kernel, args, results)

    def result_types(self, kernel, sources):
        """The types of a kernel's results."""
        if kernel.name.startswith(("copy_x", "take_x")):
            return [sources[0].suffix]
        if kernel.name.startswith("select_x"):
            return [sources[2].suffix]
        return kernel.out_types

    def _need_headers(self, kernel):
        if kernel.name.startswith("convert_"):
            self.use("convert.h")
        for suffix in kernel.in_types + kernel.out_types:
            self.use(_HEADERS[suffix])

    def _take(self, name, table, index):
        """An element of a table; lowering has clamped the index."""
        if name not in ("take_x1", "take_x2") or not table.in_words:
            return f"{table.name}[{index.name}]"
        self.use("take.h")
        return f"mjx_s_{name}({table.name}, {index.name})"

    def _select(self, sources, result):
        which, no, yes = sources
        if no.wide and yes.wide:
            chosen = f"{which.name} ? {yes.wide} : {no.wide}"
            if self.half_stage:
                return result.hold_native(chosen)
            return result.hold(no.suffix, chosen, is_rounded=True)
        no, yes = (self.cast(s, result.suffix) for s in (no, yes))
        return [_declare(result, f"{which.name} ? {yes} : {no}")]

    def _in_float32(self, kernel, sources, result):
        """The lines of an operation on float16s or bfloat16s that is one on float32s; None
        where it is none.
        """
        op, _, half = kernel.name.rpartition("_")
        if op.startswith("convert_"):
            half, to = op[8:], half
            if (half, to) == ("f32", to) and to in _HALVES:
                self.use("half_wide.h")
                return result.hold(to, self.cast(sources[0], "f32"))
            if to == "f32" and half in _HALVES and sources[0].wide:
                return [_declare(result, sources[0].wide)]
            return None
        if half not in _HALVES:
            return None
        if self.half_stage:
            return self._in_float16(op, sources, result)
        wide = [s.wide or f"mjx_f32_from_{half}({self.cast(s, half)})" for s in sources]
        args = ", ".join(wide)
        if op in _COMPARED:
            return [_declare(result, f"mjx_s_{op}_f32({args})")]
        self.use("half_wide.h")
        if op in _ROUNDED:
            return result.hold(half, f"mjx_s_{op}_f32({args})")
        if op in _PARTS:
            return result.hold(half, _PARTS[op].format(args))
        if op in _STEPS:
            return result.hold(half, f"mjx_wide_{op}_{half}({args})")
        if op in _EXACT:
            return result.hold(half, _EXACT[op].format(args), is_rounded=True)
        return None

    def _in_float16(self, op, sources, result):
        """The same for a half stage."""
        wide = [s.wide or f"mjx_h_from_bits({self.cast(s, 'f16')})" for s in sources]
        call = f"mjx_h_{op}({', '.join(wide)})"
        if op in _COMPARED:
            return [_declare(result, call)]
        if op in _NATIVE:
            return result.hold_native(call)
        return None

    def _threefry(self, args, results):
        self.use("threefry.h")
        first, second = (r.name for r in results)
        return [
            f"uint32_t {first}, {second};",
            f"mjx_threefry2x32({', '.join(args)}, &{first}, &{second});",
        ]

    def _branch(self, kernel):
        """The start of a call of a function that holds a branching kernel's branch."""
        name = f"mjx_n_{kernel.name}"
        scalar = f"mjx_s_{kernel.name}"
        args = [f"x{k}" for k in range(kernel.n_in)]
        typed = [
            f"{STORED[suffix]} {arg}"
            for suffix, arg in zip(kernel.in_types, args, strict=True)
        ]
        listed, addresses = ", ".join(args), ", ".join(f"&{arg}" for arg in args)
        result = STORED[kernel.out_types[0]]
        self._branches[name] = (
            f"MJX_INLINE {result} {name}(const mjx_native_host *host, {', '.join(typed)}) {{\n"
            f"  if (__builtin_expect({scalar}_easy({listed}), 1))\n"
            f"    return {scalar}_vector({listed});\n"
            f"  const void *in[] = {{{addresses}}};\n"
            f"  {result} y;\n  void *out[] = {{&y}};\n"
            f"  host->kernels[{kernel.number}](1, out, in);\n  return y;\n}}\n"
        )
        return f"{name}(host, "


def _declare(register, expression):
    return f"{STORED[register.suffix]} {register.name} = {expression};"


def _call_kernel(kernel, args, results):
    """The tile kernel itself, on one element."""
    lines = [f"{STORED[r.suffix]} {r.name};" for r in results]
    lines.append("{")
    for k, (arg, suffix) in enumerate(zip(args, kernel.in_types, strict=True)):
        lines.append(f"  {STORED[suffix]} x{k} = {arg};")
    ins = ", ".join(f"&x{k}" for k in range(len(args)))
    outs = ", ".join(f"&{r.name}" for r in results)
    lines += [
        f"  const void *in_[] = {{{ins}}};",
        f"  void *out_[] = {{{outs}}};",
        f"  host->kernels[{kernel.number}](1, out_, in_); /* {kernel.name} */",
        "}",
    ]
    return lines


def _read_header(name, done, lines):
    """Append a header's text, after that of those it includes, without its guard."""
    if name in done:
        return
    done.add(name)
    with open(os.path.join(_HERE, name), encoding="utf-8") as file:
        text = file.read()
    for included in re.findall(r'^#include "(.*)"$', text, re.M):
        _read_header(included, done, lines)
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    text = re.sub(
        r"^#(include .*|ifndef MJX_\w*_H|define MJX_\w*_H)$", "", text, flags=re.M
    )
    text = re.sub(r"\n*#endif\s*$", "\n", text)
    lines.append(f"/* {name} */\n" + re.sub(r"\n\s*\n+", "\n", text).strip() + "\n")


# Where the compiler knows it, and the CPU has it: half_stages.py asked.
_HALF_ARITHMETIC = """\
#if defined(__x86_64__) && __GNUC__ >= 12 && !defined(__clang__)
#pragma GCC target("avx512fp16")
#endif"""
_STDINT = "\n".join(
    [
        f"typedef __{sign.upper()}INT{bits}_TYPE__ {sign}int{bits}_t;"
        for bits in (8, 16, 32, 64)
        for sign in ("", "u")
    ]
    + [
        f"#define INT{bits}_MAX __INT{bits}_MAX__\n"
        f"#define INT{bits}_MIN (-__INT{bits}_MAX__ - 1)\n"
        f"#define UINT{bits}_MAX __UINT{bits}_MAX__"
        for bits in (8, 16, 32, 64)
    ]
)
