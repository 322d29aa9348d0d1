"""Names and titles of runs: the user's name, else the model with the settings that differ from a preset or the defaults."""

from functools import lru_cache
from typing import Any

from ddnmf_core.config import NMF_FIELDS, PRESETS, RunConfig
from ddnmf_core.data.catalogue import short_name
from ddnmf_core.files.atomic import CorruptFile
from ddnmf_core.files.read_only import require_writable
from ddnmf_core.labels import MODEL_TITLES, NOISE_TITLES, SETTING_SYMBOLS
from ddnmf_core.store.entry import Entry

RUN_NAME_FILE = "run-name.json"
MAX_RUN_NAME = 60  # characters
NAMED_ELSEWHERE = {"model", "dataset", "n_samples", "seed"}  # of a title: not settings that differ
MAX_PRESET_DIFFERENCES = 3  # from a preset: with more of them it says little of the run


def run_name(run: Entry[Any]) -> str:
    """Return the user's name of a run; empty if it has none."""
    if not (run.folder / RUN_NAME_FILE).is_file():  # a list of 1,000 runs is drawn: no manifest is read for those without
        return ""
    try:
        content = run.read_json(RUN_NAME_FILE) if run.has(RUN_NAME_FILE) else {}
    except (CorruptFile, ValueError, RecursionError):  # told by `verify`; a list of runs needs no name
        return ""
    name = content.get("name", "") if isinstance(content, dict) else ""
    return name[:MAX_RUN_NAME] if isinstance(name, str) else ""


def rename_run(run: Entry[Any], name: str) -> None:
    """Store the user's name of a run, in one line of at most MAX_RUN_NAME characters; an empty one removes it."""
    require_writable()
    if name := " ".join(name.split())[:MAX_RUN_NAME]:
        run.write_json(RUN_NAME_FILE, {"name": name})
    elif run.has(RUN_NAME_FILE):
        run.remove(RUN_NAME_FILE)


def run_title(run: Entry[Any]) -> str:
    """Return the title of a run in lists: 'AE1, gamma 0.1 · mnist-10k · seed 1 · 0f3a9c', or its name for the first part."""
    config: RunConfig = run.config
    size = f" ({config.n_samples:,})" if config.n_samples else ""
    settings = settings_text(config)
    own = run_name(run) or MODEL_TITLES[config.model] + (f", {settings}" if settings else "")
    return f"{own} · {short_name(config.dataset)}{size} · seed {config.seed} · {run.id[:6]}"


@lru_cache(maxsize=20_000)
def settings_text(config: RunConfig) -> str:
    """Describe the settings by the nearest preset and what differs from it: 'published, γ 0.1'; empty for the defaults."""
    candidates = [("", _differences(config, RunConfig(model=config.model)))]
    for name, fields in PRESETS.items():
        differing = _differences(config, RunConfig(**{**fields, "model": config.model}))
        if len(differing) <= MAX_PRESET_DIFFERENCES:
            candidates.append((name, differing))
    name, differing = min(candidates, key=lambda each: (len(each[1]) + bool(each[0]), len(each[1])))
    return ", ".join([*([name] if name else []), *(_setting_text(*pair) for pair in differing.items())])


def _differences(config: RunConfig, base: RunConfig) -> dict[str, Any]:
    skipped = NAMED_ELSEWHERE | (set(NMF_FIELDS) if config.model != "ddnmf" else set())
    return {name: value for name, value in config if name not in skipped and value != getattr(base, name)}


def _setting_text(name: str, value: Any) -> str:
    match name:
        case "nmf_at":
            return "additive" if value == "pixels" else "NMF at the code"
        case "layers":
            return "layers " + "-".join(map(str, value))
        case "epochs":
            return f"{value} epoch{'s' if value > 1 else ''}"
        case "noise_kind":
            return f"{NOISE_TITLES[value].lower()} noise"
        case "noise_level":
            return f"noise {value:.0%}"
        case "learning_rate":
            return f"rate {value:g}"
        case "batch_size":
            return f"batches of {value}"
        case "test_share":
            return f"{value:.0%} held out"
        case "n_clusters":
            return f"{value} clusters"
    number = f"{value:g}" if isinstance(value, float) else value
    return f"{SETTING_SYMBOLS.get(name, name.replace('_', ' '))} {number}"
