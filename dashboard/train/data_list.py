"""List the data sets of this machine; remove the user's own."""

import streamlit as st

from ddnmf_core.data import catalogue
from ddnmf_core.data.dataset import DataError
from ddnmf_core.data.user import user_sets
from ddnmf_core.display.text import in_markdown
from ddnmf_core.files.read_only import read_only
from ddnmf_core.store import user_data


def list_data_sets() -> None:
    """List all data sets with source and licence, those that are missing with ways to get them."""
    with st.expander("Data sets", icon=":material/database:"):
        for name, spec in catalogue.DATASETS.items():
            if location := catalogue.find(name):
                st.markdown(f":green[:material/check_circle:] **{spec.title}** · {spec.licence} · {location.source}")
            else:
                st.markdown(f":gray[:material/cancel:] **{spec.title}** · not found")
                st.caption(catalogue.ways_to_get(name))
        _show_own()


def _show_own() -> None:
    """List the user's data sets with a button to remove each."""
    if message := st.session_state.pop("train.data.message", ""):
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
            key=f"train.remove.{name}",
            help=f"Remove {name}",
            on_click=_remove,
            args=(name,),
            disabled=read_only(),
        )


def _remove(name: str) -> None:
    try:
        user_data.remove_data_set(name)
    except DataError as error:
        st.session_state["train.data.message"] = str(error)
