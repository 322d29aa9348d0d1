"""Show a button whose click is never lost."""

from collections.abc import Callable
from typing import Any

import streamlit as st


def action_button(
    label: str, key: str, action: Callable[..., object], *arguments: Any, place: Any = st, **options: Any
) -> None:
    """Show a button that calls `action(*arguments)` before the page or fragment is rerun.

    `if st.button(…)` acts where the button is drawn. Where a fragment that is due as well comes first and reruns the
    page, Streamlit forgets the click. An error of the action is raised here, in the page, not in the callback.
    """

    def act() -> None:
        try:
            action(*arguments)
        except Exception as error:
            st.session_state[f"{key}.error"] = error

    place.button(label, key=key, on_click=act, **options)
    if error := st.session_state.pop(f"{key}.error", None):
        raise error
