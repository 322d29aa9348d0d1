"""The tour and the glossary in the sidebar of every page."""

import pytest
from opening import open_page, text_of

from dashboard.frame.tour import TOUR_ENDED_FILE, TOUR_STEPS
from ddnmf_core.store.run_store import Store


@pytest.mark.parametrize("page", ["home", "train", "noise"])
def test_a_new_user_is_told_what_to_do_on_each_page(home, page):
    app = open_page(page)
    assert not app.exception
    assert TOUR_STEPS["" if page == "home" else page][1] in text_of(app)


def test_a_tour_that_was_ended_stays_ended(home):
    app = open_page("home")
    app.button(key="tour.end").click().run()
    assert (Store(home).root / TOUR_ENDED_FILE).exists()
    assert "Tour, " not in text_of(open_page("compare"))


def test_a_word_is_found_in_the_glossary(home):
    app = open_page("home")
    app.text_input(key="glossary.find").set_value("hungarian").run()
    assert "No such word here." in text_of(app)
    app.text_input(key="glossary.find").set_value("adjusted rand").run()
    assert "**ARI**" in text_of(app)
    assert "**NMI**" not in text_of(app)
