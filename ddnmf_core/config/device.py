"""Names of the devices that a training can be given."""

from typing import Literal, get_args

Device = Literal["auto", "cuda", "mps", "cpu"]
DEVICES: tuple[str, ...] = get_args(Device)


def check_device(name: str) -> str:
    """Return the device name; raise ValueError unless it is one of DEVICES."""
    if name not in DEVICES:
        raise ValueError(f"device = {name!r}: should be {', '.join(map(repr, DEVICES[:-1]))} or {DEVICES[-1]!r}")
    return name
