"""What the queue says about one of its rows: the line above its text, the reasons, the suggestion."""

from __future__ import annotations

from collections.abc import Mapping

from backend.data.conversation import Conversation
from backend.data.rowstate import RowState
from backend.queue.queue_item import QueueItem
from backend.scores.registry import all_scores, producer_of
from backend.workspace import Workspace
from pages.components.badges import badge, decision_badge
from pages.components.conversation.bubbles import Bubbles
from pages.components.conversation.row_view import target_badge
from pages.components.conversation.shown_text import has_conversations
from pages.components.copies import copy_in_other_split
from pages.components.explanations import explanations_are_shown
from pages.components.markup import Html, brief, join, short, tag
from pages.components.numbers import percent, typeset
from pages.components.review.contradicted import contradicted_row

SHOWN_REASONS = 5


def card_head(workspace: Workspace, item: QueueItem, state: RowState | None, *first: Html) -> Html:
    """A line: ``first``, suspicion, id, label, group and decision."""
    return tag(
        "div",
        *first,
        *_suspicion(item),
        tag("span", short(item.id), cls="fw-mono"),
        tag("span", cls="fw-spring"),
        target_badge(workspace, item.label, "labelled"),
        group_badge(item),
        decision_badge(state, has_conversations(workspace)),
        cls="fw-head",
    )


def _suspicion(item: QueueItem) -> tuple[Html, ...]:
    if not explanations_are_shown():
        return ()
    title = "how suspicious the row is, of 100 %; it orders the queue and is no probability"
    return (tag("span", percent(item.suspicion), cls="fw-score", title=title),)


def group_badge(item: QueueItem) -> Html:
    """The row's group, if it has one."""
    return badge(short(item.group), "plain", "group") if item.group else tag("span")


def card_texts(workspace: Workspace, item: QueueItem, most: int, look: str = "fw-text") -> Html:
    """The text, or both of a pair, each of at most so many characters; or the conversation."""
    if has_conversations(workspace):
        return Bubbles().draw(Conversation.of(item.text, item.label))
    texts = (each for each in (item.text, item.text_b) if each is not None)
    return join(tag("div", short(each, most), cls=look, dir="auto") for each in texts)


def card_company(workspace: Workspace, item: QueueItem, states: Mapping[str, RowState]) -> Html:
    """Where its text stands in the eval split, too, and the row that it contradicts."""
    copy = copy_in_other_split(workspace, "train", item.id, item.label)
    parts = [each for each in (copy, contradicted_row(workspace, item, states)) if each != tag("span")]
    return tag("div", *parts, cls=None if parts else "fw-none")


def card_reasons(item: QueueItem) -> Html:
    """The strongest reason of every kind of score, and the suggestion; nothing while these are hidden."""
    if not explanations_are_shown():
        return tag("div")
    kinds: dict[str, Html] = {}
    for reason in item.reasons:
        title = all_scores()[reason.score].title
        line = tag("li", badge(title, "plain", reason.score), " ", short(typeset(reason.sentence), 300))
        kinds.setdefault(producer_of(reason.score).name, line)
    lines = list(kinds.values())[:SHOWN_REASONS]
    return tag("div", tag("ul", *lines, cls="fw-reasons"), _suggestion(item))


def _suggestion(item: QueueItem) -> Html:
    if item.action == "relabel" and item.suggested_label is not None:
        sure = f" ({_confident(item.confidence)} sure)" if item.confidence is not None else ""
        label = brief(item.suggested_label)
        return tag("div", "Suggestion: relabel as ", tag("b", label), sure, cls="fw-muted")
    words = "remove this copy" if item.action == "remove" else "look at it"
    return tag("div", f"Suggestion: {words}", cls="fw-muted")


def _confident(share: float) -> str:
    return percent(share) if share < 0.995 else "over 99 %"  # no fit is certain
