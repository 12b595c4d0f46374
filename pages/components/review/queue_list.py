"""The review queue, a page at a time: each row with its reasons, a suggestion, and the buttons to decide."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from backend.data.rowstate import RowState
from backend.scores.queue import QueueFilter, QueueItem
from backend.scores.registry import all_scores, producer_of
from backend.workspace import Workspace
from pages.components import keys
from pages.components.badges import badge, decision_badge, label_badge
from pages.components.decision_bar import decision_bar
from pages.components.markup import Html, short, show, tag
from pages.components.workspaces import opened, version

PAGE = 10
SHOWN_TEXT = 600
SHOWN_REASONS = 5


def show_queue(workspace: Workspace, wanted: QueueFilter) -> None:
    """The rows that fit, most suspicious first."""
    decided = workspace.ledger.count()  # decisions change what is left to do
    items = _queue(str(workspace.path), version(workspace), decided, wanted)
    pages = max(1, -(-len(items) // PAGE))
    page = min(int(keys.get(keys.QUEUE_PAGE) or 1), pages)
    states, classes = workspace.states(), workspace.manifest.classes
    if not items:
        st.success("Nothing is left here: no row fits these choices.", icon=":material/done_all:")
        return
    many = "row has" if len(items) == 1 else "rows have"
    st.caption(f"{len(items):,} {many} a reason to be looked at; the most suspicious come first.")
    for item in items[(page - 1) * PAGE : page * PAGE]:
        with st.container(border=True, gap="small"):
            _card(workspace.path, item, states.get(item.id), classes)
    if pages > 1:
        st.pagination(pages, key=keys.QUEUE_PAGE)


def _card(path: Path, item: QueueItem, state: RowState | None, classes: tuple[str, ...]) -> None:
    show(
        tag(
            "div",
            tag("span", f"{item.rank:,}", cls="fw-rank"),
            tag(
                "span",
                f"{item.suspicion:.0%}",
                cls="fw-score",
                title="mean rank in the scores that find wrong labels best; 100 % is the most suspicious",
            ),
            tag("span", short(item.id), cls="fw-mono"),
            tag("span", cls="fw-spring"),
            label_badge(item.label, "labelled"),
            badge(short(item.group), "plain", "group") if item.group else tag("span"),
            decision_badge(state),
            cls="fw-head",
        )
    )
    for text in (item.text, item.text_b):
        if text is not None:
            show(tag("div", short(text, SHOWN_TEXT), cls="fw-text", dir="auto"))
    show(_reasons(item))
    decision_bar(path, item.id, item.label, state, classes, f"queue-{item.rank}", elsewhere=True)


def _reasons(item: QueueItem) -> Html:
    """The strongest reason of every kind of score, and the suggestion."""
    kinds: dict[str, Html] = {}
    for reason in item.reasons:
        title = all_scores()[reason.score].title
        line = tag("li", badge(title, "plain", reason.score), " ", short(reason.sentence, 300))
        kinds.setdefault(producer_of(reason.score).name, line)
    lines = list(kinds.values())[:SHOWN_REASONS]
    return tag("div", tag("ul", *lines, cls="fw-reasons"), _suggestion(item))


def _suggestion(item: QueueItem) -> Html:
    if item.action == "relabel" and item.suggested_label is not None:
        sure = f" ({item.confidence:.0%} sure)" if item.confidence is not None else ""
        return tag(
            "div", "Suggestion: relabel as ", tag("b", short(item.suggested_label)), sure, cls="fw-muted"
        )
    words = "remove this copy" if item.action == "remove" else "look at it"
    return tag("div", f"Suggestion: {words}", cls="fw-muted")


@st.cache_data(max_entries=30, show_spinner="Ranking …")
def _queue(path: str, artifacts: str, decided: int, wanted: QueueFilter) -> list[QueueItem]:
    return opened(Path(path)).queue(wanted)
