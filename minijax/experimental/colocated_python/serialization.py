"""What is sent along with a colocated function."""


class DeviceList(tuple[object, ...]):
    """Devices in their order."""

    __slots__ = ()
