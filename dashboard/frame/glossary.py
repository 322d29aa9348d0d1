"""The words of the field, in a sentence each."""

from functools import cache
from pathlib import Path

import streamlit as st

GLOSSARY_FILE = Path(__file__).with_suffix(".md")


@cache
def terms() -> dict[str, str]:
    """Each term and what it means."""
    lines = GLOSSARY_FILE.read_text("utf-8").splitlines()
    return {term: meaning for term, _, meaning in (line.removeprefix("- **").partition("**: ") for line in lines)}


def show_glossary() -> None:
    """On every page, in the sidebar: found by a word, or read from the top."""
    with st.sidebar.popover("What the words mean", icon=":material/menu_book:", width="stretch"):
        wanted = st.text_input("Find", key="glossary.find", placeholder="a word").casefold()
        found = {term: meaning for term, meaning in terms().items() if wanted in f"{term} {meaning}".casefold()}
        st.markdown("  \n\n".join(f"**{term}**: {meaning}" for term, meaning in found.items()) or "No such word here.")
        st.caption("Equations are those of Chen et al. (2021).")
