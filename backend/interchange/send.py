"""The queue as a file that another tool imports, with how its project is to be set up beside it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, get_args
from xml.sax.saxutils import quoteattr

import pyarrow as pa
import pyarrow.parquet as pq

from backend.data.dataset import Split
from backend.data.targets.space import Space
from backend.data.write_table import write_csv
from backend.errors import InputError
from backend.files import replacing
from backend.interchange.asked_rows import ROW_CHOICES, SHOWN, AskedRow, choices
from backend.interchange.label_issues import GIVEN, ISSUE, PREDICTED
from backend.interchange.said import GROUP, LABEL, NOTE, RANK, ROW, ROW_ID, SUSPICION, TEXT, TEXT_B, TURN
from backend.version import VERSION

To = Literal["argilla", "label-studio", "cleanlab"]
TOOLS: tuple[To, ...] = get_args(To)
ENDINGS: dict[To, tuple[str, ...]] = {
    "argilla": (".json",),
    "label-studio": (".json",),
    "cleanlab": (".csv", ".tsv", ".parquet"),
}
_AGENT = f"firstword {VERSION}"
_ASKED = {
    "choose": "Which label is right?",
    "choose many": "Which labels are right?",
    "number": "Which number is right?",
    "text": "What should the answer have been?",
}
_ABOUT_ROW = "Take the row out, or come back to it?"
_NOTE = "Why? (kept in the log)"
# Where cleanlab's columns come from: quality, whether it is an issue, the label that is predicted.
_COLUMNS = {
    "choose": ("self_confidence", "label_issue", "cv_label"),
    "choose many": ("set_quality", "right_label", "right_label"),
    "number": ("number_quality", "right_label", "right_label"),
}


def setup_beside(out: Path, tool: To) -> Path:
    """Where the set-up of the tool's project lies."""
    return out.with_name(f"{out.stem}.settings.json" if tool == "argilla" else f"{out.stem}.config.xml")


def check_target(out: Path, tool: str) -> None:
    """`InputError` for an unknown tool, an ending that is not the tool's, or a file that is there."""
    if tool not in TOOLS:
        raise InputError(f"--format {tool}: must be one of {', '.join(TOOLS)}")
    if out.suffix.lower() not in ENDINGS[tool]:
        raise InputError(f"--out {out}: for {tool} the name must end in {' or '.join(ENDINGS[tool])}")
    if not out.parent.is_dir():
        raise InputError(f"--out {out}: there is no folder {out.parent}")
    for path in (out, *([] if tool == "cleanlab" else [setup_beside(out, tool)])):
        if path.exists():
            raise InputError(f"--out {path}: exists; choose another name or delete it first")


def write_rows(rows: Iterable[AskedRow], space: Space, out: Path, tool: To) -> int:
    """Write the set-up of the project, then the rows; both appear whole. Returns the number of rows."""
    check_target(out, tool)
    setup = _argilla_settings(space) if tool == "argilla" else _label_config(space)
    make = argilla_record if tool == "argilla" else label_studio_task
    done = 0
    with replacing(out) as temporary, replacing(setup_beside(out, tool)) as beside:
        beside.write_text(setup, encoding="utf-8")
        with temporary.open("w", encoding="utf-8") as file:
            for each in rows:
                line = json.dumps(make(each, space), ensure_ascii=False, allow_nan=False)
                file.write(("[\n" if not done else ",\n") + line)
                done += 1
            file.write("\n]\n" if done else "[]\n")
    return done


def argilla_record(row: AskedRow, space: Space) -> dict[str, Any]:
    """As `Record.from_dict` reads it: its id is the row's."""
    many = space.edit == "choose many"
    value = _typed(row.suggested) if space.edit == "number" else row.suggested
    suggestions = {LABEL: {"value": value, "score": None if many else row.score, "agent": _AGENT}}
    if row.action:
        suggestions[ROW] = {"value": row.action, "score": None, "agent": _AGENT}
    return {
        "id": row.id,
        "fields": row.shown,
        "metadata": row.kept,
        "suggestions": suggestions,
        "responses": {},
        "vectors": {},
    }


def label_studio_task(row: AskedRow, space: Space) -> dict[str, Any]:
    """A task with a prediction, its score 0 where the present label is shown for want of a better one."""
    result = [_result(LABEL, space, row.suggested)]
    if row.action:
        result.append(_entry(ROW, "choices", {"choices": [row.action]}))
    prediction = {"model_version": _AGENT, "score": row.score or 0.0, "result": result}
    return {"data": {**row.shown, **row.kept}, "predictions": [prediction]}


def _result(name: str, space: Space, value: Any) -> dict[str, Any]:
    if space.edit == "number":
        return _entry(name, "number", {"number": value})
    if space.edit == "text":
        return _entry(name, "textarea", {"text": [value]})
    return _entry(name, "choices", {"choices": value if isinstance(value, list) else [value]})


def _entry(name: str, kind: str, value: dict[str, Any]) -> dict[str, Any]:
    return {"from_name": name, "to_name": TEXT, "type": kind, "value": value}


