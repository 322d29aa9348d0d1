"""Faults injected for real, counted: what was tried, what survived, what was lost.

Processes are killed with SIGKILL or stopped with SIGSTOP, bits of stored files are flipped, files cut short, the disk made
full, losses made infinite. `--repeats N` tries each fault at most N times; without it the full counts are taken, which is a
matter of hours.
"""

from collections.abc import Callable

from benchmarks.faults.counting import Count
from benchmarks.faults.growth import soak
from benchmarks.faults.killed import killed_scheduler, killed_tree, killed_worker, killed_writer, poisoned, stopped_worker
from benchmarks.faults.runs import asked_at_once, cancelled, infinite_loss
from benchmarks.faults.screen import killed_dashboard
from benchmarks.faults.stored import damaged, full_disk
from benchmarks.faults.uploads import malformed
from benchmarks.measuring import Result

REPEATS = 500
FAULTS: dict[str, Callable[[int], Count]] = {
    "F1": killed_worker, "F2": killed_writer, "F3": killed_tree, "F4": killed_dashboard, "F5": cancelled, "F6": stopped_worker,
    "F7": damaged, "F8": full_disk, "F9": asked_at_once, "F10": poisoned, "F11": killed_scheduler, "F12": infinite_loss,
    "F13": soak, "F14": malformed}


def measure(repeats: int) -> Result:
    counts = [fault(repeats) for fault in FAULTS.values()]
    lost = sum(len(count.lost) for count in counts)
    figures = {"tries": sum(count.tries for count in counts), "lost": lost}
    return Result("faults", [count.row() for count in counts], figures, repeats)
