"""The demo workspace: the embedded sample, fine-tuned and precomputed, then all that a page can show.

The first stage is enough to ask questions; the rest may come while the app is up. Its decisions are the
queue's own suggestions, in the name of `REVIEWER`: nobody has read those rows, and every reason says so.
Where anybody else has decided, nothing is decided or tried in that name.
"""

from __future__ import annotations

import tempfile
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from backend.data.columns import Columns
from backend.data.embedded import ID_PREFIX, write_demo_source
from backend.errors import InputError
from backend.everything import compute_everything, plan
from backend.progress import Progress, remaining, silent
from backend.workspace import Workspace

if TYPE_CHECKING:
    from backend.queue.queue import QueueItem

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
    _decide(workspace)
    if _is_to_try(workspace):
        _try(workspace, progress)


def is_complete(workspace: Workspace) -> bool:
    """Whether `complete_demo` has nothing to do."""
    if any(step.is_due for step in plan(workspace)):
        return False
    return not (_is_to_freeze(workspace) or _suggested(workspace) or _is_to_try(workspace))


def rest_of(workspace: Workspace) -> str:
    """What `complete_demo` will do, and how long what can be foretold should take; "" if nothing."""
    due = [step for step in plan(workspace) if step.is_due]
    parts = []
    if due:
        seconds = sum(step.forecast or 0.0 for step in due)
        parts.append(f"{', '.join(step.name for step in due)} (roughly {remaining(seconds)})")
    untried = not workspace.trials.reports() and not _is_somebodys(workspace)
    if untried and not is_complete(workspace):
        parts.append(
            f"{_SUSPECTS + _REPEATED} decisions in the name of {REVIEWER!r} (the queue's first suggestions, "
            f"unread), a version of them, and a trial ({_SEEDS} seeds, {_EPOCHS:g} epoch)"
        )
    return "; then ".join(parts)


def _is_somebodys(workspace: Workspace) -> bool:
    """Whether somebody else than `REVIEWER` has decided or frozen."""
    return any(entry.author != REVIEWER for entry in workspace.review.log())


def _suggested(workspace: Workspace) -> list[QueueItem]:
    """What is still to be decided: none in somebody's own log, or once the decisions have been tried."""
    from backend.queue.queue import QueueFilter

    if _is_somebodys(workspace) or workspace.trials.reports():
        return []
    decided = len(workspace.review.states())
    suspects = max(_SUSPECTS - decided, 0)
    repeated = min(_SUSPECTS + _REPEATED - decided, _REPEATED)
    items = workspace.scores.queue()[:suspects] if suspects else []
    if repeated > 0:
        known = {each.id for each in items}
        queue = workspace.scores.queue(QueueFilter("redundant"))
        further = (each for each in queue if each.action == "remove" and each.id not in known)
        items = [*items, *islice(further, repeated)]
    return items


def _decide(workspace: Workspace) -> None:
    """Take the first suggestions of the queue, and freeze a version; goes on where it was stopped."""
    for item in _suggested(workspace):
        if len(workspace.review.states()) >= _FROZEN:
            _freeze(workspace)
        why = item.reasons[0].sentence if item.reasons else "its place in the queue"
        workspace.review.decide(
            item.action,  # type: ignore[arg-type]
            [item.id],
            label=item.suggested_label,
            reason=f"taken as the queue suggests (rank {item.rank}), unread: {why}",
            author=REVIEWER,
        )
    _freeze(workspace)


def _freeze(workspace: Workspace) -> None:
    if _is_to_freeze(workspace):
        workspace.review.freeze("the queue's first suggestions", author=REVIEWER)


def _is_to_freeze(workspace: Workspace) -> bool:
    return (
        bool(workspace.review.states()) and not workspace.review.versions() and not _is_somebodys(workspace)
    )


def _is_to_try(workspace: Workspace) -> bool:
    """Whether there is something to try that is nobody's own."""
    changed = any(state.action in ("remove", "relabel") for state in workspace.review.states().values())
    return changed and not workspace.trials.reports() and not _is_somebodys(workspace)


def _try(workspace: Workspace, progress: Progress) -> None:
    """A small trial of the decisions."""
    from backend.trials.run import RetrainSettings
    from backend.trials.strategies.decisions import CLEANED, RANDOM

    settings = RetrainSettings(seeds=_SEEDS, epochs=_EPOCHS, arms=(CLEANED, RANDOM))
    workspace.trials.run(settings, progress)


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
