"""Read-only mode (DDNMF_READ_ONLY=1): pages and commands refuse to train, change or delete.

For teaching and reviewers: others view the runs of a store, while its owner works on it without the variable.
"""

import errno
import os


class ReadOnlyError(PermissionError):
    """A change was requested in read-only mode."""

    def __init__(self) -> None:
        super().__init__(errno.EROFS, "read-only mode (DDNMF_READ_ONLY is set): nothing can be trained, changed or deleted")

    def __str__(self) -> str:
        return str(self.strerror)


def read_only() -> bool:
    """Return True in read-only mode."""
    return os.environ.get("DDNMF_READ_ONLY", "") not in ("", "0")


def require_writable() -> None:
    """Raise ReadOnlyError in read-only mode. Call it before changing the store."""
    if read_only():
        raise ReadOnlyError
