"""Exports hold the right rows, keep every type, and read back as they were."""

import datetime
import hashlib
import json
from decimal import Decimal
from pathlib import Path

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.data import export as exporting
from backend.data.columns import Columns
from backend.data.dataset import load_split
from backend.data.export import export, preview
from backend.data.rowstate import RowState
from backend.errors import InputError
from tests.data.helpers import bring_in, jsonl
from tests.killed import every_end

FORMATS = ["csv", "jsonl", "parquet", "hf"]
COLUMNS = Columns("text", "label", id="id")
LABELS = ("neg", "pos")
EVAL = [{"text": "eval", "label": "neg", "id": 1}]


def state(action, label=None):
    return RowState(action, label, "because", "Ann", "2024-01-01T00:00:00+00:00")


def target(folder: Path, format: str) -> Path:
    return folder / ("out" if format == "hf" else f"out.{format}")


@pytest.fixture
def workspace(tmp_path):
    rows = [
        {
            "id": i,
            "text": f"text {i}",
            "label": LABELS[i % 2],
            "n": -i,
            "x": i / 2,
            "tags": ["a", i] if i else None,
        }
        for i in range(6)
    ]
    folder, _ = bring_in(
        tmp_path / "ws", jsonl(tmp_path / "t.jsonl", rows), jsonl(tmp_path / "e.jsonl", EVAL), columns=COLUMNS
    )
    return folder, rows


STATES = {
    "0": state("remove"),
    "1": state("relabel", "neg"),
    "2": state("flag"),
    "3": state("keep"),
    "4": state("remove"),
}


def again(tmp_path, source: Path, eval=None):
    """The train split after ingesting an export."""
    folder, _ = bring_in(
        tmp_path, str(source), eval or jsonl(source.parent / "e2.jsonl", EVAL), columns=COLUMNS
    )
    return load_split(folder, "train")


@pytest.mark.parametrize("format", FORMATS)
def test_cleaned(tmp_path, workspace, format):
    folder, rows = workspace
    out = target(tmp_path, format)
    report = export(folder, STATES, format=format, out=out)
    assert (report.n_rows, report.removed, report.relabelled, report.flagged, report.kept) == (4, 2, 1, 1, 1)
    assert report.before == {"neg": 3, "pos": 3} and report.after == {"neg": 2, "pos": 2}
    train = again(tmp_path / "again", out) if format != "hf" else None
    loaded = [train.row(i) for i in range(4)] if train else list(datasets.load_from_disk(str(out)))
    wanted = [{**rows[i], **({"label": "neg"} if i == 1 else {})} for i in (1, 2, 3, 5)]
    if format in ("csv", "hf"):  # neither can hold a list of text and number: JSON text stands for it
        wanted = [{**row, "tags": json.dumps(row["tags"])} for row in wanted]
    assert loaded == wanted


@pytest.mark.parametrize("format", FORMATS)
def test_removed_and_patch(tmp_path, workspace, format):
    folder, rows = workspace
    out = target(tmp_path, format)
    assert export(folder, STATES, format=format, out=out, what="removed").n_rows == 2
    (tmp_path / "p").mkdir()
    out = target(tmp_path / "p", format)
    assert export(folder, {**STATES, "gone": state("flag")}, format=format, out=out, what="patch").n_rows == 6
    if format == "jsonl":
        patch = [json.loads(line) for line in out.read_text().splitlines()]
        assert patch[1] == {
            "id": "1", "action": "relabel", "old_label": "pos", "new_label": "neg",
            "reason": "because", "author": "Ann", "at": "2024-01-01T00:00:00+00:00",
            "text": rows[1]["text"],
        }  # fmt: skip
        assert [each["id"] for each in patch] == ["0", "1", "2", "3", "4", "gone"]
        assert patch[0]["new_label"] is None and patch[5]["old_label"] is None
        removed = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
        assert removed == [rows[0], rows[4]]


