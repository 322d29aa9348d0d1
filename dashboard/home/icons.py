"""Small pictures that stand for an image of a data set, clean and with noise: 8 x 8 shares of ink, row by row."""

import random

from ddnmf_core.config import RunConfig

DIGIT = ("        ", "  -##-  ", "  - -#  ", "    -#  ", "   -#-  ", "  -#-   ", "  ####- ", "        ")
BARS = ("        ", "  #     ", "  #   # ", "# # # # ", "# ### # ", "# ##### ", "####### ", "        ")  # data of one's own
SHIRT = ("        ", " ##--## ", "########", "#-####-#", "  ####  ", "  ####  ", "  ####  ", "        ")


def clean_icon(config: RunConfig) -> list[float]:
    rows = SHIRT if config.dataset.startswith("fashion") else BARS if config.dataset.startswith("own") else DIGIT
    return [{" ": 0.0, "-": 0.5, "#": 1.0}[cell] for cell in "".join(rows)]


def noisy_icon(config: RunConfig) -> list[float]:
    """The pictured image with noise of the run's kind and level (eq 2), clipped to be drawn."""
    chance, level = random.Random(1), config.noise_level
    if config.noise_kind == "gaussian":
        return [min(max(p + chance.gauss(0, level), 0), 1) for p in clean_icon(config)]
    spoilt = (0,) if config.noise_kind == "masking" else (0, 1)
    return [chance.choice(spoilt) if chance.random() < level else p for p in clean_icon(config)]
