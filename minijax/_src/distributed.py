"""Several processes."""

from types import SimpleNamespace

from minijax._src._homes import names_of

# What libraries ask for the place of this process among the others: it is the only one.
global_state = SimpleNamespace(
    process_id=0, num_processes=1, service=None, client=None, coordinator_address=None,
    preemption_sync_manager=None, partition_index=None,
)  # fmt: skip

__getattr__ = names_of(__name__, "minijax.distributed")
