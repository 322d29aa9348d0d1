"""safetensors: the weights with a model card in a folder, and the way back into a model.

What is read back is data: no code of the folder is run, sizes are looked at first, settings are checked as ever.
"""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ddnmf_core.config import RunConfig
from ddnmf_core.data.catalogue import spec
from ddnmf_core.files.atomic import sha256
from ddnmf_core.labels import CLUSTERER_TITLES
from ddnmf_core.model import diagnosis
from ddnmf_core.progress import Progress
from ddnmf_core.store.entry import CONFIG_FILE, MODEL_FILE
from ddnmf_core.store.finished_run import FinishedRun

MODEL_CARD = Path(__file__).with_name("model-card.md")
MAX_CONFIG_BYTES, MAX_WEIGHTS_BYTES = 64 * 1024, 8 * 1024**3  # bytes of the files that are read back
FIRST_LAYERS = ("student.encoder.0.linear.weight", "encoder.0.linear.weight")  # of a DDNMF, of an autoencoder


def write(run: FinishedRun, folder: Path, report: Progress) -> None:
    report(0.2, "Copying the weights.")
    weights = run.entry.read_bytes(MODEL_FILE)
    (folder / MODEL_FILE).write_bytes(weights)
    (folder / CONFIG_FILE).write_text(run.config.model_dump_json(indent=1))
    (folder / "README.md").write_text(model_card(run, sha256(weights)))


def model_card(run: FinishedRun, digest: str) -> str:
    """The model card: what it is, of what, how good, how it was made, what it is not, how to load it."""
    from jinja2 import Environment, StrictUndefined

    config, epochs, data = run.config, run.epochs(), spec(run.config.dataset)
    template = Environment(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True).from_string(MODEL_CARD.read_text())
    return template.render(
        run=run.id,
        config=config,
        settings=config.model_dump(mode="json"),
        data=data,
        sha256=digest,
        n_images=config.n_samples or data.n_samples,
        scores=run.scores(),
        clusterers=CLUSTERER_TITLES,
        last={name: value for name, value in epochs[-1].items() if name.startswith("L_")},
        provenance=run.provenance(),
        warnings=diagnosis.collapse_warnings(epochs[-1]),
        created=datetime.now(UTC).date().isoformat(),
        file=MODEL_FILE,
    )


def load(folder: Path | str) -> tuple[Any, RunConfig]:
    """The model, in evaluation mode on the CPU, and its settings; raises ValueError where the folder holds something else."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    from ddnmf_core.model.networks import build_model

    config = RunConfig(**_settings(_within(Path(folder) / CONFIG_FILE, MAX_CONFIG_BYTES)))
    path = _within(Path(folder) / MODEL_FILE, MAX_WEIGHTS_BYTES)
    try:
        weights = load_file(path)
        n_pixels = next(weights[name].shape[1] for name in FIRST_LAYERS if name in weights)
        model = build_model(config, n_pixels)
        model.load_state_dict(weights)
    except (SafetensorError, StopIteration, IndexError, RuntimeError) as error:
        raise ValueError(f"{path} does not hold the weights of the model in {CONFIG_FILE}") from error
    return model.eval(), config


def _settings(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except ValueError:
        raise ValueError(f"{path} is not JSON") from None
    if not isinstance(found, dict):
        raise ValueError(f"{path} should hold the settings of a run by name")
    return found


def _within(path: Path, most: int) -> Path:
    """The path, if there is a file that is small enough to be read."""
    if not path.is_file():
        raise ValueError(f"there is no {path}: a folder of `ddnmf export --to safetensors` has one")
    if path.stat().st_size > most:
        raise ValueError(f"{path} has {path.stat().st_size:,} bytes: should be at most {most:,}")
    return path
