"""Seconds until a page stands, and from a click on Start to the first point of the curves.

    python benchmarks/pages.py

Starts a dashboard on an empty store, opens it in headless Chromium and drives it as a user does. The
first page is timed from the moment at which the server answers; the first point with the engine warm.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from playwright.sync_api import sync_playwright

from ddnmf_core import engine
from ddnmf_core.runs import Store

ROOT = Path(__file__).parents[1]
PORT = 8597
FLAGS = ["--no-sandbox", "--disable-gpu", "--enable-unsafe-swiftshader", "--disable-background-networking"]


def wait_for_server(address: str) -> None:
    while True:
        try:
            urllib.request.urlopen(f"{address}/_stcore/health").read()
            return
        except OSError:
            time.sleep(0.02)


def main() -> None:
    home = tempfile.mkdtemp()
    address = f"http://127.0.0.1:{PORT}"
    server = subprocess.Popen([str(Path(sys.executable).with_name("streamlit")), "run", "dashboard/app.py", "--server.port",
                               str(PORT)], cwd=ROOT, env={**os.environ, "DDNMF_HOME": home}, stdout=subprocess.DEVNULL)
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
            page = browser.new_page()
            wait_for_server(address)
            began = time.perf_counter()
            page.goto(address)
            page.get_by_role("heading", name="Data sets").wait_for()
            print(f"first page: {time.perf_counter() - began:.2f} s after the server is up")
            while not (running := engine.info(Store(home))) or not running.device:
                time.sleep(0.1)
            page.get_by_role("link", name="Train", exact=True).click()
            page.get_by_text("What the student sees").wait_for()
            page.get_by_role("button", name="Start training").click()
            began = time.perf_counter()
            page.locator(".js-plotly-plot .point").first.wait_for()
            print(f"Start to the first point of the curves: {time.perf_counter() - began:.2f} s with the engine warm")
            browser.close()
    finally:
        server.terminate()
        engine.stop(Store(home))
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    main()
