"""Files as people and annotation tools have them: read, guessed, and exported again without loss."""

import csv
import gzip
import io
import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.data.columns import Columns
from backend.data.dataset import load_split
from backend.data.delimiter import find_delimiter, looks_like_data
from backend.data.export import export
from backend.data.json_text import JsonText, elements
from backend.data.nested import dug, planted
from backend.data.peek import peek
from backend.data.rowstate import RowState
from backend.data.sources import first_rows
from backend.errors import InputError
from tests.data.helpers import bring_in, jsonl

TEXTS = [f"the film feels {'witty' if i % 2 else 'dull'} {i}" for i in range(20)]
LABELS = ["positive" if i % 2 else "negative" for i in range(20)]
PAIRS = list(zip(TEXTS, LABELS, strict=True))


def task(number: int, text: str, choices: list[str], **annotation) -> dict:
    """A task as Label Studio exports it (https://labelstud.io/guide/task_format)."""
    result = {"from_name": "sentiment", "to_name": "text", "type": "choices", "value": {"choices": choices}}
    done = {"id": number, "completed_by": 1, "was_cancelled": False, "result": [result], **annotation}
    return {"id": number, "data": {"text": text}, "annotations": [done], "predictions": [], "meta": {}}


def argilla(number: int, text: str, label: str) -> dict:
    """A record as `dataset.records.to_json` of Argilla 2 writes it."""
    responses = {"label": [{"value": label, "user_id": "u1", "status": "submitted"}]}
    return {
        **{"id": str(number), "fields": {"text": text}, "metadata": {"topic": "film"}, "vectors": {}},
        **{"suggestions": {"label": {"value": "negative", "score": 0.5, "agent": None}}},
        **{"responses": responses, "status": "completed", "_server_id": None},
    }


def flat(number: int, text: str, label: str) -> dict:
    """The same flattened, as `to_datasets` and `to_dict(flatten=True)` have it."""
    return {
        **{"id": str(number), "status": "completed", "_server_id": None, "text": text},
        **{"label.responses": [label], "label.responses.users": ["u1"]},
        **{"label.responses.status": ["submitted"], "label.suggestion": "negative"},
    }


RECORDS = {
    "label studio": [task(i, text, [label]) for i, (text, label) in enumerate(PAIRS)],
    "label studio, min": [
        {"text": text, "id": i, "sentiment": label, "annotator": 1, "lead_time": 1.5}
        for i, (text, label) in enumerate(PAIRS)
    ],
    "doccano": [{"id": i, "text": text, "label": [label]} for i, (text, label) in enumerate(PAIRS)],
    "doccano, old": [
        {"doc_id": i, "text": text, "labels": [label], "username": "a"}
        for i, (text, label) in enumerate(PAIRS)
    ],
    "argilla": [argilla(i, *pair) for i, pair in enumerate(PAIRS)],
    "argilla, flat": [flat(i, *pair) for i, pair in enumerate(PAIRS)],
    "nested": [{"review": {"text": text, "stars": 3}, "label": label} for text, label in PAIRS],
    "flat": [{"text": text, "label": label} for text, label in PAIRS],
}
GUESSED = {
    "label studio": ("data.text", "annotations.result.value.choices"),
    "label studio, min": ("text", "sentiment"),
    "doccano": ("text", "label"),
    "doccano, old": ("text", "labels"),
    "argilla": ("fields.text", "responses.label.value"),
    "argilla, flat": ("text", "label.responses"),
    "nested": ("review.text", "label"),
    "flat": ("text", "label"),
}


def written(path: Path, records: list[dict], form: str) -> str:
    """The records as lines, as an array on one line, or over many; or below a key of one object."""
    if form == "lines":
        return jsonl(path.with_suffix(".jsonl"), records)
    content = {"data": records, "version": 1} if form == "inside" else records
    path = path.with_suffix(".json")
    path.write_text(
        json.dumps(content, indent=2 if form in ("indented", "inside") else None), encoding="utf-8"
    )
    return str(path)


