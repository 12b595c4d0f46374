"""Rows for language models are exported as they came; what was corrected is all that differs."""

import copy
import csv
import json
import tempfile
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backend.data.columns import MASKED, columns_of_turns
from backend.data.conversation import Conversation, Target
from backend.data.corrections import rewritten, with_mask, without_turn
from backend.data.dataset import Split, load_split
from backend.data.export import export, preview
from backend.data.rowstate import RowState
from backend.errors import InputError
from tests.data.helpers import bring_in, jsonl
from tests.data.test_chat_rows import ASKED, CALL, CHAT, MESSAGES, PAIR, TOLD, chats, said

TEXTS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12).filter(str.strip)
PLAIN = TEXTS.filter(lambda text: not text.lstrip().startswith("["))
EXTRA = st.dictionaries(st.sampled_from(["name", "note", "tool_call_id"]), TEXTS | st.integers(0, 9))
NAMES = {"role": ("system", "user", "assistant"), "from": ("system", "human", "gpt")}


@st.composite
def message(draw, who: str, keys: tuple[str, str], parts: bool) -> dict[str, Any]:
    """Somebody says something; ``who``: system, user or assistant."""
    name = dict(zip(NAMES["role"], NAMES[keys[0]], strict=True))[who]
    text = draw(TEXTS)
    content = [{"type": "text", "text": text}] if parts and draw(st.booleans()) else text
    return {keys[0]: name, keys[1]: content, **draw(EXTRA)}


@st.composite
def chat(draw) -> list[dict[str, Any]]:
    keys = draw(st.sampled_from([("role", "content"), ("from", "value")]))
    who = draw(st.lists(st.sampled_from(["user", "assistant"]), max_size=4))
    parts = keys[0] == "role" and draw(st.booleans())
    found = [draw(message(each, keys, parts)) for each in ["system", *who, "assistant"]]
    weights = st.sampled_from([{}, {}, {"weight": 0}, {"weight": 1.0}, {"train": False}, {"loss": True}])
    return [{**each, **draw(weights)} for each in found[:-1]] + found[-1:]


ROWS = st.lists(chat(), min_size=1, max_size=4)


def brought_in(folder: Path, rows: list[dict], columns):
    source, other = jsonl(folder / "t.jsonl", rows), jsonl(folder / "e.jsonl", rows[:1])
    made, _ = bring_in(folder / "ws", source, other, columns=columns)
    return made, load_split(made, "train")


def states(split: Split, targets: dict[str, Target]) -> dict[str, RowState]:
    return {row: RowState("relabel", each.text(), "", "me", "now") for row, each in targets.items()}


def exported(folder: Path, made, decided: dict[str, RowState], format="jsonl") -> list[dict]:
    out = folder / f"out.{format}"
    export(made, decided, format=format, out=out, overwrite=True)
    if format == "jsonl":
        return [json.loads(line) for line in out.read_bytes().split(b"\n") if line]
    if format == "csv":
        with out.open(newline="") as file:
            return list(csv.DictReader(file))
    return (pq.read_table(out) if format == "parquet" else datasets.load_from_disk(str(out)).data).to_pylist()


def row_of(split: Split, row_id: str) -> Conversation:
    at = split.position(row_id)
    return Conversation.of(split.texts_of(at)[0], split.labels[at])


def told(row: Conversation) -> list[tuple]:
    return [(each.role, each.text, each.learnt, each.masked, dict(each.more)) for each in row.shown]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(ROWS)
def test_what_was_not_corrected_is_exported_as_it_came(found):
    rows = chats(*found, more=[1, None])
    with tempfile.TemporaryDirectory() as folder:
        made, split = brought_in(Path(folder), rows, MESSAGES)
        assert exported(Path(folder), made, {}) == rows
        assert [len(row_of(split, row["id"]).turns) for row in rows] == [len(each) for each in found]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(ROWS, st.data())
