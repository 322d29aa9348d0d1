"""Limit slow work to a share of wall-clock time, so that it does not hold up the rest."""

import time


class DutyCycle:
    """Limit a task to 10 % of wall-clock time: after a run of t seconds it is due again after 9 t."""

    def __init__(self) -> None:
        self.began, self.rests_until = 0.0, 0.0

    @property
    def due(self) -> bool:
        return time.monotonic() >= self.rests_until

    def __enter__(self) -> None:
        self.began = time.monotonic()

    def __exit__(self, *_: object) -> None:
        now = time.monotonic()
        self.rests_until = now + 9 * (now - self.began)
