"""Results of a target: scores with their provenance, stored as JSON and summarised as a table."""

import json
import math
import os
from collections.abc import Iterable
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
SEED_AGREEMENTS = {  # measure that compares a target's seeds with each other
    "table1": "agreement",
    "table2": "agreement",
    "selection": "agreement",
    "parts": "stability",
}
OVER_SEEDS = tuple(dict.fromkeys(SEED_AGREEMENTS.values()))  # measures of pairs of seeds
BOTH_SIGNS = ("units", "pca")  # factors whose coefficients may be negative
VARYING_FIELDS = ("seconds", "training_seconds")  # of a provenance that differ from run to run
ORIGIN_OF = {source.method(clusterer): source.origin for source in TABLE_SOURCES for clusterer in source.clusterers} | {
    source.title: source.origin for source in PART_SOURCES
}


@dataclass(frozen=True)
class Results:
    """Results of a target: one record per finished cell."""

    target: Target
    command: str  # reproduces this file
    created: str  # date, UTC
    protocol: dict[str, Any]
    seeds: list[int]  # requested, now or before
    n_missing: int  # cells that are not finished
    provenance: list[dict[str, Any]]  # versions and machines; a record holds the index of its own
    cells: list[Record]

    @property
    def n_seeds(self) -> int:
        """Number of seeds with all cells. Every seed has the same number of cells; Figure 2 uses the first seed only."""
        if self.target == "figure2":
            return int(bool(self.cells) and not self.n_missing)
        per_seed = (len(self.cells) + self.n_missing) / max(1, len(self.seeds))
        return sum(sum(cell["seed"] == seed for cell in self.cells) == per_seed for seed in self.seeds) if self.cells else 0

    @property
    def text(self) -> str:
        """JSON text with one line per cell."""
        fields = {"n_seeds": self.n_seeds, **asdict(self)}
        lines = {name: fields.pop(name) for name in ("provenance", "cells")}
        head = json.dumps(fields, indent=1).removesuffix("\n}")
        rest = "".join(
            f',\n "{name}": [\n' + ",\n".join(f"  {json.dumps(row)}" for row in rows) + "\n ]" for name, rows in lines.items()
        )
        return f"{head}{rest}\n}}\n"

    def write(self, folder: Path) -> Path:
        """Write <target>.json; return its path."""
        folder.mkdir(parents=True, exist_ok=True)
        write_bytes(path_of(folder, self.target), self.text.encode())
        return path_of(folder, self.target)


@dataclass(frozen=True)
class TargetPlan:
    """Cells of a target, with the protocol, the seeds and the command that produce them."""

    target: Target
    cells: list[TargetCell]
    protocol: Protocol
    seeds: list[int]
    command: str


def published_folder() -> Path:
    """Locate the published results: DDNMF_RESULTS, else the installed package's, else the source tree's."""
    core = Path(__file__).parents[1]
    installed = core / "published"
    return Path(os.environ.get("DDNMF_RESULTS") or (installed if installed.exists() else core.parent / "results"))


def path_of(folder: Path, target: Target) -> Path:
    return folder / f"{target}.json"


def read_results(folder: Path, target: Target) -> Results | None:
    """Read the results of a target, None if there is no file; raise ValueError if the file is not valid."""
    path = path_of(folder, target)
    if not path.exists():
        return None
    try:
        fields = json.loads(path.read_bytes())
        fields.pop("n_seeds")
        return Results(**fields)
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(f"{path} is not a file of `ddnmf reproduce` ({error}): move it and run the command again") from None


def gather(plan: TargetPlan, store: Store, written: Results | None = None, others: Iterable[Results] = ()) -> Results:
    """Collect the records of all planned cells that are written, here or among other targets' results, or stored.

    A written record is kept even if the store has the same cell: recomputed on another machine its numbers can differ, which
    would change a published number unnoticed.
    """
    kept: dict[str, tuple[Record, dict[str, Any]]] = {}
    for results in filter(None, (written, *others)):
        for record in results.cells:
            kept.setdefault(record["id"], (record, results.provenance[record["provenance"]]))
    provenance: list[dict[str, Any]] = []
    records = []
    for cell in plan.cells:
        entry = store.entry(cell.config)
        if cell.config.id in kept:
            written_record, origin = kept[cell.config.id]
            record = {**written_record, "method": cell.method}  # under its present title
        elif entry.available:
            record, origin = _of_entry(cell, entry)
        else:
            continue
        if origin not in provenance:
            provenance.append(origin)
        records.append({**record, "provenance": provenance.index(origin)})
    if plan.target in SEED_AGREEMENTS:
        _add_agreements(records, store, SEED_AGREEMENTS[plan.target])
    return Results(
        plan.target,
        plan.command,
        datetime.now(UTC).date().isoformat(),
        plan.protocol.describe(),
        plan.seeds,
        len(plan.cells) - len(records),
        provenance,
        records,
    )


