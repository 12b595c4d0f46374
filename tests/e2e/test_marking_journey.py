"""Marking words of an answer in a real browser: by mouse, by keyboard, from the list; on hostile texts."""

import json

import pytest

from tests.e2e.conversation_parts import ANSWER
from tests.e2e.server import browsing, serving, settled
from tests.e2e.test_journey import browser_is_here  # noqa: F401

pytestmark = [pytest.mark.e2e, pytest.mark.usefixtures("browser_is_here")]
SCRIPT = "tests/e2e/conversation_parts.py"
TALL = {"width": 1100, "height": 2200}  # all parts are in sight


def marked(page, *words: str) -> None:
    """Assert that Python holds these spans, soon."""
    said = json.dumps(list(words), ensure_ascii=False)
    page.get_by_text(f"marked: {said}", exact=True).wait_for(timeout=20_000)
    settled(page)


def word(page, name: str):
    return page.get_by_role("option", name=name, exact=True)


def test_words_are_marked_by_mouse_keyboard_and_list(tmp_path):
    with serving(None, tmp_path / "server.log", script=SCRIPT) as address, browsing(viewport=TALL) as page:
        page.goto(address)
        marked(page)
        start, end = (word(page, name).bounding_box() for name in ("Ostra", "1412"))
        page.mouse.move(start["x"] + 3, start["y"] + 5)
        page.mouse.down()
        page.mouse.move(end["x"] + 3, end["y"] + 5, steps=6)
        page.mouse.up()
        marked(page, "Ostra was built in 1412")
        word(page, "they").click()  # a second span
        marked(page, "Ostra was built in 1412", "they")
        word(page, "was").click()  # and a hole in the first
        marked(page, "Ostra", "built in 1412", "they")

        page.get_by_role("button", name="Clear").click()
        marked(page)
        word(page, "Ostra").focus()
        page.keyboard.press("ArrowRight")
        page.keyboard.press("Shift+ArrowRight")
        page.keyboard.press("Shift+ArrowRight")
        marked(page, "was built in")
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("Space")
        marked(page, "was", "in")
        page.keyboard.press("End")
        page.keyboard.press("Enter")
        marked(page, "was", "in", ".")
        assert page.get_by_text("3 of 16 words asked about").count() == 1
        page.keyboard.press("Escape")
        marked(page)

        page.get_by_role("button", name="Mark from a list").click()
        field = page.get_by_role("combobox", name="Marked words")
        field.fill("Ida")
        field.press("Enter")
        field.press("Escape")
        marked(page, "Ida")
        assert word(page, "Ida").get_attribute("aria-selected") == "true"
        page.get_by_role("button", name="Mark all").click()
        marked(page, ANSWER)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_parts_show_hostile_texts_as_text_and_fold(theme, tmp_path):
    with (
        serving(None, tmp_path / "server.log", script=SCRIPT) as address,
        browsing(color_scheme=theme) as page,
    ):
        page.goto(address)
        marked(page)
        assert page.get_by_text("<script>window.__xss=1</script>", exact=False).count() >= 1
        assert page.evaluate("window.__xss") is None
        last = page.get_by_text("Line 59 of a long answer", exact=False)
        assert not page.evaluate(
            "text => [...document.querySelectorAll('.fw-folded')].some(e => e.checkVisibility())"
        )
        page.locator(".fw-unfold > summary").first.focus()
        page.keyboard.press("Enter")
        assert last.is_visible()
        system = page.locator("details.fw-turn > summary", has_text="system")
        assert not page.get_by_text("are a guide", exact=False).is_visible()
        system.focus()
        page.keyboard.press("Enter")
        assert page.get_by_text("are a guide", exact=False).is_visible()
        assert page.get_by_text("<img src=x onerror", exact=False).count() >= 1
        assert page.evaluate("window.__xss") is None
