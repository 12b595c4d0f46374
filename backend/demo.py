"""The demo workspace: the embedded sample, fine-tuned, precomputed; built once."""

from __future__ import annotations

import tempfile
from pathlib import Path

from backend.data.columns import Columns
from backend.data.embedded import ID_PREFIX, write_demo_source
from backend.errors import InputError
from backend.progress import Progress, silent
from backend.workspace import Workspace

DEMO = Path("cache/demo")


def build_demo(path: Path = DEMO, progress: Progress = silent) -> Workspace:
    """Build what is missing of the demo workspace at ``path``; a finished one is returned at once."""
    from backend.model.training import TrainingSettings

    workspace = _open_or_create(path, progress)
    if workspace.folder.state("checkpoints") == "missing":
        workspace.train(TrainingSettings(), progress)
    workspace.precompute(progress=progress)
    return workspace


def _open_or_create(path: Path, progress: Progress) -> Workspace:
    if (path / "workspace.json").is_file():
        return _demo_at(path)
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise InputError(f"{path}: exists and is no workspace; move it away or give --out another folder")
    with tempfile.TemporaryDirectory() as scratch:
        train, evaluation = write_demo_source(Path(scratch))
        workspace, _ = Workspace.create(
            path,
            train=str(train),
            eval=str(evaluation),
            columns=Columns(text="text", label="label", id="id"),
            model="minilm",
            progress=progress,
        )
    return workspace


def _demo_at(path: Path) -> Workspace:
    """The demo, perhaps half built; somebody's own workspace is not trained and computed unasked."""
    workspace = Workspace.open(path)
    if not all(row.startswith(ID_PREFIX) for row in workspace.train_split.ids):
        raise InputError(f"{path}: is a workspace of other data; give --out another folder for the demo")
    return workspace
