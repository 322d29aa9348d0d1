"""Put odd things in the place of every kind of stored file, while the engine trains and pages and commands read the store."""

import ctypes
import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

from benchmarks.common.harness import ROOT
from benchmarks.faults.counting import Count
from benchmarks.faults.fixtures import ended, environment, wait
from benchmarks.faults.odd_content import ODD
from benchmarks.faults.odd_store import FOLDERS, STORE_FILES, TINY, Target, build, copy, fingerprint, remove, targets
from ddnmf_core.engine import client as engine
from ddnmf_core.store.entry import HISTORY_FILE, Entry
from ddnmf_core.store.run_store import Store

SEED = 15
CASE_LIMIT_S = 500
MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # 2,000 copies of a store are written
CASES_PER_PAGE, CASES_PER_RUN, CASES_PER_EXPORT = 25, 50, 50
PAGES = ("home", "train", "latent", "parts", "explain", "noise", "sweep", "compare")
NEVER_NAMED = ("lock", "stop", *STORE_FILES[1:], ".x.1.tmp")  # whose content says nothing, or is written again
CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, PR_CAPBSET_DROP = 1, 2, 24


def odd_files(most: int) -> Count:
    """F15: odd bytes, documents, folders, links, pipes, sockets and unreadable files in the place of every kind of stored file,
    while the engine trains other runs. Each try: the other runs are listed and whole, pages open, `runs verify` names it,
    nothing outside its entry changes, and what is whole can be used again after `--repair`."""
    count = Count("F15", "odd file in the store: stops, hides and destroys nothing else", 2000)
    n = len(count.attempts(most))
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.faults.odd_files", str(n), str(SEED)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=_drop_privileges,
    )
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    for line in lines[:-1]:
        count.add(line["lost"], line["seconds"])
    for _ in range(n - count.tries):
        count.add(f"the trial itself ended with exit status {done.returncode}")
    count.figures = lines[-1]["figures"] if lines and "figures" in lines[-1] else ""
    return count


def _drop_privileges() -> None:
    """Let file permissions count for root, too, in the program that is started next."""
    for capability in (CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH):
        ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)


