"""Collapse in plain words, read from a history; needs no torch."""

from collections.abc import Mapping
from typing import Any


def collapse_warnings(row: Mapping[str, Any]) -> list[str]:
    """Plain sentences about collapse, from the last epoch's row of a history."""
    found = []
    n_units, constant = row.get("n_units", 0), row.get("constant_units", 0)
    if n_units and constant == n_units:
        found.append(
            "Collapsed: every bottleneck unit gives the same value for every image, so nothing can be "
            "told apart. Try the linear bottleneck, a smaller gamma or mean losses."
        )
    elif constant:
        found.append(
            f"{constant} of {n_units} bottleneck units say nothing (constant or dead). A ReLU bottleneck "
            "does this; the linear one does not."
        )
    if row.get("code_rms", 1.0) < 0.01:
        found.append("The code shrinks to zero: L_nc is solved by X = 0. Lower gamma against beta.")
    if row.get("constant_parts"):
        n = row["constant_parts"]
        found.append(
            f"{n} parts have the same coefficient for every image: they are unused."
            if n > 1
            else "1 part has the same coefficient for every image: it is unused."
        )
    if row.get("saturated_share", 0.0) > 0.5:
        found.append(f"{row['saturated_share']:.0%} of all coefficients H sit at 0 or 1: the sigmoid is saturated.")
    return found
