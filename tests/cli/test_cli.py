"""The command line, on an engine of its own."""

import json
import os
import subprocess
import sys

import pytest
from stored import finish, flip, made_of
from typer.testing import CliRunner

from ddnmf_core.cli.main import main_app
from ddnmf_core.config import PRESETS, RunConfig
from ddnmf_core.store.run_store import Store

SMALL = ["--dataset", "digits", "--layers", "32,16,6", "--n-parts", "5", "--epochs", "2"]


def ddnmf(*arguments, home, timeout=120):
    environment = {**os.environ, "DDNMF_HOME": str(home), "DDNMF_THREADS": "1"}
    return subprocess.run(
        [sys.executable, "-m", "ddnmf_core", *arguments], env=environment, capture_output=True, text=True, timeout=timeout
    )


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    home = tmp_path_factory.mktemp("cli")
    yield home, ddnmf("train", *SMALL, "--json", home=home)
    ddnmf("engine", "stop", home=home)


def test_the_last_line_of_train_is_one_object(trained):
    _, result = trained
    assert result.returncode == 0, result.stderr
    summary = json.loads(result.stdout.splitlines()[-1])
    config = RunConfig(dataset="digits", layers=(32, 16, 6), n_parts=5, epochs=2, nmf_at="pixels")
    assert summary["run"] == config.id
    assert summary["state"] == "finished"
    assert {"L_sym", "L_ap", "L_nc", "L_in"} == set(summary["losses"])
    assert {(row["representation"], row["clusterer"]) for row in summary["scores"]} >= {("z", "kmeans"), ("H", "gmm")}
    assert summary["seconds"] > 0
    assert summary["device"]


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ([], {**PRESETS["recommended"], "n_parts": 32}),
        (["--n-parts", "7"], {"nmf_at": "pixels", "n_parts": 7}),
        (["--set", "nmf_at=code"], {}),
        (["--set", "basis=nonnegative"], {"basis": "nonnegative"}),
        (["--preset", "quick"], {"epochs": 5}),
        (["--model", "ae1"], {"model": "ae1"}),
    ],
)
def test_without_a_preset_the_recommended_model_is_trained(monkeypatch, tmp_path, options, wanted):
    asked = []
    monkeypatch.setattr(
        "ddnmf_core.engine.client.submit", lambda store, config, _: asked.append(config) or store.create(config)
    )
    done = CliRunner().invoke(main_app, ["train", "--dataset", "digits", *options, "--detach", "--home", str(tmp_path)])
    assert done.exit_code == 0, done.output
    assert asked == [RunConfig(dataset="digits", **wanted)]


def test_the_same_run_again_is_found_with_the_same_numbers(trained):
    home, first = trained
    again = ddnmf("train", *SMALL, "--json", home=home)
    assert again.stdout.splitlines()[-1] == first.stdout.splitlines()[-1]


def test_runs_are_listed_shown_verified_and_deleted(trained):
    home, first = trained
    run = json.loads(first.stdout.splitlines()[-1])["run"]
    assert run in ddnmf("runs", "list", home=home).stdout
    assert json.loads(ddnmf("runs", "show", run, home=home).stdout)["run"] == run
    assert "no damage found" in ddnmf("runs", "verify", home=home).stdout
    model = home / "runs" / run / "model.safetensors"
    content = bytearray(model.read_bytes())
    content[100] ^= 1
    model.write_bytes(content)
    damaged = ddnmf("runs", "verify", home=home)
    assert damaged.returncode == 1
    assert "model.safetensors is damaged" in damaged.stdout
    asked = ddnmf("runs", "delete", run, home=home)
    assert asked.returncode == 2
    assert "Not an interactive terminal; pass --yes to confirm." in asked.stderr
    assert run in ddnmf("runs", "list", home=home).stdout
    assert ddnmf("runs", "delete", run, "--yes", home=home).returncode == 0
    assert run not in ddnmf("runs", "list", home=home).stdout


def answer(capsys, *arguments):
    """The exit code, what was printed and what went to standard error, without a process of its own."""
    with pytest.raises(SystemExit) as ended:
        main_app(["runs", *arguments])
    return ended.value.code, *capsys.readouterr()


def test_a_deleted_run_is_listed_and_comes_back(home, capsys):
    run = finish(Store())
    made_of(Store(run.root), run)
    assert answer(capsys, "delete", run.id, "--yes")[0] == 0
    assert not run.exists
    (found,) = json.loads(answer(capsys, "deleted", "--json")[1])
    assert (found["run"], found["entries"]) == (run.id, 4)
    assert "4 entries" in answer(capsys, "deleted")[1]
    assert answer(capsys, "restore", run.id)[0] == 0
    assert run.finished
    code, _, sentence = answer(capsys, "restore", run.id)
    assert (code, "No deleted entry" in sentence) == (2, True)
    answer(capsys, "delete", run.id, "--yes")
    assert answer(capsys, "deleted", "--empty")[0] == 2  # not a terminal
    assert answer(capsys, "deleted", "--empty", "--yes")[0] == 0
    assert "No deleted entries" in answer(capsys, "deleted")[1]


