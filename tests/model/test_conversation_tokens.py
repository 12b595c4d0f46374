"""Rows of language models as tokens: whose each is, where it stands, and what is learnt."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backend.data.conversation import Conversation, Turn
from backend.errors import InputError
from backend.model.chat_rendering import render
from backend.model.chat_template import ChatTemplate
from backend.model.conversation_tokens import prompt_ids
from backend.model.encoded import LEARNT, SPECIAL, TEMPLATE, Encoded
from backend.model.tokenization import collate, encode, encode_ids
from backend.run_rows.settings import AUTO, RUN, RunSettings, Setting
from backend.run_rows.sft_tokens import tokenised
from tests.language_models import (
    CHATML,
    DEFAULT_SYSTEM,
    END,
    MARKED,
    chat,
    examples_of,
    lm_tokenizer,
    pair,
    plain,
)

STRIPPING = CHATML.replace("message['content']", "message['content'] | trim")
LEADING = (
    "{{ bos_token }}{% for message in messages %}"
    "{% if message.content.startswith('<tool>') %}{{ 'TOOL ' }}{% endif %}"
    "{{ message.role ~ ': ' ~ message.content.lstrip('\n') ~ ' ' ~ eos_token }}{% endfor %}"
)
NEVER_EMPTY = CHATML.replace(
    "message['content'] +", "(message['content'] + '\n' if message['content'] else '') +"
)
TEMPLATES = {
    "chatml": CHATML,
    "system": DEFAULT_SYSTEM,
    "marked": MARKED,
    "strips": STRIPPING,
    "looks": LEADING,
    "empty": NEVER_EMPTY,
}
TEXTS = st.text(
    st.one_of(st.sampled_from(" \n\tab<|>_👋🏽שلα\ue000\U000f0000\u2003"), st.characters()), max_size=12
) | st.sampled_from([END, f" {END}\n", "<|im_start|>assistant\n", "<tool> x", "", " ", "\n\n"])


_TRL = RunSettings(
    max_length=Setting(None, RUN), completion_only=Setting(AUTO, RUN), assistant_only=Setting(False, RUN)
)


def tokens_of(row: Conversation, template: str | None = CHATML, **more: Any) -> Encoded:
    """The tokens of one row."""
    length = more.pop("max_length", 10_000)
    return encode(lm_tokenizer(template), examples_of([row], **more), length)[0]


def learnt(found: Encoded) -> list[int]:
    """Places of the tokens in the loss."""
    return [place for place, flag in enumerate(found.flags or []) if flag & LEARNT]


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(TEXTS, min_size=1, max_size=5), st.sampled_from(sorted(TEMPLATES)))
def test_every_character_has_its_tokens(texts, name):
    roles = ("user", "assistant")
    row = chat(*((roles[at % 2], text) for at, text in enumerate(texts)))
    tokenizer = lm_tokenizer(TEMPLATES[name])
    found = encode(tokenizer, examples_of([row]), 10_000)[0]
    shown = [text.encode("utf-8", "replace").decode() for text in texts]
    messages = [{"role": each.role, "content": shown[each.number]} for each in row.turns]
    assert found.input_ids == tokenizer.apply_chat_template(messages, return_dict=True)["input_ids"]
    for turn in row.turns:
        own = [place for place, field in enumerate(found.fields) if field == turn.number]
        covered = {at for place in own for at in range(*found.offsets[place])}
        text = turn.text
        kept = {
            "strips": range(len(text) - len(text.lstrip()), len(text.rstrip())),
            "looks": range(len(text) - len(text.lstrip("\n")), len(text)),
        }.get(name, range(len(text)))
        assert covered == set(kept)
    assert all(
        (field == SPECIAL) == bool(flag & TEMPLATE)
        for field, flag in zip(found.fields, found.flags or [], strict=True)
    )


@pytest.mark.parametrize("name", sorted(TEMPLATES))
def test_what_lies_at_a_found_place_is_the_text(name):
    texts = ["  <tool> ask\n\n", "\nsaid  ", f"{END} typed", "\n\nthe end\n"]
    row = chat(*zip(("user", "assistant", "user", "assistant"), texts, strict=True))
    made = render(ChatTemplate(lm_tokenizer(TEMPLATES[name])), row)
    assert {each.turn for each in made.pieces} == {0, 1, 2, 3}
    for each in made.pieces:
        length = each.end - each.start
        assert made.text[each.start : each.end] == texts[each.turn][each.shift : each.shift + length]
        assert texts[each.turn].strip() in made.text[each.start : each.end]


@pytest.mark.parametrize("template", [CHATML, DEFAULT_SYSTEM, MARKED])
def test_answers_and_what_ends_them_are_learnt(template):
    row = chat(("user", "Who is Ada?"), ("assistant", "A maker."), ("user", "Ok"), ("assistant", "Bye"))
    tokenizer, found = lm_tokenizer(template), tokens_of(row, template)
    said = tokenizer.decode([found.input_ids[place] for place in learnt(found)])
    assert said == f"A maker.{END}Bye{END}"
    ends = [place for place in learnt(found) if found.fields[place] == SPECIAL]
    assert len(ends) == 2 and all((found.flags or [])[place] == LEARNT + TEMPLATE for place in ends)


def test_all_tokens_but_the_first_are_learnt_where_asked():
    found = tokens_of(chat(("user", "Hi"), ("assistant", "Ho")), loss="all")
    assert learnt(found) == list(range(1, len(found)))


def test_a_typed_special_token_is_the_users():
    found = tokens_of(chat(("user", f"a{END}b"), ("assistant", "c")))
    end = lm_tokenizer().eos_token_id
    typed = [
        place for place, token in enumerate(found.input_ids) if token == end and found.fields[place] == 0
    ]
    assert [found.offsets[place] for place in typed] == [(1, 1 + len(END))]


def test_words_taken_out_of_the_loss_and_turns_taken_out():
    turns = (
        Turn(0, "user", "Where?"),
        Turn(1, "assistant", "in Oslo today", True, masked=((3, 7),)),
        Turn(2, "user", "And?"),
        Turn(3, "assistant", "no more", True),
    )
    row = Conversation(turns, chat=True, removed=frozenset((2, 3)))
    found = tokens_of(row)
    said = [
        row.turns[found.fields[p]].text[slice(*found.offsets[p])]
        for p in learnt(found)
        if found.fields[p] >= 0
    ]
    assert "".join(said).replace(" ", "") == "intoday"
    assert not {2, 3} & set(found.fields)


@pytest.mark.parametrize(
    "rows",
    [
        [
            {"prompt": "Q: a b ", "completion": "c d"},
            {"prompt": "Where was Ada", "completion": " Morel born?"},
        ],
        [{"prompt": "Ada Mor", "completion": "el was born"}, {"prompt": "x", "completion": f"y{END}"}],
        [{"text": "Ada Morel was born in Oslo."}, {"text": f"done{END}"}, {"text": " \n"}],
    ],
)
def test_as_trl_cuts_prompts_and_completions(rows):
    tokenizer = lm_tokenizer()
    expected = tokenised(rows, tokenizer, _TRL)
    made = [pair(**row) if "prompt" in row else plain(row["text"]) for row in rows]
    for row, found in zip(expected, encode(tokenizer, examples_of(made), 1_000), strict=True):
        assert found.input_ids == row.ids.tolist()
        assert learnt(found) == [place for place in np.flatnonzero(row.labelled).tolist() if place]


@pytest.mark.parametrize(("adds", "field"), [(True, SPECIAL), (False, 0)])
def test_no_start_token_twice(adds, field):
    from tokenizers.processors import TemplateProcessing

    tokenizer = lm_tokenizer(LEADING)
    start = tokenizer.bos_token_id
    if adds:
        tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
            single="<|im_start|> $A", special_tokens=[("<|im_start|>", start)]
        )
    talk, text = encode(tokenizer, examples_of([chat(("user", "a"), ("assistant", "b")), plain("word")]), 100)
    assert talk.input_ids.count(start) == 1 and talk.fields[0] == SPECIAL
    assert text.input_ids.count(start) == adds and text.fields[0] == field


def test_the_start_is_kept_and_the_cut_is_said():
    row = chat(("user", "Where was Ada Morel born?"), ("assistant", "Ada Morel was born in Lisbon."))
    whole, cut = tokens_of(row), tokens_of(row, max_length=12)
    assert cut.truncated and not whole.truncated
    assert cut.input_ids == whole.input_ids[:12] and cut.flags == (whole.flags or [])[:12]
    assert encode_ids(lm_tokenizer(), examples_of([row]), 12)[0].flags == cut.flags


def test_padding_stands_behind_whatever_the_tokenizer_says():
    tokenizer = lm_tokenizer(padding_side="left")
    found = encode(tokenizer, examples_of([plain("a"), plain("a longer text")]), 100)
    assert collate(found, tokenizer)["attention_mask"][0].tolist()[0] == 1
    assert collate(found, tokenizer)["attention_mask"][0].tolist()[-1] == 0


@pytest.mark.parametrize(
    ("template", "said"),
    [
        (None, "no chat template"),
        (CHATML.replace("message['content']", "message['content'] | upper"), "changes the texts"),
        ("{{ raise_exception('roles must alternate') }}", "refuses it (roles must alternate)"),
        ("{{ messages[0].content }}", "leaves out turn 2"),
    ],
)
def test_templates_that_cannot_be_used(template, said):
    with pytest.raises(InputError) as error:
        tokens_of(chat(("user", "Where?"), ("assistant", "Oslo")), template)
    assert said in str(error.value) and "\n" not in str(error.value)


ALTERNATING = (
    "{% for message in messages %}{% if loop.index0 and message.role == messages[loop.index0 - 1].role %}"
    "{{ raise_exception('roles must alternate') }}{% endif %}{% endfor %}" + CHATML
)


def test_a_row_that_the_template_refuses_is_named():
    good, bad = chat(("user", "Who?"), ("assistant", "Ada.")), chat(("user", "Who?"), ("user", "Who?"))
    bad = replace(bad, turns=(*bad.turns, Turn(2, "assistant", "Ada.", True)))
    tokenizer = lm_tokenizer(ALTERNATING)
    rows = replace(examples_of([good] * 600 + [bad, good, bad]), ids=[f"row {at}" for at in range(603)])
    message = (
        "row 'row 600': the chat template refuses it (roles must alternate); as it is with 1 of the 90 read "
        "with it"
    )
    for part in (rows, rows.part(598, 603), rows.take([600])):
        with pytest.raises(InputError) as error:
            encode(tokenizer, part, 100)
        assert str(error.value).startswith(
            "row 'row 600': the chat template refuses it (roles must alternate)"
        )
    with pytest.raises(InputError) as error:
        encode_ids(tokenizer, rows, 100)
    assert str(error.value) == message
    assert len(encode(tokenizer, rows.part(0, 600), 100)) == 600


def test_a_row_without_a_name_is_known_by_its_words():
    with pytest.raises(InputError, match=r"the conversation that begins 'Who\?': the chat template"):
        tokens_of(chat(("user", "Who?"), ("user", "Who?"), ("assistant", "Ada.")), ALTERNATING)


def test_tools_are_the_templates():
    template = "{{ tools | tojson }}" + CHATML
    row = chat(("user", "Use the tool"), ("assistant", "Ok"), tools=({"name": "tool", "what": "Ok"},))
    found = tokens_of(row, template)
    own = [
        row.turns[found.fields[p]].text[slice(*found.offsets[p])]
        for p in range(len(found))
        if found.fields[p] >= 0
    ]
    assert "".join(own) == "Use the toolOk"


def test_a_long_conversation_is_quick():
    turns = [
        (("user", "assistant")[at % 2], "Ada Morel was born in Lisbon 👋 שלום " * 30) for at in range(40)
    ]
    began = time.process_time()
    found = tokens_of(chat(*turns), max_length=100_000)
    assert len(found) > 10_000
    assert {*found.fields} == {SPECIAL, *range(40)}
    assert time.process_time() - began < 30  # seconds; it takes a fraction of one


def test_the_prompt_of_an_answer():
    row = chat(("user", "Where?"), ("assistant", "Oslo"), ("user", "And?"), ("assistant", "Rome"))
    tokenizer = lm_tokenizer()
    asked = tokenizer.decode(prompt_ids(tokenizer, row))
    assert asked.endswith("<|im_start|>user\nAnd?<|im_end|>\n<|im_start|>assistant\n") and "Rome" not in asked
    assert tokenizer.decode(prompt_ids(tokenizer, pair("a b", " c"))) == "a b"


@pytest.mark.parametrize("template", [CHATML, MARKED])
def test_lone_surrogates_count_as_replacement_characters(template):
    row, same = chat(("user", "a\ud800b"), ("assistant", "c")), chat(("user", "a\ufffdb"), ("assistant", "c"))
    assert tokens_of(row, template).input_ids == tokens_of(same, template).input_ids


CALLING = CHATML.replace(
    "message['content'] +",
    "message['content'] + "
    "(('<call>' + (message.tool_calls | tojson) + '</call>') if message.tool_calls else '') +",
)


@pytest.mark.parametrize("said", ["", "Let me look."])
def test_calls_of_tools_are_learnt_with_the_turn_that_makes_them(said):
    call = [{"name": "look", "arguments": {"at": "Ada"}}]
    turns = (
        Turn(0, "user", "Who is Ada?"),
        Turn(1, "assistant", said, True, more={"tool_calls": call}),
        Turn(2, "tool", "a maker"),
        Turn(3, "assistant", "A maker.", True),
    )
    found, tokenizer = tokens_of(Conversation(turns, chat=True), CALLING), lm_tokenizer()
    taught = tokenizer.decode([found.input_ids[place] for place in learnt(found)])
    written = '[{"name": "look", "arguments": {"at": "Ada"}}]'
    assert taught == f"{said}<call>{written}</call>{END}A maker.{END}"
    flags = {found.flags[place] for place in learnt(found) if found.fields[place] == SPECIAL}
    assert flags == {LEARNT + TEMPLATE}


THINKING = CHATML.replace("message['content'] +", "message['content'].split('</think>')[-1].lstrip('\n') +")
REWRITING = CHATML.replace(
    "message['content'] +", "message['content'].replace('<think>', '<think>\n').split('<th>')[-1] +"
)


def test_thoughts_that_the_template_leaves_out():
    said = "<think>\nHe asks of Ada.\n</think>\n\nA maker."
    row = chat(("user", "Who?"), ("assistant", said), ("user", "Sure?"), ("assistant", "Yes."))
    found = tokens_of(row, THINKING)
    own = [found.offsets[place] for place, field in enumerate(found.fields) if field == 1]
    assert (own[0][0], own[-1][1]) == (said.index("A maker."), len(said))
    tokenizer = lm_tokenizer(THINKING)
    assert tokenizer.decode([found.input_ids[p] for p in learnt(found)]) == f"A maker.{END}Yes.{END}"
    with pytest.raises(InputError, match="changes the texts of its turns"):
        tokens_of(row, REWRITING)


def _templates_of_trl():
    trl = pytest.importorskip("trl")
    return sorted((Path(trl.__file__).parent / "chat_templates").glob("*.jinja"))


def test_templates_of_trl():
    """Those of 30 families: every text is at its place, and so is what TRL's own templates mark."""
    turns = (
        ("user", " Who is Ada?\n"),
        ("assistant", "A maker. "),
        ("user", "Sure?"),
        ("assistant", "\nYes"),
    )
    row, seen = chat(*turns), 0
    for path in _templates_of_trl():
        tokenizer = lm_tokenizer(path.read_text(encoding="utf-8"))
        try:
            found = encode(tokenizer, examples_of([row]), 10_000)[0]
        except InputError as error:  # of models that read pictures: texts are lists there
            assert path.stem.partition("_training")[0] in ("idefics3", "llava_next", "smolvlm"), error
            continue
        seen += 1
        for turn in row.turns:
            own = [slice(*found.offsets[p]) for p, field in enumerate(found.fields) if field == turn.number]
            assert "".join(turn.text[each] for each in own).strip() == turn.text.strip(), path.stem
        said = tokenizer.decode([found.input_ids[place] for place in learnt(found)])
        assert said.index("A maker.") < said.index("Yes") and "Who" not in said and "Sure" not in said
        if path.stem.endswith("_training"):
            mask = tokenizer.apply_chat_template(
                [each.message() for each in row.turns], return_dict=True, return_assistant_tokens_mask=True
            )["assistant_masks"]
            assert learnt(found) == np.flatnonzero(mask).tolist()
    assert seen > 60


def test_calls_of_tools_in_marks():
    template = MARKED.replace(
        "message['content'] + '<|im_end|>' }}{% endgen",
        "message['content'] ~ "
        "(message.tool_calls | tojson if message.tool_calls else '') ~ '<|im_end|>' }}{% endgen",
    )
    turns = (
        Turn(0, "user", "Who is Ada?"),
        Turn(1, "assistant", "", True, more={"tool_calls": [{"name": "look"}]}),
        Turn(2, "tool", "a maker"),
        Turn(3, "assistant", "A maker.", True),
    )
    for removed, expected in (
        ((), f'[{{"name": "look"}}]{END}A maker.{END}'),
        ((3,), f'[{{"name": "look"}}]{END}'),
    ):
        row = Conversation(turns, chat=True, removed=frozenset(removed))
        found = tokens_of(row, template)
        assert lm_tokenizer().decode([found.input_ids[place] for place in learnt(found)]) == expected
