"""Settings of the Train page, kept in the session."""

from ddnmf_core.config import RunConfig

DEFAULTS = RunConfig()


def key(name: str) -> str:
    return f"train.{name}"
