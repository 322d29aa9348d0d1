"""Part names given by the user, stored with the run."""

from collections.abc import Mapping

from ddnmf_core.files.read_only import require_writable
from ddnmf_core.store.entry import Entry

PART_NAMES_FILE = "part-names.json"


def part_names(run: Entry) -> dict[int, str]:
    """Map named parts, counted from 0, to their names."""
    return {int(part): name for part, name in run.read_json(PART_NAMES_FILE).items()} if run.has(PART_NAMES_FILE) else {}


def rename_part(run: Entry, part: int, name: str) -> None:
    """Store the name of a part; an empty name removes it."""
    require_writable()
    names = part_names(run) | {part: name.strip()}
    run.write_json(PART_NAMES_FILE, {str(key): value for key, value in sorted(names.items()) if value})


def part_title(names: Mapping[int, str], part: int) -> str:
    """Format a part's title: 'Part 3', or with a name 'Part 3, hook'."""
    name = names.get(part)
    return f"Part {part + 1}" + (f", {name}" if name else "")
