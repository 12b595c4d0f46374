"""Rows of language models as text."""

import pytest

from backend.data.conversation import Conversation, Reading, Turn
from backend.data.conversation_text import plain_texts, readable
from backend.data.examples import Examples

CHAT = Conversation(
    (
        Turn(0, "system", "Be brief."),
        Turn(1, "user", "Who\nare you?"),
        Turn(2, "assistant", "Firstword \U0001f44d", True),
        Turn(3, "user", "Bye"),
        Turn(4, "assistant", "שלום", True),
    ),
    chat=True,
    removed=frozenset({3}),
)


def test_a_side_has_its_turns_and_no_turn_that_was_taken_out():
    assert readable(CHAT, "read") == "system: Be brief.\nuser: Who\nare you?"
    assert readable(CHAT, "learnt") == "assistant: Firstword \U0001f44d\nassistant: שלום"
    assert readable(CHAT).count("\n") == 4 and "Bye" not in readable(CHAT)


def test_rows_as_kept_are_read():
    text = Conversation((Turn(0, "text", "[once]", True),))
    rows = [CHAT, text]
    kept = Examples(([each.context() for each in rows],), [each.target().text() for each in rows], Reading())
    assert plain_texts(kept, "learnt") == ["Firstword \U0001f44d\nשלום", "[once]"]
    assert plain_texts(kept, "read") == ["Be brief.\nWho\nare you?", ""]
    assert plain_texts(kept)[1] == "[once]"


def test_other_rows_are_their_fields():
    pairs = Examples.of(["a"], ["b"])
    assert plain_texts(pairs) == ["a\nb"]
    with pytest.raises(ValueError, match="of conversations"):
        plain_texts(pairs, "learnt")
