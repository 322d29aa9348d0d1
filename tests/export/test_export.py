"""A run in the formats of other tools, read back with the library that each is for."""

import io
import json
import os
import zipfile

import numpy as np
import pandas as pd
import pytest
import torch
from stored import trained

from ddnmf_core.config import EmbeddingConfig, RunConfig
from ddnmf_core.data.user import user_sets
from ddnmf_core.data.user.source import ImportOptions
from ddnmf_core.export import csv, formats, safetensors
from ddnmf_core.export.write import export
from ddnmf_core.store.entry import CODES_FILE, POINTS_FILE
from ddnmf_core.store.finished_run import FinishedRun, load_model
from ddnmf_core.store.part_names import rename_part
from ddnmf_core.store.run_store import Store

RUN = RunConfig(dataset="digits", n_samples=300, layers=(16, 6), n_parts=4, epochs=2)
EXTRA = "pip install 'ddnmf[export]'"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return trained(Store(tmp_path_factory.mktemp("export")), RUN)


@pytest.fixture(scope="module")
def autoencoder(run):
    return trained(Store(run.root), RUN.replace(model="ae1"))


def with_extra(*packages):
    """Skips where the extra is not installed."""
    return [pytest.importorskip(package, reason=f"not installed: {EXTRA}") for package in packages]


# ------------------------------------------------------------------------------------- the way out


@pytest.mark.parametrize(
    ("name", "path", "sentence"),
    [("excel", "a.xls", "format = 'excel': should be one of parquet, csv"), ("csv", "taken.csv", "already exists")],
)
def test_what_cannot_be_exported_is_a_sentence_and_leaves_nothing(run, tmp_path, name, path, sentence):
    (tmp_path / "taken.csv").write_text("mine")
    with pytest.raises(ValueError, match=sentence):
        export(run, name, tmp_path / path)
    assert [(found.name, found.read_text()) for found in tmp_path.iterdir() if found.is_file()] == [("taken.csv", "mine")]


def test_an_unfinished_run_is_not_exported(run, tmp_path):
    with pytest.raises(ValueError, match="is not finished"):
        export(Store(run.root).create(RUN.replace(seed=9)), "csv", tmp_path / "x.csv")


def test_a_missing_package_is_named_with_what_installs_it(run, tmp_path, monkeypatch):
    monkeypatch.setattr(formats, "find_spec", lambda package: None)
    with pytest.raises(RuntimeError, match=r"TensorBoard requires tensorboard: install with pip install 'ddnmf\[export\]'"):
        export(run, "tensorboard", tmp_path / "logs")


def test_an_export_that_breaks_leaves_nothing_behind(run, tmp_path):
    def stop(share, message):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export(run, "csv", tmp_path / "out" / "x.csv", stop)
    assert list((tmp_path / "out").iterdir()) == []


def test_a_folder_can_be_one_zip_file(run, tmp_path):
    export(run, "safetensors", tmp_path / "model.zip")
    with zipfile.ZipFile(tmp_path / "model.zip") as packed:
        assert {"model/README.md", "model/config.json", "model/model.safetensors"} <= set(packed.namelist())


# -------------------------------------------------------------------------------------------- rows


def test_parquet_holds_codes_clusters_and_labels_of_each_image(run, tmp_path):
    export(run, "parquet", tmp_path / "run.parquet")
    table = pd.read_parquet(tmp_path / "run.parquet")
    clean, codes = table[table["input"] == "clean"], run.read_tensors(CODES_FILE)
    assert len(table) == 600
    assert clean["sample"].tolist() == list(range(300))
    np.testing.assert_array_equal(clean[["H_1", "H_2", "H_3", "H_4"]], codes["clean/H"])
    np.testing.assert_array_equal(table[table["input"] == "noisy"][[f"z_hat_{k}" for k in range(1, 7)]], codes["noisy/z_hat"])
    assert {"z_6", "label", "class", "cluster_z_kmeans", "cluster_H_gmm", "error"} <= set(table)
    assert set(clean["cluster_z_kmeans"]) == set(range(1, 11))


