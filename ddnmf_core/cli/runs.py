"""`ddnmf runs`: list, show, rename, verify, delete, restore, export and import runs."""

import json
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from ddnmf_core.cli.terminal import HomeOption, JsonOption, RunArgument, plain_errors, progress_display
from ddnmf_core.experiment.run_table import HELD_OUT_COLUMNS, SCORE_COLUMNS, table_of_runs
from ddnmf_core.store import archive_export, trash
from ddnmf_core.store.entry import PROVENANCE_FILE, SCORES_FILE, Busy, Entry, RunEntry
from ddnmf_core.store.run_names import rename_run, run_title
from ddnmf_core.store.run_store import Store

runs_app = typer.Typer(help="List, show, rename, verify, delete, restore, export and import runs.", no_args_is_help=True)
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")]
GRADE_TITLES = {"litter": "stale", "foreign": "unknown"}  # grades of `runs verify --json` as the table shows them
COUNT_TITLES = {
    "exported": "Exported",
    "imported": "Imported",
    "data": "Data sets",
    "there_before": "Already present",
    "left_out": "Left out",
    "refused": "Rejected",
}  # keys of `runs export --json` and `runs import --json`

# -------------------------------------------------------------------------------------- list, show


@runs_app.command("list")
def list_runs(
    limit: Annotated[
        int | None, typer.Option(min=1, help="Only the newest runs, so many; default: all.", show_default=False)
    ] = None,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """List all runs, newest first, with what differs from a preset or the defaults, and their scores (codes z of the clean
    images). Damaged runs are set aside and reported on standard error."""
    with plain_errors():
        store = Store(home)
        rows = table_of_runs(entries := store.entries()[:limit])
        if as_json:
            configs = ({"config": entry.config.settings()} for entry in entries)
            typer.echo(json.dumps([row | config for row, config in zip(rows, configs, strict=True)]))
        else:
            for line in _table_lines(rows):
                typer.echo(line)
            if not entries:
                typer.echo("No runs yet. Train one: ddnmf train")
        for notice in store.notices():
            typer.echo(notice, err=True)


def _table_lines(rows: list[dict[str, Any]]) -> list[str]:
    """Format runs as columns as wide as their longest text; none for no runs."""
    if not rows:
        return []
    shown = [name for name in SCORE_COLUMNS if name[:3] in ("ACC", "NMI")]
    held_out = [name for name in HELD_OUT_COLUMNS if name[:3] == "ACC" and any(row["held_out_scores"][name] for row in rows)]
    table = [["RUN", "STATE", "MODEL", "DATA", "SEED", *map(str.upper, [*shown, *held_out]), "ERROR"]]
    for row in rows:
        model = row["name"] or ", ".join(filter(None, (row["model"], row["settings"])))
        state = f"{row['state']} {row['progress']:.0%}" if row["state"] == "running" else row["state"]
        values = [*(row["scores"][name] for name in shown), *(row["held_out_scores"][name] for name in held_out)]
        scores = [_number(value, ".3f") for value in values]
        table.append([row["run"], state, model, row["data"], str(row["seed"]), *scores, _number(row["error"], ".4f")])
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return ["  ".join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True)).rstrip() for line in table]


def _number(value: float | None, form: str) -> str:
    return "–" if value is None else f"{value:{form}}"


@runs_app.command("rename")
def rename(
    run: RunArgument,
    name: Annotated[str, typer.Argument(help="The new name, up to 60 characters; empty text removes it.")],
    home: HomeOption = None,
) -> None:
    """Name a run. The name stands in lists, selectors and tables, and goes with the run into archives."""
    with plain_errors():
        entry = Store(home).get("runs", run)
        rename_run(entry, name)
        typer.echo(run_title(entry))


@runs_app.command("show")
def show_run(run: RunArgument, as_json: JsonOption = False, home: HomeOption = None) -> None:
    """Show a run as JSON: settings, state, losses, scores and provenance; with --json on one line."""
    with plain_errors():
        typer.echo(json.dumps(run_summary(Store(home).get("runs", run)), indent=None if as_json else 1))


@runs_app.command("report")
def report_run(
    run: RunArgument,
    out: Annotated[Path | None, typer.Option(help="Output file; default: ddnmf-RUN.html.", show_default=False)] = None,
    home: HomeOption = None,
) -> None:
    """Write a report of a finished run as one HTML file, which opens without a server."""
    with plain_errors():
        from ddnmf_core.export.report import write_report

        path = out or Path(f"ddnmf-{run}.html")
        write_report(Store(home).get("runs", run), path)
        typer.echo(str(path))


