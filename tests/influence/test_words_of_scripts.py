"""Words are whole for every kind of tokenizer, in scripts with and without blanks."""

from collections.abc import Callable
from itertools import pairwise

import pytest
import transformers as hf
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

from backend.data.examples import Examples
from backend.influence.answers.words import WordSpan, word_spans
from backend.model.tokenization import encode

PHRASES = (
    "the plot is dull, isn't it",
    "天気がとても良いですね。映画を見ました",
    "ภาพยนตร์เรื่องนี้ดีมาก ฉันชอบ",
    "هذا فيلم رائع جدا",
    "می‌خواهم این فیلم",
    "이 영화는 정말 좋다",
    "यह फिल्म बहुत अच्छी है",
    "这部电影很好看",
)
SPECIAL = ["<unk>", "<pad>"]


def wordpiece() -> Tokenizer:
    """As BERT's: drops accents and joiners, puts blanks around ideographs."""
    made = Tokenizer(models.WordPiece(unk_token="<unk>"))
    made.normalizer, made.pre_tokenizer = normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer()
    trained = trainers.WordPieceTrainer(vocab_size=150, special_tokens=SPECIAL, show_progress=False)
    made.train_from_iterator(PHRASES, trained)
    return made


def bpe() -> Tokenizer:
    """As Llama's: a letter that is not known is a token for each of its bytes."""
    made = Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    alone = [*SPECIAL, *(f"<0x{byte:02X}>" for byte in range(256))]
    trained = trainers.BpeTrainer(
        vocab_size=420, special_tokens=alone, limit_alphabet=30, show_progress=False
    )
    made.train_from_iterator(PHRASES, trained)
    return made


def byte_level() -> Tokenizer:
    """As GPT-2's: pieces of a letter, and blanks of their own."""
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    made.train_from_iterator(
        PHRASES,
        trainers.BpeTrainer(
            vocab_size=300, special_tokens=SPECIAL, initial_alphabet=alphabet, show_progress=False
        ),
    )
    return made


def unigram() -> Tokenizer:
    """As XLM-R's: bare word-start marks."""
    made = Tokenizer(models.Unigram())
    made.normalizer, made.pre_tokenizer = normalizers.NFKC(), pre_tokenizers.Metaspace()
    trained = trainers.UnigramTrainer(
        vocab_size=120, special_tokens=SPECIAL, unk_token="<unk>", show_progress=False
    )
    made.train_from_iterator(PHRASES, trained)
    return made


@pytest.fixture(
    scope="module", params=[wordpiece, bpe, byte_level, unigram], ids=lambda build: build.__name__
)
def tokenizer(request) -> hf.PreTrainedTokenizerFast:
    build: Callable[[], Tokenizer] = request.param
    return hf.PreTrainedTokenizerFast(tokenizer_object=build(), unk_token="<unk>", pad_token="<pad>")


def words_of(tokenizer, text: str) -> list[str]:
    encoded = encode(tokenizer, Examples.of([text]), 400)[0]
    return [text[word.start : word.end] for word in word_spans(encoded, [text])]


def check(words: list[WordSpan], offsets: list[tuple[int, int]], text: str) -> None:
    assert [position for word in words for position in word.positions] == list(range(len(offsets)))
    assert all(before.end <= after.start for before, after in pairwise(words))
    inside = {place for word in words for place in range(word.start, word.end)}
    seen = {place for start, end in offsets for place in range(start, end) if not text[place].isspace()}
    assert seen <= inside
    for word in words:
        shown = text[word.start : word.end]
        assert shown == shown.strip()
        assert shown or len(words) == 1  # only a text of blanks alone has a word without letters


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.sampled_from([*PHRASES, " ", "  ", "\n\n", "ok", "日本", "!", "cafe\u0301s", "が", "co\u00adop"]),
        max_size=4,
    ).map("".join)
    | st.text(st.sampled_from(sorted({*"".join(PHRASES), *" \n!?-日本\u0301\u3099\u200d"})), max_size=30)
)
def test_words_are_disjoint_and_hold_every_token_and_letter(tokenizer, text):
    encoded = encode(tokenizer, Examples.of([text]), 400)[0]
    check(word_spans(encoded, [text]), encoded.offsets, text)


@pytest.mark.parametrize(
    "text",
    [
        "हि यह फिल्म बहुत अच्छी है",  # vowel signs, which BERT drops
        "می‌خواهم این",  # a joiner within the first word
        "이 영화는 정말 좋다",
        "هذا فيلم رائع جدا",
        "two cafe\u0301s co\u00adoperate",  # an accent of its own; a soft hyphen
    ],
)
def test_words_between_blanks_are_whole(tokenizer, text):
    assert words_of(tokenizer, text) == text.split()


@pytest.mark.parametrize("text", ["天気がとても良いですね", "这部电影很好看", "ภาพยนตร์เรื่องนี้ดีมาก"])
def test_without_blanks_a_word_is_a_piece_with_its_marks(tokenizer, text):
    found = words_of(tokenizer, text)
    assert "".join(found) == text and len(found) > 3
    assert not any(word[0] in "์ื่ี้" for word in found)


def test_bytes_of_one_letter_are_one_word():
    tokenizer = hf.PreTrainedTokenizerFast(tokenizer_object=bpe(), unk_token="<unk>", pad_token="<pad>")
    encoded = encode(tokenizer, Examples.of(["ok 旅"]), 40)[0]
    assert [each for each in encoded.offsets if each == (3, 4)] == [(3, 4)] * 3  # three bytes, one letter
    words = word_spans(encoded, ["ok 旅"])
    assert [(word.start, word.end) for word in words] == [(0, 2), (3, 4)]
    assert len(words[1].positions) >= 3


def test_marks_at_the_end_of_a_text_are_not_words_of_their_own(tokenizer):
    assert words_of(tokenizer, "good film \n\n") == ["good", "film"]
