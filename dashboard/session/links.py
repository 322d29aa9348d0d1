"""Choices kept in the address bar, so that a link restores them on every page.

`linked_choice` serves choices among named options: the link holds the option's name, which stays valid when its title is
reworded. `linked_number` serves numbers and sliders by Streamlit's own `bind="query-params"`. Both say in one line when a link
asks for what does not exist here.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from ddnmf_core.display.text import in_markdown

STALE_FOR = 5.0  # seconds during which an outdated address may still arrive
MAX_QUOTED = 40  # characters of a value that a message repeats


def linked_choice(
    widget: Callable[..., Any],
    label: str,
    options: Sequence[str],
    key: str,
    default: str | None = None,
    *,
    explained: bool = False,
    **details: Any,
) -> str:
    """Show a selection widget and keep its choice in the link as `?key=option`, for this page and the others.

    Streamlit's own binding would put the option's title into the link. With `explained` the page itself says why an option in
    the link does not exist.
    """
    wanted, linked = from_link(key), _new_link(key)
    st.session_state[key] = wanted if wanted in options else default or options[0]
    if linked is not None and linked not in options and not explained:
        titles = details.get("format_func", str)
        _say_replaced(key, label, linked, str(titles(st.session_state[key])))
    chosen = widget(label, options, key=key, persist_state="session", on_change=_chosen_by_hand, args=(key,), **details)
    to_link(key, chosen)
    return chosen


def linked_number(
    widget: Callable[..., Any], label: str, low: float, high: float, *default: float, key: str, **details: Any
) -> Any:
    """Show a number field or slider whose value is kept in the link as `?key=value`; say so if the link's value is none."""
    linked = st.query_params.get(key)
    value = widget(label, low, high, *default, key=key, bind="query-params", **details)
    if linked is not None and not _is_within(linked, low, high):
        _say_replaced(key, label, linked, f"{value:g}", f" ({low:,} to {high:,})")
    return value


def _is_within(text: str, low: float, high: float) -> bool:
    try:
        return low <= float(text) <= high
    except ValueError:
        return False


def _say_replaced(key: str, label: str, value: str, shown: str, possible: str = "") -> None:
    """Say once that what a link asks for does not exist here, and what is shown instead."""
    said: set[tuple[str, str]] = st.session_state.setdefault("link.said", set())
    if (key, value) not in said:
        said.add((key, value))
        quoted = value if len(value) <= MAX_QUOTED else f"{value[:MAX_QUOTED]}…"
        st.toast(
            f"{label} “{in_markdown(quoted)}” in the link does not exist here{possible}; showing {in_markdown(shown)}.",
            icon=":material/link_off:",
            duration="long",
        )


def linked_tabs(titles: Mapping[str, str], key: str, default: str | None = None) -> tuple[str, DeltaGenerator]:
    """Show tabs, of which the open one alone is to be drawn, and keep it in the link as `?key=name`.

    Returns
    -------
    tuple[str, DeltaGenerator]
        Name and container of the open tab.
    """
    wanted, linked, names = from_link(key), _new_link(key), list(titles)
    opened = wanted if wanted is not None and wanted in titles else default or names[0]
    if linked is not None and linked not in titles:
        _say_replaced(key, "Tab", linked, titles[opened])
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
    linked = _new_link(key)
    return st.session_state.get(key) if linked is None else linked


def _new_link(key: str) -> str | None:
    """Return the value of a newly followed link, None without one."""
    linked, written = st.query_params.get(key), st.session_state.get(f"link.{key}", _Written())
    stale = linked == written.before and time.monotonic() - written.at < STALE_FOR
    return None if linked == written.value or stale else linked


class _Written(NamedTuple):
    """The value of a choice in the address bar, its previous value, and the time of the change."""

    value: str | None = None
    before: str | None = None
    at: float = 0.0