@runs_app.command("stop")
def stop_run(run: RunArgument, home: HomeOption = None) -> None:
    """Stop a run and keep its checkpoint; the same `ddnmf train` command resumes it."""
    with plain_errors():
        Store(home).get("runs", run).request_stop()


def run_summary(entry: RunEntry) -> dict[str, Any]:
    """Summarise a run for scripts: id, state, settings, losses, scores, seconds, device, provenance."""
    state = entry.state
    epochs = entry.epochs()
    summary: dict[str, Any] = {
        "run": entry.id,
        "state": state.status,
        "message": state.message,
        "device": state.device,
        "config": entry.config.settings(),
        "epochs_done": len(epochs),
    }
    if epochs:
        summary["losses"] = {name: epochs[-1][name] for name in ("L_sym", "L_ap", "L_nc", "L_in") if name in epochs[-1]}
        summary["seconds"] = sum(row["seconds"] for row in epochs)
    if entry.has(SCORES_FILE):
        summary["scores"] = entry.read_json(SCORES_FILE)
        summary["provenance"] = entry.read_json(PROVENANCE_FILE)
    return summary


# ----------------------------------------------------------------------------------------- verify


@runs_app.command("verify")
def verify_runs(
    repair: Annotated[
        bool, typer.Option("--repair", help="Repair damaged runs, set aside what cannot be repaired, remove stale files.")
    ] = False,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Check all stored files. Exit code 0: no damage, or all repaired; 1: damage found; 2: the check did not run."""
    with plain_errors():
        from ddnmf_core.store.verify import verify

        with progress_display() as show:
            result = verify(Store(home), repair=repair, report=show)
        findings = [asdict(finding) for finding in result.findings]
        if as_json:
            typer.echo(json.dumps({"whole": result.whole, "entries": result.n_entries, "findings": findings}))
        else:
            _print_findings(findings, repair)
            counted = f"{result.n_entries} {'entry' if result.n_entries == 1 else 'entries'} checked"
            typer.echo(f"{counted}: {'no damage' if result.whole else 'damage'} found.")
        if not result.whole:
            raise typer.Exit(1)


def _print_findings(findings: list[dict[str, Any]], repaired: bool) -> None:
    """Print a table of findings; the last column is the repair, planned or done."""
    if not findings:
        return
    header = {"grade": "", "place": "where", "problem": "problem", "remedy": "done" if repaired else "with --repair"}
    rows = [header, *({**row, "grade": GRADE_TITLES.get(row["grade"], row["grade"])} for row in findings)]
    widths = {name: max(len(str(row[name])) for row in rows) for name in ("grade", "place")}
    for row in rows:
        grade, place = (f"{row[name]:<{width}}" for name, width in widths.items())
        typer.echo(f"{grade}  {place}  {row['problem']}  ->  {row['remedy']}")


# -------------------------------------------------------------------------------- delete, restore


@runs_app.command("delete")
def delete_runs(
    runs: Annotated[list[str], typer.Argument(help="Run ids; see `ddnmf runs list`.")],
    yes: YesOption = False,
    home: HomeOption = None,
) -> None:
    """Delete runs with their maps, clusterings and interpretations; `ddnmf runs restore` undoes it."""
    with plain_errors():
        store = Store(home)
        entries = [store.get("runs", run) for run in dict.fromkeys(runs)]
        n_derived = sum(len(trash.derived_entries(entry)) for entry in entries)
        derived = f" and {n_derived} results derived from {'it' if len(entries) == 1 else 'them'}" if n_derived else ""
        what = f"run {entries[0].id}" if len(entries) == 1 else f"{len(entries)} runs"
        _confirm(f"Delete {what}{derived}? You can restore it for {trash.KEPT_DAYS} days.", yes)
        for entry in entries:
            try:
                trash.delete_entry(entry)
            except Busy:
                raise RuntimeError(f"run {entry.id} is training: stop it first (ddnmf runs stop {entry.id})") from None
            typer.echo(f"Deleted {entry.id}. Undo: ddnmf runs restore {entry.id}")


@runs_app.command("deleted")
def deleted_runs(
    empty: Annotated[bool, typer.Option("--empty", help="Permanently delete all of them.")] = False,
    yes: YesOption = False,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """List deleted entries that can be restored, newest first."""
    with plain_errors():
        deletions = trash.deletions(Store(home))
        if empty and deletions:
            _confirm(f"Permanently delete {len(deletions)} deleted entries? This cannot be undone.", yes)
            for deletion in deletions:
                trash.remove_deletion(deletion)
            typer.echo(f"Permanently deleted {len(deletions)} entries.")
        elif as_json:
            typer.echo(
                json.dumps(
                    [
                        {
                            "run": deletion.id,
                            "kind": deletion.entries[0].kind,
                            "deleted": deletion.at / 1e9,
                            "bytes": deletion.size,
                            "entries": len(deletion.entries),
                            "days_left": deletion.days_left,
                        }
                        for deletion in deletions
                    ]
                )
            )
        else:
            for deletion in deletions:
                when = time.strftime("%Y-%m-%d %H:%M", time.localtime(deletion.at / 1e9))
                typer.echo(
                    f"{deletion.id}  {deletion.entries[0].kind:<15} deleted {when}  {len(deletion.entries):>3} entries "
                    f"{deletion.size / 1e6:8.1f} MB  {max(deletion.days_left, 0):.1f} days left"
                )
            if not deletions:
                typer.echo("No deleted entries.")


@runs_app.command("restore")
def restore_run(
    run: Annotated[str, typer.Argument(help="Id of a deleted entry; see `ddnmf runs deleted`.")], home: HomeOption = None
) -> None:
    """Restore a deleted run and everything deleted with it."""
    with plain_errors():
        deletion = trash.latest_deletion(Store(home), run)
        restored = trash.restore_deletion(deletion)
        if not restored:
            raise RuntimeError(f"{run} was recomputed after it was deleted; the new one stays in the store")
        typer.echo(f"Restored {', '.join(_entry_names(restored))}.")


def _confirm(question: str, yes: bool) -> None:
    """Ask for confirmation; raise ValueError without a terminal."""
    if not yes and not sys.stdin.isatty():
        raise ValueError(f"{question} Not an interactive terminal; pass --yes to confirm.")
    if not yes and not typer.confirm(question):
        raise typer.Exit(1)


# --------------------------------------------------------------------------------- export, import


@runs_app.command("export")
def export_runs(
    out: Annotated[Path, typer.Option(help="Archive to write, such as study.zip.")],
    runs: Annotated[list[str] | None, typer.Argument(help="Run ids; see `ddnmf runs list`.")] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Export all finished, stopped and diverged entries of every kind.")
    ] = False,
    with_data: Annotated[bool, typer.Option("--with-data", help="Include your own data sets.")] = False,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Export runs and the results derived from them to one archive. Exit code 1: something was left out."""
    with plain_errors():
        store = Store(home)
        if bool(runs) == everything:
            raise ValueError("give run ids or --all, not both" if runs else "give run ids, or pass --all to export everything")
        chosen = [store.get("runs", run) for run in runs or []]
        entries = archive_export.exportable_entries(store) if everything else archive_export.with_derived(chosen)
        with progress_display() as show:
            exported = archive_export.export_archive(entries, out, show, with_data)
        _report_transfer(
            as_json,
            {
                "file": str(out),
                "bytes": out.stat().st_size,
                "exported": _entry_names(exported.entries),
                "data": exported.data,
                "left_out": list(exported.left_out.values()),
            },
        )
        for name in exported.without_data:
            typer.echo(
                f"Your data set {name} is not included: pass --with-data, or add it again on the other machine.", err=True
            )
        if exported.left_out:
            raise typer.Exit(1)


@runs_app.command("import")
def import_runs(
    file: Annotated[Path, typer.Argument(help="Archive written by `ddnmf runs export`.")],
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Import the runs of an archive after checking each of them. Exit code 1: at least one was rejected."""
    with plain_errors():
        from ddnmf_core.store.archive_import import import_archive

        with progress_display() as show:
            imported = import_archive(Store(home), file, show)
        rejected = [f"{name} was rejected: {reason}" for name, reason in imported.refused.items()]
        _report_transfer(
            as_json,
            {
                "imported": _entry_names(imported.imported),
                "data": imported.data,
                "there_before": _entry_names(imported.already_present),
                "refused": rejected,
            },
        )
        if rejected:
            raise typer.Exit(1)


def _entry_names(entries: list[Entry]) -> list[str]:
    return [f"{entry.kind}/{entry.id}" for entry in entries]


def _report_transfer(as_json: bool, outcome: dict[str, Any]) -> None:
    """Print the outcome as JSON, or as counts with the problems on standard error."""
    if as_json:
        typer.echo(json.dumps(outcome))
        return
    for name, title in COUNT_TITLES.items():
        if name in outcome:
            typer.echo(f"{title}: {len(outcome[name])}")
    for line in [*outcome.get("left_out", []), *outcome.get("refused", [])]:
        typer.echo(line, err=True)
