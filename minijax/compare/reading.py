"""Reads back what `samples.py` wrote. Needs numpy (and ml_dtypes for its dtypes)."""

import json
import os
from importlib import import_module
from typing import Any

import numpy


def read_samples(folder: str) -> dict[str, Any]:
    """The samples in `folder` with their numbers: {"samples": […], "left_out": n}."""
    with open(os.path.join(folder, "samples.json")) as file:
        index = json.load(file)
    numbers = os.path.join(folder, "samples.bin")
    # An empty file cannot be mapped.
    blob = numpy.memmap(numbers, numpy.uint8, "r") if os.path.getsize(numbers) else b""
    for sample in index["samples"]:
        for part in ("inputs", "outputs", "replay"):
            if isinstance(sample.get(part), dict):
                for leaf in sample[part]["leaves"]:
                    _attach(leaf, blob)
    return index


def by_call(index: dict[str, Any]) -> dict[tuple[str, str, int], dict[str, Any]]:
    """Samples by (function's name, site, call number)."""
    return {(s["name"], s["site"], s["index"]): s for s in index["samples"]}


def _attach(leaf: dict[str, Any], blob: Any) -> None:
    if "stored" not in leaf:
        return
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
