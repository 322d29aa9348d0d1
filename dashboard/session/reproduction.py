"""Results of the paper's tables and figures: published or computed in this store, with a button for missing ones."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from dashboard.components.action_button import action_button
from dashboard.session.links import linked_choice, linked_number
from dashboard.session.results import report_damage
from dashboard.session.store import store
from ddnmf_core.data.catalogue import DATASETS
from ddnmf_core.display.text import in_markdown
from ddnmf_core.engine import estimate
from ddnmf_core.experiment.batch import WorkBatch
from ddnmf_core.files.read_only import read_only
from ddnmf_core.reproduce import results
from ddnmf_core.reproduce.cells import Target, TargetCell, target_cells
from ddnmf_core.reproduce.protocol import FULL_PROTOCOL, QUICK_PROTOCOL, Protocol
from ddnmf_core.reproduce.results import Results
from ddnmf_core.store.run_names import run_title
from ddnmf_core.store.run_store import Store

PROTOCOLS = {"full": FULL_PROTOCOL, "quick": QUICK_PROTOCOL}
NUMBERS_TITLES = {"published": "Published", "full": "This store, 70,000 images", "quick": "This store, 10,000 images"}
MAX_SEEDS = 10


@dataclass(frozen=True)
class DisplayedResults:
    """Results of a target on a page, its cells, and whether they were published."""

    results: Results
    cells: list[TargetCell]
    published: bool


def choose_numbers(targets: Sequence[Target]) -> list[DisplayedResults]:
    """Choose published results or this store's, for all pages; return one entry per target with any cell."""
    published = published_results(targets)
    options = list(NUMBERS_TITLES) if published else [name for name in NUMBERS_TITLES if name != "published"]
    left, right = st.columns([3, 1], vertical_alignment="bottom")
    with left:
        numbers = linked_choice(
            st.segmented_control,
            "Results",
            options,
            "numbers",
            "published" if published else "quick",
            format_func=NUMBERS_TITLES.get,
            required=True,
            wrap=True,
            help="Published: from results/, as in docs/results.md. This store: trained here under the same protocol, on all "
            "images, or on the bundled 10,000 with fewer epochs.",
        )
    if numbers == "published":
        return [
            DisplayedResults(
                target_results,
                target_cells(target_results.target, Protocol.described(target_results.protocol), target_results.seeds),
                True,
            )
            for target_results in published
        ]
    n_seeds = linked_number(right.number_input, "Seeds", 1, MAX_SEEDS, 2, key="seeds", help="Number of seeds, starting at 1.")
    return [store_results(target, PROTOCOLS[numbers], range(1, n_seeds + 1)) for target in targets]


def store_results(target: Target, protocol: Protocol, seeds: Sequence[int]) -> DisplayedResults:
    """Gather the store's results of a target."""
    wanted = target_cells(target, protocol, seeds)
    entries = [store().entry(cell.config) for cell in wanted]
    availability = tuple((entry.id, entry.available) for entry in entries)
    return DisplayedResults(_gathered(str(store().root), target, availability, wanted, protocol, list(seeds)), wanted, False)


@st.cache_resource(max_entries=10, show_spinner="Reading the store …")
def _gathered(
    root: str,
    target: Target,
    availability: tuple[tuple[str, bool], ...],
    _wanted: list[TargetCell],
    _protocol: Protocol,
    _seeds: list[int],
) -> Results:
    """Read results once; they are cached until the availability of a cell changes."""
    quick = " --quick" if _protocol.name == "quick" else ""
    command = f"ddnmf reproduce {target} --seeds {len(_seeds)}{quick}"
    return results.gather(results.TargetPlan(target, _wanted, _protocol, _seeds, command), Store(root))


def published_results(targets: Sequence[Target]) -> list[Results]:
    """Return published results; report and skip invalid files."""
    published = []
    for target in targets:
        path = results.path_of(results.published_folder(), target)
        try:
            published.append(_read(str(path.parent), target, path.stat().st_mtime_ns if path.exists() else 0))
        except ValueError as error:
            st.error(str(error))
    return [target_results for target_results in published if target_results is not None]


