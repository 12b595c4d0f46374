"""What is noticed in data before anything is computed, with counts and places."""

import json

import pytest

from backend.data.columns import Columns
from backend.data.ingest import IngestReport, dry_run
from backend.data.label_remarks import cell_remarks, joined_choices, looks_like_sets
from backend.data.peek import LOOKED_AT, Peek, peek
from tests.data.helpers import jsonl

COLUMNS = Columns("text", "label")


def source(tmp_path, rows):
    return jsonl(tmp_path / "a.jsonl", rows)


def plain(count=60):
    return [{"text": f"a sound text {i}", "label": ("neg", "pos")[i % 2]} for i in range(count)]


def noticed(tmp_path, rows, columns=COLUMNS):
    """The remarks of a dry run by kind, and the report, which `peek` has as well."""
    report = dry_run(train=source(tmp_path, rows), eval="0.25", columns=columns)
    assert IngestReport.of_json(json.loads(json.dumps(report.to_json()))) == report
    looked = peek(source(tmp_path, rows))
    assert Peek.of_json(json.loads(json.dumps(looked.to_json()))) == looked
    kinds = {each.kind for each in report.survey.remarks} - {"majority", "untested classes", "small classes"}
    assert kinds <= {each.kind for each in looked.survey.remarks} | {"agreement", "outvoted", "no majority"}
    return {each.kind: each for each in report.survey.remarks}, report


def test_sound_data_has_its_majority_said_and_nothing_else(tmp_path):
    found, _ = noticed(tmp_path, plain())
    assert set(found) == {"majority"} and "'neg', 50.0% of" in found["majority"].text


@pytest.mark.parametrize(
    ("field", "value", "kind", "words"),
    [
        ("label", "n/a", "placeholder", "placeholder for “not labelled”: 'n/a' (3)"),
        ("label", "TODO", "placeholder", "'TODO' (3)"),
        ("label", "?", "placeholder", "'?' (3)"),
        ("label", "[unknown]", "placeholder", "'[unknown]' (3)"),
        ("label", "#N/A", "spreadsheet error", "'#N/A' (3)"),
        ("label", "neg;pos", "several choices", "several choices in one cell"),
        ("text", "#NAME?", "spreadsheet error", "3 texts"),
        ("text", "... !!!", "no token", "3 texts of punctuation or signs only"),
        ("text", "fish &amp; chips", "HTML", "3 of 60 texts hold HTML entities or tags, such as '&amp;'"),
        ("text", "one<br />two", "HTML", "'<br />'"),
        ("text", "word " * 100, "too long", "3 of 60 texts probably longer than 128 tokens"),
    ],
)
def test_odd_cells_are_said_with_count_and_first_row(tmp_path, field, value, kind, words):
    rows = plain()
    for i in (6, 17, 41):
        rows[i][field] = value
    found, _ = noticed(tmp_path, rows)
    assert found[kind].count == 3 and words in found[kind].text
    assert found[kind].first.endswith("a.jsonl, line 7")


def test_what_only_resembles_is_left_alone(tmp_path):
    rows = plain()
    for i, text in enumerate(
        ["R&D; more", "a < b and c > d", "AT&T", "日本", "no", "#hashtag", "€5", "naïve"]
    ):
        rows[i]["text"] = text
    for row, label in zip(rows, 30 * ["C#", "and/or"], strict=True):
        row["label"] = label
    assert set(noticed(tmp_path, rows)[0]) == {"majority"}
    assert joined_choices(["a", "b", "a#b", "c;d", "a;x", "a|x", "x, y", "a/b", "n/a", "a#", "a/a"]) == {
        "a#b": ["a", "b"],
        "a/b": ["a", "b"],
    }


def test_classes_of_few_rows_and_without_eval_rows(tmp_path):
    rows = plain()
    rows[3]["label"] = "rare"
    rows[5]["label"] = rows[7]["label"] = "other"
    found, _ = noticed(tmp_path, rows)
    assert found["small classes"].text == "2 classes have fewer than 5 training rows: 'rare' (1), 'other' (2)"
    assert "'rare'" in found["untested classes"].text


@pytest.mark.parametrize(
    ("name", "start", "words"),
    [
        ("number", 0, "usable as --id number"),
        ("", 0, "an index that was saved along"),
        ("Unnamed: 0", 1, "no id"),
    ],
)
def test_running_numbers(tmp_path, name, start, words):
    found, _ = noticed(tmp_path, [{name: i + start, **row} for i, row in enumerate(plain())])
    assert words in found["running number"].text and f"from {start} on" in found["running number"].text
    shuffled = [{"number": (i * 7) % 60, **row} for i, row in enumerate(plain())]
    assert "running number" not in noticed(tmp_path, shuffled)[0]


def test_copies_with_another_label_are_counted(tmp_path):
    train = jsonl(tmp_path / "t.jsonl", [*plain(20), {"text": "A sound  text 0", "label": "pos"}])
    copies = [{"text": f"a sound text {i}", "label": ("neg", "pos")[(i + (i < 5)) % 2]} for i in range(10)]
    report = dry_run(train=train, eval=jsonl(tmp_path / "e.jsonl", copies), columns=COLUMNS)
    assert (report.overlap, report.contradicted, report.repeated, report.contradicting) == (10, 5, 1, 1)
    lines = report.lines()
    assert "overlap: 10 of 10 eval rows have a text that train has too, 5 of them with another label" in lines
    assert "repeated: 1 training rows have the text of an earlier one, 1 of them with another label" in lines


def test_annotators(tmp_path):
    rows = [
        {"text": f"text {i}", "label": ("neg", "pos")[(i + (i % 4 == 0 and a == 2)) % 2], "by": f"a{a}"}
        for i in range(40)
        for a in range(3)
    ]
    found, report = noticed(tmp_path, rows, Columns("text", "label", annotator="by"))
    assert found["agreement"].text.startswith(
        "3 annotators: of 40 texts with two rows or more, 75.0% are unanimous"
    )
    assert found["outvoted"].count == 10 and report.repeated == 2 * report.n_train / 3
    assert 0 < report.contradicting <= 10


def test_a_look_at_a_large_source_is_a_look(tmp_path):
    found = peek(source(tmp_path, plain(LOOKED_AT + 5)))
    assert not found.survey.whole and found.survey.n_rows == LOOKED_AT
    assert found.survey.lines(classes=True)[0] == f"looked at the first {LOOKED_AT:,} rows, 2 labels"


def test_labels_that_share_parts_look_like_label_sets():
    assert looks_like_sets(["a; b", "b; c", "d;e", "f", "c"]) == {"a; b", "b; c"}
    rows = ["food; place", "place; price", "food; place", "price"]
    (remark,) = [each for each in cell_remarks(rows, str) if each.kind == "label sets"]
    assert "2 labels look like several labels of one row" in remark.text
    assert "--task multilabel" in remark.text
    assert remark.count == 3


def test_where_all_parts_stand_alone_both_readings_are_named():
    (remark,) = cell_remarks(["neg", "pos", "neg;pos"], str)
    assert remark.kind == "several choices"
    assert "--skip-joined-labels" in remark.text
    assert "--task multilabel" in remark.text
