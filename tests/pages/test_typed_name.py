"""Paths and hub ids as people paste them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pages.components.new.new_start import check_name
from pages.components.typed_name import folder_name, typed_hub_id, typed_path


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ('"/data/my file.csv"', "/data/my file.csv"),
        (" '/data/a.csv' \n", "/data/a.csv"),
        ("file:///data/my%20file.csv", "/data/my file.csv"),
        ("~/a.csv", "~/a.csv"),
        ('"', '"'),
        ("/data/it's.csv", "/data/it's.csv"),
        (None, ""),
    ],
)
def test_paths(text, path):
    assert typed_path(text) == path


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("https://huggingface.co/datasets/stanfordnlp/sst2", "stanfordnlp/sst2"),
        ("https://huggingface.co/datasets/stanfordnlp/sst2/viewer/default?row=1", "stanfordnlp/sst2"),
        ("huggingface.co/prajjwal1/bert-tiny", "prajjwal1/bert-tiny"),
        (" glue@cola:train ", "glue@cola:train"),
        ("owner/huggingface.co", "owner/huggingface.co"),
    ],
)
def test_hub_ids(text, name):
    assert typed_hub_id(text) == name


@given(st.text(max_size=80))
def test_the_name_that_is_proposed_is_one_that_is_taken(text):
    near = folder_name(text)
    assert near == folder_name(near) or len(text) > 60
    if near:
        check_name(near)