def test_csv_holds_the_same_numbers_as_parquet(run, tmp_path):
    for suffix in ("csv", "parquet"):
        export(run, suffix, tmp_path / f"run.{suffix}")
    text, typed = pd.read_csv(tmp_path / "run.csv"), pd.read_parquet(tmp_path / "run.parquet")
    assert list(text) == list(typed)
    numbers = list(typed.select_dtypes("number"))
    np.testing.assert_allclose(text[numbers], typed[numbers], rtol=1e-6)


def test_a_text_that_looks_like_a_formula_is_text_in_a_csv():
    table = pd.DataFrame({"class": ["=1+1", "@SUM(A1)", "-2", "plain"], "-z": [-1.5, 2.0, 0.0, 1.0]})
    lines = csv.escape_formulas(table).to_csv(index=False).splitlines()
    assert lines == ["class,'-z", "'=1+1,-1.5", "'@SUM(A1),2.0", "'-2,0.0", "plain,1.0"]


def test_an_autoencoder_has_rows_without_parts(autoencoder, tmp_path):
    export(autoencoder, "csv", tmp_path / "ae.csv")
    columns = set(pd.read_csv(tmp_path / "ae.csv"))
    assert "z_6" in columns
    assert "H_1" not in columns


def test_embedding_atlas_gets_places_thumbnails_and_parts(run, few_digits, tmp_path):
    from PIL import Image

    rename_part(run, 0, "hook")
    export(run, "embedding-atlas", tmp_path / "atlas.parquet")
    table = pd.read_parquet(tmp_path / "atlas.parquet")
    assert len(table) == 300
    assert set(table["map"]) == {"pca of z"}
    assert {"projection_x", "projection_y", "label", "class", "H_4", "cluster_z_kmeans"} <= set(table)
    strongest = run.read_tensors(CODES_FILE)["clean/H"].argmax(axis=1)
    assert [name == "Part 1, hook" for name in table["strongest_part"]] == (strongest == 0).tolist()
    pixels = np.asarray(Image.open(io.BytesIO(table["image"][7]["bytes"])))
    assert pixels.shape == (8, 8)
    np.testing.assert_allclose(pixels.ravel() / 255, few_digits.scaled(np.array([7]))[0], atol=0.01)
    rename_part(run, 0, "")


def test_embedding_atlas_takes_the_map_that_is_there(run, tmp_path):
    other = trained(Store(run.root), RUN.replace(seed=2))
    made = trained(Store(run.root), EmbeddingConfig(run=other.id, method="pca", representation="H", n_points=50))
    export(other, "embedding-atlas", tmp_path / "atlas.parquet")
    table, points = pd.read_parquet(tmp_path / "atlas.parquet"), made.read_table(POINTS_FILE)
    assert table["sample"].tolist() == points["sample"].tolist()
    assert table["projection_x"].tolist() == points["x"].tolist()
    assert set(table["map"]) == {"pca of H"}


def test_parts_are_rows_with_a_column_for_each_pixel(run, tmp_path):
    rename_part(run, 1, "=hook")
    export(run, "parts", tmp_path / "parts.csv")
    rename_part(run, 1, "")
    table = pd.read_csv(tmp_path / "parts.csv")
    assert table["part"].tolist() == [1, 2, 3, 4]
    assert table["name"].tolist()[1] == "'=hook"
    assert list(table)[2:4] == ["pixel_0_0", "pixel_0_1"]
    assert list(table)[-1] == "pixel_7_7"
    np.testing.assert_allclose(table.iloc[:, 2:], FinishedRun(run).part_effects(), atol=1e-6)


def test_parts_of_an_autoencoder_are_a_sentence(autoencoder, tmp_path):
    with pytest.raises(ValueError, match="is an autoencoder: it has no parts"):
        export(autoencoder, "parts", tmp_path / "parts.csv")
    assert list(tmp_path.iterdir()) == []


# ------------------------------------------------------------------------------------------ models


