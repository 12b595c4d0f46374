"""All that can be computed for a workspace in one go: what is missing, how long it should take, and doing it.

Each step is a command of its own that keeps what is current, so a stopped call goes on where it was. Training
is none of them: which model is explained is a choice (`train`, `attach`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from time import perf_counter
from typing import Any, Literal

from backend.errors import InputError
from backend.folder import Folder
from backend.lost import lost_artifacts
from backend.progress import Progress, silent
from backend.step_times import StepTimes
from backend.workspace import Workspace

State = Literal["current", "missing", "stale", "done", "left out"]


@dataclass(frozen=True)
class Step:
    """One step: its name (a command, but for ``embeddings``), what it gives, and its state.

    ``forecast``: seconds that it should take, and on what ``basis``; None where there is nothing to do.
    ``seconds``: how long it took, once it is done. ``why``: why it, or a part of it, can't be had here.
    """

    name: str
    gives: str
    state: State
    forecast: float | None = None
    basis: str | None = None
    seconds: float | None = None
    why: str | None = None

    @property
    def is_due(self) -> bool:
        """Whether it is still to be computed."""
        return self.state in ("missing", "stale")

    def to_json(self) -> dict[str, Any]:
        """A plain dictionary."""
        return asdict(self)


def plan(workspace: Workspace) -> list[Step]:
    """Every step in order, with its state and forecast; loads no model.

    Raises `InputError` where the workspace has no checkpoints, or others than its data.
    """
    workspace.folder.require("checkpoints", "train")
    times, steps = StepTimes(workspace.folder), []
    for name, (gives, found, _) in _STEPS.items():
        state, why = found(workspace.folder)
        step = Step(name, gives, state, why=why)
        if step.is_due:
            expected = times.of(name)
            step = replace(step, forecast=round(expected.seconds, 1), basis=expected.basis)
        steps.append(step)
    return steps


def compute_everything(
    workspace: Workspace, *, device: str = "auto", progress: Progress = silent
) -> list[Step]:
    """Compute what is missing or stale; returns the steps with what became of them.

    A step that can't be had here is left out and says why. Raises `InputError` where nothing can be explained
    yet, or another process is working on the workspace.
    """
    steps = plan(workspace)
    due = [step for step in steps if step.is_due]
    with workspace.folder.lock():
        done = {
            step.name: _done(workspace, step, device, _numbered(number, len(due), step.name, progress))
            for number, step in enumerate(due, start=1)
        }
    return [done.get(step.name, step) for step in steps]


def _done(workspace: Workspace, step: Step, device: str, progress: Progress) -> Step:
    start = perf_counter()
    _, _, compute = _STEPS[step.name]
    try:
        left_out = compute(workspace, device, progress)
    except InputError as error:
        if step.name == "precompute":  # all others need it
            raise
        return replace(step, state="left out", why=str(error))
    return replace(
        step, state="done", seconds=round(perf_counter() - start, 1), why="; ".join(left_out or ()) or None
    )


def _numbered(number: int, count: int, name: str, progress: Progress) -> Progress:
    def report(stage: str, done: int, total: int) -> None:
        progress(f"step {number} of {count}, {name}: {stage}", done, total)

    return report


# -- the steps ------------------------------------------------------------------------------------


def _precompute(workspace: Workspace, device: str, progress: Progress) -> None:
    from backend.influence.rowstore.settings import PrecomputeSettings

    workspace.precompute(PrecomputeSettings(device), progress)


def _embeddings(workspace: Workspace, device: str, progress: Progress) -> None:
    from backend.model.devices import resolve_device
    from backend.model.embeddings import Encoder, stored_embeddings

    encoder = Encoder(device=resolve_device(device))
    for split in ("train", "eval"):
        stored_embeddings(workspace.folder, split, encoder, progress)


def _influence(workspace: Workspace, device: str, progress: Progress) -> None:
    workspace.compute_influence(device=device, progress=progress)


def _scores(workspace: Workspace, device: str, progress: Progress) -> list[str]:
    from backend.scores.settings import ScoreSettings

    return workspace.scores.compute((), ScoreSettings(device=device), progress)


def _words(workspace: Workspace, device: str, progress: Progress) -> None:
    workspace.audit.compute_words(device=device, progress=progress)


def _sources(workspace: Workspace, device: str, progress: Progress) -> None:
    from backend.scores.settings import ScoreSettings

    workspace.audit.compute_sources(ScoreSettings(device=device), progress=progress)


_Found = tuple[State, str | None]
"""The state of a step, and what is left out of it and why."""


def _of(*artifacts: str) -> Callable[[Folder], _Found]:
    def state(folder: Folder) -> _Found:
        lost = lost_artifacts(folder)
        return _worst(["missing" if name in lost else folder.state(name) for name in artifacts]), None

    return state


def _embeddings_found(folder: Folder) -> _Found:
    return ("current" if _embedded(folder) else "missing"), None


def _scores_found(folder: Folder) -> _Found:
    from backend.scores.registry import producers_for
    from backend.scores.settings import ScoreSettings
    from backend.scores.table import score_state

    states, left_out = [], []
    for name, producer in producers_for(folder.manifest().task.name).items():
        if not producer.default:
            continue
        state = score_state(folder, producer)
        why = None if state == "current" else producer.why_not(folder, ScoreSettings())
        if why is None:
            states.append(state)
        else:
            left_out.append(f"{name}: {why}")
    return _worst(states), "; ".join(left_out) or None


def _words_found(folder: Folder) -> _Found:
    from backend.audit.hindrances import words_hindrance

    return _unless(words_hindrance(folder), folder.state("words"))


def _sources_found(folder: Folder) -> _Found:
    from backend.audit.hindrances import sources_hindrance
    from backend.scores.settings import ScoreSettings

    return _unless(sources_hindrance(folder, ScoreSettings()), folder.state("sources"))


def _unless(why: str | None, state: State) -> _Found:
    return (state, None) if why is None or state == "current" else ("left out", why)


def _worst(states: list[Any]) -> State:
    """Missing before stale before current."""
    return next((each for each in ("missing", "stale") if each in states), "current")


def _embedded(folder: Folder) -> bool:
    from backend.model.embeddings import embeddings_are_stored

    return all(embeddings_are_stored(folder, split) for split in ("train", "eval"))


_Compute = Callable[[Workspace, str, Progress], list[str] | None]
_STEPS: dict[str, tuple[str, Callable[[Folder], _Found], _Compute]] = {
    "precompute": (
        "gradient rows, predictions and index: what Inspect answers from",
        _of("rows", "predictions", "index"),
        _precompute,
    ),
    "embeddings": ("sentence embeddings: the map, neighbours", _embeddings_found, _embeddings),
    "influence": ("influence on all eval rows and errors", _of("influence"), _influence),
    "scores": ("scores of every training row that cost little: the queue", _scores_found, _scores),
    "words": ("words that carry harm", _words_found, _words),
    "sources": ("sources held against the eval rows", _sources_found, _sources),
}
