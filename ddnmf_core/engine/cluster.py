"""Start the dask cluster of the engine: workers on this machine, or the cluster that DDNMF_SCHEDULER names."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ddnmf_core.engine.client import threads_per_run
from ddnmf_core.engine.gpus import available_gpus
from ddnmf_core.engine.worker.priority import NICE_VARIABLE

WORKER_TTL = "15s"  # silence after which a worker counts as lost
MAX_ANALYSTS = 16  # beside GPUs; each holds torch and a data set in memory
DEFAULT_NICE = 10  # of trainings
ALLOWED_FAILURES = 3  # max. worker deaths of one task


@contextmanager
def start_cluster() -> Iterator[tuple[Any, int]]:
    """Yield a client of the cluster and its number of workers."""
    import dask
    from distributed import Client
    from distributed.security import Security

    dask.config.set(
        {
            "distributed.nanny.pre-spawn-environ": worker_environment(threads_per_run()),
            "distributed.scheduler.allowed-failures": ALLOWED_FAILURES,
            "distributed.scheduler.worker-ttl": WORKER_TTL,
            # Dask serves logs, call stacks and names of runs over plain HTTP, to every user of the machine.
            "distributed.scheduler.http.routes": [],
            "distributed.worker.http.routes": [],
            "distributed.worker.profile.enabled": False,  # keeps an hour of samples: workers grew with every run
            "distributed.admin.tick.interval": "1s",  # of dask's self-monitoring; the default is 50 times a second
            "distributed.admin.system-monitor.interval": "10s",  # in each process, busy or not
            "distributed.worker.daemon": False,
        }
    )
    if address := os.environ.get("DDNMF_SCHEDULER"):
        with Client(address, timeout="15s") as client:
            yield client, len(client.scheduler_info(n_workers=-1)["workers"])
        return
    security = Security.temporary()  # keys of this cluster alone, in memory only
    specs = _worker_specs(security)
    with _local_cluster(specs, security) as local, Client(local) as client:
        client.wait_for_workers(len(specs))
        yield client, len(specs)


def replace_lost_workers(cluster: Any, n_workers: int) -> int:
    """Start the missing workers of a local cluster; return their number.

    Dask gives up a worker whose restart takes over 15 seconds, as on a busy machine.
    An external cluster (None) replaces its own workers.
    """
    n_lost = 0 if cluster is None else n_workers - len(cluster.workers)
    if n_lost:
        cluster.scale(n_workers)
    return n_lost


def _local_cluster(specs: dict[str, Any], security: Any) -> Any:
    """Start a cluster on loopback under TLS with its own keys, so that other users of the machine can neither submit nor
    read."""
    from distributed import Scheduler, SpecCluster

    return SpecCluster(
        specs,
        scheduler={
            "cls": Scheduler,
            "options": {"host": "127.0.0.1", "port": 0, "dashboard": False, "protocol": "tls://", "security": security},
        },
        silence_logs=False,
        security=security,
    )


def _worker_specs(security: Any) -> dict[str, Any]:
    """Specify the workers: for training one a GPU, or as many as the cores allow; for all other tasks one, or beside GPUs
    one for each idle core, since they score what the GPUs train."""
    threads, cores, gpus = threads_per_run(), os.cpu_count() or 1, available_gpus()
    niced = {NICE_VARIABLE: str(nice_level())}
    trainers = [{"CUDA_VISIBLE_DEVICES": gpu} for gpu in gpus] or [niced] * max(1, cores // threads)
    n_analysts = min(max(1, cores - len(gpus)), MAX_ANALYSTS) if gpus else 1
    specs = {f"train-{number}": _worker({"train": 1}, env, threads, security) for number, env in enumerate(trainers)}
    return specs | {f"analyse-{number}": _worker({"analyse": 1}, {}, 1, security) for number in range(n_analysts)}


def _worker(resources: dict[str, int], env: dict[str, str], threads: int, security: Any) -> dict[str, Any]:
    from distributed import Nanny

    return {
        "cls": Nanny,
        "options": {
            "nthreads": 1,
            "host": "127.0.0.1",
            "memory_limit": 0,
            "resources": resources,
            "protocol": "tls://",
            "security": security,
            "env": {**worker_environment(threads), **env},
            "dashboard": False,
        },
    }


def nice_level() -> int:
    """Return the nice level of trainings on a CPU: DDNMF_NICE from 0 to 19, else DEFAULT_NICE. Pages and maps go first."""
    wanted = os.environ.get("DDNMF_NICE", "")
    return int(wanted) if re.fullmatch("1?[0-9]", wanted) else DEFAULT_NICE


def worker_environment(threads: int) -> dict[str, str]:
    """Return the environment of a worker process (measured by benchmarks/training/threads.py).

    Dask's default returns freed memory at once (MALLOC_TRIM_THRESHOLD_ = 64 kB). A training frees and allocates
    megabytes in every step, so that page faults would take most of its time. Waiting threads spin briefly, then sleep.
    """
    return {
        "OMP_NUM_THREADS": str(threads),
        "MKL_NUM_THREADS": str(threads),
        "OPENBLAS_NUM_THREADS": str(threads),
        "NUMBA_NUM_THREADS": str(threads),
        "GOMP_SPINCOUNT": "10000",
        "MALLOC_TRIM_THRESHOLD_": str(2**30),
        "MALLOC_MMAP_THRESHOLD_": str(2**25),
    }
