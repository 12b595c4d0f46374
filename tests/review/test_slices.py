"""Saved filters come back as they were; a damaged file is said, not overwritten."""

import pytest

from backend.data.slice import Slice
from backend.errors import InputError
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


@pytest.mark.parametrize("content", ["{", "[]", '{"a": {"nonsense": 1}}', '{"a": 1}'])
def test_a_damaged_file_is_said_and_kept(tmp_path, content):
    path = tmp_path / "slices.json"
    path.write_text(content)
    with pytest.raises(InputError, match="damaged"):
        read_slices(path)
    with pytest.raises(InputError, match="damaged"):
        save_slice(path, "a", Slice())
    assert path.read_text() == content
