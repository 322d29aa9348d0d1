"""An image scraper of sphinx-gallery for figures that pyplot does not keep, such as those of `DDNMF.plot`."""

from typing import Any

import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from sphinx_gallery.scrapers import figure_rst

DRAWN = "figure"  # the variable that an example gives its figure


def scrape(block: Any, block_vars: dict[str, Any], gallery_conf: dict[str, Any]) -> str:
    """Save the figure that a block has assigned; return its reST, empty where pyplot has it or there is none."""
    if f"{DRAWN} =" not in block[1] or not isinstance(figure := block_vars["example_globals"].get(DRAWN), Figure):
        return ""
    if getattr(figure, "number", None) in plt.get_fignums():  # sphinx-gallery's own scraper saves it
        return ""
    path = next(block_vars["image_path_iterator"])
    figure.savefig(path)
    return str(figure_rst([path], gallery_conf["src_dir"]))
