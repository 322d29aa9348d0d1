"""Every page with runs on a user's own data: images with labels, and a table without any; adding and removing a set."""

import io
import shutil
import zipfile

import numpy as np
import pytest
from opening import TABS_OF_EXPLAIN, open_page, text_of
from PIL import Image

from dashboard.train.data_form import _fingerprint
from ddnmf_core.config import EmbeddingConfig, InterpretationConfig, PixelNMFConfig, RunConfig
from ddnmf_core.data.suggestions import suggest
from ddnmf_core.data.user import user_sets
from ddnmf_core.data.user.source import ImportOptions
from ddnmf_core.engine.worker import tasks
from ddnmf_core.store import user_data
from ddnmf_core.store.run_store import Store

PAGES = ("home", "train", "latent", "parts", *TABS_OF_EXPLAIN, "noise", "sweep", "compare")
COLUMNS = ("height", "width", "weight", "age", "speed")


def pictures(path):
    """Left and right halves lit, 30 of each, with a little noise."""
    chance = np.random.default_rng(0)
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(60):
            side = number % 2
            values = chance.integers(0, 40, (8, 8)).astype(np.uint8)
            values[:, 4 * side : 4 * side + 4] += np.uint8(200)
            buffer = io.BytesIO()
            Image.fromarray(values).save(buffer, "PNG")
            archive.writestr(f"{('left', 'right')[side]}/{number}.png", buffer.getvalue())
    return path


