"""Correcting what a language model's rows teach: what is kept, refused, undone, and carried to others."""

import json
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from backend.cli import app
from backend.data.columns import Columns, columns_of_turns
from backend.data.conversation import Conversation, Turn
from backend.data.corrections import fits, rewritten, with_mask, without_turn
from backend.data.spans import merged, without
from backend.data.targets.class_space import ClassSpace
from backend.data.targets.text_space import TextSpace
from backend.errors import InputError
from backend.experiments.copies import copied
from backend.review.words import told_change
from backend.workspace import Workspace
from tests.data.helpers import bring_in, jsonl
from tests.data.test_chat_rows import ASKED, CALL, CHAT, MESSAGES, TOLD, chats, said

FORMULA = said("assistant", "=1+1")


def made(folder, rows, columns=MESSAGES):
    sources = jsonl(folder / "t.jsonl", rows), jsonl(folder / "e.jsonl", rows[:1])
    return Workspace(bring_in(folder / "ws", *sources, columns=columns)[0])


@pytest.fixture
def workspace(tmp_path):
    return made(tmp_path, chats(CHAT, [ASKED, TOLD], [ASKED, FORMULA]))


def run(*arguments):
    return CliRunner().invoke(app, list(map(str, arguments)))


def label(workspace, row):
    state = workspace.review.states().get(row)
    return state.label if state else None


def test_corrections_build_on_each_other_and_are_undone_one_by_one(workspace):
    ws = workspace.path
    for arguments in (
        ["r0", "no", "--turn", 4],
        ["r0", "--mask", "0:1", "--turn", 2],
        ["r0", "--drop-turn", 0],
    ):
        done = run("correct", ws, *arguments, "--reason", "why")
        assert done.exit_code == 0 and "`undo" in done.stdout
    expected = {"texts": ["a model", "no"], "removed": [0], "masked": {"2": [[0, 1]]}}
    assert json.loads(label(workspace, "r0")) == expected
    assert [each.reason for each in workspace.review.log()] == ["why"] * 3
    run("undo", ws)
    run("undo", ws)
    assert label(workspace, "r0") == '["a model","no"]'
    run("undo", ws)
    assert label(workspace, "r0") is None


REFUSED = {
    "several turns are learnt; say which with --turn: 2, 4": ["r0", "no"],
    "turn 1 (user) is not learnt; those that are: 2, 4": ["r0", "no", "--turn", 1],
    "there is no turn 9; the row has turns 0 to 4": ["r0", "no", "--turn", 9],
    "turn 1 has this text already": ["r1", "a model"],
    "turn 1: the text is blank": ["r1", " "],
    "no answer would be left": ["r1", "--drop-turn", 1],
    "no word would be left": ["r1", "--mask", "0:7"],
    "turn 1 has the characters 0:7": ["r1", "--mask", "3:8"],
    "give the first character": ["r1", "--mask", "all"],
    "one of them": ["r1"],
    "is named alone": ["r0", "--drop-turn", 0, "--turn", 2],
    "is not in train": ["nobody", "no"],
}


@pytest.mark.parametrize("said", REFUSED)
def test_what_cannot_be_corrected_is_said_in_a_line(said, workspace):
    done = run("correct", workspace.path, *REFUSED[said])
    assert isinstance(done.exception, InputError) and said in str(done.exception)
    assert "\n" not in str(done.exception) and workspace.review.log() == []


def test_a_turn_that_was_taken_out_is_left_alone(workspace):
    workspace.review.correct("r0", drop=4)
    with pytest.raises(InputError, match="turn 4 was taken out"):
        workspace.review.correct("r0", "more", turn=4)
    workspace.review.correct("r0", "more")  # one is left
    assert json.loads(label(workspace, "r0"))["texts"] == ["more", "yes"]


def test_correct_and_relabel_name_each_other(workspace, tmp_path):
    with pytest.raises(InputError, match="`correct` edits"):
        workspace.review.relabel("r0", "no")
    assert "`correct` edits" in str(run("relabel", workspace.path, "r0", "no").exception)
    rows = [{"id": f"c{at}", "text": f"t{at}", "label": "ab"[at % 2]} for at in range(4)]
    (tmp_path / "classes").mkdir()
    classes = made(tmp_path / "classes", rows, Columns("text", "label", id="id"))
    assert "with relabel" in str(run("correct", classes.path, "c0", "no").exception)


