"""The parts workbench: the list, names, measurements and likeness of parts; edits of a sample's parts."""

import re

import numpy as np
import pytest
from opening import TABS_OF_PARTS, open_page, text_of
from stored import trained

from ddnmf_core.config import InterpretationConfig, PixelNMFConfig, RunConfig
from ddnmf_core.engine.worker import tasks
from ddnmf_core.interpret.stability import MIN_REAPPEARANCE_COSINE
from ddnmf_core.store import trash
from ddnmf_core.store.entry import CODES_FILE, MODEL_FILE, PARTS_FILE
from ddnmf_core.store.part_names import part_names
from ddnmf_core.store.run_store import Store

RUN = RunConfig(dataset="digits", layers=(32, 16, 6), n_parts=5, epochs=3, output_activation="linear", gamma=0.1)
SIBLING = RUN.replace(seed=2)
MEASURED = InterpretationConfig.of(RUN)


@pytest.fixture
def store(copy_of):
    return copy_of(RUN, SIBLING, MEASURED, PixelNMFConfig(dataset="digits", n_parts=5))


def sliders(app):
    return {slider.label: slider.value for slider in app.slider if slider.label.startswith("part")}


def test_what_was_measured_stands_in_the_list(store):
    app = open_page("parts", run=RUN.id)
    assert not app.exception
    measured = store.entry(MEASURED).read_table(PARTS_FILE)
    shown = app.dataframe[0].value
    assert shown["Importance"].tolist() == measured["importance"].tolist()
    assert shown["Purity"].tolist() == measured["purity"].tolist()
    assert set(shown["In other seeds"]) <= {"0 of 1", "1 of 1"}
    assert "Deletion AUC" in str(open_page("parts", run=RUN.id, tab="quality").dataframe[0].value)


def test_measuring_is_asked_for_once_and_can_be_cancelled(store):
    trash.delete_entry(store.entry(MEASURED))
    app = open_page("parts", run=RUN.id)
    assert not app.exception
    entry = store.entry(MEASURED)
    assert store.is_requested(entry)
    app.button(key=f"cancel.{entry.id}").click().run()
    assert entry.stop_requested


def test_a_name_is_kept_with_the_run_and_found_in_the_list(store):
    app = open_page("parts", run=RUN.id, part="3", tab="part")
    app.text_input(key=f"parts.name.{RUN.id}.2").set_value("upper loop").run()
    assert "Part 3, upper loop" in text_of(app)
    listed = open_page("parts", run=RUN.id)
    listed.text_input(key="parts.find").set_value("LOOP").run()
    assert listed.dataframe[0].value["Part"].tolist() == [3]
    again = open_page("parts", run=RUN.id, part="3", tab="part")
    assert "Part 3, upper loop" in text_of(again)
    again.text_input(key=f"parts.name.{RUN.id}.2").set_value("").run()
    assert "upper loop" not in text_of(again)
    assert store.get("runs", RUN.id).problems() == []


def test_the_badge_says_whether_the_other_seed_has_the_part(store):
    from dashboard.session.run_data import cached_part_effects
    from ddnmf_core.interpret.stability import match_parts
    from ddnmf_core.store.finished_run import FinishedRun

    app = open_page("parts", run=RUN.id, part="1", tab="part")
    _, cosine = match_parts(*(cached_part_effects(FinishedRun(store.get("runs", each.id))) for each in (RUN, SIBLING)))
    assert f"Reappears in {int(cosine[0] >= MIN_REAPPEARANCE_COSINE)} of 1 seeds" in text_of(app)


def test_a_run_without_other_seeds_says_how_to_get_them(store):
    trash.delete_entry(store.get("runs", SIBLING.id))
    app = open_page("parts", run=RUN.id, tab="part")
    assert "No other seeds of this configuration" in text_of(app)


