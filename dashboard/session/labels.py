"""Titles of models, inputs, scores, representations and runs."""

from ddnmf_core.analysis.metrics import SCORE_NAMES
from ddnmf_core.config import RunConfig
from ddnmf_core.data.catalogue import short_name
from ddnmf_core.store.entry import Entry

IN_TITLE = {"model", "dataset", "n_samples", "n_parts", "noise_kind", "noise_level", "epochs", "seed"}


MODEL_TITLES = {"ddnmf": "DDNMF", "ae1": "AE1", "ae2": "AE2", "dae": "DAE"}


INPUT_TITLES = {"clean": "clean images", "noisy": "noisy images"}


SCORE_TITLES = {score: score.upper() for score in SCORE_NAMES}


REPRESENTATION_TITLES = {"z": "z, the code", "H": "H, the parts' coefficients", "z_hat": "z_hat, rebuilt code"}


def run_title(entry: Entry) -> str:
    """What to call a run in a list."""
    c: RunConfig = entry.config
    size = f" ({c.n_samples:,})" if c.n_samples else ""
    parts = f" · r {c.n_parts}" if c.model == "ddnmf" else ""
    unusual = "".join(
        f" · {name.replace('_', ' ')} {value}" for name, value in c.non_defaults().items() if name not in IN_TITLE
    )
    return (
        f"{MODEL_TITLES[c.model]} · {short_name(c.dataset)}{size}{parts} · {c.noise_kind} {c.noise_level:.0%} · "
        f"{c.epochs} epoch{'s' if c.epochs > 1 else ''}{unusual} · seed {c.seed} · {entry.id[:6]}"
    )
