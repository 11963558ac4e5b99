"""What a manager of checkpoints does; a library that writes files derives from it."""

import abc


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
