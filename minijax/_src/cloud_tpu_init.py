"""Whether this is a TPU machine in the cloud: never one that is of use here."""

running_in_cloud_tpu_vm = False


def cloud_tpu_init():
    """Nothing is set up: there is one platform, the CPU."""
