"""The Review page: scores offered, rows with reasons, filters, decisions."""

import pytest

from backend.files import digest
from backend.queue.queue import QueueFilter
from backend.scores.registry import all_scores, producers_for
from pages.components import keys
from pages.components.review.queue_list import PAGE
from tests.pages.driver import new_app, opened, page, words


@pytest.fixture
def scored(app, tiny_workspace):
    """The app on a workspace with scores that need no encoder."""
    tiny_workspace.scores.compute(["dynamics", "association"])
    return app


def test_scores_are_offered_where_there_are_none(app, tiny_workspace):
    assert not list(tiny_workspace.folder.scores.glob("*.parquet"))
    page(app, "review")
    assert not app.exception and not app.error
    assert "none of which has been computed yet" in app.info[0].value
    assert [each.label for each in app.button if each.label == "Compute scores"]


def test_the_most_suspicious_rows_come_first_with_their_reasons(scored):
    page(scored, "review")
    assert not scored.exception and not scored.error
    items = opened().queue()
    shown = words(scored)
    first = items[0]
    assert first.id in shown and f"{len(items):,} row" in shown
    titles = {all_scores()[each.score].title for each in first.reasons}
    assert any(title in shown for title in titles)
    assert "Suggestion:" in shown


def test_a_reason_given_on_another_page_is_not_logged_here(scored):
    page(scored, "inspect")
    scored.text_input(key="reason-inspect").set_value("about that row").run()
    page(scored, "review")
    next(each for each in scored.button if each.label == "Flag").click().run()
    (entry,) = opened().ledger.entries()
    assert (entry.action, entry.reason) == ("flag", "")


def test_a_decision_is_stored_and_the_row_leaves_the_list(scored):
    page(scored, "review")
    first, second = (each.id for each in opened().queue()[:2])
    scored.button(key=f"remove-queue-{digest(first)}").click().run()
    assert not scored.exception and not scored.error
    assert {row: state.action for row, state in opened().states().items()} == {first: "remove"}
    assert opened().log()[0].origin == "app" and scored.toast
    assert first not in words(scored) and second in words(scored)
    scored.selectbox(key="decision").set_value("remove").run()
    assert first in words(scored) and "removed" in words(scored)


def test_ticked_rows_are_decided_about_at_once(scored):
    page(scored, "review")
    queue = [each.id for each in opened().queue()]
    assert scored.button(key="bulk-button").label == f"Decide about {PAGE} listed"
    for row in queue[1:3]:
        scored.checkbox(key=f"tick-{digest(row)}").check().run()
    assert scored.button(key="bulk-button").label == "Decide about 2 ticked"
    scored.button(key="bulk-button").click().run()
    scored.text_input(key="bulk-reason").set_value("one phrase")
    scored.segmented_control(key="bulk-action").set_value("remove").run()
    scored.button(key="bulk-apply").click().run()
    assert not scored.exception and not scored.error
    states = opened().states()
    assert set(states) == set(queue[1:3])
    assert {(each.action, each.reason) for each in states.values()} == {("remove", "one phrase")}
    assert scored.button(key="bulk-button").label == f"Decide about {PAGE} listed"


def test_what_is_listed_is_decided_about_at_once(scored):
    page(scored, "review")
    queue = [each.id for each in opened().queue()[:PAGE]]
    scored.button(key="bulk-button").click().run()
    scored.text_input(key="bulk-reason").set_value("all of them").run()
    scored.button(key="bulk-apply").click().run()
    assert set(opened().states()) == set(queue) and not scored.exception


def test_all_rows_with_a_reason_are_decided_about_at_once(scored):
    wanted = opened().queue(QueueFilter(reason="aum")).ids
    page(scored, "review", **{keys.QUEUE_REASON: all_scores()["aum"].title})
    assert wanted and scored.button(key="bulk-button").label == f"Decide about {len(wanted)} listed"


def test_what_harms_errors_is_offered_with_its_cost(scored):
    cheap = [
        each.name
        for each in producers_for("classification").values()
        if each.default and each.name != "influence"
    ]
    opened().compute_scores(cheap)
    page(scored, "review")
    assert "More reasons" in "".join(each.label for each in scored.expander)
    assert [each.label for each in scored.button if each.label == "Run influence first"]
    opened().compute_influence(score="dot", k=5)
    page(scored, "review")
    assert [each.label for each in scored.button if each.label == "Compute influence"]


def test_a_second_click_is_not_about_the_row_that_has_moved_up(scored):
    """A button's id holds its row's: the browser's second click names one that is no longer there."""
    page(scored, "review")
    first, second = (each.id for each in opened().queue()[:2])
    remove = next(each for each in scored.main.button if each.label == "Remove")
    assert remove.key == f"remove-queue-{digest(first)}"
    remove.click().run()
    remove = next(each for each in scored.main.button if each.label == "Remove")
    assert remove.key == f"remove-queue-{digest(second)}"
    assert set(opened().states()) == {first} and not scored.exception


def test_inspect_asks_about_the_row(scored):
    """That the page changes, too, is for a real browser to show (tests/e2e)."""
    page(scored, "review")
    first = opened().queue()[0].id
    scored.button(key=f"inspect-queue-{digest(first)}").click().run()
    assert not scored.exception and not scored.error
    assert (scored.session_state["what"], scored.session_state["row"]) == ("train", first)


def test_filters_are_in_the_address(scored):
    page(scored, "review", **{"reason-of": all_scores()["aum"].title})
    assert scored.selectbox(key="reason-of").value == "aum"
    expected = opened().queue(QueueFilter(reason="aum"))
    assert f"{len(expected):,} row" in words(scored)
    scored.selectbox(key="class").set_value("good").run()
    assert all(each.label == "good" for each in opened().queue(QueueFilter(label="good", reason="aum")))
    assert not scored.exception and not scored.error


def test_another_purpose_has_a_queue_of_its_own(scored):
    page(scored, "review")
    scored.segmented_control(key="for").set_value("hard").run()
    assert not scored.exception and not scored.error
    assert opened().queue(QueueFilter("hard"))[0].id in words(scored)
    scored.segmented_control(key="for").set_value("redundant").run()
    assert "No score for this has been computed" in words(scored) or scored.info
    again = page(new_app(), "review")
    assert not again.exception
