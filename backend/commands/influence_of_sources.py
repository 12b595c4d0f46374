"""`sources --influence`: what the training rows of each group did to one question, or to all eval rows."""

from __future__ import annotations

from dataclasses import asdict

from backend import console
from backend.errors import InputError
from backend.influence.answers.about_answer import AboutAnswer
from backend.influence.answers.question import Question
from backend.tasks.heads import CAUSAL_LM
from backend.workspace import Workspace


def asked_of_sources(
    row: str | None, split: str | None, prompt: str | None, answer: str | None
) -> Question | None:
    """What is asked about; None: all eval rows."""
    if split not in (None, "train", "eval"):
        raise InputError(f"--split {split}: must be train or eval")
    about = None if prompt is None and answer is None else AboutAnswer(prompt=prompt, answer=answer)
    if row is None and about is None:
        return None
    return Question(row=row, split=split, about=about)  # type: ignore[arg-type]


def print_influence(
    workspace: Workspace, asked: Question | None, score: str, device: str, json: bool
) -> None:
    """A table of the sources, side by side where a task has several."""
    if asked is not None:
        workspace.check_question(asked)
    found = workspace.audit.source_influence(asked, score=score, device=device)
    if json:
        console.print_json([asdict(each) for each in found])
        return
    sided = workspace.manifest.task.name == CAUSAL_LM
    lines = [
        (
            console.brief(each.source),
            *([each.side] if sided else []),
            f"{each.rows:,}",
            f"{each.total:+.3g}",
            f"{each.mean:+.3g}",
            "" if each.standard_error is None else f"{each.standard_error:.2g}",
        )
        for each in found
    ]
    what = "mean loss of the eval rows" if asked is None else "loss of what is asked about"
    headers = ("source", *(["side"] if sided else []), "rows", "total", "a row", "+-")
    console.print_table(headers, lines, title=f"influence of sources; above 0: lowered the {what}")
