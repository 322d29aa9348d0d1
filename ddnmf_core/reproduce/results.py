"""The scores of a target's cells with where each came from: kept as JSON, summarised as a table."""

import json
import math
import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ddnmf_core.analysis.metrics import SCORE_NAMES
from ddnmf_core.files.atomic import write_bytes
from ddnmf_core.interpret.measures import MEASURES
from ddnmf_core.reproduce import paper
from ddnmf_core.reproduce.cells import Target, TargetCell
from ddnmf_core.reproduce.protocol import PART_SOURCES, TABLE_SOURCES, Protocol
from ddnmf_core.store.entry import CLUSTERS_FILE, INTERPRETATION_FILE, PROVENANCE_FILE, SCORES_FILE, Entry, Kind
from ddnmf_core.store.run_store import Store

if TYPE_CHECKING:
    import pandas as pd

Record = dict[str, Any]
KEYS = ["dataset", "method", "noise_level", "test_level"]
MEASURED_COLUMNS = (*SCORE_NAMES, "agreement", "silhouette", "error", "training_seconds", "seconds", *MEASURES)
SEED_AGREEMENTS = {
    "table1": "agreement",
    "table2": "agreement",
    "selection": "agreement",  # what a target's seeds are held
    "parts": "stability",
}  # against each other by
OVER_SEEDS = tuple(dict.fromkeys(SEED_AGREEMENTS.values()))  # values of pairs of seeds
BOTH_SIGNS = ("units", "pca")  # factors whose coefficients may be negative
VARYING_FIELDS = ("seconds", "training_seconds")  # in a provenance, from run to run
ORIGIN_OF = {source.method(clusterer): source.origin for source in TABLE_SOURCES for clusterer in source.clusterers} | {
    source.title: source.origin for source in PART_SOURCES
}


@dataclass(frozen=True)
class Results:
    """What is known of a target: a record for each finished cell."""

    target: Target
    command: str  # that makes this file
    created: str  # date, UTC
    protocol: dict[str, Any]
    seeds: list[int]  # that were asked for, now or before
    n_missing: int  # cells that are not finished
    provenance: list[dict[str, Any]]  # versions and machines; a record names its own
    cells: list[Record]

    @property
    def n_seeds(self) -> int:
        """Seeds for which every cell is there; each seed has as many, but Figure 2 is of the first alone."""
        if self.target == "figure2":
            return int(bool(self.cells) and not self.n_missing)
        whole = (len(self.cells) + self.n_missing) / max(1, len(self.seeds))
        return sum(sum(cell["seed"] == seed for cell in self.cells) == whole for seed in self.seeds) if self.cells else 0

    @property
    def text(self) -> str:
        """As JSON, one line for each cell."""
        fields = {"n_seeds": self.n_seeds, **asdict(self)}
        lines = {name: fields.pop(name) for name in ("provenance", "cells")}
        head = json.dumps(fields, indent=1).removesuffix("\n}")
        rest = "".join(
            f',\n "{name}": [\n' + ",\n".join(f"  {json.dumps(row)}" for row in rows) + "\n ]" for name, rows in lines.items()
        )
        return f"{head}{rest}\n}}\n"

    def write(self, folder: Path) -> Path:
        """As <target>.json."""
        folder.mkdir(parents=True, exist_ok=True)
        write_bytes(path_of(folder, self.target), self.text.encode())
        return path_of(folder, self.target)


def published_folder() -> Path:
    """DDNMF_RESULTS, else the results that come with the source, or with the installed package."""
    core = Path(__file__).parents[1]
    installed = core / "published"
    return Path(os.environ.get("DDNMF_RESULTS") or (installed if installed.exists() else core.parent / "results"))


def path_of(folder: Path, target: Target) -> Path:
    return folder / f"{target}.json"


def read_results(folder: Path, target: Target) -> Results | None:
    """What was written there, or None; raises ValueError where the file is not one of ours."""
    path = path_of(folder, target)
    if not path.exists():
        return None
    try:
        fields = json.loads(path.read_bytes())
        fields.pop("n_seeds")
        return Results(**fields)
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(f"{path} is not a file of `ddnmf reproduce` ({error}): move it away and run it again") from None


def gather(
    target: Target,
    cells: Sequence[TargetCell],
    protocol: Protocol,
    seeds: Sequence[int],
    store: Store,
    command: str,
    known: Results | None = None,
) -> Results:
    """A record for each cell that earlier results hold, or else the store has finished. What is written stays: the same
    seed on another machine is another run, and would be an unseen change of a published number."""
    kept = {record["id"]: record for record in known.cells} if known else {}
    provenance: list[dict[str, Any]] = []
    records = []
    for cell in cells:
        entry = store.entry(cell.config)
        if known and cell.config.id in kept:
            record = dict(kept[cell.config.id])
            origin = known.provenance[record["provenance"]]
        elif entry.available:
            record, origin = _of_entry(cell, entry)
        else:
            continue
        if origin not in provenance:
            provenance.append(origin)
        records.append({**record, "provenance": provenance.index(origin)})
    if target in SEED_AGREEMENTS:
        _note_over_seeds(records, store, SEED_AGREEMENTS[target])
    return Results(
        target,
        command,
        datetime.now(UTC).date().isoformat(),
        protocol.describe(),
        list(seeds),
        len(cells) - len(records),
        provenance,
        records,
    )


