"""From a word, a source and a score to the rows behind them, in a real browser, on hostile data."""

import re

import pytest

from backend.data.columns import Columns
from backend.scores.settings import ScoreSettings
from backend.workspace import Workspace
from tests.conftest import tiny_rows
from tests.e2e.server import browsing, holds, serving, settled
from tests.e2e.test_journey import (
    EVIL,
    HOSTILE_COLUMNS,
    LIVE,
    browser_is_here,  # noqa: F401
    hostile,
    made_workspace,
)

pytestmark = [pytest.mark.e2e, pytest.mark.usefixtures("browser_is_here")]


@pytest.fixture
def workspace(tmp_path) -> Workspace:
    """Markup in texts, labels, ids and groups; every third eval label is wrong; all is computed."""
    evaluation = [{**row, "id": f"e{row['id']}"} for row in tiny_rows(20, 1000)]
    for row in evaluation[::3]:
        row["label"] = "bad" if row["label"] == "good" else "good"
    group = EVIL.format("stars")
    columns = Columns(HOSTILE_COLUMNS.text, HOSTILE_COLUMNS.label, id=HOSTILE_COLUMNS.id, group=group)
    train = [{**row, group: EVIL.format(row[group] % 2)} for row in hostile(tiny_rows(60))]
    made = made_workspace(tmp_path, train, hostile(evaluation), columns)
    made.compute_words()
    made.compute_scores(["dynamics", "association"])
    made.compute_sources(ScoreSettings(device="cpu"))
    return made


def test_from_words_sources_and_scores_to_rows(workspace):
    word = next(
        each for each in workspace.audit.words().to_pylist() if each["kind"] == "word" and each["top_rows"]
    )
    with serving(workspace.path) as address, browsing(viewport={"width": 1280, "height": 1600}) as page:
        requested: list[str] = []
        page.on("request", lambda request: requested.append(request.url))

        # A word: its rows, its influence in one of them, a decision.
        page.goto(f"{address}/words")
        page.get_by_role("heading", name="Words").wait_for(timeout=120_000)  # the server imports torch
        settled(page)
        page.get_by_label("Chosen word").fill(word["token"])
        page.get_by_label("Chosen word").press("Enter")
        page.get_by_text(word["top_rows"][0][:40]).first.wait_for()
        page.wait_for_url(re.compile(r"[?&]word="))
        page.get_by_role("button", name="Word by word").first.click()
        page.get_by_text("All together").wait_for()
        settled(page)
        assert page.locator("mark.fw-word").count() > 0
        page.locator(".st-key-bar-word-1").get_by_role("button", name="Flag").click()
        page.get_by_text("Press U to undo").wait_for()
        page.get_by_text("Press U to undo").wait_for(state="detached")  # a toast makes links of addresses
        settled(page)
        assert {row: each.action for row, each in workspace.review.states().items()} == {
            word["top_rows"][0]: "flag"
        }
        assert page.evaluate(LIVE) == 0

        # The sources.
        page.get_by_role("link", name="Sources").click()
        page.get_by_role("heading", name="Which way they pull").wait_for()
        settled(page)
        page.locator(".js-plotly-plot .bars path, .js-plotly-plot .point path").first.hover(force=True)
        assert page.evaluate(LIVE) == 0

        # A point of the data map, then its scores, which the address keeps.
        page.get_by_role("link", name="Scores").click()
        page.locator(".scatterlayer .point").first.wait_for()
        settled(page)
        page.locator(".scatterlayer .point").nth(5).click(force=True)
        page.get_by_text("reason to look").first.wait_for()
        page.wait_for_url(re.compile(r"[?&]about="))
        settled(page)
        chosen = page.get_by_label("Training row", exact=True).input_value()
        assert chosen in workspace.train_split.ids
        page.reload()
        page.get_by_text("reason to look").first.wait_for()
        settled(page)
        holds(page.get_by_label("Training row", exact=True), chosen)
        for view in ("One score", "All scores"):
            page.get_by_text(view, exact=True).click()
            settled(page)
            assert page.locator("[data-testid=stException]").count() == 0
        assert page.evaluate(LIVE) == 0

        # From there to its explanation.
        page.locator(".st-key-bar-scores").get_by_role("button", name="Inspect").click()
        page.wait_for_url("**/inspect**")
        page.get_by_label("Row id", exact=True).wait_for(timeout=120_000)
        holds(page.get_by_label("Row id", exact=True), chosen)
        assert not [url for url in requested if "evil" in url and not url.startswith(address)]
