"""Lower the priority of a training, so that pages on the same cores answer."""

import os

NICE_VARIABLE = "DDNMF_WORKER_NICE"  # set for the workers that train on a CPU


def yield_to_pages() -> None:
    """Lower the priority of this thread, and of those that it starts, to the worker's nice level; do nothing without one."""
    level = int(os.environ.get(NICE_VARIABLE, "0"))
    if level > os.getpriority(os.PRIO_PROCESS, 0):
        os.setpriority(os.PRIO_PROCESS, 0, level)
