"""How answers of a language model's rows are written, held against the others; read from texts alone."""

from __future__ import annotations

import numpy as np

from backend.data.messages import shown_label
from backend.scores.answer_form import (
    first_answer,
    last_answer,
    odd_openings,
    other_scripts,
    template_marks,
    unfinished,
)
from backend.scores.context import Context
from backend.scores.score import LANGUAGE, Columns, Producer, Score

_SHOWN = 40  # characters of an end or a beginning


def _compute(context: Context) -> Columns:
    rows = context.conversations
    open_ends = unfinished(rows)
    odd, begins = odd_openings(rows)
    foreign, named, main = other_scripts(rows)
    marks = template_marks(rows)
    return {
        "unfinished": open_ends,
        "ends_with": [_end(last_answer(each)) for each in rows],
        "template_marks": np.array([len(each) for each in marks], dtype=np.float64),
        "marks_said": [", ".join(map(shown_label, each)) for each in marks],
        "odd_opening": odd,
        "begins_with": [
            f"{how}: “{shown_label(first_answer(row), _SHOWN)}”"
            for row, how in zip(rows, begins, strict=True)
        ],
        "other_script": foreign,
        "script_said": [f"{each}; most answers are {main}" if each else "" for each in named],
    }


def _end(text: str) -> str:
    plain = " ".join(text[-10 * _SHOWN :].split())
    return f"“{plain}”" if len(plain) <= _SHOWN else f"“…{plain[-_SHOWN:]}”"


PRODUCER = Producer(
    name="answers",
    cost="seconds",
    compute=_compute,
    tasks=LANGUAGE,
    scores=(
        Score(
            "unfinished",
            "answer cut off",
            "its last answer has no end, and most others have one (one cut between sentences is not found)",
            "suspect label",
            "high",
            "share of the other rows' answers that end with a mark, 0 for one that does; answers below three "
            "words need none",
            "this project",
            "answer may be cut off: it ends with {ends_with}; {unfinished:.0%} of the others have an end",
            beyond=0.8,
            absolute=True,
        ),
        Score(
            "template_marks",
            "template marks in texts",
            "marks of a chat template, or roles, stand in its texts as words",
            "suspect label",
            "high",
            "number of different marks, such as <|im_end|>, [INST], ### Response: or User: at the start of a "
            "line; those that more than 20 % of the rows have are how they are written",
            "this project",
            "template marks typed as text: {marks_said}",
            beyond=0.0,
            absolute=True,
        ),
        Score(
            "odd_opening",
            "begins unlike others",
            "hardly an answer begins with such a sign",
            "suspect label",
            "high",
            "share of the other answers that begin otherwise: with a capital, a small letter, a digit, "
            "another letter, or another sign",
            "this project",
            "begins unlike {odd_opening:.1%} of the answers, with {begins_with}",
            beyond=0.97,
            absolute=True,
        ),
        Score(
            "other_script",
            "other script",
            "its letters are of another script than most (finds no other language in the same script)",
            "suspect label",
            "high",
            "share of its answers' letters that are of another script than most letters of all answers; "
            "0 below three such letters",
            "Unicode 16, names of characters",
            "other script: {other_script:.0%} of the letters, {script_said}",
            beyond=0.2,
            absolute=True,
        ),
    ),
)
