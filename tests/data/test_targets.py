"""Targets that are sets of labels, or numbers: from every form of cells, back into it, as numbers."""

import csv
import json
import math

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.data.choices import NotALabel
from backend.data.columns import Columns
from backend.data.targets.class_space import ClassSpace
from backend.data.targets.label_sets import NONE, LabelSetSpace, joined, parted
from backend.data.targets.number_cells import NumberCodec
from backend.data.targets.number_space import NumberSpace, as_target
from backend.data.targets.set_cells import FlagsCodec, SetCodec
from backend.errors import InputError
from backend.manifest import TaskInfo
from backend.workspace import Workspace
from tests.conftest import write_rows
from tests.tiny_tasks import LABELS, number_rows, set_rows

names = st.text(
    st.characters(blacklist_characters=";", blacklist_categories=("Cs", "Cc", "Zs", "Zl", "Zp")), min_size=1
).filter(lambda each: each != NONE)
numbers = st.floats(-1e15, 1e15, allow_nan=False).map(lambda each: 0.0 if each == 0 else each)


@given(st.sets(names, max_size=6))
def test_a_set_of_labels_is_text_and_back(labels):
    assert set(parted(joined(labels))) == labels


@given(st.sets(names, min_size=1, max_size=6), st.data())
@settings(max_examples=60)
def test_numbers_of_label_sets_are_their_inverse(known, data):
    space = LabelSetSpace(tuple(sorted(known)))
    rows = [joined(each) for each in data.draw(st.lists(st.sets(st.sampled_from(space.names)), max_size=5))]
    found = space.numbers(rows)
    assert found.shape == (len(rows), len(space.names)) and found.dtype == np.float32
    assert space.targets(found) == rows and all(space.read(each) == each for each in rows)


@given(numbers)
def test_a_number_is_text_and_back(value):
    assert float(as_target(value)) == value
    assert NumberSpace(0, 1, 2).read(as_target(value)) == as_target(value)


@given(st.lists(st.integers(0, 9).map(str), min_size=1, max_size=60))
def test_equal_numbers_are_in_one_stratum_and_strata_ascend(targets):
    strata = NumberSpace(0, 5, 9).strata(targets)
    pairs = sorted({(float(each), number) for each, number in zip(targets, strata.tolist(), strict=True)})
    assert len({value for value, _ in pairs}) == len(pairs) <= 10
    assert [number for _, number in pairs] == sorted(number for _, number in pairs)


def test_a_row_is_in_the_stratum_of_its_rarest_label():
    space = LabelSetSpace(("a", "b", "c"))
    rows = ["a", "a; b", "a; b", "a; c", NONE]
    assert space.strata(rows).tolist() == [0, 1, 1, 2, 3]


@pytest.mark.parametrize("typed", ["b; a", "a;b", " a ;b "])
def test_labels_may_be_typed_in_any_order(typed):
    assert LabelSetSpace(("a", "b")).read(typed) == "a; b"


@pytest.mark.parametrize("typed", ["", NONE, " "])
def test_no_label_may_be_typed(typed):
    assert LabelSetSpace(("a", "b")).read(typed) == NONE


def test_a_decimal_comma_is_told_how_to_write_it():
    with pytest.raises(InputError, match=r"label '3,5': write the number with a point, such as 3\.5"):
        NumberSpace(0, 1, 5).read("3,5")


def test_a_number_beyond_the_training_rows_is_said():
    space = NumberSpace(0, 2.5, 5)
    assert [space.oddity(each) for each in ("0", "5", "3.1")] == ["", "", ""]
    said = "is beyond the numbers that the training rows came with, 0 to 5"
    assert [space.oddity(each) for each in ("5.1", "-1")] == [f"5.1 {said}", f"-1 {said}"]
    assert LabelSetSpace(("a", "b")).oddity("a") == ClassSpace(("a", "b")).oddity("a") == ""


