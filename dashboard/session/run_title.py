"""Titles of runs."""

from ddnmf_core.config import RunConfig
from ddnmf_core.data.catalogue import short_name
from ddnmf_core.labels import MODEL_TITLES
from ddnmf_core.store.entry import Entry

IN_TITLE = {"model", "dataset", "n_samples", "n_parts", "noise_kind", "noise_level", "epochs", "seed"}


def run_title(entry: Entry) -> str:
    """Return the title of a run in lists."""
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
