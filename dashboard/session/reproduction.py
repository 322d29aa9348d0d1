"""Numbers of the paper's tables and figures for pages: the published ones, or this store's own, and how to get more."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from dashboard.session.links import linked_choice
from dashboard.session.results import report_damage
from dashboard.session.run_title import run_title
from dashboard.session.store import store
from ddnmf_core.data.catalogue import DATASETS
from ddnmf_core.engine import estimate
from ddnmf_core.experiment.batch import WorkBatch
from ddnmf_core.files.read_only import read_only
from ddnmf_core.reproduce import results
from ddnmf_core.reproduce.cells import Target, TargetCell, target_cells
from ddnmf_core.reproduce.protocol import FULL_PROTOCOL, QUICK_PROTOCOL, Protocol
from ddnmf_core.reproduce.results import Results
from ddnmf_core.store.run_store import Store

PROTOCOLS = {"full": FULL_PROTOCOL, "quick": QUICK_PROTOCOL}
NUMBERS_TITLES = {"published": "Published", "full": "This store, 70,000 images", "quick": "This store, 10,000 images"}
MAX_SEEDS = 10


@dataclass(frozen=True)
class DisplayedResults:
    """What a page shows of a target: its results, the cells that make it up, and whether they were published."""

    results: Results
    cells: list[TargetCell]
    published: bool


def choose_numbers(targets: Sequence[Target]) -> list[DisplayedResults]:
    """Published numbers or this store's, chosen once for all pages; one entry for each target that has any cell."""
    there = published_results(targets)
    options = list(NUMBERS_TITLES) if there else [name for name in NUMBERS_TITLES if name != "published"]
    left, right = st.columns([3, 1], vertical_alignment="bottom")
    with left:
        numbers = linked_choice(
            st.segmented_control,
            "Numbers",
            options,
            "numbers",
            "published" if there else "quick",
            format_func=NUMBERS_TITLES.get,
            required=True,
            wrap=True,
            help="Published: from results/, as README shows them. This store: trained here under the same "
            "protocol, on all images or on the shipped 10,000 with few epochs.",
        )
    if numbers == "published":
        return [
            DisplayedResults(each, target_cells(each.target, Protocol.described(each.protocol), each.seeds), True)
            for each in there
        ]
    n_seeds = right.number_input("Seeds", 1, MAX_SEEDS, 2, key="seeds", bind="query-params", help="1 to N.")
    return [store_results(target, PROTOCOLS[numbers], range(1, n_seeds + 1)) for target in targets]


def store_results(target: Target, protocol: Protocol, seeds: Sequence[int]) -> DisplayedResults:
    """What the store has of a target."""
    wanted = target_cells(target, protocol, seeds)
    entries = [store().entry(cell.config) for cell in wanted]
    there = tuple((entry.id, entry.available) for entry in entries)
    return DisplayedResults(_gathered(str(store().root), target, there, wanted, protocol, list(seeds)), wanted, False)


@st.cache_resource(max_entries=10, show_spinner="Reading the store.")
def _gathered(
    root: str,
    target: Target,
    there: tuple[tuple[str, bool], ...],
    _wanted: list[TargetCell],
    _protocol: Protocol,
    _seeds: list[int],
) -> Results:
    """What is finished does not change, so it is read once."""
    quick = " --quick" if _protocol.name == "quick" else ""
    command = f"ddnmf reproduce {target} --seeds {len(_seeds)}{quick}"
    return results.gather(target, _wanted, _protocol, _seeds, Store(root), command)


def published_results(targets: Sequence[Target]) -> list[Results]:
    """Those that were published; a file that is not one of ours is said, and left out."""
    found = []
    for target in targets:
        path = results.path_of(results.published_folder(), target)
        try:
            found.append(_read(str(path.parent), target, path.stat().st_mtime_ns if path.exists() else 0))
        except ValueError as error:
            st.error(str(error))
    return [each for each in found if each is not None]


