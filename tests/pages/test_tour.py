"""The tour: offered once to a browser, five steps on the pages they speak about, and again from Help."""

import re

import pytest
from streamlit.runtime.context import ContextProxy

from pages.components import go_to, tour
from pages.components.navigation import SECTIONS
from pages.components.tour import COOKIE, ENDED, SEEN
from pages.components.tour_steps import STEPS
from tests.pages.driver import new_app, page, words

OFFER, STEP = "Five short steps", "Tour, step"


def keys_of(app) -> set[str]:
    return {each.key for each in app.main.button if (each.key or "").startswith("tour-")}


def at(app, number: int):
    """The app at a step, on the step's page: AppTest does not follow `st.switch_page`."""
    app.session_state["tour-step"] = number
    return page(app, STEPS[number].page)


@pytest.fixture(autouse=True)
def first_visit(monkeypatch) -> None:
    """The browser has kept nothing; without this, AppTest makes something up, and there is no tour."""
    monkeypatch.setattr(ContextProxy, "cookies", {})


@pytest.fixture
def turned(monkeypatch) -> list[str]:
    """The pages that were turned to."""
    found: list[str] = []
    monkeypatch.setattr(go_to, "turn_to", found.append)
    return found


def test_the_steps_are_short_and_on_pages_that_there_are():
    names = {name for section in SECTIONS.values() for name in section}
    assert len(STEPS) == 5 and {each.page for each in STEPS} <= names
    assert [each.name for each in STEPS] == ["ask", "why", "decide", "prove", "export"]
    for each in STEPS:
        assert len(re.findall(r"[.?]”?(?: |$)", each.text)) <= 2, each.name
        assert len(each.text) < 240, each.name


def test_it_is_offered_on_overview_and_nowhere_else(app):
    app.run()
    assert OFFER in words(app) and keys_of(app) == {"tour-start", "tour-end"}
    for name in ("inspect", "review", "help"):
        page(app, name)
        assert OFFER not in words(app) and keys_of(app) <= {"tour-start"}, name


def test_a_browser_that_has_seen_it_is_not_offered_it_again(app, monkeypatch):
    monkeypatch.setattr(ContextProxy, "cookies", {COOKIE: SEEN})
    app.run()
    assert OFFER not in words(app) and not keys_of(app)


@pytest.mark.parametrize("end", ["offer", "step"])
def test_skipped_it_is_gone_and_the_browser_keeps_that(app, monkeypatch, end):
    kept: list[tuple[str, str]] = []
    monkeypatch.setattr(tour, "keep_cookie", lambda *each: kept.append(each))
    app.run()
    if end == "step":
        at(app, 2)
    assert not kept
    app.button(key="tour-end").click().run()
    assert not app.exception and not keys_of(app) and app.session_state["tour-step"] == ENDED
    assert set(kept) == {(COOKIE, SEEN)}
    page(app, "overview")
    assert OFFER not in words(app)


def test_next_and_back_lead_through_all_of_it(app, turned):
    app.run()
    app.button(key="tour-start").click().run()
    assert turned == [STEPS[0].page] and app.session_state["tour-step"] == 0
    for number, step in enumerate(STEPS):
        at(app, number)
        assert not app.exception and f"{STEP} {number + 1} of 5" in words(app)
        assert f'class="fw-tour-{step.name}"' in words(app)
        turns = ["tour-back"] * bool(number) + ["tour-next"] * (number < 4)
        assert keys_of(app) == {"tour-end", *turns}
        assert app.button(key="tour-end").label == ("Finish" if number == 4 else "Skip")
    at(app, 1).button(key="tour-next").click().run()
    assert turned[-1] == "review"
    at(app, 3).button(key="tour-back").click().run()
    assert turned[-1] == "review" and app.session_state["tour-step"] == 2


def test_on_another_page_there_is_a_way_back_to_it(app, turned):
    app.run()
    at(app, 3)
    page(app, "words")
    assert STEP not in words(app) and keys_of(app) == {"tour-on", "tour-end"}
    app.button(key="tour-on").click().run()
    assert turned == ["retrain"] and app.session_state["tour-step"] == 3


def test_help_starts_it_again(app, turned, monkeypatch):
    monkeypatch.setattr(ContextProxy, "cookies", {COOKIE: SEEN})
    page(app, "help")
    app.button(key="tour-start").click().run()
    assert turned == ["inspect"] and app.session_state["tour-step"] == 0


def test_without_a_workspace_to_ask_there_is_none(app, tiny_workspace, monkeypatch, tmp_path):
    tiny_workspace.folder.forget("index")
    app.run()
    assert OFFER not in words(app) and "tour-start" not in keys_of(page(app, "help"))
    (tiny_workspace.path / "workspace.json").write_text("{", encoding="utf-8")
    again = new_app().run()
    assert not again.exception and OFFER not in words(again)
    monkeypatch.delenv("FIRSTWORD_WORKSPACE")
    assert OFFER not in words(new_app().run())