def _add_agreements(records: list[Record], store: Store, name: str) -> None:
    """Add to each record its agreement with the other seeds, which needs no labels.

    "agreement" is the mean ARI of clusters, "stability" the mean matched cosine of parts. If the store has only some of the
    seeds, a value is added only where there is none; `<name>_with` lists the seeds compared.
    """
    groups: dict[Any, list[Record]] = {}
    for record in records:
        groups.setdefault(tuple(record.get(key) for key in KEYS), []).append(record)
    for group in groups.values():
        seeds = [record["seed"] for record in group]
        if len(seeds) < 2 or all(record.get(f"{name}_with") == seeds for record in group):
            continue
        values = _agreements(store, name, group)
        measured = [record for record in group if record["id"] in values]
        for record in measured:
            if len(measured) == len(group) or name not in record:
                record |= {name: values[record["id"]], f"{name}_with": [peer["seed"] for peer in measured]}


def _agreements(store: Store, name: str, records: list[Record]) -> dict[str, float]:
    """Return each record's agreement with the others by id; only of stored entries, and empty for fewer than two."""
    from ddnmf_core.analysis.metrics import agreements
    from ddnmf_core.interpret.stability import matched_cosine

    kind: Kind = "clusterings" if name == "agreement" else "interpretations"
    entries: dict[str, tuple[Record, Entry]] = {
        record["id"]: (record, Entry(store.root, kind, record["id"])) for record in records
    }
    stored = {key: entry for key, (record, entry) in entries.items() if entry.available and _has_same_scores(record, entry)}
    if len(stored) < 2:
        return {}
    if name == "agreement":
        clusters = [entry.read_table(CLUSTERS_FILE)["cluster"].to_numpy() for entry in stored.values()]
        return {key: float(value) for key, value in zip(stored, agreements(clusters), strict=True)}
    effects = {key: entry.read_tensors(INTERPRETATION_FILE)["swings"] for key, entry in stored.items()}
    signed = all(entry.config.factors not in BOTH_SIGNS for entry in stored.values())
    return {
        key: sum(matched_cosine(own, other, signed) for peer, other in effects.items() if peer != key) / (len(effects) - 1)
        for key, own in effects.items()
    }


def _has_same_scores(record: Record, entry: Entry) -> bool:
    """Whether the record comes from this entry, not from the same configuration computed on another machine."""
    scores = entry.read_json(SCORES_FILE)
    return all(scores[score] == record[score] for score in SCORE_NAMES)


def _of_entry(cell: TargetCell, entry: Entry) -> tuple[Record, dict[str, Any]]:
    """Return the record of a finished cell, and its provenance without the varying fields."""
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
            scores.pop("contingency")  # hundreds of cells: keep the file small
        measured = entry.read_json(PROVENANCE_FILE)
        record |= scores | {"seconds": measured["seconds"]}
        origin = {**measured, **origin}
    return record, {name: value for name, value in origin.items() if name not in VARYING_FIELDS}


def summarise(records: Iterable[Record]) -> "pd.DataFrame":
    """Summarise records over seeds, one row per method, data set and noise.

    Columns: n_seeds, mean and standard deviation (n - 1) of each measure, the paper's score, and its difference from ours,
    absolute and in our standard deviations.
    """
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
        for name in OVER_SEEDS:  # pairs share seeds, so their spread is no standard deviation
            row[f"{name}_std"] = math.nan
            row[f"{name}_seeds"] = max((len(of) for of in group[f"{name}_with"] if isinstance(of, list)), default=0)
        rows.append(row | _compare_with_paper(row))
    return pd.DataFrame(rows)


def _compare_with_paper(row: Record) -> Record:
    level = None if math.isnan(row["noise_level"]) else row["noise_level"]
    reported = paper.paper_scores(row["dataset"], row["method"], level) if level is None or level == row["test_level"] else None
    comparison: Record = {}
    for score in SCORE_NAMES:
        theirs, deviation = reported[score] if reported else math.nan, row[f"{score}_std"]
        difference = row[f"{score}_mean"] - theirs
        comparison |= {
            f"{score}_paper": theirs,
            f"{score}_difference": difference,
            f"{score}_deviations": difference / deviation if deviation else math.nan,
        }
    return comparison
