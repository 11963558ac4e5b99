"""Control flow as C: SCAN, WHILE, COND and CALL, written inside an activation.

The loops keep tier 0's contract for carries (control.h): a carry lives in its result's
memory or alternates between that and a buffer, so that a body never reads what it is
writing; one that the body updates in place has one memory.  Small carries are C
variables, with the same alternation.
"""

from cbackend.places import Place, suffix_of
from cbackend.program import INPUT, OUTPUT
from cbackend.scalars import STORED

VARIABLE_ELEMENTS = 16  # values up to here live in C variables
VARIABLE_BYTES = 128

_INTERRUPT = "if (__builtin_expect(*host->interrupt, 0)) return host->interrupted();"


class _Carry:
    """A loop's carried value: the body reads `now` and writes `then`.

    `home` is the place of the result; `spare` the other memory, if there is one.
    """

    __slots__ = ("view", "home", "now", "then", "spare")

    @property
    def nbytes(self):
        return self.view.size * self.view.dtype.itemsize


def is_variable(size, nbytes):
    """Whether a value of that many elements and bytes may live in C variables."""
    return 0 < size <= VARIABLE_ELEMENTS and nbytes <= VARIABLE_BYTES


def _open_carries(self, instr, inits, in_place, reads, outside):
    """The carries of a loop, and the lines before it.

    `reads(k)` are the keys of the inputs that carry k is, in every program of the loop;
    `outside` the keys that the runtime touches there.
    """
    carries, lines = [], []
    for k, init in enumerate(inits):
        carry = _Carry()
        view = carry.view = instr.outs[k]
        carry.home, carry.spare = self.part(view), None
        keys = [*reads(k), (OUTPUT, k)]
        small = is_variable(view.size, carry.nbytes) and not outside.intersection(keys)
        opened = _open_variable if small else _open_memory
        lines += opened(self, carry, self.part(init), in_place[k])
        carries.append(carry)
    return carries, lines


def _open_variable(self, carry, init, in_place):
    stored, size = STORED[suffix_of(carry.view)], carry.view.size
    carry.now = Place(self.name("c"), suffix_of(carry.view))
    lines = [f"{stored} {carry.now.name}[{size}];"]
    carry.then = carry.now
    if not in_place:
        carry.then = Place(self.name("c"), suffix_of(carry.view))
        lines.append(f"{stored} {carry.then.name}[{size}];")
    return lines + _copy_elements(carry.view, carry.now, init)


def _open_memory(self, carry, init, in_place):
    if in_place:
        carry.now = carry.then = carry.home
        return _copy_bytes(carry.nbytes, carry.home, init)
    carry.spare = self.take(carry.nbytes)
    carry.now, carry.then = Place(self.name("p")), Place(self.name("q"))
    return [f"char *{carry.now.name} = {init.address()};"]


def _turn_begins(carries):
    """Lines at the head of a turn that writes the carries: where it writes them."""
    return [
        f"char *{c.then.name} = {c.now.name} == {c.home.address()} ? "
        f"{c.spare.address()} : {c.home.address()};"
        for c in carries
        if c.spare is not None
    ]


def _turn_ends(carries):
    """What was written becomes what is read."""
    lines = []
    for c in carries:
        if c.spare is not None:
            lines.append(f"{c.now.name} = {c.then.name};")
        elif c.now is not c.then:
            lines += _copy_elements(c.view, c.now, c.then)
    return lines


def _close_carries(carries):
    """Lines that bring the last values home."""
    lines = []
    for c in carries:
        if c.now.suffix is not None:
            lines += _copy_elements(c.view, c.home, c.now)
        elif c.spare is not None:
            home, now = c.home.address(), c.now.name
            lines.append(
                f"if ({now} != {home}) __builtin_memmove({home}, {now}, {c.nbytes});"
            )
    return lines


def _copy_elements(view, to, source):
    suffix = suffix_of(view)
    if to.suffix is not None and source.suffix is not None and to.name == source.name:
        return []
    return [
        f"{to.element(suffix, k)} = {source.element(suffix, k)};"
        for k in range(view.size)
    ]


def _copy_bytes(nbytes, to, source):
    if not nbytes or to.address() == source.address():
        return []
    return [f"__builtin_memmove({to.address()}, {source.address()}, {nbytes});"]


