"""Data larger than memory: mapped instead of read, with the same names, bytes and weights, and memory that does not grow."""

import json
import mmap
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from ddnmf_core.config import RunConfig
from ddnmf_core.data import catalogue
from ddnmf_core.data.dataset import DataError, Images
from ddnmf_core.data.user import user_sets
from ddnmf_core.data.user.scaling import preprocess
from ddnmf_core.data.user.source import ImportOptions, RawData
from ddnmf_core.engine.worker import tasks
from ddnmf_core.files.memory_map import blocks, is_mapped, too_large, total_memory
from ddnmf_core.model.mapped_pixels import MappedRows, pixels_on_device
from ddnmf_core.store.entry import CODES_FILE, MODEL_FILE, SCORES_FILE
from ddnmf_core.store.run_store import Store

ROOT = Path(__file__).parents[2]
N, SIDE = 300, 6
CPU = torch.device("cpu")
PEAK = """
import re, sys
from pathlib import Path
import numpy as np, torch
from ddnmf_core.config import RunConfig
from ddnmf_core.data.dataset import Images
from ddnmf_core.model.encoding import encode
from ddnmf_core.model.trainer import Trainer
torch.set_num_threads(1)
x = np.load(sys.argv[1], mmap_mode="r", allow_pickle=False)
images = Images("x", x, np.zeros(len(x), np.int64), (28, 28), ("",))
config = RunConfig(layers=(16, 4), n_parts=3, batch_size=1024, epochs=1)
trainer = Trainer(config, images, torch.device("cpu"))
trainer.train(lambda row: None)
encode(trainer.model, config, images, noisy=False)
print(1024 * int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]))    # of this process alone
"""


@pytest.fixture
def all_mapped(monkeypatch):
    monkeypatch.setenv("DDNMF_MEMORY_SHARE", "0")


@pytest.fixture
def small_blocks(monkeypatch):
    """Ten rows of SIDE x SIDE values, so that a few hundred rows are many blocks."""
    monkeypatch.setattr("ddnmf_core.files.memory_map.BLOCK_VALUES", 10 * SIDE * SIDE)


def shades(n: int = N) -> np.ndarray:
    """Pictures of two kinds."""
    chance = np.random.default_rng(1)
    return (chance.random((n, SIDE, SIDE)) * np.where(np.arange(n) % 2, 100, 255)[:, None, None]).astype(np.uint8)


def saved(tmp_path, x):
    path = tmp_path / "x.npy"
    np.save(path, x)
    return path


def kept_in(home, path, monkeypatch, share: str, **choices) -> tuple[str, bytes]:
    """The name of the set and the bytes of its arrays."""
    monkeypatch.setenv("DDNMF_HOME", str(home))
    monkeypatch.setenv("DDNMF_MEMORY_SHARE", share)
    name = user_sets.add(path, path.name, ImportOptions(**choices))
    return name, (user_sets.folder(name) / user_sets.ARRAYS_FILE).read_bytes()


