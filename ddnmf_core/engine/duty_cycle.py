"""A share of the time, for what may take long and must not hold up the rest."""

import time


class DutyCycle:
    """What is done in it takes a tenth of the time at most: afterwards it is not due for nine times as long."""

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
