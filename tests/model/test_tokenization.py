import random
import time

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backend.data.examples import Examples
from backend.errors import InputError
from backend.model.loading import load_tokenizer
from backend.model.tokenization import Encoded, collate, encode, special_ids
from tests.factories import ARCHITECTURES, SENTENCES


@pytest.fixture(params=ARCHITECTURES)
def tokenizer(request, tiny_model):
    return load_tokenizer(tiny_model(request.param))


HOSTILE = [
    "",
    " \t\n",
    "\x00\x01\x02",
    "a\ud800b",
    "\ufdd0 \u202e right to left",
    "🙂 naïve ﬁ ß İ",
    "[CLS] [SEP] </s> <|endoftext|>",
    "w" * 5000,
    " " * 5000 + "end",
]


def check(encoded: Encoded, texts: list[str], limit: int) -> None:
    n = len(encoded.input_ids)
    assert n <= limit and n == len(encoded.offsets) == len(encoded.fields) == len(encoded)
    assert encoded.token_type_ids is None or len(encoded.token_type_ids) == n
    for (start, end), field in zip(encoded.offsets, encoded.fields, strict=True):
        assert field in range(-1, len(texts))
        if field == -1:
            assert (start, end) == (0, 0)
        else:
            assert 0 <= start <= end <= len(texts[field])


def test_hostile_texts(tokenizer):
    for encoded, text in zip(encode(tokenizer, Examples.of(HOSTILE), 16), HOSTILE, strict=True):
        check(encoded, [text], 16)
    pairs = encode(tokenizer, Examples.of(HOSTILE, HOSTILE[::-1]), 16)
    for encoded, text, text_b in zip(pairs, HOSTILE, HOSTILE[::-1], strict=True):
        check(encoded, [text, text_b], 16)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.characters(), max_size=80), st.none() | st.text(st.characters(), max_size=80))
def test_any_text(tokenizer, text, text_b):
    encoded = encode(tokenizer, Examples.of([text], None if text_b is None else [text_b]), 12)
    check(encoded[0], [text] if text_b is None else [text, text_b], 12)


def test_surrogates_count_as_replacement_characters(tokenizer):
    ours, theirs = encode(tokenizer, Examples.of(["bad \udc80 movie", "bad \ufffd movie"]), 64)
    assert ours == theirs


def test_same_tokens_as_the_tokenizer_itself(tokenizer):
    for encoded, text, text_b in zip(
        encode(tokenizer, Examples.of(SENTENCES, SENTENCES[::-1]), 24),
        SENTENCES,
        SENTENCES[::-1],
        strict=True,
    ):
        expected = tokenizer(text, text_b, truncation=True, max_length=24)
        assert encoded.input_ids == expected["input_ids"]
        assert encoded.token_type_ids == expected.get("token_type_ids")


def test_fields_and_offsets_point_at_the_words(tiny_model):
    tokenizer = load_tokenizer(tiny_model("bert"))
    (encoded,) = encode(tokenizer, Examples.of(["witty movie"], ["bad plot"]), 64)
    texts = ("witty movie", "bad plot")
    words = [texts[f][a:b] for f, (a, b) in zip(encoded.fields, encoded.offsets, strict=True) if f >= 0]
    assert "".join(words) == "wittymoviebadplot"
    assert encoded.fields[0] == encoded.fields[-1] == -1
    assert encoded.fields.count(-1) == 3
    assert not encoded.truncated


def test_gpt2_adds_nothing_and_an_empty_text_has_no_token(tiny_model):
    tokenizer = load_tokenizer(tiny_model("gpt2"))
    empty, full = encode(tokenizer, Examples.of(["", "bad movie"]), 64)
    assert empty == Encoded([], None, [], [], False)
    assert set(full.fields) == {0}


def test_truncated_is_said(tokenizer):
    long, short = encode(tokenizer, Examples.of(["bad movie " * 50, "bad"]), 10)
    assert (len(long), long.truncated, short.truncated) == (10, True, False)


@pytest.mark.parametrize("side", ["right", "left"])
def test_very_long_texts_are_cut_to_the_same_tokens(tokenizer, side):
    tokenizer.truncation_side = side
    text = "a gorgeous, witty film; " * 200
    (encoded,) = encode(tokenizer, Examples.of([text]), 16)
    expected = tokenizer(text, truncation=True, max_length=16)["input_ids"]
    assert encoded.truncated and encoded.input_ids == expected
    tokenizer.truncation_side = "right"