def table(path, gap=False):
    chance = np.random.default_rng(0)
    rows = chance.random((60, len(COLUMNS))).round(3).astype(str).tolist()
    rows[3][1] = "" if gap else rows[3][1]
    path.write_text("\n".join([",".join(COLUMNS), *(",".join(row) for row in rows)]) + "\n")
    return path


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run on each with everything that pages ask for; on the table also another seed and a sweep of two values."""
    folder = tmp_path_factory.mktemp("own")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DDNMF_HOME", str(folder / "home"))
        store, runs = Store(), {}
        for kind, path, choices in (
            ("images", pictures(folder / "sides.zip"), ImportOptions(size=8)),
            ("table", table(folder / "people.csv"), ImportOptions(title="People")),
        ):
            run = RunConfig(dataset=user_sets.add(path, path.name, choices), layers=(16, 4), n_parts=3, epochs=2, batch_size=16)
            runs[kind] = run
            others = [run.replace(seed=2), run.replace(gamma=0.5)] if kind == "table" else []
            for config in (
                run,
                *others,
                InterpretationConfig.of(run),
                PixelNMFConfig(dataset=run.dataset, n_parts=3),
                EmbeddingConfig(run=run.id),
            ):
                entry = store.create(config)
                assert tasks.perform(str(store.root), entry.kind, entry.id, "cpu") == "finished", entry.state
    return folder / "home", runs


@pytest.fixture
def runs(home, trained):
    shutil.copytree(trained[0], home)
    return trained[1]


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("kind", ["images", "table"])
def test_every_page_shows_a_run_on_own_data(runs, kind, page):
    app = open_page(page, run=runs[kind].id, sample="3")
    assert not app.exception, (page, app.exception)
    assert not app.error, (page, [error.value for error in app.error])
    if page in ("latent", "parts", *TABS_OF_EXPLAIN):
        assert ("no labels" in text_of(app)) == (kind == "table")
        assert ("from left to right height, width" in text_of(app)) == (kind == "table")


def test_the_strongest_parts_colour_a_map_of_data_without_labels_too(runs):
    app = open_page("latent", run=runs["table"].id, colour="part")
    legend = "".join(element.proto.json for element in app.get("bidi_component") if "latent.left" in element.proto.id)
    assert not app.exception
    assert "part 1" in legend or "part 2" in legend or "part 3" in legend
    assert "cluster" not in legend


def test_what_needs_labels_is_there_for_images_and_left_out_for_a_table(runs):
    with_labels, without = (open_page("home", run=runs[kind].id) for kind in ("images", "table"))
    assert {metric.label.split(",")[0] for metric in with_labels.metric} == {"ACC", "NMI", "ARI"}
    assert {metric.label.split(",")[0] for metric in without.metric} == {"Silhouette"}
    assert "People" in text_of(without) or any("People" in str(frame.value) for frame in without.dataframe)
    assert "Silhouette 0." in text_of(open_page("sweep", cell="gamma=0.5"))
    with_labels, without = (open_page("parts", run=runs[kind].id).dataframe[0].value for kind in ("images", "table"))
    assert {"Class", "Purity"} <= set(with_labels)
    assert not {"Class", "Purity", "Entropy"} & set(without)


def test_a_table_is_added_with_a_choice_for_its_gaps_and_sets_the_form(home, tmp_path):
    app = open_page("train")
    app.segmented_control(key="train.own.from").set_value("path").run()
    app.text_input(key="train.own.path").input(str(table(tmp_path / "gaps.csv", gap=True))).run()
    assert "1 of 300 values are missing" in text_of(app)
    app.segmented_control(key="train.own.missing").set_value("mean").run()
    assert not app.exception
    assert "1 missing values: the mean of their column" in text_of(app)
    app.button(key="train.own.add").click().run()
    (name,) = user_sets.names()
    assert app.selectbox(key="train.dataset").value == name
    assert app.text_input(key="train.layers").value == "16, 12, 3"
    assert "60 samples of 5 features" in text_of(app)
    app.selectbox(key="train.dataset").select("digits").run()
    assert app.text_input(key="train.layers").value == "500, 500, 2000, 10"


def test_a_preset_and_what_suits_the_data_leave_each_other_alone(home, tmp_path):
    name = user_sets.add(table(tmp_path / "people.csv"), "people.csv", ImportOptions())
    suited = suggest(user_sets.user_spec(name)).fields["epochs"]
    app = open_page("train")
    epochs = lambda: app.number_input(key="train.epochs").value  # noqa: E731
    app.selectbox(key="train.dataset").select(name).run()
    assert epochs() == suited
    app.segmented_control(key="train.preset").set_value("parts").run()  # says nothing of epochs
    assert epochs() == suited
    app.segmented_control(key="train.preset").set_value("quick").run()
    assert epochs() == 5
    app.switch_page("../pages/home.py").run().switch_page("../pages/train.py").run()
    app.selectbox(key="train.dataset").select("digits").run()
    app.selectbox(key="train.dataset").select(name).run()
    assert epochs() == 5
    assert app.text_input(key="train.layers").value != "500, 500, 2000, 10"
    user_data.remove_data_set(name)
    app.run()
    assert app.text_input(key="train.layers").value == "500, 500, 2000, 10"


def test_a_folder_in_which_a_picture_has_changed_is_read_again(tmp_path):
    with zipfile.ZipFile(pictures(tmp_path / "sides.zip")) as archive:
        archive.extractall(tmp_path / "sides")
    before = _fingerprint(tmp_path / "sides")
    assert _fingerprint(tmp_path / "sides") == before
    (tmp_path / "sides" / "left" / "0.png").unlink()
    removed = _fingerprint(tmp_path / "sides")
    (tmp_path / "sides" / "left" / "2.png").write_bytes((tmp_path / "sides" / "right" / "1.png").read_bytes())
    assert len({before, removed, _fingerprint(tmp_path / "sides")}) == 3


@pytest.mark.parametrize(
    ("path", "sentence"),
    [("/nowhere/at/all", "no such file or folder"), (f"/{'x' * 300}", "cannot be read (File name too long)")],
)
def test_a_path_that_cannot_be_read_is_a_sentence_of_the_form(home, path, sentence):
    app = open_page("train")
    app.segmented_control(key="train.own.from").set_value("path").run()
    app.text_input(key="train.own.path").input(path).run()
    assert not app.exception
    assert sentence in text_of(app)
    assert "cannot be used" not in text_of(app)


def test_an_array_that_is_too_large_for_memory_is_sent_to_the_command(home, tmp_path, monkeypatch):
    monkeypatch.setenv("DDNMF_MEMORY_SHARE", "0")
    np.save(tmp_path / "large.npy", np.zeros((50, 8, 8), np.uint8))
    app = open_page("train")
    app.segmented_control(key="train.own.from").set_value("path").run()
    app.text_input(key="train.own.path").input(str(tmp_path / "large.npy")).run()
    assert not app.exception
    assert "ddnmf data add" in text_of(app)
    assert "train.own.add" not in [button.key for button in app.button]


def test_a_set_that_is_gone_is_a_sentence_and_the_rest_of_the_pages_stands(runs, home):
    shutil.rmtree(home / "data" / runs["table"].dataset)
    app = open_page("home", run=runs["table"].id)
    assert not app.exception
    assert "its data set is missing from this store or damaged" in text_of(app)
    for page in ("parts", "explain"):
        app = open_page(page, run=runs["table"].id)
        assert not app.exception
        assert "Add its file or folder again" in text_of(app)
    app = open_page("train", run=runs["images"].id)
    assert not app.exception
    assert not app.error
    assert runs["images"].dataset in text_of(app)


def test_a_set_is_removed_unless_a_run_needs_it(runs, tmp_path):
    unused = user_sets.add(table(tmp_path / "other.csv"), "other.csv", ImportOptions(scale="set"))
    app = open_page("train")
    app.button(key=f"train.remove.{unused}").click().run()
    assert unused not in user_sets.names()
    app.button(key=f"train.remove.{runs['table'].dataset}").click().run()
    assert "runs were trained on" in text_of(app)
    assert runs["table"].dataset in user_sets.names()


def test_pictures_in_the_rows_of_a_table_are_proposed_with_their_labels(home, tmp_path):
    side = 28
    lines = [",".join(["label", *(f"pixel{number}" for number in range(side * side))])]
    chance = np.random.default_rng(0)
    lines += [",".join(map(str, [number % 3, *chance.integers(0, 256, side * side)])) for number in range(30)]
    (tmp_path / "train.csv").write_text("\n".join(lines) + "\n")
    app = open_page("train")
    app.segmented_control(key="train.own.from").set_value("path").run()
    app.text_input(key="train.own.path").input(str(tmp_path / "train.csv")).run()
    shape = next(each for each in app.text_input if each.key.startswith("train.own.shape"))
    labels = next(each for each in app.selectbox if each.key.startswith("train.own.labels"))
    assert (labels.value, shape.value) == ("label", "28x28")
    assert "**30 images**, 3 classes" in text_of(app)
    shape.set_value("").run()
    assert "**30 rows of 784 features**, 3 classes" in text_of(app)
    shape = next(each for each in app.text_input if each.key.startswith("train.own.shape"))
    shape.set_value("9x9").run()
    assert any("81 values, but the rows have 784" in warning.value for warning in app.warning)


def test_a_table_of_features_by_samples_is_turned_and_its_columns_chosen(home, tmp_path):
    chance = np.random.default_rng(0)
    lines = [",".join(["gene", *(f"patient{number}" for number in range(25))])]
    lines += [",".join(map(str, [f"g{number}", *chance.poisson(5, 25)])) for number in range(300)]
    (tmp_path / "counts.csv").write_text("\n".join(lines) + "\n")
    app = open_page("train")
    app.segmented_control(key="train.own.from").set_value("path").run()
    app.text_input(key="train.own.path").input(str(tmp_path / "counts.csv")).run()

    def widget(kind, name):
        return next(each for each in getattr(app, kind) if each.key.startswith(f"train.own.{name}."))

    widget("toggle", "transpose").set_value(True).run()
    assert "**25 rows of 300 features**" in text_of(app)
    assert "Offered: the first 100 of 300 columns, and columns of text." in text_of(app)
    assert "The first 50 of 300 columns." in text_of(app)
    widget("toggle", "log1p").set_value(True).run()
    widget("number_input", "most_varying").set_value(20).run()
    assert "**25 rows of 20 features**" in text_of(app)
    assert "20 of 300 columns kept, those that vary most" in text_of(app)
    app.button(key="train.own.add").click().run()
    assert user_sets.meta(user_sets.names()[0])["done"]["log1p"] is True
