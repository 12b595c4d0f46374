"""Workspaces of conversations, written by hand."""

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from backend.data.columns import ID, LABEL, TEXT
from backend.data.conversation import Conversation, Turn
from backend.data.dataset import Split
from backend.folder import Folder
from backend.manifest import DataInfo, Manifest, ModelInfo, TaskInfo
from backend.workspace import Workspace


def chat(*texts: str, tools: Sequence[object] | None = None) -> Conversation:
    """Turns of a person and of an assistant, in turn; the latter's are learnt."""
    turns = tuple(
        Turn(number, "assistant" if number % 2 else "user", text, bool(number % 2))
        for number, text in enumerate(texts)
    )
    return Conversation(turns, chat=True, tools=tools)


def table_of(rows: Sequence[Conversation]) -> pa.Table:
    return pa.table(
        {
            ID: [f"r{place}" for place in range(len(rows))],
            LABEL: [each.target().text() for each in rows],
            TEXT: [each.context() for each in rows],
            "messages": [None] * len(rows),
        },
        schema=pa.schema([(name, pa.string()) for name in (ID, LABEL, TEXT, "messages")]),
    )


TASK = TaskInfo(name="causal-lm", loss="answers")


def info_of(n_train: int, n_eval: int = 0, mark: str = "one") -> DataInfo:
    return DataInfo(
        fingerprint=mark, text="messages", label="messages", form="messages", n_train=n_train, n_eval=n_eval
    )


def split_of(rows: Sequence[Conversation]) -> Split:
    return Split("train", table_of(rows), info_of(len(rows)), TASK)


def write_split(folder: Folder, name: str, rows: Sequence[Conversation]) -> None:
    folder.data.mkdir(exist_ok=True)
    pq.write_table(table_of(rows), folder.data / f"{name}.parquet")


def workspace_of(
    path: Path, train: Sequence[Conversation], evaluation: Sequence[Conversation] = (), mark: str = "one"
) -> Workspace:
    """A workspace that has rows and no model; ``mark`` is its data's."""
    path.mkdir(parents=True, exist_ok=True)
    folder = Folder(path)
    write_split(folder, "train", train)
    write_split(folder, "eval", evaluation)
    info = info_of(len(train), len(evaluation), mark)
    folder.write_manifest(Manifest(data=info, task=TASK, model=ModelInfo(name="unused")))
    folder.record("data", id=mark)
    return Workspace.open(path)
