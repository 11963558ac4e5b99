"""Documents that lay themselves out: Wadler's pretty printer, with colors and notes.

Lindig, "Strictly pretty" (2000): groups whose text fits on the rest of a line stay on it,
the breaks of the others become new lines.
"""

import enum
import functools
import html
from typing import Any

CAN_USE_COLOR = False  # nothing here asks a terminal whether it can


class OutputFormat(enum.Enum):
    """What colors and links are written in."""

    TEXT = 0
    HTML = 1


class Color(enum.Enum):
    """ANSI's colors, by the codes of foregrounds."""

    BLACK, RED, GREEN, YELLOW = 30, 31, 32, 33
    BLUE, MAGENTA, CYAN, WHITE, RESET = 34, 35, 36, 37, 39


class Intensity(enum.Enum):
    """ANSI's intensities, by their codes."""

    DIM = 2
    NORMAL = 22
    BRIGHT = 1


_PLAIN = Color.RESET, Color.RESET, Intensity.NORMAL
_NOTE = Color.RESET, Color.RESET, Intensity.DIM


class Doc:
    """A document: text, or a kind of document around others."""

    __slots__ = ("kind", "fields")

    def __init__(self, kind: str, *fields: Any):
        self.kind, self.fields = kind, fields

    def __add__(self, other: "Doc") -> "Doc":
        return concat([self, other])

    def __str__(self):
        return self.format()

    def __repr__(self):
        if self.kind == "nil":
            return "nil"
        fields = self.fields
        if self.kind == "text":
            named = zip(("annotation", "anchor", "href"), fields[1:], strict=True)
            more = [f', {name}="{x}"' for name, x in named if x is not None]
            return f'text("{fields[0]}"{"".join(more)})'
        if self.kind == "concat":
            fields = fields[0]
        shown = [
            f'"{x}"' if self.kind == "break"
            else x.name.lower() if isinstance(x, enum.Enum)
            else repr(x)
            for x in fields
        ]  # fmt: skip
        return f"{self.kind}({', '.join(shown)})"

    def format(
        self,
        width: int = 80,
        *,
        use_color: bool | None = None,
        output_format: OutputFormat | None = None,
        separable_lines: bool = False,
        annotation_prefix: str = " # ",
        source_map: list | None = None,
    ) -> str:
        """The document as text, on lines of `width` where that is possible.

        Args:
            use_color: write colors, which by default are left out.
            output_format: as plain text with ANSI's codes (default), or as HTML.
            separable_lines: end colors with each line.
            annotation_prefix: what notes at the end of lines begin with.
            source_map: a list that takes, for each line, [(start, end, source), ...].
        """
        as_html = output_format is OutputFormat.HTML
        writer = (_Html if as_html else _Ansi)(
            bool(use_color), source_map, separable_lines
        )
        _lay_out(self, width, writer)
        return writer.finished(annotation_prefix)


def nil() -> Doc:
    """Nothing."""
    return Doc("nil")


def text(
    text: str,
    annotation: str | None = None,
    anchor: str | None = None,
    href: str | None = None,
) -> Doc:
    """Text, with a note that goes to the end of its line; in HTML a link (`href`) and a
    target of links (`anchor`).
    """
    return Doc("text", text, annotation, anchor, href)


def concat(children: Any) -> Doc:
    """Documents after each other."""
    return Doc("concat", tuple(children))


def brk(text: str = " ") -> Doc:
    """`text` in a group on one line, a new line in others."""
    return Doc("break", text)


def group(doc: Doc) -> Doc:
    """A document that stands on one line if it fits."""
    return Doc("group", doc)


def nest(n: int, doc: Doc) -> Doc:
    """A document whose new lines are indented by `n` more."""
    return Doc("nest", n, doc)


def color(
    child: Doc,
    foreground: Color | None = None,
    background: Color | None = None,
    intensity: Intensity | None = None,
) -> Doc:
    """A document in colors; None keeps those around it."""
    return Doc("color", child, foreground, background, intensity)


def source_map(doc: Doc, source: Any) -> Doc:
    """A document of which `format` tells where it stands, as that of `source`."""
    return Doc("source", doc, source)


type_annotation = functools.partial(
    color, intensity=Intensity.NORMAL, foreground=Color.MAGENTA
)
keyword = functools.partial(color, intensity=Intensity.BRIGHT, foreground=Color.BLUE)


def join(sep: Doc, docs: Any) -> Doc:
    """Documents with `sep` between them."""
    joined = []
    for k, doc in enumerate(docs):
        joined += [sep, doc] if k else [doc]
    return concat(joined) if len(joined) > 1 else joined[0] if joined else nil()


# --- layout ---------------------------------------------------------------------------


def tracer(x: Any) -> Doc:
    """A tracer's type and trace, and below them what it holds."""
    head = text(f"Traced<{x.aval}>with<{x._trace}>")
    parts = []
    for name, value in x._contents():
        inner = getattr(value, "_pretty_print", None)
        parts.append(text(f"{name} = ") + (inner() if inner else text(repr(value))))
    if not parts:
        return head
    held = concat([head, text(" with"), brk(), join(brk(), parts)])
    return group(nest(2, held))


