"""`ddnmf train`: train a run and show its progress."""

import json
import time
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, get_args

import typer

from ddnmf_core.analysis.metrics import ALL_SCORE_NAMES
from ddnmf_core.cli.runs import run_summary
from ddnmf_core.cli.terminal import DeviceOption, HomeOption, JsonOption, follow_steps, plain_errors
from ddnmf_core.config import (
    CODE_NMF_FIELDS,
    DEFAULT_PRESET,
    PRESETS,
    USER_DATASET,
    DatasetName,
    ModelName,
    NoiseKind,
    RunConfig,
)
from ddnmf_core.data import catalogue
from ddnmf_core.data.suggestions import preset_for_data, suggestion_for
from ddnmf_core.engine import client as engine
from ddnmf_core.store.cluster_scores import HELD_OUT
from ddnmf_core.store.entry import ENDED_STATUSES, RunEntry
from ddnmf_core.store.run_store import Store


def train_command(
    dataset: Annotated[
        str | None, typer.Option(help=f"{', '.join(get_args(DatasetName))}, or your own (`ddnmf data list`).")
    ] = None,
    model: Annotated[str | None, typer.Option(help=f"{', '.join(get_args(ModelName))}.")] = None,
    preset: Annotated[
        str | None, typer.Option(help=f"{', '.join(PRESETS)}; default: {DEFAULT_PRESET}, unless --set chooses the NMF module.")
    ] = None,
    n_samples: Annotated[int | None, typer.Option(help="Number of images; default: all.")] = None,
    epochs: Annotated[int | None, typer.Option(help="Number of epochs.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of weights, batch order and noise.")] = None,
    alpha: Annotated[float | None, typer.Option(help="Weight of L_sym.")] = None,
    beta: Annotated[float | None, typer.Option(help="Weight of L_ap.")] = None,
    gamma: Annotated[float | None, typer.Option(help="Weight of L_nc.")] = None,
    noise_kind: Annotated[str | None, typer.Option(help=f"{', '.join(get_args(NoiseKind))}.")] = None,
    noise_level: Annotated[
        float | None, typer.Option(help="Standard deviation of Gaussian noise, else share of pixels; 0 to 1.")
    ] = None,
    n_parts: Annotated[int | None, typer.Option(help="Number of parts, r.")] = None,
    test_share: Annotated[
        float | None, typer.Option(help="Share of the images held out from training and clustering, scored apart; 0 to 0.9.")
    ] = None,
    layers: Annotated[str | None, typer.Option(help="Encoder widths, such as 500,500,2000,10.")] = None,
    setting: Annotated[list[str] | None, typer.Option("--set", help="Set any other field: name=value. Repeatable.")] = None,
    device: DeviceOption = "auto",
    detach: Annotated[bool, typer.Option(help="Return at once; the engine continues in the background.")] = False,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Train a run, or show its result if it is already trained. Ctrl-C stops it; the same command resumes it."""
    with plain_errors():
        options = {
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
            "test_share": test_share,
            "layers": layers,
        }
        own = dict(map(_parse_setting, setting or []))
        fields = {
            **_suggested_fields(dataset, n_samples),
            **preset_for_data(preset or _default_preset(own), dataset),
            **own,
            **{name: value for name, value in options.items() if value is not None},
        }
        config = RunConfig(**fields)
        store = Store(home)
        entry = engine.submit(store, config, device)
        if not detach:
            follow_steps(_steps(store, entry), lambda: _stop(entry))
        _report(entry, as_json)
    if code := {"failed": 1, "diverged": 1, "stopped": 130}.get(entry.state.status):
        raise typer.Exit(code)


def _default_preset(own: Mapping[str, Any]) -> str | None:
    """Return the preset of a run without one: that of the Train page's form; none where the user sets the NMF module."""
    return None if {"nmf_at", *CODE_NMF_FIELDS} & set(own) else DEFAULT_PRESET


def _suggested_fields(dataset: str | None, n_samples: int | None) -> dict[str, Any]:
    """Return the settings suggested for a data set, and print the reason to standard error."""
    if dataset is None or not (USER_DATASET.fullmatch(dataset) or (dataset in catalogue.DATASETS and n_samples is None)):
        return {}
    if not (suggestion := suggestion_for(dataset, catalogue.spec(dataset))):
        return {}
    typer.echo(f"{suggestion.reason} Options and presets override these settings.", err=True)
    return suggestion.fields


def _parse_setting(text: str) -> tuple[str, Any]:
    """Split 'name=value'; the value is JSON, or else text."""
    name, equals, value = text.partition("=")
    if not equals:
        raise ValueError(f"--set {text!r}: should be name=value")
    if name == "layers" and not value.startswith("["):
        return name, value
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def _steps(store: Store, entry: RunEntry) -> Iterator[tuple[float, str]]:
    """Yield progress and message until the entry ends; restart the engine if it is gone."""
    while (state := entry.state).status not in ENDED_STATUSES or store.is_requested(entry):
        yield state.progress, state.message
        if not entry.locked:
            engine.require_running(store)
        time.sleep(0.2)


def _stop(entry: RunEntry) -> None:
    """Stop the run and wait for its checkpoint."""
    entry.request_stop()
    while entry.state.status not in ENDED_STATUSES:
        time.sleep(0.05)


def _report(entry: RunEntry, as_json: bool) -> None:
    summary = run_summary(entry)
    if as_json:
        typer.echo(json.dumps(summary))
        return
    typer.echo(f"run {summary['run']}: {summary['state']}. {summary['message']}")
    for score in summary.get("scores", []):
        names = [name for name in ALL_SCORE_NAMES if score.get(name) is not None]
        typer.echo(
            "  {input:<5} {representation:<5} {clusterer:<6} ".format(**score)
            + "  ".join(f"{name.upper()} {score[name]:.4f}" for name in names)
            + ("  held out" if score.get(HELD_OUT) else "")
        )
