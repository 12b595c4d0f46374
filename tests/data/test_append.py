"""Appended rows arrive as imported ones do: after those that are there, in their types, all or none."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.data import append as appending
from backend.data.append import append, append_dry_run
from backend.data.columns import ID, LABEL, Columns
from backend.data.examples import Examples
from backend.data.ids import content_ids
from backend.errors import InputError
from backend.files import write_json
from backend.folder import Folder
from backend.manifest import TaskInfo
from backend.verify import damaged_files
from backend.workspace import Workspace
from tests.conftest import tiny_rows, write_rows
from tests.data.helpers import GOOD, bring_in, jsonl, splits

ROOT = Path(__file__).parent.parent.parent
EVAL = [{"text": "eval", "label": "neg"}, {"text": "eval too", "label": "pos"}]
MORE = [{"text": "more 0", "label": "pos"}, {"text": "more 1", "label": "neg"}]
KEYED = Columns("text", "label", id="key")


def started(tmp_path: Path, rows=GOOD, *, eval=EVAL, columns=None) -> Folder:
    """A workspace with ``rows`` for training; ``rows`` may be a table, which goes through Parquet."""
    if isinstance(rows, pa.Table):
        pq.write_table(rows, tmp_path / "t.parquet")
        source = str(tmp_path / "t.parquet")
    else:
        source = jsonl(tmp_path / "t.jsonl", rows)
    return bring_in(tmp_path / "ws", source, jsonl(tmp_path / "e.jsonl", eval), columns=columns)[0]


def keyed(rows, start=0):
    return [{**row, "key": start + i} for i, row in enumerate(rows)]


def contents(folder: Folder) -> dict[str, bytes]:
    """Every file of a workspace but its locks."""
    paths = [path for path in folder.path.rglob("*") if path.is_file() and not path.name.endswith(".lock")]
    return {str(path.relative_to(folder.path)): path.read_bytes() for path in paths}


def data_files(folder: Folder) -> list[str]:
    return sorted(path.name for path in folder.data.iterdir())


def damaged_data(folder: Folder) -> list[str]:
    return [line for line in damaged_files(folder) if str(folder.data) in line]


def add(folder: Folder, tmp_path: Path, rows, *, skip=False):
    return append(folder, train=jsonl(tmp_path / "more.jsonl", rows), skip_bad_rows=skip)


def add_csv(folder: Folder, tmp_path: Path, text: str, *, skip=False):
    (tmp_path / "more.csv").write_text(text, encoding="utf-8")
    return append(folder, train=str(tmp_path / "more.csv"), skip_bad_rows=skip)


def add_table(folder: Folder, tmp_path: Path, table: pa.Table):
    pq.write_table(table, tmp_path / "more.parquet")
    return append(folder, train=str(tmp_path / "more.parquet"))


# -- what comes out -----------------------------------------------------------------------------------


def test_new_rows_come_after_the_old_ones(tmp_path):
    folder = started(tmp_path)
    before, evaluation = splits(folder)
    old = folder.manifest()
    report = add(folder, tmp_path, [*MORE, {"text": " ", "label": "pos"}])
    after, evaluation_now = splits(folder)
    assert after.ids[:6] == before.ids and len(after) == 8 == report.n_train
    assert after.texts[6:] == ["more 0", "more 1"] and after.labels[6:] == ["pos", "neg"]
    assert after.table.slice(0, 6).equals(before.table) and evaluation_now.table.equals(evaluation.table)
    assert after.table.schema.equals(before.table.schema, check_metadata=True)
    assert report.first_ids == tuple(after.ids[6:]) and report.n_appended == 2
    assert report.counts == {"neg": 1, "pos": 1}
    manifest = folder.manifest()
    assert (manifest.data.n_train, manifest.data.n_eval, manifest.data.n_rejected) == (8, 2, 1)
    assert manifest.data.fingerprint == manifest.artifacts["data"].id != old.data.fingerprint
    assert manifest.data.sources == {**old.data.sources, "append-1": str(tmp_path / "more.jsonl")}
    name = f"train-{manifest.data.fingerprint}.parquet"
    assert data_files(folder) == ["eval.parquet", "rejected.jsonl", name]
    assert set(manifest.artifacts["data"].details["files"]) == {"eval.parquet", name}
    assert folder.state("data") == "current" and damaged_files(folder) == []


def test_appending_equals_importing_all_at_once(tmp_path):
    rows = [*GOOD, GOOD[1], *MORE, GOOD[1], GOOD[0], MORE[0]]
    (tmp_path / "all").mkdir()
    whole = started(tmp_path / "all", rows)
    folder = started(tmp_path, rows[:7])
    add(folder, tmp_path, rows[7:10])
    add(folder, tmp_path, rows[10:])
    assert splits(folder)[0].table.equals(splits(whole)[0].table)
    assert folder.manifest().data.fingerprint == whole.manifest().data.fingerprint
    assert list(folder.manifest().data.sources) == ["train", "eval", "append-1", "append-2"]
    assert len(data_files(folder)) == 3 and damaged_files(folder) == []


def test_ids_of_an_earlier_firstword_go_on_as_they_were():
    """They had 12 digits: a row that repeats one of them must be seen as its repetition."""
    new = content_ids("t", Examples.of(["a", "b"], None, ["x", "x"]))
    assert all(re.fullmatch("t[0-9a-f]{16}", each) for each in new)
    old = [
        "t" + hashlib.blake2b(json.dumps([text, None, "x"]).encode(), digest_size=6).hexdigest()
        for text in ("a", "b")
    ]
    (same, other) = content_ids("t", Examples.of(["b", "c"], None, ["x", "x"]), taken=[*old, f"{old[0]}-2"])
    assert same == f"{old[1]}-2" and re.fullmatch("t[0-9a-f]{12}", other)


def all_x(texts):
    return Examples.of(texts, None, ["x"] * len(texts))


@given(st.lists(st.sampled_from("abc"), max_size=8), st.lists(st.sampled_from("abc"), max_size=8))
def test_content_ids_go_on_where_they_stopped(first, rest):
    together = content_ids("t", all_x(first + rest))
    taken = content_ids("t", all_x(first))
    assert taken + content_ids("t", all_x(rest), taken=taken) == together


def test_repeated_rows_get_an_id_of_their_own_and_are_counted(tmp_path):
    folder = started(tmp_path)
    first = splits(folder)[0].ids[0]
    report = add(folder, tmp_path, [GOOD[0], GOOD[0], {**GOOD[0], "label": "pos"}, {**EVAL[0]}])
    ids = splits(folder)[0].ids
    assert ids[6:8] == [f"{first}-2", f"{first}-3"] and len(set(ids)) == 10
    assert (report.repeated, report.overlap) == (2, 1)
    assert "repeated: 2 rows were in train already, text and label" in report.lines()
    assert "overlap: 1 rows have a text that eval has too" in report.lines()


def test_pairs(tmp_path):
    def rows(number, start=0):
        return [{**row, "b": f"b {start + i}"} for i, row in enumerate(GOOD[:number])]

    columns = Columns("text", "label", text_b="b")
    folder = started(tmp_path, rows(6), eval=rows(2), columns=columns)
    report = add(folder, tmp_path, [*rows(2, 1), {**GOOD[0], "b": ""}, *rows(1)])
    train = splits(folder)[0]
    assert train.examples.fields[1][6:] == ["b 1", "b 2", "b 0"] and train.ids[8] == f"{train.ids[0]}-2"
    assert [(each.row, each.column) for each in report.rejected] == [(3, "b")]
    assert (report.repeated, report.overlap) == (1, 1)
    with pytest.raises(InputError, match="no column 'b'; the columns there are 'text', 'label'"):
        add(folder, tmp_path, GOOD)


@pytest.mark.parametrize("kind", ["csv", "tsv", "jsonl.gz", "parquet", "folder", "splits"])
def test_every_kind_of_source(tmp_path, kind):
    rows = [{"text": f"t {i}", "label": i % 2, "n": i / 2} for i in range(6)]
    folder = started(tmp_path, rows, eval=rows[:2])
    old = splits(folder)[0].table
    table, path = pa.Table.from_pylist([{**row, "text": f"new {row['n']}"} for row in rows]), tmp_path / kind
    if kind in ("csv", "tsv"):
        comma = "," if kind == "csv" else "\t"
        lines = [table.column_names, *(list(row.values()) for row in table.to_pylist())]
        path = tmp_path / f"more.{kind}"
        path.write_text("".join(comma.join(map(str, line)) + "\n" for line in lines))
    elif kind == "jsonl.gz":
        import gzip

        path = tmp_path / "more.jsonl.gz"
        path.write_bytes(gzip.compress("".join(json.dumps(row) + "\n" for row in table.to_pylist()).encode()))
    elif kind == "parquet":
        path = tmp_path / "more.parquet"
        pq.write_table(table, path)
    elif kind == "folder":
        datasets.Dataset(table).save_to_disk(str(path))
    else:
        part = datasets.Dataset(table)
        datasets.DatasetDict({"train": part, "test": part, "spare": part}).save_to_disk(str(path))
    report = append(folder, train=str(path))
    now = splits(folder)[0].table
    assert now.schema.equals(old.schema, check_metadata=True)
    assert now.drop([ID, LABEL]).slice(6).to_pylist() == table.to_pylist()
    assert report.left_out == ({"spare": 6} if kind == "splits" else {})


def test_a_split_column_is_not_looked_at(tmp_path):
    rows = [{**row, "part": part} for row, part in zip(GOOD, ["train"] * 4 + ["test"] * 2, strict=True)]
    source = jsonl(tmp_path / "t.jsonl", rows)
    folder, _ = bring_in(tmp_path / "ws", source, columns=Columns("text", "label", split="part"))
    report = add(folder, tmp_path, [{**MORE[0], "part": "test"}, MORE[1]])
    assert report.n_train == 6
    assert splits(folder)[0].table.column("part").to_pylist()[4:] == ["test", None]


def test_report_says_what_a_person_and_a_program_need(tmp_path):
    folder = started(tmp_path, [{**row, "stars": 1, "tags": ["a"]} for row in GOOD])
    report = add(folder, tmp_path, [*MORE * 4, {"label": "pos"}])
    lines = report.lines()
    assert lines[:3] == ["appended 8 rows, train has 14 now", "  neg: 4", "  pos: 4"]
    assert lines[3].startswith(f"ids: {report.first_ids[0]}, ") and lines[3].endswith(", ...")
    assert lines[4] == f"not in {report.source}, null in the new rows: 'stars', 'tags'"
    assert lines[5:] == [
        "rejected: 1 rows, all listed in data/rejected.jsonl",
        f"  {report.source}, line 9, column 'text': no text",
        f"1 row with no text (first: {report.source}, line 9)",
    ]
    shown = json.loads(json.dumps(report.to_json()))
    assert (shown["n_appended"], shown["n_train"], shown["missing"]) == (8, 14, ["stars", "tags"])
    assert shown["rejected"][0]["row"] == 9 and len(shown["first_ids"]) == 5


# -- rejected rows ------------------------------------------------------------------------------------


def test_rejected_rows_are_added_to_the_listing(tmp_path):
    folder = started(tmp_path, [*GOOD, {"text": "", "label": "pos"}])
    listed = (folder.data / "rejected.jsonl").read_text()
    add(folder, tmp_path, MORE)
    assert (folder.data / "rejected.jsonl").read_text() == listed
    add(folder, tmp_path, [{"text": "x"}, *MORE, {"text": 5, "label": "pos"}])
    lines = (folder.data / "rejected.jsonl").read_text().splitlines(keepends=True)
    assert lines[0] == listed and [json.loads(line)["row"] for line in lines] == [7, 1, 4]
    assert folder.manifest().data.n_rejected == 3 and "rejected-" not in "".join(data_files(folder))


BROKEN = [
    *keyed(MORE, 10),
    {"text": "known id", "label": "pos", "key": 3},
    {"text": "double", "label": "pos", "key": 10},
    {"text": "new class", "label": "odd", "key": 12},
    {"text": "a kind of its own", "label": "pos", "key": 13, "stars": "many"},
    {"text": "no id", "label": "pos"},
    {"text": "", "label": "odd", "key": 14},
]


def test_bad_rows_can_be_skipped(tmp_path):
    folder = started(tmp_path, [{**row, "stars": 5} for row in keyed(GOOD)], eval=keyed(EVAL), columns=KEYED)
    report = add(folder, tmp_path, BROKEN, skip=True)
    assert splits(folder)[0].ids[6:] == ["10", "11"]
    assert [(each.row, each.column) for each in report.rejected] == [
        (3, "key"),
        (4, "key"),
        (5, "label"),
        (6, "stars"),
        (7, "key"),
        (8, "text"),
    ]
    assert splits(folder)[0].table.column("stars").to_pylist()[6:] == [None, None]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (BROKEN[2], "line 3, column 'key': id '3' is in the training rows already; correct it, or"),
        (BROKEN[3], "line 3, column 'key': id '10' occurs before, in line 1; correct it"),
        (BROKEN[4], "column 'label': label 'odd' is none of the workspace's classes 'neg', 'pos', and the"),
        (
            BROKEN[5],
            r"column 'stars': 'many' does not fit the column's type in the workspace \(whole numbers\)",
        ),
        ({"text": "x", "label": "pos", "key": 9, "new": 1}, "has no column 'new', its columns are 'text', "),
        ({"text": "x", "label": "pos", "key": 9, "_fw_id": 1}, "'_fw_id' begins with _fw_"),
    ],
)
def test_wrong_input_changes_nothing(tmp_path, row, message):
    folder = started(tmp_path, [{**row, "stars": 5} for row in keyed(GOOD)], eval=keyed(EVAL), columns=KEYED)
    before = contents(folder)
    with pytest.raises(InputError, match=message) as caught:
        add(folder, tmp_path, [*BROKEN[:2], row])
    assert "\n" not in str(caught.value)
    assert contents(folder) == before


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([{"text": "x", "label": "pos"}], "no column 'key'"),
        ([{"key": 7, "label": "pos"}], "no column 'text'"),
        ([{"key": 7, "text": "x"}], "no column 'label'"),
        ([{"key": 7, "text": 5, "label": "pos"}], "column 'text': holds whole numbers, not text"),
        ([{"key": 7, "text": "x", "label": {"a": 1}}], r"column 'label': holds objects; .* such as label\.a"),
        ([{"key": 7, "text": "x", "label": 1}, {"label": "a"}], "labels of several types"),
        ([{"key": 7, "text": " ", "label": "pos"}], "no usable row for train; 1 rejected, first: .*line 1"),
    ],
)
def test_wrong_columns_change_nothing(tmp_path, rows, message):
    folder = started(tmp_path, keyed(GOOD), eval=keyed(EVAL), columns=KEYED)
    before = contents(folder)
    for skip in (False, True):
        with pytest.raises(InputError, match=message):
            add(folder, tmp_path, rows, skip=skip)
    with pytest.raises(InputError, match="no such file or folder"):
        append(folder, train=str(tmp_path / "none.csv"))
    assert contents(folder) == before


def test_same_columns_as_the_workspace_was_made_with(tmp_path):
    columns = Columns("body", "class", id="key", group="from")

    def rows(number, start):
        return [
            {"body": f"b {start + i}", "class": "xy"[i % 2], "key": f"k{start + i}", "from": i}
            for i in range(number)
        ]

    folder = started(tmp_path, rows(4, 0), eval=rows(2, 50), columns=columns)
    add(folder, tmp_path, rows(2, 4))
    train = splits(folder)[0]
    assert train.ids == ["k0", "k1", "k2", "k3", "k4", "k5"] and train.groups[4:] == ["0", "1"]
    with pytest.raises(InputError, match="no column 'from'"):
        add(folder, tmp_path, [{"body": "b", "class": "x", "key": "k9"}])


# -- labels -------------------------------------------------------------------------------------------


def labelled(values, start=0):
    return [{"text": f"text {start + i}", "label": value} for i, value in enumerate(values)]


def stored_labels(folder: Folder) -> tuple[list, list]:
    train = splits(folder)[0]
    return train.labels[-2:], train.table.column("label").to_pylist()[-2:]


@pytest.mark.parametrize(
    ("old", "new", "classes", "stored"),
    [
        ([10, 9, 2], [9, 10], ["9", "10"], [9, 10]),
        ([10, 9, 2], ["9", "10"], ["9", "10"], [9, 10]),
        ([0, 1], [1.0, 0.0], ["1", "0"], [1, 0]),
        ([0.0, 1.0], [1, 0], ["1", "0"], [1.0, 0.0]),
        (["b", "10"], [10, 10], ["10", "10"], ["10", "10"]),
        ([True, False], [False, True], ["false", "true"], [False, True]),
        ([True, False], ["false", "true"], ["false", "true"], [False, True]),
    ],
)
def test_labels_of_another_type_mean_the_same_classes(tmp_path, old, new, classes, stored):
    folder = started(tmp_path, labelled(old), eval=labelled(old[:1]))
    kind = splits(folder)[0].table.schema.field("label").type
    add(folder, tmp_path, labelled(new, 20))
    assert stored_labels(folder) == (classes, stored)
    assert splits(folder)[0].table.schema.field("label").type == kind


@pytest.mark.parametrize(
    ("old", "new", "label"),
    [([0, 1], 2, "'2'"), ([0, 1], "one", "'one'"), ([True, False], 1, "'1'"), (["a", "b"], "A", "'A'")],
)
def test_a_new_class_is_refused(tmp_path, old, new, label):
    folder = started(tmp_path, labelled(old), eval=labelled(old[:1]))
    with pytest.raises(InputError, match=f"line 1, column 'label': label {label} is none of the workspace's"):
        add(folder, tmp_path, labelled([new], 20))


def test_labels_go_by_name_where_a_run_has_its_own_order_and_more_classes(tmp_path):
    folder = started(tmp_path, labelled(["a", "b", "c"]), eval=labelled(["a"]))
    folder.update(
        lambda manifest: manifest.model_copy(update={"task": TaskInfo(classes=("c", "spare", "a", "b"))})
    )
    report = add(folder, tmp_path, labelled(["b", "spare"], 20))
    assert stored_labels(folder) == (["b", "spare"], ["b", "spare"])
    assert report.counts == {"c": 0, "spare": 1, "a": 0, "b": 1}


def test_a_class_of_the_run_that_the_label_column_cannot_hold(tmp_path):
    folder = started(tmp_path, labelled([0, 1]), eval=labelled([0]))
    folder.update(
        lambda manifest: manifest.model_copy(update={"task": TaskInfo(classes=("0", "1", "other"))})
    )
    with pytest.raises(InputError, match=r"label 'other' cannot be stored in the column \(whole numbers\)"):
        add(folder, tmp_path, labelled(["other"], 20))


def class_label(names, values, start=0) -> pa.Table:
    described = {"info": {"features": {"label": {"names": names, "_type": "ClassLabel"}}}}
    table = pa.table({"text": [f"text {start + i}" for i in range(len(values))], "label": values})
    return table.replace_schema_metadata({"huggingface": json.dumps(described)})


def test_class_labels(tmp_path):
    folder = started(tmp_path, class_label(["z", "y", "x"], [0, 1, 2]), eval=labelled(["y"]))
    add_table(folder, tmp_path, class_label(["x", "z"], [0, 1], 20))
    assert stored_labels(folder) == (["x", "z"], [2, 0])
    add(folder, tmp_path, labelled(["y", "x"], 30))
    assert stored_labels(folder) == (["y", "x"], [1, 2])
    add(folder, tmp_path, labelled([1, 0], 40))
    assert stored_labels(folder) == (["y", "z"], [1, 0])
    report = add_csv(folder, tmp_path, "text,label\na,2\nb,-1\nc,0\n")
    assert stored_labels(folder) == (["x", "z"], [2, 0])
    assert [(each.row, each.reason) for each in report.rejected] == [(2, "no label")]
    report = add_table(folder, tmp_path, pa.table({"text": ["d", "e", "f"], "label": [0.0, None, 1.0]}))
    assert stored_labels(folder) == (["z", "y"], [0, 1]) and report.rejected[0].reason == "no label"
    with pytest.raises(InputError, match="label 3 is none of the 3 classes"):
        add(folder, tmp_path, labelled([3], 50))


def test_numbers_that_could_be_names_or_places_of_classes(tmp_path):
    folder = started(tmp_path, class_label(["1", "2"], [0, 1]), eval=labelled(["1"]))
    with pytest.raises(InputError, match=r"could be names of classes .*give the labels as text"):
        add(folder, tmp_path, labelled([1], 20))
    add(folder, tmp_path, labelled(["1", "2"], 20))
    assert stored_labels(folder) == (["1", "2"], [0, 1])


# -- types of the other columns -----------------------------------------------------------------------


def typed_column(tmp_path: Path, old, new, name="x") -> list:
    """The values of a column that a workspace had with ``old`` after rows with ``new`` came."""

    def rows(values, start):
        return [{**row, name: value} for row, value in zip(labelled("ab" * 9, start), values, strict=False)]

    folder = started(tmp_path, rows(old, 0), eval=labelled("a"))
    field = splits(folder)[0].table.schema.field(name)
    add(folder, tmp_path, rows(new, 20))
    train = splits(folder)[0]
    assert pa.types.is_null(field.type) or train.table.schema.field(name).equals(field, check_metadata=True)
    return [train.row(len(old) + i)[name] for i in range(len(new))]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ([1, 2], [None, None]),
        ([1, 2], [3.0, None]),
        ([1, 2], [3, 4.0]),
        ([0.5, 1.5], [1, 2]),
        ([0.5, 1.5], [1, 2.5]),
        (["a", "b"], ["c", None]),
        ([["a"], ["b"]], [[], []]),
        ([[1.5], [2.5]], [[1], [2, 3]]),
        ([{"a": 1}, {"a": 2}], [{"a": 3}, None]),
        ([1, "a"], [2, 3]),
        ([1, "a"], ["b", [1]]),
        ([1, "a"], [None, None]),
        ([None, None], [1, 2]),
        ([None, None], [1, "a"]),
        ([None, None], [None, None]),
    ],
)
def test_values_are_kept_in_the_type_of_the_column(tmp_path, old, new):
    assert typed_column(tmp_path, old, new) == new


@pytest.mark.parametrize(
    ("old", "new", "shown"),
    [
        ([1, 2], [3, 4.5], "line 2, column 'x': 4.5"),
        ([1, 2], ["3", "4"], "line 1, column 'x': '3'"),
        ([1, 2], [True, False], "line 1, column 'x': True"),
        ([1.5, 2.5], [True], "True"),
        ([True, False], [1, 0], "line 1, column 'x': 1"),
        (["a", "b"], [1, 2], "line 1, column 'x': 1"),
        (["a", "b"], ["c", 1], "line 2, column 'x': 1"),
        ([1, 2], [2**70], str(2**70)),
        ([{"a": 1}, {"a": 2}], [{"a": 3, "b": 4}], r"{'a': 3, 'b': 4}"),
        ([["a"], ["b"]], ["a"], "'a'"),
        ([["a"], ["b"]], [["a", 1]], r"\['a', 1\]"),
    ],
)
def test_values_that_do_not_fit_are_refused(tmp_path, old, new, shown):
    with pytest.raises(InputError, match=f"{shown} does not fit the column's type in the workspace"):
        typed_column(tmp_path, old, new)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.text("ab1"),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text("ab", max_size=1), inner, max_size=2),
    max_leaves=3,
)


@settings(max_examples=25, deadline=None)
@given(st.lists(json_values, min_size=2, max_size=3), st.lists(json_values, min_size=1, max_size=3))
def test_any_value_is_kept_or_refused(tmp_path_factory, old, new):
    tmp_path = tmp_path_factory.mktemp("json")
    try:
        found = typed_column(tmp_path, old, new)
    except InputError as error:
        assert "column 'x'" in str(error) and len(splits(Folder.open(tmp_path / "ws"))[0]) == len(old)
        return
    kept = splits(Folder.open(tmp_path / "ws"))[0]
    assert found == new and [kept.row(i)["x"] for i in range(len(old))] == old


def test_csv_cells_take_the_type_of_the_column(tmp_path):
    folder = started(
        tmp_path,
        [
            {**row, "zip": f"0{i}", "n": i, "x": i / 4, "mixed": [i, "a"][i % 2], "key": f"k{i}"}
            for i, row in enumerate(GOOD)
        ],
        eval=[{**EVAL[0], "key": "k"}],
        columns=KEYED,
    )
    add_csv(
        folder,
        tmp_path,
        "key,text,label,zip,n,x,mixed\n1,12,pos,12,,1,7\n2,13,neg,13,5,2.5,b\n3,14,pos,,6,,\n",
    )
    train = splits(folder)[0]
    assert train.ids[6:] == ["1", "2", "3"] and train.texts[6:] == ["12", "13", "14"]
    assert [train.row(i)["zip"] for i in (6, 7, 8)] == ["12", "13", ""]
    assert [train.row(i)["n"] for i in (6, 7, 8)] == [None, 5, 6]
    assert [train.row(i)["x"] for i in (6, 7, 8)] == [1.0, 2.5, None]
    assert [train.row(i)["mixed"] for i in (6, 7, 8)] == ["7", "b", None]
    for cell in ("007", "1.50", "n/a"):
        with pytest.raises(
            InputError, match=f"row 2, column 'n': '{cell}' does not fit .* \\(whole numbers\\)"
        ):
            add_csv(folder, tmp_path, f"key,text,label,n\n8,a,pos,1\n9,b,pos,{cell}\n")


def test_csv_labels_that_look_like_numbers(tmp_path):
    folder = started(tmp_path, labelled(["1.0", "007", "x", ""]), eval=labelled(["x"]))
    report = add_csv(folder, tmp_path, "text,label\nnew,1.0\nother,1.0\nnone,\n")
    assert stored_labels(folder) == (["1.0", "1.0"], ["1.0", "1.0"])
    assert [each.reason for each in report.rejected] == ["no label"]


def test_parquet_types(tmp_path):
    day = datetime(2024, 5, 6)
    table = pa.table(
        {
            "text": pa.array(["a", "b"], pa.large_string()),
            "label": pa.array(["x", "y"], pa.dictionary(pa.int8(), pa.string())),
            "kind": pa.array(["k", "l"], pa.dictionary(pa.int8(), pa.string())),
            "at": pa.array([day, None], pa.timestamp("us")),
            "x": pa.array([0.5, 1], pa.float32()),
            "n": pa.array([1, 2], pa.int8()),
            "tags": pa.array([["a"], []], pa.list_(pa.string())),
            "sum": pa.array([1, 2], pa.decimal128(5, 2)),
            "none": pa.nulls(2),
        }
    )
    folder = started(tmp_path, table, eval=labelled("x"))
    new = pa.table(
        {
            "n": [3, 4],
            "x": [0.1, float("nan")],
            "kind": ["m", "k"],
            "label": ["y", "x"],
            "text": ["c", "d"],
            "at": pa.array([day, day], pa.timestamp("ns")),
            "tags": pa.array([["b"], None], pa.large_list(pa.string())),
            "sum": [7, 8],
            "none": pa.array([None, None], pa.nulls(2).type),
        }
    )
    add_table(folder, tmp_path, new)
    train = splits(folder)[0]
    assert train.table.drop([ID, LABEL]).schema.equals(table.schema)
    assert train.table.column("kind").to_pylist() == ["k", "l", "m", "k"]
    assert train.table.column("at").to_pylist() == [day, None, day, day]
    assert train.table.column("x").to_pylist()[:3] == [0.5, 1, pytest.approx(0.1)]
    assert train.labels == ["x", "y", "y", "x"] and train.row(3)["tags"] is None
    for column, shown in ((pa.array([300]), "300"), (pa.array([day]), "2024")):
        one = new.slice(0, 1)
        with pytest.raises(InputError, match=f"row 1, column 'n': .*{shown}.* does not fit"):
            add_table(folder, tmp_path, one.set_column(0, "n", column))
    with pytest.raises(InputError, match=r"column 'at': .* does not fit"):
        add_table(folder, tmp_path, one.set_column(5, "at", pa.array([day], pa.timestamp("us", "UTC"))))
    for n in (200, 127):
        many = {"text": ["t"] * n, "label": ["x"] * n, "kind": [f"k {i}" for i in range(n)]}
        with pytest.raises(
            InputError, match="column 'kind': too many different values for a column of categories"
        ):
            add_table(folder, tmp_path, pa.table(many))


def test_columns_that_may_not_be_null(tmp_path):
    schema = pa.schema([("text", pa.string()), ("label", pa.string()), pa.field("n", pa.int64(), False)])
    folder = started(
        tmp_path, pa.table({"text": ["a"] * 2, "label": ["x", "y"], "n": [1, 2]}, schema), eval=labelled("x")
    )
    with pytest.raises(InputError, match="no column 'n', which may not be null in the workspace"):
        add(folder, tmp_path, labelled("x"))
    with pytest.raises(InputError, match="line 2, column 'n': no value, which does not fit"):
        add(folder, tmp_path, [{**labelled("x")[0], "n": 5}, *labelled("x")])
    add(folder, tmp_path, [{**labelled("x")[0], "n": 5}])
    assert splits(folder)[0].table.schema.field("n") == schema.field("n")


def test_an_export_of_the_workspace_can_be_appended(tmp_path):
    rows = [{**row, "mixed": [1, "a"][i % 2], "tags": ["x"]} for i, row in enumerate(GOOD)]
    folder = started(tmp_path, rows)
    for format, name in (("parquet", "o.parquet"), ("jsonl", "o.jsonl"), ("hf", "o")):
        Workspace.open(folder.path).export(format, tmp_path / name)
        append(folder, train=str(tmp_path / name))
    train = splits(folder)[0]
    assert len(train) == 48 and len(set(train.ids)) == 48
    assert [train.row(i) for i in range(42, 48)] == rows


# -- artifacts ----------------------------------------------------------------------------------------


def with_model(folder: Folder) -> Folder:
    """Records of a model and what follows from it, as `train` and `precompute` make them."""
    folder.record("checkpoints", ("data",), id="model", weights={}, made_by="train")
    folder.record("rows", ("data", "checkpoints"), id="rows")
    folder.record("index", ("rows",), id="index")
    return folder


def test_the_model_stays_current_and_what_follows_is_stale(tmp_path):
    folder = with_model(started(tmp_path))
    before = folder.manifest().artifacts["checkpoints"]
    for rows in (MORE, GOOD):
        add(folder, tmp_path, rows)
        states = {name: folder.state(name) for name in ("data", "checkpoints", "rows", "index")}
        assert states == {"data": "current", "checkpoints": "current", "rows": "stale", "index": "stale"}
        manifest = folder.manifest()
        after = manifest.artifacts["checkpoints"]
        assert (after.id, after.created) == (before.id, before.created)
        assert after.inputs == {"data": manifest.data.fingerprint}
        assert after.details == {**before.details, "trained_on": 6}


def test_a_stale_model_stays_stale(tmp_path):
    folder = with_model(started(tmp_path))
    folder.record("data", id="other", files=folder.manifest().artifacts["data"].details["files"])
    add(folder, tmp_path, MORE)
    assert folder.state("checkpoints") == "stale"
    assert "trained_on" not in folder.manifest().artifacts["checkpoints"].details


def test_an_old_manifest_without_files_still_opens(tmp_path):
    folder = started(tmp_path)
    raw = json.loads((folder.path / "workspace.json").read_text())
    assert raw["data"].pop("files") == {}
    del raw["artifacts"]["data"]["details"]["files"]
    write_json(folder.path / "workspace.json", raw)
    assert len(splits(Folder.open(folder.path))[0]) == 6
    add(folder, tmp_path, MORE)
    assert len(splits(folder)[0]) == 8 and damaged_files(folder) == []


@pytest.mark.parametrize("name", ["../train.parquet", "/etc/passwd", "train-1.parquet", "train.parquet\n"])
def test_a_manifest_cannot_name_a_file_elsewhere(tmp_path, name):
    folder = started(tmp_path)
    raw = json.loads((folder.path / "workspace.json").read_text())
    raw["data"]["files"] = {"train": name}
    write_json(folder.path / "workspace.json", raw)
    with pytest.raises(InputError, match="not a readable workspace manifest"):
        Folder.open(folder.path)


@pytest.mark.parametrize("split", ["train", "eval"])
def test_damage_is_not_taken_over(tmp_path, split):
    folder = started(tmp_path)
    path = folder.data / f"{split}.parquet"
    pq.write_table(pq.read_table(path).slice(0, 1), path)
    before = contents(folder)
    with pytest.raises(InputError, match=f"{split}.parquet: damaged, changed or missing; restore it"):
        add(folder, tmp_path, MORE)
    path.unlink()
    with pytest.raises(InputError, match=f"{split}.parquet: damaged, changed or missing; restore it"):
        add(folder, tmp_path, MORE)
    before.pop(f"data/{split}.parquet")
    assert contents(folder) == before


# -- whole or not at all ------------------------------------------------------------------------------


def stop(*_, **__):
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("place", "name"),
    [
        (appending, "write_split"),
        (appending, "_list_rejected"),
        (appending, "_switch"),
        (appending, "file_digest"),
        (Folder, "write_manifest"),
    ],
)
def test_a_stopped_append_changes_nothing(tmp_path, monkeypatch, place, name):
    folder = with_model(started(tmp_path))
    before = contents(folder)
    monkeypatch.setattr(place, name, stop)
    with pytest.raises(KeyboardInterrupt):
        add(folder, tmp_path, [*MORE, {"text": ""}])
    assert contents(folder) == before
    monkeypatch.undo()
    add(folder, tmp_path, MORE)
    assert len(splits(folder)[0]) == 8


def killed(folder: Folder, source: str, patch: str) -> None:
    """Run an append in a process that ends at once, as by SIGKILL, where ``patch`` calls ``die``."""
    code = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from backend import files\n"
        "from backend.data import append\n"
        "from backend.folder import Folder\n"
        "def die(*a, **k): os._exit(9)\n"
        f"{patch}\n"
        "append.append(Folder.open(sys.argv[1]), train=sys.argv[2])\n"
    )
    arguments = [sys.executable, "-c", code, str(folder.path), source]
    assert subprocess.run(arguments, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}).returncode == 9


BEFORE = {
    "while the file is written": "files._flush = die",
    "after the file": "append._list_rejected = die",
    "after the listing": "append._switch = die",
    "while the manifest is written": (
        "write = Folder.write_manifest\n"
        "def half(self, manifest): files._flush = die; write(self, manifest)\n"
        "Folder.write_manifest = half"
    ),
}
AFTER = {
    "before anything is deleted": (
        "update = Folder.update\ndef then(*a): update(*a); die()\nFolder.update = then"
    ),
    "before the listing is in place": (
        "replace = Path.replace\n"
        "def only(self, to): die() if Path(to).name == 'rejected.jsonl' else replace(self, to)\n"
        "Path.replace = only"
    ),
}


@pytest.mark.parametrize("moment", [*BEFORE, *AFTER])
def test_a_kill_leaves_all_rows_or_none(tmp_path, moment):
    folder = with_model(started(tmp_path, [*GOOD, {"text": "", "label": "pos"}]))
    before, files = contents(folder), set(data_files(folder))
    source = jsonl(tmp_path / "more.jsonl", [*MORE, {"text": "", "label": "neg"}])
    killed(folder, source, {**BEFORE, **AFTER}[moment])
    opened = Workspace.open(folder.path)
    appended = moment in AFTER
    assert len(opened.train_split) == opened.manifest.data.n_train == (8 if appended else 6)
    assert opened.manifest.data.n_rejected == (2 if appended else 1)
    assert opened.folder.state("checkpoints") == "current" and damaged_data(folder) == []
    now = contents(folder)
    if not appended:
        assert {name: now[name] for name in before} == before
    assert set(data_files(folder)) != files  # something was left, which the next append settles
    report = append(folder, train=source)
    assert report.n_train == len(splits(folder)[0]) == (10 if appended else 8)
    lines = (folder.data / "rejected.jsonl").read_text().splitlines()
    assert len(lines) == folder.manifest().data.n_rejected == (3 if appended else 2)
    name = folder.manifest().data.file("train")
    assert data_files(folder) == ["eval.parquet", "rejected.jsonl", name] and damaged_data(folder) == []


def test_other_files_are_left_alone(tmp_path):
    folder = started(tmp_path)
    for name in ("train-mine.parquet", "trained.parquet", "rejected-mine.jsonl", "notes.txt"):
        (folder.data / name).touch()
    add(folder, tmp_path, MORE)
    assert {"train-mine.parquet", "trained.parquet", "rejected-mine.jsonl", "notes.txt"} < set(
        data_files(folder)
    )


def test_one_at_a_time(tmp_path):
    folder = started(tmp_path)
    with folder.lock(), pytest.raises(InputError, match="another process is working"):
        add(Folder.open(folder.path), tmp_path, MORE)


def test_an_open_workspace_sees_the_rows_that_another_process_appended(tmp_path):
    folder = started(tmp_path)
    opened = Workspace.open(folder.path)
    kept = opened.train_split
    assert opened.train_split is kept and len(opened.eval_split) == 2
    add(folder, tmp_path, MORE)
    assert len(opened.train_split) == 8 and kept.texts[5] == "text 5"
    opened.remove(opened.train_split.ids[7], reason="new")
    opened.append(train=str(tmp_path / "more.jsonl"))
    assert len(opened.train_split) == 10


def test_reading_while_rows_are_appended(tmp_path, monkeypatch):
    """The file that the manifest named may be gone when it is opened: then the new one is read."""
    folder = started(tmp_path)
    read_table, calls = pq.read_table, []

    def late(path, **options):
        if not calls:
            calls.append(path)
            add(folder, tmp_path, MORE)
        return read_table(path, **options)

    monkeypatch.setattr(pq, "read_table", late)
    assert len(splits(folder)[0]) == 8 and len(calls) == 1


# -- a whole workspace, and the command line ----------------------------------------------------------


def test_a_whole_workspace(tiny_workspace, tmp_path):
    rows = tiny_rows(12, start=60)
    tiny_workspace.review.remove("r1", "r2", reason="wrong")
    tiny_workspace.review.relabel("r3", "bad" if tiny_workspace.train_split.labels[3] == "good" else "good")
    states = tiny_workspace.review.states()
    report = tiny_workspace.append(train=str(write_rows(tmp_path / "more.jsonl", rows)))
    assert report.first_ids == ("r60", "r61", "r62", "r63", "r64") and report.n_train == 72
    status = tiny_workspace.status()
    assert status["next"] == f"python -m backend precompute {tiny_workspace.path}"
    assert status["artifacts"]["checkpoints"]["trained_on"] == 60
    with pytest.raises(InputError, match="stale"):
        tiny_workspace.explain("a dull film")
    assert damaged_data(tiny_workspace.folder) == [] and tiny_workspace.review.states() == states
    tiny_workspace.review.remove("r70", reason="odd")
    tiny_workspace.export("jsonl", tmp_path / "out.jsonl")
    exported = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [row["id"] for row in exported[-11:]] == [row["id"] for row in rows if row["id"] != "r70"]
    assert exported[-1] == rows[-1] and len(exported) == 69
    described = json.loads((tmp_path / "out.jsonl.manifest.json").read_text())
    assert described["source"]["append-1"] == str(tmp_path / "more.jsonl")
    tiny_workspace.precompute()
    answer = tiny_workspace.explain(row="r71")
    assert answer.n_train == 72 and tiny_workspace.verify() == []
    assert len(tiny_workspace.predictions("train").correct) == 72


def test_stale_is_not_damaged(tiny_workspace, tmp_path):
    """Rows, predictions and index of the state before are whole: `verify --repair` may not delete them."""
    before = contents(tiny_workspace.folder)
    tiny_workspace.append(train=str(write_rows(tmp_path / "more.jsonl", tiny_rows(12, start=60))))
    assert tiny_workspace.verify(repair=True) == []
    assert {name for name in before if not name.startswith("data")} <= set(contents(tiny_workspace.folder))


def test_command_line(tmp_path, inside):
    folder = started(tmp_path)
    more = jsonl(tmp_path / "more.jsonl", MORE)
    done = inside("append", folder.path, "--train", more, check=False)
    assert done.returncode == 0, done.stderr
    assert "appended 2 rows, train has 8 now\n  neg: 1\n  pos: 1\nids: t" in done.stdout
    assert done.stdout.endswith(f"next: python -m backend train {folder.path}\n")  # there is no model yet
    with_model(folder)
    done = inside("append", folder.path, "--train", more, check=False)
    assert done.stdout.endswith(f"next: python -m backend precompute {folder.path}\n")
    bad = jsonl(tmp_path / "bad.jsonl", [*MORE, {"text": "x", "label": "odd"}])
    done = inside("append", folder.path, "--train", bad, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert "bad.jsonl, line 3, column 'label': label 'odd' is none of the workspace's classes" in line
    done = inside("append", folder.path, "--train", bad, "--skip-bad-rows", "--json", check=False)
    answer = json.loads(done.stdout)
    assert (done.returncode, answer["n_appended"], answer["n_train"], answer["rejected"][0]["row"]) == (
        0,
        2,
        12,
        3,
    )
    assert inside("append", tmp_path / "none", "--train", more, check=False).returncode == 2
    assert inside("append", folder.path, check=False).returncode == 2
    assert "--split-column" in inside("append", "--help", check=False).stdout
    assert inside("verify", folder.path, check=False).returncode in (0, 1)


def test_a_copied_workspace_takes_its_new_file_along(tmp_path):
    folder = started(tmp_path)
    add(folder, tmp_path, MORE)
    copy = Folder.open(shutil.copytree(folder.path, tmp_path / "copy"))
    assert splits(copy)[0].table.equals(splits(folder)[0].table)


def test_a_class_with_a_separator_stays_where_bad_rows_are_skipped(tmp_path):
    rows = [{"text": f"text {i}", "label": ("a", "b", "a/b")[i % 3]} for i in range(30)]
    folder, _ = bring_in(tmp_path / "ws", jsonl(tmp_path / "a.jsonl", rows), "0.5")
    more = tmp_path / "more.jsonl"
    new = [{"text": f"more {each['text']}", "label": each["label"]} for each in rows]
    more.write_text("".join(json.dumps(each) + "\n" for each in new) + "{damaged\n", encoding="utf-8")
    for joined, counts in ((True, {"a": 10, "a/b": 0, "b": 10}), (False, {"a": 10, "a/b": 10, "b": 10})):
        found = append_dry_run(folder, train=str(more), skip_joined_labels=joined)
        assert found.counts == counts and len(found.broken) == 1
    assert append(folder, train=str(more), skip_bad_rows=True) == found
