"""Which tokens a question about an answer is about: what training learns of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from backend.data.conversation import Conversation, Loss, Reading, Turn
from backend.errors import InputError
from backend.influence.answers.about_answer import AboutAnswer, Looked, looked_up
from backend.influence.answers.asked_tokens import Encode, asked_tokens
from backend.model.conversation_tokens import encode_conversation
from backend.model.encoded import LEARNT, Encoded
from tests.language_models import CHATML, END, MARKED, lm_tokenizer, pair, plain

CALL = [{"type": "function", "function": {"name": "look", "arguments": {"at": "Ada"}}}]
WRITTEN = "{% if message.tool_calls %}{{ '<call>' + (message.tool_calls | tojson) + '</call>' }}{% endif %}"
CALLING = CHATML.replace("message['content'] +", "message['content'] }}" + WRITTEN + "{{")
HEADED = (
    "{% for message in messages %}{% if message['role'] == 'assistant' %}"
    "{% generation %}{{ '<|im_start|>assistant\n' + message['content'] }}"
    + WRITTEN
    + "{{ '<|im_end|>' }}{% endgeneration %}"
    "{% else %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' }}{% endif %}"
    "{{ '\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
"""An assistant's head is marked with what it writes."""
ROW = Conversation(
    (
        Turn(0, "user", "Who is Ada?"),
        Turn(1, "assistant", "", True, more={"tool_calls": CALL}),
        Turn(2, "tool", "a maker"),
        Turn(3, "assistant", "Let me see.", True, more={"tool_calls": CALL}),
        Turn(4, "tool", "of clocks"),
        Turn(5, "assistant", "A maker of clocks.", True, masked=((0, 2),)),
    ),
    chat=True,
)


def encoder(template: str, own: Loss = "answers") -> Encode:
    def encode(row: Conversation, loss: Loss | None) -> Encoded:
        return encode_conversation(lm_tokenizer(template), row, Reading(loss or own), 10_000)

    return encode


def in_loss(encoded: Encoded) -> set[int]:
    return {place for place, flag in enumerate(encoded.flags or []) if flag & LEARNT}


def said(encoded: Encoded) -> str:
    return lm_tokenizer().decode([encoded.input_ids[place] for place in sorted(in_loss(encoded))])


@pytest.mark.parametrize("template", [CHATML, MARKED, CALLING, HEADED])
def test_the_questions_of_all_turns_are_what_is_learnt_of_the_row(template: str) -> None:
    encode = encoder(template)
    whole, together = asked_tokens(encode, Looked(ROW, (1, 3, 5)))
    assert in_loss(together) == in_loss(whole)
    assert asked_tokens(encode, Looked(ROW, (1, 3, 5), of_row=True))[1].flags == whole.flags
    parts = [in_loss(asked_tokens(encode, Looked(ROW, (number,)))[1]) for number in (1, 3, 5)]
    assert set().union(*parts) == in_loss(whole)
    assert sum(map(len, parts)) == len(in_loss(whole))  # and no token is of two


@pytest.mark.parametrize(("template", "head"), [(CALLING, ""), (HEADED, "<|im_start|>assistant\n")])
def test_calls_of_tools_and_heads_are_asked_about_with_their_turn(template: str, head: str) -> None:
    encode = encoder(template)
    call = '<call>[{"type": "function", "function": {"name": "look", "arguments": {"at": "Ada"}}}]</call>'
    assert said(asked_tokens(encode, Looked(ROW, (1,)))[1]) == f"{head}{call}{END}"
    assert said(asked_tokens(encode, Looked(ROW, (3,)))[1]) == f"{head}Let me see.{call}{END}"
    last = said(asked_tokens(encode, Looked(ROW, (5,)))[1])
    assert last == f"{head}maker of clocks.{END}" or last == f"{head} maker of clocks.{END}"


def test_an_answer_is_asked_about_by_itself_also_where_the_run_learns_all() -> None:
    encode = encoder(CHATML, "all")
    row = Conversation((Turn(0, "user", "Where?"), Turn(1, "assistant", "Oslo.", True)), chat=True)
    learnt = looked_up(AboutAnswer(), row, True)
    assert learnt.of_row and in_loss(asked_tokens(encode, learnt)[1]) == in_loss(encode(row, None))
    for about in (AboutAnswer(answer="Oslo."), AboutAnswer(answer="Oslo.", cut=True), AboutAnswer(turn=1)):
        asked = said(asked_tokens(encode, looked_up(about, row, True))[1])
        assert asked.replace(END, "") == "Oslo.", about
    typed = looked_up(AboutAnswer(prompt="Where?", answer="Oslo."), None, True)
    assert said(asked_tokens(encode, typed)[1]).replace(END, "") == "Oslo."