@pytest.mark.parametrize("format", FORMATS)
def test_nothing_removed_is_an_empty_file_with_the_columns(tmp_path, workspace, format):
    folder, rows = workspace
    out = target(tmp_path, format)
    assert export(folder, {}, format=format, out=out, what="removed").n_rows == 0
    if format == "csv":
        assert out.read_text() == "id,text,label,n,x,tags\n"
    elif format == "jsonl":
        assert out.read_bytes() == b""
    else:
        loaded = pq.read_table(out) if format == "parquet" else datasets.load_from_disk(str(out))
        assert loaded.column_names == list(rows[0])
        assert (loaded.num_rows, preview(folder, {}, "removed").n_rows) == (0, 0)


@pytest.mark.parametrize("format", FORMATS)
def test_manifest(tmp_path, workspace, format):
    folder, _ = workspace
    out = target(tmp_path, format)
    report = export(folder, STATES, format=format, out=out)
    place = out / "firstword-manifest.json" if format == "hf" else tmp_path / f"out.{format}.manifest.json"
    assert report.manifest == place
    manifest = json.loads(place.read_text())
    assert manifest["source"]["fingerprint"] == folder.manifest().data.fingerprint
    assert (manifest["what"], manifest["format"], manifest["workspace"], manifest["n_rows"]) == (
        "cleaned",
        format,
        "ws",
        4,
    )
    assert manifest["before"] == {"neg": 3, "pos": 3} and manifest["after"] == {"neg": 2, "pos": 2}
    assert (manifest["removed"], manifest["relabelled"], manifest["flagged"]) == (2, 1, 1)
    base = out if format == "hf" else tmp_path
    data = {path.name for path in out.iterdir()} - {place.name} if format == "hf" else {out.name}
    assert set(manifest["sha256"]) == data
    for name, wanted in manifest["sha256"].items():
        assert hashlib.sha256((base / name).read_bytes()).hexdigest() == wanted
    assert json.dumps(report.to_json()) and str(out) in report.lines()[0]


def test_formulas_are_defused_and_counted(tmp_path):
    texts = ["=1+1", "+1", "-1 degree", "@x", "\tx", "\rx", "plain", "'quoted"]
    rows = [
        {"text": text, "label": i % 2, "-n": -i, "mixed": -i if i % 2 else "x"}
        for i, text in enumerate(texts)
    ]
    folder, _ = bring_in(
        tmp_path / "ws", jsonl(tmp_path / "t.jsonl", rows), jsonl(tmp_path / "e.jsonl", rows[:1])
    )
    report = export(folder, {}, format="csv", out=tmp_path / "a.csv")
    assert report.defused_cells == 7  # six texts and the name of a column
    assert json.loads(report.manifest.read_text())["defused_cells"] == 7
    assert any("7 cells" in line for line in report.lines())
    content = (tmp_path / "a.csv").read_bytes().decode()
    assert "'=1+1,0," in content and content.startswith("text,label,'-n,mixed")
    assert ",-1,-1\r\n" in content  # numbers are no formulas
    plain = export(folder, {}, format="csv", out=tmp_path / "b.csv", defuse=False)
    assert plain.defused_cells == 0 and (tmp_path / "b.csv").read_text().startswith(
        "text,label,-n,mixed\n=1+1"
    )


# -- types --------------------------------------------------------------------------------------------

FEATURES = datasets.Features(
    {
        "id": datasets.Value("int32"),
        "text": datasets.Value("large_string"),
        "label": datasets.ClassLabel(names=["neg", "pos", "odd"]),
    }
)


