"""A conversation as bubbles: who says what, what of it is learnt, and which words carry influence."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from backend.data.conversation import Conversation, Turn
from backend.data.conversations import TOOLS, calls_in_words
from pages.components.conversation.turn_text import Span, TurnWord, turn_text, words_of_turn
from pages.components.highlight import Painter
from pages.components.markup import Html, join, short, tag
from pages.components.numbers import plural

FOLDED = ("system", "developer", *TOOLS)
OWN = ("assistant", "completion", "gpt", "model", "text", "instead")  # at the right, as what the model says
LONGEST_MORE = 2_000
MOST_TURNS = 60
QUIET = 0.03  # share of what all words carry


@dataclass(frozen=True)
class TemplateTokens:
    """What the template adds to a conversation: how many tokens, and the score that they carry."""

    count: int
    score: float = 0.0


@dataclass(frozen=True)
class Bubbles:
    """How conversations are drawn. ``painter``: colours words; None: none is coloured.

    ``folds``: turns that are only read are folded where their words carry next to nothing of the whole.
    ``marks``: by number of a turn, the characters that are asked about, or whatever ``mark_as`` says.
    """

    painter: Painter | None = None
    marks: Mapping[int, Sequence[Span]] = field(default_factory=dict)
    mark_as: str = "asked about"
    folds: bool = False

    def draw(
        self,
        conversation: Conversation,
        words: Iterable[TurnWord] = (),
        template: TemplateTokens | None = None,
    ) -> Html:
        """All turns in order, with what tools the template is told of, and what the template carries."""
        scored = list(words)
        total = sum(abs(each.score) for each in scored)
        turns = [
            self._turn(each, words_of_turn(each, scored), each.number in conversation.removed, total)
            for each in conversation.turns[:MOST_TURNS]
        ]
        more = len(conversation.turns) - MOST_TURNS
        return tag(
            "div",
            _tools(conversation.tools),
            join(turns),
            tag("p", f"and {plural(more, 'turn')} more", cls="fw-muted") if more > 0 else "",
            self._template(template),
            cls="fw-conversation",
        )

    def _turn(self, turn: Turn, words: Sequence[TurnWord], removed: bool, total: float) -> Html:
        text = turn_text(turn, words, self.painter, self.marks.get(turn.number, ()), self.mark_as)
        said = join([text, _more(turn.more)])
        kind = _kind(turn)
        if removed:
            kind += " fw-out"
        quiet = self.folds and sum(abs(each.score) for each in words) < QUIET * total
        if not turn.learnt and (quiet or turn.role.lower() in FOLDED):
            brief = tag("span", short(" ".join(turn.text[:400].split()), 90), cls="fw-muted", dir="auto")
            told = brief if quiet else tag("span", plural(len(turn.text), "character"), cls="fw-muted")
            head = tag("summary", *_who(turn, removed), told, self._carried(words))
            return tag("details", head, said, cls=kind)
        return tag("div", tag("div", *_who(turn, removed), cls="fw-who"), said, cls=kind)

    def _carried(self, words: Sequence[TurnWord]) -> Html:
        """What the words of a folded turn carry."""
        if self.painter is None or self.painter.plain or not words:
            return join(())
        total = sum(each.score for each in words)
        verb = "carries" if len(words) == 1 else "carry"
        line = f"{plural(len(words), 'word')} {verb} {self.painter.unit.signed(total)}"
        return tag("span", line, cls="fw-muted")

    def _template(self, template: TemplateTokens | None) -> Html:
        if template is None or not template.count:
            return join(())
        carry = ""
        if self.painter is not None and not self.painter.plain:
            verb = "carries" if template.count == 1 else "carry"
            carry = f" {verb} {self.painter.unit.signed(template.score)}"
        title = "role marks, and whatever else the chat template puts around the turns"
        line = f"template: {plural(template.count, 'token')}{carry}"
        return tag("p", line, cls="fw-muted fw-template", title=title)


def _kind(turn: Turn) -> str:
    role = turn.role.lower()
    side = (
        "fw-own" if role in OWN else "fw-folded-turn" if role in FOLDED and not turn.learnt else "fw-theirs"
    )
    return f"fw-turn {side}" + (" fw-learnt" if turn.learnt else "")


def _who(turn: Turn, removed: bool) -> list[Html]:
    """The role, and what is to be known of the turn."""
    parts = [tag("span", short(turn.role, 40) or "(no role)", cls="fw-role", dir="auto")]
    if turn.learnt and not removed:
        title = "the model learns to write this turn"
        parts.append(tag("span", "learnt", cls="fw-learnt-mark", title=title))
    if removed:
        parts.append(tag("span", "taken out", cls="fw-out-mark", title="the model does not read this turn"))
    return parts


def _tools(tools: Sequence[Any] | None) -> Html:
    if not tools:
        return join(())
    names = ", ".join(filter(None, map(_tool_name, tools)))
    head = tag(
        "summary", tag("span", "tools", cls="fw-role"), tag("span", f" {short(names, 120)}", cls="fw-muted")
    )
    return tag("details", head, _json(list(tools)), cls="fw-turn fw-folded-turn")


def _tool_name(tool: Any) -> str:
    inner = tool.get("function", tool) if isinstance(tool, Mapping) else tool
    name = inner.get("name", "") if isinstance(inner, Mapping) else inner
    return name if isinstance(name, str) else ""


def _more(more: Mapping[str, Any]) -> Html:
    """What else a message holds, such as calls of tools."""
    if not more:
        return join(())
    calls = calls_in_words(more)
    called = tag("p", tag("span", "calls ", cls="fw-muted"), short(calls, 400), cls="fw-text", dir="auto")
    head = tag("summary", short(", ".join(map(str, more)), 120))
    details = tag("details", head, _json(dict(more)), cls="fw-details")
    return join([called, details]) if calls else details


def _json(value: Any) -> Html:
    return tag(
        "pre", short(json.dumps(value, ensure_ascii=False, indent=1), LONGEST_MORE), cls="fw-json", dir="ltr"
    )