def exported(folder, tmp_path: Path, states=None) -> list[dict]:
    """The training rows as jsonl, in the order of the export."""
    out = tmp_path / "out.jsonl"
    export(folder, states or {}, format="jsonl", out=out, overwrite=True)
    return [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("form", ["lines", "array", "indented", "inside"])
@pytest.mark.parametrize("tool", RECORDS)
def test_a_tools_file_is_guessed_read_and_exported_as_it_was(tmp_path, tool, form):
    source = written(tmp_path / "tool", RECORDS[tool], form)
    guess = peek(source).guess
    assert (guess.text, guess.label) == GUESSED[tool]
    folder, report = bring_in(tmp_path / "ws", source, "0.2", columns=Columns(guess.text, guess.label))
    assert report.classes == ("negative", "positive") and (report.n_train, report.n_eval) == (16, 4)
    train = load_split(folder, "train")
    assert dict(zip(train.texts, train.labels, strict=True)).items() <= dict(PAIRS).items()
    kept = {guess.text, *train.texts}
    assert kept and all(row in RECORDS[tool] for row in exported(folder, tmp_path))


@pytest.mark.parametrize("tool", RECORDS)
def test_a_new_label_is_written_where_the_tool_has_it(tmp_path, tool):
    source = written(tmp_path / "tool", RECORDS[tool], "lines")
    text, label = GUESSED[tool]
    folder, _ = bring_in(tmp_path / "ws", source, "0.2", columns=Columns(text, label))
    train = load_split(folder, "train")
    other = {"negative": "positive", "positive": "negative"}[train.labels[0]]
    states = {train.ids[0]: RowState("relabel", other, "wrong", "me", "now")}
    changed = exported(folder, tmp_path, states)
    again = written(tmp_path / "again", changed, "lines")
    labels = load_split(bring_in(tmp_path / "ws2", again, "0.2", columns=Columns(text, label))[0], "train")
    found = dict(zip(labels.texts, labels.labels, strict=True))
    evaluated = load_split(bring_in(tmp_path / "ws3", again, "0.2", columns=Columns(text, label))[0], "eval")
    found |= dict(zip(evaluated.texts, evaluated.labels, strict=True))
    assert found[train.texts[0]] == other
    assert sum(a != b for a, b in zip(changed, exported(folder, tmp_path), strict=True)) == 1


def test_what_does_not_count_is_left_out_and_several_choices_are_rejected(tmp_path):
    rows = [
        task(0, "several", ["positive", "negative"]),
        task(1, "cancelled", ["negative"], was_cancelled=True),
        {**task(2, "none", []), "annotations": []},
        {**task(3, "twice", ["positive"]), "annotations": 2 * task(3, "", ["positive"])["annotations"]},
        *RECORDS["label studio"][4:],
    ]
    source = written(tmp_path / "tool", rows, "array")
    columns = Columns("data.text", "annotations.result.value.choices")
    with pytest.raises(
        InputError, match=r"item 1, column .*several choices in one cell: 'positive', 'negative'"
    ):
        bring_in(tmp_path / "ws", source, "0.2", columns=columns)
    folder, report = bring_in(tmp_path / "ws", source, "0.2", columns=columns, skip=True)
    assert [(each.row, each.reason.split(":")[0]) for each in report.rejected] == [
        (1, "several choices in one cell"),
        (2, "no label"),
        (3, "no label"),
    ]
    assert len(report.broken) == 1 and report.survey.has("rejected")
    assert "twice" in load_split(folder, "train").texts + load_split(folder, "eval").texts


def test_one_of_several_questions_is_named_by_what_the_tool_calls_it(tmp_path):
    rows = []
    for number, (text, label) in enumerate(PAIRS):
        row = task(number, text, [label])
        topic = {
            "from_name": "topic",
            "type": "choices",
            "value": {"choices": ["cast" if number % 3 else "plot"]},
        }
        row["annotations"][0]["result"].append(topic)
        rows.append(row)
    source = written(tmp_path / "tool", rows, "array")
    for name, classes in (("sentiment", ("negative", "positive")), ("topic", ("cast", "plot"))):
        columns = Columns("data.text", f"annotations.result.{name}.value.choices")
        assert bring_in(tmp_path / name, source, "0.2", columns=columns)[1].classes == classes


def test_choices_as_json_in_a_cell(tmp_path):
    """Label Studio's CSV has one choice as it is and several as an object; pandas writes Python's lists."""
    cells = [*LABELS[:17], '{"choices": ["positive", "negative"]}', '["positive"]', "['negative']"]
    lines = io.StringIO()
    csv.writer(lines).writerows([("text", "label"), *zip(TEXTS, cells, strict=True)])
    (tmp_path / "a.csv").write_text(lines.getvalue(), encoding="utf-8")
    folder, report = bring_in(tmp_path / "ws", str(tmp_path / "a.csv"), "0.2", skip=True)
    assert report.classes == ("negative", "positive") and [each.row for each in report.rejected] == [18]
    train = load_split(folder, "train")
    assert train.table.column("label").to_pylist() == [
        dict(zip(TEXTS, cells, strict=True))[t] for t in train.texts
    ]


@pytest.mark.parametrize(
    ("cell", "relabelled"),
    [
        ("negative", "positive"),
        ('["negative"]', '["positive"]'),
        ("['negative']", "['positive']"),
        ('{"choices": ["negative"], "by": "Zoë"}', '{"choices": ["positive"], "by": "Zoë"}'),
    ],
)
def test_a_relabelled_cell_keeps_its_form(tmp_path, cell, relabelled):
    cells = [cell if label == "negative" else label for label in LABELS]
    lines = io.StringIO()
    csv.writer(lines).writerows([("text", "label"), *zip(TEXTS, cells, strict=True)])
    (tmp_path / "a.csv").write_text(lines.getvalue(), encoding="utf-8")
    folder, _ = bring_in(tmp_path / "ws", str(tmp_path / "a.csv"), "0.2")
    train = load_split(folder, "train")
    states = {
        row_id: RowState("relabel", "positive", "", "me", "now")
        for row_id, label in zip(train.ids, train.labels, strict=True)
        if label == "negative"
    }
    export(folder, states, format="csv", out=tmp_path / "o.csv")
    with (tmp_path / "o.csv").open(encoding="utf-8-sig", newline="") as file:
        found = {row["text"]: row["label"] for row in csv.DictReader(file)}
    changed = {text: found[text] for text, label in PAIRS if text in found and label == "negative"}
    assert len(changed) == len(states) > 1 and set(changed.values()) == {relabelled}
    assert all(found[text] == "positive" for text, label in PAIRS if text in found and label == "positive")


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b'[{"text": "a", "label": "b"}, {"text": ', "item 2: not valid JSON"),
        (b'[{"text": "a", "label": "b"} {"text": "c"}]', "after item 1: not valid JSON"),
        (b'[{"text": "a", "label": "b"}] {"text": "c"}', "after the end of the array"),
        (b'[{"text": "a", "text": "b"}]', "key 'text' stands twice"),
        (b'[{"text": "\xff"}]', "not UTF-8"),
        (b"[]", "is empty"),
        (b"{}", "one JSON object"),
        (b'{\n "a": 1\n}', "one JSON object; rows are needed"),
    ],
)
def test_damaged_json_gets_one_line(tmp_path, content, word):
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(InputError, match=word) as raised:
        bring_in(tmp_path / "ws", str(tmp_path / "a.json"), "0.2", skip=True)
    assert "\n" not in str(raised.value) and not (tmp_path / "ws").exists()


