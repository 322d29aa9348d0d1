"""The folder of the store: where it is, and the version of its layout, so that an older program leaves a newer store alone."""

import os
from pathlib import Path

from platformdirs import user_data_path

from ddnmf_core.files.atomic import CorruptFile, read_document, write_document

LAYOUT_FILE, LAYOUT_VERSION = "layout.json", 1


class NewerLayout(RuntimeError):
    """The store was made by a newer version of the program."""


def default_root() -> Path:
    """DDNMF_HOME, else the user's data folder."""
    return Path(os.environ.get("DDNMF_HOME") or user_data_path("ddnmf"))


def make_home(root: Path) -> None:
    """Make the folder where it is not there, private to the user, and write the layout's version down."""
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    mark_layout(root)


def layout_version(root: Path) -> int:
    """The version that the store states, 1 where it states none. Raises CorruptFile where the file is damaged."""
    if not (root / LAYOUT_FILE).exists():
        return 1
    version = read_document(root / LAYOUT_FILE).get("version")
    if type(version) is not int or version < 1:
        raise CorruptFile(root / LAYOUT_FILE, f"is damaged: version = {version!r} is no whole number from 1")
    return version


def check_layout(root: Path) -> None:
    """Raise NewerLayout, with the way out; a damaged file is left to `ddnmf runs verify`, which names it."""
    try:
        version = layout_version(root)
    except CorruptFile:
        return
    if version > LAYOUT_VERSION:
        raise NewerLayout(
            f"The store {root} was made by a newer DDNMF Studio (its layout is version {version}, this program "
            f"knows up to {LAYOUT_VERSION}). Update DDNMF Studio, or set DDNMF_HOME to another folder."
        )


def mark_layout(root: Path) -> None:
    """Write the version down where no version is written."""
    if not (root / LAYOUT_FILE).exists():
        write_document(root / LAYOUT_FILE, {"version": LAYOUT_VERSION})
