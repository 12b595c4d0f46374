"""The answer: legend, then helpful and harmful training examples side by side."""

from __future__ import annotations

import streamlit as st

from backend.influence.answers.explanation import Entry, Explanation, Query
from backend.influence.answers.registry import DEFAULT_METHOD, all_methods
from backend.workspace import Workspace
from pages.components import keys
from pages.components.conversation.side_legend import side_legend
from pages.components.explanations import explanations_are_shown
from pages.components.highlight import Painter
from pages.components.inspect.aggregate import show_strongest_words
from pages.components.inspect.entry_card import Cards
from pages.components.legend import legend
from pages.components.markup import Html, brief, show, tag
from pages.components.numbers import Unit
from pages.components.paging import page_number, pages_of, turn_pages
from pages.components.pair.pair_dialog import show_offered_pair
from pages.components.scale import all_entries, list_scale
from pages.components.workspaces import Asked

PAGE = 10  # examples of each list that are drawn at once
NO_WORDS = "Scores of this method don't divide over words. What it can't do: "
CAVEAT = (
    "What this is not: a proof of cause. Scores are a first-order approximation of how training steps on an "
    "example changed the loss that is asked about; only words that stand in both texts can carry any. "
    "To be sure, remove the example and train again."
)


def list_unit(explanation: Explanation) -> Unit:
    """The unit of all scores of an explanation."""
    return Unit.of(entry.score for entry in all_entries(explanation))


def show_results(workspace: Workspace, explanation: Explanation, asked: Asked | None = None) -> None:
    """Legend and both columns. ``asked``: the question, where the answer does not hold all of it."""
    shown = explanations_are_shown()
    painter = Painter(list_scale(explanation), list_unit(explanation), plain=not shown)
    if not all_entries(explanation):
        return
    if not shown:
        st.caption(
            f"Explanations are hidden: the switch in the sidebar shows them.{_scores_in(painter.unit)}"
        )
    elif explanation.has_words:
        colours, switch = st.columns([0.8, 0.2], vertical_alignment="center")
        with colours:
            show(_legend(painter, explanation.query))
        with switch:
            _ask_query()
        show_strongest_words(explanation)
    else:
        limits = all_methods()[explanation.method].limits
        show(tag("div", NO_WORDS, limits, _scores_in(painter.unit), cls="fw-legend"))
    cards = Cards(
        workspace.path,
        explanation.query,
        painter,
        workspace.review.states(),
        workspace.manifest.classes,
        asked or _asked(explanation),
        explanation.has_words and shown,
        bool(keys.get(keys.CARD_QUERY, True)),
    )
    _columns(cards, explanation)
    show_offered_pair(workspace, cards.asked)
    if explanation.method == DEFAULT_METHOD:
        show(tag("p", CAVEAT, cls="fw-muted"))
    else:
        method = all_methods()[explanation.method]
        show(tag("p", f"{method.title}: {method.formula}. Source: {method.source}.", cls="fw-muted"))
    show(tag("p", _how(explanation), cls="fw-muted"))


def _legend(painter: Painter, query: Query) -> Html:
    if query.fields:
        return side_legend(painter.scale, painter.unit)
    return legend(painter.scale, painter.unit, brief(query.label))


def _scores_in(unit: Unit) -> str:
    """Where no legend of words says it."""
    return f" Scores are in {unit.name.replace('× ', '')}." if unit.name else ""


def _ask_query() -> None:
    st.toggle(
        "Query in each card",
        value=True,
        key=keys.CARD_QUERY,
        bind="query-params",
        help="Off: cards show the training example alone, so that more of them fit on the screen.",
    )


def _asked(explanation: Explanation) -> Asked:
    """The question that an explanation answers."""
    query = explanation.query
    return Asked(
        text=None if query.row else query.text,
        text_b=None if query.row else query.text_b,
        row=query.row,
        split=query.split,
        label=query.label,
        method=explanation.method,
        score=explanation.score,
    )


def _columns(cards: Cards, explanation: Explanation) -> None:
    """A page of both lists, side by side."""
    longest = max(len(explanation.proponents), len(explanation.opponents))
    pages = pages_of(longest, PAGE)
    first = (page_number(keys.LIST_PAGE, pages) - 1) * PAGE
    helped, harmed = _meanings(explanation.query)
    helpful, harmful = st.columns(2, gap="medium")
    with helpful:
        _column(cards, explanation.proponents, first, "Helpful", helped, "fw-plus")
    with harmful:
        _column(cards, explanation.opponents, first, "Harmful", harmed, "fw-minus")
    turn_pages(keys.LIST_PAGE, pages)


def _meanings(query: Query) -> tuple[str, str]:
    """What training on the examples of the two lists did."""
    if query.task != "classification":
        return f"training on these {query.helped}", f"training on these {query.harmed}"
    label = brief(query.label)
    return f"training on these made “{label}” more likely", f"training on these made “{label}” less likely"


def _column(cards: Cards, entries: list[Entry], first: int, name: str, meaning: str, sign: str) -> None:
    head = (
        tag("b", name),
        tag("span", str(len(entries)), cls="fw-muted"),
        tag("span", meaning, cls="fw-muted"),
    )
    show(tag("div", *head, cls=f"fw-colhead {sign}"))
    if not entries:
        st.caption("None: no training example has a score of this sign.")
    for entry in entries[first : first + PAGE]:
        cards.show(entry, name.lower())


def _how(explanation: Explanation) -> str:
    scanned = "all" if explanation.exact else f"{explanation.n_scored:,}"
    total = explanation.elapsed_ms.get("total", 0)
    return (
        f"{scanned} of {explanation.n_train:,} training examples re-ranked exactly; "
        f"method {explanation.method}, score {explanation.score}, {total:,.0f} ms"
    )
