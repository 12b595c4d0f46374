"""From a CSV file to an explained text, all in the browser."""

import pytest

from backend.workspace import Workspace
from tests.conftest import tiny_rows
from tests.e2e.server import browsing, holds, serving, settled
from tests.e2e.test_journey import EVIL, LIVE, browser_is_here  # noqa: F401  (a fixture)
from tests.factories import tiny

pytestmark = pytest.mark.e2e


def written(rows: list[dict]) -> str:
    """The rows as CSV; one row lacks its text, the column names hold markup."""
    names = {"text": EVIL.format("t"), "label": "label", "id": "key", "stars": "stars"}
    lines = [",".join(f'"{names[name]}"' for name in rows[0])]
    lines += [
        ",".join(f'"{cell}"' for cell in row.values()) for row in [*rows, {**rows[0], "id": "x", "text": ""}]
    ]
    return "\n".join(lines)


def test_upload_map_build_explain(browser_is_here, tmp_path):  # noqa: F811
    home = tmp_path / "home"
    home.mkdir()
    rows = tiny_rows(60)
    source = tmp_path / "my <b>reviews.csv"
    source.write_text(written(rows), encoding="utf-8")
    model = tiny("bert", tmp_path / "model", [row["text"] for row in rows])
    log = tmp_path / "server.log"
    with browsing(viewport={"width": 1280, "height": 1400}) as page:
        with serving(None, log, home) as address:
            requested: list[str] = []
            page.on("request", lambda request: requested.append(request.url))
            page.goto(address)
            page.get_by_role("link", name="New workspace").last.click()
            page.get_by_role("heading", name="New workspace").wait_for()
            settled(page)
            page.locator("input[type=file]").set_input_files(str(source))
            page.get_by_role("heading", name="2. Columns").wait_for()
            settled(page)
            page.reload()  # the address knows the file
            page.get_by_role("heading", name="2. Columns").wait_for()
            settled(page)
            page.get_by_role("button", name="Check every row").click()
            page.get_by_text("1 row that cannot be used would be left out").wait_for(timeout=120_000)
            settled(page)
            assert page.evaluate(LIVE) == 0
            page.get_by_role("radio", name="Folder").click()
            page.get_by_label("Folder of the model", exact=True).fill(str(model))
            page.get_by_label("Folder of the model", exact=True).press("Enter")
            page.get_by_label("Name", exact=True).fill("mine")
            page.get_by_label("Name", exact=True).press("Enter")
            settled(page)
            page.get_by_role("link", name="Help", exact=True).click()
            page.get_by_role("heading", name="Help").wait_for()
            page.get_by_role("link", name="New workspace").last.click()
            page.get_by_label("Name", exact=True).wait_for()
            page.reload()  # neither another page nor a reload forgets an answer
            page.get_by_label("Name", exact=True).wait_for()
            settled(page)
            holds(page.get_by_label("Name", exact=True), "mine")
            holds(page.get_by_label("Folder of the model", exact=True), str(model))
            page.get_by_role("button", name="Build").click()
            page.get_by_text("import, training, tracing").wait_for()
        # The server is gone, the job is not: another one shows where it is, and leads to the result.
        (home / ".streamlit").unlink()
        with serving(None, log, home) as address:
            page.goto(f"{address}/new")
            page.get_by_text("is ready").wait_for(timeout=240_000)
            page.get_by_role("button", name="Open workspace").click()
            page.get_by_role("heading", name="Overview").wait_for()
            settled(page)
            page.get_by_role("link", name="Inspect", exact=True).click()
            page.get_by_text("Helpful", exact=True).wait_for()
            settled(page)
            assert page.locator("mark.fw-word").count() > 5
            assert page.evaluate(LIVE) == 0
            assert not [url for url in requested if "evil" in url and not url.startswith("http://127.0.0.1")]
    built = Workspace.open(home / "cache" / "mine")
    assert built.manifest.data.n_train + built.manifest.data.n_eval == 60
    assert (built.manifest.data.text, built.manifest.data.n_rejected) == (EVIL.format("t"), 1)
