"""`ddnmf reproduce`: recompute the paper's tables and figures, from training to the LaTeX table."""

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from ddnmf_core.cli.terminal import DeviceOption, HomeOption, follow_steps, plain_errors
from ddnmf_core.experiment.batch import WorkBatch
from ddnmf_core.files.atomic import write_bytes
from ddnmf_core.reproduce import check, results
from ddnmf_core.reproduce.cells import TARGETS, Target, TargetCell, target_cells
from ddnmf_core.reproduce.protocol import FULL_PROTOCOL, QUICK_PROTOCOL, Protocol
from ddnmf_core.reproduce.results import TargetPlan
from ddnmf_core.store.entry import POINTS_FILE, SCORES_FILE
from ddnmf_core.store.run_store import Store

SAME_CELLS: dict[Target, Target] = {"figure3": "table3", "table3": "figure3"}
OUT, QUICK_OUT = Path("results"), Path("results/quick")


def reproduce(
    target: Annotated[
        str, typer.Argument(help=f"{', '.join(TARGETS)} or all; with --check the default is table1.", show_default=False)
    ] = "",
    seeds: Annotated[int | None, typer.Option(min=1, help="Use seeds 1 to N; default: 10, with --quick 2.")] = None,
    out: Annotated[
        Path | None, typer.Option(help=f"Folder for JSON, CSV, LaTeX and figures; default: {OUT}, with --quick {QUICK_OUT}.")
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Use the bundled sets of 10,000 images and few epochs; takes minutes.")
    ] = False,
    epochs: Annotated[int | None, typer.Option(min=1, help="Train every model for this many epochs.")] = None,
    samples: Annotated[int | None, typer.Option(min=100, help="Use this many images of each data set.")] = None,
    only_gather: Annotated[bool, typer.Option("--gather", help="Write the stored results without starting anything.")] = False,
    check_one: Annotated[
        bool,
        typer.Option(
            "--check",
            help="Recompute one published cell from scratch; published results are read from --out, else results/, else the "
            "installed package.",
        ),
    ] = False,
    method: Annotated[str | None, typer.Option(help="With --check: the row, such as 'DDNMF+K-means'.")] = None,
    seed: Annotated[int | None, typer.Option(help="With --check: the seed.")] = None,
    noise_level: Annotated[float | None, typer.Option(help="With --check: the noise level, a column of table3.")] = None,
    device: DeviceOption = "auto",
    home: HomeOption = None,
) -> None:
    """Reproduce the paper's tables and figures over several seeds. Ctrl-C stops it; the same command resumes it."""
    with plain_errors():
        targets = _targets(target or ("table1" if check_one else ""))
        if check_one:
            folder = out or (QUICK_OUT if quick else OUT if any(OUT.glob("*.json")) else results.published_folder())
            records = _records_to_check(targets, folder, method, seed, noise_level)
            verdicts = [_check(published, record, device) for published, record in records]
            raise typer.Exit(0 if all(verdicts) else 1)
        out = out or (QUICK_OUT if quick else OUT)
        protocol = replace(QUICK_PROTOCOL if quick else FULL_PROTOCOL, n_samples=samples)
        protocol = protocol.with_epochs(epochs) if epochs else protocol
        for statement in protocol.statements():
            typer.echo(statement, err=True)
        n_seeds = seeds or (2 if quick else 10)
        work = _Reproduction(Store(home), targets, protocol, n_seeds, out, _options(quick, epochs, samples))
        failures = [] if only_gather else work.run(device)
        work.write()
        if failures:
            typer.echo("\n".join(["These cells failed; all others were written:", *failures]), err=True)
            raise typer.Exit(1)


def _targets(name: str) -> tuple[Target, ...]:
    if name != "all" and name not in TARGETS:
        raise ValueError(f"target = {name!r}: should be one of {', '.join(TARGETS)}, all")
    return tuple(target for target in TARGETS if name in (target, "all"))


def _options(quick: bool, epochs: int | None, samples: int | None) -> str:
    """Spell out the command's options other than target and seeds."""
    return (
        (" --quick" if quick else "") + (f" --epochs {epochs}" if epochs else "") + (f" --samples {samples}" if samples else "")
    )


