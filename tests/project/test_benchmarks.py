"""What benchmarks share; their figures are not tested here, for they belong to a machine."""

import ast
import importlib
import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.__main__ import BENCHMARKS
from benchmarks.common import synthetic_images
from benchmarks.common.harness import NotHere, Result, as_json, machine, milliseconds, spread, table, tables
from ddnmf_core.config import PUBLISHED, RunConfig
from ddnmf_core.engine import client as engine
from ddnmf_core.reproduce.protocol import FULL_PROTOCOL
from ddnmf_core.store.run_store import Store

ROOT = Path(__file__).parents[2]


def test_the_spread_of_repetitions():
    assert spread([3.0, 1.0, 2.0]) == pytest.approx({"median": 2.0, "p95": 2.9, "lowest": 1.0, "highest": 3.0})
    assert len(milliseconds(lambda: None, 4)) == 4


def test_a_result_says_how_it_was_made_and_where():
    result = Result("train", [{"model": "ae1", "ratio": 5.25}], {"ratio": 5.25, "ours": 10.0, "reference": 2.0}, 3)
    document = as_json(result, machine())
    assert {"ratio", "ours", "reference", "machine", "command", "repeats"} <= document.keys()
    assert document["machine"]["cores"] >= 1
    assert document["command"] == "python -m benchmarks train --repeats 3"


def test_a_table_has_a_column_for_each_field():
    assert table([{"a": 1234, "b": 0.12345}, {"a": "x", "c": None}]) == (
        "| a | b | c |\n| --- | --- | --- |\n| 1,234 | 0.123 | – |\n| x | – | – |\n"
    )


@pytest.mark.parametrize("name", BENCHMARKS)
def test_every_benchmark_can_be_asked_for(name):
    module = BENCHMARKS[name].load()
    assert callable(module.measure)
    assert module.REPEATS >= 1
    assert module.__doc__


def test_scripts_that_are_run_in_processes_of_their_own_import_what_exists():
    """They are strings, which mypy does not read."""
    for path in (ROOT / "benchmarks").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and "\nfrom ddnmf_core" in node.value:
                for line in re.findall(r"^ *from (?:ddnmf_core|benchmarks)[\w.]* import [\w, ]+", node.value, re.MULTILINE):
                    exec(line.strip(), {})


def test_without_a_gpu_it_says_what_would_measure_it():
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is a GPU here")
    with pytest.raises(NotHere, match="python -m benchmarks gpu"):
        next(importlib.import_module("benchmarks.training.gpu").measure(1))


def test_the_command_prints_a_table():
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "shapley", "--repeats", "1"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("| parts | coalitions |")


def test_a_table_for_each_curve():
    assert tables([{"curve": "One", "a": 1}, {"curve": "Two", "b": 2}, {"curve": "One", "a": 3}]) == (
        "**One**\n\n| a |\n| --- |\n| 1 |\n| 3 |\n\n**Two**\n\n| b |\n| --- |\n| 2 |\n"
    )
    assert tables([{"a": 1}]) == table([{"a": 1}])


def test_the_size_of_a_benchmark_is_part_of_its_command():
    kept = as_json(Result("embeddings", [], {}, 1, 70_000, "embeddings-70000"), {})
    assert (kept["name"], kept["kept_as"]) == ("embeddings", "embeddings-70000")
    assert as_json(Result("mapped", [], {}, 2, 500), {})["command"] == "python -m benchmarks mapped --repeats 2 --size 500"


def test_images_repeated_with_noise_are_the_same_however_many_there_are(tmp_path):
    for n in (50, 10_020):
        synthetic_images.write(tmp_path / f"{n}.npy", n)
    few, many = (np.load(tmp_path / f"{n}.npy") for n in (50, 10_020))
    assert (many.shape, many.dtype) == ((10_020, 28, 28), np.uint8)
    assert np.array_equal(few, many[:50])
    again = many[10_000:].astype(int) - many[:20]  # the same digits, another noise
    assert 0 < abs(again).max() <= 2 * synthetic_images.NOISE


