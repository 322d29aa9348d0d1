"""A training of some steps in a process of its own, in the environment of the engine's workers: its speed and memory.

`python -m benchmarks.common.training_process FILE SOURCE STEPS FIELDS` prints one JSON line. SOURCE is "memory", "map", or
"cold": a map whose file has been dropped from the system's cache. FIELDS change the default run. With "wait" as last word it
says "ready" when it is warm, and goes on at a line of input.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.common.harness import ROOT, peak_memory
from ddnmf_core.config import RunConfig
from ddnmf_core.engine.cluster import worker_environment

WARM = 10  # steps that do not count


def start(path: Path, source: str, steps: int, threads: int, wait: bool = False, **fields: Any) -> "subprocess.Popen[str]":
    """Start such a process; `fields` change the default run."""
    command = [
        sys.executable,
        "-m",
        "benchmarks.common.training_process",
        str(path),
        source,
        str(steps),
        json.dumps(fields),
        *(["wait"] * wait),
    ]
    return subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, **worker_environment(threads)},
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )


def result(process: "subprocess.Popen[str]") -> dict[str, Any]:
    """images_per_second, peak_bytes and the weights' digest."""
    said = process.communicate()[0]
    if process.returncode:
        raise RuntimeError(f"a training ended with status {process.returncode}")
    return json.loads(said.splitlines()[-1])


def pace(path: Path | str, source: str, steps: int, fields: dict[str, Any], wait: bool = False) -> dict[str, Any]:
    """Time the first steps of an epoch of the default run with `fields` changed."""
    import numpy as np
    import torch

    from ddnmf_core.data.dataset import Images
    from ddnmf_core.files.atomic import sha256
    from ddnmf_core.model.trainer import Trainer

    torch.set_flush_denormal(True)
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    if source == "cold":
        drop_from_cache(path)
    pixels = np.load(path, mmap_mode=None if source == "memory" else "r", allow_pickle=False)
    images = Images("images", pixels.reshape(len(pixels), -1), np.zeros(len(pixels), np.int64), (28, 28), ("",))
    trainer = Trainer(RunConfig(epochs=1000, **fields), images, torch.device("cpu"))
    if source == "memory":
        del images, pixels
    times: list[float] = []

    def enough() -> bool:
        """Return whether the training should stop; called before every batch."""
        if wait and len(times) == WARM:
            print("ready", flush=True)
            sys.stdin.readline()
        times.append(time.perf_counter())
        return len(times) > WARM + steps

    trainer.train(lambda row: None, enough)
    seconds = times[-1] - times[WARM]
    weights = b"".join(weight.detach().numpy().tobytes() for weight in trainer.model.parameters())
    return {
        "images_per_second": steps * trainer.config.batch_size / seconds,
        "seconds_per_step": seconds / steps,
        "peak_bytes": peak_memory(),
        "weights": sha256(weights),
    }


def drop_from_cache(path: Path | str) -> None:
    """Drop the file from the system's cache, so that it is read from disk again."""
    with open(path, "rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


if __name__ == "__main__":
    print(json.dumps(pace(sys.argv[1], sys.argv[2], int(sys.argv[3]), json.loads(sys.argv[4]), "wait" in sys.argv[5:])))
