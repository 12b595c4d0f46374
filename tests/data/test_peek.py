"""A first look at sources, and dry runs: what they say, and that they write nothing."""

import gzip
import json
from pathlib import Path

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from backend.data.columns import Columns
from backend.data.guess import Guess
from backend.data.ingest import IngestReport, dry_run
from backend.data.peek import LONGEST_CELL, LONGEST_NAME, ROWS, peek
from backend.errors import InputError
from tests.data.helpers import GOOD, bring_in, jsonl


@pytest.fixture
def sources(tmp_path) -> dict[str, str]:
    """The same rows in every format."""
    table, folder = pa.Table.from_pylist(GOOD), tmp_path / "saved"
    lines = ["text,label", *(f"{row['text']},{row['label']}" for row in GOOD)]
    (tmp_path / "a.csv").write_text("\n".join(lines), encoding="utf-8")
    (tmp_path / "a.tsv.gz").write_bytes(gzip.compress("\n".join(lines).replace(",", "\t").encode()))
    pq.write_table(table, tmp_path / "a.parquet")
    datasets.DatasetDict({"train": datasets.Dataset(table), "test": datasets.Dataset(table)}).save_to_disk(
        folder
    )
    named = {name: str(tmp_path / name) for name in ("a.csv", "a.tsv.gz", "a.parquet", "saved")}
    return {**named, "a.jsonl": jsonl(tmp_path / "a.jsonl", GOOD)}


@pytest.mark.parametrize("name", ["a.csv", "a.tsv.gz", "a.parquet", "saved", "a.jsonl"])
def test_every_format_shows_the_same(sources, name):
    found = peek(sources[name])
    assert found.columns == ("text", "label") and found.guess == Guess(text="text", label="label")
    assert found.rows == tuple((row["text"], row["label"]) for row in GOOD)
    assert found.has_splits == (name == "saved")
    assert type(found).of_json(json.loads(json.dumps(found.to_json()))) == found


def test_no_more_than_the_first_rows_are_read_and_long_cells_are_cut(tmp_path):
    lines = ["text,label", *(f"{'x' * 1000},{number}" for number in range(ROWS)), '"never closed']
    (tmp_path / "a.csv").write_text("\n".join(lines), encoding="utf-8")
    found = peek(str(tmp_path / "a.csv"))
    assert len(found.rows) == ROWS and len(found.rows[0][0]) == LONGEST_CELL
    wide = jsonl(tmp_path / "a.jsonl", [{"text": "a", "y" * (LONGEST_NAME + 1): 1}])
    assert peek(wide).columns == ("text",)


def test_lists_are_shown_as_json(tmp_path):
    row = {"messages": [{"role": "user", "content": "Größe, it's"}], "n": None}
    (shown, nothing) = peek(jsonl(tmp_path / "a.jsonl", [row, {"messages": [], "n": 1}])).rows[0]
    assert json.loads(shown) == row["messages"] and "Größe" in shown and nothing == ""


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"Premise": "a b", "hypothesis": "c", "LABEL": 1}, Guess("Premise", "hypothesis", "LABEL")),
        ({"uuid": "q", "words": "a longer text", "split": "train"}, Guess("words", id="uuid", split="split")),
        ({"words": "a longer text", "split": "left"}, Guess("words")),
        ({"stars": 3}, Guess()),
    ],
)
def test_guesses_by_name(tmp_path, row, expected):
    assert peek(jsonl(tmp_path / "a.jsonl", [row])).guess == expected


def test_a_label_has_few_values_and_an_id_no_value_twice(tmp_path):
    rows = [{"words": f"some text {n}", "verdict": n % 2, "id": n // 2, "n": n} for n in range(12)]
    assert peek(jsonl(tmp_path / "a.jsonl", rows)).guess == Guess("words", label="verdict")


def test_a_dry_run_says_what_ingest_would_and_writes_nothing(tmp_path):
    rows = [*GOOD, {"text": "", "label": "pos"}, {"text": "text 1", "label": "pos"}]
    train = jsonl(tmp_path / "t.jsonl", rows)
    evaluation = jsonl(tmp_path / "e.jsonl", [*GOOD[:3], {"text": "x", "label": "new"}])
    before = sorted(tmp_path.rglob("*"))
    found = dry_run(train=train, eval=evaluation, columns=Columns("text", "label"))
    assert sorted(tmp_path.rglob("*")) == before
    _, report = bring_in(tmp_path / "ws", train, evaluation, skip=True)
    assert found == report
    assert [each.reason for each in found.rejected if each not in found.broken] == ["no text"]
    assert [(Path(each.file).name, each.row, each.column) for each in found.broken] == [
        ("e.jsonl", 4, "label")
    ]
    assert (found.repeated, found.overlap) == (1, 3)
    assert IngestReport.of_json(json.loads(json.dumps(found.to_json()))) == found
    with pytest.raises(InputError, match=r"e\.jsonl, line 4, column 'label'"):
        bring_in(tmp_path / "other", train, evaluation)


def test_what_is_no_source_is_refused(tmp_path, monkeypatch):
    for name in (str(tmp_path), str(tmp_path / "no.csv"), "", "owner/name"):
        with pytest.raises(InputError):
            peek(name)


def test_repeated_texts_are_said_before_anything_is_made(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text(
        "text,label\ngood film,pos\ngood film,pos\ngood film,neg\nbad one,neg\n", encoding="utf-8"
    )
    said = [str(each) for each in peek(str(path)).survey.remarks if each.kind == "repeated"]
    assert said == [
        f"2 rows with the text of an earlier row, 1 of them with another label (first: {path}, row 2)"
    ]


def test_rows_that_an_import_refuses_are_named(tmp_path):
    good = {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]}
    rows = [good, {"messages": "no list"}, {"messages": [{"role": 7, "content": "a"}]}, good, good]
    found = peek(jsonl(tmp_path / "a.jsonl", rows)).survey
    (said,) = [str(each) for each in found.remarks if each.kind == "broken"]
    assert said.startswith("2 rows that `init` refuses")
    assert "line 2, column 'messages': 'no list' is text" in said
    assert not [line for line in found.lines(classes=True) if "labels" in line and "looked" in line]
