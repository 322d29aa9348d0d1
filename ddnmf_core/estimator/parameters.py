"""Check the parameters of the estimator before it trains, in its own names."""

from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import Field

from ddnmf_core.config import CODE_NMF_FIELDS, ClustererName, Config, Device, RunConfig

ColumnScale = Literal["set", "feature", "maximum", "range"]
Epochs = Annotated[int, Field(ge=1)]


class FitConfig(Config):
    """Parameters of the estimator that a run has under another name or not at all."""

    n_components: Annotated[int, Field(ge=1, le=512)]
    n_clusters: Annotated[int, Field(ge=1)] | None
    clusterer: ClustererName
    scale: ColumnScale
    validation_fraction: Annotated[float, Field(ge=0, lt=1)]
    tol: Annotated[float, Field(ge=0, lt=1)] | None
    n_iter_no_change: Epochs
    verbose: Annotated[int, Field(ge=0)]
    callback: Callable[..., Any] | None
    device: Device | None


def check_parameters(parameters: dict[str, Any]) -> FitConfig:
    """Raise ValueError, one sentence for each invalid parameter: its name, the value and what was wanted."""
    numbers = {name: value for name, value in parameters.items() if name != "verbose"}
    for name, value in numbers.items():
        if isinstance(value, bool):
            raise ValueError(f"{name} = {value}: should be a number, a text or None")
    for name in CODE_NMF_FIELDS if parameters["nmf_at"] == "pixels" else ():
        if parameters[name] != (default := RunConfig.model_fields[name].default):
            raise ValueError(
                f"{name} = {parameters[name]!r}: with nmf_at = 'pixels' should be {default!r}; use nmf_at = 'code'"
            )
    layers = parameters["layers"]
    if not hasattr(layers, "__iter__"):
        raise ValueError(f"layers = {layers!r}: should be a sequence of widths, such as (64, 10)")
    return FitConfig(**{name: value for name, value in parameters.items() if name in FitConfig.model_fields})


def run_settings(parameters: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters that are settings of a run, under the names of a run; the number of clusters is none of it."""
    named = {name: value for name, value in parameters.items() if name in RunConfig.model_fields and name != "n_clusters"}
    layers = parameters["layers"]
    return {**named, "layers": layers if isinstance(layers, str) else tuple(layers), "n_parts": parameters["n_components"]}
