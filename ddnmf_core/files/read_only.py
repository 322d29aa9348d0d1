"""Showing without touching: with DDNMF_READ_ONLY set nothing is trained, changed or deleted, by no page and no command.

It is for a class or a reader: they look at the runs of a store, and whoever owns them works on the same store without it.
"""

import errno
import os


class ReadOnlyError(PermissionError):
    """Somebody asked for a change of what is only shown."""

    def __init__(self) -> None:
        super().__init__(
            errno.EROFS, "what is here is only shown (DDNMF_READ_ONLY), so nothing can be trained, changed or deleted"
        )

    def __str__(self) -> str:
        return str(self.strerror)


def read_only() -> bool:
    return os.environ.get("DDNMF_READ_ONLY", "") not in ("", "0")


def require_writable() -> None:
    """Raises ReadOnly where it is so; called before anything in the store is changed for somebody."""
    if read_only():
        raise ReadOnlyError