def test_training_from_a_map_is_compared_with_memory(tmp_path):
    synthetic_images.write(tmp_path / "images.npy", 3000)
    rows = importlib.import_module("benchmarks.training.mapped").of_one_file(tmp_path / "images.npy", 3000, repeats=1, steps=1)
    assert [row["source"] for row in rows] == ["memory", "mapped", "mapped, cold"]
    assert all(row["same weights"] and row["images/s"] > 0 and row["peak memory, MB"] > 100 for row in rows)


def test_every_curve_grows_along_its_axis_and_is_drawn(tmp_path, monkeypatch):
    growth = importlib.import_module("benchmarks.scale.growth")
    for name, few in (("N_PARTS", (2, 4)), ("N_POINTS", (50, 100)), ("N_WORKERS", (1, 2)), ("N_IMAGES", ())):
        monkeypatch.setattr(growth, name, few)
    rows = growth.measure(1, 3000, 4, (1, 3)).rows
    assert list(dict.fromkeys(row["curve"] for row in rows)) == [
        "Images",
        "Parts",
        "Runs in the store",
        "Points on the map",
        "Workers",
    ]
    assert [row["sent, MB"] for row in rows if "sent, MB" in row] == pytest.approx([50 * 801e-6, 100 * 801e-6])
    growth.draw(rows, tmp_path / "growth.png")
    assert (tmp_path / "growth.png").read_bytes()[:4] == b"\x89PNG"


def test_maps_are_timed_and_judged():
    rows = importlib.import_module("benchmarks.analysis.embeddings").measure(1, 600, 1).rows
    assert [row["map"] for row in rows] == ["scikit-learn's t-SNE", "openTSNE", "UMAP", "PCA"]
    assert all(row["seconds"] > 0 and 0.5 < row["trustworthiness"] <= 1 for row in rows)


def test_precisions_are_compared_seed_by_seed(home):
    module = importlib.import_module("benchmarks.training.precision")
    try:
        rows = module.measure(2, ("digits",), layers=(32, 8), n_parts=4, epochs=1).rows
    finally:
        engine.stop(Store(home))
    assert [row["score"] for row in rows] == list(module.NAMES)
    assert all(row["difference"] == pytest.approx(row["bfloat16"] - row["medium"]) for row in rows)
    assert 0 < abs(rows[-1]["difference"]) < 0.02 * rows[-1]["medium"]


def test_stacks_are_compared_with_the_losses_of_runs_alone(monkeypatch):
    """On a CPU in the place of the GPU, a few digits in the place of Figure 3."""
    import torch

    from ddnmf_core.data.catalogue import load
    from ddnmf_core.model.trainer import Trainer

    gpu, images = importlib.import_module("benchmarks.training.gpu"), load("digits", 300)
    small = {**PUBLISHED, "layers": (32, 16, 6), "n_parts": 5, "epochs": 2, "batch_size": 64}
    few = replace(
        FULL_PROTOCOL,
        datasets=("digits",),
        n_samples=300,
        noise_levels=(0.1, 0.4, 0.8),
        noise_models={"DDNMF": small, "AE1": {**small, "model": "ae1"}},
    )
    monkeypatch.setattr(gpu, "FULL_PROTOCOL", few)
    monkeypatch.setattr(gpu, "_trainers", lambda configs: [Trainer(each, images, torch.device("cpu")) for each in configs])
    monkeypatch.setattr(torch.cuda, "synchronize", lambda *_: None)
    *stacks, half, rows = [[dict(row) for row in rows] for rows in gpu.compared(1)]
    assert [len(rows) for rows in stacks] == [1, 2]  # kept before any eager run
    assert [gpu.RATIO in row for row in half] == [True, False]
    assert [(row["model"], row["runs"], row["finished"]) for row in rows] == [("DDNMF", 3, 3), ("AE1", 3, 3)]
    assert all(row["losses differ by"] < 0.01 and row[gpu.RATIO] > 0 for row in rows)
    compute = gpu.BatchedTrainer._compute
    monkeypatch.setattr(gpu.BatchedTrainer, "_compute", lambda stack, *of: (compute(stack, *of), stack.sums[:, 1:].mul_(3)))
    *_, rows = gpu.compared(1)
    assert all(row["losses differ by"] > 0.5 for row in rows)  # told in the table


