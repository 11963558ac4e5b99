"""What a cache of executables must do."""

import abc


class CacheInterface(abc.ABC):
    """Keeps bytes by name."""

    @abc.abstractmethod
    def get(self, key):
        """The bytes, or None."""

    @abc.abstractmethod
    def put(self, key, value):
        """Keep `value`."""
