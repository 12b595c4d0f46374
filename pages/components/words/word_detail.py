"""One word: what it does, in sentences, and the training rows that carry it."""

from __future__ import annotations

import math
from pathlib import Path

import pandas as pd
import streamlit as st

from backend.workspace import Workspace
from pages.components import keys
from pages.components.eval_errors import errors_said
from pages.components.markup import Html, brief, plain_label, short, show, tag
from pages.components.numbers import Unit, plural
from pages.components.paging import page_number, pages_of, turn_pages
from pages.components.reason_field import ask_reason
from pages.components.row_card import RowCard
from pages.components.words.row_words import show_row_words
from pages.components.words.word_side import INSTEAD
from pages.components.workspaces import opened, version

PAGE = 5
BY_CHANCE, FAR = 2.0, 4.0  # z up to which nothing is said, and from which it is said loudly


def show_word(workspace: Workspace, word: pd.Series) -> None:
    """The sentences, then a page of the rows: those where the word does most harm come first."""
    unit = Unit.of([word["harmful"], word["helpful"]])
    side = word.get("side")
    st.subheader(f"Training rows with {plain_label(word.get('text', word['token']))}", anchor=False)
    lines = word_sentences(word, unit, errors_said(workspace))
    show(tag("div", *(tag("p", line, cls="fw-muted") for line in lines)))
    rows = _rows(str(workspace.path), version(workspace), int(word["token_id"]), side)
    terms = _strongest(word)
    ordered = [*terms, *(each for each in rows if each not in terms)]
    pages = pages_of(len(ordered), PAGE)
    page = page_number(keys.WORD_ROWS_PAGE, pages)
    states = workspace.review.states()
    with st.container(width=480):
        ask_reason("words", "Reason for your decisions")
    for number, row in enumerate(ordered[(page - 1) * PAGE : page * PAGE], start=1):
        with st.container(border=True, gap="small"):
            card = RowCard(workspace, row, states.get(row))
            card.head(_term(terms.get(row), unit))
            if keys.get(keys.ROW_WORDS) == row:
                show_row_words(workspace, card, side)
            else:
                card.text(word["word"])
            with st.container(key=f"bar-words-{number}"):
                _unfold(row, number, errors_said(workspace))
            card.bar(f"word-{number}")
    turn_pages(keys.WORD_ROWS_PAGE, pages)


def _strongest(word: pd.Series) -> dict[str, float]:
    """The rows in which the word does most harm, with its terms; of a language model those in which it does
    most of what it does on balance."""
    end = "best" if "best_rows" in word and word["net"] > 0 else "top"
    return dict(zip(word[f"{end}_rows"], word[f"{end}_terms"], strict=True))


def word_sentences(word: pd.Series, unit: Unit, errors: str) -> list[str]:
    """What the table says about a word, in plain words; ``errors``: what its harm is done to."""
    harm, help_ = unit.plain(abs(word["harmful"])), unit.plain(word["helpful"])
    scale = f" (in units of {unit.name.removeprefix('× ')})" if unit.name else ""
    count = int(word["n_rows"])
    balance = "more harm than help" if word["net"] < 0 else "more help than harm"
    lines = [
        f"{plural(count, 'training row')} {'has' if count == 1 else 'have'} it. There it raised the loss of "
        f"{errors} by {harm} in all and lowered it by "
        f"{help_}{scale}: {balance}."
    ]
    if word["kind"] in ("start", "piece"):
        lines.append(
            f"It is a part of a word, {_mostly_in(word)} of “{short(word['word'], 60)}”; "
            "training rows may have it in other words."
        )
    if isinstance(word["z_label"], str) and not math.isnan(word["z"]):
        lines.append(
            f"The word “{short(word['word'], 60)}” and the label {brief(word['z_label'])} stand together "
            f"in {plural(int(word['z_count']), 'training row')}: {_chance(word['z'])} (z {word['z']:+.1f})."
        )
    return lines


def _mostly_in(word: pd.Series) -> str:
    return "in the training rows mostly" if word.get("side") == INSTEAD else "in the eval rows mostly"


def _chance(z: float) -> str:
    if z < BY_CHANCE:
        return "no more often than chance would have it"
    return f"{'far ' if z >= FAR else ''}more often than chance would have it"


def _term(term: float | None, unit: Unit) -> Html:
    if term is None:
        return tag("span")
    return tag(
        "span",
        f"{unit.signed(term)} {unit.name}".strip(),
        cls=f"fw-score {'fw-minus' if term < 0 else 'fw-plus'}",
        title="what the word carries here; below 0 it raised the loss of eval errors",
    )


def _unfold(row: str, number: int, errors: str) -> None:
    is_open = keys.get(keys.ROW_WORDS) == row
    st.button(
        "Hide the words' influence" if is_open else "Word by word",
        key=f"row-words-{number}",
        icon=":material/format_ink_highlighter:",
        type="tertiary",
        help=f"The influence of every word of this row on {errors}. The first "
        "row takes as long as tracing all of these; further rows are quick.",
        on_click=keys.put,
        args=(keys.ROW_WORDS, None if is_open else row),
    )


@st.cache_data(max_entries=50, show_spinner=False)
def _rows(path: str, artifacts: str, token_id: int, side: str | None) -> list[str]:
    return opened(Path(path)).audit.rows_with_token(token_id, side)
