"""Icons of a clean and a noisy image for Figure 1: 8 x 8 gray values, row by row."""

import random

from ddnmf_core.config import DISPLACING_KINDS, RunConfig

ICON_WIDTH = 8

DIGIT = ("        ", "  -##-  ", "  - -#  ", "    -#  ", "   -#-  ", "  -#-   ", "  ####- ", "        ")
BARS = ("        ", "  #     ", "  #   # ", "# # # # ", "# ### # ", "# ##### ", "####### ", "        ")  # user data
SHIRT = ("        ", " ##--## ", "########", "#-####-#", "  ####  ", "  ####  ", "  ####  ", "        ")


def clean_icon(config: RunConfig) -> list[float]:
    rows = SHIRT if config.dataset.startswith("fashion") else BARS if config.dataset.startswith("own") else DIGIT
    return [{" ": 0.0, "-": 0.5, "#": 1.0}[cell] for cell in "".join(rows)]


def noisy_icon(config: RunConfig) -> list[float]:
    """Corrupt the icon with the run's kind and level of noise (eq 2), clipped to [0, 1]."""
    chance, level, icon = random.Random(1), config.noise_level, clean_icon(config)
    if config.noise_kind in DISPLACING_KINDS:
        icon = icon[-ICON_WIDTH:] + icon[:-ICON_WIDTH]  # a row down: the first and the last are empty
    if config.noise_kind == "displacement":
        return icon
    if config.noise_kind.startswith("gaussian"):
        return [min(max(p + chance.gauss(0, level), 0), 1) for p in icon]
    corrupted = (0,) if config.noise_kind == "masking" else (0, 1)
    return [chance.choice(corrupted) if chance.random() < level else p for p in icon]
