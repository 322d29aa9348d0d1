"""Choices that the address bar holds: a link brings them back, on every page."""

import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import streamlit as st

STALE_FOR = 5.0  # seconds in which an old address may still arrive


def linked_choice(
    widget: Callable[..., Any], label: str, options: Sequence[str], key: str, default: str | None = None, **details: Any
) -> str:
    """A choice that the link holds by its own name: `?key=option` brings it back, here and on other pages.

    Streamlit's own binding would put the option's title into the link, which changes with its wording.
    """
    wanted = from_link(key)
    st.session_state[key] = wanted if wanted in options else default or options[0]
    chosen = widget(label, options, key=key, persist_state="session", on_change=_chosen_by_hand, args=(key,), **details)
    to_link(key, chosen)
    return chosen


def set_choice(key: str, value: str) -> None:
    """For code: this is the choice from now on, as if somebody had made it by hand, whatever the address still says."""
    st.session_state[key] = value
    to_link(key, value)
    _chosen_by_hand(key)


def forget_choice(value: str, *keys: str) -> None:
    """What it names is gone: neither the session nor the address bar holds on to it."""
    for key in keys:
        if st.session_state.get(key) == value:
            del st.session_state[key]
        if st.query_params.get(key) == value:
            del st.query_params[key]


def _chosen_by_hand(key: str) -> None:
    st.session_state.pop(f"missed.{key}", None)


def to_link(key: str, value: str) -> None:
    """Put a choice into the address bar, and remember that it was not somebody's new link."""
    written = st.session_state.get(f"link.{key}", _Written())
    if value != written.value:
        st.session_state[f"link.{key}"] = _Written(value, written.value, time.monotonic())
    st.query_params[key] = value


def from_link(key: str) -> str | None:
    """What the link says, if somebody has just followed one; else what was chosen before.

    The browser sends its address with every click. After quick clicks that is still the one from before the last
    choice, which is no new link.
    """
    said, written = st.query_params.get(key), st.session_state.get(f"link.{key}", _Written())
    stale = said == written.before and time.monotonic() - written.at < STALE_FOR
    if said is not None and said != written.value and not stale:
        return said
    return st.session_state.get(key)


class _Written(NamedTuple):
    """What stands in the address bar for a choice, what stood there before, and since when."""

    value: str | None = None
    before: str | None = None
    at: float = 0.0
