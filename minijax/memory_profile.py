"""What the live arrays take, as a profile for pprof (github.com/google/pprof).

Arrays do not remember where they were made, so a profile has one "function" for each type
of arrays, such as `float32[20]`, in the place of the stack that allocated it.
"""

import collections

from minijax import core
from minijax.api.arrays import live_arrays
from minijax.device import CPU


def _varint(n):
    """A number in groups of seven bits, the lowest first."""
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    out.append(n)
    return bytes(out)


def _field(number, value):
    """A field of a protocol buffer: a number, or bytes with their length."""
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    return _varint(number << 3 | 2) + _varint(len(value)) + value


def _message(*fields):
    return b"".join([_field(number, value) for number, value in fields])


def _packed(*numbers):
    return b"".join(map(_varint, numbers))


def buffers():
    """{type of array as text: [bytes of each buffer that is alive]}."""
    held, seen = collections.defaultdict(list), set()
    for x in live_arrays():
        data = x._data
        if data is None:
            continue
        place = data.ctypes.data, data.nbytes
        if place not in seen:  # arrays may share one
            seen.add(place)
            held[core.get_aval(x).str_short()].append(data.nbytes)
    return held


def heap_profile():
    """The profile: for each type of arrays, how many buffers there are, and their bytes."""
    strings = {"": 0}

    def text(string):
        return strings.setdefault(string, len(strings))

    fields = []
    for kind, unit in (("allocations", "count"), ("space", "bytes")):
        fields.append((1, _message((1, text(kind)), (2, text(unit)))))
    labels = [("kind", "buffer"), ("device", str(CPU))]
    labels = [(3, _message((1, text(key)), (2, text(value)))) for key, value in labels]
    places = []
    for number, (name, sizes) in enumerate(buffers().items(), 1):
        values = _packed(len(sizes), sum(sizes))
        fields.append((2, _message((1, _packed(number)), (2, values), *labels)))
        line = _message((1, number))
        places.append((4, _message((1, number), (4, line))))
        places.append((5, _message((1, number), (2, text(name)), (3, text(name)))))
    table = [(6, string.encode()) for string in strings]
    return _message(*fields, *places, *table)