@pytest.mark.parametrize("format", ["parquet", "hf"])
def test_class_label_survives_and_takes_new_labels(tmp_path, format):
    made = datasets.Dataset.from_dict(
        {"id": [1, 2, 3], "text": ["a", "b", "c"], "label": [0, 1, 1]}, features=FEATURES
    )
    made.save_to_disk(str(tmp_path / "source"))
    folder, _ = bring_in(
        tmp_path / "ws", str(tmp_path / "source"), jsonl(tmp_path / "e.jsonl", EVAL), columns=COLUMNS
    )
    out = target(tmp_path, format)
    export(folder, {"2": state("relabel", "odd")}, format=format, out=out)
    if format == "hf":
        loaded = datasets.load_from_disk(str(out))
    else:
        loaded = datasets.Dataset.from_parquet(str(out), cache_dir=str(tmp_path / "cache"))
    assert loaded.features == FEATURES
    assert loaded["label"][:] == [0, 2, 1]
    assert again(tmp_path / "again", out).labels == ["neg", "odd", "pos"]


@pytest.mark.parametrize(
    ("values", "new", "written"),
    [
        (pa.array(["a", "b"]), "a", "a"),
        (pa.array(["a", "b"], pa.large_string()), "a", "a"),
        (pa.array(["a", "b"]).dictionary_encode(), "a", "a"),
        (pa.array([3, 7], pa.uint8()), "3", 3),
        (pa.array([0.0, 1.0]), "0", 0.0),
        (pa.array([False, True]), "false", False),
    ],
)
def test_relabel_in_the_columns_own_type(tmp_path, values, new, written):
    table = pa.table({"id": ["1", "2"], "text": ["x", "y"], "label": values})
    pq.write_table(table, tmp_path / "t.parquet")
    folder, _ = bring_in(tmp_path / "ws", str(tmp_path / "t.parquet"), _copy(tmp_path), columns=COLUMNS)
    export(folder, {"2": state("relabel", new)}, format="parquet", out=tmp_path / "o.parquet")
    result = pq.read_table(tmp_path / "o.parquet")
    assert result.schema.equals(table.schema)
    assert result.column("label").to_pylist()[1] == written
    for format in FORMATS:
        export(folder, {"2": state("relabel", new)}, format=format, out=target(tmp_path, format))


def _copy(tmp_path) -> str:
    (tmp_path / "e.parquet").write_bytes((tmp_path / "t.parquet").read_bytes())
    return str(tmp_path / "e.parquet")


def test_every_arrow_type_survives_parquet(tmp_path):
    table = pa.table(
        {
            "text": pa.array(["a", "b"], pa.large_string()),
            "label": pa.array([1, 2], pa.int8()),
            "when": pa.array([datetime.datetime(2024, 1, 1), None], pa.timestamp("us", "UTC")),
            "day": pa.array([datetime.date(2024, 1, 1), None]),
            "bytes": pa.array([b"\x00\xff", None]),
            "list": pa.array([[1, None], []], pa.list_(pa.field("item", pa.int16()))),
            "struct": pa.array([{"a": 1.5}, {"a": None}]),
            "decimal": pa.array([Decimal("1.10"), None]),
            "nothing": pa.nulls(2),
            "kind": pa.array(["x", "y"]).dictionary_encode(),
        },
        metadata={"made by": "someone"},
    )
    pq.write_table(table, tmp_path / "t.parquet")
    folder, _ = bring_in(tmp_path / "ws", str(tmp_path / "t.parquet"), _copy(tmp_path))
    export(folder, {}, format="parquet", out=tmp_path / "o.parquet")
    back = pq.read_table(tmp_path / "o.parquet")
    assert back.schema.metadata[b"made by"] == b"someone"
    assert back.replace_schema_metadata(None).equals(table.replace_schema_metadata(None))
    assert back.schema.types == table.schema.types
    for format in ("csv", "jsonl", "hf"):
        assert export(folder, {}, format=format, out=target(tmp_path, format)).n_rows == 2
    line = json.loads((tmp_path / "out.jsonl").read_text().splitlines()[0])
    assert (line["day"], line["bytes"], line["decimal"]) == ("2024-01-01", "AP8=", "1.10")


