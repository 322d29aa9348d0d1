"""What benchmarks share; their figures are not tested here, for they belong to a machine."""

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.__main__ import NAMES
from benchmarks.measuring import NotHere, Result, as_json, machine, milliseconds, spread, table

ROOT = Path(__file__).parents[1]


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
        "| a | b | c |\n| --- | --- | --- |\n| 1,234 | 0.123 | – |\n| x | – | – |\n")


@pytest.mark.parametrize("name", NAMES)
def test_every_benchmark_can_be_asked_for(name):
    module = importlib.import_module(f"benchmarks.{name}")
    assert callable(module.measure)
    assert module.REPEATS >= 1
    assert module.__doc__


def test_without_a_gpu_it_says_what_would_measure_it():
    import torch
    if torch.cuda.is_available():
        pytest.skip("there is a GPU here")
    with pytest.raises(NotHere, match="python -m benchmarks gpu"):
        importlib.import_module("benchmarks.gpu").measure(1)


def test_the_command_prints_a_table():
    done = subprocess.run([sys.executable, "-m", "benchmarks", "shapley", "--repeats", "1"], cwd=ROOT, capture_output=True,
                          text=True, check=True)
    assert done.stdout.startswith("| parts | coalitions |")
