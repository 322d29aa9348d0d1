"""How a text table is written: encoding, separator, decimal sign, heading. Decided from its first lines, or by options."""

import codecs
import csv
import re
from bisect import bisect
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise

from ddnmf_core.data.user.headings import count_above, joined_heading, repeated_names
from ddnmf_core.data.user.numbers import as_number, without_sign

SEPARATORS = (",", ";", "\t", "|")
SEPARATOR_TITLES = {",": "comma", ";": "semicolon", "\t": "tab", "|": "|", r"\s+": "spaces"}
SPACES = r"\s+"
N_LINES, MAX_FIELDS = 200, 20_000  # lines and fields of them that decide
DECIDING_COLUMNS, MAX_LETTERS = 1_000, 200_000  # columns that decide on a heading, letters of lines that decide on a separator
MIN_NUMBERED = 8  # columns with numbers as names beside one with a word
LINE_BREAK = re.compile(r"\r\n|\r|\n")
COMMENT = re.compile(
    r'#|![A-Za-z]|"#(?:[^"]|"")*"[,;\t ]*$'
)  # a line, in quotes where a spreadsheet wrote it; `"# a","b"` is a heading
MISSING_MARKERS = frozenset(
    {
        "",
        "?",
        "-",
        "--",
        ".",
        "*",
        "na",
        "n/a",
        "#n/a",
        "#nv",
        "#div/0!",
        "#num!",
        "#value!",
        "#ref!",
        "#name?",
        "#null!",
        "nan",
        "null",
        "none",
        "nil",
        "missing",
        "n.d.",
        "nd",
        "k.a.",
        "k. a.",
    }
)  # in lower case; of columns that hold numbers besides
THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}\.\d{3}")
FALLBACK_ENCODING = "cp1252"  # Windows-1252, which holds Latin-1's letters


@dataclass(frozen=True)
class Dialect:
    """How a text table is written."""

    separator: str = ","
    decimal: str = "."
    thousands: str | None = None
    encoding: str = "utf-8-sig"
    skipped: int = 0  # lines above the table: comments, and the line sep= of spreadsheets
    header: bool = True
    names: tuple[str, ...] = ()  # of the columns, where the last comment above the table has them
    trailing: bool = False  # rows end with a separator that the heading lacks
    comments: int = 0  # lines of comments below the first line of the table
    heading_lines: int = 0  # among the skipped lines, where the columns are called by two lines
    repeated: tuple[str, ...] = ()  # names of several columns, which are numbered
    doubtful: str = ""  # a number that would be a thousand times as large in a country where ; separates

    @property
    def notes(self) -> tuple[str, ...]:
        """Say in words what differs from an ordinary CSV file."""
        found = []
        if self.encoding == FALLBACK_ENCODING:
            found.append("encoding Windows-1252 (Latin-1)")
        elif self.encoding.startswith("utf-16"):
            found.append("encoding UTF-16")
        if self.separator != ",":
            found.append(f"separator {SEPARATOR_TITLES.get(self.separator, self.separator)}")
        if self.decimal != ".":
            found.append("decimal comma")
        if self.thousands:
            found.append(f"thousands {self.thousands!r}")
        if left_out := self.skipped - (self.heading_lines or bool(self.names)):
            found.append(f"{left_out} line{'s' if left_out > 1 else ''} above the table left out")
        if self.comments:
            found.append(f"{self.comments} comment line{'s' if self.comments > 1 else ''} left out")
        if not self.header:
            found.append("no heading")
        if self.heading_lines:
            found.append("two lines of headings joined")
        if self.repeated and self.header:
            found.append(f"equal headings numbered ({', '.join(map(repr, self.repeated[:4]))})")
        if self.doubtful:
            whole = self.doubtful.replace(".", "")
            found.append(f"{self.doubtful} read with a decimal point, not as {whole} (--decimal , reads thousands)")
        return tuple(found)