@pytest.mark.parametrize("name", ["run", "autoencoder"])
def test_weights_come_back_as_the_same_model(name, request, few_digits, tmp_path):
    trained = request.getfixturevalue(name)
    export(trained, "safetensors", tmp_path / "model")
    model, config = safetensors.load(tmp_path / "model")
    x = torch.from_numpy(few_digits.scaled())
    with torch.no_grad():
        assert config == trained.config
        assert torch.equal(model(x), load_model(trained)(x))


def test_the_model_card_says_what_how_good_and_how_to_load(run, tmp_path):
    export(run, "safetensors", tmp_path / "model")
    text = (tmp_path / "model" / "README.md").read_text()
    accuracy = run.read_json("scores.json")[0]["acc"]
    assert all(
        part in text
        for part in (
            run.id,
            "seed 1",
            f"{accuracy:.4f}",
            "| torch |",
            "CC BY 4.0",
            "learning_rate",
            "model, config = load(",
            "## Limits",
            "Noise in training: gaussian, 40%",
        )
    )


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("config.json", b"{", "is not JSON"),
        ("config.json", b"[]", "should be a JSON object with the settings"),
        ("config.json", b'{"speed": 9}', "there is no such setting"),
        ("config.json", b" " * 70_000, "should be at most 65,536"),
        ("config.json", None, "config.json not found"),
        ("model.safetensors", b"\x00" * 40, "does not match the model"),
        ("config.json", json.dumps(RUN.replace(n_parts=7).model_dump(mode="json")).encode(), "does not match the model"),
    ],
)
def test_a_folder_that_is_not_what_was_exported_is_refused(run, tmp_path, name, content, sentence):
    export(run, "safetensors", tmp_path / "model")
    path = tmp_path / "model" / name
    path.unlink() if content is None else path.write_bytes(content)
    with pytest.raises(ValueError, match=sentence):
        safetensors.load(tmp_path / "model")


def test_onnx_computes_what_the_model_computes(run, few_digits, tmp_path):
    with_extra("onnx", "onnxscript")
    (onnxruntime,) = with_extra("onnxruntime")
    export(run, "onnx", tmp_path / "onnx")
    x = few_digits.scaled()
    encoder, decoder = (onnxruntime.InferenceSession(tmp_path / "onnx" / f"{name}.onnx") for name in ("encoder", "decoder"))
    z, H, z_hat = encoder.run(None, {"images": x})
    codes = run.read_tensors(CODES_FILE)
    for ours, kept in ((z, "z"), (H, "H"), (z_hat, "z_hat")):
        np.testing.assert_allclose(ours, codes[f"clean/{kept}"], atol=1e-4)
    (rebuilt,) = decoder.run(None, {"H": H[:1]})
    with torch.no_grad():
        np.testing.assert_allclose(rebuilt, load_model(run).student.decode(torch.from_numpy(H[:1])), atol=1e-5)
    assert encoder.get_modelmeta().custom_metadata_map["ddnmf.run"] == run.id
    assert b".py" not in (tmp_path / "onnx" / "encoder.onnx").read_bytes()  # no path of this machine
    with np.load(tmp_path / "onnx" / "parts.npz") as parts:
        assert parts["raised"].shape == (4, 64)


def test_an_onnx_file_that_computes_something_else_is_noticed(run, few_digits, tmp_path):
    with_extra("onnx", "onnxscript", "onnxruntime")
    from ddnmf_core.export import onnx

    export(run, "onnx", tmp_path / "onnx")
    model = load_model(run)
    model.student.nmf.W_prime.data += 0.1
    with torch.no_grad(), pytest.raises(RuntimeError, match=r"encoder.onnx differs from the model"):
        onnx.check_network(tmp_path / "onnx" / "encoder.onnx", onnx.Encoder(model), torch.from_numpy(few_digits.scaled()))


# ---------------------------------------------------------------------------------------- trackers