@pytest.mark.parametrize("baseline", ["mean", "zero", "other"])
def test_the_picture_is_shared_out_completely_whatever_the_baseline(store, baseline):
    app = open_page("explain", run=RUN.id, sample="7", baseline=baseline, explain="steps")
    assert not app.exception
    how = next(metric.proto.help for metric in app.metric if metric.label == "Additivity gap")
    error = re.search(r"by at most (\S+) in any pixel", how).group(1)
    assert float(error) < 1e-4


def test_the_smallest_edit_moves_the_sample_to_another_cluster_and_back(store):
    app = open_page("explain", run=RUN.id, sample="7", of="clean", explain="edit")
    before = sliders(app)
    assert "K-means on H: cluster of mostly" in text_of(app)
    app.button(key="explain.flip").click().run()
    assert not app.exception
    assert re.search(r"Smallest change of one part:|Change of \d+ parts, the fewest:", text_of(app))
    assert sliders(app) != before
    line = next(line for line in text_of(app).split("\n") if line.startswith("K-means on H:"))
    assert "→" in line
    app.button(key="explain.reset").click().run()
    assert sliders(app) == before


def test_parts_of_another_sample_can_be_taken_over_and_the_whole_way_walked(store):
    app = open_page("explain", run=RUN.id, sample="7", of="clean", explain="edit")
    H = store.get("runs", RUN.id).read_tensors(CODES_FILE)["clean/H"]
    name = next(element.key for element in app.multiselect if element.key.endswith(".swap")).removesuffix(".swap")
    app.number_input(key="pinned").set_value(11).run()
    app.slider(key=f"{name}.path").set_value(100).run()
    assert not app.exception
    nearest = np.argmin(((H - H[11]) ** 2).sum(axis=1))
    assert f"\n{nearest}\n" in f"\n{tiles(app, 'explain.near_edit')[0]}\n"
    app.slider(key=f"{name}.path").set_value(0).run()
    app.multiselect(key=f"{name}.swap").set_value([0, 1, 2, 3, 4]).run()
    assert tiles(app, "explain.near_edit")[0].startswith("11\n")
    assert [caption.split("\n")[-1] for caption in tiles(app, "explain.pair")[2:]] == ["parts swapped"] * 2


def test_all_parts_can_be_set_to_zero(store):
    app = open_page("explain", run=RUN.id, sample="7", explain="edit")
    app.button(key="explain.zero").click().run()
    assert set(sliders(app).values()) == {0.0}


MANY = RunConfig(dataset="digits", layers=(32, 20), n_parts=16, epochs=2)


def test_sliders_that_other_parts_take_over_start_at_what_the_sample_has(home):
    store = Store(home)
    run = trained(store, MANY)
    own = run.read_tensors(CODES_FILE)["clean/H"][7]
    app, seen = open_page("explain", run=run.id, sample="7", of="clean", baseline="mean", explain="edit"), []
    for baseline in ("mean", "zero", "mean"):
        app.button_group(key="baseline").set_value(baseline).run()
        assert not app.exception
        values = {int(label.removeprefix("part ")) - 1: value for label, value in sliders(app).items()}
        assert values == {k: pytest.approx(own[k], abs=0.0051) for k in values}
        seen.append(set(values))
    assert seen[0] != seen[1]  # else this test says nothing


def test_all_to_zero_means_also_the_parts_without_a_slider(home):
    run = trained(Store(home), MANY)
    app = open_page("explain", run=run.id, sample="7", of="clean", explain="edit")
    assert len(sliders(app)) < MANY.n_parts
    app.button(key="explain.zero").click().run()
    H = run.read_tensors(CODES_FILE)["clean/H"]
    nearest = np.argsort((H**2).sum(axis=1))[:10]
    assert {caption.split("\n")[0] for caption in tiles(app, "explain.near_edit")} == set(map(str, nearest))
    app.button(key="explain.reset").click().run()
    assert tiles(app, "explain.near_edit")[0].startswith("7\n")


ADDITIVE = RunConfig(dataset="digits", layers=(32, 20), n_parts=16, epochs=2, nmf_at="pixels")