def test_a_correction_changes_its_turn_and_nothing_else(found, data):
    rows = chats(*found)
    with tempfile.TemporaryDirectory() as folder:
        made, split = brought_in(Path(folder), rows, MESSAGES)
        row = row_of(split, "r0")
        learnt = data.draw(st.sampled_from(row.learnt))
        expected, message = copy.deepcopy(rows), rows[0]["messages"][learnt.number]
        key = "content" if "role" in message else "value"
        kind = data.draw(st.sampled_from(["text", "mask", "drop"]))
        try:
            if kind == "text":
                text = data.draw(TEXTS)
                target = rewritten(row, text, learnt.number)
                new = text if isinstance(message[key], str) else [{"type": "text", "text": text}]
                expected[0]["messages"][learnt.number][key] = new
            elif kind == "mask":
                target = with_mask(row, 0, 1, learnt.number)
                expected[0]["messages"][learnt.number][MASKED] = [[0, 1]]
            else:
                target = without_turn(row, learnt.number)
                del expected[0]["messages"][learnt.number]
        except InputError:  # the same text, or nothing would be left
            return
        after = exported(Path(folder), made, states(split, {"r0": target}))
        assert after == expected
        again, _ = bring_in(
            Path(folder) / "again", str(Path(folder) / "out.jsonl"), str(Path(folder) / "e.jsonl"),
            columns=MESSAGES,
        )  # fmt: skip
        assert told(row_of(load_split(again, "train"), "r0")) == told(
            Conversation.of(split.texts_of(0)[0], target.text())
        )


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(PLAIN, PLAIN), min_size=2, max_size=4), PLAIN)
def test_pairs(found, text):
    rows = [{"id": f"r{at}", "prompt": a, "completion": b, "n": at} for at, (a, b) in enumerate(found)]
    with tempfile.TemporaryDirectory() as folder:
        made, split = brought_in(Path(folder), rows, PAIR)
        assert exported(Path(folder), made, {}) == rows
        if text == rows[1]["completion"]:
            return
        target = rewritten(row_of(split, "r1"), text)
        after = exported(Path(folder), made, states(split, {"r1": target}))
        assert after == [rows[0], {**rows[1], "completion": text}, *rows[2:]]


@pytest.fixture
def decided(tmp_path):
    """Chats of every format, and the corrections of three of them: a text, a mask, a turn taken out."""
    rows = chats(CHAT, [ASKED, TOLD], CHAT[1:])

    def make(format: str):
        place = tmp_path / f"a.{format}"
        if format == "csv":
            with place.open("w", newline="") as file:
                writer = csv.writer(file)
                writer.writerows([["id", "messages"], *([e["id"], json.dumps(e["messages"])] for e in rows)])
        elif format == "parquet":
            pq.write_table(pa.Table.from_pylist(rows), place)
        elif format == "hf":
            datasets.Dataset.from_list(rows).save_to_disk(str(place))
        else:
            jsonl(place, rows)
        made, _ = bring_in(
            tmp_path / format, str(place), jsonl(tmp_path / "e.jsonl", rows[:1]), columns=MESSAGES
        )
        split = load_split(made, "train")
        targets = {
            "r0": rewritten(row_of(split, "r0"), "no", 4),
            "r1": with_mask(row_of(split, "r1"), 2, 7),
            "r2": without_turn(row_of(split, "r2"), 0),
        }
        return made, states(split, targets)

    return make


@pytest.mark.parametrize("format", ["csv", "jsonl", "parquet", "hf"])
@pytest.mark.parametrize("source", ["csv", "jsonl", "parquet", "hf"])
def test_every_format_gives_and_takes_every_other(source, format, decided, tmp_path):
    made, changed = decided(source)
    after = exported(tmp_path, made, changed, format)
    cells = [each["messages"] for each in after]
    cells = [json.loads(each) if isinstance(each, str) else each for each in cells]
    if format in ("csv", "jsonl") or source == "csv":
        assert MASKED not in cells[0][0] and MASKED not in json.dumps(cells[2])
    plain = [[{k: v for k, v in each.items() if v is not None} for each in cell] for cell in cells]
    assert plain[0] == [*CHAT[:4], said("assistant", "no")]
    assert plain[1] == [ASKED, {**TOLD, MASKED: [[2, 7]]}]
    assert plain[2] == CHAT[2:]
    assert isinstance(after[0]["messages"], str) == ("csv" in (source, format))
    again, _ = bring_in(
        tmp_path / "again", str(tmp_path / f"out.{format}"), jsonl(tmp_path / "e.jsonl", chats(CHAT)),
        columns=MESSAGES,
    )  # fmt: skip
    assert row_of(load_split(again, "train"), "r1").turns[1].masked == ((2, 7),)


