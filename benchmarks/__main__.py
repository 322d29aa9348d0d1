"""python -m benchmarks NAME... [--repeats N] [--size N] [--only PARTS] [--json] [--keep]: measure and print a table."""

import argparse
import importlib
import json
from collections.abc import Iterator
from types import ModuleType
from typing import NamedTuple

from benchmarks.common.harness import NotHere, Result, as_json, machine, tables, write


class Benchmark(NamedTuple):
    """A row of the list: the module below `benchmarks`, and what it measures."""

    module: str
    what: str

    def load(self) -> ModuleType:
        return importlib.import_module(f"benchmarks.{self.module}")


BENCHMARKS = {
    "train": Benchmark("training.train", "images a second of a training, against the loop that a user would write"),
    "quality": Benchmark(
        "training.quality", "seconds to the errors of the published setting, and scores, against a plain loop"
    ),
    "threads": Benchmark("training.threads", "milliseconds of a training step by threads and waiting, alone and under load"),
    "shapley": Benchmark("analysis.shapley", "Shapley pictures of one sample, against a plain batch of as many decodes"),
    "gpu": Benchmark("training.gpu", "Figure 3's trainings as stacks, against eager ones"),
    "figure3": Benchmark("training.figure3", "Figure 3's trainings and scores for one seed, by the engine on a GPU"),
    "causal": Benchmark("analysis.causal", "the causal matrix of 70,000 images"),
    "faults": Benchmark("faults", "faults injected for real: tried, survived, lost"),
    "screen": Benchmark("browser.screen", "what a user waits for, in headless Chromium"),
    "watching": Benchmark("browser.watched_training", "what it costs a training to be watched in a browser"),
    "browsers": Benchmark("browser.browsers", "many browsers at once on one server, while a model is trained"),
    "clients": Benchmark("browser.clients", "many people on one server who draw on machines of their own"),
    "memory": Benchmark(
        "browser.memory", "of a worker with 70,000 images, and of the dashboard by what is open and what is in the store"
    ),
    "batches": Benchmark("training.batches", "scores and speed of the default model by the size of its batches"),
    "precision": Benchmark("training.precision", "scores of the default model when its layers compute in bfloat16"),
    "mapped": Benchmark("training.mapped", "training on an array that stays on the disk, against the same in memory"),
    "growth": Benchmark(
        "scale.growth", "time and memory by the number of images, parts, runs, points and workers; draws docs/growth.png"
    ),
    "cluster": Benchmark(
        "scale.cluster", "a sweep on workers that dask's own commands started, and what 10,000 runs take on many GPUs"
    ),
    "embeddings": Benchmark("analysis.embeddings", "maps as the program makes them, against scikit-learn's t-SNE"),
    "starts": Benchmark("analysis.starts", "agreement of clusters from other starts, by consensus, of unit length, whitened"),
    "mixture_floor": Benchmark("analysis.mixture_floor", "agreement of Gaussian mixtures by the floor of their covariances"),
}


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        formatter_class=argparse.RawTextHelpFormatter,
        description="\n".join(f"{name:14} {benchmark.what}" for name, benchmark in BENCHMARKS.items()),
    )
    parser.add_argument(
        "names", nargs="+", choices=[*BENCHMARKS, "all"], metavar="NAME", help=f"{', '.join(BENCHMARKS)} or all"
    )
    parser.add_argument("--repeats", type=int, help="repetitions; each benchmark has its own number")
    parser.add_argument("--size", type=int, help="how many images, where a benchmark can take more or fewer (its SIZE)")
    parser.add_argument("--only", help="some parts of a benchmark that has several (its PARTS), as F4,F8")
    parser.add_argument("--json", action="store_true", help="print one JSON object for each")
    parser.add_argument("--keep", action="store_true", help="write results/benchmarks/NAME.json and .md")
    chosen = parser.parse_args()
    this_machine = machine()
    for name in BENCHMARKS if "all" in chosen.names else chosen.names:
        module = BENCHMARKS[name].load()
        try:
            for result in _results(module, chosen):
                document = as_json(result, this_machine)
                if chosen.keep:
                    write(document)
        except NotHere as reason:
            print(f"{name}: {reason}", flush=True)
            continue
        if chosen.keep and hasattr(module, "draw"):
            module.draw(document["rows"])
        print(json.dumps(document) if chosen.json else tables(document["rows"]), flush=True)


def _results(module: ModuleType, chosen: argparse.Namespace) -> Iterator[Result]:
    """Yield the result, or one after each part, so that each part can be kept at once."""
    options = {"size": chosen.size or module.SIZE} if hasattr(module, "SIZE") else {}
    if hasattr(module, "PARTS"):
        options["only"] = _parts(chosen.only, module.PARTS)
    measured = module.measure(chosen.repeats or module.REPEATS, **options)
    return iter([measured]) if isinstance(measured, Result) else measured


def _parts(named: str | None, allowed: tuple[str, ...]) -> tuple[str, ...]:
    parts = tuple(named.split(",")) if named else allowed
    if unknown := sorted(set(parts) - set(allowed)):
        raise SystemExit(f"--only: {', '.join(unknown)} should be of {', '.join(allowed)}")
    return parts


if __name__ == "__main__":
    main()
