"""Talking to other processes (`jax.experimental.multihost_utils`): there are none."""

import numpy as np

from minijax.numpy import asarray
from minijax.tree_util import tree_map


def process_allgather(in_tree, tiled=False):
    """The arrays of all processes, stacked along a new leading axis.

    With `tiled` they are concatenated: with one process, the arrays themselves.
    """

    def gather(x):
        x = np.asarray(x)
        return x if tiled else x[None]

    return tree_map(gather, in_tree)


def broadcast_one_to_all(in_tree, is_source=None):
    """What the first process has, as NumPy arrays."""
    return tree_map(np.asarray, in_tree)


def sync_global_devices(name):
    """Wait for all processes to get here."""


def assert_equal(in_tree, fail_message=""):
    """Check that all processes have the same values; one always does."""


def reached_preemption_sync_point(step_id):
    """Whether the cluster asks to stop; there is none."""
    return False


def host_local_array_to_global_array(local_inputs, global_mesh, pspecs):
    """Arrays made of every process's part: with one process, its own."""
    return tree_map(asarray, local_inputs)


def global_array_to_host_local_array(global_inputs, global_mesh, pspecs):
    """This process's part of arrays: with one process, all of it."""
    return tree_map(asarray, global_inputs)
