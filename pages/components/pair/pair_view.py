"""One pair: what the numbers say, the drawing, decisions, and the company that both keep."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from backend.data.rowstate import RowState
from backend.influence.answers.explanation import Pair
from backend.workspace import Workspace
from pages.components.badges import badge, copy_badge, decision_badge, label_badge, verdict_badge
from pages.components.conversation.shown_text import has_conversations
from pages.components.copies import times_in_train, times_words
from pages.components.copy_link import copy_link
from pages.components.decision_bar import decision_bar
from pages.components.facts import facts
from pages.components.histogram import histogram
from pages.components.markup import Html, brief, short, show, tag
from pages.components.numbers import Unit
from pages.components.pair.pair_company import show_company
from pages.components.pair.pair_drawing import ALWAYS_DRAWN, Drawing, pair_drawing
from pages.components.pair.pair_question import AskedPair, pair_address
from pages.components.pair.pair_words import pair_sentence, pair_sum
from pages.components.pair.ribbons import show_ribbons
from pages.components.plots import tools
from pages.components.reason_field import ask_reason
from pages.components.workspaces import explain_pair

CAVEAT = (
    "What this is not: a proof of cause. The score is a first-order approximation of how training steps on "
    "the example changed the loss for this class. To be sure, remove the example and train again."
)


def show_pair(workspace: Workspace, asked: AskedPair) -> None:
    """The whole view; `InputError` for rows that are not there."""
    pair = explain_pair(workspace, asked.asked, asked.train)
    state = workspace.review.states().get(pair.entry.id)
    show_comparison(pair, state, _known(workspace, pair))
    bar_box, link_box = st.columns([0.9, 0.1], vertical_alignment="top")
    with bar_box:
        decision_bar(
            workspace.path,
            pair.entry.id,
            pair.entry.label,
            state,
            workspace.manifest.classes,
            "pair",
            elsewhere=True,
            has_keys=True,
        )
        with st.container(width=480):
            ask_reason("pair")
    with link_box:
        copy_link(pair_address(workspace, asked.asked, asked.train))
    _show_scores(pair)
    show_company(workspace, pair, asked)
    show(tag("p", CAVEAT, cls="fw-muted"))


def show_comparison(pair: Pair, state: RowState | None = None, known: Sequence[Html] = ()) -> None:
    """The verdict in words and numbers, and the drawing; ``known``: badges that say more of the example."""
    unit = Unit.of((pair.entry.score, pair.entry.special, *(each.score for each in pair.entry.words)))
    drawing = pair_drawing(pair, unit)
    with st.container(border=True):
        show(_badges(pair, state, known))
        show(tag("p", pair_sentence(pair, drawing.rows), cls="fw-verdict"))
        show(facts(_numbers(pair, unit)))
        show(tag("p", pair_sum(pair, unit), cls="fw-muted"))
    with st.container(border=True):
        show_ribbons(drawing, (_name_of_query(pair), f"Training example {short(pair.entry.id)}"))
        show(tag("p", _legend(drawing, pair), cls="fw-muted"))


def _known(workspace: Workspace, pair: Pair) -> list[Html]:
    """What the model makes of the training example, and how often its text occurs."""
    split, badges = workspace.train_split, []
    place = split.position(pair.entry.id)
    if workspace.folder.state("predictions") == "current" and not has_conversations(workspace):
        (said,) = workspace.predictions_at("train", [place]).predicted
        badges.append(label_badge(said, "which the model calls"))
    if (times := times_in_train(workspace, pair.entry.id)) > 1:
        badges.append(badge(f"occurs {times:,}×", "warn", times_words(times)))
    return badges


def _show_scores(pair: Pair) -> None:
    """Where the score stands among those of all training examples."""
    unit = Unit.of(pair.scores.edges)
    with st.container(border=True):
        st.markdown(
            "**Among all training examples**"
            + (", all but the strongest as the index estimates them" if pair.estimated else "")
        )
        st.plotly_chart(
            histogram(
                [edge / 10**unit.exponent for edge in pair.scores.edges],
                pair.scores.counts,
                f"score {unit.name}".strip(),
                (pair.entry.score / 10**unit.exponent, "this example"),
                log=True,
            ),
            key="pair-scores",
            config=tools("pair-scores"),
            alt="Histogram of the scores of all training examples; "
            f"this one has {unit.signed(pair.entry.score)}",
        )


def _badges(pair: Pair, state: RowState | None, known: Sequence[Html]) -> Html:
    query = pair.query
    if query.fields:
        return _answer_badges(pair, state, known)
    parts = [label_badge(query.label, "explained"), label_badge(query.predicted, "predicted")]
    if query.given is not None:
        parts.append(label_badge(query.given, "labelled"))
        parts.append(verdict_badge(query))
    parts += [
        tag("span", "and", cls="fw-muted"),
        label_badge(pair.entry.label, "training example labelled"),
        *known,
    ]
    if copy := pair.entry.copy_words(query.given):
        parts.append(copy_badge(copy))
    if query.truncated or pair.entry.truncated:
        parts.append(badge("cut off", "plain", "the model reads only the beginning of a long text"))
    return tag("div", *parts, decision_badge(state), cls="fw-badges")


def _answer_badges(pair: Pair, state: RowState | None, known: Sequence[Html]) -> Html:
    """Of a language model, whose labels are the answers themselves."""
    parts = [badge(f"{pair.query.asked}?", "info"), *known]
    if pair.entry.same_text:
        another = pair.query.given not in (None, pair.entry.label)
        parts.append(badge("same question" + (", another answer" if another else ""), "warn"))
    if pair.query.truncated or pair.entry.truncated:
        parts.append(badge("cut off", "plain", "the model reads only the beginning of a long text"))
    return tag("div", *parts, decision_badge(state, is_text=True), cls="fw-badges")


def _numbers(pair: Pair, unit: Unit) -> list[tuple[str, str]]:
    ends = {1: "most helpful", -1: "most harmful", 0: "no influence"}
    value = min(pair.entry.percentile, 99.99) if pair.entry.percentile < 100 else 100.0
    about = "" if pair.known else "about "
    rank = f"{about}{pair.entry.rank:,} of {pair.n_train:,}" if pair.sign else "–"
    return [
        (f"score {unit.name}".strip(), unit.signed(pair.entry.score)),
        (f"rank, 1 is the {ends[pair.sign]}" if pair.sign else "rank", rank),
        (
            "percentile among all training rows",
            f"{about}{value:.0f}" if about else f"{value:.2f}".rstrip("0").rstrip("."),
        ),
    ]


def _name_of_query(pair: Pair) -> str:
    names = {"eval": "Eval row", "train": "Training row"}
    return f"{names[pair.query.split]} {short(pair.query.row or '')}" if pair.query.split else "Typed text"


def _named(pair: Pair) -> str:
    return pair.query.asked.removeprefix("why ") if pair.query.fields else f"“{brief(pair.query.label)}”"


def _legend(drawing: Drawing, pair: Pair) -> str:
    if not drawing.ribbons:
        return "No word of one text stands in the other, so no word can carry influence between the two."
    drawn = min(ALWAYS_DRAWN, len(drawing.ribbons))
    line = (
        f"A ribbon is as wide as the influence that its two words carry; solid blue pulls towards "
        f"{_named(pair)}, dashed vermillion away from it. "
        f"Drawn: the {drawn} strongest of {len(pair.pairs):,}. Point at a word or at a row of the table to "
        "see its own; a click keeps them, Escape lets go. Grey words have no counterpart in the other text."
    )
    if drawing.hidden:
        line += (
            f" {drawing.hidden:,} can't be drawn (too weak, or in a part of a long text that is left out)."
        )
    return line
