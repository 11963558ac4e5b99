"""Arrays in files that tensorstore writes and reads; it is imported when first used."""

import abc
import asyncio
import importlib
import os
import threading
from collections.abc import Awaitable
from typing import Any

import numpy as np

from minijax import dtypes
from minijax.api.arrays import device_put
from minijax.api.inspection import ShapeDtypeStruct
from minijax.device import Sharding
from minijax.experimental.layout import Format


def _tensorstore() -> Any:
    return importlib.import_module("tensorstore")


def get_tensorstore_spec(
    ckpt_path, ocdbt=False, process_idx=None, arr=None, driver="zarr"
) -> dict[str, Any]:
    """Where and how tensorstore keeps one array: a folder of its own at `ckpt_path`, or
    (`ocdbt`) a key in the database of the folder it is in.

    arr: the array to be written there, if the spec shall say its shape.  ValueError for
    a path that `ocdbt` needs absolute.
    """
    path = os.path.normpath(os.fspath(ckpt_path))
    folder, name = os.path.split(path)
    if process_idx is not None:
        folder = os.path.join(folder, f"process_{process_idx}")
        path = os.path.join(folder, name)
    if ocdbt and not os.path.isabs(folder):
        raise ValueError(f"Checkpoint path should be absolute. Got {folder}")
    store: dict[str, Any] = {"driver": "file", "path": folder if ocdbt else path}
    if ocdbt:
        store = {"driver": "ocdbt", "base": store, "path": name}
    spec: dict[str, Any] = {"driver": driver, "kvstore": store}
    if arr is not None:
        spec["metadata"] = _metadata(arr, driver)
    return spec


def _metadata(arr, driver):
    shape, chunk = tuple(arr.shape), [max(1, n) for n in arr.shape]
    if driver == "zarr":
        return {"compressor": {"id": "zstd"}, "shape": shape, "chunks": chunk}
    if driver != "zarr3":
        raise ValueError(f"Unsupported driver: {driver}")
    grid = {"name": "regular", "configuration": {"chunk_shape": chunk}}
    kind = np.dtype(arr.dtype).name
    return {"codecs": [], "shape": shape, "data_type": kind, "chunk_grid": grid}


async def async_serialize(arr_inp, tensorstore_spec, commit_future=None, **open_with):
    """Write an array where the spec says.

    commit_future: a list; what is yet to be committed is added to it, in place of being
    waited for.  open_with: more for `tensorstore.open`.
    """
    tensorstore = _tensorstore()
    spec = dict(tensorstore_spec)
    if "metadata" not in spec and "base" not in spec:
        spec["metadata"] = _metadata(arr_inp, spec["driver"])
    if spec["driver"] == "zarr":
        spec.setdefault("dtype", np.dtype(arr_inp.dtype).name)
    store = await tensorstore.open(
        tensorstore.Spec(spec), create=True, open=True, **open_with
    )
    written = store.write(np.asarray(arr_inp))
    await written.copy
    if commit_future is None:
        await written.commit
    else:
        commit_future.append(written.commit)


async def async_deserialize(
    in_type, tensorstore_spec, global_shape=None, dtype=None, **open_with
):
    """The array at the spec, put where `in_type` (a sharding, a Format or a
    `ShapeDtypeStruct`) says.

    global_shape: the array is cropped to it, or filled up with zeros.  dtype: it is
    converted to it.  TypeError for what says no place.
    """
    tensorstore = _tensorstore()
    if isinstance(in_type, ShapeDtypeStruct):
        dtype = in_type.dtype if dtype is None else dtype
    place = (
        in_type.sharding if isinstance(in_type, (ShapeDtypeStruct, Format)) else in_type
    )
    if not isinstance(place, Sharding):
        raise TypeError(
            "sharding passed to deserialization should be specified, concrete and an "
            f"instance of `jax.sharding.Sharding`. Got {in_type}"
        )
    store = await tensorstore.open(tensorstore_spec, open=True, **open_with)
    shape = tuple(store.shape if global_shape is None else global_shape)
    kept = tuple([slice(min(n, m)) for n, m in zip(shape, store.shape, strict=True)])
    out = np.zeros(shape, store.dtype.numpy_dtype)
    out[kept] = await store[kept].read()
    kind = dtypes.canonicalize_dtype(
        store.dtype.numpy_dtype if dtype is None else dtype
    )
    return device_put(out.astype(kind), place)