NASTY = [
    "=1+1",
    '"',
    '""',
    "a\r\nb",
    "\r",
    "\n",
    "a\0b",
    "\x85",
    "\u2028",
    "\ufeff",
    ",",
    "'",
    "\x1f",
    "\t",
    "\\",
    "007",
    "1",
]
characters = st.characters(exclude_categories=["Cs"])
hostile = st.text(characters, max_size=12) | st.sampled_from(NASTY)
names = st.text(characters, min_size=1, max_size=5).filter(
    lambda name: name not in ("id", "text", "label", "n") and not name.startswith("_fw_") and "\0" not in name
)
texts = hostile.filter(str.strip)


rows = st.tuples(texts, hostile, st.integers(-(2**63), 2**63 - 1))


@settings(max_examples=20, deadline=None)
@given(st.lists(rows, min_size=2, max_size=5), names)
def test_loading_an_export_gives_the_same_rows(tmp_path_factory, content, extra):
    """Whatever the cells and a column's name hold, in every format."""
    tmp_path: Path = tmp_path_factory.mktemp("round")
    rows = [
        {"id": f"i{i}", "text": text, "label": ("neg", "pos")[i % 2], extra: other, "n": n}
        for i, (text, other, n) in enumerate(content)
    ]
    eval = jsonl(tmp_path / "e.jsonl", EVAL)
    folder, _ = bring_in(tmp_path / "ws", jsonl(tmp_path / "t.jsonl", rows), eval, columns=COLUMNS)
    for format in FORMATS:
        out = target(tmp_path, format)
        export(folder, {}, format=format, out=out, defuse=False)
        train = again(tmp_path / f"again-{format}", out, eval)
        found = [train.row(i) for i in range(len(train))]
        if format == "csv":  # a column of nothing but numbers comes back as numbers, with the same digits
            found = [{**row, extra: "" if row[extra] is None else str(row[extra])} for row in found]
        assert found == rows
        assert list(found[0]) == list(rows[0])


# -- wrong input and faults ---------------------------------------------------------------------------


def left(tmp_path):
    return {path.relative_to(tmp_path) for path in tmp_path.rglob("*") if "ws" not in path.parts}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"format": "xlsx", "out": "a.xlsx"}, "choose 'csv', 'jsonl', 'parquet', 'hf'"),
        ({"format": "csv", "out": "a.jsonl"}, "does not fit format csv"),
        ({"format": "csv", "out": "a.csv.gz"}, "does not fit format csv"),
        ({"format": "hf", "out": "a.csv"}, "does not fit format hf"),
        ({"format": "csv", "out": "a.csv", "what": "all"}, "choose 'cleaned', 'removed', 'patch'"),
    ],
)
def test_wrong_options(tmp_path, workspace, options, words):
    before = left(tmp_path)
    with pytest.raises(InputError, match=words):
        export(workspace[0], STATES, **{**options, "out": tmp_path / options["out"]})
    assert left(tmp_path) == before


def test_unknown_class(tmp_path, workspace):
    with pytest.raises(
        InputError, match="row '1' is relabelled to 'new', which is no class; the classes are 'neg', 'pos'"
    ):
        export(workspace[0], {"1": state("relabel", "new")}, format="csv", out=tmp_path / "a.csv")
    with pytest.raises(InputError, match="no class"):
        preview(workspace[0], {"1": state("relabel", None)}, "cleaned")


@pytest.mark.parametrize("format", FORMATS)
def test_nothing_is_overwritten_unasked(tmp_path, workspace, format):
    out = target(tmp_path, format)
    export(workspace[0], {}, format=format, out=out)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(InputError, match="exists already"):
        export(workspace[0], STATES, format=format, out=out)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    assert export(workspace[0], STATES, format=format, out=out, overwrite=True).n_rows == 4


