"""Jaxprs as text, laid out as JAX prints them."""

import collections
import itertools
import re
from typing import Any, NamedTuple

import numpy as np

from minijax import core
from minijax.core import ClosedJaxpr, DropVar, Jaxpr, Literal
from minijax.device import UNSPECIFIED

_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_WIDTH = 80
_LONG = 10  # jaxprs inside with more equations stand in front, by name

# --- layout ---------------------------------------------------------------------------
# A document is a string, a list of documents, or one of these.


class _Break(NamedTuple):
    """`flat` in a group on one line, otherwise a new line."""

    flat: str = " "


class _Nest(NamedTuple):
    """`doc` with lines that begin inside it indented by two more."""

    doc: Any


class _Group(NamedTuple):
    """`doc` on one line if it fits."""

    doc: Any


class _Noted(NamedTuple):
    """Text with a note, which goes to the end of its line."""

    text: str
    note: str


def _fits(doc, room):
    stack = [doc]
    while stack:
        doc = stack.pop()
        if isinstance(doc, (_Nest, _Group)):
            stack.append(doc.doc)
        elif isinstance(doc, list):
            stack += reversed(doc)
        else:
            room -= len(doc if isinstance(doc, str) else doc[0])
            if room < 0:
                return False
    return room >= 0


def _layout(doc):
    """A document as text; whether a group fits does not depend on what follows it."""
    lines, text, notes = [], "", []
    stack = [(0, False, doc)]
    while stack:
        indent, flat, doc = stack.pop()
        if isinstance(doc, str):
            text += doc
        elif isinstance(doc, list):
            stack += [(indent, flat, part) for part in reversed(doc)]
        elif isinstance(doc, _Nest):
            stack.append((indent + 2, flat, doc.doc))
        elif isinstance(doc, _Group):
            stack.append((indent, flat or _fits(doc, _WIDTH - len(text)), doc.doc))
        elif isinstance(doc, _Noted):
            text += doc.text
            notes.append(doc.note)
        elif flat:
            text += doc.flat
        else:
            lines.append((text, notes))
            text, notes = " " * indent, []
    lines.append((text, notes))
    return _with_notes(lines)


def _with_notes(lines):
    width = max(len(text) for text, _ in lines)
    shown = []
    for text, notes in lines:
        for k, note in enumerate(notes):
            shown.append(f"{'' if k else text:{width}} # {note}")
        if not notes:
            shown.append(text)
    return "\n".join(shown)


def _join(separator, docs):
    joined = []
    for k, doc in enumerate(docs):
        joined += [separator, doc] if k else [doc]
    return joined


# --- names ------------------------------------------------------------------------------


def names():
    """a, b, ..., z, ba, bb, ...: variable names in JAX's order."""
    letters = _LETTERS
    yield from letters
    for n in itertools.count(2):
        for word in itertools.product(letters, repeat=n):
            if word[0] != "a":
                yield "".join(word)


class Names:
    """Names for variables, handed out as they are met, and for shared jaxprs."""

    def __init__(self, settings=None):
        self.feed = names()
        self.known = {}
        self.shared = {}
        self.settings = settings or Settings()

    def with_settings(self, settings):
        """The same names, for printing with other settings."""
        other = Names(settings)
        other.feed, other.known, other.shared = self.feed, self.known, self.shared
        return other

    def __call__(self, atom):
        if type(atom) is Literal:
            return f"{_literal(atom.val)}:{atom.aval.str_short(True)}"
        if type(atom) is DropVar:
            return "_"
        if atom not in self.known:
            taken = self.shared.values()
            self.known[atom] = next(n for n in self.feed if n not in taken)
        return self.known[atom]

    def typed(self, var):
        """`name:type`."""
        name = self(var)
        return (
            f"{name}:{var.aval.str_short(True)}" if self.settings.print_shapes else name
        )

    def suggest(self, variables, like):
        """Names `variables` as those that they stand for."""
        used = set()
        for var, other in zip(variables, like, strict=False):  # also of malformed ones
            if (
                Literal in (type(var), type(other))
                or other in used
                or var in self.known
            ):
                continue
            used.add(other)
            self.known[var] = self(other)


