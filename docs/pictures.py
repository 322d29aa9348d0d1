"""`python docs/pictures.py [NAME...]`: take the pictures of pages in README and docs again, from the example runs.

"faces" needs FACES, from the first two commands of docs/stories/faces.md, and is left out without it. All need Chromium.
"""

import io
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.common.browser import address, chromium, serve, settled
from ddnmf_core.config import PRESETS, InterpretationConfig, RunConfig
from ddnmf_core.data import catalogue
from ddnmf_core.data.suggestions import suggest
from ddnmf_core.data.user import user_sets
from ddnmf_core.data.user.source import ImportOptions
from ddnmf_core.engine import client as engine
from ddnmf_core.engine.worker import tasks
from ddnmf_core.store.examples import add_first_examples, example_runs
from ddnmf_core.store.run_store import Store

DOCS = Path(__file__).parent
WIDTH, SIDEBAR, TALLEST = 1440, 302, 1600  # pixels, of the window with its sidebar
MARGIN = 16
FACES = Path("lfw/skimage/data/lfw_subset.npy")
BOOT = 0  # the sample of Fashion-MNIST that is explained
PATIENCE = 240_000  # milliseconds
Clip = Callable[[Any], tuple[float, float]]  # of a page: upper and lower end


def top(height: float) -> Clip:
    """Take the upper part of the page."""
    return lambda page: (0, height)


def between(first: str, last: str) -> Clip:
    """Take what lies from a heading to the end of the element with a key."""

    def ends(page: Any) -> tuple[float, float]:
        upper = page.get_by_text(first, exact=True).first.bounding_box()
        lower = page.locator(f".st-key-{last}").first.bounding_box()
        return upper["y"] - MARGIN, lower["y"] + lower["height"] + MARGIN

    return ends


def add_data(file: Path, options: ImportOptions) -> str:
    """Add a file to the store; return the data set's id."""
    return user_sets.store_prepared(user_sets.prepare(user_sets.read_source(file, file.name, options), file.name, options))


def train(store: Store, config: RunConfig) -> RunConfig:
    """Train a model and evaluate its parts."""
    for entry in map(store.create, (config, InterpretationConfig.of(config))):
        if tasks.perform(str(store.root), entry.kind, entry.id, "cpu") != "finished":
            raise RuntimeError(entry.state.message)
    return config


def faces(store: Store) -> RunConfig:
    """Train the model of docs/own-data.md on a hundred faces."""
    with tempfile.TemporaryDirectory() as folder:
        np.save(file := Path(folder) / "faces.npy", np.load(FACES)[:100])
        name = add_data(file, ImportOptions(title="Faces"))
    fields = suggest(catalogue.spec(name)).fields | PRESETS["parts"] | {"layers": (128, 16), "n_parts": 16}
    return train(store, RunConfig(**fields | {"dataset": name, "noise_level": 0.2, "epochs": 400, "batch_size": 20}))


def wine(store: Store) -> RunConfig:
    """Train a model of scikit-learn's table of wines."""
    from sklearn.datasets import load_wine

    data = load_wine(as_frame=True)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "wine.csv"
        data.frame.assign(target=data.target_names[data.target]).to_csv(file, index=False)
        name = add_data(file, ImportOptions(labels="target", title="Wine"))
    return train(store, RunConfig(**suggest(catalogue.spec(name)).fields, dataset=name))


def pictures_of(store: Store, wanted: list[str]) -> dict[str, tuple[str, Clip]]:
    """Return link and clip of each picture."""
    fashion = next(run for run in example_runs(store) if run.config.dataset.startswith("fashion"))
    pictures = {
        "explain": (f"explain?run={fashion.id}&sample={BOOT}", between("Image as a sum of parts", "explain-map")),
        "parts": (f"parts?run={fashion.id}", between("All parts", "parts-nmf")),
        "noise": ("noise", top(760)),
        "compare": ("compare?compare=tables", top(900)),
    }
    if not wanted or "own-data" in wanted:
        pictures["own-data"] = (f"explain?run={wine(store).id}&sample=0", between("Image and reconstructions", "explain-parts"))
    if FACES.exists() and (not wanted or "faces" in wanted):
        pictures["faces"] = (f"parts?run={faces(store).id}", between("All parts", "parts-nmf"))
    return {name: picture for name, picture in pictures.items() if not wanted or name in wanted}


def main() -> None:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        os.environ["DDNMF_HOME"] = home  # where data sets of one's own are looked for
        store = Store(home)
        add_first_examples(store)
        pictures = pictures_of(store, sys.argv[1:])
        server = serve(store)
        try:
            with chromium() as browser:
                page = browser.new_page(viewport={"width": WIDTH, "height": TALLEST})
                page.set_default_timeout(PATIENCE)
                page.goto(address())
                page.get_by_role("button", name="End tour").click()
                for name, (link, clip) in pictures.items():
                    page.goto(f"{address()}/{link}")
                    settled(page)
                    upper, lower = clip(page)
                    area = {"x": SIDEBAR, "y": upper, "width": WIDTH - SIDEBAR, "height": lower - upper}
                    taken = Image.open(io.BytesIO(page.screenshot(clip=area)))
                    taken.convert("RGB").save(DOCS / f"{name}.png", optimize=True)
        finally:
            server.terminate()
            engine.stop(store)


if __name__ == "__main__":
    main()
