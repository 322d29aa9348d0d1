"""The callback that long work reports to."""

from collections.abc import Callable

Progress = Callable[[float, str], None]  # share done, 0 to 1, and what is being done ("" where the caller knows)


def ignore_progress(share: float, message: str) -> None:
    """The default: report to nobody."""
