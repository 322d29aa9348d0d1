"""Read text tables in the dialect that their first lines and the options give."""

import csv
import io
import re
from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import IO, TYPE_CHECKING

from ddnmf_core.data.dataset import DataError, short_message
from ddnmf_core.data.user.dialect import FALLBACK_ENCODING, SPACES, Dialect, detect, is_comment
from ddnmf_core.data.user.source import MAX_SAMPLES, DataSource, ImportOptions, from_start, opened

if TYPE_CHECKING:
    import pandas as pd

MAX_INDENT = 100  # spaces before the sign of a comment
UNEVEN = re.compile(r"Expected (\d+) fields in line (\d+), saw (\d+)")  # of pandas
FIRST_BYTES, MAX_FIRST_BYTES = 2**20, 2**26  # bytes that decide how a table is written; at least three lines of a wide one


def read_text(source: DataSource, choices: ImportOptions, n_rows: int | None) -> tuple["pd.DataFrame", Dialect]:
    """Read a text table in the dialect that its first lines and the options give."""
    import pandas as pd

    try:
        dialect = detect(
            _head(source), choices.separator, choices.decimal, choices.encoding, choices.header, not choices.transpose
        )
        try:
            frame, dialect = _parsed(source, dialect, n_rows)
        except UnicodeDecodeError:
            if choices.encoding is not None or dialect.encoding != "utf-8-sig":
                raise
            # another letter after the first lines
            frame, dialect = _parsed(source, replace(dialect, encoding=FALLBACK_ENCODING), n_rows)
    except pd.errors.ParserError as error:
        raise DataError(_uneven(str(error))) from None
    except (ValueError, LookupError, OSError, OverflowError, csv.Error) as error:
        raise DataError(f"this is not a table that can be read: {short_message(error)}") from None
    frame.columns = [str(column) if dialect.header else f"feature {n + 1}" for n, column in enumerate(frame.columns)]
    return frame, dialect


def _uneven(message: str) -> str:
    """Say in which line a table has more fields than its heading."""
    found = UNEVEN.search(message)
    if found is None:
        return f"this is not a table that can be read: {short_message(ValueError(message))}"
    wanted, line, n = found.groups()
    return (
        f"this is not a table that can be read: line {line} has {n} fields, and those above it {wanted}. Correct the line, or "
        "choose the separator (--separator)"
    )


def _parsed(source: DataSource, dialect: Dialect, n_rows: int | None) -> tuple["pd.DataFrame", Dialect]:
    import pandas as pd

    comments = _comments_below(source, dialect)
    frame = pd.read_csv(
        from_start(source),
        sep=dialect.separator,
        decimal=dialect.decimal,
        thousands=dialect.thousands,
        encoding=dialect.encoding,
        skiprows=[*range(dialect.skipped), *comments] if comments else dialect.skipped,
        header=0 if dialect.header and not dialect.names else None,
        names=list(dialect.names) or None,
        index_col=False if dialect.trailing else None,
        nrows=n_rows or MAX_SAMPLES + 1,
        keep_default_na=False,  # a class may be called None or NA
        na_values=[""],
        low_memory=False,
        skipinitialspace=True,
    )
    return frame, replace(dialect, comments=len(comments))


def _comments_below(source: DataSource, dialect: Dialect) -> Collection[int]:
    """Find the lines of comments below the first line of the table, as pandas counts lines: a quoted one is none."""
    with opened(source) as file:
        return _comments(file, dialect)


def _comments(file: IO[bytes], dialect: Dialect) -> Collection[int]:
    if not _has_line_with_sign(file, dialect.encoding):
        return ()
    file.seek(0)
    text = io.TextIOWrapper(file, dialect.encoding, newline="")
    try:
        spaced = dialect.separator == SPACES
        rows: Iterable[list[str]] = (
            (line.split() for line in text) if spaced else csv.reader(text, delimiter=dialect.separator, skipinitialspace=True)
        )
        found, width = [], 0
        for number, row in enumerate(rows):
            if number < dialect.skipped or not row:
                continue
            width = width or len(row)
            if is_comment(row, width):
                found.append(number)
        return found
    finally:
        text.detach()


def _has_line_with_sign(file: IO[bytes], encoding: str) -> bool:
    tail = b""
    while block := file.read(FIRST_BYTES):
        joined = tail + block
        has_sign = b"#" in joined or b"!" in joined  # one letter is found many times faster than two
        begins_line = has_sign and any(start in joined for start in (b"\n#", b"\r#", b'\n"#', b"\n ", b"\n!", b"\r!"))
        if begins_line or encoding.startswith("utf-16"):
            return True
        tail = joined[-MAX_INDENT:]
    return False


def _head(source: DataSource) -> bytes:
    """Read the first bytes; more where these hold less than three lines. What is left of a cut line is no line."""
    with opened(source) as file:
        return _first_lines(file)


def _first_lines(file: IO[bytes]) -> bytes:
    head = file.read(FIRST_BYTES)
    while head.count(b"\n") < 3 and len(head) < MAX_FIRST_BYTES and (more := file.read(FIRST_BYTES)):
        head += more
    return head
