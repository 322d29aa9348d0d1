"""In a browser: after a stranger's archive was imported, no element of a page or report comes from a name in it."""

import pytest
from serving import dashboard, needs_chromium, open_page

from benchmarks.common.hostile_names import store_of_names
from ddnmf_core.export.report import report_html
from ddnmf_core.store.archive_export import export_archive, exportable_entries
from ddnmf_core.store.archive_import import import_archive
from ddnmf_core.store.run_store import Store

pytestmark = needs_chromium
PAGES = ("", "train", "latent", "parts", "explain", "noise", "sweep", "compare")
FROM_A_NAME = """() => {
  const found = (selector, texts) => [...document.querySelectorAll(selector)]
    .filter(element => !texts || texts.includes(element.textContent.trim())).map(element => element.outerHTML.slice(0, 80));
  return [
    ...found('unk'), ...found('img[src="x"]'), ...found('a[href*="e.example"]'), ...found('[onerror]'),
    ...found('b, i, u, s, del, strong, em', ['fat', 'more', 'x', 'run', 'bold', 'mine', 'hook', 'and']),
    ...found('.katex annotation', ['x', 'y', 'a', ')", "cost(', '1 *and* <i>more</i>']),
    ...[...document.styleSheets].flatMap(sheet => { try { return [...sheet.cssRules] } catch (error) { return [] } })
      .filter(rule => rule.selectorText === '*' && rule.style.display === 'none').map(rule => rule.cssText),
  ];
}"""


@pytest.fixture(scope="module")
def imported(tmp_path_factory):
    folder = tmp_path_factory.mktemp("names")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DDNMF_HOME", str(folder / "stranger"))
        theirs, config = store_of_names(folder)
        export_archive(exportable_entries(theirs), folder / "all.zip", with_data=True)
        patch.setenv("DDNMF_HOME", str(folder / "home"))
        outcome = import_archive(Store(), folder / "all.zip")
        assert not outcome.refused
        yield Store(), config


def test_no_element_comes_from_a_name(browser, imported, monkeypatch):
    store, config = imported
    monkeypatch.setenv("DDNMF_HOME", str(store.root))  # of the report, whose data set is in this store
    dialogs = []
    with dashboard(store, DDNMF_HOME=str(store.root)) as address:
        page = open_page(browser)
        page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
        for name in PAGES:
            page.goto(f"{address}/{name}?run={config.id}&sample=3")
            page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()
            page.get_by_role("heading").first.wait_for()
            assert page.evaluate(FROM_A_NAME) == [], name
        page.set_content(report_html(store.entry(config)))
        assert page.evaluate(FROM_A_NAME) == []
    assert dialogs == []
