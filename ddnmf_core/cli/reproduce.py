"""`ddnmf reproduce`: tables and figures of the paper again, from the first training to the LaTeX table."""

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from ddnmf_core.cli.terminal import HomeOption, plain_errors, progress_display
from ddnmf_core.engine import estimate
from ddnmf_core.experiment.batch import WorkBatch
from ddnmf_core.reproduce import check, results
from ddnmf_core.reproduce.cells import TARGETS, Target, TargetCell, target_cells
from ddnmf_core.reproduce.protocol import FULL_PROTOCOL, QUICK_PROTOCOL, Protocol
from ddnmf_core.store.entry import POINTS_FILE, SCORES_FILE
from ddnmf_core.store.run_store import Store

OUT, QUICK_OUT = Path("results"), Path("results/quick")


def reproduce(
    target: Annotated[
        str, typer.Argument(help=f"{', '.join(TARGETS)} or all; with --check table1 where none is named", show_default=False)
    ] = "",
    seeds: Annotated[int | None, typer.Option(min=1, help="Seeds 1 to N: 10, or 2 with --quick.")] = None,
    out: Annotated[Path | None, typer.Option(help=f"Folder for JSON, CSV, LaTeX and figures: {OUT}, or {QUICK_OUT}.")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="The shipped sets of 10,000 images, few epochs: minutes.")] = False,
    epochs: Annotated[int | None, typer.Option(min=1, help="Train every model for so many epochs.")] = None,
    samples: Annotated[int | None, typer.Option(min=100, help="Take so many images of each set.")] = None,
    only_gather: Annotated[bool, typer.Option("--gather", help="Start nothing: write what is there.")] = False,
    check_one: Annotated[
        bool,
        typer.Option(
            "--check",
            help="Compute one published cell again, from nothing: of --out, of "
            "results/, or else of those that come with this version.",
        ),
    ] = False,
    method: Annotated[str | None, typer.Option(help="With --check: the row, as 'DDNMF+K-means'.")] = None,
    seed: Annotated[int | None, typer.Option(help="With --check: the seed.")] = None,
    noise_level: Annotated[float | None, typer.Option(help="With --check: the column of table3.")] = None,
    device: Annotated[str, typer.Option(help="auto, cuda, mps or cpu")] = "auto",
    home: HomeOption = None,
) -> None:
    """Reproduce the paper's tables and figures over seeds. Ctrl-C stops it; the same command goes on from there."""
    with plain_errors():
        targets = _targets(target or ("table1" if check_one else ""))
        if check_one:
            folder = out or (QUICK_OUT if quick else OUT if any(OUT.glob("*.json")) else results.published_folder())
            chosen = _to_check(targets, folder, method, seed, noise_level)
            verdicts = [_check(published, record, device) for published, record in chosen]
            raise typer.Exit(0 if all(verdicts) else 1)
        out = out or (QUICK_OUT if quick else OUT)
        protocol = replace(QUICK_PROTOCOL if quick else FULL_PROTOCOL, n_samples=samples)
        protocol = protocol.with_epochs(epochs) if epochs else protocol
        wanted = list(range(1, (seeds or (2 if quick else 10)) + 1))
        for statement in protocol.statements():
            typer.echo(statement, err=True)
        work = _Reproduction(Store(home), targets, protocol, wanted, out, _options(quick, epochs, samples))
        failures = [] if only_gather else work.run(device)
        work.write()
        if failures:
            typer.echo("\n".join(["These have no result; the others were written:", *failures]), err=True)
            raise typer.Exit(1)


def _targets(name: str) -> tuple[Target, ...]:
    if name != "all" and name not in TARGETS:
        raise ValueError(f"target = {name!r}: should be one of {', '.join(TARGETS)}, all")
    return tuple(target for target in TARGETS if name in (target, "all"))


def _options(quick: bool, epochs: int | None, samples: int | None) -> str:
    """Of the command that makes these results, besides the seeds."""
    return (
        (" --quick" if quick else "") + (f" --epochs {epochs}" if epochs else "") + (f" --samples {samples}" if samples else "")
    )


