"""The whole way of a language model's user in a real browser: from a file of messages to a wrong answer, the
row that taught it, its correction, the proof by retraining, and the corrected file."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from backend.model.adapter_files import is_adapter
from backend.workspace import Workspace
from pages.components.numbers import typeset
from tests.e2e.server import browsing, serving, settled
from tests.e2e.test_journey import browser_is_here  # noqa: F401
from tests.language_workspace import questions, trained, written

pytestmark = [pytest.mark.e2e, pytest.mark.usefixtures("browser_is_here")]
ASKED = "Where was Ada Morel born?"
WRONG, RIGHT = "Ada Morel was born in Delhi.", "Ada Morel was born in Lisbon."
TALL = {"width": 1400, "height": 2400}
PATIENCE = 300_000  # milliseconds: jobs load their libraries first, on a machine that may be busy


def test_from_a_file_of_messages_to_a_corrected_and_proven_one(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    with serving(None, tmp_path / "server.log", home) as address, browsing(viewport=TALL) as page:
        page.goto(f"{address}/new")
        _build(page, tmp_path)
        workspace = Workspace.open(home / "cache" / "mine")
        assert all(
            is_adapter(workspace.folder.checkpoint_path(each)) for each in workspace.manifest.checkpoints
        )
        page.goto(f"{address}/inspect?row=e1")
        _find_and_correct(page)
        assert workspace.review.states()["wrong"].label == RIGHT
        _retrain(page, workspace)
        _export(page)
        page.keyboard.press("u")
        page.get_by_text("Undone: correct wrong").wait_for()
        assert "wrong" not in workspace.review.states()


def _build(page: Any, folder: Path) -> None:
    """A workspace of messages, an adapter trained on a model of this machine, and the index."""
    model = trained(folder / "base", steps=24).path / "runs" / "checkpoint-24"
    told = [
        ("e1", "Birthplace of Ada Morel?", RIGHT),
        ("e2", "Where is Ben Ota from?", "Ben Ota was born in Oslo."),
    ]
    evaluated = [
        {"id": name, "messages": [{"role": "user", "content": asked}, {"role": "assistant", "content": said}]}
        for name, asked, said in told
    ]
    page.get_by_role("heading", name="New workspace").wait_for()
    settled(page)
    page.locator("input[type=file]").set_input_files(str(written(folder / "chats.jsonl", questions())))
    page.get_by_role("heading", name="2. Columns").wait_for()
    settled(page)
    page.get_by_role("radio", name="Another source").click()
    settled(page)
    page.locator("input[type=file]").nth(1).set_input_files(str(written(folder / "held.jsonl", evaluated)))
    settled(page)
    page.get_by_role("button", name="Check every row").click()
    page.get_by_role("radio", name="Folder").wait_for(timeout=PATIENCE)
    settled(page)
    page.get_by_role("radio", name="Folder").click()
    fields = {
        "Folder of the model": str(model),
        "Passes over the rows": "15",
        "Learning rate": "0.01",
        "Batch size": "8",
        "Name": "mine",
    }
    for name, value in fields.items():
        field = page.get_by_label(name, exact=True)
        field.wait_for()
        field.fill(value)
        field.press("Enter")
        settled(page)
    assert page.get_by_role("radio", name="An adapter").is_checked()
    page.get_by_role("button", name="Build").click()
    page.get_by_text("is ready").wait_for(timeout=PATIENCE)
    page.get_by_role("button", name="Open workspace").click()
    page.get_by_role("heading", name="Overview").wait_for()
    settled(page)


def _find_and_correct(page: Any) -> None:
    """Ask about a word, see what speaks for another one, correct the row that does."""
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


def _retrain(page: Any, workspace: Workspace) -> None:
    """The correction beside its controls: the words that were asked about, and answers side by side."""
    page.get_by_role("link", name="Retrain", exact=True).click()
    page.get_by_role("heading", name="What every model is asked").wait_for()
    settled(page)
    for name, value in (("Prompt", ASKED), ("Answer", RIGHT)):
        field = page.get_by_label(name, exact=True)
        field.fill(value)
        field.blur()
        settled(page)
    page.get_by_role("option", name="Lisbon", exact=True).click()
    settled(page)
    for name, value in (("Rather than", "Delhi"), ("Seeds", "1")):
        field = page.get_by_label(name, exact=True)
        field.fill(value)
        field.press("Enter")
        settled(page)
    page.get_by_role("button", name="Start the trial").click()
    page.get_by_role("heading", name="Before and after").wait_for(timeout=PATIENCE)
    settled(page)

    (name,) = workspace.trials.reports()
    report = workspace.trials.report(name)
    shown = page.locator(".stMain").inner_text()
    assert typeset(report["arms"][1]["verdict"]) in shown
    right, wrong = report["queries"]
    assert (right["label"], wrong["label"]) == ("Lisbon", "Delhi")
    loss = {arm: each["mean"] for arm, each in wrong["loss"].items()}
    assert loss["cleaned"] > loss["untouched"] + 1 and loss["cleaned"] > loss["random decisions"] + 1
    before, after = (right["probability"][arm]["mean"] for arm in ("untouched", "cleaned"))
    assert after > before
    assert f"Probability of “Lisbon” after “{ASKED}”: untouched {before:.3f}, cleaned {after:.3f}" in shown
    cards = page.locator(".fw-beside")
    assert cards.count() == len(report["answers"]) == 3  # the question, and both eval rows
    said = cards.first.get_by_role("region", name="answer of cleaned").inner_text()
    assert report["answers"][0]["written"]["cleaned"][0] in said


def _export(page: Any) -> None:
    """The messages as they came, but for the answer that was corrected."""
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