class Settings(NamedTuple):
    """What is printed of a jaxpr."""

    print_shapes: bool = True
    source_info: bool = False
    name_stack: bool = False
    custom_pp_eqn_rules: bool = True
    print_effects: bool = False


def _literal(value):
    value = np.asarray(value)
    if value.shape:
        return "[...]"
    return str(value.item() if value.dtype.kind != "V" else value)


# --- jaxprs -------------------------------------------------------------------------------


def pretty(jaxpr, names=None, **settings):
    """A jaxpr and the jaxprs in its equations' parameters; `names` as `names_in` has."""
    if names is None:
        names = Names(Settings(**settings))
    if not names.known:
        names.known.update(dict.fromkeys(_unread(jaxpr), "_"))
    shared = _shared(jaxpr)
    names.shared.update((id(inner), name) for name, inner in shared)
    docs = [
        [f"let {name} = ", _skeleton(inner, names), " in", _Break()]
        for name, inner in shared
    ]
    return _layout([*docs, _skeleton(jaxpr, names)])


def names_in(jaxpr):
    """The names that `pretty` gives the variables of a jaxpr, as a function of them."""
    given = Names()
    given.known.update(dict.fromkeys(_unread(jaxpr), "_"))
    _skeleton(jaxpr, given)
    return given


def pretty_eqn(eqn, names=None):
    """One equation, with names of its own or those of a jaxpr."""
    return _layout(_equation(eqn, names or Names())).rstrip()


def _unread(jaxpr):
    read = {a for a in jaxpr.outvars if type(a) is not Literal}
    for eqn in jaxpr.eqns:
        read.update(a for a in eqn.invars if type(a) is not Literal)
    return [v for eqn in jaxpr.eqns for v in eqn.outvars if v not in read]


def _inside(eqn):
    """The jaxprs among an equation's parameters."""
    for value in eqn.params.values():
        for part in value if isinstance(value, tuple) else (value,):
            if isinstance(part, ClosedJaxpr):
                yield part.jaxpr
            elif isinstance(part, Jaxpr):
                yield part


def _shared(top):
    """(name, jaxpr) for those inside that are long, or occur twice."""
    counts, found, said = collections.Counter(), {}, {}
    queue = collections.deque([top])
    while queue:
        jaxpr = queue.popleft()
        found[id(jaxpr)] = jaxpr
        counts[id(jaxpr)] += 1 + (jaxpr is not top and len(jaxpr.eqns) > _LONG)
        for eqn in jaxpr.eqns:
            name = eqn.params.get("name")
            for inner in _inside(eqn):
                queue.append(inner)
                if name is not None:
                    said.setdefault(id(inner), str(name).strip("<>"))
    numbers = collections.Counter()
    shared = []
    for key, count in counts.items():
        if count == 1:
            continue
        name = said.get(key, "jaxpr")
        number = numbers[name]
        numbers[name] += 1
        if number:
            name += str(number)
            numbers[name] += 1
        shared.append((name, found[key]))
    return shared


def _variables(atoms, name, separator="", typed=False):
    show = name.typed if typed else name
    between = [separator, _Group(_Break())]
    return _Nest(_Group(_join(between, [show(a) for a in atoms])))


def _jaxpr(jaxpr, name):
    return name.shared.get(id(jaxpr)) or _skeleton(jaxpr, name)


def _skeleton(jaxpr, name):
    constvars = _variables(jaxpr.constvars, name, typed=True)
    invars = _variables(jaxpr.invars, name, typed=True)
    eqns = _join(_Break("; "), [_equation(eqn, name) for eqn in jaxpr.eqns])
    outvars = _variables(jaxpr.outvars, name, ",")
    end = ")" if len(jaxpr.outvars) != 1 else ",)"
    effects = []
    if name.settings.print_effects:
        effects = [f" : {{ {', '.join(map(str, jaxpr.effects))} }}"]
    body = [
        "{ lambda ", constvars, "; ", invars, ". let", _Nest([_Break(), eqns]), _Break(),
        "in (", outvars, end, *effects,
    ]  # fmt: skip
    return _Group([_Nest(body), " }"])


