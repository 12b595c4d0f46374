"""Building a demo workspace: rows, model, gradient rows and index; then all that a page can show.

The first stage is enough to ask questions; the rest may come while the app is up. Where anybody but the demo
has decided, nothing is decided or tried in its name.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from backend.demos.facts import FactsDemo
from backend.demos.kind import REVIEWER, Demo
from backend.demos.requests import RequestsDemo
from backend.demos.reviews import ReviewsDemo
from backend.demos.sentences import SentencesDemo
from backend.errors import InputError
from backend.everything import compute_everything, plan
from backend.progress import Progress, remaining, silent
from backend.workspace import Workspace

SENTENCES, REQUESTS, REVIEWS, FACTS = SentencesDemo(), RequestsDemo(), ReviewsDemo(), FactsDemo()
DEMOS: dict[str, Demo[Any]] = {each.task: each for each in (SENTENCES, REQUESTS, REVIEWS, FACTS)}
"""By task; the first is the one of `make run`."""


def demo_of(task: str) -> Demo[Any]:
    """The demo of a task; `InputError` where there is none."""
    if task not in DEMOS:
        raise InputError(f"--task {task}: there are demos of {', '.join(DEMOS)}")
    return DEMOS[task]


def demo_at(path: Path) -> Demo[Any] | None:
    """The demo that is built there unless somebody says otherwise."""
    return next((each for each in DEMOS.values() if path.resolve() == each.path.resolve()), None)


def demo_command(demo: Demo[Any]) -> list[str]:
    """What builds it, or completes it, in the place where it goes."""
    return ["demo"] if demo is SENTENCES else ["demo", "--task", demo.task]


def build_demo(
    path: Path | None = None, progress: Progress = silent, *, task: str = SENTENCES.task
) -> Workspace:
    """The first stage of a demo at ``path``: model, gradient rows, index; what is there is kept."""
    demo = demo_of(task)
    workspace = _open_or_create(demo, path or demo.path, progress)
    if workspace.folder.state("checkpoints") == "missing":
        workspace.train(demo.training(), progress)
    workspace.precompute(progress=progress)
    return workspace


def complete_demo(workspace: Workspace, progress: Progress = silent) -> None:
    """The rest of the demo: all that `all` computes, decisions, a version, a trial; what is there is kept."""
    demo = _demo_in(workspace)
    compute_everything(workspace, progress=progress)
    _decide(demo, workspace)
    if _is_to_try(workspace):
        workspace.trials.run(demo.trial(workspace), progress)


def is_complete(workspace: Workspace) -> bool:
    """Whether `complete_demo` has nothing to do."""
    if any(step.is_due for step in plan(workspace)):
        return False
    return not (
        _is_to_freeze(workspace) or _undecided(_demo_in(workspace), workspace) or _is_to_try(workspace)
    )


def rest_of(workspace: Workspace) -> str:
    """What `complete_demo` will do, and how long what can be foretold should take; "" if nothing."""
    due = [step for step in plan(workspace) if step.is_due]
    parts = []
    if due:
        seconds = sum(step.forecast or 0.0 for step in due)
        parts.append(f"{', '.join(step.name for step in due)} (roughly {remaining(seconds)})")
    untried = not workspace.trials.reports() and not _is_somebodys(workspace)
    if untried and not is_complete(workspace):
        parts.append(_demo_in(workspace).decides)
    return "; then ".join(parts)


def _demo_in(workspace: Workspace) -> Demo[Any]:
    return demo_of(workspace.manifest.task.name)


def _is_somebodys(workspace: Workspace) -> bool:
    """Whether somebody else than `REVIEWER` has decided or frozen."""
    return any(entry.author != REVIEWER for entry in workspace.review.log())


def _undecided(demo: Demo[Any], workspace: Workspace) -> list[Any]:
    """What is still to be decided: none in somebody's own log, or once the decisions have been tried."""
    if _is_somebodys(workspace) or workspace.trials.reports():
        return []
    return list(demo.undecided(workspace))


def _decide(demo: Demo[Any], workspace: Workspace) -> None:
    """Decide what the demo decides, and freeze a version; goes on where it was stopped."""
    for decision in _undecided(demo, workspace):
        if len(workspace.review.states()) >= demo.frozen:
            _freeze(demo, workspace)
        demo.decide(workspace, decision)
    _freeze(demo, workspace)


def _freeze(demo: Demo[Any], workspace: Workspace) -> None:
    if _is_to_freeze(workspace):
        workspace.review.freeze(demo.version, author=REVIEWER)


def _is_to_freeze(workspace: Workspace) -> bool:
    return (
        bool(workspace.review.states()) and not workspace.review.versions() and not _is_somebodys(workspace)
    )


def _is_to_try(workspace: Workspace) -> bool:
    """Whether there is something to try that is nobody's own."""
    changed = any(state.action in ("remove", "relabel") for state in workspace.review.states().values())
    return changed and not workspace.trials.reports() and not _is_somebodys(workspace)


def _open_or_create(demo: Demo[Any], path: Path, progress: Progress) -> Workspace:
    if (path / "workspace.json").is_file():
        return _opened(demo, path)
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise InputError(f"{path}: exists and is no workspace; move it away or give --out another folder")
    return demo.create(path, progress)


def _opened(demo: Demo[Any], path: Path) -> Workspace:
    """The demo, perhaps half built; somebody's own workspace is not trained and computed unasked."""
    workspace = Workspace.open(path)
    if workspace.manifest.task.name != demo.task or not demo.is_in(workspace):
        raise InputError(f"{path}: is a workspace of other data; give --out another folder for the demo")
    return workspace
