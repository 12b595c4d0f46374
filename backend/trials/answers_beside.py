"""Answers of all arms side by side, for a report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from backend.trials.answers import Prompt, marks_of
from backend.trials.runner import Outcomes
from backend.trials.statistics import Runs

SHOWN = [
    {"name": "exact", "title": "Exact answers", "better": "high"},
    {"name": "chrf", "title": "ChrF of answers", "better": "high"},
]
"""Figures of a trial's first table, as `backend.trials.headline` has them."""


def judged_prompts(prompts: Sequence[Prompt], outcomes: Outcomes) -> list[int]:
    """Places of those whose answer is known and that left every model room."""
    return [
        place
        for place, each in enumerate(prompts)
        if each.expected is not None and None not in _written(outcomes, place)
    ]


def _written(outcomes: Outcomes, place: int) -> list[str | None]:
    return [each.written[place] for of_arm in outcomes.values() for each in of_arm]


def answer_runs(prompts: Sequence[Prompt], outcomes: Outcomes) -> dict[str, Runs] | None:
    """Of every arm and seed the marks of its answers, (m, 2) (`marks_of`); None where none is judged."""
    places = judged_prompts(prompts, outcomes)
    if not places:
        return None
    expected = [prompts[place].expected or "" for place in places]
    return {
        name: [marks_of([each.written[place] or "" for place in places], expected) for each in of_arm]
        for name, of_arm in outcomes.items()
    }


def answers_record(prompts: Sequence[Prompt], outcomes: Outcomes) -> list[dict[str, Any]]:
    """Of every prompt: its ``id``, what is read (``prompt``), what is ``expected``, and what each arm has
    ``written``, one text a seed, None where there was no room; means of ``exact`` and ``chrf`` by arm where
    something is expected."""
    found = []
    for place, prompt in enumerate(prompts):
        written = {name: [each.written[place] for each in of_arm] for name, of_arm in outcomes.items()}
        record: dict[str, Any] = {
            "id": prompt.id,
            "prompt": prompt.text(),
            "expected": prompt.expected,
            "written": written,
        }
        if prompt.expected is not None:
            marks = {name: _means(texts, prompt.expected) for name, texts in written.items()}
            record |= {
                "exact": {name: exact for name, (exact, _) in marks.items()},
                "chrf": {name: chrf for name, (_, chrf) in marks.items()},
            }
        found.append(record)
    return found


def _means(texts: Sequence[str | None], expected: str) -> tuple[float | None, float | None]:
    said = [each for each in texts if each is not None]
    if not said:
        return None, None
    exact, chrf = np.mean(marks_of(said, [expected] * len(said)), axis=0).tolist()
    return exact, chrf
