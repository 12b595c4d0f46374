"""What comes in arrives whole: rows, types, classes, ids, splits."""

import gzip
import json
import random
from pathlib import Path

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.data.columns import ID, LABEL, Columns
from backend.data.examples import Examples
from backend.data.ids import content_ids
from backend.data.ingest import dry_run, ingest
from backend.data.labels import class_places
from backend.data.read_csv import typed
from backend.data.splits import held_out, parse_fraction
from backend.errors import InputError
from backend.folder import Folder
from backend.manifest import ModelInfo
from tests.data.helpers import GOOD, bring_in, jsonl, splits


def test_files_and_manifest(tmp_path):
    folder, report = bring_in(
        tmp_path / "ws", jsonl(tmp_path / "t.jsonl", GOOD), jsonl(tmp_path / "e.jsonl", GOOD[:3])
    )
    manifest = folder.manifest()
    assert (manifest.data.n_train, manifest.data.n_eval, manifest.data.n_rejected) == (6, 3, 0)
    assert manifest.classes == ("neg", "pos") == report.classes
    assert report.counts == {"train": {"neg": 3, "pos": 3}, "eval": {"neg": 2, "pos": 1}}
    assert folder.state("data") == "current"
    assert manifest.artifacts["data"].id == manifest.data.fingerprint
    assert sorted(path.name for path in folder.data.iterdir()) == [
        "eval.parquet",
        "rejected.jsonl",
        "train.parquet",
    ]
    assert (folder.data / "rejected.jsonl").read_text() == ""
    train, _ = splits(folder)
    assert train.table.column_names == ["text", "label", ID, LABEL]
    assert len(train) == 6 and train.texts[1] == "text 1" and train.labels[1] == "pos"
    assert train.row(1) == GOOD[1]
    assert train.position(train.ids[4]) == 4 and train.has(train.ids[4]) and not train.has("x")
    with pytest.raises(InputError, match="'x' is not in train"):
        train.position("x")
    with pytest.raises(InputError, match="6 rows"):
        train.row(6)
    with pytest.raises(InputError, match="6 rows"):
        train.row(-1)


def test_unusable_rows_are_listed_not_dropped(tmp_path):
    rows = [
        *GOOD,
        {"text": "", "label": "pos"},
        {"text": "x"},
        {"text": None, "label": "neg"},
        {"text": 5, "label": "pos"},
    ]
    folder, report = bring_in(tmp_path / "ws", jsonl(tmp_path / "t.jsonl", rows), "0.4")
    assert report.n_train + report.n_eval == len(GOOD)
    assert [(r.row, r.column, r.reason) for r in report.rejected] == [
        (7, "text", "no text"),
        (8, "label", "no label"),
        (9, "text", "no text"),
        (10, "text", "is a number, not text"),
    ]
    listed = [json.loads(line) for line in (folder.data / "rejected.jsonl").read_text().splitlines()]
    assert [each["row"] for each in listed] == [7, 8, 9, 10]
    assert set(listed[0]) == {"file", "row", "column", "reason", "unit"} and listed[0]["unit"] == "line"
    assert folder.manifest().data.n_rejected == 4
    assert report.to_json()["rejected"][0]["row"] == 7
    assert "rejected: 4 rows" in "\n".join(report.lines())


def test_empty_second_text_is_unusable(tmp_path):
    rows = [{**row, "b": f"b {i}"} for i, row in enumerate(GOOD)]
    rows[2]["b"] = " "
    folder, report = bring_in(
        tmp_path / "ws",
        jsonl(tmp_path / "t.jsonl", rows),
        "0.4",
        columns=Columns("text", "label", text_b="b"),
    )
    assert [(r.row, r.column) for r in report.rejected] == [(3, "b")]
    train, _ = splits(folder)
    assert set(train.examples.fields[1]) < {row["b"] for row in rows}


