"""What anyone may send takes no more memory than it is given: looks, lines and archives are bounded."""

import gzip
import io
import tracemalloc
from pathlib import Path

import pytest

from backend.data import stream, uploads
from backend.data.columns import Columns
from backend.data.peek import peek
from backend.data.rejected import Rejections
from backend.data.sources import read
from backend.data.uploads import keep_upload
from backend.errors import InputError

HEAD = b"text,label\n"
ROWS = b"a witty film,good\na dull film,bad\n"


def packed(path: Path, content: bytes) -> str:
    path.write_bytes(gzip.compress(content, mtime=0))
    return str(path)


@pytest.mark.parametrize(
    ("name", "start"), [("a.csv.gz", HEAD), ("a.jsonl.gz", b'{"text": "'), ("a.tsv.gz", b"text\tlabel\n")]
)
def test_a_look_at_one_endless_line_stays_small(tmp_path, name, start):
    source = packed(tmp_path / name, start + b"0" * (4 * stream.LOOK_BYTES))
    assert Path(source).stat().st_size < 100_000
    tracemalloc.start()
    try:
        with pytest.raises(InputError, match="first rows take more than 17 MB"):
            peek(source)
        assert tracemalloc.get_traced_memory()[1] < 4 * stream.LOOK_BYTES
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("name", "rows", "n_rows"),
    [("a.csv", HEAD + ROWS, 2), ("a.jsonl", b'{"text": "a", "label": "good"}\n' * 3, 3)],
)
def test_a_line_has_a_longest_length(tmp_path, monkeypatch, name, rows, n_rows):
    monkeypatch.setattr(stream, "LONGEST_LINE", 1000)
    path = tmp_path / name
    path.write_bytes(rows + b"x" * 1000 + b"\n" + rows)  # of 1,001 bytes with its end
    with pytest.raises(InputError, match=r"a line has more than 1\.0 kB"):
        read(str(path), "train", Columns("text", "label"), Rejections())
    path.write_bytes(rows)
    assert len(read(str(path), "train", Columns("text", "label"), Rejections()).rows) == n_rows


def test_a_line_may_be_as_long_as_that(tmp_path, monkeypatch):
    monkeypatch.setattr(stream, "LONGEST_LINE", 1000)
    path = tmp_path / "a.csv"
    path.write_bytes(HEAD + b"x" * 994 + b",good\n")
    assert len(read(str(path), "train", Columns("text", "label"), Rejections()).rows) == 1


def test_an_archive_that_unpacks_to_far_more_than_its_size(tmp_path, monkeypatch):
    monkeypatch.setattr(stream, "ALWAYS", 10_000)
    source = packed(tmp_path / "a.csv.gz", HEAD + b"a witty film,good\n" * 50_000)
    columns = Columns("text", "label")
    with pytest.raises(InputError, match=r"packed\): more than [\d,]+ bytes uncompressed; set FIRSTWORD_MAX"):
        read(source, "train", columns, Rejections())
    monkeypatch.setenv("FIRSTWORD_MAX_SOURCE_BYTES", "10000000")
    assert len(read(source, "train", columns, Rejections()).rows) == 50_000


def test_a_small_archive_may_unpack_to_much(tmp_path):
    source = packed(tmp_path / "a.csv.gz", HEAD + b"a witty film,good\n" * 50_000)
    assert len(read(source, "train", Columns("text", "label"), Rejections()).rows) == 50_000


def test_an_upload_that_unpacks_to_too_much_is_not_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(uploads, "MOST_UNPACKED", 100_000)
    bomb = gzip.compress(HEAD + b"0" * 200_000)
    for content, words in ((bomb, "'a.csv.gz'.* more than"), (b"not packed", "'a.csv.gz': cannot be read")):
        with pytest.raises(InputError, match=words):
            keep_upload(io.BytesIO(content), "a.csv.gz", tmp_path)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
    assert keep_upload(io.BytesIO(gzip.compress(HEAD + ROWS)), "a.csv.gz", tmp_path).is_file()


def test_the_command_line_says_so_in_one_line(tmp_path, inside):
    source = packed(tmp_path / "a.csv.gz", HEAD + b"0" * (2 * stream.LOOK_BYTES))
    done = inside("peek", source, check=False)
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1
    assert "first rows take more than 17 MB" in done.stderr