def test_what_is_mapped_is_larger_than_a_share_of_memory(monkeypatch):
    assert not too_large(10_000_000)
    monkeypatch.setenv("DDNMF_MEMORY_SHARE", "0.5")
    assert (too_large(total_memory() // 2), too_large(total_memory() // 2 + 1)) == (False, True)
    monkeypatch.setenv("DDNMF_MEMORY_SHARE", "half")
    with pytest.raises(ValueError, match="DDNMF_MEMORY_SHARE = 'half': should be a number from 0 to 1"):
        too_large(1)


def with_gaps() -> np.ndarray:
    x = np.random.default_rng(2).normal(size=(N, 5))
    x[[3, 40, 41], [0, 2, 2]] = [np.nan, np.inf, np.nan]
    return x


@pytest.mark.parametrize(
    ("x", "choices"),
    [
        (shades(), {}),
        (shades() > 90, {}),
        (shades().reshape(N, -1), {"shape": (SIDE, SIDE)}),
        (shades().astype(np.float32), {}),
        (shades().astype(np.int16) - 50, {"negative": "shift"}),
        (shades().reshape(N, -1), {}),
        (with_gaps(), {"missing": "zero", "negative": "clip", "scale": "maximum"}),
        (with_gaps(), {"missing": "mean", "negative": "shift"}),
    ],
    ids=["bytes", "bits", "rows", "floats", "shifted", "table", "zero", "mean"],
)
def test_a_set_has_the_same_name_and_bytes_whether_it_was_mapped_or_not(tmp_path, monkeypatch, small_blocks, x, choices):
    path = saved(tmp_path, x)
    in_memory = kept_in(tmp_path / "a", path, monkeypatch, "1", **choices)
    assert kept_in(tmp_path / "b", path, monkeypatch, "0", **choices) == in_memory
    assert is_mapped(catalogue.load(in_memory[0]).pixels)
    assert [path.name for path in user_sets.folder("own").parent.iterdir()] == [in_memory[0]]


def test_the_mean_of_a_column_is_that_of_its_values_that_are_there(small_blocks):
    x = with_gaps()
    values, done = preprocess(RawData(x, None, (), None, None), ImportOptions(missing="mean", negative="shift"))
    column = np.delete(x[:, 2], [40, 41])
    assert (done["missing"], done["missing_became"]) == (3, "mean")
    assert values[40, 2] == values[41, 2] == pytest.approx((column.mean() - column.min()) / np.ptp(column))


def test_what_cannot_be_mapped_is_one_sentence(tmp_path, all_mapped):
    for x, reason in (
        (np.zeros((N, 4, 4, 3), np.uint8), "Save them gray"),
        (np.zeros(N), r"should be \(n, d\)"),
        (np.asfortranarray(np.zeros((N, 4))), "numpy.ascontiguousarray"),
        (-np.ones((N, 4)), "1,200 of 1,200"),
        (np.zeros((5, 9)), "at least 20 are needed"),
        (np.array([["a"]] * N), "should be numbers"),
    ):
        with pytest.raises(DataError, match=reason):
            user_sets.add(saved(tmp_path, x), "x.npy", ImportOptions())
    assert user_sets.names() == []


def test_a_mapped_set_that_was_changed_is_refused(tmp_path, all_mapped):
    name = user_sets.add(saved(tmp_path, shades()), "x.npy", ImportOptions())
    path = user_sets.folder(name) / user_sets.ARRAYS_FILE
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match="damaged"):
        catalogue.load(name)
    assert user_sets.add(tmp_path / "x.npy", "x.npy", ImportOptions()) == name  # adding it again repairs it
    assert len(catalogue.load(name)) == N


def test_rows_come_in_the_order_asked_for(tmp_path):
    rows = pixels_on_device(np.load(saved(tmp_path, shades().reshape(N, -1)), mmap_mode="r"), CPU)
    assert isinstance(rows, MappedRows)
    wanted = torch.tensor([299, 0, 17, 17, 5])
    rows.prefetch(wanted)
    rows.prefetch(wanted[:0])
    assert torch.equal(rows[wanted], torch.tensor(shades().reshape(N, -1))[wanted])
    assert torch.equal(rows[:7], torch.tensor(shades().reshape(N, -1))[:7])


def test_rows_of_a_part_of_a_map_are_those_of_the_part(tmp_path):
    mapped = np.load(saved(tmp_path, shades()), mmap_mode="r").reshape(N, -1)
    for part in (mapped[100:200], np.asarray(mapped)[7:]):
        assert torch.equal(MappedRows(part, CPU)[torch.tensor([9, 0])], torch.tensor(part[[9, 0]]))


def test_rows_that_are_not_in_a_file_one_after_the_other_are_refused(tmp_path):
    mapped = np.load(saved(tmp_path, shades().reshape(N, -1)), mmap_mode="r")
    for pixels in (np.zeros((N, 4)), mapped[:, :5], mapped[[1, 2]]):
        with pytest.raises(ValueError, match="should be mapped from a file"):
            MappedRows(pixels, CPU)


def test_a_file_that_is_cut_short_while_it_is_read_is_an_error(tmp_path):
    path = saved(tmp_path, shades().reshape(N, -1))
    rows = pixels_on_device(np.load(path, mmap_mode="r"), CPU)
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - 1)
    assert len(rows[torch.tensor([0, N - 2])]) == 2
    with pytest.raises(OSError, match=r"x\.npy: has no row 299"):
        rows[torch.tensor([0, N - 1])]


