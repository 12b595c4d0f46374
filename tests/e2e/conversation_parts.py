"""A page with all parts of conversations, for a browser: run by Streamlit, not by pytest."""

import json
from dataclasses import dataclass

import streamlit as st

from backend.data.conversation import Conversation, Turn
from pages.components.conversation.bubbles import Bubbles, TemplateTokens
from pages.components.conversation.diff_view import diff_view
from pages.components.conversation.loss_strip import loss_strip, token_losses
from pages.components.conversation.marking import mark_words
from pages.components.conversation.side_legend import side_legend
from pages.components.highlight import Painter
from pages.components.markup import plain_label, show
from pages.components.numbers import Unit
from pages.components.scale import ColourScale
from pages.components.styling import apply_style
from tests.pages.factories import XSS

LONG = "\n".join(f"Line {number} of a long answer, which tells of the mill at Ostra." for number in range(60))
ANSWER = "The mill at Ostra was built in 1412 by Ida Voss 👩‍👩‍👧, they say."
TURNS = (
    Turn(0, "system", "You are a guide. " * 20),
    Turn(1, "user", "Who built the mill at Ostra?\nAnd when?"),
    Turn(
        2,
        "assistant",
        "",
        more={"tool_calls": [{"function": {"name": "look_up", "arguments": {"q": XSS[1]}}}]},
    ),
    Turn(3, "tool", '{"built": 1412}'),
    Turn(4, "assistant", ANSWER, learnt=True, masked=((48, 56),)),
    Turn(5, "user", "שלום, מי בנה את הטחנה?"),
    Turn(6, "assistant", LONG, learnt=True),
    Turn(7, "user", XSS[0] + XSS[1] + XSS[2]),
    Turn(8, "assistant", "This was wrong.", learnt=True),
)


@dataclass(frozen=True)
class Word:
    field: str
    start: int
    end: int
    score: float
    side: str


WORDS = [
    Word("1", 14, 18, 0.4, "read"),
    Word("1", 22, 27, -0.2, "read"),
    Word("4", 4, 8, 0.3, "read"),
    Word("4", 4, 8, 0.5, "written"),
    Word("4", 32, 36, -0.9, "written"),
    Word("6", LONG.index("Ostra", 2_000), LONG.index("Ostra", 2_000) + 5, 0.7, "written"),
    Word("0", 10, 15, 0.1, "read"),
]

apply_style()
st.title("Parts")
painter = Painter(ColourScale.of(each.score for each in WORDS), Unit.of(each.score for each in WORDS))
row = Conversation(TURNS, True, [{"type": "function", "function": {"name": "look_up"}}], frozenset({8}))
show(side_legend(painter.scale, painter.unit))
show(Bubbles(painter, {4: [(32, 36)]}).draw(row, WORDS, TemplateTokens(34, 0.123)))
spans = mark_words(ANSWER, "answer", "words of the answer", "asked about")
st.caption(plain_label(f"marked: {json.dumps([ANSWER[a:b] for a, b in spans], ensure_ascii=False)}", 300))
show(diff_view(ANSWER, ANSWER.replace("1412", "1621").replace("by Ida Voss 👩‍👩‍👧, ", "") + " Or so."))
texts = [
    "<|im_start|>",
    "user",
    "\n",
    "Who",
    " built",
    " it",
    "?",
    "<|im_end|>",
    "Ida",
    " Vo",
    "ss",
    ".",
    "<|im_end|>",
]
turns = [-1, -1, -1, 1, 1, 1, 1, -1, 4, 4, 4, 4, -1]
losses = [*[None] * 8, 2.5, 7.1, 0.2, 0.01, 0.05]
show(
    loss_strip(
        token_losses(texts, losses, turns, [False] * 8 + [True] * 2 + [False] * 3),
        ["system", "user", "", "", "assistant"],
    )
)