@pytest.mark.parametrize(
    ("space", "typed"),
    [
        (LabelSetSpace(("a", "b")), "a; c"),
        (NumberSpace(0, 1, 2), "many"),
        (NumberSpace(0, 1, 2), "nan"),
        (NumberSpace(0, 1, 2), "inf"),
        (NumberSpace(0, 1, 2), "1e300"),
        (NumberSpace(0, 1, 2), "1_0"),
        (ClassSpace(("a", "b")), "c"),
    ],
)
def test_what_is_no_target_is_refused_in_one_line(space, typed):
    with pytest.raises(InputError) as caught:
        space.read(typed)
    assert "\n" not in str(caught.value)


SET_CELLS = [
    (pa.list_(pa.string()), ["a", "b"], "a; b"),
    (pa.list_(pa.string()), [], NONE),
    (pa.list_(pa.string()), ["b", "a", "a"], "a; b"),
    (pa.string(), "b;a", "a; b"),
    (pa.string(), "", NONE),
    (pa.string(), '["b", "a"]', "a; b"),
    (pa.string(), NONE, NONE),
    (pa.list_(pa.int64()), [1, 0], "0; 1"),
    (pa.large_list(pa.int64()), [1, 0], "0; 1"),
    (pa.large_list(pa.string()), ["b", "a"], "a; b"),
]


@pytest.mark.parametrize(("kind", "cell", "target"), SET_CELLS)
def test_cells_hold_sets_and_take_them_back(kind, cell, target):
    codec = SetCodec.of(pa.schema([("labels", kind)]), "labels", "f")
    assert codec.decode(cell) == target
    other = "1" if "int64" in str(kind) else "x; y"
    for new in (other, NONE):
        written = codec.encode(new, cell)
        assert codec.decode(written) == new and type(written) is type(cell)
        pa.array([written], kind)


@pytest.mark.parametrize("cell", [["a;b"], [""], [NONE], [1.5], [None], {"a": 1}, "a;(none)"])
def test_cells_that_hold_no_set(cell):
    with pytest.raises(NotALabel):
        SetCodec("list", pa.list_(pa.string())).decode(cell)


@pytest.mark.parametrize(
    ("kind", "cells"),
    [(pa.int8(), (1, 0)), (pa.bool_(), (True, False)), (pa.float64(), (1.0, 0.0)), (pa.string(), ("1", "0"))],
)
def test_columns_of_0_and_1(kind, cells):
    codec = FlagsCodec.of(pa.schema([("a", kind), ("b", kind)]), ("a", "b"), "f")
    assert codec.decode(cells) == "a" and codec.decode(cells[::-1]) == "b"
    assert codec.decode((cells[1], cells[1])) == NONE and codec.decode((None, cells[0])) is None
    assert (codec.cell("a", "a; b", cells[0]), codec.cell("b", "a", cells[0])) == cells
    with pytest.raises(NotALabel):
        codec.decode(("2" if isinstance(cells[0], str) else 2, cells[0]))


@pytest.mark.parametrize(
    ("kind", "cell", "target", "written"),
    [
        (pa.float64(), 3.8, "3.8", 3.8),
        (pa.float32(), 2.0, "2", 2.0),
        (pa.float32(), float(np.float32(0.1)), "0.1", 0.1),
        (pa.float16(), float(np.float16(0.1)), "0.1", 0.1),
        (pa.int32(), 4, "4", 4),
        (pa.string(), " 4.50 ", "4.5", "4.5"),
    ],
)
def test_cells_hold_numbers_and_take_them_back(kind, cell, target, written):
    codec = NumberCodec.of(pa.schema([("y", kind)]), "y", "f")
    assert codec.decode(cell) == target and codec.encode(target) == written
    assert codec.decode(None) is None and (kind != pa.float64() or codec.decode(math.nan) is None)


def test_a_column_of_whole_numbers_takes_no_other():
    with pytest.raises(ValueError, match=r"2\.5"):
        NumberCodec("integer", pa.int64()).encode("2.5")


