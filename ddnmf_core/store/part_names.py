"""The names that a person gives to parts, kept with the run."""

from collections.abc import Mapping

from ddnmf_core.files.read_only import refuse
from ddnmf_core.store.entry import Entry

NAMES = "part-names.json"


def names_of(run: Entry) -> dict[int, str]:
    """Part, counted from 0, to its name; parts without one are left out."""
    return {int(part): name for part, name in run.read_json(NAMES).items()} if run.has(NAMES) else {}


def rename(run: Entry, part: int, name: str) -> None:
    """Keep a part's name; an empty one takes it back."""
    refuse()
    names = names_of(run) | {part: name.strip()}
    run.write_json(NAMES, {str(key): value for key, value in sorted(names.items()) if value})


def title(names: Mapping[int, str], part: int) -> str:
    """'Part 3', or 'Part 3, hook' where it has a name."""
    name = names.get(part)
    return f"Part {part + 1}" + (f", {name}" if name else "")
