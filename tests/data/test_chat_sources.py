"""Files for language models as they are found: read rightly, or refused in a line that says what is right."""

import csv
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from backend.data.columns import columns_of_turns
from backend.data.conversation import Conversation, Turn
from backend.data.conversations import is_left_out, left_out, odd_weight, recognised
from backend.data.dataset import load_split
from backend.data.export import export
from backend.data.peek import peek
from backend.errors import InputError
from tests.data.helpers import bring_in, jsonl
from tests.data.test_chat_rows import ASKED, TOLD, said

TOOLS = [{"type": "function", "function": {"name": "add", "parameters": {"type": "object"}}}]
CALL = {"id": "c1", "type": "function", "function": {"name": "add", "arguments": '{"a": 1}'}}
OPENAI = {
    "messages": [
        {"role": "developer", "content": "Be exact."},
        {
            "role": "user",
            "content": [{"type": "text", "text": "1 + "}, {"type": "text", "text": "1?"}],
            "name": "ida",
        },
        {"role": "assistant", "content": None, "tool_calls": [CALL], "weight": 0},
        {"role": "tool", "tool_call_id": "c1", "content": "2"},
        {"role": "assistant", "content": "two", "weight": 1},
    ],
    "tools": TOOLS,
    "parallel_tool_calls": False,
}
SHAREGPT = {
    "id": "identity_0",
    "conversations": [
        {"from": "system", "value": "Be kind."},
        {"from": "human", "value": "1 + 1?"},
        {"from": "function_call", "value": '{"name": "add", "arguments": {"a": 1}}'},
        {"from": "observation", "value": "2"},
        {"from": "gpt", "value": "two"},
    ],
    "tools": json.dumps(TOOLS),
}
ALPACA = {"instruction": "Add.", "input": "1 + 1", "output": "two"}
PREFERENCE = {"prompt": [ASKED], "chosen": [TOLD], "rejected": [said("assistant", "nobody")]}


def row_and_report(folder: Path, rows: list[dict], columns, name: str = "t.jsonl"):
    """The first training row, the report, and the rows as they are exported again."""
    source, other = source_of(folder / name, rows), jsonl(folder / "e.jsonl", rows[:1])
    made, report = bring_in(folder / "ws", source, other, columns=columns)
    split = load_split(made, "train")
    out = folder / f"out{Path(name).suffix}"
    export(made, {}, format=out.suffix[1:], out=out)  # type: ignore[arg-type]
    return Conversation.of(split.texts_of(0)[0], split.labels[0]), "\n".join(report.lines()), rows_of(out)


def source_of(path: Path, rows: list[dict]) -> str:
    """Rows as a file of that kind: in CSV, lists are JSON text."""
    if path.suffix == ".jsonl":
        return jsonl(path, rows)
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
        return str(path)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows({name: as_cell(each) for name, each in row.items()} for row in rows)
    return str(path)


def as_cell(value):
    return json.dumps(value) if isinstance(value, list | dict | bool) else value


def rows_of(path: Path) -> list[dict]:
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in path.read_bytes().split(b"\n") if line]
    if path.suffix == ".parquet":
        return pq.read_table(path).to_pylist()
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def joined(message: dict):
    parts = message["content"]
    return "".join(each["text"] for each in parts) if isinstance(parts, list) else parts


def said_of(conversation: Conversation) -> list[tuple[str, str, bool]]:
    return [(each.role, each.text, each.learnt) for each in conversation.turns]


@pytest.mark.parametrize("name", ["t.jsonl", "t.parquet", "t.csv"])
def test_fine_tuning_files_of_openai(name, tmp_path):
    columns, chat = columns_of_turns(messages="messages", tools="tools"), OPENAI
    if name == "t.parquet":  # whose cells are of one type
        chat = {**OPENAI, "messages": [{**each, "content": joined(each)} for each in OPENAI["messages"]]}
    row, report, after = row_and_report(tmp_path, [chat, chat], columns, name)
    assert said_of(row) == [
        ("developer", "Be exact.", False),
        ("user", "1 + 1?", False),
        ("assistant", "", False),
        ("tool", "2", False),
        ("assistant", "two", True),
    ]
    assert row.turns[1].more["name"] == "ida" and row.turns[2].more["tool_calls"][0]["id"] == "c1"
    assert row.tools == TOOLS
    assert "with answers that say they are not learnt (weight, loss or train is 0)" in report
    before = rows_of(Path(source_of(tmp_path / f"again{Path(name).suffix}", [chat, chat])))
    assert after == before


def test_the_old_way_of_calling_is_said(tmp_path):
    call = said("assistant", None, function_call={"name": "add", "arguments": "{}"})
    rows = [{"messages": [ASKED, call, said("function", "2", name="add"), TOLD]}]
    row, report, after = row_and_report(tmp_path, rows, columns_of_turns(messages="messages"))
    assert [each[0] for each in said_of(row)] == ["user", "assistant", "function", "assistant"]
    assert "1 row with function_call, which chat templates leave out" in report.replace("2 rows", "1 row")
    assert after == rows


