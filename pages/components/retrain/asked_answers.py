"""What every model of a trial is asked of a language model's workspace: a prompt or an eval row, words of its
answer, further prompts, and how many eval rows it answers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from backend.data.conversation import Turn
from backend.errors import InputError
from backend.files import digest
from backend.workspace import Workspace
from pages.components import keys
from pages.components.asking.answer_words import Marks, answers_of, ask_instead, ask_marks, number_asked
from pages.components.choice import pick
from pages.components.conversation.shown_text import shown_text
from pages.components.markup import short, show, tag
from pages.components.messages import show_error
from pages.components.number_field import Faults, ask_whole, say_faults
from pages.components.typed_number import Limits
from pages.components.workspaces import opened, version

if TYPE_CHECKING:  # torch
    from backend.trials.question import Asked

PROMPT, ROW = "prompt", "row"
SOURCES = {PROMPT: "A prompt", ROW: "An eval row"}
HELP = (
    "Every model, before and after, is asked the same: how likely these words of the answer are to it, and "
    "what it answers itself, greedily. Name it now: asked later, every model is trained anew."
)
ANSWERS_HELP = (
    "So many eval rows, always the same, are answered by every model: the answers stand side by side in the "
    "report, and exact match and chrF are of them."
)
FURTHER_HELP = "Each is answered by every model; no words of the answers are followed."


@dataclass(frozen=True)
class Questions:
    """What is asked; ``row`` or ``prompt`` with words of one answer, ``further`` prompts that are only
    answered, and of how many eval rows ``answers`` are wanted, None: as many as usual."""

    row: str = ""
    prompt: str = ""
    answer: str = ""
    turn: int | None = None
    marks: Marks = ()
    instead: str | None = None
    further: tuple[str, ...] = ()
    answers: int | None = None

    def options(self) -> list[str]:
        """Of ``retrain``."""
        prompts = [*([self.prompt] if self.prompt else []), *self.further]
        return [
            *([f"--row={self.row}"] if self.row else []),
            *(f"--prompt={each}" for each in prompts),
            *([f"--answer={self.answer}"] if self.answer else []),
            *([] if self.turn is None else [f"--turn={self.turn}"]),
            *(f"--mark={start}:{end}" for start, end in self.marks),
            *([f"--instead={self.instead}"] if self.instead else []),
            *([] if self.answers is None else [f"--answers={self.answers}"]),
        ]

    def asked(self) -> tuple[Asked, ...]:
        """As `backend.trials` takes them."""
        from backend.influence.answers.about_answer import AboutAnswer
        from backend.trials.question import Asked

        prompt, answer = self.prompt or None, self.answer or None
        about = AboutAnswer(prompt, None, answer, self.turn, self.marks, self.instead)
        first = [Asked(row=self.row or None, about=about)] if self.row or self.prompt else []
        return (*first, *(Asked(about=AboutAnswer(prompt=each)) for each in self.further))


def ask_answers(workspace: Workspace) -> list[str] | None:
    """Draw the fields; returns the command line's options, or None, said in a line, where one is wrong."""
    st.subheader("What every model is asked", help=HELP)
    faults = Faults()
    try:
        of = pick("Asked about", SOURCES, keys.TRIAL_OF, PROMPT)
        first = _of_row(workspace) if of == ROW else _of_prompt()
        questions = replace(first, further=_further(), answers=_answers(faults))
        if not faults:
            _checked(str(workspace.path), version(workspace), questions)
    except InputError as error:
        show_error(error)
        return None
    if faults:
        say_faults(faults)
        return None
    st.caption("There is no forecast for language models: only a trial says what decisions do.")
    return questions.options()


def _of_prompt() -> Questions:
    _field("Prompt", keys.TRIAL_PROMPT, "What the models read, such as the question that went wrong")
    prompt = _written(keys.TRIAL_PROMPT)
    _field("Answer", keys.TRIAL_ANSWER, "optional: an answer whose probability is followed")
    answer = _written(keys.TRIAL_ANSWER)
    if answer and not prompt:
        raise InputError("The answer has no prompt: type what the models read before it.")
    if not answer:
        return Questions(prompt=prompt)
    place = digest("trial", prompt, answer)
    turn, marks = ask_marks({0: Turn(0, "assistant", answer, learnt=True)}, place)
    return Questions(prompt=prompt, answer=answer, marks=marks, instead=ask_instead(turn, marks, place))


def _of_row(workspace: Workspace) -> Questions:
    evaluation = workspace.eval_split
    st.text_input(
        "Eval row (its id)",
        key=keys.TRIAL_ROW,
        bind="query-params",
        max_chars=300,
        placeholder=short(evaluation.ids[0], 60),
    )
    row = _written(keys.TRIAL_ROW)
    if not row:
        return Questions()
    if not evaluation.has(row):
        raise InputError(f"There is no eval row with the id {short(row)}.")
    turns = answers_of(workspace, "eval", row)
    if not turns:
        raise InputError("No answer of this row is learnt: choose another row, or type a prompt.")
    show(tag("p", short(shown_text(evaluation, evaluation.position(row)), 400), cls="fw-muted", dir="auto"))
    place = digest("trial", row)
    turn, marks = ask_marks(turns, place)
    instead = ask_instead(turn, marks, place)
    return Questions(row, turn=number_asked(turns, turn, marks, instead), marks=marks, instead=instead)


def _further() -> tuple[str, ...]:
    _field("Further prompts, one a line", keys.TRIAL_FURTHER, "optional", FURTHER_HELP)
    lines = (each.strip() for each in _written(keys.TRIAL_FURTHER).splitlines())
    return tuple(dict.fromkeys(each for each in lines if each))


def _answers(faults: Faults) -> int | None:
    from backend.trials.answers import ANSWERS, MOST_ANSWERS

    limits = Limits(0, MOST_ANSWERS, whole=True)
    found = ask_whole("Eval rows answered", keys.TRIAL_ANSWERS, limits, ANSWERS, faults, help=ANSWERS_HELP)
    return None if found == ANSWERS else found


def _field(name: str, key: str, hint: str, help: str | None = None) -> None:
    st.text_area(
        name, key=key, height=70, max_chars=20_000, placeholder=hint, help=help, persist_state="session"
    )


def _written(key: str) -> str:
    return str(keys.get(key) or "").replace("\0", "").strip()


@st.cache_data(max_entries=50, show_spinner=False)
def _checked(path: str, made: str, questions: Questions) -> None:
    """`InputError` where a model could not be asked that."""
    opened(Path(path)).trials.check_asked(questions.asked(), questions.answers)