def _typed(value: float) -> str:
    """Argilla has no question for a number, so it is asked for as text."""
    return str(int(value)) if value.is_integer() else repr(value)


def _label_config(space: Space) -> str:
    """The labelling interface of Label Studio."""
    names = choices(space)
    if names:
        options = "\n".join(f"    <Choice value={quoteattr(each)}/>" for each in names)
        how = "multiple" if space.edit == "choose many" else "single"
        head = f'<Choices name="{LABEL}" toName="{TEXT}" choice="{how}" required="true">'
        label = f"  {head}\n{options}\n  </Choices>"
    elif space.edit == "number":
        label = f'  <Number name="{LABEL}" toName="{TEXT}" required="true"/>'
    else:
        label = (
            f'  <TextArea name="{LABEL}" toName="{TEXT}" maxSubmissions="1" editable="true" required="true"/>'
        )
    rows = "\n".join(f'    <Choice value="{each}"/>' for each in ROW_CHOICES)
    parts = [
        "<View>",
        *(
            f'  <Header value="{title}"/>\n  <Text name="{name}" value="${name}"/>'
            for name, title in SHOWN.items()
            if name != TEXT_B
        ),
        f'  <Header value="{_ASKED[space.edit]}"/>',
        label,
        f'  <Header value="{_ABOUT_ROW}"/>',
        f'  <Choices name="{ROW}" toName="{TEXT}" choice="single">\n{rows}\n  </Choices>',
        f'  <TextArea name="{NOTE}" toName="{TEXT}" maxSubmissions="1" placeholder="{_NOTE}"/>',
        "</View>",
    ]
    return "\n".join(parts) + "\n"


def _argilla_settings(space: Space) -> str:
    """As `rg.Settings.from_json` reads it."""
    names = choices(space)
    kind = "multi_label_selection" if space.edit == "choose many" else "label_selection"
    label = _question(LABEL, _ASKED[space.edit], True, _options(kind, names) if names else _text())
    settings = {
        "guidelines": None,
        "questions": [
            label,
            _question(ROW, _ABOUT_ROW, False, _options("label_selection", ROW_CHOICES)),
            _question(NOTE, _NOTE, False, _text()),
        ],
        "fields": [
            {"name": name, "title": title, "required": name == TEXT, "settings": _text()}
            for name, title in SHOWN.items()
        ],
        "vectors": [],
        "metadata": [
            {"name": name, "title": name, "visible_for_annotators": True, "settings": {"type": kind}}
            for name, kind in (
                (ROW_ID, "terms"),
                (RANK, "integer"),
                (SUSPICION, "float"),
                (GROUP, "terms"),
                (TURN, "integer"),
            )
        ],
        "allow_extra_metadata": True,
    }
    return json.dumps(settings, ensure_ascii=False, indent=2) + "\n"


def _question(name: str, title: str, required: bool, settings: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": name, "title": title, "required": required, "settings": settings}


def _options(kind: str, names: Iterable[str]) -> dict[str, Any]:
    return {"type": kind, "options": [{"text": each, "value": each} for each in names]}


def _text() -> dict[str, Any]:
    return {"type": "text", "use_markdown": False}


def write_label_issues(scores: pa.Table, train: Split, space: Space, out: Path) -> int:
    """All training rows, in their order, as cleanlab's frame of label issues; returns their number.

    ``scores``: columns of scores, one row each. `InputError` where those that this needs are not computed.
    """
    check_target(out, "cleanlab")
    frame = label_issues(scores, train, space)
    with replacing(out) as temporary:
        if out.suffix.lower() == ".parquet":
            pq.write_table(frame, temporary)
        else:
            write_csv(
                frame,
                temporary,
                defuse=True,
                keys=("id", GIVEN, PREDICTED),
                delimiter="\t" if out.suffix.lower() == ".tsv" else ",",
            )
    return frame.num_rows


def label_issues(scores: pa.Table, train: Split, space: Space) -> pa.Table:
    """The frame: id, is_label_issue, label_quality, given_label, predicted_label (null where not known)."""
    if space.edit == "text":
        raise InputError(
            "--format cleanlab: label issues are about labels; the rows of a language model have none"
        )
    quality, issue, predicted = _COLUMNS[space.edit]
    if missing := [each for each in (quality, issue, predicted) if each not in scores.column_names]:
        raise InputError(f"--format cleanlab: {missing[0]} has not been computed; run `scores`")
    found = [each or None for each in scores[predicted].to_pylist()]
    if space.edit == "choose":
        issues = [bool(each) for each in scores[issue].to_pylist()]
    else:  # another target than the given one is suggested
        issues = [each is not None and each != given for each, given in zip(found, train.labels, strict=True)]
        found = [each or given for each, given in zip(found, train.labels, strict=True)]
    return pa.table(
        {
            "id": pa.array(train.ids, pa.string()),
            ISSUE: pa.array(issues, pa.bool_()),
            "label_quality": scores[quality].cast(pa.float64()),
            GIVEN: pa.array(train.labels, pa.string()),
            PREDICTED: pa.array(found, pa.string()),
        }
    )
