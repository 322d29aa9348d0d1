"""The documentation site: `make docs`. The source folder is the repository, so that README.md is its first page."""

import os
import tempfile
from pathlib import Path

from docutils import nodes
from pygments.lexers.special import TextLexer
from sphinx.application import Sphinx

import ddnmf_core

os.environ["DDNMF_HOME"] = tempfile.mkdtemp(prefix="ddnmf-docs-")     # the examples never touch a user's store
os.environ["OMP_NUM_THREADS"] = os.environ["DDNMF_THREADS"] = "1"    # small models: more threads would only wait for each other

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

myst_heading_anchors = 3
default_role = "literal"                                             # `x` in a docstring is code
autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
napoleon_google_docstring = False
suppress_warnings = ["config.cache", "ref.python"]                  # fields of several configurations have one name

_HERE = Path(__file__).parent
sphinx_gallery_conf = {
    "examples_dirs": str(_HERE / "tutorial"),
    "gallery_dirs": str(_HERE / "examples"),
    "filename_pattern": r"/\d_",
    "within_subsection_order": "FileNameSortKey",
    "abort_on_example_error": True,
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

docs/examples/index
docs/stories/index
```
```{toctree}
:hidden:
:caption: Use

docs/own-data
docs/command-line
docs/api
```
```{toctree}
:hidden:
:caption: Trust

docs/states
docs/reliability
docs/security
```
```{toctree}
:hidden:
:caption: Measure

docs/performance
docs/scaling
docs/dependencies
```
"""


def add_navigation(app: Sphinx, document: str, source: list[str]) -> None:
    """README is read on its own, too: what only the site needs is added here."""
    if document == root_doc:
        source[0] += NAVIGATION


def drop_unreachable(app: Sphinx, tree: nodes.document) -> None:
    """Links to folders mean something beside the files only."""
    for reference in list(tree.findall(nodes.reference)):
        target = reference.get("refuri", "")
        if target and "://" not in target and not target.startswith(("#", "mailto:")):
            reference.replace_self(reference.children)


def setup(app: Sphinx) -> None:
    app.connect("source-read", add_navigation)
    app.connect("doctree-read", drop_unreachable)
    app.add_lexer("mermaid", TextLexer)
