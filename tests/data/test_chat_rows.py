"""Rows for language models: what is read, what is rejected and why, what is noticed."""

import csv
import json
from pathlib import Path

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from backend.data.append import append
from backend.data.columns import MASKED, columns_of_turns
from backend.data.conversation import Conversation
from backend.data.dataset import load_split
from backend.data.peek import peek
from backend.errors import InputError
from tests.data.helpers import bring_in, jsonl


def said(who: str, what, **more) -> dict:
    return {"role": who, "content": what, **more}


ASKED, TOLD = said("user", "who are you?"), said("assistant", "a model")
CHAT = [said("system", "be brief"), ASKED, TOLD, said("user", "sure?"), said("assistant", "yes")]
CALL = {"type": "function", "function": {"name": "add", "arguments": {"a": 1}}}
MESSAGES = columns_of_turns(messages="messages", id="id")
PAIR = columns_of_turns(prompt="prompt", completion="completion", id="id")


def chats(*rows, **more) -> list[dict]:
    return [{"id": f"r{place}", "messages": each, **more} for place, each in enumerate(rows)]


def read(folder: Path, rows: list[dict], columns=MESSAGES, **options):
    """The rows of train and eval by id, and the report; a row of eval stands behind them."""
    source, other = jsonl(folder / "t.jsonl", rows), jsonl(folder / "e.jsonl", [{**rows[0], "id": "eval"}])
    made, report = bring_in(folder / "ws", source, other, columns=columns, **options)
    split = load_split(made, "train")
    pairs = zip(split.examples.fields[0], split.labels, strict=True)
    return dict(zip(split.ids, (Conversation.of(*each) for each in pairs), strict=True)), report, made


def test_messages_with_system_tools_and_what_else_they_hold(tmp_path):
    rows = chats(
        CHAT,
        [ASKED, said("assistant", None, tool_calls=[CALL]), said("tool", "2", tool_call_id="x"), TOLD],
        [said("assistant", [{"type": "text", "text": "he"}, {"type": "text", "text": "llo"}], name="bot")],
    )
    rows[0] |= {"tools": None, "before": " "}
    rows[1] |= {"tools": [{"type": "function"}], "before": "be kind"}
    columns = columns_of_turns(messages="messages", id="id", system="before", tools="tools")
    found, report, made = read(tmp_path, rows, columns)
    first, second, third = found.values()
    assert [each.role for each in first.turns] == ["system", "user", "assistant", "user", "assistant"]
    assert [each.learnt for each in first.turns] == [False, False, True, False, True]
    assert first.target().text() == '["a model","yes"]' and first.chat and first.tools is None
    assert (second.turns[0].role, second.turns[0].text) == ("system", "be kind")
    assert second.turns[2].more == {"tool_calls": [CALL]} and second.turns[2].text == ""
    assert second.turns[3].more == {"tool_call_id": "x"} and second.tools == [{"type": "function"}]
    assert third.turns[0].text == "hello" and third.turns[0].more == {"name": "bot"}
    info = made.manifest()
    assert (info.task.name, info.task.loss, info.data.form) == ("causal-lm", "answers", "messages")
    assert info.artifacts["data"].details["turns"] == 11 and report.sizes["learnt_turns"] == 5


def test_sharegpt_has_other_names(tmp_path):
    turns = [{"from": who, "value": who} for who in ("system", "human", "gpt", "tool", "gpt")]
    found, _, _ = read(tmp_path, chats(turns))
    assert [(each.role, each.text) for each in found["r0"].turns] == [
        ("system", "system"),
        ("user", "human"),
        ("assistant", "gpt"),
        ("tool", "tool"),
        ("assistant", "gpt"),
    ]


