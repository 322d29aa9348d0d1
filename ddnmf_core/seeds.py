"""Seeds derived from names and numbers: the same parts give the same seed on every machine.

Every random draw of a run uses a seed derived from (run seed, purpose, epoch, batch). There is no generator state to store, so
a resumed run repeats the draws of an uninterrupted one.
"""

import hashlib


def derive(*parts: int | str) -> int:
    """Hash names and numbers to a 63-bit seed."""
    digest = hashlib.blake2b("/".join(map(str, parts)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1