def same_as_plain(tokenizer, row: list[str], max_length: int) -> None:
    columns = [[text] for text in row]  # a batch of one: alone, an empty second text counts as none
    (encoded,) = encode(tokenizer, Examples(tuple(columns)), max_length)
    plain = tokenizer(*columns, truncation=True, max_length=max_length, return_offsets_mapping=True)
    assert encoded.input_ids == plain["input_ids"][0]
    assert [-1 if field is None else field for field in plain.sequence_ids(0)] == encoded.fields
    assert encoded.offsets == plain["offset_mapping"][0]
    assert encoded.truncated == bool(plain[0].overflowing)


LENGTHS = st.integers(0, 90) | st.integers(42, 60)


@settings(max_examples=40, deadline=None)
@given(LENGTHS, LENGTHS | st.none(), st.sampled_from(["right", "left"]), st.integers(11, 13), st.integers(0))
@pytest.mark.parametrize("architecture", ["bert", "roberta", "albert"])
def test_pairs_around_the_cut_are_what_the_tokenizer_makes_of_them(
    architecture, tiny_model, a, b, side, max_length, seed
):
    """Four times the maximal length, 44 to 52 tokens, is where texts are first cut."""
    tokenizer, draw = load_tokenizer(tiny_model(architecture)), random.Random(seed)
    words = ["gorgeous", "unhappy", "movie", "ab", "aaaaaaaaaaa", "\u00e9\U0001f642", ","]
    joint = draw.choice([" ", "", "     "])
    row = [joint.join(draw.choices(words, k=n)) for n in (a, b) if n is not None]
    tokenizer.truncation_side = side
    same_as_plain(tokenizer, row, max_length)


@pytest.mark.parametrize(
    "lengths", [(60, 59), (59, 60), (60, 60), (53, 52), (52, 53), (300, 105), (105, 300)]
)
@pytest.mark.parametrize("side", ["right", "left"])
def test_the_longer_text_of_a_pair_gets_the_odd_token(tiny_model, lengths, side):
    tokenizer = load_tokenizer(tiny_model("bert"))
    tokenizer.truncation_side = side
    for max_length in (12, 13):
        same_as_plain(tokenizer, [" ".join(["the plot"] * n)[4:] for n in lengths], max_length)


@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("text", ["dull movie ", "abaab", "\U0001f642"])
def test_a_pair_of_huge_texts_takes_neither_minutes_nor_gigabytes(tokenizer, side, text):
    text *= 8_000
    tokenizer.truncation_side = side
    started = time.perf_counter()
    (encoded,) = encode(tokenizer, Examples.of([text], [text + "end"]), 32)
    assert time.perf_counter() - started < 8  # 130 s and 40 GB if the tokenizer saw all of it
    assert encoded.truncated == (len(encoded) == 32)
    if side == "left" and encoded.truncated:
        ends = [end for field, (_, end) in zip(encoded.fields, encoded.offsets, strict=True) if field == 1]
        assert max(ends) == len(text) + 3


def test_max_length_without_room_for_a_token(tiny_model):
    tokenizer = load_tokenizer(tiny_model("bert"))
    assert len(encode(tokenizer, Examples.of(["bad movie"]), 3)[0]) == 3
    with pytest.raises(InputError, match="at least 3"):
        encode(tokenizer, Examples.of(["bad movie"]), 2)
    with pytest.raises(InputError, match="at least 4"):
        encode(tokenizer, Examples.of(["bad movie"], ["plot"]), 3)


@pytest.mark.parametrize("side", ["right", "left"])
def test_collate_pads_on_the_tokenizer_s_side(tiny_model, side):
    tokenizer = load_tokenizer(tiny_model("bert"))
    tokenizer.padding_side = side
    encoded = encode(tokenizer, Examples.of(SENTENCES, SENTENCES[::-1]), 64)
    batch = collate(encoded, tokenizer)
    expected = tokenizer(list(SENTENCES), list(SENTENCES[::-1]), padding=True, return_tensors="pt")
    assert set(batch) == {"input_ids", "attention_mask", "token_type_ids"}
    for name, tensor in batch.items():
        assert tensor.dtype == torch.int64
        assert torch.equal(tensor, expected[name])


def test_collate_without_tokens_or_examples(tiny_model):
    tokenizer = load_tokenizer(tiny_model("gpt2"))
    assert collate(encode(tokenizer, Examples.of(["", ""]), 8), tokenizer)["input_ids"].shape == (2, 0)
    assert collate([], tokenizer)["input_ids"].shape == (0, 0)


def test_special_ids(tiny_model):
    tokenizer = load_tokenizer(tiny_model("bert"))
    names = ("[PAD]", "[CLS]", "[SEP]", "[MASK]")
    assert special_ids(tokenizer) == frozenset(tokenizer.convert_tokens_to_ids(list(names)))
