"""The demo workspace: the embedded sample, fine-tuned and precomputed, then all that a page can show.

The first stage is enough to ask questions; the rest may come while the app is up. Its decisions are the
queue's own suggestions, in the name of `REVIEWER`: nobody has read those rows, and every reason says so.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from backend.data.columns import Columns
from backend.data.embedded import ID_PREFIX, write_demo_source
from backend.errors import InputError
from backend.everything import compute_everything
from backend.progress import Progress, silent
from backend.workspace import Workspace

DEMO = Path("cache/demo")
REVIEWER = "Ada (demo)"
_SUSPECTS, _REPEATED = 12, 3  # rows that are decided about
_FROZEN = 8  # of them before the first version
_SEEDS, _EPOCHS = 2, 1.0  # of the trial, which is to show a report, not an effect


def build_demo(path: Path = DEMO, progress: Progress = silent) -> Workspace:
    """The first stage of the demo at ``path``: model, gradient rows, index; what is there is kept."""
    from backend.model.training import TrainingSettings

    workspace = _open_or_create(path, progress)
    if workspace.folder.state("checkpoints") == "missing":
        workspace.train(TrainingSettings(), progress)
    workspace.precompute(progress=progress)
    return workspace


def complete_demo(workspace: Workspace, progress: Progress = silent) -> None:
    """The rest of the demo: all that `all` computes, decisions, a version, a trial; what is there is kept."""
    compute_everything(workspace, progress=progress)
    if not any(entry.author == REVIEWER for entry in workspace.log()):
        _decide(workspace)
    if not workspace.reports():
        _try(workspace, progress)


def is_complete(workspace: Workspace) -> bool:
    """Whether `complete_demo` has been through."""
    return bool(workspace.reports())


def _decide(workspace: Workspace) -> None:
    """Take the first suggestions of the queue, and freeze a version on the way."""
    from backend.scores.queue import QueueFilter

    suspects = workspace.queue()[:_SUSPECTS]
    repeated = [each for each in workspace.queue(QueueFilter("redundant")) if each.action == "remove"]
    for number, item in enumerate([*suspects, *repeated[:_REPEATED]], start=1):
        why = item.reasons[0].sentence if item.reasons else "its place in the queue"
        workspace.decide(
            item.action,  # type: ignore[arg-type]
            [item.id],
            label=item.suggested_label,
            reason=f"taken as the queue suggests (rank {item.rank}), unread: {why}",
            author=REVIEWER,
        )
        if number == _FROZEN:
            workspace.freeze("the queue's first suggestions", author=REVIEWER)


def _try(workspace: Workspace, progress: Progress) -> None:
    """A small trial of the decisions, where there is something to try."""
    from backend.retrain import RetrainSettings
    from backend.retraining.decisions import CLEANED, RANDOM

    if any(state.action in ("remove", "relabel") for state in workspace.states().values()):
        settings = RetrainSettings(seeds=_SEEDS, epochs=_EPOCHS, arms=(CLEANED, RANDOM))
        workspace.retrain(settings, progress)


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