def _equation(eqn, name):
    settings = name.settings
    if settings.custom_pp_eqn_rules and eqn.primitive.name in _REF_ARGUMENTS:
        return _ref_equation(eqn, name)
    rules = _RULES if settings.custom_pp_eqn_rules else {}
    params = rules.get(eqn.primitive.name, _sorted)(eqn, name)
    lhs = _variables(eqn.outvars, name, typed=True)
    shown = [_pair(key, value, name) for key, value in params.items()]
    if shown:
        listed = _join(_Break(), shown)
        shown = [_Group([_Nest(["[", _Break(""), listed]), _Break(""), "]"])]
    prim = eqn.primitive.name
    if settings.name_stack:
        prim = _Noted(prim, f"[{eqn.source_info.name_stack}]")
    rhs = [prim, *shown, " ", _variables(eqn.invars, name)]
    if not eqn.outvars:
        return rhs
    equals = " = "
    if settings.source_info:
        equals = _Noted(equals, core.describe_source(eqn.source))
    return [lhs, equals, *rhs]


# what reads or writes a reference -> how many arguments stand before its indices
_REF_ARGUMENTS = {"get": 1, "swap": 2, "addupdate": 2}


def _ref_equation(eqn, name):
    """`a <- r[i]`, `r[i] <- a`, `a, r[i] <- r[i], b` or `r[i] += a`."""
    ref, *rest = eqn.invars
    n = _REF_ARGUMENTS[eqn.primitive.name] - 1
    part = f"{name(ref)}{_path(eqn.params['path'], rest[n:], ref.aval, name)}"
    arrow = " <- "
    if name.settings.source_info:
        arrow = _Noted(arrow, core.describe_source(eqn.source))
    outs = _variables(eqn.outvars, name, typed=True)
    if eqn.primitive.name == "get":
        return [outs, arrow, part]
    value = name(rest[0])
    if eqn.primitive.name == "addupdate":
        return [part, " += ", value]
    if name(eqn.outvars[0]) == "_":
        return [part, arrow, value]
    return [outs, ", ", part, arrow, part, ", ", value]


def _path(path, arrays, aval, name):
    """The steps to a part of a reference, as `[0]`, `{reshape([2, 3])}` or `[1:3][0]`."""
    avals = tuple(a.aval for a in arrays)
    feed, shown = iter(arrays), ""
    for k, step in enumerate(path):
        if isinstance(step, tuple):
            used = sum(map(_n_dynamic, path[:k]))
            at = core.ref_rules.part_aval(aval.inner_aval, avals[:used], path[:k])
            shown += f"[{_entries(step, feed, at.shape, name)}]"
        else:
            shown += f"{{reshape({list(step.shape)})}}"
    return shown or "[...]"


def _n_dynamic(step):
    """How many of the equation's arguments a step of a path takes."""
    if isinstance(step, tuple):
        return sum(map(_n_dynamic, step))
    return step == "dynamic"


def _entries(index, feed, shape, name):
    entries = list(index)
    missing = len(shape) - len([e for e in entries if e is not Ellipsis])
    at = entries.index(Ellipsis) if Ellipsis in entries else len(entries)
    entries[at : at + 1] = [(slice, None, None, None)] * missing
    shown = []
    for entry, size in zip(entries, shape, strict=True):
        if isinstance(entry, tuple) and entry[1] == "dynamic":
            start = _entry(next(feed), name)
            shown.append(f"{start}:{start}+{entry[2]}")
        elif isinstance(entry, tuple):
            start, stop = _taken(entry, size)
            shown.append(f"{start or ''}:{'' if stop == size else stop}")
        else:
            shown.append(_entry(next(feed), name) if entry == "dynamic" else str(entry))
    return ",".join(shown)


def _taken(entry, size):
    """(start, start + count) of a slice; of one of a static size, that is its `stop`."""
    kind, start, stop, step = entry
    if kind is not slice:
        return start, start + stop
    places = range(size)[slice(start, stop, step)]
    return places.start, places.start + len(places)


def _entry(atom, name):
    return _literal(atom.val) if type(atom) is Literal else name(atom)