def test_a_column_of_half_precision_takes_no_number_beyond_it():
    with pytest.raises(ValueError, match="too large"):
        NumberCodec("float", pa.float16()).encode("70000")


@pytest.mark.parametrize("cell", ["many", math.inf, 1e16, 1e300, "1,5", "1_0"])
def test_cells_that_hold_no_number(cell):
    with pytest.raises(NotALabel):
        NumberCodec("float", pa.float64()).decode(cell)


# -- whole workspaces --------------------------------------------------------------------------------


def created(tmp_path, train, columns: Columns) -> Workspace:
    workspace, _ = Workspace.create(
        tmp_path / "ws", train=str(train), eval="0.25", columns=columns, model="sshleifer/unused"
    )
    return workspace


def multi(**more) -> Columns:
    return Columns("text", more.pop("label", "labels"), id="id", task="multilabel", **more)


def as_csv(path, rows):
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def sources(tmp_path):
    """The same rows in every form: name, file, columns."""
    rows = set_rows(48)
    text = [{**row, "labels": ";".join(row["labels"])} for row in rows]
    flags = [
        {**{n: row[n] for n in ("id", "text")}, **{name: int(name in row["labels"]) for name in LABELS}}
        for row in rows
    ]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "rows.parquet")
    return {
        "jsonl": (write_rows(tmp_path / "rows.jsonl", rows), multi()),
        "parquet": (tmp_path / "rows.parquet", multi()),
        "csv": (as_csv(tmp_path / "rows.csv", text), multi()),
        "flags": (as_csv(tmp_path / "flags.csv", flags), multi(label=LABELS[0], labels=LABELS)),
        "flags jsonl": (write_rows(tmp_path / "flags.jsonl", flags), multi(label=LABELS[0], labels=LABELS)),
    }


@pytest.mark.parametrize("form", ["jsonl", "parquet", "csv", "flags", "flags jsonl"])
def test_every_form_of_columns_is_the_same_data(form, tmp_path):
    source, columns = sources(tmp_path)[form]
    workspace = created(tmp_path, source, columns)
    found = dict(zip(workspace.train_split.ids, workspace.train_split.labels, strict=True))
    found |= dict(zip(workspace.eval_split.ids, workspace.eval_split.labels, strict=True))
    assert found == {row["id"]: joined(row["labels"]) for row in set_rows(48)}
    assert workspace.manifest.task == TaskInfo(name="multilabel", classes=LABELS)
    assert len(workspace.eval_split) == pytest.approx(12, abs=3)
    assert {label for row in workspace.train_split.labels for label in parted(row)} == set(LABELS)


@pytest.mark.parametrize("form", ["jsonl", "parquet", "csv", "flags", "flags jsonl"])
def test_an_export_holds_new_sets_in_the_form_of_the_source(form, tmp_path):
    source, columns = sources(tmp_path)[form]
    workspace = created(tmp_path, source, columns)
    first, second, third = workspace.train_split.ids[:3]
    given = workspace.train_split.labels
    workspace.review.relabel(first, "plot; blame" if given[0] != "blame; plot" else "music")
    workspace.review.relabel(second, NONE if given[1] != NONE else "praise")
    format = {"csv": "csv", "flags": "csv", "parquet": "parquet"}.get(form, "jsonl")
    out = tmp_path / f"cleaned.{format}"
    workspace.export(format=format, out=out)
    again = created(tmp_path / "again", out, columns) if (tmp_path / "again").mkdir() is None else None
    assert again is not None
    rows = dict(zip(again.train_split.ids, again.train_split.labels, strict=True))
    rows |= dict(zip(again.eval_split.ids, again.eval_split.labels, strict=True))
    states = workspace.review.states()
    assert rows[first] == states[first].label and rows[second] == states[second].label
    assert rows[third] == given[2]
    if form == "parquet":
        assert pq.read_schema(out).field("labels").type == pa.list_(pa.string())