def test_a_folder_that_is_no_export_is_never_replaced(tmp_path, workspace):
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "precious").write_text("x")
    for format in FORMATS:
        with pytest.raises(InputError, match=r"no earlier export|is a folder"):
            export(workspace[0], {}, format=format, out=tmp_path / "home", overwrite=True)
    assert (tmp_path / "home" / "precious").read_text() == "x"
    (tmp_path / "empty").mkdir()
    assert export(workspace[0], {}, format="hf", out=tmp_path / "empty").n_rows == 6


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("overwrite", [False, True])
def test_a_fault_while_writing_leaves_everything_as_it_was(
    tmp_path, workspace, monkeypatch, format, overwrite
):
    out = target(tmp_path, format)
    if overwrite:
        export(workspace[0], {}, format=format, out=out)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    def full(path):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(exporting, "_sha256", full)
    with pytest.raises(InputError, match="No space left"):
        export(workspace[0], STATES, format=format, out=out, overwrite=overwrite)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_out_below_a_file(tmp_path, workspace):
    (tmp_path / "file").write_text("x")
    for parent in ("file", "nowhere"):
        with pytest.raises(InputError, match=f"{parent}: no such folder"):
            export(workspace[0], {}, format="csv", out=tmp_path / parent / "a.csv")


def test_preview(workspace):
    folder, rows = workspace
    seen = preview(folder, STATES, "cleaned", limit=2)
    assert (seen.n_rows, seen.columns, seen.removed, seen.relabelled, seen.flagged) == (
        4,
        list(rows[0]),
        2,
        1,
        1,
    )
    assert seen.rows == [{**rows[1], "label": "neg"}, rows[2]]
    assert seen.before == {"neg": 3, "pos": 3} and seen.after == {"neg": 2, "pos": 2}
    assert [row["id"] for row in preview(folder, STATES, "removed").rows] == [0, 4]
    assert preview(folder, STATES, "patch").rows[0]["action"] == "remove"


# -- decisions ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("action", ["keep", "flag"])
def test_a_relabelled_row_keeps_its_label_under_a_later_decision(tmp_path, workspace, action):
    folder, _ = workspace
    states = {"1": state(action, "neg"), "3": state("remove", "neg"), "5": state("relabel", "pos")}
    report = export(folder, states, format="jsonl", out=tmp_path / "a.jsonl")
    rows = {row["id"]: row["label"] for row in map(json.loads, (tmp_path / "a.jsonl").open())}
    assert rows == {0: "neg", 1: "neg", 2: "neg", 4: "neg", 5: "pos"}
    assert (report.relabelled, report.removed, report.after) == (1, 1, {"neg": 4, "pos": 1})
    patch = preview(folder, states, "patch").rows
    assert [(row["action"], row["old_label"], row["new_label"]) for row in patch] == [
        (action, "pos", "neg"),
        ("remove", "pos", "neg"),
        ("relabel", "pos", "pos"),
    ]
    removed = preview(folder, states, "removed").rows
    assert [row["label"] for row in removed] == ["pos"]


def test_relabel_keeps_the_categories_of_a_dictionary(tmp_path):
    kind = pa.dictionary(pa.int8(), pa.string(), ordered=True)
    label = pa.DictionaryArray.from_arrays(
        pa.array([0, 1, None], pa.int8()), pa.array(["a", "b", "unused"]), ordered=True
    )
    table = pa.table({"id": ["1", "2", "3"], "text": ["x", "y", "z"], "label": label})
    pq.write_table(table, tmp_path / "t.parquet")
    folder, _ = bring_in(tmp_path / "ws", str(tmp_path / "t.parquet"), _copy(tmp_path), columns=COLUMNS)
    export(folder, {"2": state("relabel", "a")}, format="parquet", out=tmp_path / "o.parquet")
    column = pq.read_table(tmp_path / "o.parquet").column("label")
    assert column.type == kind and column.to_pylist() == ["a", "a"]
    assert column.chunk(0).dictionary.to_pylist() == ["a", "b", "unused"]


