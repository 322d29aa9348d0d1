"""Find the heading of a table below a title, and join a second line of it, such as units."""

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from itertools import pairwise

MAX_ABOVE = 40  # lines of a title, of which the heading is looked for
MIN_ROWS = 3  # below a second line of the heading
OFTEN = 0.8  # share of rows that have as many fields

ReadNumber = Callable[[str], float | None]


def count_above(rows: Sequence[Sequence[str]], number: ReadNumber) -> int:
    """Count the rows above the heading: those with fewer fields than the table, or with a single word in one field."""
    width, often = Counter(map(len, rows)).most_common(1)[0] if rows else (0, 0)
    if width < 2:
        return 0
    above = 0
    for row, below in pairwise(rows[: MAX_ABOVE + 1]):
        filled = [field for field in row if field]
        of_r = len(filled) == len(row) == width - 1 and any(number(field) is not None for field in below)  # lacks one heading
        is_short = len(row) < width and not of_r
        is_title = len(row) == width >= 3 and len(filled) <= 1 and all(number(field) is None for field in filled)
        if not (is_short or is_title):
            break
        above += 1
    return above if often >= OFTEN * (len(rows) - above) else 0


def joined_heading(rows: Sequence[Sequence[str]], number: ReadNumber, missing: Collection[str]) -> tuple[str, ...]:
    """Return the names of the columns if the second row is a part of the heading, such as units; else none.

    It is if it has words where all rows below have numbers.
    """
    if len(rows) < 2 + MIN_ROWS or not len(rows[0]) == len(rows[1]) == len(rows[2]):
        return ()
    first, second, body = rows[0], rows[1], [row for row in rows[2:] if len(row) == len(rows[0])]
    numeric = [place for place, fields in enumerate(zip(*body, strict=True)) if _are_numbers(fields, number, missing)]
    words = [place for place in numeric if second[place] and number(second[place]) is None]
    are_numbers = any(number(row[place]) is not None for row in (first, second) for place in numeric)
    named = [place for place in words if second[place].lower() not in missing]
    if not numeric or are_numbers or 2 * len(named) <= len(numeric) or not any(first):
        return ()
    names, above = [], ""
    for upper, lower in zip(first, second, strict=True):
        above = upper or above
        names.append(f"{above if lower else upper} {lower}".strip())
    return distinct_names(names)


def _are_numbers(fields: Sequence[str], number: ReadNumber, missing: Collection[str]) -> bool:
    present = [field for field in fields if field.lower() not in missing]
    return bool(present) and sum(number(field) is not None for field in present) >= OFTEN * len(present)


def distinct_names(names: Sequence[str]) -> tuple[str, ...]:
    """Number equal names: a, a.1, a.2."""
    seen: Counter[str] = Counter()
    found: dict[str, None] = {}  # in their order
    for name in names:
        new = name
        while new in found:
            seen[name] += 1
            new = f"{name}.{seen[name]}"
        found[new] = None
    return tuple(found)


def repeated_names(names: Sequence[str]) -> tuple[str, ...]:
    """Return the names that occur more than once, in their order."""
    return tuple(name for name, n in Counter(names).items() if name and n > 1)
