"""Show the glossary in the sidebar: terms of glossary.md, and the measures as the code defines them."""

from functools import cache
from pathlib import Path

import streamlit as st

from ddnmf_core.interpret.measures import MEASURES, Measure

GLOSSARY_FILE = Path(__file__).with_suffix(".md")
DIRECTIONS = {"high": " Higher is better.", "low": " Lower is better.", "": ""}


@cache
def written_terms() -> dict[str, str]:
    """Return the terms of glossary.md with their definitions."""
    lines = GLOSSARY_FILE.read_text("utf-8").splitlines()
    return {term: meaning for term, _, meaning in (line.removeprefix("- **").partition("**: ") for line in lines)}


def define(measure: Measure) -> str:
    """Return the definition of a measure, and which way is better."""
    return measure.meaning + DIRECTIONS[measure.better]


@cache
def terms() -> dict[str, str]:
    """Return every term with its definition: those of glossary.md, then the measures."""
    return written_terms() | {measure.title: define(measure) for measure in MEASURES.values()}


def show_glossary() -> None:
    """Show the glossary in the sidebar, with a search field."""
    with st.sidebar.popover("Glossary", icon=":material/menu_book:", width="stretch"):
        text = st.text_input("Search", key="glossary.find", placeholder="term").casefold()
        matches = {term: meaning for term, meaning in terms().items() if text in f"{term} {meaning}".casefold()}
        st.markdown("  \n\n".join(f"**{term}**: {meaning}" for term, meaning in matches.items()) or "No matching term.")
        st.caption("Equations: Chen et al. (2021).")
