"""One person's way through the app, in a real browser."""

import csv
import io
import os
import re
from importlib.util import find_spec
from pathlib import Path

import pytest

from backend.data.columns import Columns
from backend.model.training_settings import TrainingSettings
from backend.workspace import Workspace
from tests.conftest import tiny_rows, write_rows
from tests.e2e.server import CHROMIUM, browsing, holds, serving, settled
from tests.factories import tiny

pytestmark = pytest.mark.e2e


@pytest.fixture
def browser_is_here() -> None:
    """Skip where there is no browser; on a CI machine its absence is a failure."""
    missing = [
        name
        for name, there in (("playwright", find_spec("playwright")), (str(CHROMIUM), CHROMIUM.exists()))
        if not there
    ]
    if missing:
        message = f"no browser to test with: {' and '.join(missing)} missing (set CHROMIUM to another place)"
        pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)


@pytest.fixture
def workspace(tmp_path) -> Workspace:
    """A precomputed workspace; four eval rows have the wrong label, so that the model is in error there."""
    evaluation = [{**row, "id": f"e{row['id']}"} for row in tiny_rows(20, 1000)]
    for row in evaluation[:4]:
        row["label"] = "bad" if row["label"] == "good" else "good"
    return made_workspace(tmp_path, tiny_rows(60), evaluation, Columns(text="text", label="label", id="id"))


def made_workspace(folder: Path, train: list[dict], evaluation: list[dict], columns: Columns) -> Workspace:
    """Rows imported, a tiny model trained, everything computed."""
    texts = [row["text"] for row in tiny_rows(60)]
    made, _ = Workspace.create(
        folder / "ws",
        train=str(write_rows(folder / "train.jsonl", train)),
        eval=str(write_rows(folder / "eval.jsonl", evaluation)),
        columns=columns,
        model=str(tiny("bert", folder / "model", texts)),
    )
    made.train(TrainingSettings(epochs=3, lr=2e-3, batch_size=8, checkpoints=3, precision="fp32"))
    made.precompute()
    return made


def test_inspect_remove_undo_export(browser_is_here, workspace, tmp_path):
    with serving(workspace.path, tmp_path / "server.log") as address, browsing(accept_downloads=True) as page:
        errors: list[str] = []
        foreign: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on(
            "request",
            lambda request: (
                None if request.url.startswith((address, "data:", "blob:")) else foreign.append(request.url)
            ),
        )

        # A deep link, to a server that has not yet served any page.
        page.goto(f"{address}/inspect")
        page.get_by_role("heading", name="Inspect").wait_for()
        settled(page)
        page.get_by_text("Helpful", exact=True).wait_for()
        assert page.get_by_text("misclassified").count() == 1
        assert page.locator("mark.fw-word").count() > 5

        # Remove the first helpful example; it is stored at once.
        page.locator(".st-key-bar-helpful-1").get_by_role("button", name="Remove").click()
        page.get_by_text(re.compile("removed. Press U to undo")).wait_for()
        settled(page)
        (removed,) = Workspace.open(workspace.path).review.states()

        # The log shows it.
        page.get_by_role("link", name="Changes").click()
        page.get_by_role("heading", name="Changes").wait_for()
        settled(page)
        assert page.get_by_text(removed, exact=True).count() >= 1

        # The export lacks it; undone (by key), the export has it again.
        assert removed not in exported_ids(page)
        page.keyboard.press("u")
        page.get_by_text(f"Undone: remove {removed}").wait_for()
        settled(page)
        assert Workspace.open(workspace.path).review.states() == {}
        assert sorted(exported_ids(page)) == sorted(workspace.train_split.ids)
        assert not errors and not foreign


def test_hostile_texts_do_nothing(browser_is_here, workspace, tmp_path):
    with serving(workspace.path) as address, browsing() as page:
        requested: list[str] = []
        page.on("request", lambda request: requested.append(request.url))
        page.goto(f"{address}/inspect?what=Typed+text")
        page.get_by_role("button", name="Explain", exact=True).click()
        page.get_by_text("The text is empty: type what the model should read.").wait_for()
        text = "film <img src=http://evil.example/x onerror=window.__xss=1><script>__xss=1</script> :red[x]"
        page.get_by_label("Text", exact=True).fill(text)
        page.get_by_label("Your name", exact=True).fill("Ada")
        page.get_by_label("Your name", exact=True).press("Enter")
        page.get_by_role("button", name="Explain", exact=True).click()
        page.get_by_text("Helpful", exact=True).wait_for()
        settled(page)
        assert page.locator(".fw-query").first.inner_text() == text
        page.reload()  # the address keeps the text, and the name that decisions are logged under
        page.get_by_text("Helpful", exact=True).wait_for()
        settled(page)
        assert page.locator(".fw-query").first.inner_text() == text
        page.get_by_role("link", name="Changes").click()
        page.get_by_role("heading", name="Changes").wait_for()
        settled(page)
        holds(page.get_by_label("Your name", exact=True), "Ada")
        assert page.evaluate("window.__xss") is None
        assert not [url for url in requested if "evil" in url and not url.startswith(address)]


EVIL = (
    "<img src=http://evil.example/{0} onerror=window.__xss=1><script>window.__xss=1</script>"
    "![{0}](http://evil.example/{0}.png)[{0}](http://evil.example/{0}) :red[**{0}**] $x$ '>"
)


