"""Randomness that depends on names alone: the same parts give the same seed on any machine.

Every random draw of a run takes a seed made of (run seed, purpose, epoch, batch). No generator state
has to be kept, so a resumed run repeats the draws of the undisturbed one.
"""

import hashlib


def derive(*parts: int | str) -> int:
    """A seed of 63 bits from a tuple of names and numbers."""
    digest = hashlib.blake2b("/".join(map(str, parts)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1
