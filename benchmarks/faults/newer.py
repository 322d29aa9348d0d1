"""Entries as a newer version writes them, in a store that the engine, pages and commands of this version use."""

import json
import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.common.harness import ROOT
from benchmarks.faults.counting import Count
from benchmarks.faults.fixtures import ended, environment, wait
from benchmarks.faults.odd_store import TINY, build, copy, fingerprint, remove
from ddnmf_core.config import config_hash
from ddnmf_core.engine import client as engine
from ddnmf_core.files.atomic import read_document, write_document
from ddnmf_core.files.checked_folder import MANIFEST_FILE
from ddnmf_core.store.entry import CONFIG_FILE, PROVENANCE_FILE, STATE_FILE, Entry
from ddnmf_core.store.run_store import Store

PAGES = ("home", "train", "latent", "parts", "explain", "noise", "sweep", "compare")
CASES_PER_PAGE, CASES_PER_RUN = 10, 50
RECOVERY_S = 2.5  # the engine looks for interrupted entries every two seconds
SAID = "made by a newer version"
COMMANDS: tuple[tuple[str, ...], ...] = (  # of a run, whose id comes next
    ("runs", "show"),
    ("runs", "report"),
    ("runs", "stop"),
    ("runs", "delete", "--yes"),
    ("runs", "export"),
    ("export", "--to", "csv"),
)


def setting(entry: Entry, chance: random.Random) -> Entry:
    """A setting that this version does not know."""
    return _configured(entry, {chance.choice(["telepathy", "prior", "n_heads"]): chance.choice([1, 0.5, "x", None, [1, 2]])})


def value(entry: Entry, chance: random.Random) -> Entry:
    """A value that this version does not know, of a setting that it does."""
    name = chance.choice(sorted(json.loads((entry.folder / CONFIG_FILE).read_bytes())))
    return _configured(entry, {name: {"newer": chance.random()}})


def state_field(entry: Entry, chance: random.Random) -> Entry:
    """A field that this version does not know, in a state in which it would act."""
    known = {"status": chance.choice(["finished", "running", "queued", "stopped"])}
    return _state(entry, known | {chance.choice(["mood", "queue", "attempts"]): chance.choice([1, "good", None])})


def status(entry: Entry, chance: random.Random) -> Entry:
    """A status that this version does not know."""
    return _state(entry, {"status": chance.choice(["dreaming", "paused", "archived"])})


def state_type(entry: Entry, chance: random.Random) -> Entry:
    """A field of the state whose value has another type."""
    return _state(entry, chance.choice([{"progress": "half"}, {"message": ["a", "b"]}, {"device": {"gpu": 1}}]))


def digests(entry: Entry, chance: random.Random) -> Entry:
    """A manifest whose digests have another form."""
    manifest = read_document(entry.folder / MANIFEST_FILE)
    written = {name: {"sha256": digest, "bytes": chance.randrange(10**6)} for name, digest in manifest.items()}
    write_document(entry.folder / MANIFEST_FILE, written or {"model.safetensors": {}})
    return entry


KINDS: tuple[Callable[[Entry, random.Random], Entry], ...] = (setting, value, state_field, status, state_type, digests)


def _configured(entry: Entry, changes: dict[str, Any]) -> Entry:
    """Give the entry other settings, and the folder that belongs to them."""
    fields = json.loads((entry.folder / CONFIG_FILE).read_bytes()) | changes
    other: Entry = Entry(entry.root, entry.kind, config_hash(fields))
    staged, old = entry.root.parent / "staged", entry.root.parent / "replaced"
    copy(entry.folder, staged)
    (staged / CONFIG_FILE).write_text(json.dumps(fields, indent=1))
    entry.folder.rename(old)  # by renames: the engine looks on
    staged.rename(other.folder)
    remove(old)
    return other


def _state(entry: Entry, changes: dict[str, Any]) -> Entry:
    write_document(entry.folder / STATE_FILE, read_document(entry.folder / STATE_FILE) | changes)
    return entry


