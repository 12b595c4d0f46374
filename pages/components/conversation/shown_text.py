"""Rows as a person reads them: those of language models are conversations, of which the last words count."""

from __future__ import annotations

from backend.data.conversation import Conversation, Turn, reading_of
from backend.data.conversation_text import BETWEEN
from backend.data.conversations import calls_in_words
from backend.data.dataset import Split
from backend.workspace import Workspace
from pages.components.badges import ACTION_WORDS, WORDS_OF_TEXTS
from pages.components.markup import short

_QUESTION = 500  # characters kept of a question, so that the answer is in sight


def has_conversations(of: Split | Workspace) -> bool:
    """Whether rows are conversations, texts that a language model learns to write."""
    task = of.manifest.task if isinstance(of, Workspace) else of.task
    return task is not None and reading_of(task) is not None


def action_words(of: Split | Workspace) -> dict[str, str]:
    """What decisions about rows are called."""
    return WORDS_OF_TEXTS if has_conversations(of) else ACTION_WORDS


def conversation_of(split: Split, place: int, target: str | None = None) -> Conversation:
    """The row at a 0-based place, with the target that is in force now, where that is another."""
    (context,) = split.texts_of(place)
    return Conversation.of(context, split.labels[place] if target is None else target)


def shown_text(split: Split, place: int, target: str | None = None) -> str:
    """A row on one line: of a conversation the last question and the answer, of others their texts."""
    if not has_conversations(split):
        return " ‖ ".join(split.texts_of(place))
    return in_brief(conversation_of(split, place, target))


def in_brief(conversation: Conversation) -> str:
    """What was asked last, and what is learnt to be answered."""
    learnt = [each for each in conversation.shown if each.learnt]
    answer = learnt[-1] if learnt else None
    before = [each for each in conversation.shown if not each.learnt and each.role != "system"]
    asked = [each for each in before if answer is None or each.number < answer.number]
    texts = [short(_one_line(asked[-1]), _QUESTION)] if asked else []
    return BETWEEN.join([*texts, *([_one_line(answer)] if answer is not None else [])])


def _one_line(turn: Turn) -> str:
    said = turn.text if turn.text.strip() else calls_in_words(turn.more)
    return " ".join(said[:4_000].split())