@st.cache_resource(max_entries=10, show_spinner=False)
def _read(folder: str, target: Target, changed: int) -> Results | None:
    return results.read_results(Path(folder), target)


def by_family(protocol: Protocol) -> dict[str, str]:
    """Map the family in a link to the protocol's data set."""
    return {str(DATASETS[dataset].family): dataset for dataset in protocol.datasets}


def fewer_images(protocol: Protocol) -> str:
    """Return a sentence if we use fewer images than the paper, else ''."""
    family, dataset = next(iter(by_family(protocol).items()))
    ours, theirs = protocol.n_samples or DATASETS[dataset].n_samples, DATASETS[family].n_samples
    return "" if ours == theirs else f" Our results use {ours:,} images of each set, the paper's all {theirs:,}."


def offer_to_compute(wanted: Sequence[TargetCell], key: str, title: str) -> None:
    """Show a button for missing cells with the expected time, or live progress while they are computed."""
    work = WorkBatch(store(), wanted)
    if not work.seconds or read_only():
        return
    if any(store().is_requested(entry) for entry in work.seconds):
        _progress(wanted, key, title)
        return
    if failures := _failures(work):
        st.warning("  \n".join(failures))
    seconds, n_cells = estimate.format_duration(work.expected_seconds), work.n_cells - work.n_there
    action_button(
        f"Compute {title} ({n_cells} cell{'s' if n_cells > 1 else ''}, about {seconds})",
        f"{key}.compute",
        work.submit,
        icon=":material/play_arrow:",
    )


def _failures(work: WorkBatch) -> list[str]:
    """List failed work with reasons, without results that failed only because their run did."""
    ended = [entry for entry in work.seconds if entry.exists and entry.state.status in ("failed", "diverged")]
    return [
        f"{in_markdown(run_title(entry)) if entry.kind == 'runs' else f'{entry.kind}/{entry.id}'} {entry.state.status}: "
        f"{in_markdown(entry.state.message)}"
        for entry in ended
        if entry.run not in ended
    ]


@st.fragment(run_every="1s")
@report_damage
def _progress(wanted: Sequence[TargetCell], key: str, title: str) -> None:
    """Show progress until all is done; a reload or another browser shows the same."""
    batches: dict[tuple[str, ...], WorkBatch] = st.session_state.setdefault("reproduction.under_way", {})
    ids = tuple(cell.config.id for cell in wanted)
    work = batches.setdefault(ids, WorkBatch(store(), wanted))  # kept across ticks, to count finished work
    n_ended = len(work.ended)
    share, text = work.advance()
    if not any(store().is_requested(entry) for entry in work.seconds):
        del batches[ids]
    if ids not in batches or len(work.ended) > n_ended:  # the page shows each result as it comes
        st.rerun(scope="app")
    st.progress(min(share, 1.0), f"Computing {title}: {text}")
    action_button(
        "Stop", f"{key}.stop", work.stop, icon=":material/stop:", help="Finished results are kept; the rest can be resumed."
    )


def protocol_panel(shown: DisplayedResults) -> None:
    """Show protocol, versions and command beneath a table or figure."""
    gathered = shown.results
    with st.expander(f"Protocol, provenance, command (seeds {', '.join(map(str, gathered.seeds))})"):
        st.code(gathered.command, language="shell")
        st.caption(
            f"{'Published' if shown.published else 'Gathered'} {gathered.created}. {len(gathered.cells)} cells"
            + (f", {gathered.n_missing} are missing." if gathered.n_missing else ".")
        )
        st.markdown("\n".join(f"- {statement}" for statement in gathered.protocol["statements"]))
        st.markdown("\n".join(f"- **{source['row']}**: {source['remark']}" for source in gathered.protocol["sources"]))
        st.json(
            {
                "models": gathered.protocol["models"],
                "noise models": gathered.protocol["noise_models"],
                "other settings": gathered.protocol["defaults"],
                "computed on": gathered.provenance,
            },
            expanded=False,
        )
