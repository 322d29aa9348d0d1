"""Folder of the store, and the version of its layout: older programs refuse to open a newer store."""

import os
from pathlib import Path

from platformdirs import user_data_path

from ddnmf_core.files.atomic import CorruptFile, read_document, write_document

LAYOUT_FILE, LAYOUT_VERSION = "layout.json", 1


class NewerLayout(RuntimeError):
    """The store was written by a newer version of the program."""


def default_root() -> Path:
    """Return DDNMF_HOME, or the user's data folder."""
    return Path(os.environ.get("DDNMF_HOME") or user_data_path("ddnmf")).expanduser()


def make_home(root: Path) -> None:
    """Create the folder, private to the user, and write the layout's version if there is none."""
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    mark_layout(root)


def exposure(root: Path) -> str:
    """Return a warning if other users of this machine may open the store's folder; empty if not, or if it does not exist."""
    try:
        mode = root.stat().st_mode
    except OSError:
        return ""
    if os.name == "nt" or not mode & 0o077:
        return ""
    return f"Other users of this machine may open the store {root}. To keep your data and runs private: chmod 700 {root}"


def layout_version(root: Path) -> int:
    """Read the version of the store's layout, 1 without a version file. Raises CorruptFile if that file is damaged."""
    if not os.path.lexists(root / LAYOUT_FILE):
        return 1
    version = read_document(root / LAYOUT_FILE).get("version")
    if type(version) is not int or version < 1:
        raise CorruptFile(root / LAYOUT_FILE, f"is damaged: version = {version!r}, should be a whole number of 1 or more")
    return version


def check_layout(root: Path) -> None:
    """Raise NewerLayout if the store is newer than this program; a damaged file is reported by `ddnmf runs verify`."""
    try:
        version = layout_version(root)
    except CorruptFile:
        return
    if version > LAYOUT_VERSION:
        raise NewerLayout(
            f"The store {root} was written by a newer DDNMF Studio (layout version {version}; this program "
            f"supports up to {LAYOUT_VERSION}). Update DDNMF Studio, or set DDNMF_HOME to another folder."
        )


def mark_layout(root: Path) -> None:
    """Write the layout's version if there is none."""
    if not os.path.lexists(root / LAYOUT_FILE):
        write_document(root / LAYOUT_FILE, {"version": LAYOUT_VERSION})
