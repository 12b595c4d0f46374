"""A patch comes back as it went out; what does not fit is said and left out, and one undo takes it back."""

import csv
import json
import shutil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.data.columns import Columns
from backend.errors import InputError
from backend.workspace import Workspace
from tests.data.helpers import bring_in, jsonl

HEADER = ("id", "action", "old_label", "new_label", "reason", "author", "at", "text")
IDS = ("=1", "007", "r2", "r3", "r4", "' ", "é\u2028<b>")
REASONS = ("=1+1", "'=1+1", "''-x", "'", "+", "@é", 'plain, "quoted"', "")


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """Rows whose ids, labels and texts look like formulas and numbers."""
    place = tmp_path_factory.mktemp("patch")
    rows = [
        {"id": row, "text": f"=text\n{i}\r\n'", "label": ("-neg", "1")[i % 2]} for i, row in enumerate(IDS)
    ]
    source, eval = jsonl(place / "t.jsonl", rows), jsonl(place / "e.jsonl", rows[:1])
    bring_in(place / "ws", source, eval, columns=Columns("text", "label", id="id"))
    return place / "ws"


@pytest.fixture
def fresh(template, tmp_path):
    """Makes copies of the workspace without a decision."""
    made = iter(range(100))
    return lambda: Workspace.open(shutil.copytree(template, tmp_path / f"ws{next(made)}"))


def content(workspace):
    return {row: (each.action, each.label, each.reason) for row, each in workspace.review.states().items()}


def written(path, *rows, header=HEADER):
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])
    return str(path)


def decided(workspace):
    """All that can be decided about a row, each with a reason that a spreadsheet would take for a formula."""
    workspace.review.remove("=1", "r4", reason=REASONS[0])
    workspace.review.relabel("007", "-neg", reason=REASONS[1])
    workspace.review.relabel("r3", "-neg", reason="first")
    workspace.review.flag("r3", reason=REASONS[2])
    workspace.review.keep("é\u2028<b>", reason=REASONS[5])
    workspace.review.relabel("r2", "1")
    workspace.review.relabel("r2", "-neg", reason=REASONS[6])  # back to what it was given
    return workspace


@pytest.mark.parametrize("defuse", [True, False])
@pytest.mark.parametrize("name", ["p.csv", "p.tsv", "p.jsonl", "p.parquet", "hf"])
def test_round_trip(fresh, tmp_path, name, defuse):
    here, there = decided(fresh()), fresh()
    format = {"p.csv": "csv", "p.tsv": "csv"}.get(name, name.removeprefix("p."))
    here.export(format, tmp_path / name, "patch", defuse=defuse)
    batch, plan = there.import_patch(str(tmp_path / name), author="Bo")
    assert plan.counts["applies"] == 6 == len(plan.rows)
    expected = content(here)
    if not defuse and format == "csv":  # then an apostrophe of one's own cannot be told from ours
        expected["007"] = ("relabel", "-neg", "=1+1")
        expected["r3"] = ("flag", "-neg", "'-x")
    assert content(there) == expected and there.states()["r3"].author == "Bo"
    for workspace, file in ((here, "here.jsonl"), (there, "there.jsonl")):
        workspace.export("jsonl", tmp_path / file)
    assert (tmp_path / "here.jsonl").read_bytes() == (tmp_path / "there.jsonl").read_bytes()
    assert there.patch_dry_run(str(tmp_path / name)).counts["so already"] == 6
    there.undo()
    assert there.states() == {} and there.log()[0].undoes == batch


@settings(max_examples=15, deadline=None)
@given(st.lists(st.text("'=+-@ aé,\"|", max_size=6), min_size=1, max_size=4))
def test_any_reason_survives_a_defused_csv(template, tmp_path_factory, reasons):
    place = tmp_path_factory.mktemp("reasons")
    here, there = (Workspace.open(shutil.copytree(template, place / name)) for name in "ab")
    for row, reason in zip(IDS, reasons, strict=False):
        here.flag(row, reason=reason)
    here.export("csv", place / "p.csv", "patch")
    there.import_patch(str(place / "p.csv"))
    assert content(there) == content(here)