def test_marked_words_are_asked_about_and_nothing_else() -> None:
    looked = Looked(ROW, (3,), ((0, 3), (7, 11)))
    assert said(asked_tokens(encoder(CALLING), looked)[1]).replace(" ", "") == "Letsee."
    assert said(asked_tokens(encoder(CALLING), replace(looked, turns=(5,), marks=((0, 1),)))[1]) == "A"


def test_of_an_answer_that_was_cut_off_nothing_behind_its_words() -> None:
    row = Conversation((Turn(0, "user", "Who?"), Turn(1, "assistant", "A maker", True)), chat=True)
    assert said(asked_tokens(encoder(CHATML), Looked(row, (1,)))[1]) == f"A maker{END}"
    assert said(asked_tokens(encoder(CHATML), Looked(row, (1,), cut=True))[1]) == "A maker"
    assert said(asked_tokens(encoder(HEADED), Looked(row, (1,), cut=True))[1]) == (
        "<|im_start|>assistant\nA maker"
    )


@pytest.mark.parametrize("row", [pair("Who is Ada?", " A maker."), plain("Ada is a maker.")])
def test_texts_without_a_template(row: Conversation) -> None:
    number = len(row.turns) - 1
    whole, asked = asked_tokens(encoder(CHATML), Looked(row, (number,)))
    assert asked == whole
    _, cut = asked_tokens(encoder(CHATML), Looked(row, (number,), cut=True))
    assert said(whole) == said(cut) + END


def test_one_answer_of_a_row_whose_every_token_is_learnt() -> None:
    encode = encoder(CALLING, "all")
    whole, asked = asked_tokens(encode, Looked(ROW, (1, 3, 5), of_row=True))
    assert len(in_loss(asked)) == len(whole) - 1 - 2  # but the first, and the word taken out, with its blank
    assert in_loss(asked_tokens(encode, Looked(ROW, (3,)))[1]) == in_loss(
        asked_tokens(encoder(CALLING), Looked(ROW, (3,)))[1]
    )


def test_a_turn_that_only_calls_a_tool_can_be_asked_about_but_has_no_words_to_mark() -> None:
    assert looked_up(AboutAnswer(turn=1), ROW, True).turns == (1,)
    only = Conversation(ROW.turns[:2], chat=True)
    assert looked_up(AboutAnswer(), only, True).turns == (1,)
    for about in (AboutAnswer(turn=1, marks=((0, 1),)), AboutAnswer(turn=1, instead="No.")):
        with pytest.raises(InputError, match="the answer is empty"):
            looked_up(about, ROW, True)


def test_another_answer_makes_no_call_and_the_same_still_does() -> None:
    other = looked_up(AboutAnswer(answer="I know her.", turn=3), ROW, True).conversation
    assert [each.more for each in other.turns] == [{}, {"tool_calls": CALL}, {}, {}]
    same = looked_up(AboutAnswer(answer="Let me see.", turn=3), ROW, True).conversation
    assert same.turns[3].more == {"tool_calls": CALL}
    instead = looked_up(AboutAnswer(turn=3, marks=((0, 3),), instead="Make"), ROW, True).other
    assert instead is not None and instead.turns[3].more == {"tool_calls": CALL}


def test_the_head_of_an_answer_is_its_own_though_another_stands_before_it() -> None:
    row = Conversation(
        (Turn(0, "user", "Who?"), Turn(1, "assistant", "Ada.", True), Turn(2, "assistant", "A maker.", True)),
        chat=True,
    )
    found = [asked_tokens(encoder(HEADED), Looked(row, (number,)))[1] for number in (1, 2)]
    assert [said(each) for each in found] == [
        f"<|im_start|>assistant\nAda.{END}",
        f"<|im_start|>assistant\nA maker.{END}",
    ]
    assert np.all(np.diff(sorted(in_loss(found[1]))) == 1)