def test_verifying_tells_by_its_exit_code_and_repairs(home, capsys):
    run = finish(Store())
    assert answer(capsys, "verify")[:2] == (0, "1 entry checked: no damage found.\n")
    flip(run.folder / "codes.safetensors")
    code, out, _ = answer(capsys, "verify")
    assert code == 1
    assert "codes.safetensors is damaged" in out
    code, out, _ = answer(capsys, "verify", "--json")
    assert (code, json.loads(out)["findings"][0]["place"]) == (1, f"runs/{run.id}")
    assert answer(capsys, "verify", "--repair")[0] == 0
    assert answer(capsys, "verify")[0] == 0


def test_runs_go_from_one_store_to_another(home, tmp_path, capsys):
    run, file = finish(Store()), str(tmp_path / "study.zip")
    assert answer(capsys, "export", run.id, "--out", file)[0] == 0
    assert answer(capsys, "export", "--all", "--out", file)[0] == 2  # it is there already
    assert answer(capsys, "export", "--out", str(tmp_path / "b.zip"))[0] == 2
    there = str(tmp_path / "there")
    code, out, _ = answer(capsys, "import", file, "--home", there, "--json")
    assert (code, json.loads(out)["imported"]) == (0, [f"runs/{run.id}"])
    assert "Already present: 1" in answer(capsys, "import", file, "--home", there)[1]
    flip(run.folder / "model.safetensors")
    finish(Store(run.root), run.config.replace(seed=2))
    code, _, said = answer(capsys, "export", "--all", "--home", str(home), "--out", str(tmp_path / "c.zip"))
    assert code == 1
    assert f"runs/{run.id} is damaged" in said


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["runs", "import", "nowhere.zip"], "nowhere.zip"),
        (["train", "--noise-level", "1.5"], "noise_level = 1.5: should be less than or equal to 1"),
        (["train", "--dataset", "cifar"], "dataset = 'cifar'"),
        (["train", "--set", "speed=9"], "speed: there is no such setting"),
        (["train", "--set", "speed"], "should be name=value"),
        (["train", "--preset", "magic"], "preset = 'magic'"),
        (["train", "--layers", "a,b"], "layers = 'a,b'"),
        (["train", "--set", "layers=a,b"], "layers = 'a,b'"),
        (["runs", "show", "0123456789abcdef"], "No run"),
        (["reproduce", "table9"], "target = 'table9': should be one of table1"),
        (["reproduce", "table1", "--check", "--out", "nowhere"], "nowhere/table1.json not found"),
        (["export", "0123456789abcdef", "--to", "csv"], "No run"),
        (["experiment", "nowhere.toml"], "nowhere.toml"),
        (["data", "--get", "cifar"], "there is none of this name"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_2(arguments, sentence, tmp_path):
    result = ddnmf(*arguments, home=tmp_path)
    assert result.returncode == 2
    assert sentence in result.stderr
    assert "Traceback" not in result.stderr


def test_data_lists_each_set_and_how_to_get_it(tmp_path):
    result = ddnmf("data", home=tmp_path)
    for name in ("mnist-10k", "fashion-mnist-10k", "mnist", "fashion-mnist", "digits"):
        assert name in result.stdout
    assert "bundled with DDNMF" in result.stdout


def test_help_says_what_exit_codes_mean(tmp_path):
    text = " ".join(ddnmf("--help", home=tmp_path).stdout.split())
    assert "Exit codes: 0 success." in text
    assert "130 interrupted" in text


@pytest.mark.parametrize(
    ("words", "wanted"),
    [("ddnmf exp", {"export", "experiment"}), ("ddnmf export --to e", {"embedding-atlas"}), ("ddnmf runs show ", {"RUN"})],
)
def test_the_shell_completes_commands_formats_and_runs(words, wanted, home):
    from ddnmf_core.store.run_store import Store

    run = Store(home).create(RunConfig()).id
    answer = subprocess.run(
        [sys.executable, "-c", "from ddnmf_core.cli.main import main_app; main_app(prog_name='ddnmf')"],
        check=False,
        capture_output=True,
        text=True,
        env={
            **os.environ,
            "_DDNMF_COMPLETE": "complete_bash",
            "COMP_WORDS": words,
            "COMP_CWORD": str(len(words.split(" ")) - 1),
        },
    )
    assert set(answer.stdout.split()) == {run if word == "RUN" else word for word in wanted}, answer.stderr


def test_lists_can_be_read_by_a_program(home):
    from ddnmf_core.store.run_store import Store

    entry = Store(home).create(RunConfig())
    assert {row["data"] for row in json.loads(ddnmf("data", "--json", home=home).stdout)} >= {"mnist-10k", "digits"}
    assert json.loads(ddnmf("runs", "verify", "--json", home=home).stdout) == {"whole": True, "entries": 1, "findings": []}
    shown = ddnmf("runs", "show", entry.id, "--json", home=home).stdout
    assert json.loads(shown.splitlines()[-1])["state"] == "new"
