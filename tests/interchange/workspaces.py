"""Small workspaces of four tasks without a trained model, whose scores are made up, and people who answer."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from backend.data.columns import Columns
from backend.scores.table import ScoreTable
from backend.workspace import Workspace
from tests.data.helpers import bring_in, jsonl

HOSTILE = '<script>alert("x")</script> & "quoted" {"a": 1} ; =1+1'


def classes(folder: Path) -> Workspace:
    """Twelve rows of two classes, one class with a name that is markup; the first text is hostile."""
    rows = [{"id": f"r{i}", "text": f"text {i}", "label": ("<neg> & co", "pos")[i % 2]} for i in range(12)]
    rows[0]["text"] = HOSTILE
    return _brought(folder, rows, Columns("text", "label", id="id"))


def label_sets(folder: Path) -> Workspace:
    rows = [{"id": f"r{i}", "text": f"text {i}", "label": [["a"], ["a", "b"], []][i % 3]} for i in range(12)]
    return _brought(folder, rows, Columns("text", "label", id="id", task="multilabel"))


def numbers(folder: Path) -> Workspace:
    rows = [{"id": f"r{i}", "text": f"text {i}", "label": i / 2} for i in range(12)]
    return _brought(folder, rows, Columns("text", "label", id="id", task="regression"))


def chats(folder: Path) -> Workspace:
    def turns(i: int) -> list[dict[str, str]]:
        more = [{"role": "user", "content": "And then?"}, {"role": "assistant", "content": f"Then {i}."}]
        first = [
            {"role": "user", "content": f"Question {i}?"},
            {"role": "assistant", "content": f"Answer {i}."},
        ]
        return first + (more if i == 1 else [])

    rows = [{"id": f"r{i}", "messages": turns(i)} for i in range(12)]
    return _brought(folder, rows, Columns("messages", "messages", id="id", task="causal-lm", form="messages"))


def _brought(folder: Path, rows: list[dict[str, Any]], columns: Columns) -> Workspace:
    folder.mkdir(parents=True, exist_ok=True)
    sources = jsonl(folder / "t.jsonl", rows), jsonl(folder / "e.jsonl", rows[:2])
    bring_in(folder / "ws", *sources, columns=columns)
    return Workspace.open(folder / "ws")


def with_scores(workspace: Workspace, monkeypatch, **columns: Any) -> Workspace:
    """The workspace with a table of scores that says what ``columns`` say."""
    train = workspace.train_split
    chosen = columns or {"mean_loss": np.linspace(1, 0, len(train))}
    table = ScoreTable(pa.table({"id": train.ids, **chosen}))
    monkeypatch.setattr(workspace.scores, "table", lambda: table)
    return workspace


def argilla_answered(records: list[dict], people: dict[str, dict[str, Any]], status: str | None = None):
    """What `to_list(flatten=True)` (with a status) or `to_json` gives once people have answered.

    ``people``: by name the answers by row id, each a value or several by question.
    """
    found = []
    for record in records:
        given: dict[str, list[dict[str, Any]]] = {}
        for who, answers in people.items():
            for question, value in _by_question(answers.get(record["id"])).items():
                given.setdefault(question, []).append({"value": value, "user_id": who})
        if status is None:
            found.append({**record, "responses": given, "status": "completed", "_server_id": "s"})
            continue
        flat = {"id": record["id"], "status": "completed", "_server_id": "s"}
        flat |= {**record["fields"], **record["metadata"]}
        for question, each in given.items():
            key = f"{question}.responses"
            flat |= {key: [one["value"] for one in each], f"{key}.users": [one["user_id"] for one in each]}
            flat[f"{key}.status"] = [status] * len(each)
        found.append(flat)
    names = {key for each in found for key in each}
    return [{**dict.fromkeys(names), **each} for each in found] if status else found


def label_studio_answered(tasks: list[dict], people: dict[str, dict[str, Any]], kind: str = "choices"):
    """The export JSON of Label Studio once people have answered."""
    found = []
    for number, task in enumerate(tasks, start=1):
        made = []
        for who, answers in people.items():
            given = _by_question(answers.get(task["data"]["row_id"]))
            if given:
                result = [_entry(question, value, kind) for question, value in given.items()]
                made.append(
                    {
                        "id": number,
                        "result": result,
                        "was_cancelled": False,
                        "completed_by": who,
                        "created_at": "2026-01-01T00:00:00Z",
                    }
                )
        found.append({"id": number, "data": task["data"], "annotations": made, "predictions": []})
    return found


def _by_question(given: Any) -> dict[str, Any]:
    return {} if given is None else given if isinstance(given, dict) else {"label": given}


def _entry(question: str, value: Any, kind: str) -> dict[str, Any]:
    kind = {"row": "choices", "note": "textarea"}.get(question, kind)
    content = value if kind == "number" or isinstance(value, list) else [value]
    key = {"choices": "choices", "number": "number", "textarea": "text"}[kind]
    return {"from_name": question, "to_name": "text", "type": kind, "value": {key: content}}