def test_broken_rows_can_be_skipped(tmp_path):
    (tmp_path / "t.csv").write_bytes(
        b'text,label,id\none,a,1\ntwo,b\n\xff,a,3\n"x"y,a,4\nfive,b,5\nsix,a,5\n\nseven,b,7\n'
    )
    columns = Columns("text", "label", id="id")
    folder, report = bring_in(
        tmp_path / "ws",
        str(tmp_path / "t.csv"),
        jsonl(tmp_path / "e.jsonl", [{"text": "e", "label": "a", "id": 1}]),
        columns=columns,
        skip=True,
    )
    assert [r.row for r in report.rejected] == [2, 3, 4, 6]
    train, _ = splits(folder)
    assert train.ids == ["1", "5", "7"] and train.texts == ["one", "five", "seven"]
    lines = b'{"text": "a", "label": "x"}\n{oops\n\xff\n[]\n{"text": "b", "label": "y"}\n'
    (tmp_path / "t.jsonl").write_bytes(lines)
    _, report = bring_in(
        tmp_path / "ws2",
        str(tmp_path / "t.jsonl"),
        jsonl(tmp_path / "e.jsonl", [{"text": "e", "label": "x"}]),
        skip=True,
    )
    assert report.n_train == 2 and [r.row for r in report.rejected] == [2, 3, 4]


@pytest.mark.parametrize(
    "kind",
    ["csv", "tsv", "csv.gz", "jsonl", "ndjson", "json-lines", "jsonl.gz", "parquet", "folder", "JSONL"],
)
def test_every_kind_of_source_gives_the_same_rows(tmp_path, kind):
    path = tmp_path / f"t.{kind}"
    rows = [
        {"text": 'say "hi",\nthen\tgo \u2028 é', "label": 0, "n": -3},
        *({"text": f"t{i}", "label": i % 2, "n": i} for i in range(1, 9)),
    ]
    table = pa.Table.from_pylist(rows)
    if "sv" in kind:
        quoted = [[row["text"].replace('"', '""'), row["label"], row["n"]] for row in rows]
        comma = "\t" if kind == "tsv" else ","
        lines = [
            comma.join(["text", "label", "n"]),
            *(f'"{t}"{comma}{label}{comma}{n}' for t, label, n in quoted),
        ]
        content = b"\xef\xbb\xbf" + "\r\n".join(lines).encode()
    elif kind == "parquet":
        pq.write_table(table, path)
        content = path.read_bytes()
    elif kind == "folder":
        datasets.Dataset(table).save_to_disk(str(path))
        content = b""
    else:
        content = b"\xef\xbb\xbf" + "\n".join(json.dumps(row) for row in rows).encode()
    if kind != "folder":
        path.write_bytes(gzip.compress(content) if kind.endswith("gz") else content)
    folder, _ = bring_in(tmp_path / "ws", str(path), "0.3")
    found = [split.row(i) for split in splits(folder) for i in range(len(split))]
    assert sorted(found, key=lambda row: row["n"]) == rows
    assert splits(folder)[0].table.schema.types[1:3] == [pa.int64(), pa.int64()]
    assert folder.manifest().classes == ("0", "1")


# -- classes ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "classes"),
    [
        ([10, 9, 2], ("2", "9", "10")),
        ([1.0, 0.0, 10.0], ("0", "1", "10")),
        (["b", "a", "10"], ("10", "a", "b")),
        ([True, False, True], ("false", "true")),
        ([-1, 3, -1], ("-1", "3")),
    ],
)
def test_class_names_and_their_order(tmp_path, values, classes):
    table = pa.table({"text": ["a", "b", "c"], "label": values})
    pq.write_table(table, tmp_path / "t.parquet")
    pq.write_table(table.slice(0, 1), tmp_path / "e.parquet")
    folder, report = bring_in(tmp_path / "ws", str(tmp_path / "t.parquet"), str(tmp_path / "e.parquet"))
    assert report.classes == classes
    assert splits(folder)[0].table.column("label") == table.column("label")


