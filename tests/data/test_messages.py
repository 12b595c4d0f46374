"""Every wrong input gets one clear line, and nothing is half-written."""

import gzip
import subprocess
import sys
from pathlib import Path

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from backend.data.columns import Columns
from backend.errors import InputError
from backend.folder import MANIFEST
from tests.data.helpers import GOOD, bring_in, jsonl, splits

HEAD = b"text,label\n"
ROWS = b"one,a\ntwo,b\nthree,a\nfour,b\n"


def complaint(tmp_path: Path, train: str, eval: str | None = "0.5", **kwargs) -> str:
    """The one line that ingesting answers with; nothing may be left behind."""
    before = set(tmp_path.iterdir())
    with pytest.raises(InputError) as caught:
        bring_in(tmp_path / "ws", train, eval, **kwargs)
    message = str(caught.value)
    assert "\n" not in message and "\r" not in message
    assert set(tmp_path.iterdir()) == before
    return message


def file(tmp_path: Path, name: str, content: bytes) -> str:
    (tmp_path / name).write_bytes(content)
    return str(tmp_path / name)


# name of the file, its content, words that the message must have
BAD_FILES = [
    ("a.csv", b"", ("empty", "header")),
    ("a.csv", HEAD, ("no usable row", "train")),
    ("a.csv", b"words,label\n" + ROWS, ("no column 'text'", "'words', 'label'")),
    ("a.csv", b"text,label,text\n", ("two columns", "'text'")),
    ("a.csv", b"text,label,_fw_id\none,a,1\n", ("_fw_id", "rename")),
    ("a.csv", b"text,label,x\0y\none,a,1\n", ("x\\x00y", "NUL", "rename")),
    ("a.csv", HEAD + b"one,a\ntwo,b,c\n", ("row 2", "3 cells", "header has 2")),
    ("a.csv", HEAD + b"one,a\n\xff\xfe,b\n", ("row 2", "line 3, byte 1", "UTF-8")),
    ("a.csv", HEAD + b'one,a\n"two"x,b\n', ("row 2", "not valid CSV")),
    ("a.csv", HEAD + b'one,a\n"two,b\nthree,a\n', ("row 2", "never closed")),
    ("a.csv", b"te\xffxt,label\n" + ROWS, ("header", "byte 3", "UTF-8")),
    ("a.csv", HEAD + b"one,a\ntwo,a\n", ("at least two classes", "'a'")),
    ("a.csv", HEAD + b"one,0.5\ntwo,1.0\n", ("row 1", "column 'label'", "0.5", "whole number")),
    ("a.csv", HEAD + b"one,\ntwo,\n", ("no usable row", "2 rejected", "row 1, column 'label': no label")),
    ("a.tsv", b"text\tlabel\none\n", ("row 1", "1 cells")),
    ("a.csv.gz", b"not gzip", ("a.csv.gz", "cannot be read")),
    ("a.csv.gz", gzip.compress(HEAD + ROWS * 99, mtime=0)[:-20], ("a.csv.gz", "cannot be read")),
    ("a.jsonl", b"", ("is empty", "JSON objects")),
    ("a.jsonl", b"\n \n", ("is empty",)),
    ("a.jsonl", b'{"text": "x", "label": "a", "text": "y"}\n', ("line 1", "'text'", "twice")),
    ("a.jsonl", b'{"text": "x", "label": "a", "o": {"k;": 1, "k;": 2}}\n', ("line 1", "'k;'", "twice")),
    ("a.jsonl", b'{"text": "x", "label": "a"}\n\n{"text": \n', ("line 3", "not valid JSON")),
    ("a.jsonl", b'{"text": "x", "label": "a"}\n["x"]\n', ("line 2", "object is needed", "list")),
    (
        "a.jsonl",
        b'{"text": "x", "label": "a"}\n{"text": "\xff", "label": "b"}\n',
        ("line 2", "byte 11", "UTF-8"),
    ),
    ("a.jsonl", b'{"text": "\\ud83d", "label": "a"}\n', ("line 1", "surrogate")),
    ("a.jsonl", b"[" * 100_000 + b"\n", ("line 1", "JSON")),
    (
        "a.jsonl",
        b'{"text": 1, "label": "a"}\n{"text": 2, "label": "b"}\n',
        ("'text'", "whole numbers", "not text"),
    ),
    ("a.jsonl", b'{"text": {"a": 1}, "label": "a"}\n{"text": {"b": 1}, "label": "b"}\n', ("not text",)),
    ("a.jsonl", b'{"text": "x", "label": 1}\n{"text": "y", "label": "b"}\n', ("'label'", "several types")),
    (
        "a.jsonl",
        b'{"text": "x", "label": {"a": 1}}\n{"text": "y", "label": {"a": 2}}\n',
        ("'label'", "holds objects", "label.a"),
    ),
    ("a.parquet", b"PAR1 this is none", ("not a readable Parquet file",)),
    ("a.xlsx", b"PK", ("cannot read this kind of file", ".csv", ".parquet", "hub id")),
    ("a.json", b"[]", ("is empty",)),
    ("a.pkl", b"\x80\x04.", ("cannot read this kind of file",)),
    ("a.parquet.gz", b"", ("cannot read this kind of file",)),
]


