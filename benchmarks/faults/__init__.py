"""Inject faults and count tries, survivals and losses.

Processes are killed with SIGKILL or stopped with SIGSTOP, bits of stored files are flipped, files cut short, the disk made
full, losses made infinite; odd files, entries of a newer version and names of markup are put into the store; strangers try its
ports. `--repeats N` tries each fault at most N times; without it the full counts are taken, which is a matter of hours.
`--only F4,F8` counts those alone; the others stay as they were kept. Each is written when it has been counted.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime

from benchmarks.common.harness import Result, Row, kept_rows, machine
from benchmarks.faults.counting import Count
from benchmarks.faults.growth import soak
from benchmarks.faults.killed import killed_scheduler, killed_tree, killed_worker, killed_writer, poisoned, stopped_worker
from benchmarks.faults.names import hostile_names
from benchmarks.faults.newer import made_by_newer
from benchmarks.faults.odd_files import odd_files
from benchmarks.faults.runs import asked_at_once, cancelled, infinite_loss
from benchmarks.faults.screen import killed_dashboard
from benchmarks.faults.stored import damaged, full_disk
from benchmarks.faults.strangers import strangers
from benchmarks.faults.uploads import malformed

REPEATS = 2000  # at most; each fault has its own full count
FAULTS: dict[str, Callable[[int], Count]] = {
    "F1": killed_worker,
    "F2": killed_writer,
    "F3": killed_tree,
    "F4": killed_dashboard,
    "F5": cancelled,
    "F6": stopped_worker,
    "F7": damaged,
    "F8": full_disk,
    "F9": asked_at_once,
    "F10": poisoned,
    "F11": killed_scheduler,
    "F12": infinite_loss,
    "F13": soak,
    "F14": malformed,
    "F15": odd_files,
    "F16": made_by_newer,
    "F17": hostile_names,
    "F18": strangers,
}


PARTS = tuple(FAULTS)  # what can be measured alone


def measure(repeats: int, only: Sequence[str] = PARTS) -> Iterator[Result]:
    """Yield the whole table after each fault."""
    this_machine = machine()
    for name in only:
        row = FAULTS[name](repeats).row() | {
            "counted": datetime.now(UTC).date().isoformat(),
            "machine": f"{this_machine['processor']}, {this_machine['cores']} cores",
        }
        rows: dict[str, Row] = {kept["fault"]: kept for kept in kept_rows("faults")} | {name: row}
        in_order = [rows[fault] for fault in FAULTS if fault in rows]
        figures = {figure: sum(row[figure] for row in in_order) for figure in ("tries", "lost")}
        yield Result("faults", in_order, figures, repeats)
