"""Wordpieces become the words of the original text."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.data.examples import Examples
from backend.influence.answers.words import word_spans
from backend.model.loading import load_tokenizer
from backend.model.tokenization import Encoded, encode
from tests.factories import SENTENCES, tiny


def pieces(text: str, *spans: tuple[int, int]) -> Encoded:
    return Encoded(list(range(len(spans))), None, list(spans), [0] * len(spans), False)


def words_of(text: str, *spans: tuple[int, int]) -> list[str]:
    return [text[word.start : word.end] for word in word_spans(pieces(text, *spans), [text])]


def test_pieces_of_one_word_are_joined():
    assert words_of("unhappily so", (0, 2), (2, 5), (5, 9), (10, 12)) == ["unhappily", "so"]


def test_punctuation_stands_alone_but_apostrophes_join():
    text = "don't, he's (not)"
    spans = [(0, 3), (3, 4), (4, 5), (5, 6), (7, 9), (9, 10), (10, 11), (12, 13), (13, 16), (16, 17)]
    assert words_of(text, *spans) == ["don't", ",", "he's", "(", "not", ")"]


def test_a_closing_quote_is_not_joined():
    assert words_of("the 'end'", (0, 3), (4, 5), (5, 8), (8, 9)) == ["the", "'", "end", "'"]


def test_hyphens_split_and_ideographs_stand_alone():
    assert words_of("well-made", (0, 4), (4, 5), (5, 9)) == ["well", "-", "made"]
    assert words_of("電影好", (0, 1), (1, 2), (2, 3)) == ["電", "影", "好"]


def test_leading_space_inside_an_offset_is_trimmed():
    assert words_of("a film", (0, 1), (1, 6)) == ["a", "film"]


def test_a_bare_word_start_mark_belongs_to_what_follows():
    assert words_of("a film", (0, 1), (1, 2), (2, 6)) == ["a", "film"]


def test_pieces_of_one_character_are_one_word():
    assert words_of("🎬 ok", (0, 1), (0, 1), (0, 1), (2, 4)) == ["🎬", "ok"]


def test_special_tokens_belong_to_no_word_and_fields_are_kept_apart():
    encoded = Encoded(
        [1, 2, 3, 4, 5], None, [(0, 0), (0, 2), (0, 0), (0, 2), (0, 0)], [-1, 0, -1, 1, -1], False
    )
    words = word_spans(encoded, ["ab", "cd"])
    assert [(word.field, word.positions) for word in words] == [(0, (1,)), (1, (3,))]


@pytest.fixture(scope="module", params=["bert", "roberta", "albert"])
def tokenizer(request, tmp_path_factory):
    return load_tokenizer(tiny(request.param, tmp_path_factory.mktemp("words"), SENTENCES))


@given(text=st.text(max_size=60))
@settings(max_examples=60, deadline=None)
def test_every_token_of_a_text_is_in_exactly_one_word(tokenizer, text):
    encoded = encode(tokenizer, Examples.of([text]), 64)[0]
    clean = text.encode("utf-8", "replace").decode()
    words = word_spans(encoded, [clean])
    covered = [position for word in words for position in word.positions]
    assert covered == [position for position, field in enumerate(encoded.fields) if field >= 0]
    assert all(0 <= word.start <= word.end <= len(text) for word in words)