def test_an_additive_model_s_picture_is_a_sum_of_parts_over_nothing(home):
    run = trained(Store(home), ADDITIVE)
    app = open_page("explain", run=run.id, sample="7", of="clean")
    assert not app.exception
    assert "Image as a sum of parts" in text_of(app)
    assert "Contributions of the parts" not in text_of(app)
    whole, *terms = tiles(app, "explain.equation")
    assert whole.startswith("reconstruction =")
    shares = [int(term.split("\n")[1].removesuffix("% of the ink")) for term in terms]
    assert sum(shares) == pytest.approx(100, abs=len(shares) / 2)
    assert shares[:-1] == sorted(shares[:-1], reverse=True)  # the last one are all others
    H, W = run.read_tensors(CODES_FILE)["clean/H"][7], run.read_tensors(MODEL_FILE)["student.nmf.W"]
    strongest = int(np.argmax(H * W.sum(axis=0)))
    assert terms[0].startswith(f"{H[strongest] * W[:, strongest].max():.2f} × part {strongest + 1}\n")
    assert tiles(app, "explain.map")[1] == f"part {strongest + 1}"
    app.button_group(key="additive_baseline").set_value("mean").run()
    assert not app.exception
    assert "Contributions of the parts" in text_of(app)


AUTOENCODER = RunConfig(dataset="digits", model="ae1", layers=(32, 16, 6), epochs=2)


def test_an_autoencoder_is_read_out_in_parts_and_then_explained_by_them(home):
    store = Store(home)
    run = trained(store, AUTOENCODER)
    assert "read this one out in additive" in text_of(open_page("explain", run=run.id, sample="7"))
    config = InterpretationConfig.of(AUTOENCODER, factors="readout", n_parts=8)
    app = open_page("parts", run=run.id)
    app.number_input(key="readout.n_parts").set_value(8).run()
    app.button(key="readout.compute").click().run()
    assert not app.exception
    entry = store.entry(config)
    assert store.is_requested(entry)
    assert tasks.perform(str(store.root), entry.kind, entry.id, "cpu") == "finished"
    for request in store.requests():
        store.close_request(request)
    app.run()
    assert len(tiles(app, "readout.tiles")) == 8
    assert any("Linear R²" in frame.value.to_string() for frame in app.dataframe)
    app = open_page("explain", run=run.id, sample="7")
    assert not app.exception
    assert tiles(app, "explain.equation")[0].startswith("reconstruction =")


def test_a_page_that_only_shows_a_name_does_not_write_it(store):
    watching = open_page("parts", run=RUN.id, part="3", tab="part")
    naming = open_page("parts", run=RUN.id, part="3", tab="part")
    naming.text_input(key=f"parts.name.{RUN.id}.2").set_value("hook").run()
    watching.run()
    assert part_names(store.get("runs", RUN.id)) == {2: "hook"}
    assert watching.text_input(key=f"parts.name.{RUN.id}.2").value == "hook"


def tiles(app, key):
    """The captions of a gallery, which AppTest knows only as an unknown element."""
    import json

    for element in app.get("bidi_component"):
        if element.proto.id.endswith(key) or key in element.proto.id:
            return [tile["caption"] for tile in json.loads(element.proto.json)["tiles"]]
    raise AssertionError(f"no gallery {key}")


def test_the_film_shows_every_epoch_and_the_slider_picks_its_parts(store):
    app = open_page("parts", run=RUN.id, tab="training")
    slider = next(each for each in app.select_slider if each.key == "parts.epoch")
    assert list(slider.options) == ["0", "1", "2", "3"]
    assert slider.value == 3
    slider.set_value(0).run()
    assert not app.exception
    assert "a part is born" in text_of(app)


def test_pictures_of_an_earlier_version_have_no_film_and_that_is_said(store, monkeypatch):
    run = store.entry(RUN)
    for name in run.names("snapshots/"):
        run.write_tensors(name, {"student": np.zeros((1, 64), np.uint8)})
    app = open_page("parts", run=RUN.id, tab="training")
    assert not app.exception
    assert "trained by an earlier version" in text_of(app)


