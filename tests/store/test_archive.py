"""Runs as one file: the same bytes for the same runs, and nothing taken in that was not checked."""

import json
import shutil
import stat
import zipfile

import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest
from stored import CONFIG, content, factorise, finish, flip, made_of, train_a_little

from ddnmf_core.files.atomic import document, sha256
from ddnmf_core.store import archive_export, archive_import, content_checks
from ddnmf_core.store.archive_import import BadArchive, import_archive
from ddnmf_core.store.entry import CLUSTERS_FILE, CODES_FILE, MODEL_FILE, SCORES_FILE, State
from ddnmf_core.store.run_store import Store
from ddnmf_core.store.verify import verify


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


@pytest.fixture
def other(tmp_path):
    return Store(tmp_path / "other")


@pytest.fixture
def run(store):
    return finish(store)


@pytest.fixture
def packed(run, tmp_path):
    """An archive of one run."""
    archive_export.export_archive([run], tmp_path / "run.zip")
    return tmp_path / "run.zip"


def members_of(path):
    with zipfile.ZipFile(path) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def forge(path, members, how=zipfile.ZIP_STORED):
    """The archive, with these members in it."""
    with zipfile.ZipFile(path, "w", how) as forged:
        for name, value in members.items():
            forged.writestr(name, value)
    return path


def resealed(members, run, name, value):
    """With one file replaced by somebody who also makes the manifest fit."""
    folder = f"runs/{run.id}"
    manifest = json.loads(members[f"{folder}/manifest.json"])
    manifest.pop("sha256")
    return {**members, f"{folder}/{name}": value, f"{folder}/manifest.json": document({**manifest, name: sha256(value)})}


def nothing_in(store):
    return not any((store.root / "runs").iterdir()) if (store.root / "runs").exists() else True


def test_what_was_exported_is_imported_with_all_that_belongs_to_it(store, run, other, tmp_path):
    together = [run, *made_of(store, run)]
    finish(store, CONFIG.replace(seed=9))  # stays at home
    archive_export.export_archive(archive_export.with_derived([run]), tmp_path / "a.zip")
    imported = import_archive(other, tmp_path / "a.zip")
    assert imported.imported[0].kind == "runs"
    assert {(entry.kind, entry.id) for entry in imported.imported} == {(entry.kind, entry.id) for entry in together}
    assert imported.refused == {}
    assert {content(entry) for entry in imported.imported} == {content(entry) for entry in together}
    assert verify(other).findings == []
    assert list(other.root.rglob("*.tmp")) == []


def test_everything_is_every_kind_that_ended_well(store, run, tmp_path):
    failed = store.create(CONFIG.replace(seed=5))
    failed.set_state(State("failed", message="in /home/somebody"))
    store.request(CONFIG.replace(seed=6))
    expected = {run, *made_of(store, run), factorise(store), train_a_little(store, CONFIG.replace(seed=2))}
    assert set(archive_export.export_archive(archive_export.exportable_entries(store), tmp_path / "a.zip").entries) == expected