@pytest.mark.parametrize(("name", "content", "words"), BAD_FILES)
def test_bad_file(tmp_path, name, content, words):
    message = complaint(tmp_path, file(tmp_path, name, content))
    for word in (name, *words):
        assert word in message


@pytest.mark.parametrize(
    "name", ["missing.csv", "missing.jsonl.gz", "no/such/deep/file", "a b", "", "./x", "data/x.xlsx"]
)
def test_missing_file(tmp_path, name):
    assert "no such file" in complaint(tmp_path, name)


def test_path_with_nul_and_line_breaks(tmp_path):
    complaint(tmp_path, "a\0b.csv")
    complaint(tmp_path, "a\nb.csv")
    with_break = tmp_path / "a\nb.csv"
    with_break.write_bytes(HEAD)
    assert "a\\nb.csv" in complaint(tmp_path, str(with_break))


def test_folder_that_is_no_dataset(tmp_path):
    (tmp_path / "folder").mkdir()
    assert "save_to_disk" in complaint(tmp_path, str(tmp_path / "folder"))


def test_damaged_dataset_folder(tmp_path):
    (tmp_path / "folder").mkdir()
    file(tmp_path / "folder", "dataset_info.json", b"{")
    file(tmp_path / "folder", "state.json", b"{")
    assert "not a readable datasets folder" in complaint(tmp_path, str(tmp_path / "folder"))


def test_hub_out_of_reach(tmp_path):
    """As with no network: a child process, since the library reads its setting once on import."""
    code = (
        "from backend.data.columns import Columns; from backend.data.rejected import Rejections\n"
        "from backend.data.sources import read; from backend.errors import InputError\n"
        "try: read('nobody/nothing@config:split', 'train', Columns('text', 'label'), Rejections())\n"
        "except InputError as error: print(error)\n"
    )
    environment = {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path), "PATH": ""}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    (line,) = done.stdout.splitlines()
    assert line.startswith("nobody/nothing@config:split: no such file here, and the hub")


def test_eval_has_a_label_that_train_lacks(tmp_path):
    train = jsonl(tmp_path / "train.jsonl", GOOD)
    eval = jsonl(tmp_path / "eval.jsonl", [GOOD[0], {"text": "x", "label": "new"}])
    message = complaint(tmp_path, train, eval)
    for word in ("eval.jsonl", "line 2", "column 'label'", "'new'", "'neg', 'pos'"):
        assert word in message
    _, report = bring_in(tmp_path / "ws", train, eval, skip=True)
    assert report.n_eval == 1
    assert [(r.row, r.column) for r in report.rejected] == [(2, "label")]


@pytest.mark.parametrize("share", ["0", "1", "1.5", "-0.2", "0%", "120%"])
def test_share_out_of_range(tmp_path, share):
    train = jsonl(tmp_path / "train.jsonl", GOOD)
    assert "between 0 and 1" in complaint(tmp_path, train, share)


def test_share_of_less_than_a_row(tmp_path):
    assert "hold out more" in complaint(tmp_path, jsonl(tmp_path / "t.jsonl", GOOD), "0.01")


def test_no_eval(tmp_path):
    train = jsonl(tmp_path / "train.jsonl", GOOD)
    for eval in (None, train):
        message = complaint(tmp_path, train, eval)
        assert "--eval" in message and "--split-column" in message


def test_eval_is_train_under_another_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    jsonl(tmp_path / "a.jsonl", GOOD)
    (tmp_path / "link.jsonl").symlink_to("a.jsonl")
    for eval in ("./a.jsonl", str(tmp_path / "a.jsonl"), "link.jsonl"):
        assert "is given as eval too" in complaint(tmp_path, "a.jsonl", eval)


def test_one_split_for_both(tmp_path):
    part = datasets.Dataset.from_list(GOOD)
    datasets.DatasetDict({"train": part, "test": part}).save_to_disk(str(tmp_path / "dd"))
    source = f"{tmp_path / 'dd'}:train"
    assert "is given as eval too" in complaint(tmp_path, source, source)
    assert "has no eval split" in complaint(tmp_path, source, None)


def test_split_column_without_the_splits(tmp_path):
    train = jsonl(tmp_path / "train.jsonl", [{**row, "split": "train"} for row in GOOD])
    message = complaint(tmp_path, train, None, columns=Columns("text", "label", split="split"))
    assert "no row is 'validation' or 'test'" in message and "'train'" in message
    train = jsonl(tmp_path / "train.jsonl", [{**row, "split": 3} for row in GOOD])
    message = complaint(tmp_path, train, None, columns=Columns("text", "label", split="split"))
    assert "no row is 'train'" in message and "'3'" in message
    assert "no column 'where'" in complaint(tmp_path, train, columns=Columns("text", "label", split="where"))


