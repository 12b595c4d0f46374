"""Which pair: a row or a typed text, a training row, the class that is explained; all in the address."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import streamlit as st

from backend.influence.answers.registry import all_methods
from backend.workspace import Workspace
from pages.components import keys
from pages.components.asking.preparation import is_prepared, offer_preparation
from pages.components.asking.question import ask_method, ask_score, is_ready, score_label
from pages.components.asking.typed_text import LONGEST_IN_ADDRESS
from pages.components.conversation.shown_text import has_conversations
from pages.components.edit_target import is_one_class
from pages.components.empty_state import lead_to, show_empty
from pages.components.markup import distinct
from pages.components.workspaces import Asked, AskedAnswer

OF = {"eval": "Eval row", "train": "Training row", "text": "Typed text"}
PREDICTED = "predicted"
LONGEST_LABEL = 60


@dataclass(frozen=True)
class AskedPair:
    """The question and the training row that is held against it."""

    asked: Asked
    train: str


def ask_pair(workspace: Workspace) -> AskedPair | None:
    """Draw the fields; None, said in a line, as long as something is missing."""
    if not is_ready(workspace, "pair"):
        return None
    of_box, test_box, train_box, label_box, method_box, score_box = st.columns(
        [0.15, 0.2, 0.19, 0.16, 0.14, 0.16], vertical_alignment="bottom"
    )
    with of_box:
        st.selectbox("Explained", list(OF), format_func=OF.__getitem__, key=keys.PAIR_OF, bind="query-params")
    of = keys.get(keys.PAIR_OF) or "eval"
    writes = has_conversations(workspace)
    first, second = ("Prompt", "Answer") if writes else ("Text", "Second text")
    with test_box:
        _text_field(first if of == "text" else "Its id", keys.PAIR_TEXT if of == "text" else keys.PAIR_TEST)
        if of == "text" and (writes or workspace.manifest.data.text_b is not None):
            _text_field(second, keys.PAIR_TEXT_B)
    with train_box:
        _text_field("Training example", keys.PAIR_TRAIN)
    with label_box:
        label = None if writes else _ask_label(workspace)
    with method_box:
        method = ask_method(workspace, _methods())
    with score_box:
        score = ask_score(method, workspace.manifest.task.name)
    if not is_prepared(workspace, method):
        offer_preparation(workspace, method)
        return None
    test, train = (str(keys.get(key) or "").strip() for key in (keys.PAIR_TEST, keys.PAIR_TRAIN))
    text, text_b = keys.get(keys.PAIR_TEXT) or "", keys.get(keys.PAIR_TEXT_B) or ""
    if not train or not (text.strip() if of == "text" else test):
        show_empty(
            "pair",
            "Give a row or text and the id of a training example; the cards of Inspect lead here, too.",
            lead_to("inspect", "Choose a pair on Inspect"),
        )
        return None
    if writes:
        about = AskedAnswer(text, text_b) if of == "text" else AskedAnswer()
        row, split = (None, None) if of == "text" else (test, of)
        return AskedPair(Asked(row=row, split=split, method=method, score=score, about=about), train)
    if of == "text":
        return AskedPair(
            Asked(text=text, text_b=text_b or None, label=label, method=method, score=score), train
        )
    return AskedPair(Asked(row=test, split=of, label=label, method=method, score=score), train)


def pair_address(workspace: Workspace, asked: Asked, train: str) -> dict[str, str] | None:
    """The address's parameters of a pair; None for a text that is too long for an address."""
    text, text_b = asked.text, asked.text_b
    if asked.about is not None:
        text, text_b = asked.about.prompt, asked.about.answer
        if replace(asked.about, prompt=None, answer=None) != AskedAnswer():
            return None  # marks and the like are too much for an address
    if len(text or "") + len(text_b or "") > LONGEST_IN_ADDRESS:
        return None
    given: dict[str, Any] = {
        keys.PAIR_OF: OF[asked.split or "text"],
        keys.PAIR_TEST: asked.row,
        keys.PAIR_TEXT: text,
        keys.PAIR_TEXT_B: text_b,
        keys.PAIR_TRAIN: train,
        keys.PAIR_LABEL: asked.label and _class_names(workspace).get(asked.label),
        keys.METHOD: asked.method,
        keys.SCORE: score_label(asked.score),
    }
    return {name: value for name, value in given.items() if value}


def can_be_paired(method: str) -> bool:
    """Whether the method can show any pair word by word."""
    return method in _methods()


def _methods() -> list[str]:
    return [name for name, each in all_methods().items() if each.words and each.scores_all]


def _ask_label(workspace: Workspace) -> str | None:
    names = _class_names(workspace)
    choices = list(names)
    if keys.get(keys.PAIR_LABEL, PREDICTED) not in choices:
        keys.put(keys.PAIR_LABEL, PREDICTED)
    st.selectbox(
        "Class" if is_one_class(workspace) else "Question",
        choices,
        format_func=names.__getitem__,
        key=keys.PAIR_LABEL,
        bind="query-params",
        help="Influence on the loss of this class (or of what is asked otherwise): “why this?”",
    )
    chosen = keys.get(keys.PAIR_LABEL) or PREDICTED
    return None if chosen == PREDICTED else chosen


def _class_names(workspace: Workspace) -> dict[str, str]:
    """What the choices are called, in the list and in the address."""
    space = workspace.space
    choices = workspace.task.choices(space, np.zeros(len(space.names), np.float32))
    return distinct([PREDICTED, *(each.name for each in choices)], LONGEST_LABEL)


def _text_field(name: str, key: str) -> None:
    st.text_input(name, key=key, bind="query-params", max_chars=LONGEST_IN_ADDRESS)
