"""Choices kept in the address bar, so that a link restores them on every page.

`linked_choice` serves choices among named options: the link holds the option's name, which stays valid when its title is
reworded. Streamlit's own `bind="query-params"` serves numbers and sliders alone, whose value is its own spelling.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

STALE_FOR = 5.0  # seconds during which an outdated address may still arrive


def linked_choice(
    widget: Callable[..., Any], label: str, options: Sequence[str], key: str, default: str | None = None, **details: Any
) -> str:
    """Show a selection widget and keep its choice in the link as `?key=option`, for this page and the others.

    Streamlit's own binding would put the option's title into the link.
    """
    wanted = from_link(key)
    st.session_state[key] = wanted if wanted in options else default or options[0]
    chosen = widget(label, options, key=key, persist_state="session", on_change=_chosen_by_hand, args=(key,), **details)
    to_link(key, chosen)
    return chosen


def linked_tabs(titles: Mapping[str, str], key: str, default: str | None = None) -> tuple[str, DeltaGenerator]:
    """Show tabs, of which the open one alone is to be drawn, and keep it in the link as `?key=name`.

    Returns
    -------
    tuple[str, DeltaGenerator]
        Name and container of the open tab.
    """
    wanted, names = from_link(key), list(titles)
    opened = wanted if wanted is not None and wanted in titles else default or names[0]
    st.session_state[key] = opened
    st.session_state[f"{key}.open"] = titles[opened]
    shown = st.tabs(list(titles.values()), key=f"{key}.open", on_change=_tab_opened, args=(titles, key))
    to_link(key, opened)
    return opened, shown[names.index(opened)]


def _tab_opened(titles: Mapping[str, str], key: str) -> None:
    set_choice(key, next(name for name, title in titles.items() if title == st.session_state[f"{key}.open"]))


def set_choice(key: str, value: str) -> None:
    """Set a choice from code, as if made by hand; it overrides the address."""
    open_address()
    st.session_state[key] = value
    to_link(key, value)
    _chosen_by_hand(key)


def forget_choice(value: str, *keys: str) -> None:
    """Remove a deleted value from the session and the address."""
    for key in keys:
        if st.session_state.get(key) == value:
            del st.session_state[key]
        if st.query_params.get(key) == value:
            del st.query_params[key]


def _chosen_by_hand(key: str) -> None:
    st.session_state.pop(f"missed.{key}", None)


def open_address() -> None:
    """Allow choices to be written to the address from now on.

    Not while the first page is drawn: the browser would keep an entry of its history for each of them (`frame/history.js`).
    """
    st.session_state["link.open"] = True


def to_link(key: str, value: str) -> None:
    """Write a choice to the URL and remember that we wrote it."""
    if "link.open" not in st.session_state:
        return
    written = st.session_state.get(f"link.{key}", _Written())
    if value != written.value:
        st.session_state[f"link.{key}"] = _Written(value, written.value, time.monotonic())
    st.query_params[key] = value


def from_link(key: str) -> str | None:
    """Return the value of a newly followed link, else the previous choice.

    The browser sends its address with every click. After quick clicks it may still be the address from before the last
    choice, which is not a new link.
    """
    linked, written = st.query_params.get(key), st.session_state.get(f"link.{key}", _Written())
    stale = linked == written.before and time.monotonic() - written.at < STALE_FOR
    if linked is not None and linked != written.value and not stale:
        return linked
    return st.session_state.get(key)


class _Written(NamedTuple):
    """The value of a choice in the address bar, its previous value, and the time of the change."""

    value: str | None = None
    before: str | None = None
    at: float = 0.0
