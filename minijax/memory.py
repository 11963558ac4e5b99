"""Memory spaces (`jax.memory`): the device's own and the host's, which are the same here."""

import enum


class MemorySpace(enum.Enum):
    """Where an array lives: in the memory of the device, or of the host."""

    Device = enum.auto()
    Host = enum.auto()

    def __repr__(self):
        return f"MemorySpace.{self.name}"

    @property
    def memory_kind(self):
        """The name that shardings have for it."""
        return "device" if self is MemorySpace.Device else "pinned_host"


Space = MemorySpace

__all__ = ["Space"]
