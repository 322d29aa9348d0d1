"""Many browsers on one server, each at a sample of its own, clicking at random while a model is trained.

Each looks at Explain and Latent space, steps to other samples, moves the noise, and checks after every step that the page shows
its own sample and no error. One browser alone is measured first; targets: no error, nothing of another's, and with eight (the
screen's target) or sixteen (the store's) every wait within twice that of one.
"""

import asyncio
import random
import shutil
import tempfile
import time
from dataclasses import dataclass, field
from typing import Any

from benchmarks.common.browser import FLAGS, IDLE, address, serve
from benchmarks.common.harness import Result, Row, spread
from ddnmf_core.config import RunConfig
from ddnmf_core.engine import client as engine
from ddnmf_core.engine.worker import tasks
from ddnmf_core.store.run_store import Store

REPEATS = 1
N_BROWSERS, SECONDS = (1, 8, 16), 300.0  # the last crowd's; a fifth of it for the smaller ones
RUN = RunConfig(epochs=1, n_samples=2000)
TRAINED = RunConfig(epochs=10_000, seed=7)  # meanwhile
STEPS = ("ArrowUp", "ArrowDown", "noise")


@dataclass
class Seen:
    """Waits and errors of one browser."""

    waits: list[float] = field(default_factory=list)  # milliseconds
    errors: list[str] = field(default_factory=list)
    foreign: int = 0  # steps after which another's sample was shown


def measure(repeats: int, seconds: float = SECONDS, counts: tuple[int, ...] = N_BROWSERS) -> Result:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        store = Store(home)
        entry = store.create(RUN)
        tasks.perform(home, "runs", entry.id, "cpu")
        server = serve(store)
        try:
            engine.submit(store, TRAINED)
            lasting = {n: seconds * repeats / (1 if n == max(counts) else 5) for n in counts}
            rows = [_row(n, asyncio.run(_crowd(n, entry.id, lasting[n]))) for n in counts]
        finally:
            server.terminate()
            engine.stop(store)
    alone = rows[0]["p95, ms"]
    for row in rows:
        row["times one"] = row["p95, ms"] / alone
    return Result("browsers", rows, {"ratio": rows[-1]["times one"]}, repeats)


def _row(n: int, seen: list[Seen]) -> Row:
    waits = spread([wait for one in seen for wait in one.waits])
    return {
        "browsers": n,
        "steps": sum(len(one.waits) for one in seen),
        "errors": sum(len(one.errors) for one in seen),
        "of another": sum(one.foreign for one in seen),
        "p50, ms": waits["median"],
        "p95, ms": waits["p95"],
        "what": "; ".join(sorted({error for one in seen for error in one.errors}))[:200] or None,
    }


async def _crowd(n: int, run_id: str, seconds: float) -> list[Seen]:
    from playwright.async_api import async_playwright

    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        pages = [await (await browser.new_context()).new_page() for _ in range(n)]
        until = time.monotonic() + seconds
        seen = await asyncio.gather(*(_one(page, run_id, number, until) for number, page in enumerate(pages)))
        await browser.close()
    return seen


async def _one(page: Any, run_id: str, number: int, until: float) -> Seen:
    """One browser: its samples are its own hundred."""
    seen, chance, sample, level = Seen(), random.Random(number), 100 * number + 50, 8
    page.set_default_timeout(60_000)
    page.on("pageerror", lambda error: seen.errors.append(str(error)))
    await page.goto(f"{address()}/explain?run={run_id}&sample={sample}")
    await page.locator(IDLE).wait_for()
    while time.monotonic() < until:
        step = chance.choice(STEPS)
        if step == "noise":
            level = level - 1 if level > 10 or (level > 5 and chance.random() < 0.5) else level + 1
            slider = page.get_by_role("slider").first
            await slider.focus()
            before = await slider.input_value()
            began = time.monotonic()
            await slider.press("ArrowRight" if level % 2 else "ArrowLeft")
            shown = page.locator(IDLE)
            await page.wait_for_function("before => document.querySelector('input[type=range]').value !== before", arg=before)
        else:
            sample += 1 if step == "ArrowUp" else -1
            box = page.get_by_label("Sample", exact=True).first
            began = time.monotonic()
            await box.press(step)
            shown = page.get_by_test_id("ddnmf-gallery").first.get_by_text(f"sample {sample},")
        try:
            await shown.first.wait_for()
            await page.locator(IDLE).wait_for()
        except Exception as error:  # a timeout: keep the text of the page
            text = await page.get_by_test_id("ddnmf-gallery").first.inner_text()
            seen.foreign += f"sample {sample}," not in text
            seen.errors.append(f"{type(error).__name__} after {step}")
            break
        seen.waits.append(1000 * (time.monotonic() - began))
        if await page.get_by_test_id("stException").count():
            seen.errors.append((await page.get_by_test_id("stException").first.inner_text())[:80])
        first = await page.get_by_test_id("ddnmf-gallery").first.inner_text()
        seen.foreign += f"sample {sample}," not in first
        await asyncio.sleep(chance.uniform(0.2, 1.5))
    return seen