@pytest.mark.parametrize(
    "target",
    [
        "one text",
        '["only one"]',
        '["a","b","c"]',
        '["a", "b"]',
        '["a",""]',
        '{"texts":["a","b"],"removed":[2,4],"masked":{}}',
        '{"texts":["a","b"],"removed":[7],"masked":{}}',
        '{"texts":["a","b"],"removed":[],"masked":{"1":[[0,1]]}}',
        '{"texts":["a","b"],"removed":[],"masked":{"2":[[0,2]]}}',
        '{"texts":["a","b"]}',
        "[" * 100_000,
    ],
)
def test_what_is_no_target_of_the_row_is_refused_however_it_comes(target, workspace, tmp_path):
    with pytest.raises(InputError, match=r"relabel|'r0'"):
        workspace.review.decide("relabel", ["r0"], label=target)
    old = workspace.train_split.labels[0]
    patch = [{"id": "r0", "action": "relabel", "old_label": old, "new_label": target, "reason": ""}]
    assert workspace.review.patch_dry_run(jsonl(tmp_path / "p.jsonl", patch)).counts["no class"] == 1


@pytest.mark.parametrize("name", ["p.csv", "p.jsonl", "p.parquet"])
def test_a_patch_carries_corrections_to_the_same_rows(name, workspace, tmp_path):
    workspace.review.correct("r0", "no", turn=4, reason="wrong")
    workspace.review.correct("r2", "'=2", reason="wrong")
    workspace.review.flag("r2")
    workspace.export(name.partition(".")[2], tmp_path / name, "patch")
    if name == "p.csv":
        cells = (tmp_path / name).read_text()
        assert ",'=1+1," in cells and ",''=2," in cells  # no spreadsheet runs them
    (tmp_path / "there").mkdir()
    other = made(tmp_path / "there", chats(CHAT, [ASKED, TOLD], [ASKED, FORMULA]))
    other.review.import_patch(str(tmp_path / name), author="Bo")
    assert {row: (each.action, each.label) for row, each in other.review.states().items()} == {
        "r0": ("relabel", '["a model","no"]'),
        "r2": ("flag", "'=2"),
    }


def test_versions_differ_in_corrections_and_are_restored(workspace):
    ws = workspace.path
    workspace.review.correct("r1", "a person")
    run("freeze", ws, "--message", "first")
    workspace.review.correct("r1", "a machine")
    shown = run("diff", ws).stdout
    assert (
        "corrected 1" in shown
        and "relabelled" not in shown
        and "a machine" in shown
        and "who are you?" in shown
    )
    assert run("restore", ws, "v1").exit_code == 0 and label(workspace, "r1") == "a person"
    assert run("restore", ws, "raw").exit_code == 0 and label(workspace, "r1") is None


def test_copies_have_the_same_rows_and_decisions(workspace, tmp_path):
    model = tmp_path / "model"
    model.mkdir()
    (model / "config.json").write_text('{"model_type": "llama"}')
    workspace.review.correct("r1", "a person")
    copy = workspace.copy(tmp_path / "copy", model=str(model))
    assert copy.train_split.examples == workspace.train_split.examples and label(copy, "r1") == "a person"
    targets = ['["a model","maybe"]', "b", "c"]
    other = copied(workspace, tmp_path / "other", labels=targets, model=str(model))
    assert list(other.train_split.labels) == targets
    assert other.train_split.texts == workspace.train_split.texts
    assert other.train_split.ids == ["train-r0", "train-r1", "train-r2"]


def test_status_says_how_many_turns_there_are(workspace):
    assert "turns 9, learnt_turns 4" in run("status", workspace.path).stdout


def test_corrections_are_called_so_wherever_decisions_are_counted(workspace, tmp_path):
    ws = workspace.path
    workspace.review.correct("r1", "a machine")
    said = run("export", ws, "--format", "jsonl", "--out", tmp_path / "out.jsonl").stdout
    assert "removed 0, corrected 1, flagged 0" in said
    assert "removed 0, corrected 1, flagged 0" in run("freeze", ws, "--message", "m").stdout
    assert "corrected" in run("versions", ws).stdout and "1 correct" in run("status", ws).stdout
    for command in ("versions", "status"):
        assert "relabel" not in run(command, ws).stdout


def test_masked_words_are_out_of_the_loss_where_every_token_is_learnt_too(tmp_path):
    columns = columns_of_turns(messages="messages", id="id", loss="all")
    workspace = made(tmp_path, chats(CHAT, [ASKED, TOLD]), columns)
    workspace.review.correct("r1", mask=(0, 1))
    assert json.loads(label(workspace, "r1"))["masked"] == {"1": [[0, 1]]}


