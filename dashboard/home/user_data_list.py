"""List the user's data sets on the Home page."""

import streamlit as st

from dashboard.figures.text import in_markdown
from ddnmf_core.data.dataset import DataError
from ddnmf_core.data.user import user_sets
from ddnmf_core.files.read_only import read_only
from ddnmf_core.store import user_data


def show_user_data_sets() -> None:
    """List the user's data sets with a button to remove each."""
    if message := st.session_state.pop("home.data.message", ""):
        st.warning(message)
    for name in user_sets.names():
        left, right = st.columns([6, 1], vertical_alignment="center")
        try:
            left.markdown(
                f":green[:material/check_circle:] **{in_markdown(user_sets.user_spec(name).title)}** · your data · `{name}`"
            )
            left.caption(in_markdown(user_sets.describe(name)))
        except DataError as error:
            left.markdown(f":red[:material/error:] {error}.")
        right.button(
            ":material/delete:",
            key=f"home.remove.{name}",
            help=f"Remove {name}",
            on_click=_remove,
            args=(name,),
            disabled=read_only(),
        )


def _remove(name: str) -> None:
    try:
        user_data.remove_data_set(name)
    except DataError as error:
        st.session_state["home.data.message"] = str(error)