def test_class_label_names_keep_their_order(tmp_path):
    features = datasets.Features(
        {"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["z", "y", "x"])}
    )
    made = datasets.Dataset.from_dict({"text": ["a", "b", "c"], "label": [0, 1, -1]}, features=features)
    made.save_to_disk(str(tmp_path / "folder"))
    made.to_parquet(str(tmp_path / "t.parquet"))
    eval = jsonl(tmp_path / "e.jsonl", [{"text": "q", "label": "y"}])
    for source in ("folder", "t.parquet"):
        folder, report = bring_in(tmp_path / f"ws-{source}", str(tmp_path / source), eval)
        assert report.classes == ("z", "y", "x")
        assert splits(folder)[0].labels == ["z", "y"]
        assert [r.reason for r in report.rejected] == ["no label"]


def test_class_label_out_of_range(tmp_path):
    described = {"info": {"features": {"label": {"names": ["a", "b"], "_type": "ClassLabel"}}}}
    table = pa.table({"text": ["a", "b", "c"], "label": [0, 1, 2]}).replace_schema_metadata(
        {"huggingface": json.dumps(described)}
    )
    pq.write_table(table, tmp_path / "t.parquet")
    with pytest.raises(InputError, match="row 3, column 'label': label 2 is none of the 2 classes"):
        bring_in(tmp_path / "ws", str(tmp_path / "t.parquet"), "0.5")


# -- CSV types ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (["1", "-2", ""], pa.int64()),
        (["007", "1"], pa.string()),
        (["1.10", "2.0"], pa.string()),
        (["1.5", "", "-2.0"], pa.float64()),
        (["1", "2.5"], pa.string()),
        (["+1"], pa.string()),
        (["1_000"], pa.string()),
        ([" 1"], pa.string()),
        (["٣"], pa.string()),
        (["9223372036854775808"], pa.string()),
        (["9" * 5000], pa.string()),
        (["nan", "1.5"], pa.string()),
        (["", ""], pa.string()),
        ([], pa.string()),
    ],
)
def test_csv_column_types(cells, kind):
    assert typed(cells).type == kind


numbers = st.one_of(st.integers().map(str), st.floats().map(repr), st.text(max_size=4), st.just(""))


@given(st.lists(numbers, max_size=5))
def test_csv_cells_survive_typing(cells):
    back = ["" if value is None else str(value) for value in typed(cells).to_pylist()]
    assert back == cells


def test_csv_text_of_digits_stays_text(tmp_path):
    (tmp_path / "t.csv").write_text("text,label\n1,a\n2,b\n3,a\n4,b\n")
    folder, _ = bring_in(tmp_path / "ws", str(tmp_path / "t.csv"), "0.5")
    assert set(splits(folder)[0].texts + splits(folder)[1].texts) == {"1", "2", "3", "4"}


def test_csv_cell_over_the_csv_modules_limit(tmp_path):
    (tmp_path / "t.csv").write_text("text,label\n" + "x" * 300_000 + ",a\ny,b\n")
    folder, _ = bring_in(
        tmp_path / "ws", str(tmp_path / "t.csv"), jsonl(tmp_path / "e.jsonl", [{"text": "q", "label": "a"}])
    )
    assert len(splits(folder)[0].texts[0]) == 300_000


# -- ids ----------------------------------------------------------------------------------------------


def test_ids_do_not_depend_on_other_rows():
    ids = content_ids("t", Examples.of(["a", "b", "a", "a"], None, ["x", "x", "x", "y"]))
    assert ids[2] == f"{ids[0]}-2" and len(set(ids)) == 4
    assert content_ids("t", Examples.of(["new", "b", "a"], None, ["x", "x", "x"]))[1:] == [ids[1], ids[0]]
    assert content_ids("e", Examples.of(["a"], None, ["x"]))[0][1:] == ids[0][1:]
    assert content_ids("t", Examples.of(["a"], [""], ["x"])) != content_ids(
        "t", Examples.of(["a"], None, ["x"])
    )
    assert len(ids[0]) == 17 and ids[0][0] == "t"


