"""Copies the inputs and outputs of sampled calls to a folder, for the equality check.

Loaded by its path in the measured process, like `probe.py`. Only the check runs sample;
the timed runs never copy an output.

Sampled are the first calls of every function, then those whose number is a power of
two, and the last one. Numbers go to `samples.bin` as raw bytes, all else (paths,
shapes, dtypes, weak types, trees) to `samples.json`.
"""

import json
import os
from typing import Any

FIRST_CALLS = 3


class Sampler:
    """Writes the samples of one process to `folder`."""

    def __init__(self, describer: Any, folder: str, replayer: Any = None):
        self._describer = describer  # of outputs.py, with a file in `folder`
        self._folder = folder
        self._samples: list[dict[str, Any]] = []
        self._inputs: Any = None
        self._last: dict[Any, tuple] = {}
        self._replayer = replayer
        self.eager_copies = False  # set once an argument is donated

    def before(self, record: Any, index: int, args: Any, kwargs: Any) -> None:
        """Note the inputs of the call that is about to run."""
        if is_sampled(index) or self.eager_copies:
            self._inputs = self._describer.describe((args, kwargs))
        else:
            self._inputs = None

    def after(
        self, record: Any, index: int, outputs: Any, target: Any, args: Any, kwargs: Any
    ) -> None:
        """Keep the call that has just returned: on file, or as the last one so far."""
        inputs = self._inputs
        call = (target, args, kwargs)
        if is_sampled(index):
            self._last.pop(record, None)
            self._write(record, index, inputs, self._describer.describe(outputs), call)
        elif self.eager_copies:
            self._last[record] = (
                index,
                inputs,
                self._describer.describe(outputs),
                call,
            )
        else:
            self._last[record] = (index, None, outputs, call)

    def close(self) -> None:
        """Write the last calls and the index; the folder is then complete."""
        for record, (index, inputs, outputs, call) in self._last.items():
            if inputs is None:
                inputs = self._describer.describe(call[1:])
                outputs = self._describer.describe(outputs)
            self._write(record, index, inputs, outputs, call)
        left_out = self._describer.close()
        index = {"samples": self._samples, "left_out": left_out}
        with open(os.path.join(self._folder, "samples.json"), "w") as file:
            json.dump(index, file)

    def _write(self, record: Any, index: int, inputs: Any, outputs: Any, call) -> None:
        sample = {
            "name": record.name,
            "site": record.site,
            "index": index,
            "inputs": inputs,
            "outputs": outputs,
        }
        if self._replayer is not None:
            sample["replay"] = self._replayer.replay(
                sample, call, self._describer.describe
            )
        for part in ("inputs", "outputs", "replay"):
            if isinstance(sample.get(part), dict):
                sample[part] = self._describer.keep(sample[part])
        self._samples.append(sample)


def is_sampled(index: int) -> bool:
    """Whether call number `index` is copied at once (the last call always is)."""
    return index < FIRST_CALLS or (index + 1) & index == 0
