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