TURNS = st.lists(st.tuples(st.booleans(), st.text(max_size=6).filter(str.strip)), min_size=1, max_size=5)


@given(TURNS, st.data())
def test_whatever_is_corrected_fits_the_row(found, data):
    turns = [
        Turn(at, "assistant" if learnt else "user", text, learnt) for at, (learnt, text) in enumerate(found)
    ]
    row = Conversation((*turns, Turn(len(turns), "assistant", "end", True)), chat=True)
    number = data.draw(st.integers(0, len(turns)))
    edits = {
        "text": lambda: rewritten(row, data.draw(st.text()), number),
        "drop": lambda: without_turn(row, number),
        "mask": lambda: with_mask(row, data.draw(st.integers(0, 3)), data.draw(st.integers(1, 4)), number),
    }
    for _ in range(3):
        try:
            target = edits[data.draw(st.sampled_from(sorted(edits)))]()
        except InputError:
            continue
        assert fits(row.context(), target.text())
        row = Conversation.of(row.context(), target.text())


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(1, 4)), max_size=5))
def test_spans(found):
    spans = [(start, start + size) for start, size in found]
    inside = {at for start, end in spans for at in range(start, end)}
    joined = merged(spans)
    assert {at for start, end in joined for at in range(start, end)} == inside
    assert all(a[1] < b[0] for a, b in pairwise(joined))
    assert without("0123456789abc", spans) == "".join(
        each for at, each in enumerate("0123456789abc") if at not in inside
    )


def test_a_call_is_not_taken_out_before_its_answer(tmp_path):
    """A conversation in which a tool answers what nobody asked it: many chat templates refuse it."""
    calls = said("assistant", None, tool_calls=[CALL])
    workspace = made(tmp_path, chats([ASKED, calls, said("tool", "2"), TOLD]))
    refused = run("correct", workspace.path, "r0", "--drop-turn", 1)
    assert isinstance(refused.exception, InputError)
    assert "turn 2 (tool) answers what turn 1 calls; take 2 out first" in str(refused.exception)
    assert label(workspace, "r0") is None
    for turn in (2, 1):
        assert run("correct", workspace.path, "r0", "--drop-turn", turn).exit_code == 0
    assert json.loads(label(workspace, "r0"))["removed"] == [1, 2]


def test_of_two_calls_the_one_without_its_answer_is_taken_out(tmp_path):
    """Names of calls tell which; what was stored by older rules can still be exported."""
    calls = [said("assistant", None, tool_calls=[{**CALL, "id": each}]) for each in "ab"]
    answers = [said("tool", each, tool_call_id=each) for each in "ba"]
    workspace = made(tmp_path, chats([ASKED, *calls, *answers, TOLD]))
    row = Conversation.of(
        *(each[0] for each in (workspace.train_split.examples.fields[0], workspace.train_split.labels))
    )
    with pytest.raises(InputError, match=r"turn 4 \(tool\) answers what turn 1 calls"):
        without_turn(row, 1)
    without_turn(replace(row, removed=frozenset({4})), 1)
    old = replace(row, removed=frozenset({1})).target().text()
    assert fits(row.context(), old)


def test_a_change_far_into_a_long_answer_is_in_sight():
    same = "word " * 100
    before, after = told_change(TextSpace(), f"{same}Lisbon.", f"{same}Delhi. And {same}")
    assert before.endswith("Lisbon.") and before.startswith("…") and len(before) < 60
    assert "Delhi. And" in after and after.endswith("…") and len(after) < 130
    assert told_change(TextSpace(), same, None) == (f"{same[:120]}…", "")
    assert told_change(ClassSpace(("a" * 200, "b")), "a" * 200, "b") == ("a" * 200, "b")


def test_corrections_are_told_as_what_a_person_reads(workspace):
    ws = workspace.path
    run("correct", ws, "r0", "never", "--turn", 4)
    run("correct", ws, "r1", "someone")
    listed = run("log", ws).stdout
    assert "new answer" in listed and "a model → never" in listed and "correct" in listed
    assert "relabel" not in listed and '["' not in listed
    changed = run("diff", ws).stdout
    assert "new answer" in changed and "a model → never" in changed
    assert "relabel" not in changed and '["' not in changed
    assert "correct r1" in run("undo", ws).stdout