class _Reproduction:
    """Some targets, under one protocol, into one folder."""

    def __init__(
        self, store: Store, targets: tuple[Target, ...], protocol: Protocol, seeds: list[int], out: Path, options: str
    ) -> None:
        self.store, self.targets, self.protocol, self.out, self.options = store, targets, protocol, out, options
        self.cells = {target: target_cells(target, protocol, seeds) for target in targets}
        self.known = {target: results.read_results(out, target) for target in targets}
        self.seeds = {target: sorted({*seeds, *(found.seeds if found else ())}) for target, found in self.known.items()}
        self.kept = {target: target_cells(target, protocol, self.seeds[target]) for target in targets}
        for target, found in self.known.items():
            made = {cell.config.id for cell in self.kept[target]}
            if found and (others := sum(record["id"] not in made for record in found.cells)):
                raise ValueError(
                    f"{results.path_of(out, target)} holds {others} cells of another protocol, which this would "
                    "replace: name another folder with --out, or move that file away"
                )

    def run(self, device: str) -> list[str]:
        """Until everything is there; what failed, a sentence each."""
        known = {record["id"] for found in self.known.values() if found for record in found.cells}
        work = WorkBatch(self.store, [cell for target in self.targets for cell in self.cells[target]], known)
        left = (
            f" The others take about {estimate.format_duration(work.expected_seconds)} here." if work.expected_seconds else ""
        )
        typer.echo(f"{work.n_cells} cells, {work.n_there} of them are there.{left}", err=True)
        work.submit(device)
        try:
            with progress_display() as show:
                for step in work.steps():
                    show(*step)
        except KeyboardInterrupt:
            work.stop()
            self.write()
            typer.echo("Stopped. The same command goes on from here.", err=True)
            raise typer.Exit(130) from None
        return work.failures()

    def write(self) -> None:
        """What the store has, and what is written there already: also of seeds that were not asked for now."""
        for target in self.targets:
            command = f"ddnmf reproduce {target} --seeds {max(self.seeds[target])}{self.options}"
            found = results.gather(
                target, self.kept[target], self.protocol, self.seeds[target], self.store, command, self.known[target]
            )
            if not found.cells:
                typer.echo(f"{target}: nothing is there yet", err=True)
                continue
            there = {record["id"] for record in found.cells}
            n_missing = sum(cell.config.id not in there for cell in self.cells[target])
            written = [found.write(self.out), *_artefacts(found, self.kept[target], self.store, self.out)]
            typer.echo(
                f"{target}: {', '.join(path.name for path in written)} in {self.out}"
                + (f" ({n_missing} cells are missing)" if n_missing else "")
            )


def _artefacts(found: results.Results, made_of: list[TargetCell], store: Store, out: Path) -> list[Path]:
    """What is written beside the JSON."""
    from ddnmf_core.reproduce import figures, tables

    if found.target == "figure2":
        return _maps(made_of, store, out)
    files = [out / f"{found.target}.csv"]
    results.summarise(found.cells).to_csv(files[0], index=False, float_format="%.6g")
    if found.target == "figure3":
        figures.draw_figure3(found, out)
        return [*files, *(out / f"figure3.{suffix}" for suffix in figures.FIGURE_FORMATS)]
    for suffix, table in (("tex", tables.table_latex(found)), ("md", tables.table_markdown(found))):
        files.append(out / f"{found.target}.{suffix}")
        files[-1].write_text(table)
    return files


def _maps(made_of: list[TargetCell], store: Store, out: Path) -> list[Path]:
    """Figure 2 and its points, while the store has the maps; else those written before stay as they are, whole."""
    import pandas as pd

    from ddnmf_core.data.catalogue import load
    from ddnmf_core.reproduce import figures

    points = []
    for cell in made_of:
        entry = store.entry(cell.config)
        if entry.available:
            labels = load(cell.dataset, cell.run.n_samples if cell.run else None).labels
            table = entry.read_table(POINTS_FILE)
            points.append(
                pd.DataFrame(
                    {
                        "dataset": cell.dataset,
                        "method": cell.method,
                        "sample": table["sample"],
                        "class": labels[table["sample"]],
                        "x": table["x"],
                        "y": table["y"],
                    }
                )
            )
    if not points or (len(points) < len(made_of) and (out / "figure2.csv").exists()):
        return []
    everything = pd.concat(points)
    everything.to_csv(out / "figure2.csv", index=False, float_format="%.4g")
    figures.draw_figure2(everything, out)
    return [out / "figure2.csv", *(out / f"figure2.{suffix}" for suffix in figures.FIGURE_FORMATS)]


def _to_check(
    targets: tuple[Target, ...], out: Path, method: str | None, seed: int | None, noise_level: float | None
) -> list[tuple[results.Results, results.Record]]:
    """A published cell of each target that has one which fits; raises ValueError where none has."""
    if targets == ("figure2",):
        raise ValueError("figure2 has no scores to compare: check table1 or table2, whose models it maps")
    found, lacking = [], []
    for target in targets:
        if (published := results.read_results(out, target)) is None:
            lacking.append(f"there is no {results.path_of(out, target)} to check: name its folder with --out")
            continue
        try:
            found.append((published, check.choose_record(published, method, seed, noise_level)))
        except ValueError as error:
            lacking.append(str(error))
    if not found:
        raise ValueError("; ".join(lacking))
    return found


def _check(published: results.Results, record: results.Record, device: str) -> bool:
    """Train and cluster one cell in an empty store of its own, and print the verdict."""
    cell = check.cell_of(published, record)
    from ddnmf_core.engine import client as engine

    with TemporaryDirectory() as folder:
        store = Store(folder)
        work = WorkBatch(store, [cell])
        try:
            work.submit(device)
            with progress_display() as show:
                for step in work.steps():
                    show(*step)
            if failures := work.failures():
                raise RuntimeError("; ".join(failures))
            found = check.compare_record(published, record, store.entry(cell.config).read_json(SCORES_FILE))
        finally:
            engine.stop(store)
    typer.echo(str(found))
    return found.agrees