def test_a_client_that_draws_nothing_sees_its_own_samples(monkeypatch):
    clients = importlib.import_module("benchmarks.browser.clients")
    monkeypatch.setattr(clients, "PAUSE", (0.1, 0.2))
    tiny = RunConfig(dataset="digits", layers=(64, 32, 8), n_parts=5, epochs=1)
    alone, two, *_ = clients.measure(1, counts=(1, 2), seconds=1, run=tiny).rows
    assert alone["steps"] >= 1
    assert two["steps"] >= 2
    assert (two["errors"], two["of another"]) == (0, 0)


def test_quality_counts_the_time_to_the_errors_of_the_plain_loop():
    quality = importlib.import_module("benchmarks.training.quality")

    def side(*errors, seconds):
        epochs = [{"epoch": k, "seconds": k * seconds, "error": e, "L_sym": e / 2} for k, e in enumerate(errors, 1)]
        return {"epochs": epochs, "scores": {"ACC, K-means": 0.5}}

    plain, sooner = side(0.4, 0.3, 0.2, seconds=10), side(0.3, 0.2, 0.1, seconds=1)
    seconds, error, _, score = quality.rows_of("mnist-10k", [(plain, sooner), (plain, sooner)])
    assert (error["epochs to the plain loop's"], error["times sooner"]) == (2, 15)
    assert (seconds["plain loop"], seconds["ours"]) == ("30 ± 0 (3 epochs)", "3 ± 0 (3 epochs)")
    assert (score["at the end"], score["ours"]) == ("ACC, K-means", "0.5 ± 0")
    _, _, never, _ = quality.rows_of("mnist-10k", [(plain, sooner), (plain, side(0.4, 0.3, 0.21, seconds=1))])
    assert never["times sooner"] is None  # one seed does not reach it


def test_quality_measures_only_pairs_that_were_not_kept(tmp_path, monkeypatch):
    quality = importlib.import_module("benchmarks.training.quality")
    one = {"epochs": [{"epoch": 1, "seconds": 2.0, "error": 0.2, "L_sym": 0.1}], "scores": {"ACC, K-means": 0.5}}
    kept = [{"data": name, "seed": 1, "processor": "", "reference": one, "ours": one} for name in quality.SETS[10_000]]
    (tmp_path / "quality.json").write_text(json.dumps({"pairs": kept}))
    asked = []
    monkeypatch.setattr(quality, "OUT", tmp_path)
    monkeypatch.setattr(quality, "_side", lambda *of: asked.append(of) or one)
    *_, last = quality.measure(2)
    assert asked == [(side, name, 2) for name in quality.SETS[10_000] for side in ("reference", "ours")]
    assert {(row["data"], row["seeds"]) for row in last.rows} == {(name, 2) for name in quality.SETS[10_000]}
    assert len(last.figures["pairs"]) == 4


@pytest.mark.parametrize("name", ["reference", "ours"])
def test_both_sides_of_quality_are_judged_alike(name, monkeypatch):
    from torch.utils.data import Subset

    quality, plain_loop = (importlib.import_module(f"benchmarks.training.{name}") for name in ("quality", "plain_loop"))
    whole = plain_loop._torchvision_set
    monkeypatch.setattr(plain_loop, "_torchvision_set", lambda *of: Subset(whole(*of), range(600)))
    done = quality.side(name, "mnist-10k", 1, layers=(16, 6), n_parts=4, epochs=1)
    assert [epoch["epoch"] for epoch in done["epochs"]] == [1]
    assert 0 < done["epochs"][0]["L_sym"] < 0.3
    assert done["epochs"][0]["seconds"] > 0
    assert {"ACC, K-means", "NMI, K-means", "ACC, GMM", "NMI, GMM"} == done["scores"].keys()


@pytest.mark.parametrize(("module", "program"), [("browser.memory", "WORKER"), ("scale.cluster", "SCORING")])
def test_a_program_that_looks_into_a_worker_runs(module, program, tmp_path):
    text = getattr(importlib.import_module(f"benchmarks.{module}"), program)
    entry = Store(tmp_path).create(RunConfig(dataset="digits", n_samples=100, layers=(8, 4), n_parts=2, epochs=1))
    command = [sys.executable, "-c", text, str(tmp_path), "runs", entry.id, "cpu"]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    figures = json.loads(done.stdout.splitlines()[-1])
    assert min(figures if isinstance(figures, list) else [figures]) > 0
