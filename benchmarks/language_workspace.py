"""A workspace of chats with SmolLM2-135M-Instruct and an adapter, made as anybody would make it."""

from __future__ import annotations

from pathlib import Path

from backend.data.columns import Columns
from backend.model.training_settings import TrainingSettings
from backend.progress import Progress
from backend.tasks.heads import CAUSAL_LM
from backend.workspace import Workspace


def adapter(epochs: float, lr: float, batch_size: int) -> TrainingSettings:
    """How the adapter is trained; texts are not cut, and nothing is logged beside."""
    return TrainingSettings(
        epochs=epochs,
        lr=lr,
        batch_size=batch_size,
        rank=16,
        max_length=None,
        warmup=0.06,
        checkpoints=3,
        dynamics=False,
    )


def chats_at(
    path: Path,
    train: Path,
    evaluation: Path,
    settings: TrainingSettings,
    progress: Progress,
    group: str | None = None,
) -> Workspace:
    """Rows, model and index; what is there is kept."""
    if not (path / "workspace.json").is_file():
        columns = Columns("messages", "messages", id="id", group=group, task=CAUSAL_LM, form="messages")
        Workspace.create(path, train=str(train), eval=str(evaluation), columns=columns, model="smollm2")
    workspace = Workspace.open(path)
    if workspace.folder.state("checkpoints") == "missing":
        workspace.train(settings, progress)
    workspace.precompute(progress=progress)
    return workspace
