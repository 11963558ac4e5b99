"""Reads back what `outputs.py` kept. Needs numpy (and ml_dtypes for its dtypes)."""

import json
import os
from importlib import import_module
from typing import Any

import numpy


def read_samples(folder: str) -> dict[str, Any]:
    """The samples in `folder` with their numbers: {"samples": […], "left_out": n}."""
    with open(os.path.join(folder, "samples.json")) as file:
        index = json.load(file)
    blob = read_numbers(os.path.join(folder, "samples.bin"))
    for sample in index["samples"]:
        for part in ("inputs", "outputs", "replay"):
            if isinstance(sample.get(part), dict):
                attach(sample[part], blob)
    return index


def by_call(index: dict[str, Any]) -> dict[tuple[str, str, int], dict[str, Any]]:
    """Samples by (function's name, site, call number)."""
    return {(s["name"], s["site"], s["index"]): s for s in index["samples"]}


def read_numbers(path: str) -> Any:
    """The bytes of a file of numbers, mapped."""
    # An empty file cannot be mapped.
    return numpy.memmap(path, numpy.uint8, "r") if os.path.getsize(path) else b""


def attach(described: dict[str, Any], blob: Any) -> None:
    """Give each leaf of a described tree its numbers, in "data"."""
    for leaf in described["leaves"]:
        if "stored" not in leaf:
            continue
        name, shape = leaf["stored"]
        dtype = numpy_dtype(name)
        size = dtype.itemsize
        for extent in shape:
            size *= extent
        raw = bytes(blob[leaf["offset"] : leaf["offset"] + size])
        leaf["data"] = numpy.frombuffer(raw, dtype=dtype).reshape(shape)


def numpy_dtype(name: str) -> numpy.dtype:
    """The dtype called `name`; bfloat16 and its kin come from ml_dtypes."""
    try:
        return numpy.dtype(name)
    except TypeError:
        return numpy.dtype(getattr(import_module("ml_dtypes"), name))
