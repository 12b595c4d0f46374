"""From a card to its pair, and many rows decided about at once, in a real browser."""

import re

import pytest

from backend.workspace import Workspace
from tests.e2e.server import browsing, serving, settled
from tests.e2e.test_journey import browser_is_here, workspace  # noqa: F401

pytestmark = pytest.mark.e2e


def test_a_pair_is_drawn_and_many_rows_are_decided_at_once(browser_is_here, workspace, tmp_path):  # noqa: F811
    with serving(workspace.path, tmp_path / "server.log") as address, browsing() as page:
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))

        # From a card of Inspect to its pair, in place and then as a page; the address alone brings it back.
        page.goto(f"{address}/inspect")
        page.get_by_text("Helpful", exact=True).wait_for()
        settled(page)
        page.get_by_role("button", name="Show as a pair").first.click()
        page.get_by_role("dialog").locator("path.ribbon").first.wait_for(state="attached")
        page.get_by_role("dialog").get_by_role("link", name="Open as a page").click()
        page.wait_for_url(re.compile("pair.*train="))
        settled(page)
        page.reload()
        page.locator("path.ribbon").first.wait_for(state="attached")
        settled(page)
        ribbons = page.locator("path.ribbon").count()
        assert ribbons > 2 and "NaN" not in page.locator("path.ribbon").first.get_attribute("d")

        # A row of the table, chosen with the keyboard, leaves only its own ribbons; Escape brings all back.
        first = page.locator("tr[data-row='0'] button")
        first.focus()
        page.keyboard.press("Enter")
        assert first.get_attribute("aria-pressed") == "true"
        assert 0 < page.locator("path.ribbon.on").count() < ribbons
        words = page.locator(".word.on").all_inner_texts()
        assert len(words) >= 2 and first.inner_text().lower() in {each.lower() for each in words}
        page.keyboard.press("Escape")
        assert first.get_attribute("aria-pressed") == "false"

        # The sum that is shown is the sum of the table.
        cells = page.locator("tbody tr td:nth-child(3)").all_inner_texts()
        *parts, total = (float(each.replace("−", "-").replace(",", "")) for each in cells)
        assert sum(parts) == pytest.approx(total, abs=0.06 * len(parts))

        # Explore: a filter, one decision about all that fit, one undo.
        page.get_by_role("link", name="Explore").click()
        page.get_by_role("heading", name="Explore").wait_for()
        settled(page)
        pages = page.get_by_test_id("stPagination")
        pages.get_by_role("button", name="2").click()
        settled(page)
        page.reload()
        pages.wait_for()
        settled(page)
        assert "rows-at=2" in page.url and pages.locator("[aria-current]").inner_text() == "2"
        page.get_by_label("Words in the texts").fill("witty")
        page.keyboard.press("Enter")
        found = sum("witty" in text for text in workspace.train_split.texts)
        page.get_by_role("button", name=f"Decide about {found} listed").click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_role("button", name=f"Flag {found} rows").click()
        dialog.get_by_text("Give a reason").wait_for()
        dialog.get_by_label("Reason").fill("one phrase")
        dialog.get_by_label("Reason").press("Tab")
        dialog.get_by_role("button", name=f"Flag {found} rows").click()
        page.get_by_text("Press U to undo all at once").wait_for()
        dialog.wait_for(state="detached")
        settled(page)
        assert "rows-find=witty" in page.url
        states = Workspace.open(workspace.path).review.states()
        assert len(states) == found and {each.reason for each in states.values()} == {"one phrase"}
        page.keyboard.press("u")
        page.get_by_text(re.compile("Undone: flag")).wait_for()
        assert Workspace.open(workspace.path).review.states() == {} and not errors
