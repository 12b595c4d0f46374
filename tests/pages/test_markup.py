import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pages.components.markup import Html, distinct, join, plain_label, show, tag
from tests.pages.factories import XSS, texts

ROOT = Path(__file__).parents[2]


class Reader(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags, self.attributes, self.data = [], [], ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data):
        self.data += data


@pytest.mark.parametrize("text", XSS)
def test_text_stays_text(text):
    read = Reader(tag("p", text, title=text))
    assert read.tags == ["p"]
    assert read.data.replace("\x00", "") == text.replace("\x00", "")
    assert [name for name, _ in read.attributes] == ["title"]


@given(texts)
def test_any_text_makes_no_element(text):
    assert Reader(join([text])).tags == []


def test_made_html_is_not_escaped_again():
    assert tag("p", tag("b", "<"), "&") == "<p><b>&lt;</b>&amp;</p>"
    assert tag("p", cls="a", aria_label="b", title=None) == '<p class="a" aria-label="b"></p>'


def test_a_plain_string_is_never_shown_as_html():
    with pytest.raises(TypeError):
        show("<b>no</b>")
    assert isinstance(tag("p"), Html)


@given(texts)
def test_labels_have_no_live_markdown(text):
    bare = re.sub(r"\\.", "", plain_label(text))
    assert not re.search(r"[\[\]()`*_:$<>!#~|]", bare)
    assert "\n" not in bare


def test_html_is_made_in_one_place_only():
    for path in [ROOT / "app.py", *(ROOT / "pages").rglob("*.py")]:
        text = path.read_text(encoding="utf-8")
        assert "unsafe_allow" not in text, path
        if path.name not in ("markup.py", "styling.py"):
            assert "st.html(" not in text, path
            assert "components.v1" not in text, path
            assert "Html(" not in text, path


@pytest.mark.parametrize(
    "text", ["see http://evil.example/x", "HTTPS://evil.example", "www.evil.example", "a@evil.example"]
)
def test_addresses_in_labels_are_no_links(text):
    """Streamlit's Markdown finds them in what is left when escapes are gone."""
    bare = re.sub(r"\\(.)", r"\1", plain_label(text))
    assert not re.search(r"https?://|www\.|@\w", bare, re.IGNORECASE)
    assert bare.replace("\u2060", "") == text


ALIKE = ["a" * 99 + "b", "a" * 99 + "c", "a" * 200, "a b", "a  b"]


@given(st.lists(st.one_of(st.text(max_size=40), st.sampled_from(ALIKE)), max_size=12), st.integers(20, 80))
def test_names_that_are_cut_stay_apart(names, limit):
    found = distinct(names, limit)
    assert set(found) == set(names) and len(set(found.values())) == len(found)
    assert all(len(each) <= limit and "\n" not in each for each in found.values())


def test_names_that_fit_stay_as_they_are():
    assert distinct(["a", "b" * 20], 20) == {"a": "a", "b" * 20: "b" * 20}
    ends = distinct(["x" * 50 + "1", "x" * 50 + "2"], 20)
    assert [each[-1] for each in ends.values()] == ["1", "2"]
