"""What accelerators there are: none that is of use here."""


def num_available_tpu_chips_and_device_id():
    """(how many TPU chips, their device id)."""
    return 0, None


def has_visible_nvidia_gpu():
    """Whether a GPU can be used."""
    return False
