"""One of 77 classes chosen by keys alone, in a real browser; the list stays within the window."""

from urllib.parse import parse_qs, urlparse

import pytest

from tests.e2e.many_classes import SEARCH
from tests.e2e.server import browsing, holds, serving, settled
from tests.e2e.test_journey import browser_is_here  # noqa: F401
from tests.many_classes import build_many, class_names

pytestmark = [pytest.mark.e2e, pytest.mark.usefixtures("browser_is_here")]
HEIGHT = 800


def in_focus(page) -> str:
    return parse_qs(urlparse(page.url).query)["at"][0]


def test_a_class_is_found_by_a_part_of_its_name_that_is_out_of_sight(tmp_path):
    workspace = build_many(tmp_path)
    wanted = class_names()[45]
    with serving(workspace.path) as address, browsing(viewport={"width": 1280, "height": HEIGHT}) as page:
        page.goto(f"{address}/review?view=Focus")
        page.wait_for_url(lambda url: "at=" in url, timeout=120_000)
        settled(page)
        row = in_focus(page)
        page.keyboard.press("/")
        assert page.locator(SEARCH).last.evaluate("field => field === document.activeElement")
        page.keyboard.type(wanted[-28:])
        listed = page.get_by_role("listbox")
        listed.wait_for()
        box = listed.bounding_box()
        assert box and box["y"] >= 0 and box["y"] + box["height"] <= HEIGHT
        holds(page.locator(SEARCH).last, wanted[-28:])  # the slash itself was not typed
        page.keyboard.press("Enter")
        page.wait_for_url(lambda url: parse_qs(urlparse(url).query).get("at") != [row], timeout=20_000)
        settled(page)
        assert workspace.review.states()[row].label == wanted
        second = in_focus(page)
        page.keyboard.press("1")
        page.wait_for_url(lambda url: parse_qs(urlparse(url).query).get("at") != [second], timeout=20_000)
        assert workspace.review.states()[second].action == "relabel"