def test_tensorboard_reads_curves_pictures_and_scores(run, tmp_path):
    with_extra("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    export(run, "tensorboard", tmp_path / "logs")
    assert all("ddnmf" in path.name for path in (tmp_path / "logs").iterdir())
    read = EventAccumulator(str(tmp_path / "logs"))
    read.Reload()
    assert [event.step for event in read.Scalars("L_in")] == [1, 2]
    assert read.Scalars("L_in")[-1].value == pytest.approx(run.epochs()[-1]["L_in"], rel=1e-6)
    assert [event.step for event in read.Images("parts_swing")] == [0, 1, 2]
    assert read.Scalars("acc/clean/z/kmeans")[0].value == pytest.approx(
        FinishedRun(run).results()["acc/clean/z/kmeans"], rel=1e-6
    )
    assert any("hparams" in name for name in read.PluginTagToContent("hparams"))


def test_mlflow_reads_parameters_metrics_and_artifacts(run, tmp_path):
    with_extra("mlflow", "sqlalchemy", "alembic")
    export(run, "mlflow", tmp_path / "tracked")
    (tmp_path / "tracked").rename(tmp_path / "moved")
    from mlflow.tracking import MlflowClient

    client = MlflowClient(tracking_uri=f"sqlite:///{tmp_path}/moved/mlflow.db")
    (tracked,) = client.search_runs([client.get_experiment_by_name("digits").experiment_id])
    assert tracked.data.tags["ddnmf.run"] == run.id
    assert tracked.data.params["n_parts"] == "4"
    assert [metric.step for metric in client.get_metric_history(tracked.info.run_id, "L_in")] == [1, 2]
    assert tracked.data.metrics["acc/clean/z/kmeans"] == pytest.approx(FinishedRun(run).results()["acc/clean/z/kmeans"])
    artifacts = tmp_path / "moved" / tracked.info.artifact_uri.replace("mlflow-artifacts:/", "artifacts/")
    assert (artifacts / "model.safetensors").read_bytes() == run.read_bytes("model.safetensors")
    assert len(list((artifacts / "parts").glob("part-*.png"))) == 4
    database = (tmp_path / "moved" / "mlflow.db").read_bytes()
    assert not any(os.fsencode(path) in database for path in (tmp_path, os.getcwd()))  # it can be given away


# --------------------------------------------------------------------------------- data of one's own


@pytest.fixture(scope="module")
def runs_on_own(tmp_path_factory):
    """A run on pictures without labels, and one on a table with them."""
    folder = tmp_path_factory.mktemp("own")
    chance = np.random.default_rng(0)
    np.save(folder / "pictures.npy", chance.integers(0, 255, (60, 6, 5)).astype(np.uint8))
    (folder / "table.csv").write_text("a,b,c,kind\n" + "".join(f"{i},{i % 7},{i % 5},{'uv'[i % 2]}\n" for i in range(60)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DDNMF_HOME", str(folder / "home"))
        sets = [
            user_sets.add(folder / "pictures.npy", "pictures.npy", ImportOptions()),
            user_sets.add(folder / "table.csv", "table.csv", ImportOptions(labels="kind")),
        ]
        return [trained(Store(), RUN.replace(dataset=name, n_samples=None)) for name in sets]


@pytest.fixture
def own(runs_on_own, home, monkeypatch):
    monkeypatch.setenv("DDNMF_HOME", str(runs_on_own[0].root))
    return runs_on_own


@pytest.mark.parametrize(
    "name", ["safetensors", "tensorboard", "projector", "mlflow", "parquet", "csv", "parts", "embedding-atlas"]
)
def test_every_format_takes_runs_on_data_of_one_s_own(own, tmp_path, name):
    with_extra(*{"tensorboard": ["tensorboard"], "mlflow": ["mlflow", "sqlalchemy", "alembic"]}.get(name, []))
    for number, each in enumerate(own):
        export(each, name, tmp_path / f"{number}")
        assert (tmp_path / f"{number}").exists()


def test_the_card_of_a_run_without_labels_has_silhouettes_and_that_of_a_table_rows(own, tmp_path):
    texts = []
    for number, each in enumerate(own):
        export(each, "safetensors", tmp_path / f"{number}")
        texts.append((tmp_path / f"{number}" / "README.md").read_text())
    assert "images of 6 x 5 pixels, no labels" in texts[0]
    assert "| silhouette |" in texts[0]
    assert "rows of 3 features, 2 classes" in texts[1]
    assert "| ACC |" in texts[1]
