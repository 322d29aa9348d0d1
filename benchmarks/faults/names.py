"""Names from data that hold markup and formulas, in everything that shows them."""

import csv
import random
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any

from benchmarks.common.browser import address, chromium, serve, settled
from benchmarks.common.harness import free_port
from benchmarks.common.hostile_names import Marked, random_names, store_of_names
from benchmarks.faults.counting import Count
from benchmarks.faults.fixtures import environment, folder
from ddnmf_core.config import RunConfig
from ddnmf_core.engine import client as engine
from ddnmf_core.export.csv import FORMULA_STARTS
from ddnmf_core.export.report import report_html
from ddnmf_core.export.write import export
from ddnmf_core.store.archive_export import export_archive, exportable_entries
from ddnmf_core.store.archive_import import import_archive
from ddnmf_core.store.run_store import Store

PATIENCE_MS = 120_000
PAGES = (
    "",
    "train",
    "latent",
    *(f"parts?tab={tab}" for tab in ("gallery", "part", "training", "quality", "rank", "factors", "readout")),
    *(f"explain?explain={tab}" for tab in ("parts", "steps", "edit")),
    "noise",
    "sweep",
    "compare?compare=runs",
)
SAMPLE = "3"
FROM_A_NAME = """marked => {
  const found = [], plain = text => text.replaceAll('\\u2060', '').replace(/\\s+/g, ' ');
  const words = marked.map(each => each.word), named = text => words.some(word => text.includes(word));
  const tell = (why, element) => found.push(`${why}: ${element.outerHTML.slice(0, 150)}`);
  const texts = new Set(['alt', 'title', 'placeholder', 'value', 'label', 'download', 'content']);
  const check = element => {
    if (named(element.tagName.toLowerCase())) tell('element', element);
    for (const { name, value } of element.attributes) {
      if (named(name)) tell('attribute', element);
      if (/^(on|href|src|style|action|xlink)/.test(name) && (named(value) || value.includes('e.example'))) tell(name, element);
      else if (name === 'id' && /^[a-z0-9-]+$/.test(value)) continue;      // of a heading: letters and figures of its text
      else if (named(value) && !texts.has(name) && !/^(data|aria)-/.test(name)) tell(`attribute ${name}`, element);
    }
    if ([...element.children].some(child => named(child.textContent))) return;
    const text = plain(element.textContent);
    for (const { before, word, after } of marked) {      // the markup around a word is there to be read
      const at = text.indexOf(word), start = plain(before).slice(-6), rest = text.slice(at + word.length);
      if (at < 0 || element.tagName === 'SCRIPT') continue;
      const whole = text.slice(0, at).endsWith(start) || (start.endsWith(' ') && text.slice(0, at).endsWith(start.trim()));
      if (!whole) tell(`${before} is gone`, element);
      if (rest.trim() && !/^(\\u2026|\\.\\.\\.)/.test(rest) && after && rest[0] !== after[0]) tell(`${after} is gone`, element);
    }
  };
  const walk = root => root.querySelectorAll('*').forEach(element => {
    check(element);
    if (element.shadowRoot) walk(element.shadowRoot);
    if (element.tagName === 'IFRAME' && element.contentDocument) walk(element.contentDocument);
  });
  walk(document);
  for (const sheet of document.styleSheets)
    for (const rule of sheet.cssRules)
      if (named(rule.cssText) || (rule.selectorText === '*' && rule.style.display === 'none')) found.push(rule.cssText);
  return found;
}"""


def hostile_names(most: int) -> Count:
    """F17: classes, features, data sets, parts, runs, samples and files named with HTML, CSS, Markdown and formulas, half of
    them in a stranger's archive. A try is a page, report, table or model card that shows them: in a browser no element,
    attribute or rule comes from a name, the markup can be read, nothing is asked of another host; no cell is a formula."""
    count = Count("F17", "names of markup and formulas: text on pages, in reports and exports", 200)
    n, chance, rounds = len(count.attempts(most)), random.Random(17), 0
    with chromium() as browser, environment(DDNMF_EXAMPLES="0"):
        while count.tries < n:
            with folder() as home, closing(_tries(browser, Path(home), chance, imported=rounds % 2 == 1)) as tries:
                for place, what, seconds in islice(tries, n - count.tries):
                    count.add("; ".join(f"{place}: {each}" for each in what[:3]), seconds)
            rounds += 1
    count.figures = f"{rounds} stores of 19 names each"
    return count