def detect(
    head: bytes,
    separator: str | None = None,
    decimal: str | None = None,
    encoding: str | None = None,
    header: bool | None = None,
    joins: bool = True,
) -> Dialect:
    """Detect the dialect from the first bytes of a table; given parts are taken as they are.

    `joins`: a second line of the heading is joined to the first; where columns are samples it may hold their classes.

    Raises LookupError for an unknown encoding, UnicodeError if the bytes are not in it.
    """
    encoding = encoding or _encoding(head)
    lines = LINE_BREAK.split(_text(head, encoding))
    skipped, forced = _above(lines)
    numbered = [(place, line) for place, line in enumerate(lines) if skipped <= place < skipped + N_LINES and line.strip()]
    if separator is None:
        separator = forced or _separator([line for _, line in numbered], decimal)
    title = _title_lines([line for _, line in numbered], separator)
    if title and header is not False:
        skipped, numbered = numbered[title][0], numbered[title:]
    above, lines = lines[:skipped], [line for _, line in numbered]
    rows = split(lines, separator)
    rows = [row for row in rows if not is_comment(row, len(rows[0]))]
    first = [row[:DECIDING_COLUMNS] for row in rows]
    found = _decimal(first[1:] or first, separator, decimal)
    dialect = Dialect(separator, *found, encoding, skipped)
    if separator == ";" and found == (".", None) and decimal is None:
        dialect = replace(dialect, doubtful=_doubtful(first[1:]))
    if rows and len(rows) > 1:
        dialect = replace(dialect, trailing=all(len(row) == len(rows[0]) + 1 and not row[-1] for row in rows[1:]))
    joined = (
        joined_heading(first, lambda field: _number(field, dialect), MISSING_MARKERS) if joins and header is not False else ()
    )
    if joined and len(joined) == len(rows[0]) and _are_whole(lines[:2]):
        return replace(dialect, names=joined, skipped=numbered[1][0] + 1, heading_lines=2)
    named = has_header(first, dialect)
    if not named and header is not False and (names := _commented_heading(above, separator, rows)):
        return replace(dialect, names=names)
    return replace(dialect, header=named if header is None else header, repeated=repeated_names(rows[0]) if rows else ())


def is_comment(row: Sequence[str], width: int) -> bool:
    """Return True for the fields of a line that begins with # or ! and has another number of fields than the table."""
    return bool(row) and row[0].lstrip().startswith(("#", "!")) and len(row) != width


def _title_lines(lines: Sequence[str], separator: str) -> int:
    """Count the lines of a title above the heading; none of them may be a part of a field in quotes."""
    try:
        rows = [split([line], separator)[0] for line in lines]
    except csv.Error:
        return 0
    title = count_above(rows, lambda field: as_number(without_sign(field)))
    return title if _are_whole(lines[:title]) else 0


def _are_whole(lines: Sequence[str]) -> bool:
    """Return True if no line ends inside quotes."""
    return all(line.count('"') % 2 == 0 for line in lines)


