"""Data that are made for another task say so: in `peek`, in `init`, in one line."""

import csv
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.data.columns import Columns
from backend.data.conversations import for_language_models
from backend.data.numbers_as_labels import looks_like_numbers, some_not_whole
from backend.data.peek import peek
from backend.data.sources import first_rows
from backend.errors import InputError
from backend.workspace import Workspace

ASKED = "is the meeting on?"
OPENAI = [{"role": "user", "content": ASKED}, {"role": "assistant", "content": "yes"}]
SHAREGPT = [{"from": "human", "value": ASKED}, {"from": "gpt", "value": "yes"}]


def written(path: Path, rows: list[dict]) -> str:
    if path.suffix == ".csv":
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    else:
        path.write_text("\n".join(map(json.dumps, rows)))
    return str(path)


def labelled(labels) -> list[dict]:
    return [{"text": f"text number {place}", "label": label} for place, label in enumerate(labels)]


def refused(source: str, folder: Path, columns: Columns) -> str:
    with pytest.raises(InputError) as caught:
        Workspace.create(folder / "ws", train=source, eval="0.25", columns=columns, model="minilm")
    assert "\n" not in str(caught.value) and not (folder / "ws").exists()
    return str(caught.value)


@pytest.mark.parametrize("suffix", ["jsonl", "csv"])
@pytest.mark.parametrize(
    "labels",
    [[place / 8 for place in range(40)], [f"{place / 8}" for place in range(40)], list(range(40))],
    ids=["numbers", "text", "whole"],
)
def test_numbers_to_be_predicted(suffix, labels, tmp_path):
    source = written(tmp_path / f"rows.{suffix}", labelled(labels))
    assert "--task regression learns numbers" in refused(source, tmp_path, Columns("text", "label"))
    found = peek(source).survey
    assert any("--task regression learns numbers" in line for line in found.lines())
    made, _ = Workspace.create(
        tmp_path / "ws", train=source, eval="0.25", columns=Columns("text", "label", task="regression"),
        model="minilm",
    )  # fmt: skip
    assert made.manifest.task.name == "regression"


def test_marks_with_halves_are_classes_and_the_other_task_is_named(tmp_path):
    source = written(tmp_path / "rows.jsonl", labelled(["1", "1.5", "2", "2.5"] * 20))
    made, report = Workspace.create(
        tmp_path / "ws", train=source, eval="0.25", columns=Columns("text", "label"), model="minilm"
    )
    assert made.manifest.task.classes == ("1", "1.5", "2", "2.5")
    assert any("not all whole (1.5)" in line and "--task regression" in line for line in report.lines())


@given(
    st.dictionaries(
        st.sampled_from(["a", "b", "1", "2", "no 7", "nan", "inf", "1e9", "-3", ""]), st.integers(0, 3)
    )
)
def test_few_labels_are_classes(counts):
    assert looks_like_numbers(counts) is None
    assert some_not_whole(counts) is None


def test_many_whole_numbers_are_classes_where_each_has_rows():
    many = {str(number): 2 for number in range(150)}
    assert looks_like_numbers(many) is None
    assert looks_like_numbers({**many, "0.5": 2}) is not None
    assert looks_like_numbers(dict.fromkeys(many, 1)) is not None
    assert looks_like_numbers({**dict.fromkeys(many, 1), "other": 1}) is None


def test_lists_of_labels(tmp_path):
    rows = [{"text": f"text {place}", "labels": ["a", "b"][: 1 + place % 2]} for place in range(40)]
    source = written(tmp_path / "rows.jsonl", rows)
    assert "--task multilabel learns all of them" in refused(source, tmp_path, Columns("text", "labels"))
    assert any("--task multilabel" in line for line in peek(source).survey.lines())


@pytest.mark.parametrize("cell", [[1, 0, 0], [0, 0], [1.0, 0.0, 0.0], [True, False, False], "[1, 0, 0]"])
def test_lists_of_0_and_1_name_no_labels(cell, tmp_path):
    source = written(tmp_path / "rows.jsonl", [{"text": f"text {i}", "labels": cell} for i in range(8)])
    said = refused(source, tmp_path, Columns("text", "labels", task="multilabel"))
    assert "says 0 or 1 of each label and names none" in said and "--labels A,B,..." in said


def test_lists_of_numbers_of_labels_are_read(tmp_path):
    rows = [{"text": f"text {i}", "labels": [[0], [1], [0, 1], [0, 2]][i % 4]} for i in range(40)]
    columns = Columns("text", "labels", task="multilabel")
    source = written(tmp_path / "rows.jsonl", rows)
    made, _ = Workspace.create(tmp_path / "ws", train=source, eval="0.25", columns=columns, model="minilm")
    assert made.manifest.task.classes == ("0", "1", "2")


@pytest.mark.parametrize(
    ("column", "turns", "inside"),
    [("messages", OPENAI, "messages.0.content"), ("conversations", SHAREGPT, "conversations.0.value")],
)
def test_conversations(column, turns, inside, tmp_path):
    told = [json.loads(json.dumps(turns).replace(ASKED, f"{ASKED} {i}")) for i in range(20)]
    rows = [{column: each, "label": "ab"[i % 2]} for i, each in enumerate(told)]
    source = written(tmp_path / "rows.jsonl", rows)
    for text in ("text", column):
        said = refused(source, tmp_path, Columns(text, "label"))
        assert f"column {column!r} holds conversations" in said
        assert f"`--task causal-lm --messages {column}` trains a model that writes" in said
        assert f"such as {inside}," in said
    look = peek(written(tmp_path / "bare.jsonl", [{column: turns}] * 20))
    assert look.guess.text is None  # several turns are no text
    command = f"--train {tmp_path / 'bare.jsonl'} --eval 0.1 --messages {column} --model smollm2"
    assert any("holds conversations" in line and command in line for line in look.survey.lines())
    made, _ = Workspace.create(
        tmp_path / "ws", train=source, eval="0.25", columns=Columns(inside, "label"), model="minilm"
    )
    assert made.train_split.examples.fields[0][0].startswith(ASKED)  # what the line advises works


@pytest.mark.parametrize("names", [("prompt", "completion"), ("instruction", "output")])
def test_prompts_with_completions(names, tmp_path):
    source = written(tmp_path / "rows.jsonl", [dict.fromkeys(names, f"text {i}") for i in range(20)])
    assert f"columns {names[0]!r} and {names[1]!r}" in refused(source, tmp_path, Columns("text", "label"))
    command = f"--prompt {names[0]} --completion {names[1]} --model smollm2"
    assert any(command in line for line in peek(source).survey.lines())


@pytest.mark.parametrize(
    "columns",
    [
        {},
        {"messages": []},
        {"messages": [None, []]},
        {"messages": ["user: hello"]},
        {"messages": [[{"role": 1, "content": "a"}]]},
        {"annotations": [[{"label": "a", "from_name": "b"}]]},
        {"prompt": ["a"], "text": ["b"]},
    ],
)
def test_what_is_no_conversation(columns):
    assert for_language_models(columns) is None


def test_the_head_of_a_column(tmp_path):
    rows = first_rows(written(tmp_path / "rows.jsonl", [{"text": ASKED, "turns": OPENAI}] * 30), 100)
    assert rows.head("turns") == [OPENAI] * 20
