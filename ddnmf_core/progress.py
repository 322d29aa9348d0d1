"""Progress callback of long operations."""

from collections.abc import Callable

Progress = Callable[[float, str], None]  # share done, 0 to 1, and a message (may be empty)


def ignore_progress(share: float, message: str) -> None:
    """Discard the report (the default callback)."""
