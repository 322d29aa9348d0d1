"""The documentation site: `make docs`. The source folder is the repository, so that README.md is its first page."""

import os
import re
import shutil
import sys
import tempfile
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx

import ddnmf_core

sys.path.insert(0, str(Path(__file__).parent))
import api_text

STORE = tempfile.mkdtemp(prefix="ddnmf-docs-")
os.environ["DDNMF_HOME"] = STORE  # the examples never touch a user's
os.environ["OMP_NUM_THREADS"] = os.environ["DDNMF_THREADS"] = "1"  # small models: more threads would only wait for each other

project = "DDNMF Studio"
author = "The DDNMF Studio authors"
project_copyright = "DDNMF Studio, MIT licence"
version = release = ddnmf_core.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_gallery.gen_gallery"]
root_doc = "README"
include_patterns = ["README.md", "docs/*.md", "docs/stories/*.md", "docs/examples/**"]
html_theme = "furo"
html_title = "DDNMF Studio"
html_copy_source = False
html_static_path = ["static"]
html_css_files = ["site.css"]

myst_heading_anchors = 3
default_role = "literal"  # `x` in a docstring is code
autodoc_member_order = "bysource"
autodoc_typehints = "none"  # api_text has them as they are written
autodoc_inherit_docstrings = False  # torch's, of forward
autodoc_preserve_defaults = True
napoleon_google_docstring = False
python_maximum_signature_line_length = 88
toc_object_entries_show_parents = "hide"
suppress_warnings = ["config.cache", "toc.empty_glob"]  # stories may be missing

_HERE = Path(__file__).parent
sphinx_gallery_conf = {
    "examples_dirs": str(_HERE / "tutorial"),
    "gallery_dirs": str(_HERE / "examples"),
    "filename_pattern": r"/\d_",
    "within_subsection_order": "FileNameSortKey",
    "abort_on_example_error": True,
    "image_scrapers": ("closed_figures.scrape", "matplotlib"),
    "run_stale_examples": True,  # what they call may have changed
    "download_all_examples": False,
    "show_signature": False,
    "write_computation_times": False,
    "min_reported_time": 3600,
    "remove_config_comments": True,
    "copyfile_regex": r"nothing",
    "notebook_extensions": set(),
}

NAVIGATION = """
```{toctree}
:hidden:
:caption: Learn

Start <self>
docs/examples/index
docs/stories/index
```
```{toctree}
:hidden:
:caption: Use

docs/install
docs/guide
docs/own-data
docs/command-line
docs/parts
docs/troubleshooting
docs/api
```
```{toctree}
:hidden:
:caption: Trust

docs/results
docs/clustering
docs/reliability
docs/security
```
```{toctree}
:hidden:
:caption: Measure

docs/performance
docs/scaling
```
```{toctree}
:hidden:
:caption: Develop

docs/architecture
docs/model
docs/states
docs/dependencies
```
"""


TO_THE_FIRST_PAGE = """<!doctype html><meta charset="utf-8"><title>DDNMF Studio</title>
<meta http-equiv="refresh" content="0; url=README.html"><a href="README.html">DDNMF Studio</a>
"""
NOT_TOLD_YET = "<!-- table -->\n<!-- end -->"  # a story whose runs were not made


def complete(app: Sphinx, document: str, source: list[str]) -> None:
    """README and the stories are read on their own, too: what only the site needs is added here."""
    if document == root_doc:
        source[0] += NAVIGATION
    if NOT_TOLD_YET in source[0]:
        source[0] = re.sub(r"^!\[.*\]\(.*\)$", "*The figure and the table are to come.*", source[0], flags=re.MULTILINE)


def drop_unreachable(app: Sphinx, tree: nodes.document) -> None:
    """Links to folders mean something beside the files only."""
    for reference in list(tree.findall(nodes.reference)):
        target = reference.get("refuri", "")
        if target and "://" not in target and not target.startswith(("#", "mailto:")):
            reference.replace_self(reference.children)


def finish(app: Sphinx, error: Exception | None) -> None:
    """A folder is opened at index.html; the store of the examples is not needed any more."""
    shutil.rmtree(STORE, ignore_errors=True)
    if error is None:
        (Path(app.outdir) / "index.html").write_text(TO_THE_FIRST_PAGE, "utf-8")


def setup(app: Sphinx) -> None:
    app.connect("source-read", complete)
    app.connect("doctree-read", drop_unreachable)
    app.connect("autodoc-process-signature", api_text.signature)
    app.connect("autodoc-process-docstring", api_text.docstring, priority=600)  # after napoleon
    app.connect("build-finished", finish)