def test_pandas_columns_and_wrapped_rows(tmp_path):
    frame = {"text": dict(enumerate(TEXTS)), "label": dict(enumerate(LABELS))}
    viewer = {"features": [], "rows": [{"row_idx": i, "row": row} for i, row in enumerate(RECORDS["flat"])]}
    for name, content in (("frame", frame), ("viewer", viewer)):
        (tmp_path / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")
        report = bring_in(tmp_path / name, str(tmp_path / f"{name}.json"), "0.2")[1]
        assert report.n_train + report.n_eval == len(TEXTS)


# -- fastText ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("between", [" ", "\t", " , "])
@pytest.mark.parametrize("ending", [".txt", ".ft", ".txt.gz"])
def test_fasttext_lines(tmp_path, between, ending):
    lines = [f"__label__{label}{between}{text}" for text, label in PAIRS]
    content = "\n".join([*lines, "", "no label here", "__label__a __label__b two"]).encode()
    path = tmp_path / f"a{ending}"
    path.write_bytes(gzip.compress(content) if ending.endswith("gz") else content)
    assert peek(str(path)).guess.label == "label"
    folder, report = bring_in(tmp_path / "ws", str(path), "0.2", skip=True)
    assert report.classes == ("negative", "positive")
    assert [(each.row, each.reason.split(":")[0]) for each in report.rejected] == [
        (22, "no label"),
        (23, "several choices in one cell"),
    ]
    train = load_split(folder, "train")
    assert dict(zip(train.texts, train.labels, strict=True)).items() <= dict(PAIRS).items()


def test_a_text_file_that_is_none_of_fasttexts(tmp_path):
    (tmp_path / "a.txt").write_text("just\nlines\n", encoding="utf-8")
    with pytest.raises(InputError, match="no line begins with __label__"):
        peek(str(tmp_path / "a.txt"))


# -- delimiters and headers ------------------------------------------------------------------------------

CELLS = st.lists(
    st.lists(st.text("ab ,;|\t\"'", max_size=8), min_size=2, max_size=2), min_size=3, max_size=12
)


@settings(deadline=None)
@given(CELLS, st.sampled_from(",;\t|"))
def test_the_delimiter_that_the_name_says_is_never_misread(cells, delimiter):
    """Whatever else stands in the texts: a sound file with its usual delimiter is read with it."""
    lines = io.StringIO()
    csv.writer(lines, delimiter=delimiter).writerows([("text", "label"), *cells])
    stream = io.BufferedReader(io.BytesIO(lines.getvalue().encode()))
    assert find_delimiter(stream, delimiter) == (delimiter, 0)


@pytest.mark.parametrize("begin", ["", "\ufeff", "sep=;\r\n", "\ufeffsep=;\r\n"])
@pytest.mark.parametrize("tail", ["", ", really", '; "yes"'])
def test_semicolons(tmp_path, begin, tail):
    lines = io.StringIO()
    pairs = [(text + tail, label) for text, label in PAIRS]
    csv.writer(lines, delimiter=";").writerows([("text", "label"), *pairs])
    (tmp_path / "a.csv").write_text(begin + lines.getvalue(), encoding="utf-8", newline="")
    assert peek(str(tmp_path / "a.csv")).columns == ("text", "label")
    folder, report = bring_in(tmp_path / "ws", str(tmp_path / "a.csv"), "0.2")
    assert report.n_train + report.n_eval == len(PAIRS)
    assert set(load_split(folder, "train").texts) <= {text for text, _ in pairs}


def test_a_broken_row_of_a_file_with_semicolons_is_a_broken_row(tmp_path):
    lines = ["text;label", *(f"{text};{label}" for text, label in PAIRS), "one cell"]
    (tmp_path / "a.csv").write_text("\n".join(lines), encoding="utf-8")
    report = bring_in(tmp_path / "ws", str(tmp_path / "a.csv"), "0.2", skip=True)[1]
    assert [each.reason for each in report.broken] == ["has 1 cells, the header has 2"]


@pytest.mark.parametrize(
    ("header", "rows", "doubted"),
    [
        (("text", "label"), PAIRS, False),
        (PAIRS[0], PAIRS[1:], True),
        (("__label__positive", "fine"), [("__label__negative", "bad"), ("__label__positive", "good")], True),
        (("0", "bad film"), [("1", "good film"), ("0", "dull film")], True),
        (("2019", "2020"), [("a", "b"), ("c", "d")], False),
        (("positive", "negative"), [("0.1", "0.9"), ("0.8", "0.2")], False),
        (("What does the customer say about it?", "label"), [("yes", "a"), ("no", "b"), ("yes", "a")], False),
    ],
)
def test_headers_that_are_data(tmp_path, header, rows, doubted):
    assert (looks_like_data(header, list(zip(*rows, strict=True))) is not None) == doubted
    if len(rows) > 10:
        lines = io.StringIO()
        csv.writer(lines).writerows([header, *rows])
        (tmp_path / "a.csv").write_text(lines.getvalue(), encoding="utf-8")
        found = peek(str(tmp_path / "a.csv")).survey
        assert found.has("no header") == doubted
        with pytest.raises(InputError) as raised:
            bring_in(tmp_path / "ws", str(tmp_path / "a.csv"), "0.2", columns=Columns("body", "label"))
        assert ("the first line looks like data: no header?" in str(raised.value)) == doubted


# -- nested values --------------------------------------------------------------------------------------

LEAVES = st.sampled_from(["a", "b"])
FORMS = st.recursive(
    LEAVES
    | st.lists(LEAVES, min_size=1, max_size=1)
    | st.fixed_dictionaries({"choices": st.lists(LEAVES, min_size=1, max_size=1)}),
    lambda inner: (
        st.fixed_dictionaries({"x": inner})
        | st.lists(st.fixed_dictionaries({"x": inner}), min_size=1, max_size=2)
    ),
    max_leaves=4,
)


@given(FORMS, st.sampled_from(["new", "a"]))
def test_a_label_that_was_written_is_found_there(value, label):
    from backend.data.choices import choice_of, in_form_of

    path: list[str] = []
    inner = value
    while (isinstance(inner, dict) and "x" in inner) or (
        isinstance(inner, list) and isinstance(inner[0], dict)
    ):
        inner = inner[0] if isinstance(inner, list) else inner
        inner, path = inner["x"], [*path, "x"]
    before = json.dumps(value)
    assert choice_of(dug(planted(value, path, lambda own: in_form_of(own, label)), path)) == label
    assert json.dumps(value) == before


@pytest.mark.parametrize("ending", ["ft", "csv", "jsonl", "json", "object.json", "viewer.json"])
def test_a_look_at_a_large_file_ends_where_its_bytes_do(tmp_path, monkeypatch, ending):
    monkeypatch.setattr("backend.data.sources.LOOK_BYTES", 3_000_000)
    monkeypatch.setattr("backend.data.stream.LOOK_BYTES", 3_000_000)
    rows = [{"text": f"{i} " + "long " * 1000, "label": LABELS[i % 20]} for i in range(1000)]
    path = tmp_path / f"a.{ending}"
    if ending == "json":
        path.write_text(json.dumps(rows), encoding="utf-8")
    elif ending == "object.json":
        content = {"about": {"n": [1, {}]}, "tags": ["a"], "none": [], "data": rows}
        path.write_text(json.dumps(content), encoding="utf-8")
    elif ending == "viewer.json":
        wrapped = [{"row_idx": i, "row": row} for i, row in enumerate(rows)]
        path.write_text(json.dumps({"rows": wrapped}, indent=1), encoding="utf-8")
    elif ending == "jsonl":
        jsonl(path, rows)
    else:
        lines = [
            f"__label__{r['label']} {r['text']}" if ending == "ft" else f"{r['text']},{r['label']}"
            for r in rows
        ]
        path.write_text("\n".join(lines if ending == "ft" else ["text,label", *lines]), encoding="utf-8")
    found = peek(str(path))
    assert 0 < found.survey.n_rows < 1000 and not found.survey.whole
    assert found.columns == (("label", "text") if ending == "ft" else ("text", "label"))


def test_a_large_object_without_rows_in_its_beginning(tmp_path, monkeypatch):
    monkeypatch.setattr("backend.data.sources.LOOK_BYTES", 3_000_000)
    monkeypatch.setattr("backend.data.stream.LOOK_BYTES", 3_000_000)
    (tmp_path / "a.json").write_text(json.dumps({"numbers": list(range(600_000)), "data": [{"text": "a"}]}))
    with pytest.raises(
        InputError, match=r"no array of rows in its beginning; save it as an array of objects"
    ):
        peek(str(tmp_path / "a.json"))


@pytest.mark.parametrize("ending", ["json", "jsonl", "csv", "ft"])
def test_a_look_says_whether_it_came_to_the_end(tmp_path, ending):
    """Also where damage half-way ends it."""
    rows = [{"text": f"text {i}", "label": LABELS[i % 20]} for i in range(40)]
    if ending == "json":
        content, damaged = json.dumps(rows), json.dumps(rows[:20])[:-1] + ", {damaged" + json.dumps(rows[20:])
    elif ending == "jsonl":
        content = "".join(json.dumps(row) + "\n" for row in rows)
        damaged = None  # goes on behind a damaged line
    elif ending == "csv":
        content = "text,label\n" + "".join(f"{row['text']},{row['label']}\n" for row in rows)
        damaged = content[:500] + '\n"never closed'
    else:
        content, damaged = "".join(f"__label__{row['label']} {row['text']}\n" for row in rows), None
    path = tmp_path / f"a.{ending}"
    path.write_text(content, encoding="utf-8")
    assert peek(str(path)).survey.whole and first_rows(str(path), 40).stopped
    assert not first_rows(str(path), 41).stopped
    if damaged is not None:
        path.write_text(damaged, encoding="utf-8")
        found = peek(str(path)).survey
        assert found.n_rows and not found.whole


@pytest.mark.parametrize(
    "content",
    [
        '{"data": [\n{ROW},\n{ROW}\n]}',
        '{"data": [\n{ROW},\n{ROW}]}\n',
        '{"data": [{ROW},\n{ROW}]}',
        '{"data": [{ROW}\n,\n{ROW}]}',
        '{"version": 1, "data": [\n\n{ROW},\n\n{ROW}\n\n]}',
        '{"about": {\n"n": 1},\n"data": [{ROW}, {ROW}]}',
        '{\n"data": [{ROW}, {ROW}]}',
        "{ROW}\n{ROW}\n",
        "[{ROW},\n{ROW}]",
    ],
)
def test_an_object_over_several_lines_is_no_json_lines(tmp_path, content):
    path = tmp_path / "a.json"
    path.write_text(content.replace("{ROW}", '{"text": "a", "label": "b"}'), encoding="utf-8")
    rows = first_rows(str(path))
    assert rows.table.to_pylist() == 2 * [{"text": "a", "label": "b"}] and not rows.stopped


class Counted(str):
    """Text that counts the characters that are copied out of it, or together."""

    copied = 0

    def __getitem__(self, key):
        return Counted._count(super().__getitem__(key))

    def __add__(self, other):
        return Counted._count(super().__add__(other))

    def lstrip(self, *chars):
        return Counted._count(super().lstrip(*chars))

    @staticmethod
    def _count(text):
        Counted.copied += len(text)
        return Counted(text)


def test_reading_an_array_copies_each_element_a_few_times_only():
    rows = [{"text": f"text {i}", "label": "a"} for i in range(20_000)] + [{"text": "long " * 100_000}]
    content = json.dumps(rows).encode()
    text = JsonText(io.BytesIO(content), "a.json")
    plain = text._decode
    text._decode = SimpleNamespace(decode=lambda chunk, final: Counted(plain.decode(chunk, final=final)))
    text._text = Counted()
    text.skip("[")
    assert [value for value, _ in elements(text)] == rows
    assert len(content) < Counted.copied < 8 * len(content)