def _commented_heading(above: Sequence[str], separator: str, rows: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """Return the names of the columns in the comment right above the table, as in `#chrom,start,end`; else none."""
    if not above or not rows or not above[-1].startswith("#"):
        return ()
    fields = split([above[-1].lstrip("#")], separator)[0]
    return tuple(fields) if len(fields) == len(rows[0]) > 1 and all(fields) else ()


def split(lines: Sequence[str], separator: str) -> list[list[str]]:
    """Split lines into stripped fields, with quotes."""
    if separator == SPACES:
        return [line.split() for line in lines]
    return [[field.strip() for field in row] for row in csv.reader(lines, delimiter=separator, skipinitialspace=True)]


def _encoding(head: bytes) -> str:
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if len(head) > 1 and 0 in head[:2]:  # of letters that need one byte, without a mark
        return "utf-16-be" if head[0] == 0 else "utf-16-le"
    try:
        codecs.getincrementaldecoder("utf-8-sig")().decode(head)  # a letter may be cut at the end
        return "utf-8-sig"
    except UnicodeDecodeError:
        return FALLBACK_ENCODING


def _text(head: bytes, encoding: str) -> str:
    return codecs.getincrementaldecoder(encoding)().decode(head)


def _above(lines: Sequence[str]) -> tuple[int, str | None]:
    """Count the lines above the table, and return the separator that a line such as `sep=;` names."""
    skipped, separator = 0, None
    for line in lines:
        text = line.strip().strip('"')
        if text.lower().startswith("sep=") and len(text) == 5:
            separator = text[4]
        elif text and not COMMENT.match(line.strip()):
            break
        skipped += 1
    return (skipped, separator) if skipped < len(lines) else (0, None)


def _separator(lines: Sequence[str], decimal: str | None) -> str:
    """Choose the separator that splits most lines into as many fields, of which most are numbers."""

    def quality(separator: str) -> tuple[float, float, int]:
        try:
            rows = split(lines, separator)
        except csv.Error:
            return (0.0, 0.0, 0)
        width, often = Counter(map(len, rows)).most_common(1)[0]
        if width < 2:
            return (0.0, 0.0, 0)
        body = rows[1:] or rows
        reads = _decimal(body, separator, decimal)
        fields = [field for row in body for field in row if field][:MAX_FIELDS]
        numbers = sum(as_number(without_sign(field), *reads) is not None for field in fields) / max(len(fields), 1)
        return round(often / len(rows), 1), round(numbers, 1), width

    if not lines:
        return ","
    n_letters = list(accumulate(len(line) for line in lines))
    lines = lines[: max(3, bisect(n_letters, MAX_LETTERS))]
    best = max(SEPARATORS, key=quality)
    if quality(best)[2] >= 2:
        return best
    return SPACES if quality(SPACES)[2] >= 2 else best


def _decimal(rows: Sequence[Sequence[str]], separator: str, decimal: str | None) -> tuple[str, str | None]:
    """Choose decimal sign and thousands separator by which more fields are numbers."""
    fields = [field for row in rows for field in row if any(letter.isdigit() for letter in field)][:MAX_FIELDS]
    fields = [without_sign(field) for field in fields]
    candidates: list[tuple[str, str | None]] = [(".", None), (",", None), (".", ","), (",", ".")]
    if separator == ",":  # of numbers in quotes; 1,234 is more likely a thousand here
        candidates = (
            [(".", None), (".", ","), (",", None), (",", ".")] if any("," in field for field in fields) else [(".", None)]
        )
    possible = [each for each in candidates if decimal in (None, each[0])]
    grouped = {".": re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?"), ",": re.compile(r"[+-]?\d{1,3}(\.\d{3})+(,\d+)?")}

    def reads(each: tuple[str, str | None]) -> int:
        sign, thousands = each
        return sum(
            as_number(field, sign) is not None or (thousands is not None and bool(grouped[sign].fullmatch(field)))
            for field in fields
        )

    return max(possible, key=reads) if possible else (decimal or ".", None)


def _doubtful(rows: Sequence[Sequence[str]]) -> str:
    """Return a number that may have thousands, if all numbers with a point look so: 1.234 and 12.500, not 0.123 or 1.5."""
    pointed = [field for row in rows for field in row if "." in field and as_number(field) is not None]
    return pointed[0] if pointed and all(THOUSANDS.fullmatch(field) for field in pointed) else ""


def has_header(rows: Sequence[Sequence[str]], dialect: Dialect) -> bool:
    """Decide whether the first row names the columns.

    It does not where the columns of numbers have numbers in it, too, unless these count up in equal steps; and it does not
    where a word of it stands in the rows below.
    """
    if len(rows) < 2:
        return bool(rows) and not all(_number(field, dialect) is not None for field in rows[0])
    first, body = rows[0], [row for row in rows[1:] if len(row) == len(rows[0])]
    if not body:  # as in R: the heading lacks the column of row names
        return True
    columns = list(zip(*body, strict=True))
    numeric = {column for column, fields in enumerate(columns) if _is_numeric(fields, dialect)}
    words = [column for column in range(len(first)) if column not in numeric]
    if any(first[column] and first[column] in columns[column] for column in words):
        return False
    if not numeric:
        return True
    named = [first[column] for column in sorted(numeric) if column == 0 or first[column].lower() not in MISSING_MARKERS]
    present = [value for field in named if (value := _number(field, dialect)) is not None]
    if len(present) < len(named):
        return True
    if not present:
        return False
    n_words = sum(map(bool, first)) - len(present)  # an empty corner, or in a wide table a word in it, is not counted
    return _are_steps(present) and (n_words == 0 or len(present) >= MIN_NUMBERED > n_words)


def _are_steps(values: Sequence[float]) -> bool:
    """Return True for 0, 1, 2, ... or 400, 410, 420, ...: names of columns, not a sample; at least three or four."""
    steps = {round(after - before, 9) for before, after in pairwise(values)}
    counted = values[0] in (0, 1) and steps == {1.0}
    return len(steps) == 1 and 0 not in steps and len(values) >= (3 if counted else 4)


def _is_numeric(fields: Sequence[str], dialect: Dialect) -> bool:
    """Return True if a column holds numbers, besides markers of missing values."""
    present = [field for field in fields if field.lower() not in MISSING_MARKERS]
    return bool(present) and sum(_number(field, dialect) is not None for field in present) > len(present) / 2


def _number(field: str, dialect: Dialect) -> float | None:
    return as_number(without_sign(field), dialect.decimal, dialect.thousands)
