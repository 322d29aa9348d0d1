"""Warnings about a collapsed representation, derived from a run's history; imports no torch."""

from collections.abc import Mapping
from typing import Any


def collapse_warnings(row: Mapping[str, Any]) -> list[str]:
    """Describe signs of collapse in the last epoch's row of a history, one sentence each; an empty list if there are none."""
    warnings = []
    n_units, constant = row.get("n_units", 0), row.get("constant_units", 0)
    if n_units and constant == n_units:
        warnings.append(
            "Collapsed: every bottleneck unit has the same value for every image, so all images have the same code. "
            "Try the linear bottleneck, a smaller gamma or mean losses."
        )
    elif constant:
        warnings.append(
            f"Constant or dead bottleneck units: {constant} of {n_units}. A ReLU bottleneck causes this; a linear one does not."
        )
    if row.get("code_rms", 1.0) < 0.01:
        warnings.append("The code shrinks to zero: L_nc is minimised by X = 0. Lower gamma relative to beta.")
    if row.get("constant_parts"):
        n = row["constant_parts"]
        warnings.append(
            f"{n} parts have the same coefficient for every image: they are unused."
            if n > 1
            else "1 part has the same coefficient for every image: it is unused."
        )
    if row.get("saturated_share", 0.0) > 0.5:
        warnings.append(f"{row['saturated_share']:.0%} of all coefficients H are near 0 or 1: the sigmoid is saturated.")
    return warnings