def _note_over_seeds(records: list[Record], store: Store, name: str) -> None:
    """How well each seed agrees with other seeds: by its clusters (mean ARI), or by its parts (mean matched cosine). It needs
    no labels. With all its peers in the store it is computed anew; with some of them only where nothing is known yet, and the
    record says with which."""
    groups: dict[Any, list[Record]] = {}
    for record in records:
        groups.setdefault(tuple(record.get(key) for key in KEYS), []).append(record)
    for group in groups.values():
        seeds = [record["seed"] for record in group]
        if len(seeds) < 2 or all(record.get(f"{name}_with") == seeds for record in group):
            continue
        found = _agreements(store, name, group)
        there = [record for record in group if record["id"] in found]
        for record in there:
            if len(there) == len(group) or name not in record:
                record |= {name: found[record["id"]], f"{name}_with": [peer["seed"] for peer in there]}


def _agreements(store: Store, name: str, records: list[Record]) -> dict[str, float]:
    """By id, of each of these records with the others, as far as the store has what they were measured of; empty where it
    has fewer than two."""
    from ddnmf_core.analysis.metrics import agreements
    from ddnmf_core.interpret.stability import matched_cosine

    kind: Kind = "clusterings" if name == "agreement" else "interpretations"
    entries: dict[str, tuple[Record, Entry]] = {
        record["id"]: (record, Entry(store.root, kind, record["id"])) for record in records
    }
    there = {each: entry for each, (record, entry) in entries.items() if entry.available and _is_measured_of(record, entry)}
    if len(there) < 2:
        return {}
    if name == "agreement":
        clusters = [entry.read_table(CLUSTERS_FILE)["cluster"].to_numpy() for entry in there.values()]
        return {each: float(value) for each, value in zip(there, agreements(clusters), strict=True)}
    swings = {each: entry.read_tensors(INTERPRETATION_FILE)["swings"] for each, entry in there.items()}
    signed = all(entry.config.factors not in BOTH_SIGNS for entry in there.values())
    return {
        each: sum(matched_cosine(own, other, signed) for name, other in swings.items() if name != each) / (len(swings) - 1)
        for each, own in swings.items()
    }


def _is_measured_of(record: Record, entry: Entry) -> bool:
    """And not of the same configuration computed elsewhere."""
    scores = entry.read_json(SCORES_FILE)
    return all(scores[score] == record[score] for score in SCORE_NAMES)


def _of_entry(cell: TargetCell, entry: Entry) -> tuple[Record, dict[str, Any]]:
    """The record of a finished cell, and its provenance without what differs from run to run."""
    record: Record = {
        "dataset": cell.dataset,
        "method": cell.method,
        "seed": cell.seed,
        "id": entry.id,
        "run": cell.run.id if cell.run else None,
    }
    origin: dict[str, Any] = {}
    if cell.noise_level is not None:
        record |= {"noise_level": cell.noise_level, "test_level": cell.test_level}
    if cell.run:
        origin = Store(entry.root).entry(cell.run).read_json(PROVENANCE_FILE)
        record["training_seconds"] = origin["training_seconds"]
    if entry.has(SCORES_FILE):
        scores = entry.read_json(SCORES_FILE)
        if cell.noise_level is not None:
            scores.pop("contingency")  # hundreds of cells: keep them small
        measured = entry.read_json(PROVENANCE_FILE)
        record |= scores | {"seconds": measured["seconds"]}
        origin = {**measured, **origin}
    return record, {name: value for name, value in origin.items() if name not in VARYING_FIELDS}


def summarise(records: Iterable[Record]) -> "pd.DataFrame":
    """A row for each method, data set and noise: n_seeds, mean and deviation (n - 1) of each measure, and the paper's
    number with its distance from ours, in points and in our deviations."""
    import pandas as pd

    frame = pd.DataFrame(list(records)).reindex(
        columns=[*KEYS, "seed", *MEASURED_COLUMNS, *(f"{name}_with" for name in OVER_SEEDS)]
    )
    rows = []
    for values, group in frame.groupby(KEYS, sort=False, dropna=False):
        row: Record = dict(zip(KEYS, values, strict=True))
        row |= {"origin": ORIGIN_OF.get(row["method"], "paper"), "n_seeds": len(group)}
        for measure in MEASURED_COLUMNS:
            row[f"{measure}_mean"], row[f"{measure}_std"] = group[measure].mean(), group[measure].std(ddof=1)
        for name in OVER_SEEDS:  # pairs share seeds: their spread is no deviation
            row[f"{name}_std"] = math.nan
            row[f"{name}_seeds"] = max((len(of) for of in group[f"{name}_with"] if isinstance(of, list)), default=0)
        rows.append(row | _against_the_paper(row))
    return pd.DataFrame(rows)


def _against_the_paper(row: Record) -> Record:
    level = None if math.isnan(row["noise_level"]) else row["noise_level"]
    reported = paper.paper_scores(row["dataset"], row["method"], level) if level is None or level == row["test_level"] else None
    found: Record = {}
    for score in SCORE_NAMES:
        theirs, deviation = reported[score] if reported else math.nan, row[f"{score}_std"]
        difference = row[f"{score}_mean"] - theirs
        found |= {
            f"{score}_paper": theirs,
            f"{score}_difference": difference,
            f"{score}_deviations": difference / deviation if deviation else math.nan,
        }
    return found