def test_the_same_entries_make_the_same_bytes(store, run, other, packed, tmp_path):
    archive_export.export_archive([run], tmp_path / "again.zip")
    assert (tmp_path / "again.zip").read_bytes() == packed.read_bytes()
    import_archive(other, packed)
    archive_export.export_archive(other.entries(), tmp_path / "from-there.zip")
    assert (tmp_path / "from-there.zip").read_bytes() == packed.read_bytes()
    with zipfile.ZipFile(packed) as opened:  # nothing of the clock, the system or the order of writing
        assert {member.date_time for member in opened.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert {member.create_system for member in opened.infolist()} == {3}
        assert opened.namelist()[:-1] == sorted(opened.namelist()[:-1])


def test_a_stopped_run_goes_on_from_its_checkpoint_elsewhere(store, other, tmp_path):
    run = train_a_little(store)
    with (run.folder / "history.jsonl").open("a") as file:
        file.write('{"kind": "ep')  # cut short by a kill
    archive_export.export_archive([run], tmp_path / "a.zip")
    (there,) = import_archive(other, tmp_path / "a.zip").imported
    there.rewind_history(8)
    there.append_history({"kind": "epoch", "step": 16})
    assert [row["step"] for row in there.history()] == [8, 16]
    assert there.names("checkpoint-") == ["checkpoint-000000008.safetensors"]


def test_what_is_there_already_is_skipped(run, store, other, packed):
    before = content(run)
    assert import_archive(store, packed).already_present == [run]
    assert content(run) == before
    assert len(import_archive(other, packed).imported) == 1
    assert import_archive(other, packed).imported == []


def test_a_damaged_run_is_left_out_and_named(store, run, tmp_path):
    whole = finish(store, CONFIG.replace(seed=2))
    flip(run.folder / MODEL_FILE)
    exported = archive_export.export_archive([run, whole], tmp_path / "a.zip")
    assert exported.entries == [whole]
    assert "damaged" in exported.left_out[run]
    with pytest.raises(ValueError, match="nothing to export"):
        archive_export.export_archive([run], tmp_path / "b.zip")
    assert [path.name for path in tmp_path.glob("*.zip*")] == ["a.zip"]
    assert list(tmp_path.glob(".*")) == []


def test_a_file_that_is_there_is_not_written_over(run, packed):
    before = packed.read_bytes()
    with pytest.raises(ValueError, match="already exists"):
        archive_export.export_archive([run], packed)
    assert packed.read_bytes() == before


NO_FILES_OF_A_RUN = (
    "../../evil.json",
    "/etc/passwd",
    "runs/../../x/config.json",
    "runs\\x\\config.json",
    "engine.json",
    "runs/0123456789abcdef/../../../config.json",
    "runs/0123456789abcdef/snapshots/../lock",
    "runs/ABC/config.json",
    "runs/0123456789abcdef/lock",
    "runs/0123456789abcdef/evil.pkl",
    "secrets/0123456789abcdef/config.json",
    "runs/0123456789abcdef/snapshots/../../../x.safetensors",
    "runs/0123456789abcdef/config.json\n",
    "runs/0123456789abcdeg/config.json",
)


@pytest.mark.parametrize("name", NO_FILES_OF_A_RUN)
def test_a_name_that_is_no_file_of_a_run_refuses_the_archive(packed, other, name, tmp_path):
    forge(packed, {**members_of(packed), name: b"{}"})
    with pytest.raises(BadArchive, match="which is not a file of a run"):
        import_archive(other, packed)
    assert nothing_in(other)
    assert {path.name for path in tmp_path.iterdir()} <= {"run.zip", "store", "other", "ddnmf-home"}


def test_a_link_refuses_the_archive(run, packed, other):
    members = members_of(packed)
    with zipfile.ZipFile(packed, "w") as forged:
        for name, value in members.items():
            member = zipfile.ZipInfo(name)
            link = name.endswith(MODEL_FILE)
            member.external_attr = (stat.S_IFLNK if link else stat.S_IFREG) << 16
            forged.writestr(member, b"/etc/passwd" if link else value)
    with pytest.raises(BadArchive, match="is a link"):
        import_archive(other, packed)
    assert nothing_in(other)


def test_a_bomb_is_refused_by_what_it_declares(run, packed, other):
    bomb = resealed(members_of(packed), run, CODES_FILE, b"\0" * 4_000_000)
    with pytest.raises(BadArchive, match="would expand from"):
        import_archive(other, forge(packed, bomb, zipfile.ZIP_DEFLATED))
    assert nothing_in(other)


@pytest.mark.parametrize("limit", ["MAX_ARCHIVE_BYTES", "MAX_FILE_BYTES", "MAX_TEXT_BYTES", "MAX_MEMBERS"])
def test_too_much_is_refused(packed, other, monkeypatch, limit):
    monkeypatch.setattr(archive_import, limit, 10)
    with pytest.raises(BadArchive, match=r"should be at most 10$|would unpack to more than"):
        import_archive(other, packed)
    assert nothing_in(other)


def test_a_bomb_that_declares_too_little_is_refused(run, packed, other):
    """The sizes in the list of members are changed, so that they promise a hundredth of what is packed."""
    members = resealed(members_of(packed), run, CODES_FILE, bytes(range(256)) * 40)
    forge(packed, members, zipfile.ZIP_DEFLATED)
    true, told = (10_240).to_bytes(4, "little"), (102).to_bytes(4, "little")
    assert true in packed.read_bytes()
    packed.write_bytes(packed.read_bytes().replace(true, told))
    assert list(import_archive(other, packed).refused) == [f"runs/{run.id}"]
    assert nothing_in(other)


def test_no_room_is_said_before_anything_is_written(packed, other, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10, 9, 1))
    with pytest.raises(OSError, match="free some disk space"):
        import_archive(other, packed)
    assert nothing_in(other)


