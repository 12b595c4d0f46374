"""What tests of scores share."""

from collections.abc import Sequence
from pathlib import Path

from backend.data.columns import Columns
from backend.scores.context import Context
from backend.scores.settings import ScoreSettings
from backend.workspace import Workspace
from tests.conftest import write_rows
from tests.factories import tiny


def tiny_encoder(workspace: Workspace) -> str:
    """The workspace's tiny model as the encoder of sentence embeddings."""
    return workspace.manifest.model.name


def context_of(workspace: Workspace, progress=lambda *_: None, **settings) -> Context:
    """A context over the workspace whose encoder is its tiny model."""
    chosen = ScoreSettings(**{"encoder": tiny_encoder(workspace), "device": "cpu", **settings})
    return Context(workspace.folder, chosen, workspace.explainer, progress)


def workspace_of(
    folder: Path, train: Sequence[tuple[str, str]], evaluation: Sequence[tuple[str, str]], **tiny_options
) -> Workspace:
    """An untrained workspace of (text, label) rows with a tiny model; ids are t0, t1, ... and e0, e1, ..."""
    folder.mkdir(parents=True, exist_ok=True)
    sources = {}
    for name, rows in (("train", train), ("eval", evaluation)):
        listed = [
            {"id": f"{name[0]}{number}", "text": text, "label": label}
            for number, (text, label) in enumerate(rows)
        ]
        sources[name] = str(write_rows(folder / f"{name}.jsonl", listed))
    model = tiny("bert", folder / "model", [text for text, _ in (*train, *evaluation)], **tiny_options)
    workspace, _ = Workspace.create(
        folder / "ws", **sources, columns=Columns(text="text", label="label", id="id"), model=str(model)
    )
    return workspace
