"""A click acts before anything on the page is run, and its error is shown on the page."""

from streamlit.testing.v1 import AppTest


def page_of_a_click(fails: bool) -> None:
    """A page that reruns itself above the button, as a fragment does when a run has ended."""
    import streamlit as st

    from dashboard.components.action_button import action_button

    def act() -> None:
        st.session_state["acted"] = st.session_state.get("acted", 0) + 1
        if fails:
            raise ValueError("the disk is full")

    if st.session_state.get("acted") and not st.session_state.get("rerun"):
        st.session_state["rerun"] = True
        st.rerun()
    try:
        action_button("Stop", "stop", act)
    except ValueError as error:
        st.error(str(error))
    st.caption(f"acted {st.session_state.get('acted', 0)}")


def test_a_click_acts_once_though_the_page_is_rerun_before_its_button():
    page = AppTest.from_function(page_of_a_click, args=(False,)).run()
    page.button("stop").click().run()
    page.run()
    assert [caption.value for caption in page.caption] == ["acted 1"]


def test_an_error_of_the_action_is_raised_in_the_page():
    page = AppTest.from_function(page_of_a_click, args=(True,)).run()
    page.button("stop").click().run()
    assert [error.value for error in page.error] == ["the disk is full"]
    page.run()
    assert not page.error
