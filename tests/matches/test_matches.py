"""Every match is held against a search through the texts, character by character."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.errors import InputError
from backend.matches.corpus import read_corpus, texts_said
from backend.matches.index import folded_corpus, index_of
from backend.matches.match import match, spans_of
from backend.matches.pattern import pattern_of
from backend.matches.suffixes import END, suffix_order
from backend.matches.units import folded, has_word, parts, symbols_of, unit_spans
from tests.matches.helpers import chat, split_of

PIECES = (
    *("a", "b", "ab", "A", "don't", "'", "1", "_", ".", ",", " ", "  ", "\n", "\t", "\u00a0"),
    *("é", "e\u0301", "ß", "İ", "שלום", "مرحبا", "می\u200cخواهم", "天", "気", "ไทย", "ดี", "हिन्दी"),
    *(
        "👍",
        "👍🏽",
        "👩\u200d👩\u200d👧",
        "🇩🇪",
        "🇫🇷",
        "\u200d",
        "\u0301",
        "\x00",
        "\x1f",
        "\u202e",
        "<|im_end|>",
        "[]",
    ),
)
texts = st.lists(st.sampled_from(PIECES), max_size=12).map("".join)
rows = st.lists(st.lists(texts, min_size=2, max_size=4), min_size=1, max_size=4)


def occurrences(conversations, wanted, start_whole, end_whole, skipped=None):
    """(row, turn, start, end) of every place, by looking at each: what stands there is ``wanted``."""
    found = []
    for row, each in enumerate(conversations):
        for said in texts_said(each.context(), each.target().text()) if row != skipped else ():
            spans = unit_spans(said.text)
            starts, ends = {a for a, _ in spans}, {b for _, b in spans}
            found += [
                (row, said.turn, at, at + len(wanted))
                for at in range(len(said.text) - len(wanted) + 1)
                if said.text[at : at + len(wanted)] == wanted
                and (at in starts or not start_whole)
                and (at + len(wanted) in ends or not end_whole)
            ]
    return found


@settings(max_examples=60, deadline=None)
@given(rows, st.data())
def test_a_mark_is_found_wherever_it_is_and_nowhere_else(conversations, data):
    chats = [chat(*each) for each in conversations]
    train = split_of(chats)
    index = index_of(read_corpus(train), False)
    said = [text for each in conversations for text in each] + [data.draw(texts)]
    for _ in range(8):
        text = data.draw(st.sampled_from(said))
        start = data.draw(st.integers(0, max(len(text) - 1, 0)))
        end = data.draw(st.integers(start, len(text)))
        covered = [(a, b) for a, b in unit_spans(text) if b > start and a < end]
        if not covered or start == end:
            with pytest.raises(InputError):
                pattern_of(text, start, end, False)
            continue
        first, last = max(start, covered[0][0]), min(end, covered[-1][1])
        wanted, skipped = text[first:last], data.draw(st.sampled_from([None, 0]))
        whole = first == covered[0][0], last == covered[-1][1]
        truth = occurrences(chats, wanted, *whole, skipped)
        without = None if skipped is None else "r0"
        found = match(index, train, pattern_of(text, start, end, False), without, 10**6)
        places = [(int(each.row[1:]), each.turn, each.start, each.end) for each in found.places]
        assert sorted(places) == truth and all(each.text == wanted for each in found.places)
        learnt = [each for each in truth if each[1] % 2]
        assert found.found.answers.times == len(learnt) and found.found.read.times == len(truth) - len(learnt)
        assert found.found.rows == len({row for row, *_ in truth}) and found.more == 0
        assert found.found.answers.rows == len({row for row, *_ in learnt})


@settings(max_examples=60, deadline=None)
@given(rows, texts, st.sampled_from([None, 0]))
def test_spans_are_all_that_are_there_and_lie_in_no_longer_one(conversations, answer, skipped):
    chats = [chat(*each) for each in conversations]
    train = split_of(chats)
    index = index_of(read_corpus(train), False)
    spans = unit_spans(answer)
    there = {
        (i, j): where
        for i in range(len(spans))
        for j in range(i, len(spans))
        if (where := occurrences(chats, answer[spans[i][0] : spans[j][1]], True, True, skipped))
    }
    longest = {
        (spans[i][0], spans[j][1]): where
        for (i, j), where in there.items()
        if not any((a, b) != (i, j) and a <= i and b >= j for a, b in there)
        and has_word(answer[a:b] for a, b in spans[i : j + 1])
    }
    found = spans_of(index, train, answer, None if skipped is None else "r0")
    assert [(each.start, each.end) for each in found] == sorted(longest)
    for each in found:
        where = longest[each.start, each.end]
        assert each.text == answer[each.start : each.end]
        assert each.found.answers.times + each.found.read.times == len(where)
        assert each.found.rows == len({row for row, *_ in where})


@settings(max_examples=40, deadline=None)
@given(rows, texts)
def test_case_and_white_space_aside_equal_are_texts_whose_folded_units_are(conversations, wanted):
    def fold(text):
        pairs = [folded(*parts(each)) for each in symbols_of(text)]
        return "".join(unit + blank for unit, blank in pairs[:-1]) + (pairs[-1][0] if pairs else "")

    chats = [chat(*each) for each in conversations]
    train = split_of(chats)
    index = index_of(folded_corpus(index_of(read_corpus(train), False)), True)
    if unit_spans(wanted):
        truth = Counter()
        for row, each in enumerate(chats):
            for said in texts_said(each.context(), each.target().text()):
                spans = unit_spans(said.text)
                for i, (start, _) in enumerate(spans):
                    for _, end in spans[i:]:
                        truth[row, said.turn, start, end] += fold(said.text[start:end]) == fold(wanted)
        found = match(index, train, pattern_of(wanted, 0, len(wanted), True), None, 10**6)
        places = [(int(each.row[1:]), each.turn, each.start, each.end) for each in found.places]
        assert sorted(places) == sorted(place for place, there in truth.items() if there)
        assert found.folded and fold(found.text) == fold(wanted)


@given(texts)
def test_units_and_white_space_are_the_whole_text(text):
    assert text.lstrip() == "".join(symbols_of(text)).lstrip() or not unit_spans(text)
    assert [text[a:b] for a, b in unit_spans(text)] == [parts(each)[0] for each in symbols_of(text)]
    assert all(parts(each)[1].strip() == "" for each in symbols_of(text))


@given(st.lists(st.integers(0, 3), max_size=40))
def test_the_order_of_suffixes(symbols):
    symbols = [*symbols, END]

    def key(place):
        end = symbols.index(END, place)
        return symbols[place:end], end

    assert suffix_order(np.array(symbols)).tolist() == sorted(range(len(symbols)), key=key)
