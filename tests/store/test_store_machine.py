"""Any story of writing, dying, damaging, deleting, repairing and carrying away: no damaged file is ever read as whole, and
what was finished and left alone can be read.

    DDNMF_STORIES=2000 python -m pytest tests/store/test_store_machine.py      # longer; each story takes about a second
"""

import json
import os
import shutil
import tempfile
from pathlib import Path
from unittest.mock import patch

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test
from stored import CONFIG, content, finish, read, train_a_little

from ddnmf_core.files.atomic import CorruptFile
from ddnmf_core.files.checked_folder import MANIFEST_FILE
from ddnmf_core.store import archive_export, trash
from ddnmf_core.store.archive_import import import_archive
from ddnmf_core.store.entry import CONFIG_FILE as SETTINGS
from ddnmf_core.store.entry import STATE_FILE
from ddnmf_core.store.run_store import Store
from ddnmf_core.store.verify import verify

STORIES, STEPS = int(os.environ.get("DDNMF_STORIES", "8")), 20
SEEDS = st.integers(1, 3)
DOCUMENTS = (SETTINGS, STATE_FILE, MANIFEST_FILE)


class Killed(BaseException):
    """What no code catches."""


class StoreMachine(RuleBasedStateMachine):
    """Three runs, whose files depend on their seed alone: so it is known what each must hold."""

    def __init__(self):
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.unsynced = patch("os.fsync")
        self.unsynced.start()
        reference = Store(self.folder / "reference")
        self.truth = {seed: finish(reference, self.config(seed)) for seed in (1, 2, 3)}
        self.store, self.second = Store(self.folder / "store"), Store(self.folder / "second")
        self.finished = set()  # seeds of runs that are finished and left alone
        self.exported = 0

    def teardown(self):
        self.unsynced.stop()
        shutil.rmtree(self.folder)

    @staticmethod
    def config(seed):
        return CONFIG.replace(seed=seed)

    def entry(self, seed):
        return self.store.entry(self.config(seed))

    def can_be_worked_on(self, seed):
        return not self.entry(seed).folder.exists() or not self.entry(seed).problems()

    def damaged_places(self):
        verdict = verify(self.store)
        places = [finding.place for finding in verdict.findings if finding.grade == "damaged"]
        assert verdict.whole == (not places)
        return places

    # ------------------------------------------------------------------------------------- work

    @initialize(seed=SEEDS)
    def there_is_a_run(self, seed):
        self.finish(seed)

    @rule(seed=SEEDS)
    def begin(self, seed):
        if self.entry(seed).exists:
            return
        train_a_little(self.store, self.config(seed))

    @rule(seed=SEEDS)
    def finish(self, seed):
        if not self.can_be_worked_on(seed):
            return
        finish(self.store, self.config(seed))
        self.finished.add(seed)

    @rule(seed=SEEDS, n_renames=st.integers(0, 30))
    def die_while_writing(self, seed, n_renames):
        """Before some file would have been renamed into its place."""
        if seed in self.finished or not self.can_be_worked_on(seed):
            return
        replace, left = Path.replace, iter(range(n_renames))

        def rename(path, target):
            if next(left, None) is None:
                raise Killed
            return replace(path, target)

        try:
            with patch.object(Path, "replace", rename):
                finish(self.store, self.config(seed))
            self.finished.add(seed)
        except Killed:
            for path in self.store.root.rglob(".*.tmp"):  # its writer is dead, and not this process
                path.rename(path.with_name(path.name.replace(f"@{os.getpid()}.", "@999999999.")))
        assert f"runs/{self.entry(seed).id}" not in self.damaged_places()

    @rule(seed=SEEDS)
    def ask(self, seed):
        if not self.can_be_worked_on(seed):
            return
        self.store.request(self.config(seed))

    @rule()
    def work_off_the_queue(self):
        for request in self.store.requests():
            seed = request.entry.config.seed
            if self.can_be_worked_on(seed):
                self.finish(seed)
                self.store.close_request(request)

    # ---------------------------------------------------------------------------------- damage

    @rule(seed=SEEDS, which=st.randoms(use_true_random=False), how=st.sampled_from(["flip", "shorten", "empty", "lose"]))
    def damage(self, seed, which, how):
        """Any file, at any place. What no digest covers yet, the history of an unfinished run, is left alone."""
        entry = self.entry(seed)
        if not entry.exists or entry.problems():
            return
        path = entry.folder / which.choice([*DOCUMENTS, *entry.names("")])
        before = path.read_bytes()
        after = {
            "flip": flipped,
            "shorten": lambda content, which: content[: which.randrange(len(content))],
            "empty": lambda *_: b"",
            "lose": lambda *_: None,
        }[how](before, which)
        if path.name in DOCUMENTS and meaning(before) == meaning(after):
            return
        path.unlink() if after is None else path.write_bytes(after)
        self.finished.discard(seed)
        assert f"runs/{entry.id}" in self.damaged_places()

    @rule()
    def repair(self):
        assert verify(self.store, repair=True).whole
        assert {finding.grade for finding in verify(self.store).findings} <= {"set aside", "deleted"}

    # ----------------------------------------------------------------------- delete and restore

    @rule(seed=SEEDS)
    def delete(self, seed):
        if not self.entry(seed).exists:
            return
        was = (self.entry(seed).finished and content(self.entry(seed))) if seed in self.finished else None
        trash.delete_entry(self.entry(seed))
        self.finished.discard(seed)
        assert not self.entry(seed).exists
        if was:
            gone = trash.latest_deletion(self.store, self.entry(seed).id).entries[0]
            assert content(gone) == was

    @precondition(lambda self: trash.deletions(self.store))
    @rule(which=st.randoms(use_true_random=False))
    def restore(self, which):
        deletion = which.choice(trash.deletions(self.store))
        whole = not deletion.entries[0].problems() and deletion.entries[0].finished
        for entry in trash.restore_deletion(deletion):
            if whole and content(entry) == content(self.truth[entry.config.seed]):
                self.finished.add(entry.config.seed)

    # ------------------------------------------------------------------------- carried elsewhere

    @precondition(lambda self: self.finished)
    @rule()
    def carry_to_the_second_store(self):
        self.exported += 1
        file = self.folder / f"{self.exported}.zip"
        exported = archive_export.export_archive(archive_export.exportable_entries(self.store), file)
        assert {self.entry(seed) for seed in self.finished} <= set(exported.entries)
        there_before = set(self.second.entries())
        imported = import_archive(self.second, file)
        assert imported.refused == {}
        assert set(imported.imported) | there_before == set(self.second.entries())
        assert verify(self.second).findings == []

    @precondition(lambda self: any(entry.finished for entry in self.second.entries()))
    @rule()
    def carry_back(self):
        """What is there stays as it is, damaged or not."""
        self.exported += 1
        file = self.folder / f"{self.exported}.zip"
        archive_export.export_archive(self.second.entries(), file)
        for entry in import_archive(self.store, file).imported:
            if content(entry) == content(self.truth[entry.config.seed]):
                self.finished.add(entry.config.seed)

    # -------------------------------------------------------------------------------- invariants

    @invariant()
    def nothing_damaged_is_read_as_whole(self):
        for entry in [*self.store.entries(), *self.second.entries()]:
            truth = self.truth[entry.config.seed]
            for name in names_in(entry):
                try:
                    found = read(entry, name)
                except CorruptFile:
                    continue
                assert found == read(truth, name) if truth.has(name) else name.startswith("checkpoint-")

    @invariant()
    def what_was_finished_and_left_alone_can_be_read(self):
        there = self.store.entries()
        for seed in self.finished:
            assert self.entry(seed) in there
            assert content(self.entry(seed)) == content(self.truth[seed])


def names_in(entry):
    try:
        return entry.names("")
    except CorruptFile:
        return []


def flipped(content, which):
    place = which.randrange(len(content))
    return content[:place] + bytes([content[place] ^ (1 << which.randrange(8))]) + content[place + 1 :]


def meaning(content):
    """Of a JSON file: a line break less at its end harms nobody, and nobody need find it."""
    try:
        return json.loads(content)
    except (ValueError, TypeError):
        return content


def test_no_story_loses_a_run_or_hides_a_damage():
    run_state_machine_as_test(StoreMachine, settings=settings(max_examples=STORIES, stateful_step_count=STEPS))