def test_user_ids_of_any_type_become_text(tmp_path):
    rows = [{**row, "key": [i, "a"] if i % 2 else i} for i, row in enumerate(GOOD)]
    eval = jsonl(tmp_path / "e.jsonl", [{**GOOD[0], "key": "same"}])
    folder, _ = bring_in(
        tmp_path / "ws",
        jsonl(tmp_path / "t.jsonl", rows),
        eval,
        columns=Columns("text", "label", id="key", group="key"),
    )
    train, _ = splits(folder)
    assert train.ids[:2] == ["0", '[1, "a"]'] == train.groups[:2]
    assert train.row(1)["key"] == [1, "a"]


def test_fingerprint_follows_content(tmp_path):
    def of(name, rows):
        return (
            bring_in(tmp_path / name, jsonl(tmp_path / "t.jsonl", rows), "0.4")[0].manifest().data.fingerprint
        )

    assert of("a", GOOD) == of("b", GOOD) != of("c", [*GOOD, {"text": "new", "label": "pos"}])


# -- splits -------------------------------------------------------------------------------------------


def test_split_column(tmp_path):
    parts = ["train", "Train", "validation", "dev", "test", None]
    rows = [{**row, "part": part} for row, part in zip(GOOD, parts, strict=True)]
    source, columns = jsonl(tmp_path / "t.jsonl", rows), Columns("text", "label", split="part")
    for name, eval in (("a", None), ("b", source)):
        folder, report = bring_in(tmp_path / name, source, eval, columns=columns)
        assert (report.n_train, report.n_eval) == (2, 2)
        assert report.left_out == {"test": 1, "": 1}
        assert splits(folder)[1].texts == ["text 2", "text 3"]
    only_test = jsonl(tmp_path / "t.jsonl", [row for row in rows if row["part"] not in ("validation", "dev")])
    folder, report = bring_in(tmp_path / "c", only_test, columns=columns)
    assert splits(folder)[1].texts == ["text 4"] and report.left_out == {"": 1}
    folder, report = bring_in(tmp_path / "d", source, only_test, columns=columns)
    assert splits(folder)[1].texts == ["text 4"]


def test_rows_of_other_splits_are_not_validated(tmp_path):
    rows = [
        {**row, "part": part}
        for row, part in zip(GOOD, ["train", "train", "validation", "test", "test", "test"], strict=True)
    ]
    rows[4]["text"] = rows[5]["label"] = None
    _, report = bring_in(
        tmp_path / "a", jsonl(tmp_path / "t.jsonl", rows), columns=Columns("text", "label", split="part")
    )
    assert report.rejected == () and report.left_out == {"test": 3}


def test_dataset_dict(tmp_path):
    def part(n):
        return datasets.Dataset.from_list([{"text": f"{n} {i}", "label": i % 2} for i in range(n)])

    datasets.DatasetDict({"train": part(6), "validation": part(2), "test": part(3)}).save_to_disk(
        str(tmp_path / "dd")
    )
    source = str(tmp_path / "dd")
    _, report = bring_in(tmp_path / "a", source)
    assert (report.n_train, report.n_eval, report.left_out) == (6, 2, {"test": 3})
    assert bring_in(tmp_path / "b", source, f"{source}:test")[1].n_eval == 3
    assert bring_in(tmp_path / "c", source, source)[1].n_eval == 2
    with pytest.raises(InputError, match="no split 'nope'; it has 'train', 'validation', 'test'"):
        bring_in(tmp_path / "d", source, f"{source}:nope")
    part(4).save_to_disk(str(tmp_path / "one"))
    with pytest.raises(InputError, match="one split without a name"):
        bring_in(tmp_path / "d", f"{tmp_path / 'one'}:train", "0.5")