@pytest.mark.parametrize("value", [b"", b"PK", b"GIF89a", b"PK\x05\x06" + b"\0" * 18])
def test_what_is_no_archive_is_refused_in_a_sentence(other, tmp_path, value):
    (tmp_path / "x.zip").write_bytes(value)
    with pytest.raises(BadArchive, match=r"not a readable zip file|not an archive of DDNMF"):
        import_archive(other, tmp_path / "x.zip")


def test_an_archive_of_a_newer_version_is_refused_in_a_sentence(packed, other):
    header = json.dumps({"format": archive_export.ARCHIVE_FORMAT, "version": archive_export.ARCHIVE_VERSION + 1}).encode()
    with pytest.raises(BadArchive, match="newer DDNMF Studio"):
        import_archive(other, forge(packed, {**members_of(packed), archive_export.ARCHIVE_HEADER: header}))


def test_two_files_of_one_name_are_refused(run, packed, other):
    with zipfile.ZipFile(packed, "a") as twice, pytest.warns(UserWarning, match="Duplicate"):
        twice.writestr(f"runs/{run.id}/{SCORES_FILE}", b"[]")
    with pytest.raises(BadArchive, match="two files with the same name"):
        import_archive(other, packed)


def of(run, name):
    return f"runs/{run.id}/{name}"


def without(members, name):
    return {key: value for key, value in members.items() if key != name}


def table(**columns):
    sink = pa.BufferOutputStream()
    pa.parquet.write_table(pa.table(columns), sink)
    return sink.getvalue().to_pybytes()