def test_numbers_keep_their_type_in_an_export(tmp_path):
    source = write_rows(tmp_path / "rows.jsonl", number_rows(40))
    workspace = created(tmp_path, source, Columns("text", "label", id="id", task="regression"))
    row = workspace.train_split.ids[0]
    workspace.review.relabel(row, "2.75")
    out = tmp_path / "cleaned.jsonl"
    workspace.export(format="jsonl", out=out)
    exported = {each["id"]: each["label"] for each in map(json.loads, out.read_text().splitlines())}
    assert exported[row] == 2.75 and all(isinstance(each, float) for each in exported.values())
    low, middle, high = workspace.manifest.task.range
    values = [float(each) for each in workspace.train_split.labels]
    assert (low, middle, high) == (min(values), float(np.median(values)), max(values))


def test_a_patch_carries_sets_and_numbers_to_another_workspace(tmp_path):
    source = write_rows(tmp_path / "rows.jsonl", set_rows(48))
    one = created(tmp_path, source, multi())
    row = one.train_split.ids[0]
    one.relabel(
        row, "music; plot" if one.train_split.labels[0] != "music; plot" else "praise", reason="heard"
    )
    one.export(what="patch", format="csv", out=tmp_path / "patch.csv")
    (tmp_path / "other").mkdir()
    other = created(tmp_path / "other", source, multi())
    other.import_patch(str(tmp_path / "patch.csv"))
    assert other.states()[row].label == one.states()[row].label


NUMBER = Columns("text", "label", task="regression")


def labelled(value) -> list[dict]:
    return [{"text": f"text {number}", "label": value} for number in range(8)]


@pytest.mark.parametrize(
    ("columns", "rows", "message"),
    [
        (multi(), [{**row, "labels": 3.5} for row in set_rows(8)], "can't be sets of labels"),
        (multi(label="plot", labels=("plot", "music")), set_rows(8), "no column 'plot'"),
        (multi(), [{**row, "labels": []} for row in set_rows(8)], "no training row has any label"),
        (
            Columns("text", "label", task="regression"),
            [{"text": f"t {n}", "label": 2} for n in range(8)],
            "nothing to learn",
        ),
        (multi(), [{**row, "labels": ["plot"]} for row in set_rows(8)], "nothing to learn"),
        (
            multi(),
            [{**row, "labels": [["x"], ["not x"]][n % 2]} for n, row in enumerate(set_rows(8))],
            "asks why",
        ),
        (
            multi(label="plot", labels=("plot", "mu;sic")),
            [{**row, "plot": n % 2, "mu;sic": 1} for n, row in enumerate(set_rows(8))],
            "can't be a label",
        ),
        (
            Columns("text", "label", task="regression"),
            [{"text": f"t {n}", "label": "bad"} for n in range(8)],
            "is no number",
        ),
        (
            Columns("text", "label", task="regression"),
            [{"text": f"t {n}", "label": True} for n in range(8)],
            "can't be numbers",
        ),
    ],
)
def test_wrong_data_are_one_line_and_leave_nothing(columns, rows, message, tmp_path):
    source = write_rows(tmp_path / "rows.jsonl", rows)
    with pytest.raises(InputError, match=message) as caught:
        created(tmp_path, source, columns)
    assert "\n" not in str(caught.value) and not (tmp_path / "ws").exists()


def test_appended_rows_have_targets_of_the_task(tmp_path):
    for name, rows, columns, target in (
        ("sets", set_rows(48), multi(), "labels"),
        ("numbers", number_rows(40), Columns("text", "label", id="id", task="regression"), "label"),
    ):
        home = tmp_path / name
        home.mkdir()
        workspace = created(home, write_rows(home / "rows.jsonl", rows), columns)
        more = [{**row, "id": f"new{row['id']}", "text": f"more: {row['text']}"} for row in rows[:5]]
        report = workspace.append(train=str(write_rows(home / "more.jsonl", more)))
        assert report.n_appended == 5
        shown = joined(more[0][target]) if name == "sets" else as_target(more[0][target])
        assert workspace.train_split.labels[-5] == shown
        wrong = [{**more[0], "id": "w", target: ["magic"] if name == "sets" else "magic"}]
        with pytest.raises(InputError):
            workspace.append(train=str(write_rows(home / "wrong.jsonl", wrong)))


