"""State of the run form in the session: the first settings, presets, suggestions, and settings of another run."""

from typing import Any

import streamlit as st

from dashboard.session.train_settings import DEFAULT_SETTINGS, train_key
from ddnmf_core.config import DEFAULT_PRESET, PRESETS, RunConfig
from ddnmf_core.data import catalogue
from ddnmf_core.data.suggestions import preset_for_data, suggestion_for


def remember_defaults() -> None:
    """Put the first settings into the session, where widgets read them and presets set them."""
    for name, value in RunConfig(**PRESETS[DEFAULT_PRESET]):
        st.session_state.setdefault(train_key(name), widget_value(value))
    st.session_state.setdefault(train_key("preset"), DEFAULT_PRESET)
    st.session_state.setdefault(train_key("n_seeds"), 1)


def _preset() -> str | None:
    """Name the chosen preset."""
    chosen: str | None = st.session_state.get(train_key("preset"))
    return chosen


def apply_preset() -> None:
    """Apply the preset; reset fields set by other presets to the data set's suggestion or the default."""
    for name, value in _fields_of(_preset()).items():
        st.session_state[train_key(name)] = value


def _fields_of(preset: str | None) -> dict[str, Any]:
    """Return what a preset sets: its own fields, and those of other presets as the data set suggests or by default."""
    settings = _own_fields_of(preset)
    otherwise = dict(DEFAULT_SETTINGS) | st.session_state.get(train_key("suggested"), {})
    return {field: settings.get(field, otherwise[field]) for each in PRESETS.values() for field in each}


def _own_fields_of(preset: str | None) -> dict[str, Any]:
    """Return a preset's own fields, for the chosen data set."""
    return preset_for_data(preset, st.session_state[train_key("dataset")])


def mark_preset() -> None:
    """Mark the preset that the form equals, none after a change by hand."""
    equal = [
        name
        for name in PRESETS
        if all(st.session_state[train_key(field)] == value for field, value in _fields_of(name).items())
    ]
    st.session_state[train_key("preset")] = equal[0] if equal else None


def use_settings(config: RunConfig) -> None:
    """Put a run's settings into the form, from a callback."""
    for name, value in config:
        st.session_state[train_key(name)] = widget_value(value)
    st.session_state.pop(train_key("suggested"), None)


def choose_data(name: str) -> None:
    """Choose a data set, from a callback."""
    st.session_state[train_key("dataset")] = name
    apply_suggestion()


def apply_suggestion() -> None:
    """Apply the settings suggested for the data set, except those of the preset; undo the previous suggestion where it was not
    changed by hand."""
    name, before = st.session_state[train_key("dataset")], st.session_state.pop(train_key("suggested"), {})
    for field, value in before.items():
        if st.session_state[train_key(field)] == value:
            st.session_state[train_key(field)] = widget_value(getattr(DEFAULT_SETTINGS, field))
    if catalogue.is_known(name) and (suggestion := suggestion_for(name, catalogue.spec(name))):
        suited = {field: widget_value(value) for field, value in suggestion.fields.items()}
        st.session_state.update({train_key(field): value for field, value in suited.items()})
        st.session_state[train_key("suggested")] = suited
    st.session_state.update({train_key(field): value for field, value in _own_fields_of(_preset()).items()})


def widget_value(value: object) -> object:
    """Convert a setting to its widget's value: layers become text."""
    return ", ".join(map(str, value)) if isinstance(value, tuple | list) else value