HOSTILE_COLUMNS = Columns(text=EVIL.format("text"), label=EVIL.format("label"), id=EVIL.format("id"))
DRAWN = ("explore", "words")  # their tables are pictures to a browser
LIVE = """() => window.__xss !== undefined ? 1
    : document.querySelectorAll("img[src*='evil'], [onerror]").length
    + [...document.querySelectorAll("a[href]")].filter(
        each => each.protocol.startsWith("http") && each.host !== location.host).length"""


def test_hostile_labels_ids_columns_and_notes_do_nothing(browser_is_here, tmp_path):
    """Whatever is in the data or the log stays text, on all four pages."""
    train, evaluation = hostile(tiny_rows(60)), hostile(tiny_rows(20, 1000))
    workspace = made_workspace(tmp_path, train, evaluation, HOSTILE_COLUMNS)
    first, second = workspace.train_split.ids[:2]
    note = {"author": EVIL.format("author"), "reason": EVIL.format("reason")}
    workspace.review.decide("flag", [first, second], **note)
    label = next(each for each in workspace.manifest.classes if each != workspace.train_split.labels[0])
    workspace.review.decide("relabel", [first], label=label, **note)
    with serving(workspace.path) as address, browsing(viewport={"width": 1280, "height": 1500}) as page:
        requested: list[str] = []
        page.on("request", lambda request: requested.append(request.url))
        for path in ("", "inspect", "inspect?what=Training+row", "changes", "export", "explore", "words"):
            page.goto(f"{address}/{path}")
            page.get_by_role("heading", level=1).wait_for()
            settled(page)
            if path not in DRAWN:  # a page may rest for a moment between two parts that it draws
                page.wait_for_function("document.querySelector('.stMain').innerText.includes('evil.example')")
                assert "evil.example" in page.locator(".stMain").inner_text(), path
            assert page.locator("[data-testid=stException]").count() == 0, path
            assert page.evaluate(LIVE) == 0, path
            if path == "inspect":
                page.locator(".st-key-bar-helpful-1").get_by_role("button", name="Keep").click()
                page.get_by_text("Press U to undo").wait_for()
                settled(page)
        assert page.evaluate("window.__xss") is None
        assert not [url for url in requested if "evil" in url and not url.startswith(address)]


def hostile(rows: list[dict]) -> list[dict]:
    """The same rows with markup in column names, ids and class names, and around the texts."""
    return [
        {
            HOSTILE_COLUMNS.text: f"{row['text']} {EVIL.format('t')}",
            HOSTILE_COLUMNS.label: EVIL.format(row["label"]),
            HOSTILE_COLUMNS.id: EVIL.format(row["id"]),
            EVIL.format("stars"): row["stars"],
        }
        for row in rows
    ]


def exported_ids(page) -> list[str]:
    """The ids in the CSV that the Export page gives."""
    page.get_by_role("link", name="Export").click()
    page.get_by_role("heading", name="Export").wait_for()
    settled(page)
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Download").click()
    name = waiting.value.suggested_filename
    assert re.fullmatch(r"ws_cleaned_raw(-\d-changes?)?_\d{4}-\d\d-\d\d\.csv", name)
    content = Path(waiting.value.path()).read_text(encoding="utf-8")
    return [row["id"] for row in csv.DictReader(io.StringIO(content))]


# What each change of the page shows: the queries written in the cards but not above them, and the fields.
WATCH = """() => {
    window.seen = [];
    const all = (what) => [...document.querySelectorAll(what)];
    new MutationObserver(() => {
        const queries = all(".fw-query").map((each) => each.innerText);
        const foreign = all(".fw-pair").filter((each) => queries.length && !queries.includes(each.innerText));
        window.seen.push([foreign.length, all("[aria-label^='Reason for']").length]);
    }).observe(document.body, {childList: true, subtree: true});
}"""
CHANGED = "old => (document.querySelector('.fw-query') || {innerText: old}).innerText !== old"


def test_no_card_is_shown_under_another_query_and_no_field_twice(browser_is_here, workspace):
    with serving(workspace.path) as address, browsing() as page:
        page.goto(f"{address}/inspect")
        page.get_by_text("Helpful", exact=True).wait_for()
        settled(page)
        page.evaluate(WATCH)
        for _ in range(2):
            before = page.locator(".fw-query").inner_text()
            page.get_by_role("button", name="Next").click()
            page.wait_for_function(CHANGED, arg=before)
            settled(page)
        seen = page.evaluate("window.seen")
        assert seen and {tuple(state) for state in seen} == {(0, 1)}


def test_from_the_queue_to_the_row_and_back(browser_is_here, workspace, tmp_path):
    workspace.scores.compute(["dynamics", "association"])
    first, second = (each.id for each in workspace.scores.queue()[:2])
    with serving(workspace.path, tmp_path / "server.log") as address, browsing() as page:
        page.goto(f"{address}/review")
        page.get_by_text(first, exact=True).wait_for()
        page.get_by_role("button", name="Flag").first.click()
        page.get_by_text(f"{first} flagged").wait_for()
        page.get_by_text(first, exact=True).wait_for(state="detached")
        page.get_by_role("button", name="Inspect").first.click()
        page.wait_for_url("**/inspect**")
        page.locator(f"input[value='{second}']").wait_for()
    assert {row: state.action for row, state in workspace.review.states().items()} == {first: "flag"}