FORGERIES = {
    "another configuration": lambda m, run: {
        **m,
        of(run, "config.json"): json.dumps(CONFIG.replace(seed=7).model_dump(mode="json")).encode(),
    },
    "a file that changed": lambda m, run: {**m, of(run, SCORES_FILE): m[of(run, SCORES_FILE)] + b" "},
    "a file that is missing": lambda m, run: without(m, of(run, SCORES_FILE)),
    "a file that no manifest lists": lambda m, run: {**m, of(run, "checkpoint-000000001.safetensors"): m[of(run, MODEL_FILE)]},
    "no manifest": lambda m, run: without(m, of(run, "manifest.json")),
    "a manifest of other things": lambda m, run: {**m, of(run, "manifest.json"): document({MODEL_FILE: ["x"]})},
    "a state that is none": lambda m, run: {**m, of(run, "state.json"): document({"status": "running"})},
    "a state with more in it": lambda m, run: {**m, of(run, "state.json"): document({"status": "finished", "evil": 1})},
    "a progress beyond the end": lambda m, run: {**m, of(run, "state.json"): document({"status": "finished", "progress": 7.0})},
    "a pickle for a model": lambda m, run: resealed(m, run, MODEL_FILE, b"\x80\x04K\x01."),
    "text for codes": lambda m, run: resealed(m, run, CODES_FILE, b"hello"),
    "text for a table": lambda m, run: resealed(m, run, CLUSTERS_FILE, b"hello"),
    "a table of other things": lambda m, run: resealed(m, run, CLUSTERS_FILE, table(x=[{"a": 1}])),
    "no JSON for scores": lambda m, run: resealed(m, run, SCORES_FILE, b"[1,"),
    "JSON that is nested without end": lambda m, run: resealed(m, run, SCORES_FILE, b"[" * 100_000),
    "scores of half of it": lambda m, run: resealed(
        m, run, SCORES_FILE, json.dumps(json.loads(m[of(run, SCORES_FILE)])[1:]).encode()
    ),
    "a name that is no line": lambda m, run: resealed(m, run, "run-name.json", b'{"name": "two\\nlines"}'),
    "a name with more in it": lambda m, run: resealed(m, run, "run-name.json", b'{"name": "mine", "evil": 1}'),
    "names that no part has": lambda m, run: resealed(m, run, "part-names.json", b'{"first": "hook"}'),
    "a history that lacks a loss": lambda m, run: resealed(
        m, run, "history.jsonl", m[of(run, "history.jsonl")].replace(b"L_ap", b"L_xy")
    ),
    "a history with words for numbers": lambda m, run: resealed(
        m, run, "history.jsonl", m[of(run, "history.jsonl")].replace(b"[0.25,", b'["<script>",')
    ),
    "a history of fewer layers": lambda m, run: resealed(
        m, run, "history.jsonl", m[of(run, "history.jsonl")].replace(b"[0.25,", b"[")
    ),
    "a history of other things": lambda m, run: resealed(m, run, "history.jsonl", b"[1]\n"),
    "a finished run without a model": lambda m, run: without(
        {
            **m,
            of(run, "manifest.json"): document(without(without(json.loads(m[of(run, "manifest.json")]), "sha256"), MODEL_FILE)),
        },
        of(run, MODEL_FILE),
    ),
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_an_entry_that_is_not_as_it_was_packed_is_refused_alone(store, run, other, tmp_path, forgery):
    whole = finish(store, CONFIG.replace(seed=2))
    archive_export.export_archive([run, whole], tmp_path / "a.zip")
    imported = import_archive(other, forge(tmp_path / "a.zip", FORGERIES[forgery](members_of(tmp_path / "a.zip"), run)))
    assert list(imported.refused) == [f"runs/{run.id}"]
    assert [entry.id for entry in imported.imported] == [whole.id]
    assert [path.name for path in (other.root / "runs").iterdir()] == [whole.id]


def test_what_only_meant_something_where_it_came_from_stays_there(store, other, tmp_path):
    run = finish(store)
    run.set_state(State("finished", 1.0, "m" * 5000, "CPU", wanted_device="cuda:7"))
    archive_export.export_archive([run], tmp_path / "a.zip")
    (there,) = import_archive(other, tmp_path / "a.zip").imported
    assert there.state.wanted_device == "auto"
    assert len(there.state.message) == 1000


def test_a_kill_while_it_is_unpacked_leaves_no_half_of_an_entry(packed, other, monkeypatch):
    monkeypatch.setattr(archive_import, "_check", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    monkeypatch.setattr(shutil, "rmtree", lambda *_, **__: None)  # a killed process clears nothing away
    with pytest.raises(KeyboardInterrupt):
        import_archive(other, packed)
    monkeypatch.undo()
    assert other.entries() == []
    assert len(import_archive(other, packed).imported) == 1


def test_a_table_that_declares_too_much_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(content_checks, "MAX_TABLE_ROWS", 2)
    pd.DataFrame({"a": [1, 2, 3]}).to_parquet(tmp_path / "t.parquet")
    with pytest.raises(ValueError, match="are too many"):
        content_checks._check_table(tmp_path / "t.parquet")
