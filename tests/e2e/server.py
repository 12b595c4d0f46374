"""The app as a real server, and a real browser to look at it."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pages.components.tour import COOKIE as TOUR
from pages.components.tour import SEEN

ROOT = Path(__file__).parents[2]
CHROMIUM = Path(os.environ.get("CHROMIUM", "/usr/bin/chromium"))
WATCHED = 0.4  # seconds: how long a page must rest
FLAGS = (
    "--no-sandbox",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


@contextmanager
def serving(
    workspace: Path | None,
    log: Path | None = None,
    home: Path | None = None,
    checkout: Path = ROOT,
    script: str = "app.py",
) -> Iterator[str]:
    """The address of the app, or of another ``script``, on a free port; the server ends with the block.

    ``home`` is the folder that it runs in: workspaces and jobs lie in ``cache/`` there; that of ``checkout``,
    whose app it is, unless said otherwise.
    """
    port = _free_port()
    home = home or checkout
    if home != checkout:
        (home / ".streamlit").symlink_to(checkout / ".streamlit")
    environment = {**os.environ, "FIRSTWORD_HOME": "cache", "PYTHONPATH": str(checkout)}
    if workspace:
        environment["FIRSTWORD_WORKSPACE"] = str(workspace)
    command = [sys.executable, "-m", "streamlit", "run", str(checkout / script), "--server.port", str(port)]
    with (log or Path(os.devnull)).open("wb") as out:
        server = subprocess.Popen(command, cwd=home, env=environment, stdout=out, stderr=subprocess.STDOUT)
        try:
            address = f"http://127.0.0.1:{port}"
            _wait(f"{address}/_stcore/health", server)
            yield address
        finally:
            server.terminate()
            server.wait(timeout=20)


@contextmanager
def browsing(first_visit: bool = False, **options: Any) -> Iterator[Any]:
    """A page of a headless chromium; one that has seen the tour, unless it is to be its ``first_visit``."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=list(FLAGS))
        try:
            context = browser.new_context(**options)
            if not first_visit:
                context.add_cookies([{"name": TOUR, "value": SEEN, "domain": "127.0.0.1", "path": "/"}])
            page = context.new_page()
            page.set_default_timeout(90_000)  # a cold server on a busy machine is slow
            yield page
        finally:
            browser.close()


def settled(page: Any) -> None:
    """Wait until the app has stopped running and everything is drawn."""
    page.wait_for_selector("[data-testid=stApp][data-test-script-state=notRunning]")
    page.wait_for_function("!document.querySelector('[data-stale=true]')")
    page.wait_for_timeout(1000 * WATCHED)


def holds(field: Any, value: str) -> None:
    """Assert that a field shows ``value``, soon: the browser may fill a field after it has drawn the page."""
    from playwright.sync_api import expect

    expect(field).to_have_value(value, timeout=10_000)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _wait(url: str, server: subprocess.Popen, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if server.poll() is not None:
            raise RuntimeError(f"the server ended with {server.returncode}")
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.2)
    raise RuntimeError(f"{url} did not answer within {seconds} s")
