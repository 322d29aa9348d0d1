"""A reproduction of seconds, and the command in this process."""

from dataclasses import replace

from typer.testing import CliRunner

from ddnmf_core.cli.main import main_app
from ddnmf_core.engine.worker import tasks
from ddnmf_core.experiment.batch import WorkBatch
from ddnmf_core.reproduce import results
from ddnmf_core.reproduce.protocol import QUICK_PROTOCOL

SMALL = {"layers": (32, 16, 6), "n_parts": 5, "epochs": 1, "batch_size": 64}
_CANDIDATES = ("chosen", "gamma .1")
SMALL_QUICK = replace(
    QUICK_PROTOCOL,
    models={title: {**settings, **SMALL} for title, settings in QUICK_PROTOCOL.models.items()},
    noise_models={title: {**settings, **SMALL} for title, settings in QUICK_PROTOCOL.noise_models.items()},
    noise_levels=(0.1, 0.8),
    candidates={title: {**QUICK_PROTOCOL.candidates[title], **SMALL} for title in _CANDIDATES},
)
TINY = replace(SMALL_QUICK, name="tiny", datasets=("digits", "mnist-10k"), n_samples=200, n_map_points=100)


def do(store, made_of):
    """Everything that the cells need, in this process."""
    work = WorkBatch(store, made_of)
    for config in work.configs:
        entry = store.create(config)
        assert tasks.perform(str(store.root), entry.kind, entry.id, "cpu") == "finished", entry.state
    return work


def gathered(target, made_of, store, known=None, seeds=(1, 2)):
    return results.gather(results.TargetPlan(target, made_of, TINY, list(seeds), "ddnmf reproduce"), store, known)


def reproduce(*arguments):
    """The command, in this process."""
    return CliRunner().invoke(main_app, ["reproduce", *map(str, arguments)])