def _pair(key, value, name):
    if isinstance(value, ClosedJaxpr):
        value = value.jaxpr
    if isinstance(value, Jaxpr):
        shown = _jaxpr(value, name)
    elif type(value) is tuple and all(
        isinstance(v, (Jaxpr, ClosedJaxpr)) for v in value
    ):
        jaxprs = [v.jaxpr if isinstance(v, ClosedJaxpr) else v for v in value]
        inner = _join(_Break(), [_jaxpr(v, name) for v in jaxprs])
        shown = _Group([_Nest(["(", _Break(""), inner]), _Break(""), ")"])
    elif isinstance(value, frozenset):
        shown = f"frozenset({{{', '.join(map(repr, sorted(value)))}}})"
    else:
        shown = re.sub(r"(?<= at 0x)[0-9a-fA-F]+", _crossed_out, str(value))
    return [f"{key}=", shown]


def _crossed_out(match):
    return "X" * len(match[0])


# --- the parameters that are shown ----------------------------------------------------------

# Parameters of JAX's ops that have one value on one device, and are not kept.
_FIXED = {
    "iota": {"sharding": None},
    "reduce_sum": {"out_sharding": None},
    "psum": {"axis_index_groups": None},
    "reshape": {"sharding": None},
    "conv_general_dilated": {"out_sharding": None},
    "qr": {"use_magma": None},
    "pure_callback": {"sharding": None},
}


def _sorted(eqn, name):
    params = {**_FIXED.get(eqn.primitive.name, {}), **eqn.params}
    return dict(sorted(params.items()))


def _without(*hidden):
    def rule(eqn, name):
        return {k: v for k, v in _sorted(eqn, name).items() if k not in hidden}

    return rule


def _broadcast(eqn, name):
    params = _sorted(eqn, name)
    dims = params.get("broadcast_dimensions")
    return {"broadcast_dimensions": dims} if dims else {}


def _dot_general(eqn, name):
    params = {k: v for k, v in _sorted(eqn, name).items() if v is not None}
    lists = tuple(tuple(map(list, pair)) for pair in params["dimension_numbers"])
    params.pop("out_sharding", None)
    return {**params, "dimension_numbers": lists}


def _jit(eqn, name):
    jaxpr = eqn.params["jaxpr"].jaxpr
    if id(jaxpr) not in name.shared:
        name.suggest(jaxpr.invars, eqn.invars)
        name.suggest(jaxpr.outvars, eqn.outvars)
    shown = {k: v for k, v in sorted(eqn.params.items()) if not _is_plain(v)}
    shown["jaxpr"] = jaxpr  # in its place: the key is there
    return {"name": shown.pop("name"), **shown}


def _is_plain(value):
    """Whether a parameter of a call says nothing: false, empty, or that for each leaf."""
    if isinstance(value, tuple):
        return all(map(_is_plain, value))
    return value is UNSPECIFIED or getattr(value, "empty", not value)


def _function_name(fun):
    return getattr(fun, "__name__", None) or str(fun)


def _custom_rule(eqn, name):
    params = _sorted(eqn, name)
    if not params.get("num_consts"):
        params.pop("num_consts", None)
    if "fwd" in params:
        params["symbolic_zeros"] = getattr(params["fwd"], "symbolic_zeros", False)
    for key in ("jvp", "fwd", "bwd"):
        if key in params:
            params[key] = _function_name(params[key])
    return {"name": params.pop("name", ""), **dict(sorted(params.items()))}


def _custom_lin(eqn, name):
    params = eqn.params
    return {
        "bwd": _function_name(params["bwd"]),
        "in_zeros": [not nonzero for nonzero in params["nonzero"]],
        "num_res": params["num_res"],
        "symbolic_zeros": getattr(params["bwd"], "symbolic_zeros", False),
    }


def _random_impl(eqn, name):
    return {"impl": str(eqn.params["impl"])[len("key<") : -1]}


_RULES = {
    "random_seed": _random_impl,
    "random_wrap": _random_impl,
    "jit": _jit,
    "broadcast_in_dim": _broadcast,
    "dot_general": _dot_general,
    "convert_element_type": _without("sharding"),
    "mul": _without("out_dtype"),
    "custom_jvp_call": _custom_rule,
    "custom_vjp_call": _custom_rule,
    "custom_lin": _custom_lin,
}
