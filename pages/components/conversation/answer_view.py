"""A question about an answer, and training conversations that speak to it, as `explain` tells them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from backend.data.conversation import Conversation, Turn
from backend.influence.answers.explanation import Entry, Field, Query, StripToken
from pages.components.badges import badge
from pages.components.conversation.bubbles import Bubbles, TemplateTokens
from pages.components.conversation.loss_strip import TokenLoss, loss_strip
from pages.components.conversation.turn_text import Span
from pages.components.highlight import Painter
from pages.components.markup import Html, join, short, tag
from pages.components.numbers import plural


def query_view(query: Query) -> Html:
    """The conversation with the words that are asked about framed, and how well the model knew them."""
    drawn = Bubbles(marks=_marks(query)).draw(conversation_from(query.fields))
    return tag("div", drawn, _badges(query))


def entry_view(entry: Entry, query: Query, painter: Painter, with_query: bool) -> Html:
    """A training conversation with its words coloured, folded where they carry little; the query's, too."""
    special = sum(each.special for each in entry.tokens)
    template = TemplateTokens(special, entry.special) if special else None
    training = Bubbles(painter, folds=True).draw(conversation_from(entry.fields), entry.words, template)
    if not with_query or not entry.query_words:
        return training
    asked = Bubbles(painter, _marks(query), folds=True).draw(
        conversation_from(query.fields), entry.query_words
    )
    head = tag("summary", f"in the query: {plural(len(entry.query_words), 'word')}")
    return join([training, tag("details", head, asked, cls="fw-details")])


def query_strip(query: Query) -> Html:
    """The loss of every token that the model reads."""
    texts = {each.name: each.text for each in query.fields}
    tokens = [
        TokenLoss(
            _as_read(each, texts), each.loss, None if each.field is None else int(each.field), each.marked
        )
        for each in query.tokens
    ]
    names = {int(each.name): each.role for each in query.fields}
    return loss_strip(tokens, names)


def _as_read(token: StripToken, texts: Mapping[str, str]) -> str:
    """The characters that a token stands for; its name where it stands for none, or is the template's."""
    text = texts.get(token.field or "", "")
    return text[token.start : token.end] or token.token


def conversation_from(fields: Sequence[Field]) -> Conversation:
    """The turns of an answer or an entry."""
    return Conversation(tuple(Turn(int(each.name), each.role, each.text, each.learnt) for each in fields))


def _marks(query: Query) -> dict[int, list[Span]]:
    return {} if query.turn is None else {query.turn: [(start, end) for start, end in query.marks]}


def _badges(query: Query) -> Html:
    parts = [badge(f"{query.asked}?", "info")]
    count = sum(each.marked for each in query.tokens)
    if query.loss is not None and count:
        line = f"{query.loss:.2f} nats over {plural(count, 'token')}, {query.loss / count:.2f} each"
        parts.append(badge(line, "plain", "the model's loss on what is asked about"))
    if query.instead_loss is not None:
        line = f"instead: {query.instead_loss:.2f} nats over {plural(query.instead_tokens, 'token')}"
        parts.append(badge(line, "plain", "the model's loss on what the answer is held against"))
    if query.generated:
        parts.append(badge("the model's own answer", "info"))
    if query.truncated:
        parts.append(badge("cut off", "warn", "the model reads only the beginning of this conversation"))
    if query.row is not None:
        parts.append(tag("span", f"{query.split} {short(query.row)}", cls="fw-mono"))
    return tag("div", *parts, cls="fw-badges", style="margin-top:0.8rem")