def test_pairs_and_texts(tmp_path):
    row = {"prompt": "1 + 1 =", "completion": " 2", "before": "count"}
    columns = columns_of_turns(prompt="prompt", completion="completion", system="before")
    (found,) = read(tmp_path, [row], columns)[0].values()
    assert [(each.role, each.learnt) for each in found.turns] == [
        ("system", False),
        ("prompt", False),
        ("completion", True),
    ]
    assert found.target().text() == " 2" and not found.chat
    (tmp_path / "two").mkdir()
    (found,) = read(tmp_path / "two", [{"text": "a text"}], columns_of_turns(text="text"))[0].values()
    assert [(each.role, each.text, each.learnt) for each in found.turns] == [("text", "a text", True)]


def test_pairs_of_messages_are_chats_whose_prompt_is_not_learnt(tmp_path):
    row = {"id": "a", "prompt": CHAT[:4], "completion": [said("assistant", "yes")]}
    found = read(tmp_path, [row], PAIR)[0]["a"]
    assert found.chat and [each.learnt for each in found.turns] == [False, False, False, False, True]
    assert found.turns[2].text == "a model" and found.target().text() == "yes"


BROKEN = {
    "'what' is text, not a list of messages": "what",
    "5 is not a list of messages": 5,
    "message 1 has no role and content": [ASKED, {"role": "assistant"}],
    "message 0: role 'narrator' is none of": [said("narrator", "once"), TOLD],
    "message 0 has no content": [said("user", None), TOLD],
    "message 0: its content is not text": [said("user", [{"type": "image", "image": "x"}]), TOLD],
    "message 1: its content is not text": [ASKED, said("assistant", 7)],
    "are no [start, end] in 7 characters": [ASKED, {**TOLD, MASKED: [[0, 8]]}],
    "stands in what is not learnt": [{**ASKED, MASKED: [[0, 3]]}, TOLD],
}
UNUSABLE = {
    "no messages": [],
    "no assistant turn": [ASKED],
    "message 1: empty answer": [ASKED, said("assistant", " ")],
    "message 3: empty answer": [ASKED, TOLD, ASKED, said("assistant", None)],
}


@pytest.mark.parametrize("reason", [*BROKEN, *UNUSABLE])
def test_what_is_no_conversation_is_listed_with_the_reason(reason, tmp_path):
    rows = chats(CHAT, (BROKEN | UNUSABLE)[reason])
    found, report, _ = read(tmp_path, rows, skip=True)
    (rejected,) = report.rejected
    assert (rejected.row, rejected.column) == (2, "messages") and reason in rejected.reason
    assert list(found) == ["r0"] and (len(report.broken) == 1) == (reason in BROKEN)


@pytest.mark.parametrize(
    ("reason", "cells"),
    [
        ("no prompt", {"completion": "a"}),
        ("blank prompt", {"prompt": " ", "completion": "a"}),
        ("blank completion", {"prompt": "a", "completion": "\n"}),
        ("5 is not text", {"prompt": "a", "completion": 5}),
        ("one is a list of messages, the other is not", {"prompt": [ASKED], "completion": "a"}),
        ("no assistant turn", {"prompt": [ASKED], "completion": [ASKED]}),
    ],
)
def test_what_is_no_pair_is_listed_with_the_reason(reason, cells, tmp_path):
    rows = [{"id": "a", "prompt": "a", "completion": "b"}, {"id": "b", **cells}]
    found, report, _ = read(tmp_path, rows, PAIR, skip=True)
    assert list(found) == ["a"] and reason in report.rejected[0].reason


def test_what_is_noticed_without_being_rejected(tmp_path):
    rows = chats(
        CHAT, [said("system", "a"), *CHAT], [*CHAT, ASKED], CHAT, [*CHAT[:4], said("assistant", "no")]
    )
    report = read(tmp_path, rows)[1]
    lines = "\n".join(report.lines())
    assert "1 row with several system turns" in lines
    assert "1 row whose last turn is no answer" in lines
    assert (report.repeated, report.contradicting) == (2, 1)
    assert "2 training rows have the context of an earlier one, 1 of them with another answer" in lines
    assert "1 of 1 eval rows have a context that train has too, 1 of them with another answer" in lines


