"""Every page of the app on a workspace of conversations, before a model is trained."""

from pathlib import Path

import pytest

from backend.data.columns import columns_of_turns
from backend.data.conversation import Conversation
from backend.workspace import Workspace
from tests.conftest import write_rows
from tests.pages.driver import new_app, page, words
from tests.pages.factories import XSS

PAGES = (
    *("overview", "inspect", "pair", "review", "explore", "words", "scores"),
    *("sources", "changes", "export", "retrain", "new", "jobs", "help"),
)
RAW = ('"turns":', "[null", "&quot;turns&quot;", ",null]")  # of the context as it is kept


def said(role: str, text: str, **more) -> dict:
    return {"role": role, "content": text, **more}


def chat_rows(count: int, start: int = 0) -> list[dict]:
    rows = []
    for number in range(start, start + count):
        turns = [
            said("system", f"be brief {number}"),
            said("user", f"who built mill {number}?"),
            said("assistant", f"Ida built mill {number}."),
            said("user", f"when, {XSS[number % len(XSS)]}?".replace("\x00", "")),
            said("assistant", f"In {1400 + number}."),
        ]
        rows.append({"id": f"r{number}", "messages": turns, "source": "ab"[number % 2]})
    return rows


def chats(folder: Path, count: int = 12) -> Workspace:
    train = write_rows(folder / "train.jsonl", chat_rows(count))
    evaluation = write_rows(
        folder / "eval.jsonl", [{**row, "id": f"e{row['id']}"} for row in chat_rows(4, 100)]
    )
    columns = columns_of_turns(messages="messages", id="id", group="source")
    made, _ = Workspace.create(
        folder / "chats", train=str(train), eval=str(evaluation), columns=columns, model="unused"
    )
    return made


@pytest.fixture
def workspace(monkeypatch, tmp_path) -> Workspace:
    made = chats(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FIRSTWORD_WORKSPACE", str(made.path))
    return made


def row_of(workspace: Workspace, row: str) -> Conversation:
    split = workspace.train_split
    place, state = split.position(row), workspace.review.states().get(row)
    target = state.label if state is not None and state.label is not None else split.labels[place]
    return Conversation.of(split.texts_of(place)[0], target)


@pytest.mark.parametrize("name", PAGES)
def test_every_page_is_drawn(workspace, name):
    workspace.review.correct("r0", "In 1621.", turn=4, reason="seen")
    workspace.review.correct("r2", drop=3)
    workspace.review.correct("r3", mask=(0, 3), turn=4)
    workspace.review.flag("r1")
    queries = {"pair": {"test": "er100", "train": "r0"}, "changes": {"changes": "difference"}}
    app = page(new_app(), name, **queries.get(name, {}))
    assert not app.exception, (name, app.exception)
    assert not [each.value for each in app.error], name
    shown = words(app) + "".join(str(each.value) for each in app.dataframe)
    assert not [each for each in RAW if each in shown], name


def test_a_training_row_is_shown_found_and_corrected_in_explore(workspace):
    app = page(new_app(), "explore", **{"rows-find": "mill 7"})
    (table,) = app.dataframe
    assert "label" not in table.value.columns
    assert table.value["text"].tolist() == ["when, &lt;b&gt;&#60;img src=x onerror=alert(1)&#62;? → In 1407."]
    assert "1 of 12 training rows" in words(app) and "class" not in {each.label for each in app.selectbox}


def correcting(number: int):
    """Explore with the only row of that number ticked, and its editor open."""
    app = page(new_app(), "explore", **{"rows-find": str(1400 + number)})
    (table,) = app.dataframe
    app.session_state[table.key] = {"selection": {"rows": [0], "columns": [], "cells": []}}
    app = app.run()
    return button(app, "Correct").click().run()


def button(app, label: str):
    (found,) = (each for each in app.button if each.label == label)
    return found


def test_an_answer_is_corrected_shown_as_a_change_and_undone(workspace):
    app = correcting(3)
    assert button(app, "Store").disabled
    (field,) = (each for each in app.text_area if each.label == "What it should say")
    assert field.value == "In 1403."
    app = field.set_value("In <b>1621</b>.").run()
    shown = words(app)
    assert (
        '<del title="taken out"' in shown
        and "&lt;b&gt;1621&lt;/b&gt;</ins>" in shown
        and "<b>1621" not in shown
    )
    next(each for each in app.text_input if each.label == "Reason" and each.value == "").set_value(
        "looked up"
    )
    app = button(app, "Store").click().run()
    assert not app.exception and "corrected" in app.toast[0].value
    assert row_of(workspace, "r3").turns[4].text == "In <b>1621</b>."
    assert "&lt;b&gt;1621&lt;/b&gt;" in words(app) and "What it should say" not in {
        e.label for e in app.text_area
    }
    assert [each.reason for each in workspace.review.log("r3")] == ["looked up"]
    app = page(app, "changes")
    assert "1621&lt;/b&gt;</ins>" in words(app) and "corrected" in words(app)
    button(app, "Revert").click().run()
    assert row_of(workspace, "r3").turns[4].text == "In 1403."


def test_a_turn_is_taken_out_and_words_are_masked(workspace):
    app = correcting(5)
    next(each for each in app.multiselect if each.label == "Marked words").set_value([0, 1])
    app = app.run()
    app = button(app, "Store").click().run()
    assert not app.exception and row_of(workspace, "r5").turns[4].masked == ((0, 7),)
    assert "fw-masked" in words(app)
    app = button(app, "Correct").click().run()
    app = next(each for each in app.selectbox if each.label == "Turn").set_value(3).run()
    app = next(each for each in app.checkbox if each.label.startswith("Take this turn out")).check().run()
    app = button(app, "Store").click().run()
    row = row_of(workspace, "r5")
    assert not app.exception and row.removed == {3} and row.turns[4].masked == ((0, 7),)
    assert "taken out" in words(app)


def test_a_row_without_anything_to_learn_is_refused_in_a_line(workspace):
    workspace.review.correct("r4", drop=2)
    app = correcting(4)
    app = next(each for each in app.checkbox if each.label.startswith("Take this turn out")).check().run()
    assert "no answer would be left to learn" in words(app) and button(app, "Store").disabled
    app = correcting(6)
    app = next(each for each in app.text_area if each.label == "What it should say").set_value("  ").run()
    assert "the text is blank" in words(app) and button(app, "Store").disabled


def test_corrected_rows_are_called_so_in_explore(workspace):
    workspace.review.correct("r0", "In 1621.", turn=4)
    app = page(new_app(), "explore")
    shown = words(app) + "".join(str(each.value) for each in app.dataframe)
    assert "corrected" in shown and "relabelled" not in shown
