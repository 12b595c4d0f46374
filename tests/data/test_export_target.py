"""Where exports may go: nothing but an earlier export is ever replaced, a workspace least of all."""

import pytest

from backend.data.export import export
from backend.errors import InputError
from tests.data.helpers import GOOD, bring_in, jsonl


@pytest.fixture
def folder(tmp_path):
    made, _ = bring_in(tmp_path / "ws", jsonl(tmp_path / "t.jsonl", GOOD), jsonl(tmp_path / "e.jsonl", GOOD))
    made.review.write_text("decisions")
    return made


def everything(path):
    return {each: each.read_bytes() for each in path.rglob("*") if each.is_file()}


@pytest.mark.parametrize(
    ("format", "name"),
    [
        ("csv", "review"),
        ("csv", "rows"),
        ("parquet", "data/train.parquet"),
        ("parquet", "data/new.parquet"),
        ("csv", "exports/../x.csv"),
        ("hf", "exports"),
        ("hf", "checkpoints"),
        ("hf", "."),
        ("hf", "../ws"),
    ],
)
def test_the_workspace_is_out_of_bounds(tmp_path, folder, format, name):
    before = everything(tmp_path)
    with pytest.raises(InputError, match="would overwrite parts of the workspace"):
        export(folder, {}, format=format, out=folder.path / name, overwrite=True)
    assert everything(tmp_path) == before


@pytest.mark.parametrize("name", ["workspace.json", "review.sqlite"])
def test_files_of_the_workspace(tmp_path, folder, name):
    before = everything(tmp_path)
    with pytest.raises(InputError):
        export(folder, {}, format="csv", out=folder.path / name, overwrite=True)
    assert everything(tmp_path) == before


def test_a_link_into_the_workspace(tmp_path, folder):
    (tmp_path / "link.parquet").symlink_to(folder.data / "train.parquet")
    with pytest.raises(InputError, match="parts of the workspace"):
        export(folder, {}, format="parquet", out=tmp_path / "link.parquet", overwrite=True)


def test_below_exports(folder):
    out = folder.exports / "a.csv"
    assert export(folder, {}, format="csv", out=out).n_rows == 6
    assert export(folder, {}, format="csv", out=out, overwrite=True).n_rows == 6


@pytest.mark.parametrize("manifest", [None, "{}", "[", '{"name": "of another program"}'])
def test_a_file_that_is_no_export_is_never_replaced(tmp_path, folder, manifest):
    (tmp_path / "a.csv").write_text("precious")
    if manifest is not None:
        (tmp_path / "a.csv.manifest.json").write_text(manifest)
    before = everything(tmp_path)
    for overwrite in (False, True):
        with pytest.raises(InputError, match="is no earlier export"):
            export(folder, {}, format="csv", out=tmp_path / "a.csv", overwrite=overwrite)
    assert everything(tmp_path) == before


@pytest.mark.parametrize("format", ["csv", "hf"])
@pytest.mark.parametrize("name", ["", ".", "..", "a/..", "x" * 250, "x" * 300, "a\0b", "\ud800", "\udcff"])
def test_wrong_paths(tmp_path, folder, format, name, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    from pathlib import Path

    with pytest.raises(InputError) as caught:
        export(folder, {}, format=format, out=Path(name))
    assert "\n" not in str(caught.value) and "\0" not in str(caught.value)
    assert list((tmp_path / "here").iterdir()) == []


@pytest.mark.parametrize("suffix", [".json", ".txt", ".xlsx", ".JSON", ".sqlite", ".zip"])
@pytest.mark.parametrize("format", ["csv", "jsonl", "parquet", "hf"])
def test_names_that_promise_another_format(tmp_path, folder, suffix, format):
    with pytest.raises(InputError, match="does not fit format"):
        export(folder, {}, format=format, out=tmp_path / f"a{suffix}")
