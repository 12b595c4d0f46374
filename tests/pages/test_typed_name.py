"""Paths and hub ids as people paste them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.errors import InputError
from pages.components.new.new_start import check_name
from pages.components.typed_name import allowed_path, folder_name, typed_class_names, typed_hub_id, typed_path


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


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("0=hate, 1=offensive,2=neither", "0=hate,1=offensive,2=neither"),
        ("0: hate\n1: offensive\n", "0=hate,1=offensive"),
        ("0=hate; 1 = offensive", "0=hate,1=offensive"),
        ("hate, offensive, neither", "0=hate,1=offensive,2=neither"),
        ("0=\"hate speech\"\n1='offensive'", "0=hate speech,1=offensive"),
        ("-1 => bad\n1 => good", "-1=bad,1=good"),
        (" \n ", ""),
        (None, ""),
    ],
)
def test_names_of_classes(text, names):
    assert typed_class_names(text) == names


@pytest.mark.parametrize("text", ["0=hate\nneither", "0=hate\n1=a, b", "0=a;1"])
def test_names_that_name_no_label_or_hold_a_comma_are_refused(text):
    with pytest.raises(InputError, match="class names: “"):
        typed_class_names(text)


@pytest.mark.parametrize("text", ["x" * 300, "~nobody-of-this-name/a.csv", "a\0b"])
def test_what_can_be_no_path_lies_outside(text, monkeypatch, tmp_path):
    monkeypatch.setenv("FIRSTWORD_ROOT", str(tmp_path))
    with pytest.raises(InputError, match="outside"):
        allowed_path(text)
