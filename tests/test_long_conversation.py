"""A conversation of more than 4,000 tokens: 20 turns, calls of tools, emoji, scripts of both directions.

From the file to the retrained model; and where it is longer than is read, what is said of it.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner, Result

from backend.cli import app
from backend.data.columns import MASKED, columns_of_turns
from backend.errors import InputError
from backend.influence.answers.about_answer import AboutAnswer
from backend.influence.answers.explanation import Explanation
from backend.influence.rowstore.settings import PrecomputeSettings
from backend.model.generation import Writing
from backend.trials.run import RetrainSettings
from backend.workspace import Workspace
from tests.conftest import write_rows
from tests.long_conversation import (
    ARABIC,
    FAMILY,
    HEBREW,
    LAST,
    LONG,
    MIDDLE,
    TOOLS,
    long_messages,
    long_model,
    long_row,
    ordinary_rows,
)
from tests.pages.driver import new_app, page, words

TURNS = 20
SHORT = 1_500
"""Tokens that are read in the workspace that cuts it."""
COLUMNS = columns_of_turns(messages="messages", tools="tools", id="id")
MESSAGES = long_messages()
END = MESSAGES[LAST]["content"]
ASKED = {**long_row(), "id": "asked"}
"""The same conversation in eval, with another end."""
ASKED["messages"] = [*MESSAGES[:-1], {"role": "assistant", "content": END.replace("Twelve", "Thirteen")}]


def made(folder: Path, max_length: int) -> Workspace:
    """Rows with the long one among them, an adapter trained on them, everything computed."""
    rows = ordinary_rows()
    columns = [*rows[:5], long_row(), *rows[5:7]]
    workspace, _ = Workspace.create(
        folder / "ws",
        train=str(write_rows(folder / "train.jsonl", columns)),
        eval=str(write_rows(folder / "eval.jsonl", [ASKED, {**rows[0], "id": "e1"}])),
        columns=COLUMNS,
        model=str(long_model(folder / "model")),
        max_length=max_length,
    )
    settings = workspace.planned_settings(
        {"epochs": 1, "batch_size": 2, "checkpoints": 1, "rank": 4, "dynamics": False, "precision": "fp32"}
    )
    result = workspace.train(settings)
    assert result.cut == (max_length == SHORT) and not result.unlearnt
    workspace.precompute(PrecomputeSettings(device="cpu", row_store="full"))
    return workspace


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return made(tmp_path_factory.mktemp("whole"), 8_192)


@pytest.fixture(scope="module")
def cut(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return made(tmp_path_factory.mktemp("cut"), SHORT)


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(each) for each in arguments])


def span(text: str, word: str) -> tuple[int, int]:
    start = text.index(word)
    return start, start + len(word)


def marked(found: Explanation) -> str:
    """The characters of the answer that the marked tokens cover."""
    answer = found.query.answer or ""
    tokens = [each for each in found.query.tokens if each.marked]
    return answer[min(each.start for each in tokens) : max(each.end for each in tokens)]


def test_all_of_it_is_read(whole: Workspace) -> None:
    row = whole.explainer("cpu").checkpoints.encode(whole.train_split.examples)
    at = whole.train_split.position(LONG)
    encoded = row[at]
    assert len(encoded) > 4_000 and not encoded.truncated
    fields = np.array(encoded.fields)
    learnt = (np.array(encoded.flags) & 1).astype(bool)
    for number, each in enumerate(MESSAGES):
        own = fields == number
        text = each["content"] or ""
        assert own.any() == bool(text)
        assert learnt[own].all() if each["role"] == "assistant" else not learnt[own].any()
        offsets = np.array(encoded.offsets)[own]
        assert not len(offsets) or (offsets[0][0], offsets[-1][1]) == (0, len(text))


def test_a_turn_late_in_it_and_words_of_any_script_are_asked_about(whole: Workspace) -> None:
    arabic, hebrew = ARABIC.split()[2], HEBREW.split()[1]
    for turn, word in ((MIDDLE, arabic), (MIDDLE, FAMILY), (LAST, hebrew), (LAST, FAMILY)):
        about = AboutAnswer(turn=turn, marks=(span(MESSAGES[turn]["content"], word),))
        found = whole.explain(row=LONG, about=about, device="cpu", k=3)
        assert marked(found) == word and found.query.loss > 0
        assert [each.text for each in found.query.fields if each.role == "tool"][:1] == ['{"boxes": 0}']
    about = AboutAnswer(turn=LAST, marks=(span(ASKED["messages"][LAST]["content"], hebrew),), instead="הרכבת")
    found = whole.explain(row="asked", about=about, device="cpu", k=8)
    entry = next(each for each in (*found.proponents, *found.opponents) if each.id == LONG)
    assert entry.same_text
    assert sum(each.score for each in entry.tokens) == pytest.approx(entry.score, rel=1e-4)


def test_it_is_asked_as_messages_and_answered_by_the_model(whole: Workspace, tmp_path: Path) -> None:
    """As a file of messages with their tools it is the same question as the row."""
    file = tmp_path / "chat.json"
    file.write_text(json.dumps({"messages": MESSAGES[:-1], "tools": TOOLS}), encoding="utf-8")
    start, end = span(END, FAMILY)
    said = run(
        "explain", whole.path, "--messages", file, "--answer", END, "--mark", f"{start}:{end}", "--json"
    )
    about = AboutAnswer(turn=LAST, marks=((start, end),))
    of_row = whole.explain(row=LONG, about=about, device="cpu")
    found = json.loads(said.stdout)
    assert found["query"]["loss"] == pytest.approx(of_row.query.loss, rel=1e-5)
    assert found["match"][0]["found"]["rows"] == 1
    assert run("explain", whole.path, "--messages", file, "--generate", "--max-tokens", 8).exit_code == 0
    written = whole.write_answer(AboutAnswer(messages=MESSAGES[:-1], tools=TOOLS), Writing(8), device="cpu")
    again = whole.write_answer(AboutAnswer(), Writing(8), row=LONG, split="train", device="cpu")
    assert written.text == again.text


def test_words_are_matched_and_what_was_taught_is_said(whole: Workspace) -> None:
    hebrew = HEBREW.split()[1]
    found = whole.matches.find(hebrew).found
    assert (found.rows, found.answers.rows) == (1, 1)
    assert whole.matches.find(FAMILY).found.read.rows == 1
    about = AboutAnswer(turn=LAST, marks=(span(END, FAMILY), span(END, hebrew)))
    spans, _ = whole.base_share(row=LONG, about=about, device="cpu")
    assert [each.text for each in spans] == [FAMILY, hebrew]


def test_it_is_corrected_exported_and_retrained(whole: Workspace, tmp_path: Path) -> None:
    ws, better = whole.path, f"נכון {FAMILY} مرحبًا"
    start, end = span(MESSAGES[MIDDLE]["content"], FAMILY)
    edits = (
        *((LONG, better, "--turn", LAST), (LONG, "--mask", f"{start}:{end}", "--turn", MIDDLE)),
        *((LONG, "--drop-turn", 14), (LONG, "--drop-turn", 13)),  # what a tool answered, then its call
    )
    assert [run("correct", ws, *each).exit_code for each in edits] == [0, 0, 0, 0]
    expected: list[dict[str, Any]] = [dict(each) for each in MESSAGES]
    expected[LAST]["content"] = better
    expected[MIDDLE][MASKED] = [[start, end]]
    del expected[13:15]
    for format in ("jsonl", "parquet", "csv"):
        out = tmp_path / f"out.{format}"
        whole.export(format, out)
        assert exported(out) == {"messages": expected, "tools": TOOLS}
    report = whole.trials.run(RetrainSettings(seeds=1, answers=1, device="cpu"))
    assert {"untouched", "cleaned"} <= {each["name"] for each in report["arms"]}
    for _ in edits:
        whole.review.undo()


def exported(path: Path) -> dict[str, Any]:
    """Messages and tools of the long row as a file has them."""
    if path.suffix == ".jsonl":
        rows = [json.loads(line) for line in path.read_bytes().split(b"\n") if line]
    elif path.suffix == ".csv":
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    else:
        rows = pq.read_table(path).to_pylist()
    (row,) = (each for each in rows if each["id"] == LONG)
    cells = {name: row[name] for name in ("messages", "tools")}
    return {name: json.loads(each) if isinstance(each, str) else each for name, each in cells.items()}


def test_inspect_draws_it(whole: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIRSTWORD_WORKSPACE", str(whole.path))
    shown = page(new_app(), "inspect", row="asked")
    assert not shown.exception
    text = words(shown)
    for each in (FAMILY, HEBREW.split()[1], ARABIC.split()[2], "&lt;b&gt;not&lt;/b&gt;"):
        assert each in text
    assert "cut off" not in text


def test_inspect_refuses_what_is_not_read(cut: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIRSTWORD_WORKSPACE", str(cut.path))
    shown = page(new_app(), "inspect", row="asked")
    assert not shown.exception
    text = words(shown)
    assert f"the model sees no token of the answer\\: it reads {SHORT:,} tokens" in text
    assert "tracing the prediction" not in text


def test_where_it_is_cut_is_said(cut: Workspace) -> None:
    source = Path(cut.manifest.data.sources["train"])
    said = f"1 of 8 texts longer than {SHORT:,} tokens, and will be cut"
    options = (
        "--task",
        "causal-lm",
        "--messages",
        "messages",
        "--tools",
        "tools",
        "--id",
        "id",
        "--eval",
        0.2,
    )
    model = ("--model", cut.manifest.model.name, "--max-length", SHORT, "--dry-run")
    assert said in run("init", cut.path, "--train", source, *options, *model).stdout
    longer = write_rows(source.with_name("longer.jsonl"), [*ordinary_rows(), long_row(2)])
    assert "texts probably longer than 1,024 tokens" in run("peek", longer).stdout
    assert "cut 1," in run("status", cut.path).stdout


def test_what_is_not_read_is_not_asked_about(cut: Workspace, tmp_path: Path) -> None:
    """An answer before the cut is, with a note; one behind it is refused, and so is a question as long."""
    first, word = 4, HEBREW.split()[1]
    about = AboutAnswer(turn=first, marks=(span(MESSAGES[first]["content"], word),))
    found = cut.explain(row=LONG, about=about, device="cpu")
    assert marked(found) == word and found.query.truncated
    assert f"The text is cut off after {SHORT} tokens." in found.notes
    with pytest.raises(InputError, match=rf"sees no token of the answer: it reads {SHORT:,} tokens$"):
        cut.explain(row=LONG, about=AboutAnswer(turn=LAST), device="cpu")
    file = tmp_path / "chat.json"
    file.write_text(json.dumps({"messages": MESSAGES[:-1], "tools": TOOLS}), encoding="utf-8")
    for more in (["--generate"], ["--answer", END]):
        said = run("explain", cut.path, "--messages", file, *more)
        assert said.exit_code and isinstance(said.exception, InputError)
        assert f"reads {SHORT:,}" in str(said.exception) and "\n" not in str(said.exception)


def test_export_never_cuts(cut: Workspace, tmp_path: Path) -> None:
    cut.export("jsonl", tmp_path / "out.jsonl")
    assert exported(tmp_path / "out.jsonl") == {"messages": MESSAGES, "tools": TOOLS}
