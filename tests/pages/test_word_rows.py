import math

from hypothesis import given
from hypothesis import strategies as st

from pages.components.numbers import Unit
from pages.components.word_rows import mostly_special, special_name, word_rows
from pages.components.word_table import word_table
from tests.pages.factories import XSS, entry, scores, words_of
from tests.pages.test_markup import Reader


@given(st.lists(scores, max_size=40), st.integers(0, 12), scores)
def test_rows_add_up_to_the_score(values, shown, special):
    text = " ".join(f"w{number % 17}" for number in range(len(values)))
    made = entry(text, words_of(text, values), special=special)
    rows = word_rows(made, shown)
    assert rows[-1].kind == "total" and rows[-1].score == made.score
    size = max([1.0, *(abs(row.score) for row in rows)])
    assert math.isclose(sum(row.score for row in rows[:-1]), made.score, abs_tol=1e-5 * size)
    assert sum(row.kind == "word" for row in rows) == min(shown, len({word.word for word in made.words}))


def test_repeated_words_are_one_row_with_counts():
    made = entry(
        "Bad bad film", words_of("Bad bad film", [1.0, 2.0, -0.5]), words_of("a bad film", [0, 3.0, -0.5])
    )
    bad, film, special, total = word_rows(made)
    assert (bad.name, bad.score, bad.in_query, bad.in_training) == ("bad", 3.0, 1, 2)
    assert (film.name, film.score) == ("film", -0.5)
    assert (special.kind, special.score) == ("special", 0.5) and "[CLS]" in special.name
    assert total.score == 3.0


def test_what_is_not_shown_is_one_row():
    text = " ".join(f"w{n}" for n in range(15))
    rows = word_rows(entry(text, words_of(text, [1.0] * 15)), shown=10)
    assert [row.score for row in rows if row.kind == "other"] == [5.0]
    assert "5 more words" in next(row.name for row in rows if row.kind == "other")
    assert not [row for row in word_rows(entry(text, words_of(text, [1.0] * 3))) if row.kind == "other"]


@given(st.sampled_from(XSS))
def test_table_escapes(word):
    text = word.replace(" ", "_")
    read = Reader(word_table(entry(text, words_of(text, [1.0])), Unit(0, 2)))
    assert set(read.tags) <= {"details", "summary", "table", "thead", "tbody", "tr", "th", "td", "span"}
    assert {name for name, _ in read.attributes} <= {"class", "style", "title", "scope"}


def test_a_score_of_special_tokens_alone_is_told():
    words = words_of("a film", [0.3, -0.4])
    assert mostly_special(entry("a film", words, special=-0.8))
    assert not mostly_special(entry("a film", words, special=0.6)), "words carry more, if they cancel out"
    assert not mostly_special(entry("a film", words_of("a film", [0.0]), special=0.0))
    assert special_name(entry(), "/") == "special tokens [CLS]"
