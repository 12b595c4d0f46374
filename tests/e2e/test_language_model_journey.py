"""A wrong answer of a language model in a real browser: ask, mark, find the row, correct it, export."""

import json
import re

import pytest

from backend.influence.rowstore.settings import PrecomputeSettings
from tests.e2e.server import browsing, serving, settled
from tests.e2e.test_journey import browser_is_here  # noqa: F401
from tests.language_workspace import trained

pytestmark = [pytest.mark.e2e, pytest.mark.usefixtures("browser_is_here")]
WRONG, RIGHT = "Ada Morel was born in Delhi.", "Ada Morel was born in Lisbon."
TALL = {"width": 1400, "height": 2400}


def test_a_wrong_fact_is_found_and_corrected(tmp_path):
    workspace = trained(tmp_path / "lm", steps=60)
    workspace.precompute(PrecomputeSettings(device="cpu", row_store="full"))
    with serving(workspace.path, tmp_path / "server.log") as address, browsing(viewport=TALL) as page:
        page.goto(f"{address}/inspect?row=e1")
        page.get_by_text("Helpful", exact=True).wait_for()
        settled(page)

        # The word is marked by mouse; the answer to that question takes the place of the first.
        page.get_by_role("option", name="Lisbon", exact=True).click()
        page.get_by_text("Why these words?", exact=True).wait_for()
        settled(page)

        # What speaks for another word is seen once that is named: the row that contradicts leads.
        field = page.get_by_label("Rather than", exact=True)
        field.fill("Delhi")
        field.press("Enter")
        page.get_by_text(re.compile("rather than the other")).first.wait_for()
        page.get_by_text("Harmful", exact=True).wait_for()
        settled(page)
        bar = page.locator(".st-key-bar-harmful-1")
        card = page.locator("[data-testid=stVerticalBlock]").filter(has=bar).last
        assert WRONG in card.inner_text()
        assert page.get_by_text(re.compile("“Lisbon”: literally in")).count() == 1

        # What is stored is shown first; the correction is one decision that can be undone.
        bar.get_by_role("button", name="Correct").click()
        field = page.get_by_label("What it should say")
        field.wait_for()
        settled(page)
        store = page.get_by_role("button", name="Store")
        assert store.is_disabled()
        field.fill(RIGHT)
        field.blur()
        page.locator("ins", has_text="Lisbon").wait_for()
        settled(page)
        assert page.locator("del").all_inner_texts() == ["Delhi"]
        store.click()
        page.get_by_text(re.compile("corrected. Press U")).wait_for()
        settled(page)
        assert workspace.review.states()["wrong"].label == RIGHT

        page.get_by_role("link", name="Export").click()
        page.get_by_role("heading", name="Export").wait_for()
        settled(page)
        page.get_by_text("JSON Lines", exact=True).click()
        settled(page)
        with page.expect_download() as started:
            page.get_by_role("button", name="Download").click()
        lines = started.value.path().read_text(encoding="utf-8").splitlines()
        rows = {row["id"]: row for row in map(json.loads, lines)}
        assert rows["wrong"]["messages"][1] == {"role": "assistant", "content": RIGHT}

        page.keyboard.press("u")
        page.get_by_text("Undone: relabel wrong").wait_for()
        assert "wrong" not in workspace.review.states()
