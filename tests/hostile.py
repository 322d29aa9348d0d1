"""Names that would be markup, a formula or a command if anything read them so, and a store in which everything has them."""

from dataclasses import replace

import numpy as np

from ddnmf_core.config import EmbeddingConfig, InterpretationConfig, PixelNMFConfig, RunConfig
from ddnmf_core.data.user import user_sets
from ddnmf_core.data.user.source import ImportOptions
from ddnmf_core.engine.worker import tasks
from ddnmf_core.store.part_names import rename_part
from ddnmf_core.store.run_names import rename_run
from ddnmf_core.store.run_store import Store

FEATURES = ("price($)", "cost($)", "HLA-A*02:01", "B*07:02", "<unk>", "a_b_c", "[x](http://e.example)", ":red[x]", "<b>fat</b>")
CLASSES = ("<style>*{display:none}</style>", "**bold**", "$x$ or $y$", "<img src=x onerror=alert(1)>", "=1+cmd|' /C calc'!A0")
TITLE, PART, RUN_NAME = "Prices $1 *and* <i>more</i> $2", "*hook* <u>x</u> $a$", "@SUM(A1) <s>run</s> **mine**"
SAMPLE = "a/<s>*row*</s> $1$"
NAMES = (*FEATURES, *CLASSES, TITLE, PART, RUN_NAME, SAMPLE)


def table(path):
    """Write a table whose features and classes have such names."""
    chance = np.random.default_rng(0)
    rows = [",".join([*map(str, chance.random(len(FEATURES)).round(3)), f'"{CLASSES[i % len(CLASSES)]}"']) for i in range(80)]
    path.write_text("\n".join([",".join(f'"{name}"' for name in (*FEATURES, "kind")), *rows]) + "\n")
    return path


def store_of_names(path):
    """Train a run on the table, with all that pages show, its parts and itself named, and one run more for a sweep."""
    store = Store()
    options = ImportOptions(title=TITLE, labels="kind")
    raw = user_sets.read_source(table(path), path.name, options)
    name = user_sets.add_read(replace(raw, sample_names=(SAMPLE,) * len(raw.values)), path.name, options)
    run = RunConfig(dataset=name, layers=(16, 4), n_parts=3, epochs=2, batch_size=16)
    for config in (
        run,
        run.replace(gamma=0.5),
        run.replace(seed=2),
        run.replace(nmf_at="pixels"),
        PixelNMFConfig(dataset=name, n_parts=3),
        InterpretationConfig.of(run, n_pictures=10),
        InterpretationConfig.of(run, factors="readout", n_parts=3, n_pictures=10),
        EmbeddingConfig(run=run.id, n_points=5000, method="t-sne", perplexity=30),
    ):
        entry = store.create(config)
        assert tasks.perform(str(store.root), entry.kind, entry.id, "cpu") == "finished", entry.state
    for part in range(3):
        rename_part(store.entry(run), part, PART)
    rename_run(store.entry(run), RUN_NAME)
    return store, run
