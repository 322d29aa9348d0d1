"""Unpack a table that is packed with gzip, within bounds."""

import gzip
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

from ddnmf_core.data.dataset import DataError
from ddnmf_core.data.user.source import MAX_UNPACKED, DataSource, from_start

BLOCK = 2**20  # bytes


@contextmanager
def unpacked(source: DataSource, name: str, limit: int | None = None) -> Iterator[tuple[DataSource, str]]:
    """Yield a file and its name; one that ends in .gz is unpacked to a temporary file, at most `limit` bytes of it."""
    if not name.lower().endswith(".gz"):
        yield source, name
        return
    with tempfile.TemporaryFile() as file:
        try:
            with gzip.open(from_start(source)) as packed:
                n_bytes = 0
                while (limit is None or n_bytes < limit) and (block := packed.read(BLOCK)):
                    n_bytes += file.write(block)
                    if n_bytes > MAX_UNPACKED:
                        raise DataError(
                            f"{name} has more than {MAX_UNPACKED / 2**30:.0f} GiB unpacked: use a part of it, or fewer columns"
                        )
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise DataError(f"{name} cannot be unpacked and may be damaged: pack it again ({error})") from None
        file.seek(0)
        yield file, name[: -len(".gz")]