def test_a_part_is_stepped_through_and_its_tab_is_kept_in_the_link(store):
    app = open_page("parts", run=RUN.id, part="5", tab="part")
    assert "Part 5" in text_of(app)
    app.button(key="parts.Next part").click().run()
    assert "Part 1" in text_of(app)
    assert app.number_input(key="part").value == 1
    app.button(key="parts.Previous part").click().run()
    assert "Part 5" in text_of(app)
    assert not app.exception


@pytest.mark.parametrize("page", TABS_OF_PARTS)
def test_every_tab_is_drawn_and_no_other(store, page):
    app = open_page(page, run=RUN.id)
    assert not app.exception
    assert not app.error
    seen = {
        "gallery": "bases explains" in text_of(app),
        "part": "Top-activating samples" in text_of(app),
        "training": any(slider.key == "parts.epoch" for slider in app.select_slider),
        "quality": any("Deletion AUC" in str(frame.value) for frame in app.dataframe),
        "rank": any(field.key == "survey.ranks" for field in app.text_input),
        "factors": "Red: images of this" in text_of(app),
        "readout": any(field.key == "readout.n_parts" for field in app.number_input),
    }
    assert [name for name, shown in seen.items() if shown] == [page.removeprefix("parts?tab=")]


def test_an_additive_model_s_parts_are_its_atoms_and_have_no_read_out_of_their_own(home):
    run = trained(Store(home), ADDITIVE)
    app = open_page("parts", run=run.id, tab="readout")  # that tab is not there: the first one opens
    assert not app.exception
    assert app.button_group(key="additive_view").value == "alone"
    assert not any(field.key == "readout.n_parts" for field in app.number_input)


def test_a_survey_of_the_rank_trains_what_is_missing_and_compares_what_is_there(store):
    app = open_page("parts", run=RUN.id, tab="rank")
    assert "Look for a rank" not in text_of(app)  # one rank alone
    app.text_input(key="survey.ranks").set_value("3, 5").run()
    app.number_input(key="survey.seeds").set_value(2).run()
    button = app.button(key="survey.start")
    assert "Train 2 runs" in button.label  # those with 5 parts are there
    button.click().run()
    assert not app.exception
    wanted = [RUN.replace(n_parts=3, seed=seed) for seed in (1, 2)]
    assert {request.entry.id for request in store.requests()} == {config.id for config in wanted}
    for config in wanted:
        assert tasks.perform(str(store.root), "runs", config.id, "cpu") == "finished"
        store.close_request(store.requests()[0])
    app = open_page("parts", run=RUN.id, tab="rank")
    assert not app.exception
    assert "Look for a rank" in text_of(app)


def test_a_survey_has_a_row_for_each_rank_and_compares_seeds_where_there_are_two(store):
    from dashboard.parts.rank_survey import cached_survey, survey_panels

    other = store.create(RUN.replace(n_parts=3))
    assert tasks.perform(str(store.root), "runs", other.id, "cpu") == "finished"
    found = cached_survey.__wrapped__([*map(store.entry, (RUN, SIBLING)), other]).set_index("n_parts")
    assert found["n_seeds"].to_dict() == {3: 1, 5: 2}
    errors = [store.entry(config).read_tensors(CODES_FILE)["noisy/error"].mean() for config in (RUN, SIBLING)]
    assert found.loc[5, "error"] == pytest.approx(np.mean(errors))
    assert found.loc[5, "error_std"] == pytest.approx(np.std(errors, ddof=1))
    assert 0 < found.loc[5, "stability"] <= 1
    assert 0 <= found.loc[5, "dispersion"] <= 1
    assert np.isnan(found.loc[3, ["stability", "dispersion", "cophenetic", "error_std"]].astype(float)).all()
    figure = survey_panels(found.reset_index(), 5)
    assert [list(trace.x) for trace in figure.data if trace.mode == "lines+markers"] == [["3", "5"]] * 5
