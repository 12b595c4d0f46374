"""What is asked of a language model: which answer, which words of it, instead of what, and what counts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import streamlit as st

from backend.data.conversation import Turn
from backend.errors import InputError
from backend.files import digest
from backend.influence.answers.about_answer import DEFAULT_SIDE
from backend.workspace import Workspace
from pages.components import keys
from pages.components.asking.answer_words import answers_of, ask_instead, ask_marks, number_asked
from pages.components.asking.own_answer import own_answer
from pages.components.asking.row_picker import pick_row
from pages.components.asking.typed_text import ask_prompt, forget_address
from pages.components.choice import pick
from pages.components.workspaces import Asked, AskedAnswer

ANSWERS = {"row": "As in the row", "model": "The model's own", "typed": "Another one"}
ANSWER_HELP = "What is explained: the row's answers, what the model answers itself, or what you type."
SIDES = {"written": "written", "read": "read", "both": "read and written"}
SIDE_HELP = (
    "A training row acts through the words that the model reads in it, and through those that it learns to "
    "write. The second say best what a retraining shows, so they alone count unless you choose otherwise."
)
TEMPLATE_HELP = (
    "Role marks and whatever else the chat template adds stand in every conversation: they carry much of a "
    "score and tell little. Off: they don't count in the ranking."
)


def ask_answer(
    workspace: Workspace, sources: Mapping[str, str], on_source: Callable[[], None]
) -> Asked | None:
    """A row's answer or a typed one, the words of it that are asked about; None as long as there is none."""
    source = pick("What to explain", sources, keys.WHAT, "eval", on_source)
    asked, turns = _typed(workspace) if source == "text" else _row(workspace, source)
    return None if asked is None else replace(asked, about=_ask_words(asked, turns))


Found = tuple[Asked | None, Mapping[int, Turn]]
"""A question, None as long as there is none, and the answers that it can be about, by number of the turn."""


def _typed(workspace: Workspace) -> Found:
    """A prompt, with an answer typed or the model's own."""
    typed = ask_prompt()
    if typed is None:
        return None, {}
    prompt, answer = typed
    asked = Asked(about=AskedAnswer(prompt=prompt))
    return _with_answer(asked, answer) if answer else _own(workspace, asked)


def _row(workspace: Workspace, split: str) -> Found:
    """A row with its own answers, or with another in place of the last: the model's, or one that is typed."""
    forget_address()
    row = pick_row(workspace, split)
    if row is None:
        return None, {}
    asked = Asked(row=row, split=split, about=AskedAnswer())
    of = pick("Answer", ANSWERS, keys.ANSWER_OF, "row", help=ANSWER_HELP)
    if of == "model":
        return _own(workspace, asked)
    if of == "typed":
        key = f"typed-answer-{digest(split, row)}"
        st.text_area("Answer to explain", key=key, height=90, placeholder="What might it have said?")
        return _with_answer(asked, str(keys.get(key) or ""))
    turns = answers_of(workspace, split, row)
    if split == "eval":
        st.caption(
            "This is what the row says. What the model says itself, and who taught it that: "
            f"*{ANSWERS['model']}*."
        )
    if not turns:
        raise InputError("no answer of this row is learnt any more; choose another row, or type an answer")
    return asked, turns


def _own(workspace: Workspace, asked: Asked) -> Found:
    """The question about what the model writes; none before it has."""
    made = own_answer(workspace, asked)
    return (None, {}) if made is None else _with_answer(asked, made[0], generated=True, cut=made[1])


def _with_answer(asked: Asked, answer: str | None, generated: bool = False, cut: bool = False) -> Found:
    """The question about this answer; none as long as it is blank."""
    if answer is None or not answer.strip() or asked.about is None:
        return None, {}
    about = replace(asked.about, answer=answer, generated=generated, cut=cut)
    return replace(asked, about=about), {0: Turn(0, "assistant", answer, learnt=True)}


def _ask_words(asked: Asked, turns: Mapping[int, Turn]) -> AskedAnswer:
    """Which turn, marks in it, what might stand there, and whose words count."""
    about = asked.about or AskedAnswer()
    place = digest(asked.row, asked.split, about.prompt, about.answer)
    with st.container(border=True, gap="small"):
        turn, marks = ask_marks(turns, place)
        instead_box, side_box, template_box = st.columns([0.5, 0.3, 0.2], vertical_alignment="bottom")
        with instead_box:
            instead = ask_instead(turn, marks, place)
        with side_box:
            side = pick("Words that count", SIDES, keys.SIDE, DEFAULT_SIDE, help=SIDE_HELP, named=True)
        with template_box:
            st.toggle("Template counts", key=keys.TEMPLATE, bind="query-params", help=TEMPLATE_HELP)
    number = None if about.answer is not None else number_asked(turns, turn, marks, instead)
    template = bool(keys.get(keys.TEMPLATE))
    return replace(about, turn=number, marks=marks, instead=instead, side=side, template=template)