@pytest.mark.parametrize("name", ["t.jsonl", "t.parquet", "t.csv"])
def test_sharegpt(name, tmp_path):
    without = {**SHAREGPT, "conversations": [*SHAREGPT["conversations"][:2], SHAREGPT["conversations"][4]]}
    columns = columns_of_turns(messages="conversations", tools="tools", id="id")
    row, _, after = row_and_report(tmp_path, [without], columns, name)
    assert said_of(row) == [
        ("system", "Be kind.", False),
        ("user", "1 + 1?", False),
        ("assistant", "two", True),
    ]
    assert row.tools == TOOLS
    assert after == rows_of(Path(source_of(tmp_path / f"again{Path(name).suffix}", [without])))


REFUSED = {
    "role 'function_call' is none of": (SHAREGPT["conversations"], "assistant's message with tool_calls"),
    "(a part of type 'tool_use')": (
        [ASKED, said("assistant", [{"type": "text", "text": "so"}, {"type": "tool_use", "name": "add"}])],
        "assistant's message with tool_calls",
    ),
    "(a part of type 'tool_result')": (
        [said("user", [{"type": "tool_result", "content": "2"}]), TOLD],
        "a message of its own, of role tool",
    ),
    "(a part of type 'image_url')": (
        [said("user", [{"type": "image_url"}]), TOLD],
        "its content is not text",
    ),
    "weight 0.5 is neither 0 (not learnt) nor 1": ([ASKED, {**TOLD, "weight": 0.5}], "message 1"),
    "weight '0' is neither": ([ASKED, {**TOLD, "weight": "0"}], "message 1"),
    "no answer that is learnt": ([ASKED, {**TOLD, "train": False}], "column 'messages'"),
}


@pytest.mark.parametrize(
    "own", [{"loss": 2.31}, {"loss": 0.0}, {"train": "false"}, {"loss": True}, {"weight": 1.0}]
)
def test_a_figure_that_was_logged_is_no_weight(own):
    assert not left_out(own) and odd_weight(own) is None


@pytest.mark.parametrize(
    "own", [{"loss": False}, {"train": 0}, {"weight": 0.0}, {"weight": 1, "train": False}]
)
def test_what_says_that_it_is_not_learnt(own):
    assert left_out(own) and odd_weight(own) is None


def test_a_stored_row_with_an_odd_weight_is_read():
    turn = Turn(1, "assistant", "x", False, (), {"weight": 0.5})
    assert not is_left_out(turn) and "0.5" in odd_weight(turn.more)


@pytest.mark.parametrize("reason", REFUSED)
def test_what_cannot_be_read_is_refused_in_a_line_that_says_what_would_be_right(reason, tmp_path):
    messages, right = REFUSED[reason]
    source = jsonl(tmp_path / "t.jsonl", [{"messages": messages}] * 3)
    with pytest.raises(InputError) as caught:
        bring_in(tmp_path / "ws", source, "0.4", columns=columns_of_turns(messages="messages"))
    assert reason in str(caught.value) and right in str(caught.value) and "\n" not in str(caught.value)


def test_alpaca_says_what_is_not_read(tmp_path):
    columns = columns_of_turns(prompt="instruction", completion="output")
    row, report, after = row_and_report(tmp_path, [ALPACA], columns)
    assert said_of(row) == [("prompt", "Add.", False), ("completion", "two", True)] and after == [ALPACA]
    said = "column 'input' is not read: join it with the prompt first"
    assert said in report
    (line,) = (
        str(each) for each in peek(str(tmp_path / "t.jsonl")).survey.remarks if "--prompt" in str(each)
    )
    assert "--prompt instruction --completion output" in line and said in line
    assert "is not read" not in row_and_report(fresh(tmp_path), [{**ALPACA, "input": ""}], columns)[1]


def fresh(folder: Path) -> Path:
    (folder / "fresh").mkdir()
    return folder / "fresh"


def test_preferences_teach_what_was_chosen(tmp_path):
    columns = columns_of_turns(prompt="prompt", completion="chosen")
    row, report, after = row_and_report(tmp_path, [PREFERENCE], columns)
    assert said_of(row) == [("user", "who are you?", False), ("assistant", "a model", True)]
    assert "column 'rejected' is not read" in report and after == [PREFERENCE]
    whole = {"chosen": [ASKED, TOLD], "rejected": [ASKED, TOLD]}
    found = recognised({name: [each] for name, each in whole.items()})
    assert found is not None and found.messages == "chosen" and found.left and found.left[0] == "rejected"


def test_nulls_of_typed_files_are_no_keys(tmp_path):
    rows = [
        {"messages": [ASKED, {**TOLD, "weight": 0.0}, ASKED, TOLD], "tools": None},
        {"messages": [ASKED, said("assistant", None, tool_calls=[CALL]), TOLD], "tools": TOOLS},
    ]
    columns = columns_of_turns(messages="messages", tools="tools")
    row, _, after = row_and_report(tmp_path, rows, columns, "t.parquet")
    assert [each[2] for each in said_of(row)] == [False, False, False, True] and row.tools is None
    assert [dict(each.more) for each in row.turns] == [{}, {"weight": 0.0}, {}, {}]
    assert after == pa.Table.from_pylist(rows).to_pylist()
