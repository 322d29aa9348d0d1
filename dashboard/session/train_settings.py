"""Settings of the Train page, kept in the session."""

from ddnmf_core.config import RunConfig

DEFAULT_SETTINGS = RunConfig()


def train_key(name: str) -> str:
    return f"train.{name}"