def made_by_newer(most: int) -> Count:
    """F16: settings, states and manifests that this version does not know, in whole files. Each try: the entry stays where it
    is, byte for byte, under the engine, `runs verify --repair`, commands and pages, which say who made it; the other entries
    are listed and whole, and runs that are asked for are trained."""
    count, chance = Count("F16", "made by a newer version: left where it is and named, others unharmed", 500), random.Random(16)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, environment(DDNMF_HOME=f"{folder}/store"):
        trial = _Trial(Path(folder), chance)
        engine.start(trial.store)
        try:
            for number in count.attempts(most):
                began = time.monotonic()
                kind = KINDS[number % len(KINDS)]
                victim = trial.victims[number // len(KINDS) % len(trial.victims)]
                count.add(trial.case(number, victim, kind), time.monotonic() - began)
        finally:
            engine.stop(trial.store)
        count.figures = f"{len(KINDS)} kinds, {len(trial.victims)} entries, {trial.n_pages} pages, {trial.n_runs} runs trained"
    return count


class _Trial:
    """A store in which one entry after the other becomes newer, and an engine that serves it."""

    def __init__(self, home: Path, chance: random.Random) -> None:
        self.home, self.chance, self.store = home, chance, Store(home / "store")
        self.victims, self.others = build(self.store.root, home / "images.npy")
        copy(self.store.root, home / "pristine")
        self.before = self._others()
        self.n_pages, self.n_runs = 0, 0
        self.running: Entry | None = None

    def case(self, number: int, victim: Entry, kind: Callable[[Entry, random.Random], Entry]) -> str:
        """Try one; return what was lost, or an empty text."""
        version = self._sign(victim)
        newer = kind(victim, self.chance)
        before = fingerprint(newer.folder)
        try:
            problems = self._commands(newer, "" if kind is digests else version)
            if number % CASES_PER_PAGE == 0:
                problems += self._page(newer)
            if number % CASES_PER_RUN == 0:
                problems += self._trained()
            problems += [] if _without_lock(fingerprint(newer.folder)) == _without_lock(before) else ["the entry has changed"]
            problems += [] if self._others() == self.before else ["another entry has changed"]
            problems += [f"hidden: {other}" for other in self.others if other not in self.store.entries(other.kind)]
        except Exception as error:
            problems = [f"{type(error).__name__}: {error}"[:200]]
        finally:
            self._reset(newer, victim)
        return "; ".join(f"{kind.__name__} of {victim.kind}: {problem}" for problem in problems)

    def _reset(self, newer: Entry, victim: Entry) -> None:
        """Put the original in its place, by renames: the engine looks on."""
        old, fresh = self.home / "old", self.home / "fresh"
        copy(self.home / "pristine" / victim.kind / victim.id, fresh)
        if newer.folder.exists():
            newer.folder.rename(old)
            remove(old)
        fresh.rename(victim.folder)

    def _sign(self, entry: Entry) -> str:
        """Write a version into the provenance, where there is one; return it."""
        if not entry.has(PROVENANCE_FILE):
            return ""
        entry.write_json(PROVENANCE_FILE, entry.read_json(PROVENANCE_FILE) | {"ddnmf": (version := "9.3.0")})
        return version

    def _others(self) -> dict[str, str]:
        """Fingerprint all entries that nothing may change."""
        return {name: digest for entry in self.others for name, digest in _without_lock(fingerprint(entry.folder)).items()}

    def _commands(self, newer: Entry, version: str) -> list[str]:
        place, notices = f"{newer.kind}/{newer.id}", self.store.notices()
        problems = [] if any(place in told and SAID in told and version in told for told in notices) else ["no notice"]
        listed = self._run("runs", "list", "--json")
        problems += [] if place in listed.stderr and SAID in listed.stderr else ["`runs list` does not say it"]
        found = json.loads(self._run("runs", "verify", "--repair", "--json").stdout)["findings"]
        problems += [] if [row["grade"] for row in found if row["place"] == place] == ["newer"] else [f"verify: {found}"[:200]]
        if newer.kind == "runs":
            command = [*self.chance.choice(COMMANDS), newer.id]
            command += ["--out", str(self.home / "out.zip")] if {"report", "export"} & set(command) else []
            told = self._run(*command)
            problems += [] if told.exit_code == 2 and SAID in told.stderr else [f"`{' '.join(command)}`: {told.output[:100]}"]
        return problems

    def _run(self, *arguments: str) -> Any:
        from typer.testing import CliRunner

        from ddnmf_core.cli.main import main_app

        return CliRunner().invoke(main_app, [*arguments, "--home", str(self.store.root)])

    def _page(self, newer: Entry) -> list[str]:
        """Open the next page by a link to the entry."""
        from streamlit.testing.v1 import AppTest

        page = PAGES[self.n_pages % len(PAGES)]
        self.n_pages += 1
        app = AppTest.from_file(str(ROOT / "dashboard" / "main.py"), default_timeout=120).run()
        if page != "home":
            app.switch_page(f"../pages/{page}.py")
        app.query_params["run"] = newer.id
        app.run()
        said = any(newer.id in warning.value and SAID in warning.value for warning in app.warning)
        return [f"page {page}: {error.message[:150]}" for error in app.exception] + (
            [] if said else [f"page {page} does not say it"]
        )

    def _trained(self) -> list[str]:
        """Wait until the engine has looked at the store and the last run has ended; ask for another."""
        time.sleep(RECOVERY_S)
        last, self.n_runs = self.running, self.n_runs + 1
        self.running = engine.submit(self.store, TINY.replace(seed=1000 + self.n_runs))
        if last is None or (wait(ended, last, seconds=300) and last.finished):
            return []
        return [f"the engine does not go on: {last.state}"]


def _without_lock(prints: dict[str, str]) -> dict[str, str]:
    return {name: digest for name, digest in prints.items() if not name.endswith("/lock")}
