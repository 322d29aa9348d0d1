"""`ddnmf runs`: the runs that are kept, and the care of them: checked, deleted and brought back, carried elsewhere."""

import json
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from ddnmf_core.cli.terminal import HomeOption, JsonOption, RunArgument, plain_errors, progress_display
from ddnmf_core.store import archive_export, trash
from ddnmf_core.store.entry import PROVENANCE_FILE, SCORES_FILE, Busy, Entry
from ddnmf_core.store.run_store import Store

runs_app = typer.Typer(help="The runs that are kept.", no_args_is_help=True)
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]

# ------------------------------------------------------------------------------------------- look


@runs_app.command("list")
def list_runs(as_json: JsonOption = False, home: HomeOption = None) -> None:
    """Every run, newest first; damaged ones are set aside and named."""
    with plain_errors():
        store = Store(home)
        entries = store.entries()
        if as_json:
            typer.echo(
                json.dumps(
                    [{"run": e.id, "state": e.state.status, "config": e.config.model_dump(mode="json")} for e in entries]
                )
            )
            return
        for entry in entries:
            c, state = entry.config, entry.state
            typer.echo(
                f"{entry.id}  {state.status:<11} {state.progress:4.0%}  {c.model:<5} {c.dataset:<17} "
                f"r={c.n_parts:<3} {c.noise_kind} {c.noise_level:.0%}  {c.epochs} epochs  seed {c.seed}"
            )
        if not entries:
            typer.echo("There are no runs yet. Train one: ddnmf train")
        for notice in store.notices():
            typer.echo(notice, err=True)


@runs_app.command("show")
def show_run(run: RunArgument, as_json: JsonOption = False, home: HomeOption = None) -> None:
    """One run as JSON: settings, state, losses, scores, provenance; with --json on one line."""
    with plain_errors():
        typer.echo(json.dumps(run_summary(Store(home).get("runs", run)), indent=None if as_json else 1))


@runs_app.command("report")
def report_run(
    run: RunArgument,
    out: Annotated[Path | None, typer.Option(help="The file; default: ddnmf-RUN.html")] = None,
    home: HomeOption = None,
) -> None:
    """Write a run as one HTML file that opens without a server."""
    with plain_errors():
        from ddnmf_core.export.report import write_report

        path = out or Path(f"ddnmf-{run}.html")
        write_report(Store(home).get("runs", run), path)
        typer.echo(str(path))


@runs_app.command("stop")
def stop_run(run: RunArgument, home: HomeOption = None) -> None:
    """Stop a run; the same `ddnmf train` command resumes it."""
    with plain_errors():
        Store(home).get("runs", run).request_stop()


