"""A run with held-out samples on the pages: asked for in the form, scored on Home, in the table, on every sample."""

from opening import open_page, text_of

from ddnmf_core.config import RunConfig
from ddnmf_core.store.run_store import Store

HELD_OUT = RunConfig(dataset="digits", layers=(32, 16, 6), n_parts=5, epochs=2, test_share=0.25)


def test_the_form_asks_for_the_share(home):
    app = open_page("train")
    app.number_input(key="train.test_share").set_value(0.2).run()
    app.button(key="train.start").click().run()
    (request,) = Store(home).requests()
    assert request.entry.config.test_share == 0.2


def test_the_pages_show_what_is_held_out_and_how_it_scores(copy_of):
    run = copy_of(HELD_OUT).run(HELD_OUT.id)
    accuracy = run.results()["acc/clean/z/gmm/held_out"]
    home = open_page("home")
    assert f"Held out, 25% of the images: K-means ACC {run.results()['acc/clean/z/kmeans/held_out']:.3f}" in text_of(home)
    assert home.dataframe[0].value["ACC GMM, held out"].iloc[0] == accuracy
    assert "Error on held-out images" in text_of(open_page("train"))
    sample = int(run.held_out().argmax())
    assert "split: held out" in text_of(open_page("explain", sample=str(sample)))
