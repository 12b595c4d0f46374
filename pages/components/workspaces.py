"""Which workspaces there are, and the open one: opened once, shared by all sessions."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import streamlit as st

from backend.errors import InputError
from backend.files import digest
from backend.folder import MANIFEST, Folder
from backend.home import HOME, located
from backend.influence.answers.about_answer import DEFAULT_SIDE
from backend.influence.answers.defaults import DEFAULT_SCORE
from backend.influence.answers.explanation import Explanation, Pair
from backend.workspace import Workspace
from pages.components import keys, newest

if TYPE_CHECKING:  # torch is imported when there is something to compute
    from backend.influence.answers.about_answer import AboutAnswer

VARIABLE = "FIRSTWORD_WORKSPACE"


class NoWorkspace(InputError):
    """There is nothing to show on a page about a workspace."""


@dataclass(frozen=True)
class AskedAnswer:
    """What is asked of a language model, as `backend.influence.answers.about_answer` takes it."""

    prompt: str | None = None
    answer: str | None = None
    generated: bool = False
    turn: int | None = None
    marks: tuple[tuple[int, int], ...] = ()
    instead: str | None = None
    side: str = DEFAULT_SIDE
    template: bool = False
    cut: bool = False


@dataclass(frozen=True)
class Asked:
    """What is explained, small enough to be a cache's key."""

    text: str | None = None
    text_b: str | None = None
    row: str | None = None
    split: str | None = None
    label: str | None = None
    k: int = 10
    method: str = "we"
    score: str = DEFAULT_SCORE
    about: AskedAnswer | None = None


@dataclass
class Opened:
    """A workspace and the lock that lets one session at a time use its models."""

    workspace: Workspace
    lock: Lock = field(default_factory=Lock)


def known_workspaces() -> dict[str, Path]:
    """Name and path of every workspace: that of ``FIRSTWORD_WORKSPACE`` first, then those in the home."""
    named = os.environ.get(VARIABLE)
    found = [located(named)] if named else []
    found += sorted(path.parent for path in HOME.glob(f"*/{MANIFEST}"))
    names: dict[str, Path] = {}
    for path in found:
        if path.resolve() not in {each.resolve() for each in names.values()}:
            names[path.name if path.name not in names else str(path)] = path
    return names


def current_path() -> Path | None:
    """The workspace chosen in the sidebar; None if there is none."""
    return known_workspaces().get(keys.get(keys.WORKSPACE) or "")


def current() -> Workspace:
    """The chosen workspace; `NoWorkspace` if there is none, `InputError` if it can't be read."""
    path = current_path()
    if path is None:
        raise NoWorkspace("there is no workspace yet: the Overview page builds a demo, or one of your data")
    return opened(path)


def moved_on() -> bool:
    """Whether the chosen workspace is another one by now than this rerun has seen."""
    path = current_path()
    try:
        return path is not None and Folder(path).has_moved_on()
    except InputError:
        return False


def opened(path: Path) -> Workspace:
    """The workspace at ``path``, with all that it has loaded so far."""
    return _current(path).workspace


@contextmanager
def working(path: Path) -> Iterator[Workspace]:
    """The workspace at ``path`` for work with its models, which one session at a time may use."""
    held = _current(path)
    with held.lock:
        yield held.workspace


def explain(workspace: Workspace, asked: Asked) -> Explanation:
    """The answer to a question; asked again, it comes from the cache."""
    index = workspace.folder.require("index", "precompute").id
    return _explained(str(workspace.path), index, asked)


def explain_pair(workspace: Workspace, asked: Asked, train: str) -> Pair:
    """One pair word by word; asked again, it comes from the cache."""
    index = workspace.folder.require("index", "precompute").id
    return _paired(str(workspace.path), index, asked, train)


def version(workspace: Workspace) -> str:
    """Changes whenever anything is computed: the key for whatever small is cached about a workspace.

    Also where a workspace was made anew of the same rows, with other columns.
    """
    manifest = workspace.manifest
    artifacts = {name: each.id for name, each in manifest.artifacts.items()}
    found = digest(artifacts, manifest.data.model_dump(mode="json"))
    newest.seen(str(workspace.path), found)
    return found


def _current(path: Path) -> Opened:
    Workspace.open(path)  # says what is wrong with it now
    return _opened(str(path))


@st.cache_resource(max_entries=3, show_spinner=False)
def _opened(path: str) -> Opened:
    """Kept whatever is computed meanwhile: a `Workspace` loads anew only what has changed."""
    return Opened(Workspace.open(path))


@st.cache_data(max_entries=100, show_spinner=False)
def _explained(path: str, index: str, asked: Asked) -> Explanation:
    with working(Path(path)) as workspace:
        return workspace.explain(
            asked.text,
            asked.text_b,
            row=asked.row,
            split=asked.split,  # type: ignore[arg-type]
            label=asked.label,
            k=asked.k,
            method=asked.method,
            score=asked.score,
            **_about(asked),
        )


@st.cache_data(max_entries=100, show_spinner="Tracing the pair …")
def _paired(path: str, index: str, asked: Asked, train: str) -> Pair:
    with working(Path(path)) as workspace:
        return workspace.explain_pair(
            train,
            asked.text,
            asked.text_b,
            row=asked.row,
            split=asked.split,  # type: ignore[arg-type]
            label=asked.label,
            method=asked.method,
            score=asked.score,
            **_about(asked),
        )


def _about(asked: Asked) -> dict[str, Any]:
    """What is asked of a language model, which only its workspaces are told of."""
    return {} if asked.about is None else {"about": about_answer(asked)}


def about_answer(asked: Asked, **changes: Any) -> AboutAnswer:
    """What is asked of a language model, as the backend takes it."""
    from backend.influence.answers.about_answer import AboutAnswer

    return AboutAnswer(**{**vars(asked.about or AskedAnswer()), **changes})


def written_answer(
    workspace: Workspace, asked: Asked, how: Mapping[str, Any], told: Callable[[str], None]
) -> tuple[str, str]:
    """What a language model answers itself, and why it stopped; ``told`` gets the text as it grows.

    ``how``: as `backend.model.generation.Writing` takes it. Other sessions may ask the model meanwhile.
    """
    from backend.model.generation import Writing

    made = opened(workspace.path).write_answer(
        about_answer(asked),
        Writing(**how),
        row=asked.row,
        split=asked.split,  # type: ignore[arg-type]
        told=told,
    )
    return made.text, made.stopped
