"""What the columns of the new data mean, and what the model is tested on."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import streamlit as st

from backend.data.columns import LANGUAGE_MODEL, Columns
from backend.data.numbers_as_labels import NUMBERS
from backend.data.peek import Peek
from backend.errors import InputError
from backend.files import digest
from backend.manifest import TaskName
from pages.components import keys
from pages.components.choice import pick
from pages.components.data_source import ask_source
from pages.components.markup import show
from pages.components.messages import show_error
from pages.components.new.column_choice import field_key, optional, required
from pages.components.new.new_turns import ask_turns, turn_options
from pages.components.new.remarks import show_remarks
from pages.components.new.steps import step_title
from pages.components.number_field import Faults, ask_number, show_fault
from pages.components.row_table import row_table
from pages.components.typed_name import typed_class_names
from pages.components.typed_number import Limits

NUMBER = re.compile(r"-?\d+(\.\d+)?(e-?\d+)?", re.IGNORECASE)
TASKS: dict[TaskName, str] = {
    "classification": "One class",
    "multilabel": "Any number of labels",
    "regression": "A number",
    "causal-lm": "To write",
}
TASK_HELP = (
    "What each row has: one class out of several, any number of labels, or a number; or what a language "
    "model learns to write: answers, or texts."
)
WHOLE = re.compile(r"-?\d+(\.0+)?")
SHOWN_ROWS = 5
FOR_LANGUAGE_MODELS = "for language models"  # the kind of a remark
SHARES = Limits(0.01, 0.9, share=True)
SHARE_HELP = "Of each class, as 20 % or 0.2; equal texts stay together."
SHARE, SPLIT, FILE, OWN = "share", "split", "file", "own"
EVALS = {
    SHARE: "Hold out a share",
    SPLIT: "A column tells",
    FILE: "Another source",
    OWN: "The source's own splits",
}


@dataclass(frozen=True)
class NewData:
    """Sources and columns of a workspace to be."""

    train: str
    eval: str | None
    columns: Columns
    names: str = ""
    """Of the classes, as ``--names`` reads them."""
    characters: float = 0.0
    """Of a row's texts, on average over the first rows."""

    def args(self) -> list[str]:
        """As options of the command line; each value stays with its name, whatever it begins with."""
        columns = self.columns
        given = {
            "train": self.train,
            "eval": self.eval,
            "task": columns.task if columns.task != "classification" else None,
            **(turn_options(columns) if columns.form else _label_options(columns)),
            "id": columns.id,
            "group": columns.group,
            "split-column": columns.split,
            "annotator": columns.annotator,
            "names": self.names or None,
        }
        return [f"--{name}={value}" for name, value in given.items() if value is not None]


def ask_data(source: str, look: Peek) -> NewData | None:
    """First rows, columns, evaluation; None, with a line that says why, until it is complete."""
    with st.container(border=True):
        step_title("Columns")
        show(row_table(look.columns, look.rows[:SHOWN_ROWS]))
        st.space("small")
        mark = digest(source, look.columns)
        task = _ask_task(look, mark)
        chosen = ask_turns(look, mark) if task == LANGUAGE_MODEL else _ask_labelled(look, task, mark)
        show_remarks(look.survey, "Noticed in the first rows")
        names = _ask_names(look, chosen.label) if chosen and task == "classification" else ""
    with st.container(border=True):
        step_title("Evaluation rows")
        try:
            evaluation, split = _ask_eval(look, mark)
            if chosen is None:
                st.caption("Choose the columns that a row is read from.")
                return None
            columns = replace(chosen, split=split)
            columns.check()
        except InputError as error:
            show_error(error)
            return None
    complete = evaluation is not None or split is not None or keys.get(keys.NEW_EVAL) == OWN
    if not complete or names is None:
        return None
    return NewData(source, evaluation, columns, names, _mean_length(look, columns))


def _ask_labelled(look: Peek, task: TaskName, mark: str) -> Columns | None:
    """The columns of texts with labels, without that of the splits; None until text and label are named."""
    text, label, text_b = st.columns(3)
    row_id, group, annotator = st.columns(3)
    with text:
        chosen_text = required("Text", look, look.guess.text, mark)
    labels: tuple[str, ...] = ()
    with label:
        if task == "multilabel":
            labels = _ask_labels(look, mark)
            chosen_label = labels[0] if labels else None
        else:
            chosen_label = required("Label", look, look.guess.label, mark)
    with text_b:
        help = "For pairs, such as premise and hypothesis."
        second = optional("Second text", look, look.guess.text_b, mark, help)
    with row_id:
        ids = optional("Id", look, look.guess.id, mark, "Unique. Without one, ids come from the content.")
    with group:
        groups = optional("Group", look, look.guess.group, mark, "Where a row comes from, for audits.")
    with annotator:
        who = optional("Annotator", look, None, mark, "Who gave a row its label, where several did.")
    if chosen_text is None or chosen_label is None:
        return None
    several = labels if len(labels) > 1 else ()
    return Columns(chosen_text, chosen_label, second, ids, groups, annotator=who, labels=several, task=task)


