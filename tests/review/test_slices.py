"""Saved filters come back as they were; a damaged file is said, not overwritten."""

import json
from dataclasses import asdict

import pytest

from backend.data.slice import Slice
from backend.errors import InputError
from backend.files import write_marked
from backend.review.slices import delete_slice, read_slices, save_slice

WANTED = Slice("é <b>", True, "good", None, "", "flag", False, "loss", -1.5, None)


def test_a_saved_filter_comes_back_and_goes(tmp_path):
    path = tmp_path / "slices.json"
    assert read_slices(path) == {}
    save_slice(path, "  odd   ones ", WANTED)
    save_slice(path, "a", Slice())
    save_slice(path, "a", Slice("x"))
    assert list(read_slices(path).items()) == [("a", Slice("x")), ("odd ones", WANTED)]
    delete_slice(path, "a")
    assert list(read_slices(path)) == ["odd ones"]
    with pytest.raises(InputError, match="no saved filter"):
        delete_slice(path, "a")


@pytest.mark.parametrize("name", ["", " \n ", "x" * 61, "a\x00b"])
def test_a_name_that_cannot_be_seen_is_refused(tmp_path, name):
    with pytest.raises(InputError, match="name of the filter"):
        save_slice(tmp_path / "slices.json", name, Slice())
    assert not (tmp_path / "slices.json").exists()


NAMES = ("digest", "filters", "a")


@pytest.mark.parametrize("name", NAMES)
def test_any_name_will_do(tmp_path, name):
    path = tmp_path / "slices.json"
    save_slice(path, name, WANTED)
    assert read_slices(path) == {name: WANTED}
    save_slice(path, "other", Slice())
    assert read_slices(path) == {name: WANTED, "other": Slice()}
    delete_slice(path, "other")
    delete_slice(path, name)
    assert read_slices(path) == {}


@pytest.mark.parametrize("names", [*((name,) for name in NAMES), NAMES])
def test_a_file_of_an_earlier_firstword_is_read_and_kept(tmp_path, names):
    path = tmp_path / "slices.json"
    old = {name: asdict(WANTED) for name in names}
    path.write_text(json.dumps(old))
    assert read_slices(path) == dict.fromkeys(sorted(names), WANTED)
    if "digest" not in names:  # by the last Firstword but this, marked
        write_marked(path, old)
        assert read_slices(path) == dict.fromkeys(sorted(names), WANTED)
    save_slice(path, "new", Slice())
    assert read_slices(path) == {**dict.fromkeys(names, WANTED), "new": Slice()}


def test_what_has_the_name_of_the_mark_is_not_overwritten(tmp_path):
    with pytest.raises(ValueError, match="digest"):
        write_marked(tmp_path / "a.json", {"digest": 1})
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "content", ['{"filters": 1}', '{"filters": {"a": 1}}', "{", "[]", '{"a": {"nonsense": 1}}', '{"a": 1}']
)
def test_a_damaged_file_is_said_and_kept(tmp_path, content):
    path = tmp_path / "slices.json"
    path.write_text(content)
    with pytest.raises(InputError, match="damaged"):
        read_slices(path)
    with pytest.raises(InputError, match="damaged"):
        save_slice(path, "a", Slice())
    assert path.read_text() == content
