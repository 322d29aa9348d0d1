"""A file or folder that was chosen in the import form."""

from collections.abc import Callable
from typing import NamedTuple

from ddnmf_core.data.user.source import DataSource


class ChosenSource(NamedTuple):
    """A file or folder, and a function that opens it from the start."""

    identity: str  # changes with its content
    name: str
    open: Callable[[], DataSource]
