"""The tour in a real browser: with the keyboard from the offer to the end, and never again after that."""

import re

import pytest

from pages.components.tour_steps import STEPS
from tests.e2e.server import browsing, serving, settled
from tests.e2e.test_journey import browser_is_here, workspace  # noqa: F401

pytestmark = [pytest.mark.e2e, pytest.mark.usefixtures("browser_is_here")]

OFFER = "Take the tour"


def press(page, name: str) -> None:
    """Press a button of the tour with the keyboard alone."""
    button = page.locator(".st-key-tour").get_by_role("button", name=re.compile(name))
    button.focus()
    page.keyboard.press("Enter")
    settled(page)


def box_of(page, selector: str) -> dict:
    return page.locator(selector).first.bounding_box()


def test_the_tour_leads_through_the_pages_and_is_not_shown_again(workspace, tmp_path):  # noqa: F811
    with (
        serving(workspace.path, tmp_path / "server.log") as address,
        browsing(first_visit=True, viewport={"width": 1280, "height": 900}) as page,
    ):
        page.goto(address)
        page.get_by_role("button", name=OFFER).wait_for()
        settled(page)
        press(page, OFFER)
        for number, step in enumerate(STEPS):
            page.wait_for_url(re.compile(f"/{step.page}"))
            page.get_by_text(f"Tour, step {number + 1} of 5").wait_for()
            settled(page)
            tour, title = box_of(page, ".st-key-tour"), box_of(page, "h1")
            assert tour["y"] + tour["height"] <= title["y"], "it covers nothing"
            if number == 1:
                press(page, "Back")
                page.get_by_text("Tour, step 1 of 5").wait_for()
                press(page, "Next")
                page.get_by_text("Tour, step 2 of 5").wait_for()
            press(page, "Finish" if number == 4 else "Next")
        assert not page.locator(".st-key-tour").count()
        page.wait_for_function("document.cookie.includes('firstword-tour=seen')")
        page.goto(address)
        page.get_by_role("heading", name="Overview").wait_for()
        settled(page)
        assert not page.locator(".st-key-tour").count()
        page.goto(f"{address}/help")
        page.get_by_role("button", name=OFFER).click()
        page.get_by_text("Tour, step 1 of 5").wait_for()
