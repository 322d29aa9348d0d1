"""Configurations: every setting of a run, map or clustering, validated and hashed.

Equal configurations are the same run: its id is the hash of the configuration's sorted JSON. Nothing here imports torch,
so every page can import it.
"""

from ddnmf_core.config.analyses import (
    CLUSTERERS,
    PIXEL_FACTORISATIONS,
    ClustererName,
    ClusteringConfig,
    EmbeddingConfig,
    EmbeddingMethod,
    Factors,
    InterpretationConfig,
    PixelNMFConfig,
)
from ddnmf_core.config.base import ID_LENGTH, USER_DATASET, Config, DatasetName, RunId, Seed, config_hash, describe_errors
from ddnmf_core.config.device import DEVICES, Device, check_device
from ddnmf_core.config.run import (
    CODE_NMF_FIELDS,
    DEFAULT_PRESET,
    DISPLACING_KINDS,
    NMF_FIELDS,
    PER_RUN_FIELDS,
    PRESETS,
    PUBLISHED,
    ModelName,
    NoiseKind,
    Representation,
    RunConfig,
    Weight,
    parse_layers,
    preset_fields,
)

__all__ = [
    "CLUSTERERS",
    "CODE_NMF_FIELDS",
    "DEFAULT_PRESET",
    "DEVICES",
    "DISPLACING_KINDS",
    "ID_LENGTH",
    "NMF_FIELDS",
    "PER_RUN_FIELDS",
    "PIXEL_FACTORISATIONS",
    "PRESETS",
    "PUBLISHED",
    "USER_DATASET",
    "ClustererName",
    "ClusteringConfig",
    "Config",
    "DatasetName",
    "Device",
    "EmbeddingConfig",
    "EmbeddingMethod",
    "Factors",
    "InterpretationConfig",
    "ModelName",
    "NoiseKind",
    "PixelNMFConfig",
    "Representation",
    "RunConfig",
    "RunId",
    "Seed",
    "Weight",
    "check_device",
    "config_hash",
    "describe_errors",
    "parse_layers",
    "preset_fields",
]
