"""Finding one text among many rows is finding it by the rule of equal texts."""

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.data.columns import LABEL
from backend.data.dataset import Split
from backend.data.equal_texts import text_key
from backend.data.same_text import RowsByText
from backend.manifest import DataInfo

TEXT = st.text(alphabet=st.sampled_from("aA kKéE\u0301 \t\nß\u212as!7"), min_size=1, max_size=6)


def split_of(texts: list[str], texts_b: list[str] | None = None) -> Split:
    columns = {"text": texts, **({"more": texts_b} if texts_b else {}), LABEL: ["x"] * len(texts)}
    info = DataInfo.model_construct(text="text", text_b="more" if texts_b else None)
    return Split("train", pa.table(columns), info)


def places(split: Split, *texts: str) -> list[int]:
    return RowsByText(split).places(split, texts)


@settings(deadline=None)
@given(texts=st.lists(TEXT, min_size=1, max_size=12), asked=TEXT)
def test_it_finds_what_the_rule_calls_equal(texts, asked):
    rows = [*texts, asked, asked.upper(), f" {asked}\n"]
    expected = [place for place, text in enumerate(rows) if text_key(text) == text_key(asked)]
    assert places(split_of(rows), asked) == expected


def test_of_a_pair_both_texts_must_be_equal():
    rows = split_of(["A film", "a film", "a  film", "no"], ["one", "two", "ONE", "one"])
    assert places(rows, "a film", "one") == [0, 2]


def test_texts_may_be_dictionary_encoded():
    texts = ["A film", "a film", "no", "A  FILM"]
    table = pa.table({"text": pa.array(texts).dictionary_encode(), LABEL: ["x"] * 4})
    rows = Split("train", table, DataInfo.model_construct(text="text", text_b=None))
    assert places(rows, "a film") == [0, 1, 3] and places(rows, "yes") == []


def test_equal_hashes_are_not_equal_texts(monkeypatch):
    monkeypatch.setattr("builtins.hash", lambda key: 7)
    assert places(split_of(["a", "b", "A", "c"]), "a") == [0, 2]