def test_what_does_not_fit_is_said_and_left_out(fresh, tmp_path):
    workspace = fresh()
    workspace.review.flag("r3", reason="mine")
    workspace.review.keep("r4")
    patch = written(
        tmp_path / "p.csv",
        ("nobody", "remove", "1", "", "", "Ann", "", ""),
        ("r2", "relabel", "-neg", "ugly", "", "Ann", "", ""),
        ("=1", "remove", "1", "", "", "Ann", "", ""),  # another label than the row has here
        ("007", "remove", "1", "", "", "Ann", "", "another text"),
        ("r3", "remove", "1", "", "theirs", "Ann", "", ""),
        ("r4", "keep", "-neg", "", "also", "Ann", "", ""),
        ("' ", "remove", "1", "", "", "Ann", "", ""),
    )
    before = workspace.review.log()
    plan = workspace.review.patch_dry_run(patch)
    assert [outcome for _, outcome in plan.rows] == [
        *("unknown id", "no class", "another row", "another row"),
        *("decided otherwise here", "so already", "applies"),
    ]
    assert workspace.review.log() == before
    workspace.review.import_patch(patch)
    assert content(workspace)["r3"] == ("flag", None, "mine") and content(workspace)["' "][0] == "remove"
    _, plan = workspace.review.import_patch(patch, replace=True)
    assert plan.counts["applies"] == 1 and content(workspace)["r3"] == ("remove", None, "theirs")
    assert workspace.review.log()[0].note == "import p.csv"
    with pytest.raises(InputError, match=r"p.csv: no row of this patch applies \(3 so already, 1 unknown id"):
        workspace.review.import_patch(patch, replace=True)


def row(**cells):
    return [cells.get(name, {"id": "r2", "action": "flag"}.get(name, "")) for name in HEADER]


WRONG = {
    "action": (row(action="burn"), "row 1, column 'action': 'burn' is none of 'keep', 'flag'"),
    "label": (row(action="relabel"), "row 1, column 'new_label': is empty"),
    "id": (row(id=""), "row 1, column 'id': is empty"),
    "reason": (row(reason="\x1b[2J"), "row 1, reason: character 1 is a control character"),
    "long": (row(reason="x" * 2001), "row 1, reason: 2,001 characters"),
    "ragged": (["r2"], "row 1: has 1 cells"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_patch_is_refused_whole(fresh, tmp_path, name):
    cells, words = WRONG[name]
    workspace = fresh()
    patch = written(tmp_path / "p.csv", cells, row(id="r3"))
    for call in (workspace.review.patch_dry_run, workspace.review.import_patch):
        with pytest.raises(InputError) as caught:
            call(patch)
        assert words in str(caught.value) and "\n" not in str(caught.value)
    assert workspace.review.log() == []


def test_what_is_no_patch(fresh, tmp_path):
    workspace = fresh()
    for content, words in (
        ([row(), row()], "row 2, column 'id': 'r2' stands in row 1 already"),
        ([], "holds no decision"),
    ):
        with pytest.raises(InputError, match=words):
            workspace.review.patch_dry_run(written(tmp_path / "p.csv", *content))
    with pytest.raises(InputError, match="no decisions; a patch has id, action"):
        workspace.review.patch_dry_run(written(tmp_path / "p.csv", ["a"], header=["id"]))
    for name in ("none.csv", "owner/name", ""):
        with pytest.raises(InputError, match="no such file"):
            workspace.review.patch_dry_run(name)


def test_values_that_are_no_text_are_read_as_they_are_written(fresh, tmp_path):
    path = tmp_path / "p.jsonl"
    path.write_text(json.dumps({"id": "007", "action": "relabel", "new_label": "-neg", "reason": 5}) + "\n")
    workspace = fresh()
    workspace.review.import_patch(str(path))
    assert content(workspace) == {"007": ("relabel", "-neg", "5")}
    path.write_text('{"id": 7, "action": "flag", "new_label": null, "reason": ""}\n{"id": "r2"}\n')
    with pytest.raises(InputError, match="line 1, column 'id': is a number"):
        workspace.review.patch_dry_run(str(path))


def test_what_was_decided_since_the_dry_run_counts(fresh, tmp_path):
    workspace = fresh()
    patch = written(tmp_path / "p.csv", row())
    seen = workspace.review.patch_dry_run(patch)
    assert seen.counts["applies"] == 1
    workspace.review.remove("r2")
    with pytest.raises(InputError, match="1 decided otherwise here"):
        workspace.review.import_patch(patch)