def test_masks_of_pairs_have_a_column_where_there_are_some(tmp_path):
    rows = [{"id": f"r{at}", "prompt": "say", "completion": f"number {at}"} for at in range(3)]
    made, split = brought_in(tmp_path, rows, PAIR)
    target = with_mask(row_of(split, "r1"), 0, 6)
    after = exported(tmp_path, made, states(split, {"r1": target}))
    assert [each[MASKED] for each in after] == [None, [[0, 6]], None]
    again, _ = bring_in(
        tmp_path / "again", str(tmp_path / "out.jsonl"), str(tmp_path / "e.jsonl"), columns=PAIR
    )
    found = load_split(again, "train")
    assert found.labels[1] == '{"texts":["number 1"],"removed":[],"masked":{"1":[[0,6]]}}'
    whole = Target({1: "number 1"})  # the mask is taken back
    after = exported(tmp_path, again, states(found, {"r1": whole}))
    assert [each[MASKED] for each in after] == [None, None, None]


def test_pairs_of_messages_and_system_texts_are_written_where_they_stand(tmp_path):
    rows = [
        {
            "id": "a",
            "prompt": CHAT[1:4],
            "completion": [said("assistant", "yes", name="bot")],
            "sys": "be kind",
        },
        {"id": "b", "prompt": [ASKED], "completion": [TOLD], "sys": None},
    ]
    columns = columns_of_turns(prompt="prompt", completion="completion", id="id", system="sys")
    made, split = brought_in(tmp_path, rows, columns)
    row = row_of(split, "a")
    assert [each.number for each in row.learnt] == [4]
    dropped = without_turn(row, 2)
    after = exported(tmp_path, made, states(split, {"a": dropped}))
    assert after == [{**rows[0], "prompt": [CHAT[1], CHAT[3]]}, rows[1]]
    after = exported(tmp_path, made, states(split, {"a": without_turn(row, 0)}))
    assert after == [{**rows[0], "sys": None}, rows[1]]
    after = exported(tmp_path, made, states(split, {"b": without_turn(row_of(split, "b"), 0)}))
    assert after == [rows[0], {**rows[1], "prompt": []}]
    after = exported(tmp_path, made, states(split, {"a": rewritten(row, "no")}))
    assert after == [{**rows[0], "completion": [said("assistant", "no", name="bot")]}, rows[1]]


def test_tool_calls_stay_where_another_turn_is_corrected(tmp_path):
    calls = [ASKED, said("assistant", None, tool_calls=[CALL]), said("tool", "2"), TOLD]
    made, split = brought_in(tmp_path, chats(calls, calls), MESSAGES)
    target = rewritten(row_of(split, "r1"), "two", 3)
    after = exported(tmp_path, made, states(split, {"r1": target}))
    assert after == chats(calls, [*calls[:3], said("assistant", "two")])


def test_messages_inside_objects(tmp_path):
    rows = [{"id": f"r{at}", "data": {"turns": [ASKED, TOLD], "n": at}} for at in range(2)]
    made, split = brought_in(tmp_path, rows, columns_of_turns(messages="data.turns", id="id"))
    row = row_of(split, "r1")
    after = exported(tmp_path, made, states(split, {"r1": rewritten(row, "me")}))
    assert after == [rows[0], {"id": "r1", "data": {"turns": [ASKED, said("assistant", "me")], "n": 1}}]
    after = exported(tmp_path, made, states(split, {"r1": with_mask(row, 0, 1)}))
    assert after[1]["data"]["turns"][1] == {**TOLD, MASKED: [[0, 1]]} and after[0] == rows[0]


def test_a_target_that_is_none_of_its_row_is_refused(tmp_path):
    made, _ = brought_in(tmp_path, chats(CHAT, [ASKED, TOLD]), MESSAGES)
    wrong = {"r0": RowState("relabel", "one text for two turns", "", "me", "now")}
    with pytest.raises(InputError, match="row 'r0': 'one text for two turns' is no target of this row"):
        preview(made, wrong, "cleaned")


def test_lists_that_python_wrote_into_text_stay_python(tmp_path):
    """As `DataFrame.to_csv` writes a column of lists."""
    place = tmp_path / "a.csv"
    with place.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerows(
            [["id", "messages"], *([e["id"], repr(e["messages"])] for e in chats(CHAT, CHAT[1:]))]
        )
    made, _ = bring_in(
        tmp_path / "ws", str(place), jsonl(tmp_path / "e.jsonl", chats(CHAT)), columns=MESSAGES
    )
    split = load_split(made, "train")
    target = rewritten(row_of(split, "r0"), 'say "no"', 4)
    after = exported(tmp_path, made, states(split, {"r0": target}), "csv")
    assert after[0]["messages"] == repr([*CHAT[:4], said("assistant", 'say "no"')])
    assert after[1]["messages"] == repr(CHAT[1:])
