"""Calls of tools are learnt where the run would learn them, whatever the template does around them."""

from __future__ import annotations

from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest

from backend.data.conversation import Conversation, Reading, Turn
from backend.errors import InputError
from backend.model.conversation_tokens import encode_conversation
from backend.model.encoded import LEARNT
from backend.model.run_loss import of_answers
from backend.model.tool_calls import unwritten_calls
from tests.language_models import CHATML, END, examples_of, lm_tokenizer

CALL = [{"id": "abcdef123", "type": "function", "function": {"name": "look", "arguments": {"at": "Lisbon"}}}]
WRITTEN = "{% if message.tool_calls %}{{ '<call>' + (message.tool_calls | tojson) + '</call>' }}{% endif %}"
CALLING = CHATML.replace("message['content'] +", "message['content'] }}" + WRITTEN + "{{")
THINKS = CALLING.replace("{{ '<|im_start|>assistant\n' }}", "{{ '<|im_start|>assistant\n<think>\n' }}")
"""It asks for thoughts, and writes none."""
THINKS_LAST = CALLING.replace(
    "'\n' + message['content']",
    "'\n' + ('<think></think>' if loop.last and message.role == 'assistant' else '') + message['content']",
)
"""It writes an answer otherwise where it is the last."""
NO_END = (
    "{% for message in messages %}{{ message['role'] + ': ' + message['content'] }}" + WRITTEN + "{{ '\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ 'assistant: ' }}{% endif %}"
)


def row(turns: int = 4, calls: Any = CALL) -> Conversation:
    return Conversation(
        (
            Turn(0, "user", "Who is Ada?"),
            Turn(1, "assistant", "", True, more={"tool_calls": calls}),
            Turn(2, "tool", "a maker", more={"tool_call_id": "abcdef123", "name": "look"}),
            Turn(3, "assistant", "Cleo.", True),
        )[:turns],
        chat=True,
    )


def learnt(template: str, conversation: Conversation) -> str:
    tokenizer = lm_tokenizer(template)
    found = encode_conversation(tokenizer, conversation, Reading(day="2026-11-30"), 10_000)
    return tokenizer.decode(
        [token for token, flag in zip(found.input_ids, found.flags or [], strict=True) if flag & LEARNT]
    )


WORDS = (
    '<call>[{"id": "abcdef123", "type": "function", '
    '"function": {"name": "look", "arguments": {"at": "Lisbon"}}}]</call>'
)


@pytest.mark.parametrize("template", [CALLING, THINKS, THINKS_LAST])
def test_where_the_prompt_or_the_end_is_written_otherwise(template: str) -> None:
    assert learnt(template, row()) == f"{WORDS.removeprefix(shared(template))}{END}Cleo.{END}"


def shared(template: str) -> str:
    """What a call begins with that the prompt has, too: TRL takes that for the prompt's."""
    return "<" if template is THINKS else ""


def test_with_nothing_special_behind_a_call() -> None:
    assert learnt(NO_END, row()) == f"{WORDS} Cleo."  # a token that begins with the template's blank


@pytest.mark.parametrize(
    "calls",
    [
        CALL,
        [{"name": "look", "arguments": {"at": "Lisbon"}}],
        [{"type": "function", "function": {"name": "look", "arguments": '{"at": "Lisbon"}'}}],
        [*CALL, {"type": "function", "function": {"name": "leave", "arguments": {}}}],
    ],
)
def test_calls_of_any_form(calls: Any) -> None:
    said = learnt(THINKS_LAST, row(calls=calls))
    assert said.startswith("<call>[{") and said.endswith(f"}}]</call>{END}Cleo.{END}")


def test_templates_of_trl_learn_calls_and_nothing_that_is_read() -> None:
    trl, seen = pytest.importorskip("trl"), 0
    for path in sorted((Path(trl.__file__).parent / "chat_templates").glob("*.jinja")):
        template = path.read_text(encoding="utf-8")
        try:
            said = learnt(template, row())
            rendered = lm_tokenizer(template).apply_chat_template(
                [each.message() for each in row().turns], tokenize=False
            )
        except InputError:  # pictures, or roles that must alternate
            continue
        assert said.rstrip().removesuffix("<|user|>").rstrip().partition("Cleo.")[1] and "Who" not in said
        assert "a maker" not in said, path.stem
        if "Lisbon" in rendered:
            seen += 1
            assert "Lisbon" in said and "look" in said, path.stem
    assert seen > 30


def test_the_last_turn_is_learnt_as_trl_parts_prompt_and_completion() -> None:
    """From where the row leaves the tokens of the prompt; but for white space behind what ends it."""
    trl, seen = pytest.importorskip("trl"), 0
    for path in sorted((Path(trl.__file__).parent / "chat_templates").glob("*.jinja")):
        template = path.read_text(encoding="utf-8")
        tokenizer, conversation = lm_tokenizer(template), row(2)
        messages = [each.message() for each in conversation.turns]
        if "{% generation" in template or "{%- generation" in template or "strftime_now" in template:
            continue
        try:
            said = learnt(template, conversation)
        except InputError:
            continue
        ids = tokenizer.apply_chat_template(messages, return_dict=True)["input_ids"]
        alone = tokenizer.apply_chat_template(messages[:1], add_generation_prompt=True, return_dict=True)
        both = zip(alone["input_ids"], ids, strict=False)
        start = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], both))
        if "Lisbon" in tokenizer.decode(ids):
            seen += 1
            assert said.rstrip() == tokenizer.decode(ids[start:]).rstrip(), path.stem
    assert seen > 15


def test_calls_that_a_template_leaves_out_are_counted() -> None:
    rows = examples_of([row(), row(2), row(turns=1), Conversation((Turn(0, "a", "!", True),))])
    assert unwritten_calls(lm_tokenizer(CALLING), rows) == ""
    assert unwritten_calls(lm_tokenizer(CHATML), rows).startswith("2 of the 2 rows whose answers call tools")
    assert unwritten_calls(lm_tokenizer(None), rows) == ""


def test_an_attached_run_is_told_of_answers_that_it_may_have_learnt() -> None:
    silent = Turn(1, "assistant", "Cleo.", False, more={"weight": 0})
    rows = examples_of(
        [row(), Conversation((Turn(0, "user", "Who?"), silent, Turn(2, "user", "?")), chat=True)]
    )
    first, second = of_answers(lm_tokenizer(CHATML), rows)
    assert first.startswith("1 row with answers whose weight, loss or train is 0")
    assert second.startswith("1 of the 1 rows whose answers call tools")
    assert of_answers(lm_tokenizer(CALLING), examples_of([row()])) == []