def _label_options(columns: Columns) -> dict[str, str | None]:
    """Text and label as options of the command line."""
    is_set = columns.task == "multilabel"
    return {
        "text": columns.text,
        "text-b": columns.text_b,
        "label": None if is_set else columns.label,
        "labels": _as_option(columns.targets) if is_set else None,
    }


def _ask_task(look: Peek, mark: str) -> TaskName:
    """What is learnt of a row."""
    return pick(
        "What is learnt", TASKS, f"{keys.NEW_TASK}-{mark}", _likely_task(look), help=TASK_HELP, named=True
    )


def _likely_task(look: Peek) -> TaskName:
    """By the cells of the label column: lists of several, or numbers that are hardly classes.

    Without one, and where rows are made for them, language models.
    """
    if look.survey.has(FOR_LANGUAGE_MODELS) and look.guess.label is None:
        return LANGUAGE_MODEL
    at = look.columns.index(look.guess.label) if look.guess.label in look.columns else None
    cells = [] if at is None else [row[at].strip() for row in look.rows]
    if any(each.startswith("[") and "," in each for each in cells):
        return "multilabel"
    is_number = [bool(NUMBER.fullmatch(each)) for each in cells]
    if look.survey.has(NUMBERS) or (
        cells and all(is_number) and not all(WHOLE.fullmatch(each) for each in cells)
    ):
        return "regression"
    return "classification"


def _ask_labels(look: Peek, mark: str) -> tuple[str, ...]:
    """The column of lists, or all columns of 0 and 1."""
    guess = [look.guess.label] if look.guess.label in look.choices else []
    chosen = st.multiselect(
        "Labels",
        look.choices,
        default=guess,
        key=field_key("Labels", mark),
        bind="query-params",
        help="The column with lists, or with names joined by “;”; or all the columns of 0 and 1.",
    )
    return tuple(chosen)


def _as_option(names: Sequence[str]) -> str:
    """Names as `--labels` takes them."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(names)
    return line.getvalue()


def _mean_length(look: Peek, columns: Columns) -> float:
    places = [
        look.columns.index(name)
        for name in (columns.contents if columns.form else columns.texts)
        if name in look.columns
    ]
    return sum(len(row[at]) for row in look.rows for at in places) / max(len(look.rows), 1)


def _ask_names(look: Peek, label: str | None) -> str | None:
    """Names for classes that are numbers in the data; None, said beneath, where they can't be read."""
    at = look.columns.index(label) if label in look.columns else None
    cells = [] if at is None else [row[at].strip() for row in look.rows]
    if not cells or not all(WHOLE.fullmatch(each) for each in cells):
        return ""
    st.text_area(
        "Names of the classes",
        key=keys.NEW_NAMES,
        bind="query-params",
        height=68,
        max_chars=20_000,
        placeholder="optional: 0=hate, 1=offensive, 2=neither; or a name a line, from 0 on",
        help="The labels are numbers. Names are what pages and exports call them; the numbers are kept.",
    )
    try:
        return typed_class_names(keys.get(keys.NEW_NAMES))
    except InputError as error:
        show_fault(error)
        return None


def _ask_eval(look: Peek, mark: str) -> tuple[str | None, str | None]:
    """The eval source or share, and the split column."""
    kinds = [kind for kind in EVALS if kind != OWN or look.has_splits]
    likely = OWN if look.has_splits else SPLIT if look.guess.split else SHARE
    if keys.get(keys.NEW_EVAL) not in (None, *kinds):
        keys.put(keys.NEW_EVAL, likely)
    st.segmented_control(
        "Evaluation rows",
        kinds,
        format_func=EVALS.__getitem__,
        default=likely,
        required=True,
        key=keys.NEW_EVAL,
        label_visibility="collapsed",
        bind="query-params",
    )
    kind = keys.get(keys.NEW_EVAL) or likely
    if kind == SHARE:
        faults = Faults()
        with st.container(width=300):
            share = ask_number("Share", f"share-{mark}", SHARES, 0.2, faults, help=SHARE_HELP)
        return (f"{share:.12g}" if not faults else None), None
    if kind == SPLIT:
        help = "Says train, validation or test. Without validation rows the test rows are taken."
        return None, optional("Split column", look, look.guess.split, mark, help)
    return (ask_source("eval-source"), None) if kind == FILE else (None, None)
