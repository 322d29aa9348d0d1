"""Configure the log of the engine and its workers: time, level, entry and message on standard error."""

import logging
import os
import sys

from ddnmf_core.store.entry import Entry

LOG_FORMAT = "%(asctime)s %(levelname)s %(entry)s: %(message)s"
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")  # values of DDNMF_LOG
logger = logging.getLogger("ddnmf.engine")


class _StderrHandler(logging.StreamHandler):
    """Write to the standard error of the moment, which a test may replace."""

    def emit(self, record: logging.LogRecord) -> None:
        self.stream = sys.stderr
        super().emit(record)


def configure_logging() -> None:
    """Set the logger's handler, format and level (DDNMF_LOG, default INFO), once a process."""
    if any(isinstance(handler, _StderrHandler) for handler in logger.handlers):
        return
    handler = _StderrHandler()
    handler.setFormatter(logging.Formatter(LOG_FORMAT, "%Y-%m-%d %H:%M:%S", defaults={"entry": "engine"}))
    logger.addHandler(handler)
    logger.propagate = False
    level = os.environ.get("DDNMF_LOG") or "INFO"
    known = level.upper() in LOG_LEVELS
    logger.setLevel(level.upper() if known else "INFO")
    if not known:
        logger.warning("DDNMF_LOG = %r: should be one of %s. Using INFO.", level, ", ".join(LOG_LEVELS))


def entry_log(entry: Entry) -> logging.LoggerAdapter:
    """Return the engine's logger with the entry's kind and id in each line."""
    return logging.LoggerAdapter(logger, {"entry": f"{entry.kind}/{entry.id}"})