def test_hub(tmp_path, monkeypatch):
    """The real calls are replaced: no network here."""
    parts = {"train": [0, 1, 0, 1], "test": [0, 1]}
    asked = []

    def load(name, config, split):
        asked.append((name, config, split))
        return datasets.Dataset.from_dict(
            {"text": [f"{split} {i}" for i in range(len(parts[split]))], "label": parts[split]}
        )

    monkeypatch.setattr(datasets, "get_dataset_split_names", lambda name, config: list(parts))
    monkeypatch.setattr(datasets, "load_dataset", load)
    _, report = bring_in(tmp_path / "a", "owner/name@plain")
    assert (report.n_train, report.n_eval) == (4, 2)
    assert asked == [("owner/name", "plain", "train"), ("owner/name", "plain", "test")]
    assert bring_in(tmp_path / "b", "owner/name", "owner/other:train")[1].n_eval == 4
    with pytest.raises(InputError, match="misspelt: no such file or folder"):
        bring_in(tmp_path / "c", "misspelt")


@given(st.data())
def test_held_out_share(data):
    """No text on both sides, no class lost from train, independent of the order of rows."""
    texts = data.draw(st.lists(st.integers(0, 30).map(lambda i: f"Text  {i}"), min_size=1, max_size=60))
    labels = data.draw(st.lists(st.sampled_from("abc"), min_size=len(texts), max_size=len(texts)))

    def chosen(order):
        mask = held_out(Examples.of(texts, None, labels).take(order), 0.3, seed=1)
        return sorted(texts[i] for i, out in zip(order, mask, strict=True) if out), mask

    order = list(range(len(texts)))
    out, mask = chosen(order)
    assert not set(out) & {text for text, held in zip(texts, mask, strict=True) if not held}
    assert {label for label, held in zip(labels, mask, strict=True) if not held} == set(labels)
    random.Random(0).shuffle(order)
    assert chosen(order)[0] == out


def test_held_out_share_is_exact_without_repeats(tmp_path):
    rows = [{"text": f"t{i}", "label": "ab"[i % 4 == 0]} for i in range(400)]
    source = jsonl(tmp_path / "t.jsonl", rows)
    folder, report = bring_in(tmp_path / "a", source, "20%", seed=1)
    assert report.counts == {"train": {"a": 240, "b": 80}, "eval": {"a": 60, "b": 20}}
    again, _ = bring_in(tmp_path / "b", source, "0.2", seed=1)
    other, _ = bring_in(tmp_path / "c", source, "0.2", seed=2)
    assert splits(folder)[1].ids == splits(again)[1].ids != splits(other)[1].ids


def test_equal_texts_up_to_case_and_space_stay_together(tmp_path):
    rows = [
        {"text": text, "label": "ab"[i % 2]}
        for i in range(50)
        for text in (f"Some text {i}", f" some  TEXT {i}")
    ]
    folder, _ = bring_in(tmp_path / "a", jsonl(tmp_path / "t.jsonl", rows), "0.3")
    plain = [{" ".join(text.lower().split()) for text in split.texts} for split in splits(folder)]
    assert not plain[0] & plain[1] and len(plain[1]) == 15 - 15 % 2


@pytest.mark.parametrize(
    ("text", "share"), [("0.2", 0.2), (".5", 0.5), ("25%", 0.25), ("a.csv", None), (None, None), ("", None)]
)
def test_parse_fraction(text, share):
    assert parse_fraction(text) == share


# -- lossless JSON ------------------------------------------------------------------------------------

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab", max_size=2), inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=40, deadline=None)
@given(st.lists(json_values, min_size=4, max_size=6))
def test_any_json_value_is_kept_exactly(tmp_path_factory, values):
    tmp_path: Path = tmp_path_factory.mktemp("json")
    rows = [{"text": f"t{i}", "label": "ab"[i % 2], "extra": value} for i, value in enumerate(values)]
    folder, _ = bring_in(
        tmp_path / "ws",
        jsonl(tmp_path / "t.jsonl", rows),
        jsonl(tmp_path / "e.jsonl", [{"text": "q", "label": "a"}]),
    )
    train, _ = splits(folder)
    back = [train.row(i)["extra"] for i in range(len(train))]
    assert json.dumps(back) == json.dumps(values)