class _Reproduction:
    """Computes targets under one protocol and writes them to one folder."""

    def __init__(
        self, store: Store, targets: tuple[Target, ...], protocol: Protocol, n_seeds: int, out: Path, options: str
    ) -> None:
        self.store, self.out = store, out
        seeds = range(1, n_seeds + 1)
        self.cells = {target: target_cells(target, protocol, seeds) for target in targets}  # of the requested seeds
        self.written = {target: results.read_results(out, target) for target in targets}
        self.shared = {  # results with cells of a target, written under another one
            target: [found] if (found := results.read_results(out, other)) else []
            for target, other in SAME_CELLS.items()
            if target in targets
        }
        self.plans = {  # of the requested seeds and those written before
            target: _plan(target, protocol, sorted({*seeds, *(written.seeds if written else ())}), options)
            for target, written in self.written.items()
        }
        for target, written in self.written.items():
            planned = {cell.config.id for cell in self.plans[target].cells}
            if written and (others := sum(record["id"] not in planned for record in written.cells)):
                raise ValueError(
                    f"{results.path_of(out, target)} has {others} cells of another protocol, which would be overwritten: "
                    "choose another folder with --out, or move that file"
                )

    def run(self, device: str) -> list[str]:
        """Compute all missing cells; return one sentence per failure."""
        written = [*filter(None, self.written.values()), *(found for each in self.shared.values() for found in each)]
        done = {record["id"] for each in written for record in each.cells}
        work = WorkBatch(self.store, [cell for cells in self.cells.values() for cell in cells], done)
        typer.echo(f"{work.n_cells} cells, {work.summary()}", err=True)
        work.submit(device)
        if not follow_steps(work.steps(), work.stop):
            self.write()
            raise typer.Exit(130)
        return work.failures()

    def write(self) -> None:
        """Write the stored cells and those written before, whatever their seeds."""
        for target, plan in self.plans.items():
            gathered = results.gather(plan, self.store, self.written[target], self.shared.get(target, ()))
            if not gathered.cells:
                typer.echo(f"{target}: no results yet", err=True)
                continue
            finished = {record["id"] for record in gathered.cells}
            n_missing = sum(cell.config.id not in finished for cell in self.cells[target])
            paths = [gathered.write(self.out), *_write_tables(gathered, plan.cells, self.store, self.out)]
            typer.echo(
                f"{target}: {', '.join(path.name for path in paths)} in {self.out}"
                + (f" ({n_missing} cells missing)" if n_missing else "")
            )


def _plan(target: Target, protocol: Protocol, seeds: list[int], options: str) -> TargetPlan:
    command = f"ddnmf reproduce {target} --seeds {max(seeds)}{options}"
    return TargetPlan(target, target_cells(target, protocol, seeds), protocol, seeds, command)


def _write_tables(gathered: results.Results, cells: list[TargetCell], store: Store, out: Path) -> list[Path]:
    """Write CSV, LaTeX, Markdown or figures; return their paths."""
    from ddnmf_core.reproduce import figures, tables

    if gathered.target == "figure2":
        return _maps(cells, store, out)
    files = [out / f"{gathered.target}.csv"]
    write_bytes(files[0], results.summarise(gathered.cells).to_csv(index=False, float_format="%.6g").encode())
    if gathered.target == "figure3":
        figures.draw_figure3(gathered, out)
        return [*files, *(out / f"figure3.{suffix}" for suffix in figures.FIGURE_FORMATS)]
    for suffix, table in (("tex", tables.table_latex(gathered)), ("md", tables.table_markdown(gathered))):
        files.append(out / f"{gathered.target}.{suffix}")
        write_bytes(files[-1], table.encode())
    return files


def _maps(cells: list[TargetCell], store: Store, out: Path) -> list[Path]:
    """Write Figure 2 and its points. Keep the existing files if the store has only some of the maps."""
    import pandas as pd

    from ddnmf_core.data.catalogue import load
    from ddnmf_core.reproduce import figures

    points = []
    for cell in cells:
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
    if not points or (len(points) < len(cells) and (out / "figure2.csv").exists()):
        return []
    all_points = pd.concat(points)
    write_bytes(out / "figure2.csv", all_points.to_csv(index=False, float_format="%.4g").encode())
    figures.draw_figure2(all_points, out)
    return [out / "figure2.csv", *(out / f"figure2.{suffix}" for suffix in figures.FIGURE_FORMATS)]


def _records_to_check(
    targets: tuple[Target, ...], folder: Path, method: str | None, seed: int | None, noise_level: float | None
) -> list[tuple[results.Results, results.Record]]:
    """Find a matching published cell of each target; raise ValueError if no target has one."""
    if targets == ("figure2",):
        raise ValueError("figure2 has no scores to compare: check table1 or table2, whose models it maps")
    matches, problems = [], []
    for target in targets:
        if (published := results.read_results(folder, target)) is None:
            problems.append(f"{results.path_of(folder, target)} not found: give the folder of the results with --out")
            continue
        try:
            matches.append((published, check.choose_record(published, method, seed, noise_level)))
        except ValueError as error:
            problems.append(str(error))
    if not matches:
        raise ValueError("; ".join(problems))
    return matches


def _check(published: results.Results, record: results.Record, device: str) -> bool:
    """Train and cluster one cell in a temporary store, print the comparison and return whether it agrees."""
    cell = check.cell_of(published, record)
    from ddnmf_core.engine import client as engine

    with TemporaryDirectory() as folder:
        store = Store(folder)
        work = WorkBatch(store, [cell])
        try:
            work.submit(device)
            if not follow_steps(work.steps(), work.stop):
                raise typer.Exit(130)
            if failures := work.failures():
                raise RuntimeError("; ".join(failures))
            outcome = check.compare_record(published, record, store.entry(cell.config).read_json(SCORES_FILE))
        finally:
            engine.stop(store)
    typer.echo(str(outcome))
    return outcome.agrees
