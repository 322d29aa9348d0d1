"""Repetitions, their median and spread, the machine, and the files of a result."""

import json
import os
import platform
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from ddnmf_core.engine.worker.provenance import installed_version

Row = dict[str, Any]
ROOT = Path(__file__).parents[2]
OUT = ROOT / "results" / "benchmarks"
PACKAGES = ("torch", "numpy", "scikit-learn", "streamlit", "plotly", "distributed")


class NotHere(RuntimeError):
    """This machine lacks hardware or data that the benchmark needs."""


@dataclass(frozen=True)
class Result:
    """Rows and figures of one benchmark."""

    name: str
    rows: list[Row]  # a line of its table each
    figures: dict[str, Any]  # what it comes to: ratio, ours, reference
    repeats: int
    size: int | None = None  # images, where it can take more or fewer
    kept_as: str = ""  # the name of its files, where that is not its own


def spread(values: Sequence[float]) -> dict[str, float]:
    """Return median, 95th percentile, minimum and maximum of repetitions."""
    return {
        "median": float(np.median(values)),
        "p95": float(np.percentile(values, 95)),
        "lowest": float(min(values)),
        "highest": float(max(values)),
    }


@contextmanager
def threads_of_a_run(n: int) -> Iterator[None]:
    """Set the threads per run of engines that are started inside the context."""
    before = os.environ.get("DDNMF_THREADS")
    os.environ["DDNMF_THREADS"] = str(n)
    try:
        yield
    finally:
        os.environ.pop("DDNMF_THREADS")
        os.environ |= {} if before is None else {"DDNMF_THREADS": before}


def milliseconds(work: Callable[[], object], repeats: int) -> list[float]:
    """Time each repetition, after one warm-up."""
    work()
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        work()
        times.append(1000 * (time.perf_counter() - began))
    return times


def peak_memory() -> int:
    """Return this process's peak memory in bytes; ru_maxrss would include its parent's."""
    import resource

    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return next(1024 * int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM"))


def free_port() -> int:
    """Return a port without a listener."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def machine() -> dict[str, Any]:
    """Describe the machine that the figures belong to."""
    model = (
        next(
            (
                line.split(":")[1].strip()
                for line in Path("/proc/cpuinfo").read_text().splitlines()
                if line.startswith("model name")
            ),
            "",
        )
        if Path("/proc/cpuinfo").exists()
        else platform.processor()
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "processor": model,
        "cores": os.cpu_count(),
        "memory_gib": round(memory, 1),
        "platform": platform.platform(),
        "python": platform.python_version(),
        "gpu": _gpu(),
        "load_before": round(os.getloadavg()[0], 2),
        **{package: installed_version(package) for package in PACKAGES},
    }


def _gpu() -> str | None:
    import torch

    return torch.cuda.get_device_name() if torch.cuda.is_available() else None


def as_json(result: Result, host: Mapping[str, Any]) -> dict[str, Any]:
    size = "" if result.size is None else f" --size {result.size}"
    return {
        "name": result.name,
        "kept_as": result.kept_as or result.name,
        "command": f"python -m benchmarks {result.name} --repeats {result.repeats}{size}",
        "created": datetime.now(UTC).date().isoformat(),
        **result.figures,
        "repeats": result.repeats,
        "machine": host,
        "rows": result.rows,
    }


def kept_rows(name: str) -> list[Row]:
    """Return the rows written before, or none."""
    path = OUT / f"{name}.json"
    return json.loads(path.read_bytes())["rows"] if path.exists() else []


def write(document: Mapping[str, Any]) -> Path:
    OUT.mkdir(parents=True, exist_ok=True)
    path = OUT / f"{document['kept_as']}.json"
    path.write_text(json.dumps(document, indent=1) + "\n")
    path.with_suffix(".md").write_text(tables(document["rows"]))
    return path


def tables(rows: Sequence[Row]) -> str:
    """Format a table, or one for each curve named in the rows."""
    curves: dict[str, list[Row]] = {}
    for row in rows:
        curves.setdefault(row.get("curve", ""), []).append({name: value for name, value in row.items() if name != "curve"})
    return "\n".join((f"**{curve}**\n\n" if curve else "") + table(of_curve) for curve, of_curve in curves.items())


def table(rows: Sequence[Row]) -> str:
    """As Markdown; a column for each field."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    lines = [names, ["---"] * len(names), *([_text(row.get(name)) for name in names] for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _text(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