# -- eval rows that train has too ---------------------------------------------------------------------


def test_overlap_is_counted(tmp_path):
    eval = jsonl(tmp_path / "e.jsonl", [GOOD[0], GOOD[0], {"text": "new", "label": "pos"}])
    _, report = bring_in(tmp_path / "ws", jsonl(tmp_path / "t.jsonl", GOOD), eval)
    assert report.overlap == 2 == report.to_json()["overlap"]
    assert "overlap: 2 of 3 eval rows have a text that train has too" in report.lines()
    _, report = bring_in(tmp_path / "ws2", jsonl(tmp_path / "t.jsonl", GOOD), "0.4")
    assert report.overlap == 0 and not any("overlap" in line for line in report.lines())


def test_places_of_labels_among_the_classes():
    assert class_places(["b", "a", "b"], ["a", "b"]).tolist() == [1, 0, 1]
    assert class_places([], ["a"]).dtype == class_places(["a"], ["a"]).dtype == "int64"
    with pytest.raises(KeyError):
        class_places(["c"], ["a", "b"])


SLASHED = [
    "rock/pop",
    "rock",
    "pop",
    "R&D",
    "R",
    "D",
    "yes/no",
    "yes",
    "no",
    "2020/21",
    "food",
    "food|organic",
]


@pytest.mark.parametrize("joined", [False, True])
def test_the_run_brings_in_what_the_check_counted(tmp_path, joined):
    """A ragged row that is skipped takes no class with it."""
    rows = [f"text {i},{SLASHED[i % len(SLASHED)]}" for i in range(120)]
    (tmp_path / "a.csv").write_text(
        "\n".join(["text,label", *rows, "ragged,pop,more"]) + "\n", encoding="utf-8"
    )
    asked = {"train": str(tmp_path / "a.csv"), "eval": "0.5", "columns": Columns("text", "label")}
    found = dry_run(**asked, skip_joined_labels=joined)
    with Folder.create(tmp_path / "ws") as folder:
        report = ingest(
            folder, **asked, model=ModelInfo(name="minilm"), skip_bad_rows=True, skip_joined_labels=joined
        )
    assert report == found and [each.row for each in report.broken] == [121]
    left_out = {"rock/pop", "R&D", "yes/no"} if joined else set()
    assert set(report.classes) == set(SLASHED) - left_out
    assert len(report.rejected) == 1 + 10 * len(left_out)
    assert report.n_train + report.n_eval == 120 - 10 * len(left_out)
    reasons = {each.reason.partition(":")[0] for each in report.rejected if each not in report.broken}
    assert reasons == ({"looks like several choices in one cell"} if joined else set())


def test_leaving_out_joined_labels_needs_no_leaving_out_of_bad_rows(tmp_path):
    rows = [{"text": f"text {i}", "label": ("a", "b", "a#b")[i % 3]} for i in range(30)]
    (tmp_path / "a.csv").write_text("text,label\nx,a,more\n", encoding="utf-8")
    asked = {"eval": "0.5", "columns": Columns("text", "label"), "model": ModelInfo(name="minilm")}
    source = jsonl(tmp_path / "a.jsonl", rows)
    with Folder.create(tmp_path / "ws") as folder:
        report = ingest(folder, train=source, **asked, skip_joined_labels=True)
    assert report.classes == ("a", "b") and not report.broken and len(report.rejected) == 10
    with pytest.raises(InputError, match="--skip-bad-rows"), Folder.create(tmp_path / "other") as folder:
        ingest(folder, train=str(tmp_path / "a.csv"), **asked, skip_joined_labels=True)
