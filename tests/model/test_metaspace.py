"""Tokenizers that write a blank as a sign before words (Llama-2's kind), or add an end by themselves."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import transformers as hf
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

from backend.data.conversation import Conversation, Reading
from backend.influence.answers.about_answer import Looked
from backend.influence.answers.asked_tokens import asked_tokens
from backend.model.conversation_tokens import encode_conversation, prompt_ids
from backend.model.encoded import LEARNT, Encoded
from backend.model.generation import Writing, write
from backend.model.token_labels import token_labels
from backend.model.tokenization import collate
from backend.tasks.causal_lm import TASK
from tests.language_models import QUESTIONS, chat, lm_tokenizer, pair, plain

LLAMA_2 = (
    "{% for message in messages %}{% if message['role'] == 'user' %}"
    "{{ bos_token + '[INST] ' + message['content'] + ' [/INST]' }}"
    "{% else %}{{ ' ' + message['content'] + ' ' + eos_token }}{% endif %}{% endfor %}"
)
KINDS = ("legacy", "first")
ROWS = [
    chat(("user", QUESTIONS[0][0]), ("assistant", QUESTIONS[0][1])),
    pair("Where was Ada Morel born?", " Ada Morel was born in Lisbon."),
    pair("Where was Ada Morel born?\n", "Ada Morel was born in Lisbon."),
    plain("Ada Morel was born in Lisbon."),
]


def metaspace(kind: str, end: bool = False, start: bool = True) -> hf.PreTrainedTokenizerFast:
    """BPE over words that begin with U+2581. ``end``, ``start``: added to a text by itself."""
    inner = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    before = "first" if kind == "first" else "always"
    inner.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    trainer = trainers.BpeTrainer(
        vocab_size=700,
        special_tokens=["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))],
        initial_alphabet=list("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ[]/?.,▁"),
        show_progress=False,
    )
    inner.train_from_iterator([*(text for both in QUESTIONS for text in both), "[INST] [/INST]"], trainer)
    if kind == "legacy":
        inner.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
        inner.pre_tokenizer = None
    else:
        inner.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme=before, split=False)
    inner.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    single = f"{'<s> ' if start else ''}$A{' </s>' if end else ''}"
    inner.post_processor = processors.TemplateProcessing(
        single=single, pair=f"{single} $B", special_tokens=[("<s>", 1), ("</s>", 2)]
    )
    named = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "</s>"}
    made = hf.PreTrainedTokenizerFast(tokenizer_object=inner, model_max_length=256, **named)
    made.chat_template = LLAMA_2
    return made


def encoded(tokenizer: hf.PreTrainedTokenizerFast, row: Conversation) -> Encoded:
    return encode_conversation(tokenizer, row, Reading(), 256)


def in_loss(found: Encoded) -> list[int]:
    return [place for place, flag in enumerate(found.flags or []) if flag & LEARNT]


@pytest.mark.parametrize("end", [False, True])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("row", ROWS, ids=["chat", "blank", "line", "text"])
def test_every_character_of_an_answer_has_its_token(row: Conversation, kind: str, end: bool) -> None:
    found, turn = encoded(metaspace(kind, end), row), row.turns[-1]
    own = [place for place, field in enumerate(found.fields) if field == turn.number]
    covered = {at for place in own for at in range(*found.offsets[place])}
    assert covered == set(range(len(turn.text)))
    assert set(own) - {0} <= set(in_loss(found))


@pytest.mark.parametrize("end", [False, True])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("row", ROWS[:3], ids=["chat", "blank", "line"])
def test_a_mark_is_of_its_word(row: Conversation, kind: str, end: bool) -> None:
    tokenizer, turn = metaspace(kind, end), row.turns[-1]
    start = turn.text.index("born")
    looked = Looked(row, (turn.number,), ((start, start + 4),))
    found = asked_tokens(lambda each, loss: encoded(tokenizer, each), looked)[1]
    assert tokenizer.decode([found.input_ids[place] for place in in_loss(found)]).strip() == "born"


@pytest.mark.parametrize("start", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_a_prompt_goes_on_though_the_tokenizer_ends_texts(kind: str, start: bool) -> None:
    ending, open_end = metaspace(kind, True, start), metaspace(kind, False, start)
    for row in ROWS[:3]:
        assert prompt_ids(ending, row) == prompt_ids(open_end, row)
        assert prompt_ids(ending, row)[-1] != ending.eos_token_id
    assert prompt_ids(ending, ROWS[3]) == ([1] if start else [])
    typed = pair("Say </s>", "x")  # a person's own
    assert prompt_ids(ending, typed)[-1] == ending.eos_token_id


def test_one_token_that_is_start_and_end() -> None:
    tokenizer = lm_tokenizer(None, bos_token="<|endoftext|>", eos_token="<|endoftext|>")
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single="<|endoftext|> $A <|endoftext|>", special_tokens=[("<|endoftext|>", 0)]
    )
    assert prompt_ids(tokenizer, plain("x")) == [0]
    assert prompt_ids(tokenizer, pair("Ada", "x"))[0] == 0 != prompt_ids(tokenizer, pair("Ada", "x"))[-1]


@pytest.mark.parametrize("end", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_an_answer_is_written_as_it_was_taught_and_asked_about_as_it_was_written(
    kind: str, end: bool, tmp_path: Path
) -> None:
    """Its first token stands for a blank; put back as an answer, it is the same tokens again."""
    tokenizer = metaspace(kind, end)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        shape = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
        config = hf.LlamaConfig(**shape, vocab_size=len(tokenizer), max_position_embeddings=256)
        config.bos_token_id, config.eos_token_id, config.pad_token_id = 1, 2, 2
        model = hf.LlamaForCausalLM(config)
    rows = ROWS[:3]
    found = [encoded(tokenizer, row) for row in rows]
    inputs, labels = collate(found, tokenizer), token_labels(found)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    for _ in range(120):
        loss = TASK.losses(model(**inputs).logits, labels).sum() / (labels >= 0).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    for row, own in zip(rows, found, strict=True):
        made = write(model, tokenizer, row, Writing(most=40))
        assert (made.text.strip(), made.stopped) == (row.turns[-1].text.strip(), "end")
        if not row.chat:
            assert made.text == row.turns[-1].text
        learnt = [own.input_ids[place] for place in in_loss(own)]
        assert list(made.tokens) == learnt[: len(made.tokens)]
