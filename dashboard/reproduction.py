"""Numbers of the paper's tables and figures for pages: the published ones, or this store's own, and how to get more."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from dashboard.background import whole_or_set_aside
from dashboard.links import linked
from dashboard.shared import store
from ddnmf_core import estimate
from ddnmf_core.reproduce import results
from ddnmf_core.reproduce.cells import Cell, Target, cells
from ddnmf_core.reproduce.protocol import FULL, QUICK, Protocol
from ddnmf_core.reproduce.results import Results
from ddnmf_core.reproduce.work import Work

PROTOCOLS = {"full": FULL, "quick": QUICK}
TITLES = {"published": "Published", "full": "This store, 70,000 images", "quick": "This store, 10,000 images"}
MAX_SEEDS = 10


@dataclass(frozen=True)
class Shown:
    """What a page shows of a target: its results, the cells that make it up, and whether they were published."""

    results: Results
    cells: list[Cell]
    published: bool


def published_folder() -> Path:
    """DDNMF_RESULTS, else the results that come with the source."""
    return Path(os.environ.get("DDNMF_RESULTS") or Path(__file__).parents[1] / "results")


def choose_numbers(targets: Sequence[Target]) -> list[Shown]:
    """Published numbers or this store's, chosen once for all pages; one entry for each target that has any cell."""
    there = [target for target in targets if results.path_of(published_folder(), target).exists()]
    options = list(TITLES) if there else [name for name in TITLES if name != "published"]
    left, right = st.columns([3, 1], vertical_alignment="bottom")
    with left:
        numbers = linked(st.segmented_control, "Numbers", options, "numbers", "published" if there else "quick",
                         format_func=TITLES.get, required=True,
                         help="Published: from results/, as README shows them. This store: trained here under the same "
                              "protocol, on all images or on the shipped 10,000 with few epochs.")
    if numbers == "published":
        found = [_published(str(published_folder()), target, _changed(target)) for target in there]
        return [Shown(each, cells(each.target, Protocol.described(each.protocol), each.seeds), True) for each in found]
    n_seeds = right.number_input("Seeds", 1, MAX_SEEDS, 2, key="seeds", bind="query-params", help="1 to N.")
    return [of_store(target, PROTOCOLS[numbers], range(1, n_seeds + 1)) for target in targets]


def of_store(target: Target, protocol: Protocol, seeds: Sequence[int]) -> Shown:
    """What the store has of a target."""
    wanted = cells(target, protocol, seeds)
    quick = " --quick" if protocol.name == "quick" else ""
    command = f"ddnmf reproduce {target} --seeds {len(seeds)}{quick}"
    return Shown(results.gather(target, wanted, protocol, seeds, store(), command), wanted, False)


@st.cache_resource(max_entries=10, show_spinner=False)
def _published(folder: str, target: Target, changed: int) -> Results:
    found = results.read(Path(folder), target)
    assert found is not None
    return found


def _changed(target: Target) -> int:
    return results.path_of(published_folder(), target).stat().st_mtime_ns


def offer_to_compute(wanted: Sequence[Cell], key: str, what: str) -> None:
    """A button for the cells that the store lacks, with the expected time; live progress while they are worked on."""
    work = Work(store(), wanted)
    if not work.seconds:
        return
    if any(store().is_requested(entry) for entry in work.seconds):
        _progress(wanted, key, what)
        return
    for entry in work.seconds:
        if entry.exists and entry.state.status in ("failed", "diverged"):
            st.warning(f"{entry.kind}/{entry.id} {entry.state.status}: {entry.state.message}")
    seconds = estimate.in_words(sum(work.seconds.values()))
    if st.button(f"Compute {what} ({work.n_cells - work.n_there} cells, about {seconds})", key=f"{key}.compute",
                 icon=":material/play_arrow:"):
        work.submit()
        st.rerun()


@st.fragment(run_every="1s")
@whole_or_set_aside
def _progress(wanted: Sequence[Cell], key: str, what: str) -> None:
    """Until the engine has done with it; a reload or another browser shows the same."""
    work = Work(store(), wanted)
    share, text = work.advance()
    if not any(store().is_requested(entry) for entry in work.seconds):
        st.rerun(scope="app")
    st.progress(min(share, 1.0), f"Computing {what}: {text}")
    if st.button("Stop", key=f"{key}.stop", icon=":material/stop:", help="What is finished is kept; it can be taken up again."):
        work.stop()


def protocol_panel(shown: Shown) -> None:
    """What was fixed before the runs, the versions, and the command: beneath every table and figure."""
    found = shown.results
    with st.expander(f"Protocol, provenance, command (seeds {', '.join(map(str, found.seeds))})"):
        st.code(found.command, language="shell")
        st.caption(f"{'Published' if shown.published else 'Gathered'} {found.created}. {len(found.cells)} cells"
                   + (f", {found.n_missing} are missing." if found.n_missing else "."))
        st.markdown("\n".join(f"- {statement}" for statement in found.protocol["statements"]))
        st.markdown("\n".join(f"- **{source['row']}**: {source['remark']}" for source in found.protocol["sources"]))
        st.json({"models": found.protocol["models"], "noise models": found.protocol["noise_models"],
                 "other settings": found.protocol["defaults"], "computed on": found.provenance}, expanded=False)