def run_summary(entry: Entry) -> dict[str, Any]:
    """Everything a script wants to know of a run: id, state, losses, scores, seconds, device."""
    state = entry.state
    epochs = entry.epochs()
    summary: dict[str, Any] = {
        "run": entry.id,
        "state": state.status,
        "message": state.message,
        "device": state.device,
        "config": entry.config.model_dump(mode="json"),
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
        bool,
        typer.Option(
            "--repair", help="Drop what can be made again, set aside what cannot be used, remove what was left lying about."
        ),
    ] = False,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Check every stored file. Exit code 0: nothing is damaged (any more); 1: something is; 2: it could not be checked."""
    with plain_errors():
        from ddnmf_core.store.verify import verify

        with progress_display() as show:
            verdict = verify(Store(home), repair=repair, report=show)
        if as_json:
            typer.echo(
                json.dumps(
                    {
                        "whole": verdict.whole,
                        "entries": verdict.n_entries,
                        "findings": [asdict(finding) for finding in verdict.findings],
                    }
                )
            )
        else:
            _show_findings([asdict(finding) for finding in verdict.findings], repair)
            typer.echo(
                f"{verdict.n_entries} entries were read: {'the store is whole' if verdict.whole else 'something is damaged'}."
            )
        if not verdict.whole:
            raise typer.Exit(1)


def _show_findings(findings: list[dict[str, Any]], repaired: bool) -> None:
    """A line each, in columns; the last one says what a repair does."""
    if not findings:
        return
    columns = {"grade": "", "place": "where", "problem": "what", "remedy": "done" if repaired else "with --repair"}
    rows = [columns, *findings]
    widths = {name: max(len(str(row[name])) for row in rows) for name in ("grade", "place")}
    for row in rows:
        grade, place = (f"{row[name]:<{width}}" for name, width in widths.items())
        typer.echo(f"{grade}  {place}  {row['problem']}  ->  {row['remedy']}")


# -------------------------------------------------------------------------------- delete, restore


@runs_app.command("delete")
def delete_runs(
    runs: Annotated[list[str], typer.Argument(help="Their ids.")], yes: YesOption = False, home: HomeOption = None
) -> None:
    """Delete runs with their maps, clusters and interpretations. For some days `ddnmf runs restore` undoes it."""
    with plain_errors():
        store = Store(home)
        entries = [store.get("runs", run) for run in dict.fromkeys(runs)]
        made = sum(len(trash.derived_entries(entry)) for entry in entries)
        also = f" and {made} results that were made of {'it' if len(entries) == 1 else 'them'}" if made else ""
        what = f"run {entries[0].id}" if len(entries) == 1 else f"{len(entries)} runs"
        _confirm(f"Delete {what}{also}? It can be undone for {trash.KEPT_DAYS} days.", yes)
        for entry in entries:
            try:
                trash.delete_entry(entry)
            except Busy:
                raise RuntimeError(f"run {entry.id} is being trained: stop it first (ddnmf runs stop {entry.id})") from None
            typer.echo(f"Deleted {entry.id}. Undo: ddnmf runs restore {entry.id}")


@runs_app.command("deleted")
def deleted_runs(
    empty: Annotated[bool, typer.Option("--empty", help="Remove all of it for good.")] = False,
    yes: YesOption = False,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """What was deleted and can still be brought back, newest first."""
    with plain_errors():
        found = trash.deletions(Store(home))
        if empty and found:
            _confirm(f"Remove {len(found)} deletions for good? Nothing brings them back.", yes)
            for deletion in found:
                trash.remove_deletion(deletion)
            typer.echo(f"Removed {len(found)} deletions.")
        elif as_json:
            typer.echo(
                json.dumps(
                    [
                        {
                            "run": each.id,
                            "kind": each.entries[0].kind,
                            "deleted": each.at / 1e9,
                            "bytes": each.size,
                            "entries": len(each.entries),
                            "days_left": each.days_left,
                        }
                        for each in found
                    ]
                )
            )
        else:
            for each in found:
                when = time.strftime("%Y-%m-%d %H:%M", time.localtime(each.at / 1e9))
                typer.echo(
                    f"{each.id}  {each.entries[0].kind:<15} deleted {when}  {len(each.entries):>3} entries "
                    f"{each.size / 1e6:8.1f} MB  {max(each.days_left, 0):.1f} days left"
                )
            if not found:
                typer.echo("Nothing was deleted lately.")


@runs_app.command("restore")
def restore_run(run: str, home: HomeOption = None) -> None:
    """Bring back a run that was deleted, with all that went with it."""
    with plain_errors():
        deletion = trash.latest_deletion(Store(home), run)
        back = trash.restore_deletion(deletion)
        if not back:
            raise RuntimeError(f"{run} has been computed again since it was deleted; that one stays in its place")
        typer.echo(f"Brought back {', '.join(f'{entry.kind}/{entry.id}' for entry in back)}.")


def _confirm(question: str, yes: bool) -> None:
    """Without somebody to ask, nothing is deleted."""
    if not yes and not sys.stdin.isatty():
        raise ValueError(f"{question} Nobody is there to answer: say --yes")
    if not yes and not typer.confirm(question):
        raise typer.Exit(1)


# --------------------------------------------------------------------------------- export, import


@runs_app.command("export")
def export_runs(
    out: Annotated[Path, typer.Option(help="The archive, as study.zip")],
    runs: Annotated[list[str] | None, typer.Argument(help="Their ids.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All that has ended well, of every kind.")] = False,
    with_data: Annotated[bool, typer.Option("--with-data", help="Your own data sets go with the runs.")] = False,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Put runs, with what was made of them, into one file. Exit code 1: something was left out, and why is said."""
    with plain_errors():
        store = Store(home)
        if bool(runs) == everything:
            raise ValueError("name runs by their ids, or say --all")
        named = [store.get("runs", run) for run in runs or []]
        wanted = archive_export.exportable_entries(store) if everything else archive_export.with_derived(named)
        with progress_display() as show:
            exported = archive_export.export_archive(wanted, out, show, with_data)
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
            typer.echo(f"{name}, your own data, is not inside. Say --with-data, or add it there in the same way.", err=True)
        if exported.left_out:
            raise typer.Exit(1)


@runs_app.command("import")
def import_runs(
    file: Annotated[Path, typer.Argument(help="An archive that `ddnmf runs export` wrote.")],
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Take in the runs of an archive, each checked first. Exit code 1: one was refused, and why is said."""
    with plain_errors():
        from ddnmf_core.store.archive_import import import_archive

        with progress_display() as show:
            imported = import_archive(Store(home), file, show)
        refused = [f"{name} was refused: {reason}" for name, reason in imported.refused.items()]
        _report_transfer(
            as_json,
            {
                "imported": _entry_names(imported.imported),
                "data": imported.data,
                "there_before": _entry_names(imported.already_present),
                "refused": refused,
            },
        )
        if refused:
            raise typer.Exit(1)


def _entry_names(entries: list[Entry]) -> list[str]:
    return [f"{entry.kind}/{entry.id}" for entry in entries]


def _report_transfer(as_json: bool, outcome: dict[str, Any]) -> None:
    """One object, or a line for each that came or went, and what did not on standard error."""
    if as_json:
        typer.echo(json.dumps(outcome))
        return
    for name, value in outcome.items():
        if isinstance(value, list):
            typer.echo(f"{name.replace('_', ' ')}: {len(value)}")
    for line in [*outcome.get("left_out", []), *outcome.get("refused", [])]:
        typer.echo(line, err=True)
