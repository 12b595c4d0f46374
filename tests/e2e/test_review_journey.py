"""The queue reviewed by keys alone, openly and blind, in a real browser, on hostile data."""

import re
from urllib.parse import parse_qs, urlparse

import pytest

from backend.workspace import Workspace
from tests.conftest import tiny_rows
from tests.e2e.server import browsing, holds, serving, settled
from tests.e2e.test_journey import (
    HOSTILE_COLUMNS,
    LIVE,
    browser_is_here,  # noqa: F401
    hostile,
    made_workspace,
)

pytestmark = [pytest.mark.e2e, pytest.mark.usefixtures("browser_is_here")]


@pytest.fixture
def workspace(tmp_path) -> Workspace:
    """Markup in texts, labels and ids; scored."""
    evaluation = [{**row, "id": f"e{row['id']}"} for row in tiny_rows(20, 1000)]
    made = made_workspace(tmp_path, hostile(tiny_rows(100)), hostile(evaluation), HOSTILE_COLUMNS)
    made.compute_scores(["dynamics", "association"])
    return made


def shows(page, row: str) -> None:
    """Wait until the row is in focus, and in the address."""
    page.wait_for_url(lambda url: parse_qs(urlparse(url).query).get("at") == [row], timeout=20_000)
    settled(page)


def test_keys_decide_and_go_on_but_not_while_one_types(workspace):
    queue = workspace.scores.queue()
    first, second, third, fourth = (each.id for each in queue[:4])
    with serving(workspace.path) as address, browsing(viewport={"width": 1280, "height": 1100}) as page:
        page.goto(f"{address}/review")
        page.get_by_text("List", exact=True).wait_for(timeout=120_000)  # the server imports torch
        page.get_by_role("radio", name="Focus").click()
        page.wait_for_url(re.compile(r"[?&]at="))
        settled(page)
        shows(page, first)
        assert page.evaluate(LIVE) == 0

        page.keyboard.press("k")
        shows(page, second)
        page.keyboard.press("s")
        shows(page, third)
        page.keyboard.press("ArrowLeft")
        shows(page, second)
        page.keyboard.press("x")
        shows(page, third)
        assert {row: each.action for row, each in workspace.review.states().items()} == {
            first: "keep",
            second: "remove",
        }
        page.keyboard.press("u")
        page.get_by_text("Undone").wait_for()
        settled(page)
        assert list(workspace.review.states()) == [first]
        shows(page, second)  # it is back, to be decided anew
        page.keyboard.press("s")
        shows(page, third)

        name = page.get_by_role("textbox", name="Your name")
        name.fill("")
        name.press_sequentially("kfx12s")
        name.press("Enter")
        settled(page)
        shows(page, third)
        assert list(workspace.review.states()) == [first]
        name.blur()
        page.reload()
        page.get_by_text("2 of").wait_for()
        settled(page)
        shows(page, third)

        # Blind: the label comes after the opinion.
        page.get_by_role("radio", name="Blind").click()
        page.get_by_text("What would you call it?").wait_for()
        settled(page)
        assert page.locator(".fw-reasons").count() == 0
        page.keyboard.press("1")
        page.get_by_text("You say").wait_for()
        settled(page)
        assert page.get_by_text("You say").count() == 1 and page.locator(".fw-reasons").count() == 1
        assert page.evaluate(LIVE) == 0
        chosen, label = workspace.manifest.classes[0], queue[2].label
        page.keyboard.press("1")  # once more by mistake: decides nothing
        settled(page)
        assert third not in workspace.review.states()
        page.keyboard.press("k" if chosen == label else "l")
        shows(page, fourth)
        assert page.locator(".fw-reasons").count() == 0
        state = workspace.review.states()[third]
        assert (state.action, state.author) == ("keep" if chosen == label else "relabel", "kfx12s")
        assert state.reason == f"blind: called it {chosen}"


def test_a_key_that_is_held_decides_about_one_row(workspace):
    first, second, third = (each.id for each in workspace.scores.queue()[:3])
    with serving(workspace.path) as address, browsing(viewport={"width": 1280, "height": 1100}) as page:
        page.goto(f"{address}/review?view=Focus")
        page.wait_for_url(re.compile(r"[?&]at="), timeout=120_000)  # the server imports torch
        settled(page)
        page.keyboard.down("k")
        shows(page, second)
        for _ in range(3):
            page.keyboard.down("k")  # pressed and never let go, it repeats
            settled(page)
        assert list(workspace.review.states()) == [first]
        page.keyboard.up("k")
        page.keyboard.press("k")
        shows(page, third)
        assert set(workspace.review.states()) == {first, second}

        # In a text field it repeats as ever.
        name = page.get_by_role("textbox", name="Your name")
        name.fill("")
        page.keyboard.down("k")
        page.keyboard.down("k")
        page.keyboard.up("k")
        holds(name, "kk")