def _fits(doc, room):
    stack = [doc]
    while stack and room >= 0:
        doc = stack.pop()
        if doc.kind in ("text", "break"):
            room -= len(doc.fields[0])
        elif doc.kind == "concat":
            stack += reversed(doc.fields[0])
        elif doc.kind != "nil":
            stack.append(doc.fields[1] if doc.kind == "nest" else doc.fields[0])
    return room >= 0


def _lay_out(doc, width, writer):
    used = 0
    stack: list[Any] = [(0, False, _PLAIN, writer.source, doc)]
    while stack:
        indent, flat, style, source, doc = stack.pop()
        writer.within(source)
        kind, fields = doc.kind, doc.fields
        if kind == "text" or kind == "break" and flat:
            used += len(fields[0])
            writer.text(style, *fields)
        elif kind == "break":
            used = indent
            writer.new_line(indent)
        elif kind == "concat":
            stack += [
                (indent, flat, style, source, part) for part in reversed(fields[0])
            ]
        elif kind == "group":
            flat = flat or _fits(fields[0], width - used)
            stack.append((indent, flat, style, source, fields[0]))
        elif kind == "nest":
            stack.append((indent + fields[0], flat, style, source, fields[1]))
        elif kind == "color":
            child, *asked = fields
            style = tuple(
                old if new is None else new
                for old, new in zip(style, asked, strict=True)
            )
            stack.append((indent, flat, style, source, child))
        elif kind == "source":
            stack.append((indent, flat, style, (fields[1],), fields[0]))


class _Line:
    def __init__(self):
        self.text, self.width, self.notes, self.regions = "", 0, [], []


class _Writer:
    """The lines so far, the style in force, and the region of the source map."""

    def __init__(self, use_color, regions, separable):
        self.use_color, self.regions = use_color, regions
        self.separable = separable or regions is not None
        self.style, self.lines = _PLAIN, [_Line()]
        self.source, self._begin = None, 0

    def within(self, source):
        """Go on in another region of the source map."""
        if self.regions is not None and source != self.source:
            self._end_region()
            self.source = source

    def _end_region(self):
        line = self.lines[-1]
        if self.separable:
            self.restyle(_PLAIN)
        if self.source is not None and len(line.text) > self._begin:
            line.regions.append((self._begin, len(line.text), self.source[0]))
        self._begin = len(line.text)

    def text(self, style, text, note=None, anchor=None, href=None):
        """Append text."""
        self.restyle(style)
        line = self.lines[-1]
        line.text += self.escaped(text, anchor, href)
        line.width += len(text)
        if note is not None:
            line.notes.append(note)

    def new_line(self, indent):
        """End the line, and begin one with so many spaces."""
        if self.separable or self.lines[-1].notes:
            self._end_region()
            self.restyle(_PLAIN)
        self.lines.append(_Line())
        self.lines[-1].text, self.lines[-1].width = " " * indent, indent
        self._begin = indent

    def restyle(self, style):
        """Bring a style in force."""
        if self.use_color and style != self.style:
            self.lines[-1].text += self.change(self.style, style)
        self.style = style

    def finished(self, prefix):
        """The whole text, with the notes."""
        self._end_region()
        self.restyle(_PLAIN)
        width, shown = max(line.width for line in self.lines), []
        for line in self.lines:
            here = line.text
            for k, note in enumerate(line.notes):
                pad = " " * (width - (0 if k else line.width))
                here += self.noted(f"{pad}{prefix}{note}")
                shown.append(here)
                here = ""
            if not line.notes:
                shown.append(here)
        if self.regions is not None:
            self.regions += [line.regions for line in self.lines]
        return "\n".join(shown)

    def noted(self, note):
        note = self.escaped(note)
        if not self.use_color:
            return note
        return self.change(_PLAIN, _NOTE) + note + self.change(_NOTE, _PLAIN)

    def escaped(self, text, anchor=None, href=None) -> str:
        """Text as the format has it."""
        return text

    def change(self, old, new) -> str:
        """What brings another style in force."""
        raise NotImplementedError


class _Ansi(_Writer):
    def change(self, old, new):
        shifts = (0, 10, 0)  # the codes of backgrounds
        codes = [
            str(b.value + shift)
            for a, b, shift in zip(old, new, shifts, strict=True)
            if a is not b
        ]
        return f"\x1b[{';'.join(codes)}m"


class _Html(_Writer):
    def escaped(self, text, anchor=None, href=None):
        text = html.escape(text).replace("&#x27;", "&apos;")
        links = "".join(
            f' {name}="{value}"'
            for name, value in (("id", anchor), ("href", href))
            if value is not None
        )
        return f"<a{links}>{text}</a>" if links else text

    def change(self, old, new):
        names = (
            ("fg", new[0].value),
            ("bg", new[1].value + 10),
            ("intensity", new[2].value),
        )
        classes = [
            f"ansi-{name}-{code}"
            for (name, code), a, plain in zip(names, new, _PLAIN, strict=True)
            if a is not plain
        ]
        end = "</span>" if old != _PLAIN else ""
        return f'{end}<span class="{" ".join(classes)}">' if classes else end
