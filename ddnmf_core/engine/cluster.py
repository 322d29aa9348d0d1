"""The dask cluster that does the work: workers of this machine, or the cluster that DDNMF_SCHEDULER names."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ddnmf_core.engine.client import threads_per_run

WORKER_TTL = "15s"  # a worker silent for so long is given up
ALLOWED_FAILURES = 3  # workers that one task may kill


@contextmanager
def start_cluster() -> Iterator[tuple[Any, int]]:
    """A client of the cluster that does the work, and the number of its workers."""
    import dask
    from distributed import Client
    from distributed.security import Security

    dask.config.set(
        {
            "distributed.nanny.pre-spawn-environ": worker_environment(threads_per_run()),
            "distributed.scheduler.allowed-failures": ALLOWED_FAILURES,
            "distributed.scheduler.worker-ttl": WORKER_TTL,
            "distributed.worker.profile.enabled": False,  # its samples of an hour: workers grew with every run
            "distributed.admin.tick.interval": "1s",  # dask looks at itself: by default 50 times a second
            "distributed.admin.system-monitor.interval": "10s",  # in each process, busy or not
            "distributed.worker.daemon": False,
        }
    )
    if address := os.environ.get("DDNMF_SCHEDULER"):
        with Client(address, timeout="15s") as client:
            yield client, len(client.scheduler_info(n_workers=-1)["workers"])
        return
    security = Security.temporary()  # keys of this cluster alone, never written down
    specs = _worker_specs(security)
    with _local_cluster(specs, security) as own, Client(own) as client:
        client.wait_for_workers(len(specs))
        yield client, len(specs)


def _local_cluster(specs: dict[str, Any], security: Any) -> Any:
    """On loopback and under TLS with keys of its own: another user of the machine can neither submit nor read."""
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
    """Training workers within the core budget (on a machine with GPUs one for each), and one for maps."""
    threads, cores = threads_per_run(), os.cpu_count() or 1
    trainers: list[dict[str, str]] = [{"CUDA_VISIBLE_DEVICES": gpu, "SCIPY_ARRAY_API": "1"} for gpu in available_gpus()]
    trainers = trainers or [{}] * max(1, cores // threads)
    specs = {f"train-{number}": _worker({"train": 1}, env, threads, security) for number, env in enumerate(trainers)}
    return specs | {"analyse-0": _worker({"analyse": 1}, {}, 1, security)}


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


def worker_environment(threads: int) -> dict[str, str]:
    """What must be set before a worker starts (benchmarks/training/threads.py measures it).

    Dask has workers give freed memory back at once (MALLOC_TRIM_THRESHOLD_ = 64 kB); a training frees and takes
    megabytes in every step, and page faults then take most of its time. Waiting threads spin briefly, then sleep.
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


def available_gpus() -> list[str]:
    """NVIDIA GPUs that may be used, without loading torch into the coordinator."""
    if os.environ.get("DDNMF_DEVICE") in ("cpu", "mps"):
        return []
    if (allowed := os.environ.get("CUDA_VISIBLE_DEVICES")) is not None:
        return [gpu for gpu in allowed.split(",") if gpu.strip() and gpu != "-1"]
    try:
        listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return []
    return [str(number) for number, line in enumerate(listed.stdout.splitlines()) if line.startswith("GPU")]