@st.cache_resource(max_entries=10, show_spinner=False)
def _read(folder: str, target: Target, changed: int) -> Results | None:
    return results.read_results(Path(folder), target)


def by_family(protocol: Protocol) -> dict[str, str]:
    """The data sets by the name that a link has for them, whatever their size."""
    return {str(DATASETS[dataset].family): dataset for dataset in protocol.datasets}


def fewer_images(protocol: Protocol) -> str:
    """A sentence where ours are not of as many images as the paper's."""
    family, dataset = next(iter(by_family(protocol).items()))
    ours, theirs = protocol.n_samples or DATASETS[dataset].n_samples, DATASETS[family].n_samples
    return "" if ours == theirs else f" Ours are of {ours:,} images of each set, the paper's of all {theirs:,}."


def offer_to_compute(wanted: Sequence[TargetCell], key: str, what: str) -> None:
    """A button for the cells that the store lacks, with the expected time; live progress while they are worked on."""
    work = WorkBatch(store(), wanted)
    if not work.seconds or read_only():
        return
    if any(store().is_requested(entry) for entry in work.seconds):
        _progress(wanted, key, what)
        return
    if failures := _failures(work):
        st.warning("  \n".join(failures))
    seconds, n_cells = estimate.format_duration(work.expected_seconds), work.n_cells - work.n_there
    if st.button(
        f"Compute {what} ({n_cells} cell{'s' if n_cells > 1 else ''}, about {seconds})",
        key=f"{key}.compute",
        icon=":material/play_arrow:",
    ):
        work.submit()
        st.rerun()


def _failures(work: WorkBatch) -> list[str]:
    """What ended without a result and why; what only failed for want of its run is not said again."""
    ended = [entry for entry in work.seconds if entry.exists and entry.state.status in ("failed", "diverged")]
    return [
        f"{run_title(entry) if entry.kind == 'runs' else f'{entry.kind}/{entry.id}'} {entry.state.status}: "
        f"{entry.state.message}"
        for entry in ended
        if entry.run not in ended
    ]


@st.fragment(run_every="1s")
@report_damage
def _progress(wanted: Sequence[TargetCell], key: str, what: str) -> None:
    """Until the engine has done with it; a reload or another browser shows the same."""
    under_way: dict[tuple[str, ...], WorkBatch] = st.session_state.setdefault("reproduction.under_way", {})
    ids = tuple(cell.config.id for cell in wanted)
    work = under_way.setdefault(ids, WorkBatch(store(), wanted))  # one and the same, so that what has ended counts
    known = len(work.ended)
    share, text = work.advance()
    if not any(store().is_requested(entry) for entry in work.seconds):
        del under_way[ids]
    if ids not in under_way or len(work.ended) > known:  # the page shows each number as it comes
        st.rerun(scope="app")
    st.progress(min(share, 1.0), f"Computing {what}: {text}")
    if st.button("Stop", key=f"{key}.stop", icon=":material/stop:", help="What is finished is kept; it can be taken up again."):
        work.stop()


def protocol_panel(shown: DisplayedResults) -> None:
    """What was fixed before the runs, the versions, and the command: beneath every table and figure."""
    found = shown.results
    with st.expander(f"Protocol, provenance, command (seeds {', '.join(map(str, found.seeds))})"):
        st.code(found.command, language="shell")
        st.caption(
            f"{'Published' if shown.published else 'Gathered'} {found.created}. {len(found.cells)} cells"
            + (f", {found.n_missing} are missing." if found.n_missing else ".")
        )
        st.markdown("\n".join(f"- {statement}" for statement in found.protocol["statements"]))
        st.markdown("\n".join(f"- **{source['row']}**: {source['remark']}" for source in found.protocol["sources"]))
        st.json(
            {
                "models": found.protocol["models"],
                "noise models": found.protocol["noise_models"],
                "other settings": found.protocol["defaults"],
                "computed on": found.provenance,
            },
            expanded=False,
        )