def test_words_out_of_the_loss_are_read_back(tmp_path):
    rows = chats([ASKED, {**TOLD, MASKED: [[2, 4], [4, 7], [0, 1]]}])
    found = read(tmp_path, rows)[0]["r0"]
    assert found.turns[1].masked == ((0, 1), (2, 7)) and MASKED not in found.turns[1].more


@pytest.fixture
def written(tmp_path):
    """The same chats in every format."""
    rows = chats(CHAT, [ASKED, TOLD], CHAT[1:])
    with (tmp_path / "a.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "messages"])
        writer.writerows([each["id"], json.dumps(each["messages"])] for each in rows)
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet")
    datasets.Dataset.from_list(rows).save_to_disk(tmp_path / "saved")
    for name in ("a.jsonl", "e.jsonl"):
        jsonl(tmp_path / name, rows)
    return tmp_path


@pytest.mark.parametrize("name", ["a.csv", "a.parquet", "saved", "a.jsonl"])
def test_every_format_has_the_same_rows(name, written, tmp_path):
    found = peek(str(written / name))
    assert (found.guess.messages, found.guess.id, found.guess.text) == ("messages", "id", None)
    made, _ = bring_in(tmp_path / "ws", str(written / name), str(written / "e.jsonl"), columns=MESSAGES)
    train, evaluated = load_split(made, "train"), load_split(made, "eval")
    assert train.examples == evaluated.examples and train.ids == ["r0", "r1", "r2"]
    assert train.original_columns == ["id", "messages"]


@pytest.mark.parametrize("kind", ["jsonl", "csv"])
@pytest.mark.parametrize("name", ["a.csv", "a.parquet", "saved", "a.jsonl"])
def test_rows_are_appended_to_every_format(name, kind, written, tmp_path):
    made, _ = bring_in(tmp_path / "ws", str(written / name), str(written / "e.jsonl"), columns=MESSAGES)
    more = [{"id": "new", "messages": [TOLD, ASKED, TOLD]}, {"id": "bad", "messages": [ASKED]}]
    source = tmp_path / f"more.{kind}"
    if kind == "csv":
        with source.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerows([["id", "messages"], *([e["id"], json.dumps(e["messages"])] for e in more)])
    report = append(made, train=str(source) if kind == "csv" else jsonl(source, more))
    assert report.n_appended == 1 and report.rejected[0].reason == "no assistant turn"
    train = load_split(made, "train")
    assert Conversation.of(train.texts[3], train.labels[3]).turns[2].text == "a model"
    assert made.manifest().artifacts["data"].details["turns"] == 5 + 2 + 4 + 3


def test_columns_that_are_not_meant_are_named(tmp_path):
    source = jsonl(tmp_path / "a.jsonl", chats(CHAT, CHAT))
    with pytest.raises(InputError, match=r"holds lists .*--messages messages"):
        bring_in(tmp_path / "ws", source, "0.5", columns=columns_of_turns(text="messages"))
    with pytest.raises(InputError, match="belong together"):
        columns_of_turns(prompt="a")
    with pytest.raises(InputError, match="name the columns of a row"):
        columns_of_turns(text="a", messages="b")


def test_a_nested_column_holds_messages(tmp_path):
    rows = [{"id": "a", "data": {"turns": CHAT, "n": 1}}, {"id": "b", "data": {"turns": CHAT[1:], "n": 2}}]
    found = read(tmp_path, rows, columns_of_turns(messages="data.turns", id="id"))[0]
    assert [len(each.turns) for each in found.values()] == [5, 4]


def test_few_rows_are_held_out_however_long_they_are(tmp_path):
    rows = [{"text": "word " * 4**place} for place in range(5)] * 2
    rows = [{"text": f"{place} {each['text']}"} for place, each in enumerate(rows)]
    made, _ = bring_in(
        tmp_path / "ws", jsonl(tmp_path / "t.jsonl", rows), "0.2", columns=columns_of_turns(text="text")
    )
    assert (made.manifest().data.n_train, made.manifest().data.n_eval) == (8, 2)
