"""What to explain: a row of either split or a typed text; and for which class."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import streamlit as st

from backend.influence.answers.explanation import Explanation
from backend.influence.answers.registry import (
    DEFAULT_METHOD,
    all_methods,
    methods_of,
    score_named,
    scores_serving,
)
from backend.influence.index.modes import MODES
from backend.manifest import TaskName
from backend.workspace import Workspace
from pages.components import keys
from pages.components.asking.answer_question import ask_answer
from pages.components.asking.row_picker import pick_row
from pages.components.asking.typed_text import ask_text, forget_address
from pages.components.choice import pick
from pages.components.conversation.shown_text import has_conversations
from pages.components.edit_target import is_one_class
from pages.components.empty_state import need_index, need_model
from pages.components.markup import distinct, plain_label
from pages.components.workspaces import Asked

SOURCES = {"eval": "Eval row", "train": "Training row", "text": "Typed text"}
COUNTS = (5, 10, 20, 50, 100)
SCORE_NAMES = {
    "dot": "dot product",
    "train-normalised": "per size of example",
    "cosine": "cosine",
    "fisher": "Fisher",
    "kfac": "K-FAC",
    "ekfac": "EK-FAC",
    "adam": "Adam",
    "whitened": "whitened cosine",
    "residual": "agreement of residuals",
    "label": "agreement of classes",
    "plain": "similarity alone",
}
AGREEMENTS = {
    "residual": "similarity times how the two examples pull the model's outputs",
    "label": "similarity, negative where the example has another class than the explained one",
    "plain": "similarity whatever the labels",
}
LONGEST_NAME = 28  # of a class within the question
MANY_CLASSES = 3  # more don't fit beside the other fields


def is_ready(workspace: Workspace, page: str) -> bool:
    """Whether questions can be answered; where not, the page ``page`` says what is missing."""
    model, index = (workspace.folder.state(each) for each in ("checkpoints", "index"))
    if model != "current":
        need_model(page, model)
    elif index != "current":
        need_index(page, index, workspace)
    return model == index == "current"


def ask(workspace: Workspace) -> Asked | None:
    """The question the user has put together; None as long as there is none."""
    if has_conversations(workspace):
        return ask_answer(workspace, {**SOURCES, "text": "Typed prompt"}, _other_source)
    source = pick("What to explain", SOURCES, keys.WHAT, "eval", _other_source)
    if source == "text":
        return ask_text(with_second=workspace.manifest.data.text_b is not None)
    forget_address()
    row = pick_row(workspace, source)
    return None if row is None else Asked(row=row, split=source)


def ask_label(workspace: Workspace, predicted: Explanation, asked: Asked) -> str:
    """The class (or other choice) whose loss is traced: what is asked first until the user asks for
    another."""
    outputs = np.array(list(predicted.query.outputs.values()), dtype=np.float32)
    choices = {each.name: each for each in workspace.task.choices(workspace.space, outputs)}
    own, classes = predicted.query.label, list(choices)
    if len(classes) > MANY_CLASSES:  # one looks for the likely ones first
        classes.sort(key=lambda label: -choices[label].value)
    titles = distinct(classes, LONGEST_NAME)
    one_class = is_one_class(workspace)
    if keys.get(keys.ASKED) != asked or keys.get(keys.LABEL) not in classes:
        keys.put(keys.LABEL, _first_label(asked, own, classes))
        keys.put(keys.ASKED, asked)

    def question(label: str) -> str:
        if not one_class:
            return f"{choices[label].title[:1].upper()}{choices[label].title[1:]}?"
        return f"Why {titles[label]}?" if label == own else f"Why not {titles[label]}?"

    if len(classes) > MANY_CLASSES:
        st.selectbox("Question", classes, format_func=question, key=keys.LABEL)
    else:
        st.segmented_control(
            "Question",
            classes,
            format_func=lambda label: plain_label(question(label), 40),
            required=True,
            key=keys.LABEL,
        )
    label = keys.get(keys.LABEL) or own
    if label == own:
        st.query_params.pop(keys.LABEL, None)
    else:
        st.query_params[keys.LABEL] = label
    return label


def _first_label(asked: Asked, predicted: str, classes: list[str]) -> str:
    """The predicted class for a new question; for the first one, the class in the address."""
    wanted = st.query_params.get(keys.LABEL)
    if keys.get(keys.ASKED) is not None or wanted is None or wanted == predicted:
        return predicted
    if wanted not in classes:
        st.warning(f"label {plain_label(wanted)}: unknown class; the predicted one is explained instead.")
        return predicted
    return wanted


def ask_count() -> int:
    """How many examples of each kind to show."""
    st.selectbox("Examples each", COUNTS, index=1, key=keys.K, bind="query-params")
    return keys.get(keys.K) or COUNTS[1]


def ask_method(workspace: Workspace, names: Sequence[str] | None = None) -> str:
    """How influence is attributed: all methods that serve the task, or those of ``names`` among them."""
    served = methods_of(workspace.manifest.task.name)
    methods = {name: each for name, each in served.items() if names is None or name in names}
    if keys.get(keys.METHOD) not in methods:
        keys.put(keys.METHOD, DEFAULT_METHOD)
    st.selectbox(
        "Method",
        list(methods),
        key=keys.METHOD,
        bind="query-params",
        help="  \n".join(f"**{name}**: {method.title}" for name, method in methods.items()),
    )
    return keys.get(keys.METHOD) or DEFAULT_METHOD


def ask_score(method: str, task: TaskName) -> str:
    """How scores are preconditioned or normalised."""
    chosen = all_methods()[method]
    scores, default = scores_serving(chosen, task), score_named(chosen, None, task)
    readings = {**{mode.name: mode.reading for mode in MODES.values()}, **AGREEMENTS}
    if keys.get(keys.SCORE, default) not in scores:
        keys.put(keys.SCORE, default)
    st.selectbox(
        "Score",
        scores,
        # With a value in the session, Streamlit warns of any default but the first.
        index=0 if keys.SCORE in st.session_state else scores.index(default),
        format_func=score_label,
        key=keys.SCORE,
        bind="query-params",
        help="  \n".join(f"**{SCORE_NAMES.get(name, name)}**: {readings[name]}" for name in scores),
    )
    return keys.get(keys.SCORE) or default


def score_label(name: str) -> str:
    """What a score is called, also in the address."""
    return SCORE_NAMES.get(name, name)


def _other_source() -> None:
    keys.put(keys.ROW, "")