def run_serialization(arrays, tensorstore_specs):
    """Write each array where its spec says, and wait."""
    _run(map(async_serialize, arrays, tensorstore_specs))


def run_deserialization(
    shardings, tensorstore_specs, global_shapes=None, dtypes=None, concurrent_gb=32
):
    """The arrays at the specs, put where the shardings say; see `async_deserialize`."""
    del concurrent_gb  # each array is read once, into its own memory
    nothing = [None] * len(tensorstore_specs)
    return _run(
        map(
            async_deserialize,
            shardings,
            tensorstore_specs,
            nothing if global_shapes is None else global_shapes,
            nothing if dtypes is None else dtypes,
        )
    )


def _run(work: Any) -> list[Any]:
    async def all_of(work: list[Awaitable[Any]]):
        return await asyncio.gather(*work)

    return asyncio.run(all_of([*work]))


class GlobalAsyncCheckpointManagerBase(abc.ABC):
    """Writes arrays in the background and reads them again.

    A checkpoint may still be on its way to the files while the program computes on; the
    next one waits for it.
    """

    @abc.abstractmethod
    def check_for_errors(self):
        """Raise what went wrong in the background, without waiting."""

    @abc.abstractmethod
    def wait_until_finished(self):
        """Wait until the checkpoint that is under way has been written."""

    @abc.abstractmethod
    def serialize(self, arrays, tensorstore_specs, *, on_commit_callback):
        """Write each array where its spec says, then call `on_commit_callback`."""

    @abc.abstractmethod
    def deserialize(
        self, shardings, tensorstore_specs, global_shapes=None, dtypes=None
    ):
        """The arrays at the specs, laid out as the shardings say."""


class GlobalAsyncCheckpointManager(GlobalAsyncCheckpointManagerBase):
    """Writes arrays by tensorstore; a thread waits for the files."""

    def __init__(self, timeout_secs=300):
        del timeout_secs  # how long other processes are waited for; there are none
        self._thread = self._error = None

    def check_for_errors(self):
        """Raise, once, what went wrong in the background, without waiting."""
        error, self._error = self._error, None
        if error is not None:
            raise error

    def wait_until_finished(self):
        """Wait until the checkpoint that is under way has been written."""
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        self.check_for_errors()

    def serialize(
        self, arrays, tensorstore_specs, *, on_commit_callback=None, transaction=None
    ):
        """Write each array where its spec says, then call `on_commit_callback`; returns
        when the arrays have been copied.
        """
        self.wait_until_finished()
        commits: list[Any] = []
        _run(
            async_serialize(x, spec, commits, transaction=transaction)
            for x, spec in zip(arrays, tensorstore_specs, strict=True)
        )
        self._thread = threading.Thread(
            target=self._commit, args=(commits, on_commit_callback)
        )
        self._thread.start()

    def _commit(self, commits, then):
        try:
            for commit in commits:
                commit.result()
            if then is not None:
                then()
        except Exception as error:
            self._error = error

    def serialize_with_paths(
        self, arrays, paths, *, on_commit_callback=None, transaction=None
    ):
        """As `serialize`, each array into a folder of its own."""
        self.serialize(
            arrays,
            [get_tensorstore_spec(path) for path in paths],
            on_commit_callback=on_commit_callback,
            transaction=transaction,
        )

    def deserialize(
        self,
        shardings,
        tensorstore_specs,
        global_shapes=None,
        dtypes=None,
        concurrent_gb=32,
    ):
        """The arrays at the specs; see `run_deserialization`."""
        self.wait_until_finished()
        return run_deserialization(
            shardings, tensorstore_specs, global_shapes, dtypes, concurrent_gb
        )

    def deserialize_with_paths(
        self, shardings, paths, global_shapes=None, dtypes=None, concurrent_gb=32
    ):
        """As `deserialize`, from folders that `serialize_with_paths` wrote."""
        specs = [get_tensorstore_spec(path) for path in paths]
        return self.deserialize(shardings, specs, global_shapes, dtypes, concurrent_gb)
