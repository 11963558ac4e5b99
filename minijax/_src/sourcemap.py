"""Source maps (https://tc39.es/source-map): which place of a source a place of generated
text comes from.

A map has, for each generated line, segments: tuples of a column and, where it is known, the
number of a source, a line and a column in it, and the number of a name. All but the column
of a line's first segment count from those before; as text each is a variable-length number
in base 64.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

Segment = tuple[int, ...]
Mappings = Sequence[Sequence[Segment]]

_DIGITS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_VALUES = {digit: value for value, digit in enumerate(_DIGITS)}
_BITS = 5  # of a number in each digit; the bit above says that more follow
_MORE = 1 << _BITS
_SIZES = (1, 4, 5)  # how many numbers a segment may have


class SourceMap(NamedTuple):
    """A whole map; `sources_content` has the texts of the sources, or None for each."""

    version: int
    sources: Sequence[str]
    sources_content: Sequence[str | None]
    names: Sequence[str]
    mappings: Mappings

    @classmethod
    def from_json(cls, json_data: str) -> "SourceMap":
        """Read what `to_json` wrote."""
        data = json.loads(json_data)
        return cls(
            data["version"],
            data["sources"],
            data["sourcesContent"],
            data["names"],
            deserialize_mappings(data["mappings"]),
        )

    def to_json(self) -> str:
        """The map as JSON."""
        return json.dumps({
            "version": self.version,
            "sources": self.sources,
            "sourcesContent": self.sources_content,
            "names": self.names,
            "mappings": serialize_mappings(self.mappings),
        })  # fmt: skip


# --- numbers and segments as text -----------------------------------------------------


def encode_vlq(value: int) -> bytes:
    """An integer in base 64, the lowest digit first; its lowest bit is the sign."""
    rest = abs(value) << 1 | (value < 0)
    digits = bytearray()
    while True:
        rest, digit = rest >> _BITS, rest % _MORE
        digits.append(_DIGITS[digit | (_MORE if rest else 0)])
        if not rest:
            return bytes(digits)


def decode_vlq(enc: Iterable[int]) -> int:
    """The first integer of `enc`, of which no more is consumed. StopIteration if there is
    none.
    """
    digits, found, shift = iter(enc), 0, 0
    while True:
        digit = _VALUES[next(digits)]
        found |= digit % _MORE << shift
        shift += _BITS
        if digit < _MORE:
            return -(found >> 1) if found & 1 else found >> 1


def encode_segment(seg: Segment) -> bytes:
    """The numbers of a segment, one after the other."""
    return b"".join(map(encode_vlq, seg))


def _numbers(enc: Iterator[int]) -> Iterator[int]:
    while True:
        try:
            yield decode_vlq(enc)
        except StopIteration:
            return


def decode_segment(enc: Iterable[int]) -> Segment:
    """The segment that `encode_segment` wrote.  ValueError for another count of numbers."""
    seg = tuple(_numbers(iter(enc)))
    if len(seg) not in _SIZES:
        raise ValueError(f"a segment has 1, 4 or 5 numbers, not {len(seg)}: {seg}")
    return seg


def serialize_mappings(mappings: Mappings) -> str:
    """The segments of all lines as text."""
    lines = [b",".join(map(encode_segment, line)) for line in mappings]
    return b";".join(lines).decode("ascii")


def deserialize_mappings(mappings_str: str) -> Mappings:
    """The segments of all lines, of what `serialize_mappings` wrote."""
    lines = mappings_str.encode("ascii").split(b";")
    return [[*map(decode_segment, line.split(b","))] if line else [] for line in lines]


# --- making maps ----------------------------------------------------------------------


class MappingsGenerator:
    """Makes mappings of segments whose numbers do not count from others."""

    def __init__(self):
        self._lines: list[list[Segment]] = []
        self._before = [0] * max(_SIZES)

    def new_group(self) -> None:
        """Begin a line, the first one too."""
        self._before[0] = 0
        self._lines.append([])

    def new_segment(self, *seg: int) -> None:
        """Add a segment to the line.

        RuntimeError where there is no line yet; ValueError for another count of numbers.
        """
        if not self._lines:
            raise RuntimeError("No current group. Forgot to call new_group()?")
        if len(seg) not in _SIZES:
            raise ValueError(f"a segment has 1, 4 or 5 numbers, not {len(seg)}: {seg}")
        steps = tuple([a - b for a, b in zip(seg, self._before, strict=False)])
        self._before[: len(seg)] = seg
        self._lines[-1].append(steps)

    def mappings(self) -> Mappings:
        """The segments of all lines so far."""
        return self._lines
