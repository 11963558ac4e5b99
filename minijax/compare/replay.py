"""Runs sampled calls again on the inputs that the reference side recorded.

Two runs of one program drift apart when rounding differs: a call late in a training run
gets other inputs on either side, and its outputs say nothing about the call itself. So
the second side also runs each sampled call on the reference's inputs, aside from the
program. Loaded by its path in the measured process, like `probe.py`.
"""

from typing import Any


class CannotReplay(Exception):
    """Why a call cannot be run on the recorded inputs."""


class Replayer:
    """Replays calls against the reference samples in `reference` (see read_samples)."""

    def __init__(self, jax: Any, numpy: Any, reference: dict, recorder: Any):
        self._jax = jax
        self._numpy = numpy
        self._reference = reference
        self._recorder = recorder

    def replay(self, sample: dict[str, Any], call: Any, describe: Any) -> Any:
        """Outputs on the reference's inputs, described; or a word.

        "same inputs" where they are equal to the last bit, so that nothing need run;
        else why the call was not replayed.
        """
        key = (sample["name"], sample["site"], sample["index"])
        theirs = self._reference.get(key)
        if theirs is None:
            return "not sampled on the reference side"
        if _same_inputs(sample["inputs"], theirs["inputs"], self._numpy):
            return "same inputs"
        target, args, kwargs = call
        try:
            args, kwargs = self._substitute((args, kwargs), theirs["inputs"]["leaves"])
        except CannotReplay as error:
            return str(error)
        return describe(self._run(target, args, kwargs))

    def _run(self, target: Any, args: Any, kwargs: Any) -> Any:
        state = self._recorder.state
        saved = state.depth, state.record
        state.depth, state.record = 1, self._recorder.outside
        try:
            return target(*args, **kwargs)
        finally:
            state.depth, state.record = saved

    def _substitute(self, arguments: Any, described: list[dict[str, Any]]) -> Any:
        tree_util = self._jax.tree_util
        leaves, treedef = tree_util.tree_flatten(arguments)
        if len(leaves) != len(described):
            raise CannotReplay("the inputs have different trees")
        rebuilt = [self._leaf(own, new) for own, new in zip(leaves, described)]
        return tree_util.tree_unflatten(treedef, rebuilt)

    def _leaf(self, own: Any, recorded: dict[str, Any]) -> Any:
        jax = self._jax
        kind = recorded["kind"]
        if kind == "object":
            return own
        if kind == "python":
            return _python_scalar(own, recorded)
        if "data" not in recorded:
            raise CannotReplay("the reference side's inputs were not kept")
        data = recorded["data"]
        if kind == "numpy":
            return data
        if recorded["dtype"].startswith("key<"):
            array = jax.random.wrap_key_data(data)
        elif recorded["weak"]:
            if data.ndim:
                raise CannotReplay("a weakly typed array cannot be made from numbers")
            array = jax.numpy.asarray(data.item())
        else:
            array = jax.numpy.asarray(data)
        if str(array.dtype) != recorded["dtype"]:
            raise CannotReplay(f"no {recorded['dtype']} array could be made here")
        return array


def _python_scalar(own: Any, recorded: dict[str, Any]) -> Any:
    kind = type(own)
    if kind.__name__ != recorded["type"] or kind not in (bool, int, float, complex):
        raise CannotReplay("an input is of another Python type on the other side")
    text = recorded["value"]
    return text == "True" if kind is bool else kind(text)


def _same_inputs(ours: Any, theirs: Any, numpy: Any) -> bool:
    if ours["tree"] != theirs["tree"]:
        return False
    for own, other in zip(ours["leaves"], theirs["leaves"]):
        if own["kind"] != other["kind"] or own.get("value") != other.get("value"):
            return False
        for aspect in ("shape", "dtype", "weak"):
            if own.get(aspect) != other.get(aspect):
                return False
        if own["kind"] in ("array", "numpy"):
            if "data" not in other:
                return False
            if own["data"].tobytes() != other["data"].tobytes():
                return False
    return True