def file_memory() -> int:
    """Bytes of mapped files in the memory of this process."""
    return int(Path("/proc/self/statm").read_text().split()[2]) * mmap.PAGESIZE


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="the memory of a process is read from Linux's /proc")
def test_batches_and_blocks_leave_little_of_a_map_in_memory(tmp_path):
    """A system may map 2 MiB around each row, which would be all of this file of 118 MB."""
    np.save(tmp_path / "x.npy", np.zeros((150_000, 784), np.uint8))
    pixels = np.load(tmp_path / "x.npy", mmap_mode="r")
    rows, before, most = pixels_on_device(pixels, CPU), file_memory(), 0
    for seed in range(4):
        rows[torch.randint(0, 150_000, (1024,), generator=torch.Generator().manual_seed(seed))]
        most = max(most, file_memory() - before)
    assert most < 2**22
    for block in blocks(pixels):
        assert pixels[block].max() == 0
        most = max(most, file_memory() - before)
    assert most < 2**25


def test_blocks_cover_every_row_once(small_blocks):
    assert [(rows.start, rows.stop) for rows in blocks(np.zeros((25, SIDE * SIDE)))] == [(0, 10), (10, 20), (20, 25)]


def test_a_run_on_a_mapped_set_ends_with_the_same_bits(tmp_path, monkeypatch):
    path, made = saved(tmp_path, shades()), []
    for share in ("1", "0"):
        monkeypatch.setenv("DDNMF_HOME", str(tmp_path / share))
        monkeypatch.setenv("DDNMF_MEMORY_SHARE", share)
        name = user_sets.add(path, path.name, ImportOptions())
        assert is_mapped(catalogue.load(name).pixels) == (share == "0")
        run = Store().create(RunConfig(dataset=name, layers=(16, 4), n_parts=3, epochs=4, batch_size=64, noise_level=0.3))
        assert tasks.perform(str(Store().root), run.kind, run.id, "cpu") == "finished", run.state
        made.append([run.read_bytes(kept) for kept in (MODEL_FILE, CODES_FILE, SCORES_FILE)])
    assert made[0] == made[1]


def test_a_part_of_a_mapped_set_and_all_of_its_values_are_held_in_memory_if_they_fit(tmp_path, all_mapped, monkeypatch):
    name = user_sets.add(saved(tmp_path, shades()), "x.npy", ImportOptions())
    part, whole = catalogue.load(name, 50), catalogue.load(name)
    assert not is_mapped(part.pixels)
    assert whole.scaled().shape == (N, SIDE * SIDE)
    for module in ("data.catalogue", "data.dataset"):
        monkeypatch.setattr(f"ddnmf_core.{module}.total_memory", lambda: 3000)
    with pytest.raises(DataError, match="n_samples = 50: these samples take"):
        catalogue.load(name, 50)
    with pytest.raises(DataError, match="the values of all 300 samples at once"):
        whole.scaled()
    assert whole.scaled(slice(0, 5)).shape == (5, SIDE * SIDE)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of a process is read from Linux's /proc")
def test_memory_does_not_grow_with_the_file(tmp_path):
    peaks = []
    for n in (20_000, 200_000):  # 16 and 157 MB
        np.save(tmp_path / f"{n}.npy", np.random.default_rng(1).integers(0, 256, (n, 784), np.uint8))
        done = subprocess.run(
            [sys.executable, "-c", PEAK, str(tmp_path / f"{n}.npy")], cwd=ROOT, check=True, text=True, capture_output=True
        )
        peaks.append(json.loads(done.stdout))
    assert peaks[1] - peaks[0] < 100e6


def test_a_trainer_takes_a_mapped_array_as_it_is(tmp_path, few_digits, small):
    from ddnmf_core.model.trainer import Trainer

    np.save(tmp_path / "x.npy", few_digits.pixels)
    mapped = Images("x", np.load(tmp_path / "x.npy", mmap_mode="r"), few_digits.labels, (8, 8), few_digits.class_names)
    trainers = [Trainer(small(), images, CPU) for images in (few_digits, mapped)]
    for trainer in trainers:
        trainer.train(lambda row: None)
    assert all(
        torch.equal(a, b) for a, b in zip(*(trainer.state().values() for trainer in trainers), strict=True) if a.numel() != 1
    )  # but for the seconds
