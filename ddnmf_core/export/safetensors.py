"""safetensors export: a folder with weights, settings and a model card, and the function that loads it.

Loading treats the folder as untrusted: no code is executed, file sizes are checked first, settings are validated.
"""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ddnmf_core.config import RunConfig
from ddnmf_core.data.catalogue import spec
from ddnmf_core.display.text import in_markdown
from ddnmf_core.files.atomic import sha256
from ddnmf_core.labels import CLUSTERER_TITLES
from ddnmf_core.model import diagnosis
from ddnmf_core.progress import Progress
from ddnmf_core.store.entry import CONFIG_FILE, MODEL_FILE
from ddnmf_core.store.finished_run import FinishedRun

if TYPE_CHECKING:
    from ddnmf_core.model.networks import Autoencoder, DDNMFNetwork

MODEL_CARD = Path(__file__).with_name("model-card.md")
MAX_CONFIG_BYTES, MAX_WEIGHTS_BYTES = 64 * 1024, 8 * 1024**3  # limits for loading
FIRST_LAYERS = ("student.encoder.0.linear.weight", "encoder.0.linear.weight")  # of a DDNMF, of an autoencoder


def write(run: FinishedRun, folder: Path, report: Progress) -> None:
    """Write weights, settings and model card to the folder."""
    report(0.2, "Copying weights.")
    weights = run.entry.read_bytes(MODEL_FILE)
    (folder / MODEL_FILE).write_bytes(weights)
    (folder / CONFIG_FILE).write_text(json.dumps(run.config.settings(), indent=1))
    (folder / "README.md").write_text(model_card(run, sha256(weights)))


def model_card(run: FinishedRun, digest: str) -> str:
    """Render the model card: model, data, scores, limits, settings, versions, how to load it."""
    from jinja2 import Environment, StrictUndefined

    config, epochs, data = run.config, run.epochs(), spec(run.config.dataset)
    environment = Environment(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["text"] = lambda value: in_markdown(str(value))
    template = environment.from_string(MODEL_CARD.read_text())
    return template.render(
        run=run.id,
        config=config,
        settings=config.settings(),
        data=data,
        sha256=digest,
        n_images=config.n_samples or data.n_samples,
        scores=[*run.scores(), *run.scores(held_out=True)],
        clusterers=CLUSTERER_TITLES,
        last={name: value for name, value in epochs[-1].items() if name.startswith("L_")},
        provenance=run.provenance(),
        warnings=diagnosis.collapse_warnings(epochs[-1]),
        created=datetime.now(UTC).date().isoformat(),
        file=MODEL_FILE,
    )


def load(folder: Path | str) -> "tuple[DDNMFNetwork | Autoencoder, RunConfig]":
    """Load an exported model.

    Parameters
    ----------
    folder
        Folder written by `ddnmf export --to safetensors`.

    Returns
    -------
    model
        On the CPU, in evaluation mode.
    config
        Settings of the run.

    Raises
    ------
    ValueError
        If a file is missing, too large or invalid.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    from ddnmf_core.model.networks import build_model

    config = RunConfig.stored(_settings(_within(Path(folder) / CONFIG_FILE, MAX_CONFIG_BYTES)))
    path = _within(Path(folder) / MODEL_FILE, MAX_WEIGHTS_BYTES)
    try:
        weights = load_file(path)
        n_pixels = next(weights[name].shape[1] for name in FIRST_LAYERS if name in weights)
        model = build_model(config, n_pixels)
        model.load_state_dict(weights)
    except (SafetensorError, StopIteration, IndexError, RuntimeError) as error:
        raise ValueError(f"{path} does not match the model in {CONFIG_FILE}") from error
    return model.eval(), config


def _settings(path: Path) -> dict[str, Any]:
    try:
        fields = json.loads(path.read_bytes())
    except ValueError:
        raise ValueError(f"{path} is not JSON") from None
    if not isinstance(fields, dict):
        raise ValueError(f"{path} should be a JSON object with the settings of a run")
    return fields


def _within(path: Path, most: int) -> Path:
    """Return the path; raise ValueError if the file is missing or too large."""
    if not path.is_file():
        raise ValueError(f"{path} not found: should be a folder written by `ddnmf export --to safetensors`")
    if path.stat().st_size > most:
        raise ValueError(f"{path} has {path.stat().st_size:,} bytes: should be at most {most:,}")
    return path