class Trial:
    """One store with its pristine copy, an engine, and the checks after each odd file."""

    def __init__(self, home: Path, chance: random.Random) -> None:
        self.home, self.chance = home, chance
        self.root, self.pristine, self.out = home / "store", home / "pristine", home / "elsewhere"
        self.store = Store(self.root)
        self.victims, self.others = build(self.root, home / "images.npy")
        self.targets = targets(self.root, self.victims)
        copy(self.root, self.pristine)
        self.reset_elsewhere()
        self.guarded = [self.root / f"{entry.kind}/{entry.id}" for entry in self.others]
        self.before = self.outside()
        self.elsewhere = {name: fingerprint(self.root / name) for name in ("set-aside", "deleted", "data")}
        self.not_there = re.findall(
            r"runs[-.]([0-9a-f]{16})", " ".join(self.elsewhere["set-aside"] | self.elsewhere["deleted"])
        )
        self.n_runs, self.pages = 0, 0
        self.running: Entry | None = None

    def reset_elsewhere(self) -> None:
        remove(self.out)
        (self.out / "below").mkdir(parents=True)
        for name in ("file", "below/file", "000001.safetensors", "config.json", "why.txt"):
            (self.out / name).write_text("somebody's own")

    def outside(self) -> dict[str, str]:
        """Fingerprint what nothing may change: the other entries, and a folder outside the store."""
        return {
            name: digest
            for path in (*self.guarded, self.out)
            for name, digest in fingerprint(path).items()
            if path.name != "lock"
        }

    # ------------------------------------------------------------------------------------ one case

    def case(self, number: int, target: Target, how: str) -> str:
        """Try one; return what was lost, or an empty text."""
        path, original = self.root / target.path, self.pristine / target.path
        content = original.read_bytes() if original.is_file() else b""
        problems: list[str] = []
        signal.alarm(CASE_LIMIT_S)
        try:
            remove(path)
            path.parent.mkdir(parents=True, exist_ok=True)
            ODD[how](path, content, self.out, self.chance)
            odd = not _holds(path, content)
            if number % CASES_PER_PAGE == 0:
                problems += self.open_page()
            problems += self.listed()
            if number % CASES_PER_EXPORT == 0:
                problems += self.export()
            found = self.verify("--repair")
            problems += [] if not odd or self.named(target, how, found) else ["verify does not name it"]
            problems += self.hidden()
            problems += ["something outside its entry has changed"] if self.outside() != self.before else []
            problems += self.comes_back(target)
            if number % CASES_PER_RUN == 0:
                problems += self.trained()
        except Exception as error:
            problems.append(f"{type(error).__name__}: {error}"[:200])
        finally:
            signal.alarm(0)
            self.reset(target)
        return "; ".join(f"{target.kind}, {how}: {problem}" for problem in problems)

    def named(self, target: Target, how: str, found: list[dict[str, Any]]) -> bool:
        """Whether the check names the entry or the path; or there is nothing to name."""
        name = Path(target.path).name
        stopped = target.entry == f"runs/{self.victims[-1].id}"  # whose history is not sealed yet
        if (
            name in NEVER_NAMED
            or (name == HISTORY_FILE and stopped)
            or (how == "missing" and (name == "layout.json" or not (self.pristine / target.path).is_file()))
        ):
            return True
        if target.kind in ("request", "strange name") or target.path in FOLDERS:
            return any(target.path.split("/")[-1].strip(".") in row["place"] for row in found) or self.is_harmless(target, how)
        marks = {
            target.path,
            target.entry.split("/")[-1].rsplit("-", 1)[0] if target.kind.startswith("set-aside") else target.entry,
        }
        marks |= {target.entry.split("/")[-1]}
        told = [*(row["place"] for row in found), *self.store.notices()]
        return any(mark in text for mark in marks for text in told) or self.is_harmless(target, how)

    def is_harmless(self, target: Target, how: str) -> bool:
        """Whether what was put there is as good as nothing, has been dropped since, or can be there."""
        path = self.root / target.path
        if target.kind in ("request", "strange name"):
            return not os.path.lexists(path) or how == "sealed" or target.path.endswith((".tmp", "runs--1"))
        if target.path in FOLDERS:
            return path.is_dir()
        return target.path.endswith(("why.txt", "run-name.json")) and how in ("missing",)

    def comes_back(self, target: Target) -> list[str]:
        """Put the original file into the entry, wherever it is now; after a repair the entry is whole and in its place."""
        kind, _, entry_id = target.entry.partition("/")
        entry = next((each for each in self.victims if (each.kind, each.id) == (kind, entry_id)), None)
        if entry is None:
            return []
        aside = sorted((self.root / "set-aside").glob(f"{kind}-{entry_id}-*"))
        folder = entry.folder if os.path.lexists(entry.folder) else aside[-1] if aside else None
        if folder is None:
            return [] if target.path == target.entry else ["its entry is gone"]
        if target.path == target.entry:
            return []
        name = target.path.removeprefix(f"{target.entry}/")
        wait(lambda: not entry.locked and not self.store.is_requested(entry), seconds=60)
        for each in ("manifest.json", "state.json", name):  # a repair has taken the file from the first two
            copy(self.pristine / target.entry / each, folder / each)
        self.verify("--repair")
        wait(lambda: not entry.locked and not self.store.is_requested(entry), seconds=60)
        if not entry.folder.is_dir():
            return ["what is whole does not come back"]
        problems = [] if name in ("lock", "stop", "stray") else entry.problems()
        return [f"it comes back with {problem}" for problem in problems]

    def reset(self, target: Target) -> None:
        """Make the store what it was, with what the engine has trained meanwhile."""
        for entry in self.victims:
            with suppress(OSError):
                remove(self.root / "queue" / f"{entry.kind}.{entry.id}")
        beside = [child for child in self.root.glob("*") if child.name.partition(".odd-")[1]]
        for child in (*beside, *self.root.glob("*/*.odd-*")):
            remove(child)
        for name in ("set-aside", "deleted", "data"):
            if fingerprint(self.root / name) != self.elsewhere[name]:
                copy(self.pristine / name, self.root / name)
        for entry_id in self.not_there:
            remove(self.root / "runs" / entry_id)
        if target.path == "queue":
            remove(self.root / "queue")
        if target.entry not in STORE_FILES:
            copy(self.pristine / target.entry, self.root / target.entry)
        elif not (self.root / target.path).is_file():
            copy(self.pristine / target.path, self.root / target.path)
        self.reset_elsewhere()

    # ------------------------------------------------------------------------------ commands, pages, engine

    def command(self, *arguments: str) -> Any:
        from typer.testing import CliRunner

        from ddnmf_core.cli.main import main_app

        done = CliRunner().invoke(main_app, list(arguments))
        if done.exit_code not in (0, 1) or (done.exception and not isinstance(done.exception, SystemExit)):
            raise RuntimeError(
                f"{' '.join(arguments[:3])} ended with {done.exit_code}: {done.exception!r} {done.stderr[-150:]}"
            )
        return done

    def verify(self, *options: str) -> list[dict[str, Any]]:
        findings: list[dict[str, Any]] = json.loads(self.command("runs", "verify", "--json", *options).stdout)["findings"]
        return findings

    def listed(self) -> list[str]:
        listed = {row["run"] for row in json.loads(self.command("runs", "list", "--json").stdout)}
        self.store.notices()
        return self.hidden() or ([] if self.others[0].id in listed else ["not listed"])

    def hidden(self) -> list[str]:
        hidden = [str(other) for other in self.others if other not in self.store.entries(other.kind) or not other.finished]
        return [f"hidden: {', '.join(hidden)}"] if hidden else []

    def export(self) -> list[str]:
        file = self.home / "all.zip"
        remove(file)
        self.command("runs", "export", "--all", "--out", str(file))
        return [] if file.stat().st_size > 10_000 else ["no export"]

    def open_page(self) -> list[str]:
        """Open the next page, of another run and of the damaged one in turn."""
        from streamlit.testing.v1 import AppTest

        page = PAGES[self.pages % len(PAGES)]
        run = (self.others, self.victims)[self.pages // len(PAGES) % 2][0]
        self.pages += 1
        app = AppTest.from_file(str(ROOT / "dashboard" / "main.py"), default_timeout=120)
        app.query_params["run"] = run.id
        app.run()
        if page != "home":
            app.switch_page(f"../pages/{page}.py")
            app.query_params["run"] = run.id
            app.run()
        return [f"page {page}: {error.message[:150]}" for error in app.exception]

    def trained(self) -> list[str]:
        """Whether the run that was asked for before has ended; ask for another."""
        last, self.n_runs = self.running, self.n_runs + 1
        self.running = engine.submit(self.store, TINY.replace(seed=1000 + self.n_runs))
        if last is None or (wait(ended, last, seconds=300) and last.finished):
            return []
        return [f"the engine does not go on: {last.state}"]

    def restarts(self) -> str:
        """Start the engine where its own files are odd."""
        engine.stop(self.store)
        for name, how in (
            ("engine.lock", "pipe"),
            ("engine.log", "pipe"),
            ("engine.json", "folder"),
            ("engine-trouble.json", "deep list"),
        ):
            remove(self.root / name)
            ODD[how](self.root / name, b"", self.out, self.chance)
        engine.ensure_started(self.store)
        started = wait(engine.info, self.store, seconds=300, every=0.5)
        return "; ".join(self.trained() + self.trained()) if started else "the engine does not start"


def _stand_still(*_: object) -> None:
    raise TimeoutError(f"no end within {CASE_LIMIT_S} s")


def _holds(path: Path, content: bytes) -> bool:
    """Whether this is a plain file with this content."""
    plain = path.is_file() and not path.is_symlink() and os.access(path, os.R_OK)
    return plain and path.stat().st_size == len(content) and path.read_bytes() == content


def trials(n: int, seed: int) -> None:
    """Print a JSON line for each case, and one with the counts."""
    chance = random.Random(seed)
    signal.signal(signal.SIGALRM, _stand_still)
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True, dir=MEMORY) as folder,
        environment(DDNMF_HOME=f"{folder}/store"),
    ):
        trial = Trial(Path(folder), chance)
        every = [(target, how) for target in trial.targets for how in ODD]
        chance.shuffle(every)
        counted: Counter[str] = Counter()
        engine.start(trial.store)
        try:
            wait(ended, engine.submit(trial.store, TINY.replace(seed=999)), seconds=300)  # workers have loaded what they need
            for number in range(n):
                target, how = every[number % len(every)]
                began = time.monotonic()
                lost = trial.case(number, target, how) if number < n - 1 else trial.restarts()
                counted[target.kind] += 1
                print(json.dumps({"lost": lost, "seconds": time.monotonic() - began}), flush=True)
        finally:
            engine.stop(trial.store)
            for path in Path(folder).iterdir():
                remove(path)
        places = f"{len(ODD)} contents in {len(counted)} kinds of places"
        figures = f"seed {seed}: {places}, {trial.pages} pages, {trial.n_runs} runs trained"
        print(json.dumps({"figures": figures}), flush=True)


if __name__ == "__main__":
    trials(int(sys.argv[1]), int(sys.argv[2]))