@pytest.mark.parametrize("column", ["id", "group", "text_b"])
def test_missing_optional_column(tmp_path, column):
    train = jsonl(tmp_path / "train.jsonl", GOOD)
    assert "no column 'gone'" in complaint(
        tmp_path, train, columns=Columns("text", "label", **{column: "gone"})
    )


def test_column_named_twice(tmp_path):
    train = jsonl(tmp_path / "train.jsonl", GOOD)
    assert "named twice" in complaint(tmp_path, train, columns=Columns("text", "text"))
    assert "named twice" in complaint(tmp_path, train, columns=Columns("text", "label", text_b="label"))


def test_duplicate_ids(tmp_path):
    rows = [{**row, "key": i} for i, row in enumerate(GOOD)]
    rows[4]["key"] = 1
    train, columns = jsonl(tmp_path / "train.jsonl", rows), Columns("text", "label", id="key")
    message = complaint(tmp_path, train, "0.4", columns=columns)
    for word in ("train.jsonl", "line 5", "column 'key'", "'1'", "line 2"):
        assert word in message
    rows[4]["key"] = None
    assert "line 5, column 'key': no id" in complaint(
        tmp_path, jsonl(tmp_path / "train.jsonl", rows), columns=columns
    )


def test_no_usable_eval_row(tmp_path):
    train = jsonl(tmp_path / "train.jsonl", GOOD)
    eval = jsonl(tmp_path / "eval.jsonl", [{"text": " \n\u3000", "label": "pos"}])
    message = complaint(tmp_path, train, eval)
    assert "no usable row for eval" in message and "blank text" in message


def test_text_column_of_numbers_in_parquet(tmp_path):
    pq.write_table(pa.table({"text": [1.5, 2.5], "label": ["a", "b"]}), tmp_path / "a.parquet")
    assert "holds numbers, not text" in complaint(tmp_path, str(tmp_path / "a.parquet"))


def test_label_column_of_dates(tmp_path):
    table = pa.table({"text": ["a", "b"], "label": pa.array([1, 2], pa.timestamp("s"))})
    pq.write_table(table, tmp_path / "a.parquet")
    assert "cannot be labels" in complaint(tmp_path, str(tmp_path / "a.parquet"))


def test_text_named_as_label(tmp_path):
    train = jsonl(tmp_path / "t.jsonl", [{"text": f"x {i}", "label": f"a sentence {i}"} for i in range(1500)])
    assert "1,500 different labels" in complaint(tmp_path, train)


def test_too_many_keys(tmp_path):
    train = jsonl(tmp_path / "t.jsonl", [{"text": "x", "label": "a", f"key {i}": 1} for i in range(1100)])
    assert "different keys" in complaint(tmp_path, train)


@pytest.mark.parametrize("name", ["bomb.csv.gz", "bomb.jsonl.gz", "bomb.parquet"])
def test_zip_bomb(tmp_path, monkeypatch, name):
    """A few kilobytes that unpack to 20 MB, in one line, against a cap of 1 MB."""
    monkeypatch.setenv("FIRSTWORD_MAX_SOURCE_BYTES", "1000000")
    if name.endswith(".gz"):
        bomb = file(tmp_path, name, gzip.compress(b" " * 20_000_000))
    else:
        table = pa.table({"text": pa.array(["x" * 1000] * 20_000).dictionary_encode().cast("string")})
        pq.write_table(table, tmp_path / name, compression="zstd")
        bomb = str(tmp_path / name)
    assert Path(bomb).stat().st_size < 100_000
    message = complaint(tmp_path, bomb)
    assert "more than 1,000,000 bytes" in message and "FIRSTWORD_MAX_SOURCE_BYTES" in message


@pytest.mark.parametrize("limit", ["0", "-1", "8GiB", ""])
def test_unusable_cap(tmp_path, monkeypatch, limit):
    monkeypatch.setenv("FIRSTWORD_MAX_SOURCE_BYTES", limit)
    assert "whole number of bytes" in complaint(tmp_path, jsonl(tmp_path / "t.jsonl", GOOD))


def test_damaged_split_file(tmp_path):
    folder, _ = bring_in(tmp_path / "ws", jsonl(tmp_path / "t.jsonl", GOOD), "0.4")
    (folder.data / "train.parquet").write_bytes(b"PAR1")
    with pytest.raises(InputError, match="missing or damaged"):
        splits(folder)
    (folder.data / "train.parquet").unlink()
    with pytest.raises(InputError, match="missing or damaged"):
        splits(folder)
    pq.write_table(pa.table({"text": ["x"]}), folder.data / "train.parquet")
    with pytest.raises(InputError, match="not what was imported"):
        splits(folder)
    unrecorded = folder.manifest().model_copy(update={"artifacts": {}})  # by an earlier Firstword
    folder.write_manifest(unrecorded)
    with pytest.raises(InputError, match=MANIFEST):
        splits(folder)
