from hypothesis import given
from hypothesis import strategies as st

from backend.influence.answers.explanation import WordScore
from pages.components.highlight import Painter
from pages.components.numbers import Unit
from pages.components.scale import FULL_ALPHA, ColourScale
from tests.pages.factories import XSS, scores, texts, words_of
from tests.pages.test_markup import Reader

PAINTER = Painter(ColourScale(1.0), Unit(0, 2))


@given(texts, st.lists(scores, max_size=20))
def test_the_text_is_all_there_and_nothing_else(text, values):
    read = Reader(PAINTER.text(text, words_of(text, values)))
    assert set(read.tags) <= {"p", "mark", "span"}
    assert read.data.replace("\x00", "") == text.replace("\x00", "").replace("\r\n", "\n")
    assert {name for name, _ in read.attributes} <= {"class", "dir", "style", "title", "aria-label"}


@given(st.sampled_from(XSS), scores)
def test_hostile_words_stay_words(word, score):
    read = Reader(PAINTER.text(word, [WordScore(word, 0, len(word), score)]))
    assert set(read.tags) <= {"p", "mark", "span"}


def test_sign_has_a_colour_an_underline_and_a_name():
    helps, harms = PAINTER.word("witty", 0.5), PAINTER.word("dull", -0.5)
    assert "rgba(0,114,178" in helps and "fw-plus" in helps and "helps" in helps
    assert "rgba(213,94,0" in harms and "fw-minus" in harms and "harms" in harms
    assert "mark" not in PAINTER.word("the", 0.001)


def test_overlapping_and_outside_words_are_left_out():
    words = [WordScore("ab", 0, 2, 1.0), WordScore("bc", 1, 3, 1.0), WordScore("x", 2, 9, 1.0)]
    assert Reader(PAINTER.text("abc", words)).data == "abc"


def test_a_long_text_is_cut_around_its_strongest_word():
    text = "far away " * 100 + "gorgeous " + "and more " * 100
    at = text.index("gorgeous")
    shown = Reader(PAINTER.text(text, [WordScore("gorgeous", at, at + 8, 1.0)], limit=200)).data
    assert "gorgeous" in shown and len(shown) <= 210
    assert shown.startswith("… ") and shown.endswith(" …")


@given(st.floats(0, 1e6), scores)
def test_colour_stays_readable(limit, score):
    assert 0 <= ColourScale(limit).alpha(score) <= FULL_ALPHA


def test_scale_clamps_at_the_99th_percentile():
    scale = ColourScale.of([*(0.01 * n for n in range(100)), -50.0])
    assert scale.limit < 1
    assert scale.alpha(-50.0) == FULL_ALPHA
    assert ColourScale.of([]).colour(1.0) is None