def _scan(self, instr):
    body, length, reverse, n_consts, n_carry = instr.params[:5]
    in_place = instr.params[5:]
    tied = {k: n_consts + k for k in range(n_carry) if in_place[k]}
    inits = instr.ins[n_consts : n_consts + n_carry]
    carries, before = _open_carries(
        self, instr, inits, in_place,
        lambda k: [(INPUT, n_consts + k)], self.outside_of(body, tied),
    )  # fmt: skip
    index = self.name("i")
    turn = f"({length - 1} - {index})" if reverse else index
    xs, x_lines = _slices(self, instr.ins[n_consts + n_carry :], length, turn)
    ys, y_lines = _slices(self, instr.outs[n_carry:], length, turn)
    consts = [self.part(view) for view in instr.ins[:n_consts]]
    lines = self.nested(
        body,
        [*consts, *[c.now for c in carries], *xs],
        [*[c.then for c in carries], *ys],
        tied,
    )
    return [
        *before,
        f"for (int64_t {index} = 0; {index} < {length}; {index}++) {{",
        _INTERRUPT,
        *x_lines,
        *y_lines,
        *_turn_begins(carries),
        "{",
        *lines,
        "}",
        *_turn_ends(carries),
        "}",
        *_close_carries(carries),
    ]


def _slices(self, views, length, turn):
    """The places of one turn's slices, and the lines that find them."""
    places, lines = [], []
    for view in views:
        nbytes = view.size * view.dtype.itemsize // length if length else 0
        place = Place(self.name("x"))
        base = self.part(view).address()
        lines.append(f"char *{place.name} = {base} + {turn} * {nbytes};")
        places.append(place)
    return places, lines


def _while(self, instr):
    cond, body, n_cond, n_body = instr.params[:4]
    in_place = instr.params[4:]
    tied = {k: n_body + k for k in range(len(in_place)) if in_place[k]}
    inits = instr.ins[n_cond + n_body :]
    outside = self.outside_of(body, tied)
    for space, k in (x for x in self.outside_of(cond, {}) if isinstance(x, tuple)):
        if space == INPUT and k >= n_cond:
            outside.add((INPUT, k - n_cond + n_body))
    carries, before = _open_carries(
        self, instr, inits, in_place, lambda k: [(INPUT, n_body + k)], outside
    )
    now = [c.now for c in carries]
    going = Place(self.name("g"), "b1")
    cond_consts = [self.part(view) for view in instr.ins[:n_cond]]
    body_consts = [self.part(view) for view in instr.ins[n_cond : n_cond + n_body]]
    test = self.nested(cond, [*cond_consts, *now], [going])
    lines = self.nested(body, [*body_consts, *now], [c.then for c in carries], tied)
    return [
        *before,
        "for (;;) {",
        f"uint8_t {going.name}[1];",
        "{",
        *test,
        "}",
        f"if (!{going.name}[0]) break;",
        _INTERRUPT,
        *_turn_begins(carries),
        "{",
        *lines,
        "}",
        *_turn_ends(carries),
        "}",
        *_close_carries(carries),
    ]


def _cond(self, instr):
    suffix = suffix_of(instr.ins[0])
    place, index = self.place(instr.ins[0].buffer), self.name("i")
    element = place.element(suffix, instr.ins[0].offset)
    if suffix == "u64":
        element = f"{element} > INT64_MAX ? INT64_MAX : {element}"
    lines = [f"int64_t {index} = (int64_t)({element});"]
    ins = [self.part(view) for view in instr.ins[1:]]
    outs = [self.part(view) for view in instr.outs]
    last = len(instr.params) - 1
    for k, program in enumerate(instr.params):
        opening = "" if k == 0 else "} else "
        test = f"if ({index} {'<=' if k == 0 else '=='} {k}) " if k < last else ""
        lines += [f"{opening}{test}{{", *self.nested(program, ins, outs)]
    return [*lines, "}"]


def _call(self, instr):
    ins = [self.part(view) for view in instr.ins]
    outs = [self.part(view) for view in instr.outs]
    return self.nested(instr.params[0], ins, outs)


WRITERS = {"SCAN": _scan, "WHILE": _while, "COND": _cond, "CALL": _call}
