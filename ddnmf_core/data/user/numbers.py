"""Read numbers as people write them: decimal comma, thousands, minus signs of print, percent and currency signs."""

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

SIGNS = "%‰$€£¥₹"  # at one end of a number; all numbers of a column have the same
DIGIT_GAPS = " '’\u00a0\u2009\u202f"  # apostrophes and spaces between groups of three digits
GROUPED = re.compile(rf"[+-]?[1-9]\d{{0,2}}([{DIGIT_GAPS}]\d{{3}})+([.,]\d+)?")
PLACE_OF_GAPS = re.compile(f"[{DIGIT_GAPS}]")
FORTRAN_EXPONENT = re.compile(r"(?<=[\d.,])[dD](?=[+-]?\d+$)")
MAX_SIGNED = 4  # columns in a note


def as_number(text: str, decimal: str = ".", thousands: str | None = None) -> float | None:
    """Read a number without a percent or currency sign; None if it is none."""
    number = _parsed(text, decimal, thousands)
    return _parsed(_in_ascii(text), decimal, thousands) if number is None and text[-1:].isdigit() else number


def _parsed(text: str, decimal: str, thousands: str | None) -> float | None:
    if thousands:
        text = text.replace(thousands, "")
    if decimal != ".":
        if "." in text:
            return None
        text = text.replace(decimal, ".")
    try:
        return float(text) if "_" not in text else None
    except ValueError:
        return None


def _in_ascii(text: str) -> str:
    """Write a number with a plain minus, an exponent with e, and no apostrophes or spaces between its digits."""
    text = FORTRAN_EXPONENT.sub("e", text.strip().replace("\u2212", "-"))
    return PLACE_OF_GAPS.sub("", text) if GROUPED.fullmatch(text) else text


def sign_of(text: str) -> str:
    """Return the percent or currency sign at an end of a text; empty if there is none."""
    if text[:1].isdigit() and text[-1:].isdigit():
        return ""
    text = text.strip()
    return next((sign for sign in (text[-1:], text.lstrip("+-\u2212")[:1]) if sign and sign in SIGNS), "")


def without_sign(text: str) -> str:
    """Return a text without its percent or currency sign."""
    sign = sign_of(text)
    return text.replace(sign, "", 1).strip().replace("- ", "-") if sign else text


def read_signs(
    frame: "pd.DataFrame", decimal: str, thousands: str | None, missing: frozenset[str]
) -> tuple["pd.DataFrame", tuple[str, ...]]:
    """Read the columns in which all numbers have one percent or currency sign; return the table and what is said of it."""
    import pandas as pd

    found: dict[str, list[str]] = {}
    read = {}
    for place in [place for place, kind in enumerate(frame.dtypes) if kind.kind not in "biuf"]:
        column = frame.iloc[:, place]
        if (first := column.first_valid_index()) is None:
            continue
        if not isinstance(column[first], str) or not sign_of(column[first]):
            continue
        texts = column.dropna().astype(str)
        texts = texts[~texts.str.strip().str.lower().isin(missing)]
        numbers = texts.map(lambda text: as_number(without_sign(text), decimal, thousands))
        signs = set(texts.map(sign_of))
        if len(signs) == 1 and "" not in signs and numbers.notna().all():
            read[place] = pd.to_numeric(numbers).reindex(column.index)
            found.setdefault(signs.pop(), []).append(str(frame.columns[place]))
    if read:
        columns = [read.get(place, frame.iloc[:, place]) for place in range(frame.shape[1])]
        frame = pd.concat(columns, axis=1, keys=list(frame.columns))
    return frame, tuple(
        f"sign {sign} left out of {', '.join(map(repr, names[:MAX_SIGNED]))}{' …' if len(names) > MAX_SIGNED else ''}"
        for sign, names in found.items()
    )