def test_nothing_is_decided_that_is_no_target(tmp_path):
    workspace = created(tmp_path, write_rows(tmp_path / "rows.jsonl", set_rows(48)), multi())
    row = workspace.train_split.ids[0]
    with pytest.raises(InputError, match="none of"):
        workspace.review.relabel(row, "music; magic")
    assert not workspace.review.states()


def test_labels_inside_objects_are_written_where_they_stand(tmp_path):
    rows = [
        {"id": row["id"], "text": row["text"], "said": {"labels": row["labels"], "by": "Ann"}}
        for row in set_rows(48)
    ]
    workspace = created(tmp_path, write_rows(tmp_path / "rows.jsonl", rows), multi(label="said.labels"))
    row = workspace.train_split.ids[0]
    new = "music" if workspace.train_split.labels[0] != "music" else "plot"
    workspace.review.relabel(row, new)
    workspace.export(format="jsonl", out=tmp_path / "cleaned.jsonl")
    exported = {
        each["id"]: each for each in map(json.loads, (tmp_path / "cleaned.jsonl").read_text().splitlines())
    }
    assert exported[row]["said"] == {"labels": [new], "by": "Ann"}


def whole_numbers(tmp_path, nested: bool) -> Workspace:
    """A workspace of whole numbers, in a column or inside objects."""
    rows = [
        {"id": f"r{n}", "text": f"text {n}", **({"at": {"stars": n % 5}} if nested else {"stars": n % 5})}
        for n in range(40)
    ]
    columns = Columns("text", "at.stars" if nested else "stars", id="id", task="regression")
    return created(tmp_path, write_rows(tmp_path / "rows.jsonl", rows), columns)


@pytest.mark.parametrize("nested", [False, True])
def test_a_number_that_the_column_can_not_hold_is_refused_when_decided(nested, tmp_path):
    workspace = whole_numbers(tmp_path, nested)
    row = workspace.train_split.ids[0]
    with pytest.raises(InputError, match=r"cannot hold label '2\.5'"):
        workspace.review.relabel(row, "2.5")
    assert not workspace.review.states()
    workspace.review.relabel(row, "9")
    workspace.export(format="jsonl", out=tmp_path / "cleaned.jsonl")
    exported = {
        each["id"]: each for each in map(json.loads, (tmp_path / "cleaned.jsonl").read_text().splitlines())
    }
    found = exported[row]["at"]["stars"] if nested else exported[row]["stars"]
    assert found == 9 and type(found) is int


def test_a_patch_may_spell_sets_in_its_own_way(tmp_path):
    workspace = created(tmp_path, write_rows(tmp_path / "rows.jsonl", set_rows(48)), multi())
    row = next(
        each for each, target in zip(workspace.train_split.ids, workspace.train_split.labels, strict=True)
        if target != "blame; plot"
    )  # fmt: skip
    patch = tmp_path / "patch.csv"
    as_csv(patch, [{"id": row, "action": "relabel", "new_label": "plot;blame", "reason": ""}])
    workspace.review.import_patch(str(patch))
    assert workspace.review.states()[row].label == "blame; plot"


def test_labels_that_differ_in_spelling_only_are_remarked_on(tmp_path):
    rows = [
        {**row, "labels": [*row["labels"], "Plot"] if n % 6 == 0 else row["labels"]}
        for n, row in enumerate(set_rows(48))
    ]
    source = write_rows(tmp_path / "rows.jsonl", rows)
    _, report = Workspace.create(
        tmp_path / "ws", train=str(source), eval="0.25", columns=multi(), model="sshleifer/unused"
    )
    assert any("differ only in" in each.text for each in report.survey.remarks)