def _tries(
    browser: Any, home: Path, chance: random.Random, imported: bool
) -> Generator[tuple[str, Sequence[str], float], None, None]:
    """Yield place, what was lost there, and seconds, of all places that show the names of one store."""
    names, marked = random_names(chance)
    with environment(DDNMF_HOME=str(home / "store")):
        store, run = store_of_names(home, names)
        if imported:
            export_archive(exportable_entries(store), home / "all.zip", with_data=True)
    with environment(DDNMF_HOME=str(home / ("imported" if imported else "store"))):
        if imported:
            store, marked = Store(), marked[1:]  # the title loses its markup
            if refused := import_archive(store, home / "all.zip").refused:
                raise RuntimeError(str(refused))
        port = free_port()
        server, page = serve(store, port), browser.new_page()
        page.set_default_timeout(PATIENCE_MS)
        try:
            places = _places(page, port, store, run, home, marked)
            for place in chance.sample(sorted(places), len(places)):
                began = time.monotonic()
                yield place, _tried(places[place], page), time.monotonic() - began
        finally:
            page.close()
            server.kill()
            engine.stop(store)


def _tried(look: Callable[[], Sequence[str]], page: Any) -> Sequence[str]:
    """Return what a look finds, with what the page did on a name's behalf."""
    done: list[str] = []

    def dialog(opened: Any) -> None:
        done.append(f"dialog {opened.message}")
        opened.dismiss()

    def request(sent: Any) -> None:
        done.extend([f"request {sent.url[:80]}"] if "e.example" in sent.url else [])

    page.on("dialog", dialog)
    page.on("request", request)
    try:
        return [*look(), *done]
    except Exception as error:
        return [f"{type(error).__name__}: {error}"[:150]]
    finally:
        page.remove_listener("dialog", dialog)
        page.remove_listener("request", request)


def _places(
    page: Any, port: int, store: Store, run: RunConfig, home: Path, marked: Sequence[Marked]
) -> dict[str, Callable[[], Sequence[str]]]:
    """Map each place that shows names to a look at it."""
    entry = store.entry(run)
    wanted = [vars(each) for each in marked]

    def on_page(path: str) -> list[str]:
        link = f"{path}{'&' if '?' in path else '?'}run={run.id}&sample={SAMPLE}"
        page.goto(f"{address(port)}/{link}")
        page.get_by_role("heading").first.wait_for()
        settled(page)
        found: list[str] = page.evaluate(FROM_A_NAME, wanted)
        return found

    def in_html(text: str) -> list[str]:
        page.goto("about:blank")
        page.set_content(text)
        found: list[str] = page.evaluate(FROM_A_NAME, wanted)
        return found

    def in_card() -> list[str]:
        from markdown_it import MarkdownIt

        target = home / f"model-{time.time_ns()}"
        export(entry, "safetensors", target)
        return in_html(MarkdownIt().render((target / "README.md").read_text()))

    return {
        **{f"page {path or 'home'}": (lambda path=path: on_page(path)) for path in PAGES},  # type: ignore[misc]
        "report": lambda: in_html(report_html(entry)),
        "model card": in_card,
        "CSV": lambda: _formulas(entry, home / f"rows-{time.time_ns()}.csv"),
    }


def _formulas(entry: Any, path: Path) -> list[str]:
    """Export the rows; return the cells that a spreadsheet would compute."""
    export(entry, "csv", path)
    with path.open(newline="", encoding="utf-8") as file:
        cells = {cell for row in csv.reader(file) for cell in row}
    return sorted(cell for cell in cells if cell.startswith(FORMULA_STARTS) and not _is_number(cell))


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
