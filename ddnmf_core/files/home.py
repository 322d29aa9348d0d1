"""The version of the store's layout, so that an older program leaves a newer store alone."""

from pathlib import Path

from ddnmf_core.files.atomic import CorruptFile, read_document, write_document

LAYOUT, VERSION = "layout.json", 1


class NewerLayout(RuntimeError):
    """The store was made by a newer version of the program."""


def version_of(root: Path) -> int:
    """As the store says; one that says nothing is of version 1. Raises CorruptFile where what it says is damaged."""
    if not (root / LAYOUT).exists():
        return 1
    version = read_document(root / LAYOUT).get("version")
    if type(version) is not int or version < 1:
        raise CorruptFile(root / LAYOUT, f"is damaged: version = {version!r} is no whole number from 1")
    return version


def check(root: Path) -> None:
    """Raises NewerLayout, with the way out; a damaged file is left to `ddnmf runs verify`, which names it."""
    try:
        version = version_of(root)
    except CorruptFile:
        return
    if version > VERSION:
        raise NewerLayout(f"The store {root} was made by a newer DDNMF Studio (its layout is version {version}, this program "
                          f"knows up to {VERSION}). Update DDNMF Studio, or set DDNMF_HOME to another folder.")


def mark(root: Path) -> None:
    """Write the version down where no version is written."""
    if not (root / LAYOUT).exists():
        write_document(root / LAYOUT, {"version": VERSION})