def test_a_patch_keeps_ids_and_labels_as_they_are(tmp_path):
    rows = [{"id": f"={i}", "text": f"t{i}", "label": ("-neg", "+pos")[i % 2]} for i in range(4)]
    eval = jsonl(tmp_path / "e.jsonl", [{"id": "e", "text": "e", "label": "-neg"}])
    folder, _ = bring_in(tmp_path / "ws", jsonl(tmp_path / "t.jsonl", rows), eval, columns=COLUMNS)
    states = {"=1": RowState("relabel", "-neg", "=evil()", "@Ann", "now")}
    report = export(folder, states, format="csv", out=tmp_path / "p.csv", what="patch")
    assert (tmp_path / "p.csv").read_text().splitlines()[1] == "=1,relabel,+pos,-neg,'=evil(),'@Ann,now,t1"
    assert report.defused_cells == 2


# -- values that a format cannot hold -----------------------------------------------------------------


def odd_dates(kind, value):
    whole = pa.int32() if kind == pa.date32() else pa.int64()
    return pa.array([value, 0, None], whole).cast(kind)


@pytest.mark.parametrize(
    ("kind", "value", "shown"),
    [
        (pa.timestamp("us"), 2**60, "1152921504606846976"),
        (pa.timestamp("us", "Europe/Berlin"), 2**60, "1152921504606846976"),
        (pa.timestamp("ms"), 2**60, "1152921504606846976"),
        (pa.date32(), 10**7, "29349-01-26"),
        (pa.duration("s"), 2**60, "1152921504606846976"),
    ],
)
def test_dates_outside_of_pythons_range(tmp_path, kind, value, shown):
    table = pa.table({"text": list("abc"), "label": [1, 2, 1], "when": odd_dates(kind, value)})
    pq.write_table(table, tmp_path / "t.parquet")
    folder, _ = bring_in(tmp_path / "ws", str(tmp_path / "t.parquet"), _copy(tmp_path))
    for format in FORMATS:
        assert export(folder, {}, format=format, out=target(tmp_path, format)).n_rows == 3
    assert shown in (tmp_path / "out.csv").read_text().splitlines()[1]
    first, second, third = map(json.loads, (tmp_path / "out.jsonl").open())
    assert shown in first["when"] and third["when"] is None
    assert "1970" in second["when"] or second["when"] == "0:00:00"
    assert shown in preview(folder, {}, "cleaned").rows[0]["when"]
    assert shown in load_split(folder, "train").row(0)["when"]


def test_such_dates_inside_lists(tmp_path):
    dates = pa.ListArray.from_arrays([0, 1, 2, 3], odd_dates(pa.timestamp("us"), 2**60))
    pq.write_table(pa.table({"text": list("abc"), "label": [1, 2, 1], "when": dates}), tmp_path / "t.parquet")
    folder, _ = bring_in(tmp_path / "ws", str(tmp_path / "t.parquet"), _copy(tmp_path))
    for format in ("csv", "jsonl"):
        with pytest.raises(InputError, match=r"column 'when'.*parquet keeps them"):
            export(folder, {}, format=format, out=target(tmp_path, format))
    assert "cannot be shown" in preview(folder, {}, "cleaned").rows[0]["when"]
    assert preview(folder, {}, "cleaned").rows[0]["text"] == "a"


def test_jsonl_has_null_for_what_is_no_json_number(tmp_path):
    nan, inf = float("nan"), float("inf")
    table = pa.table(
        {"text": list("abc"), "label": [1, 2, 1], "x": [nan, 1.5, inf], "list": [[-inf, 2.0], [], None]}
    )
    pq.write_table(table, tmp_path / "t.parquet")
    folder, _ = bring_in(tmp_path / "ws", str(tmp_path / "t.parquet"), _copy(tmp_path))
    report = export(folder, {}, format="jsonl", out=tmp_path / "o.jsonl")

    def refuse(token):
        raise AssertionError(token)

    rows = [json.loads(line, parse_constant=refuse) for line in (tmp_path / "o.jsonl").open()]
    assert [row["x"] for row in rows] == [None, 1.5, None] and rows[0]["list"] == [None, 2.0]
    assert report.nulled_numbers == json.loads(report.manifest.read_text())["nulled_numbers"] == 3
    assert any("3 numbers" in line for line in report.lines())
    assert export(folder, {}, format="parquet", out=tmp_path / "o.parquet").nulled_numbers == 0


