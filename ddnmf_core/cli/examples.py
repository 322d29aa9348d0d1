"""`ddnmf examples`: add, remove and make the example runs of the package."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from ddnmf_core.cli.terminal import DeviceOption, HomeOption, follow_steps, plain_errors
from ddnmf_core.config import PRESETS, Config, EmbeddingConfig, InterpretationConfig, PixelNMFConfig, RunConfig
from ddnmf_core.experiment.batch import WorkBatch
from ddnmf_core.store import examples
from ddnmf_core.store.entry import Entry
from ddnmf_core.store.run_names import run_title
from ddnmf_core.store.run_store import Store

SEED = 2  # the first model of one's own has seed 1
PRESET, EXAMPLE_SETS = "recommended", ("fashion-mnist-10k", "mnist-10k")  # the last is copied last, and shown first

examples_app = typer.Typer(help="Add, remove and make the example runs that come with the package.", no_args_is_help=True)


@dataclass(frozen=True)
class _Result:
    """A result to compute for an example."""

    config: Config
    run: RunConfig | None


@examples_app.command("add")
def add_to_store(home: HomeOption = None) -> None:
    """Copy the examples into the store, also where they were removed; runs with their settings stay as they are."""
    with plain_errors():
        copied = examples.add_examples(Store(home))
        typer.echo(_listed(copied) or "All examples are in the store.")


@examples_app.command("remove")
def remove_from_store(home: HomeOption = None) -> None:
    """Delete the examples of the store. `ddnmf runs restore` brings a run back, `ddnmf examples add` all of them."""
    with plain_errors():
        typer.echo(_listed(examples.remove_examples(Store(home))) or "No examples in the store.")


@examples_app.command("make", hidden=True)
def make_archives(
    out: Annotated[Path, typer.Option(help="Folder of the archives.")] = examples.EXAMPLES,
    device: DeviceOption = "auto",
    home: HomeOption = None,
) -> None:
    """Train the examples, compute their map, parts and NMF of the pixels, and write an archive of each."""
    with plain_errors():
        store = Store(home)
        made = {f"{name}-{PRESET}": RunConfig(**{**PRESETS[PRESET], "dataset": name, "seed": SEED}) for name in EXAMPLE_SETS}
        results = {name: list(_derived(run)) for name, run in made.items()}
        work = WorkBatch(
            store, [*(_Result(run, None) for run in made.values()), *(r for each in results.values() for r in each)]
        )
        work.submit(device)
        if not follow_steps(work.steps(), work.stop):
            raise typer.Exit(130)
        if failures := work.failures():
            raise RuntimeError("; ".join(failures))
        out.mkdir(parents=True, exist_ok=True)
        for name, run in made.items():
            file = out / f"{name}.zip"
            file.unlink(missing_ok=True)
            derived = [store.entry(result.config) for result in results[name]]
            examples.pack_example(store.entry(run), derived, f"Example, {PRESET}", file)
            typer.echo(f"{file}: {file.stat().st_size / 1e6:.1f} MB")


def _derived(run: RunConfig) -> Iterator[_Result]:
    """Yield what the pages show of a run before anything is chosen on them."""
    yield _Result(EmbeddingConfig(run=run.id), run)
    yield _Result(InterpretationConfig.of(run), run)
    yield _Result(PixelNMFConfig(dataset=run.dataset, n_parts=run.n_parts), None)


def _listed(entries: list[Entry[Any]]) -> str:
    return "\n".join(run_title(entry) for entry in entries if entry.kind == "runs")
