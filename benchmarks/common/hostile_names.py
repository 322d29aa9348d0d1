"""Names that would be markup, a formula or a command if anything read them so, and a store in which everything has them."""

import random
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ddnmf_core.config import EmbeddingConfig, InterpretationConfig, PixelNMFConfig, RunConfig
from ddnmf_core.data.user import user_sets
from ddnmf_core.data.user.source import ImportOptions
from ddnmf_core.engine.worker import tasks
from ddnmf_core.store.part_names import rename_part
from ddnmf_core.store.run_names import rename_run
from ddnmf_core.store.run_store import Store

N_ROWS, N_PARTS, WORD_LETTERS = 80, 3, 7
MARKUP = (  # what stands before and after a word
    ("<b>", "</b>"),
    ("<img src=x onerror=alert(1)>", ""),
    ("<style>*{display:none}</style>", ""),
    ("<script>alert(1)</script>", ""),
    ("<a href=http://e.example>", "</a>"),
    ("<svg onload=alert(1)>", ""),
    ("<iframe src=http://e.example>", ""),
    ("<span style=color:red>", "</span>"),
    ("<x-unk>", ""),
    ("</div></p>", ""),
    ("<!--", "-->"),
    ("<br>", "<br>"),
    ("<math><mi>", ""),
    ("&lt;b&gt;", "&amp;"),
    ("&#60;b&#62;", ""),
    ("**", "**"),
    ("*", "*"),
    ("HLA-A*", ":01"),
    ("_", "_"),
    ("~~", "~~"),
    ("`", "`"),
    ("$", "$"),
    ("price($) ", ""),
    ("$\\frac{", "}{2}$"),
    ("[", "](http://e.example)"),
    ("![", "](http://e.example/x.png)"),
    (":red[", "]"),
    (":material/", ":"),
    (":", ":"),
    (":smile: ", ""),
    (":streamlit: ", ""),
    (":material/home: ", ""),
    ("# ", ""),
    ("- ", ""),
    ("> ", ""),
    ("1. ", ""),
    ("| ", " |"),
    ("http://e.example/", ""),
    ("www.e.example/", ""),
    ("a@e.example ", ""),
    ("%{x}", ""),
    ("{{", "}}"),
    ("{%", "%}"),
    ("^", "^"),
    ("==", "=="),
    ("=1+", ""),
    ("=cmd|' /C calc'!", ""),
    ("+1+", ""),
    ("-1-", ""),
    ("@SUM(", ")"),
)


@dataclass(frozen=True)
class Names:
    """Names of all that people name."""

    features: tuple[str, ...]
    classes: tuple[str, ...]
    title: str
    part: str
    run: str
    sample: str
    file: str = "names.csv"

    @property
    def all(self) -> tuple[str, ...]:
        return (*self.features, *self.classes, self.title, self.part, self.run, self.sample)


KNOWN = Names(
    ("price($)", "cost($)", "HLA-A*02:01", "B*07:02", "<unk>", "a_b_c", "[x](http://e.example)", ":red[x]", "<b>fat</b>"),
    ("<style>*{display:none}</style>", "**bold**", "$x$ or $y$", "<img src=x onerror=alert(1)>", "=1+cmd|' /C calc'!A0"),
    "Prices $1 *and* <i>more</i> $2",
    "*hook* <u>x</u> $a$",
    "@SUM(A1) <s>run</s> **mine**",
    "a/<s>*row*</s> $1$",
)


@dataclass(frozen=True)
class Marked:
    """A word that stands in one name alone, and the markup around it."""

    before: str
    word: str
    after: str

    def __str__(self) -> str:
        return f"{self.before}{self.word}{self.after}"


def random_names(chance: random.Random) -> tuple[Names, list[Marked]]:
    """Draw names, each a word within markup; the title's comes first."""
    marked = [
        Marked(before, "zq" + "".join(chance.choices("bcdfghjklmn", k=WORD_LETTERS)), after)
        for before, after in chance.sample(MARKUP, 19)
    ]
    title, part, run, sample, file, *columns = map(str, marked)
    features, classes = columns[:9], columns[9:]
    return Names(tuple(features), tuple(classes), title, part, run, sample, f"{file.replace('/', '-')}.csv"), marked


def write_table(path: Path, names: Names = KNOWN) -> Path:
    """Write a table whose features and classes have these names."""
    chance = np.random.default_rng(0)
    n, classes = len(names.features), names.classes
    rows = [",".join([*map(str, chance.random(n).round(3)), f'"{classes[i % len(classes)]}"']) for i in range(N_ROWS)]
    path.write_text("\n".join([",".join(f'"{name}"' for name in (*names.features, "kind")), *rows]) + "\n")
    return path


def store_of_names(folder: Path, names: Names = KNOWN) -> tuple[Store, RunConfig]:
    """Train a run on such a table, with all that pages show, its parts and itself named, and one run more for a sweep."""
    store, path = Store(), write_table(folder / names.file, names)
    options = ImportOptions(title=names.title, labels="kind")
    raw = user_sets.read_source(path, path.name, options)
    name = user_sets.add_read(replace(raw, sample_names=(names.sample,) * len(raw.values)), path.name, options)
    run = RunConfig(dataset=name, layers=(16, 4), n_parts=N_PARTS, epochs=2, batch_size=16)
    for config in (
        run,
        run.replace(gamma=0.5),
        run.replace(seed=2),
        run.replace(nmf_at="pixels"),
        PixelNMFConfig(dataset=name, n_parts=N_PARTS),
        InterpretationConfig.of(run, n_pictures=10),
        InterpretationConfig.of(run, factors="readout", n_parts=N_PARTS, n_pictures=10),
        EmbeddingConfig(run=run.id, n_points=5000, method="t-sne", perplexity=30),
    ):
        entry = store.create(config)
        if tasks.perform(str(store.root), entry.kind, entry.id, "cpu") != "finished":
            raise RuntimeError(f"{entry}: {entry.state.message}")
    for part in range(N_PARTS):
        rename_part(store.entry(run), part, names.part)
    rename_run(store.entry(run), names.run)
    return store, run
