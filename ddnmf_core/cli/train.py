"""`ddnmf train`: train a run and follow it."""

import json
import time
from typing import Annotated, Any, get_args

import typer

from ddnmf_core.analysis.metrics import ALL_SCORE_NAMES
from ddnmf_core.cli.runs import run_summary
from ddnmf_core.cli.terminal import HomeOption, JsonOption, plain_errors, progress_display
from ddnmf_core.config import PRESETS, USER_DATASET, DatasetName, ModelName, NoiseKind, RunConfig
from ddnmf_core.data import catalogue
from ddnmf_core.data.suggestions import suggest
from ddnmf_core.engine import client as engine
from ddnmf_core.store.entry import ENDED_STATUSES, Entry
from ddnmf_core.store.run_store import Store


def train_command(
    dataset: Annotated[str | None, typer.Option(help=", ".join([*get_args(DatasetName), "or one of your own"]))] = None,
    model: Annotated[str | None, typer.Option(help=", ".join(get_args(ModelName)))] = None,
    preset: Annotated[str | None, typer.Option(help=", ".join(PRESETS))] = None,
    n_samples: int | None = None,
    epochs: int | None = None,
    seed: int | None = None,
    alpha: float | None = None,
    beta: float | None = None,
    gamma: float | None = None,
    noise_kind: Annotated[str | None, typer.Option(help=", ".join(get_args(NoiseKind)))] = None,
    noise_level: float | None = None,
    n_parts: int | None = None,
    layers: Annotated[str | None, typer.Option(help="Encoder widths, as 500,500,2000,10")] = None,
    setting: Annotated[list[str] | None, typer.Option("--set", help="Any other field, as name=value")] = None,
    device: Annotated[str, typer.Option(help="auto, cuda, mps or cpu")] = "auto",
    detach: Annotated[bool, typer.Option(help="Return at once; the engine goes on.")] = False,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Train a run, or find it where it has been trained before. Ctrl-C stops it; the same command resumes it."""
    with plain_errors():
        named = {
            "dataset": dataset,
            "model": model,
            "n_samples": n_samples,
            "epochs": epochs,
            "seed": seed,
            "alpha": alpha,
            "beta": beta,
            "gamma": gamma,
            "noise_kind": noise_kind,
            "noise_level": noise_level,
            "n_parts": n_parts,
            "layers": layers and _widths(layers),
        }
        fields = {
            **_suggested(dataset),
            **_preset(preset),
            **dict(map(_assignment, setting or [])),
            **{name: value for name, value in named.items() if value is not None},
        }
        config = RunConfig(**fields)
        store = Store(home)
        entry = engine.submit(store, config, device)
        if not detach:
            _follow(entry)
        _report(entry, as_json)
    if code := {"failed": 1, "diverged": 1, "stopped": 130}.get(entry.state.status):
        raise typer.Exit(code)


def _suggested(dataset: str | None) -> dict[str, Any]:
    """What suits the size of a data set of the user's own; it is said on standard error."""
    if dataset is None or not USER_DATASET.fullmatch(dataset):
        return {}
    suggestion = suggest(catalogue.spec(dataset))
    typer.echo(f"{suggestion.reason} Options and presets of this command come first.", err=True)
    return suggestion.fields


def _preset(name: str | None) -> dict[str, Any]:
    if name is not None and name not in PRESETS:
        raise ValueError(f"preset = {name!r}: should be one of {', '.join(PRESETS)}")
    return PRESETS[name] if name else {}


def _widths(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(width) for width in text.split(","))
    except ValueError:
        raise ValueError(f"layers = {text!r}: should be whole numbers with commas, as 500,500,2000,10") from None


def _assignment(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals:
        raise ValueError(f"--set {text!r}: should be name=value")
    if name == "layers" and not value.startswith("["):
        return name, _widths(value)
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def _follow(entry: Entry) -> None:
    """Show progress until the entry ends. Ctrl-C asks it to stop and waits for its checkpoint."""
    try:
        with progress_display() as show:
            while (state := entry.state).status not in ENDED_STATUSES or Store(entry.root).is_requested(entry):
                show(state.progress, state.message)
                if not entry.locked:
                    engine.require_running(Store(entry.root))
                time.sleep(0.2)
    except KeyboardInterrupt:
        entry.request_stop()
        typer.echo("Stopping; a second Ctrl-C leaves at once.", err=True)
        while entry.state.status not in ENDED_STATUSES:
            time.sleep(0.05)


def _report(entry: Entry, as_json: bool) -> None:
    summary = run_summary(entry)
    if as_json:
        typer.echo(json.dumps(summary))
        return
    typer.echo(f"run {summary['run']}: {summary['state']}. {summary['message']}")
    for score in summary.get("scores", []):
        known = [name for name in ALL_SCORE_NAMES if score.get(name) is not None]
        typer.echo(
            "  {input:<5} {representation:<5} {clusterer:<6} ".format(**score)
            + "  ".join(f"{name.upper()} {score[name]:.4f}" for name in known)
        )
