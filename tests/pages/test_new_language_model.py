"""The New page for language models: what is recognised, what is asked, which options come of it."""

import json

import pytest

from backend.workspace import Workspace
from tests.conftest import tiny_rows
from tests.language_models import tiny_lm
from tests.language_workspace import questions
from tests.pages.driver import words
from tests.pages.test_language_model_pages import chat_rows
from tests.pages.test_new_page import fresh, press, upload  # noqa: F401

PAIRS = [
    {"instruction": f"who built mill {n}?", "output": f"Ida built {n}.", "place": "x"} for n in range(30)
]


CHATS = [
    {
        "conversations": [
            {"from": "human", "value": f"who built mill {n}?"},
            {"from": "gpt", "value": f"Ida built {n}."},
        ],
        "system": f"be brief {n}",
        "tools": "[]",
    }
    for n in range(30)
]
CHOSEN = [
    {"prompt": [each], "chosen": [other]} for each, other in (row["messages"][1:3] for row in chat_rows(30))
]


def json_rows(rows: list[dict]) -> bytes:
    return "".join(json.dumps(each) + "\n" for each in rows).encode()


def chosen(app) -> dict:
    controls = (*app.selectbox, *app.segmented_control)
    return {each.label: each.value for each in controls}


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (chat_rows(30), {"Each row is": "messages", "Messages": "messages", "Id": "id", "Tools": "(none)"}),
        (CHATS, {"Each row is": "messages", "Messages": "conversations", "System text": "system"}),
        (CHOSEN, {"Each row is": "pair", "Prompt": "prompt", "Answer": "chosen"}),
        (PAIRS, {"Each row is": "pair", "Prompt": "instruction", "Answer": "output"}),
        ([{"text": row["text"]} for row in tiny_rows(30)], {"Each row is": "text", "Text": "text"}),
    ],
)
def test_rows_for_language_models_are_recognised(rows, expected, fresh):  # noqa: F811
    upload(fresh, json_rows(rows), "rows.jsonl")
    assert not fresh.exception and not fresh.error
    found = chosen(fresh)
    assert found["What is learnt"] == "causal-lm"
    assert "python -m backend" not in words(fresh)
    assert {name: found[name] for name in expected} == expected


def test_texts_with_labels_can_be_written_too(fresh):  # noqa: F811
    upload(fresh, json_rows(tiny_rows(30)), "rows.jsonl")
    assert chosen(fresh)["What is learnt"] == "classification"
    fresh.segmented_control[1 if fresh.segmented_control[0].label != "What is learnt" else 0].set_value(
        "causal-lm"
    )
    fresh.run()
    assert not fresh.exception and chosen(fresh)["Text"] == "text" and "Label" not in chosen(fresh)


def test_conversations_are_checked_and_a_model_is_asked(fresh):  # noqa: F811
    upload(fresh, json_rows(chat_rows(30)), "rows.jsonl")
    press(fresh, "Check every row")
    assert not fresh.exception and not fresh.error
    assert "training rows" in words(fresh) and "24" in words(fresh)
    (kinds,) = (each for each in fresh.segmented_control if each.label == "Model")
    shown = words(fresh)
    assert (
        "Embedded SmolLM2" in kinds.options
        and "adapter of rank 16" in shown
        and "Draw the classes" not in shown
    )
    assert "smollm2, " in shown and "up to 1,024 tokens" in shown
    (trained,) = (each for each in fresh.segmented_control if each.label == "What is trained")
    trained.set_value("full").run()
    assert not fresh.exception and ", all weights" in words(fresh)


def test_a_workspace_of_conversations_is_built(fresh, tmp_path):  # noqa: F811
    model = tiny_lm(tmp_path / "model")
    rows = [{"id": f"q{n}", "messages": row["messages"]} for n, row in enumerate(questions())]
    upload(fresh, json_rows(rows), "rows.jsonl")
    press(fresh, "Check every row")
    fresh.segmented_control(key="model-from").set_value("folder").run()
    fresh.text_input(key="new-folder").set_value(str(model)).run()
    fresh.text_input(key="new-epochs").set_value("1").run()
    fresh.text_input(key="new-name").set_value("mine").run()
    press(fresh, "Build")
    assert not fresh.exception and not fresh.error
    built = Workspace.open("cache/mine")
    assert built.manifest.task.name == "causal-lm" and built.manifest.data.form == "messages"
    assert built.folder.state("index") == "current" and "**mine** is ready." in words(fresh)