def test_columns_of_mixed_values_survive_a_datasets_folder(tmp_path, workspace):
    folder, rows = workspace
    report = export(folder, {}, format="hf", out=tmp_path / "out")
    assert report.json_columns == ("tags",) and any("'tags'" in line for line in report.lines())
    train = again(tmp_path / "again", tmp_path / "out")
    assert [train.row(i) for i in range(len(train))] == rows


@pytest.mark.parametrize("listed", [["text", "gone", 3, "tags"], "tags", 5, None])
def test_a_manifest_that_lies_about_json_columns(tmp_path, workspace, listed):
    export(workspace[0], {}, format="hf", out=tmp_path / "out")
    place = tmp_path / "out" / "firstword-manifest.json"
    place.write_text(json.dumps({**json.loads(place.read_text()), "json_columns": listed}))
    assert again(tmp_path / "again", tmp_path / "out").texts == [f"text {i}" for i in range(6)]


def test_tsv_has_tabs(tmp_path, workspace):
    out = tmp_path / "o.tsv"
    export(workspace[0], {}, format="csv", out=out)
    assert out.read_text().splitlines()[0] == "id\ttext\tlabel\tn\tx\ttags"
    assert again(tmp_path / "again", out).texts == [f"text {i}" for i in range(6)]


# -- ended while it replaces an earlier export ----------------------------------------------------------


def told(out: Path) -> set[str]:
    """Which decisions the file at ``out`` is about, as its manifest tells: ``removed`` of each manifest that
    fits it."""
    manifest = json.loads(out.with_name(f"{out.name}.manifest.json").read_text())
    mark = hashlib.sha256(out.read_bytes()).hexdigest()
    known = [manifest, *([manifest["previous"]] if "previous" in manifest else [])]
    return {each["removed"] for each in known if each["sha256"] == {out.name: mark}}


@pytest.mark.parametrize("format", ["csv", "jsonl"])
def test_a_replaced_file_can_always_be_told(tmp_path, workspace, format):
    folder, out = workspace[0], target(tmp_path, format)

    def check(whole):
        n_rows = sum(1 for _ in out.open()) - (format == "csv")
        assert told(out) == {6 - n_rows}
        assert n_rows == 4 or not whole

    steps = every_end(
        lambda: export(folder, STATES, format=format, out=out, overwrite=True),
        check,
        lambda: export(folder, {}, format=format, out=out, overwrite=True),
    )
    assert steps > 10
    assert "previous" not in json.loads((tmp_path / f"out.{format}.manifest.json").read_text())
    assert not list(tmp_path.glob(".*.tmp"))  # the next export swept them


def test_a_replaced_folder_is_the_old_or_the_new_one(tmp_path, workspace):
    folder, out = workspace[0], tmp_path / "out"

    def check(whole):
        manifest = json.loads((out / "firstword-manifest.json").read_text())
        assert all(
            hashlib.sha256((out / n).read_bytes()).hexdigest() == v for n, v in manifest["sha256"].items()
        )
        n_rows = len(datasets.load_from_disk(str(out)))
        assert n_rows == manifest["n_rows"] and (n_rows == 4 or not whole)

    steps = every_end(
        lambda: export(folder, STATES, format="hf", out=out, overwrite=True),
        check,
        lambda: export(folder, {}, format="hf", out=out, overwrite=True),
    )
    assert steps > 10 and not list(tmp_path.glob(".*.tmp"))
