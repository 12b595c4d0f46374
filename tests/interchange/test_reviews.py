"""Rows go to Argilla and Label Studio and come back as decisions about the same rows."""

import json
from xml.etree import ElementTree

import pytest

from backend.data.conversation import Conversation
from backend.errors import InputError
from backend.interchange.decisions_file import Reading
from tests.data.helpers import jsonl
from tests.interchange.workspaces import (
    HOSTILE,
    argilla_answered,
    chats,
    classes,
    label_sets,
    label_studio_answered,
    numbers,
    with_scores,
)

NEG, POS = "<neg> & co", "pos"
TASKS = {
    # of each task: its workspace, the kind of Label Studio's answers, another label for r2, as it is kept
    "classification": (classes, "choices", POS, POS),
    "multilabel": (label_sets, "choices", ["b", "a"], "a; b"),
    "regression": (numbers, "number", 7.25, "7.25"),
    "causal-lm": (chats, "textarea", "Better.", "Better."),
}


def sent(workspace, tmp_path, tool):
    written = workspace.scores.send(tool, tmp_path / f"{tool}.json")
    return json.loads((tmp_path / f"{tool}.json").read_text()), written


def states(workspace):
    return {row: (each.action, each.label) for row, each in workspace.review.states().items()}


def saved(path, content):
    path.write_text(json.dumps(content))
    return str(path)


def suggested(record, tool):
    """The label that is suggested, as people would confirm it."""
    if tool == "argilla":
        return record["suggestions"]["label"]["value"]
    value = record["predictions"][0]["result"][0]["value"]
    (found,) = value.values()
    return found


@pytest.mark.parametrize("tool", ["argilla", "label-studio"])
@pytest.mark.parametrize("task", TASKS)
def test_rows_go_out_and_come_back(tmp_path, monkeypatch, task, tool):
    make, kind, other, kept = TASKS[task]
    workspace = with_scores(make(tmp_path), monkeypatch)
    records, written = sent(workspace, tmp_path, tool)
    assert written["rows"] == len(records) == 12
    by_id = {each["id"] if tool == "argilla" else each["data"]["row_id"]: each for each in records}
    assert set(by_id) == set(workspace.train_split.ids)
    people = {"ann@x.org": {"r0": suggested(by_id["r0"], tool), "r2": other, "r3": {"row": "remove"}}}
    people["ann@x.org"]["r4"] = {"row": "flag", "note": "odd,\nisn't it?"}
    if tool == "argilla":
        answered = argilla_answered(records, people, status="submitted")
    else:
        answered = label_studio_answered(records, people, kind)
    file = saved(tmp_path / "back.json", answered)
    plan = workspace.review.patch_dry_run(file)
    assert plan.kind == tool and plan.counts["applies"] == 4 == len(plan.rows), plan
    assert plan.notes == ("8 rows have no answer yet, or were skipped",)
    batch, _ = workspace.review.import_patch(file, author="Bo")
    assert states(workspace) == {
        "r0": ("keep", None), "r2": ("relabel", kept), "r3": ("remove", None), "r4": ("flag", None),
    }  # fmt: skip
    found = workspace.review.states()
    assert found["r4"].reason == f"{tool}: flag (ann@x.org); odd, isn't it?" and found["r4"].author == "Bo"
    assert workspace.review.patch_dry_run(file).counts["so already"] == 4
    assert {each.batch for each in workspace.review.log()} == {batch}
    workspace.review.undo()
    assert states(workspace) == {}


def test_suggestions_scores_and_hostile_text(tmp_path, monkeypatch):
    workspace = classes(tmp_path)
    n = len(workspace.train_split)
    other = [{NEG: POS, POS: NEG}[each] for each in workspace.train_split.labels]
    with_scores(workspace, monkeypatch, confidence=[i / n for i in range(n)], cv_label=other,
                cv_probability=[0.9] * n)  # fmt: skip
    records, written = sent(workspace, tmp_path, "argilla")
    first = next(each for each in records if each["id"] == "r0")
    assert first["fields"]["text"] == HOSTILE and first["fields"]["current"] == NEG
    assert first["suggestions"]["label"] == {"value": POS, "score": 0.9, "agent": "firstword 0.1.0"}
    assert first["metadata"]["rank"] == records.index(first) + 1 and 0 <= first["metadata"]["suspicion"] <= 1
    settings = json.loads((tmp_path / "argilla.settings.json").read_text())
    assert [each["value"] for each in settings["questions"][0]["settings"]["options"]] == [NEG, POS]
    tasks, written = sent(workspace, tmp_path, "label-studio")
    config = ElementTree.parse(written["setup"]).getroot()
    assert [each.get("value") for each in config.find("Choices[@name='label']")] == [NEG, POS]
    shown = {each.get("value").removeprefix("$") for each in config.iter("Text")}
    controls = {each.get("name") for each in config.iter() if each.get("toName")}
    for each in tasks:
        assert shown <= set(each["data"]) and not controls & set(each["data"])
        assert {one["from_name"] for one in each["predictions"][0]["result"]} <= controls
    assert next(each for each in tasks if each["data"]["row_id"] == "r0")["predictions"][0]["score"] == 0.9


@pytest.mark.parametrize("task", TASKS)
def test_set_ups_of_every_task(tmp_path, monkeypatch, task):
    make, kind, *_ = TASKS[task]
    workspace = with_scores(make(tmp_path), monkeypatch)
    tasks, written = sent(workspace, tmp_path, "label-studio")
    tag = {"choices": "Choices", "number": "Number", "textarea": "TextArea"}[kind]
    assert ElementTree.parse(written["setup"]).getroot().find(f"{tag}[@name='label']") is not None
    assert {each["predictions"][0]["result"][0]["type"] for each in tasks} == {kind}
    sent(workspace, tmp_path, "argilla")
    settings = json.loads((tmp_path / "argilla.settings.json").read_text())
    wanted = {"classification": "label_selection", "multilabel": "multi_label_selection"}.get(task, "text")
    assert settings["questions"][0]["settings"]["type"] == wanted


@pytest.mark.parametrize("tool", ["argilla", "label-studio"])
def test_agreement(tmp_path, monkeypatch, tool):
    workspace = with_scores(classes(tmp_path), monkeypatch)
    records, _ = sent(workspace, tmp_path, tool)
    people = {
        "a": {"r1": NEG, "r3": NEG, "r5": NEG, "r7": {"row": "remove"}},
        "b": {"r1": NEG, "r3": NEG, "r5": POS, "r7": POS},
        "c": {"r3": POS},
    }
    answered = (
        argilla_answered(records, people) if tool == "argilla" else label_studio_answered(records, people)
    )
    file = saved(tmp_path / "back.json", answered)
    plan = workspace.review.patch_dry_run(file)
    made = {row.id: row for row, _ in plan.rows}
    assert {row: (each.action, each.label) for row, each in made.items()} == {
        "r1": ("relabel", NEG), "r3": ("flag", None), "r5": ("flag", None), "r7": ("flag", None),
    }  # fmt: skip
    assert made["r1"].reason == f"{tool}: {NEG} (a, b)"
    assert made["r5"].reason == f"{tool}: no agreement: {NEG} (a), pos (b)"
    assert made["r3"].reason == f"{tool}: no agreement: {NEG} (a, b), pos (c)"
    assert any("does not say which responses were submitted" in each for each in plan.notes) == (
        tool == "argilla"
    )
    plan = workspace.review.patch_dry_run(file, reading=Reading(majority=True))
    made = {row.id: (row.action, row.label) for row, _ in plan.rows}
    assert made["r3"] == ("relabel", NEG) and made["r5"] == ("flag", None) == made["r7"]


def test_drafts_skipped_and_earlier_answers_do_not_count(tmp_path, monkeypatch):
    workspace = with_scores(classes(tmp_path), monkeypatch)
    records, _ = sent(workspace, tmp_path, "argilla")
    for status in ("draft", "discarded"):
        answered = argilla_answered(records, {"a": {"r1": NEG}}, status=status)
        with pytest.raises(InputError, match="no record decides anything: 12 rows have no answer"):
            workspace.review.patch_dry_run(saved(tmp_path / "back.json", answered))
    answered = argilla_answered(records, {"a": {"r1": NEG, "r3": POS}})  # nested: no status of responses
    next(each for each in answered if each["id"] == "r1")["status"] = "pending"
    plan = workspace.review.patch_dry_run(saved(tmp_path / "back.json", answered))
    assert [row.id for row, _ in plan.rows] == ["r3"] and "does not say" in plan.notes[0]
    tasks, _ = sent(workspace, tmp_path, "label-studio")
    answered = label_studio_answered(tasks, {"a": {"r1": NEG, "r3": NEG}})
    by_id = {each["data"]["row_id"]: each for each in answered}
    by_id["r1"]["annotations"][0]["was_cancelled"] = True
    later = json.loads(json.dumps(by_id["r3"]["annotations"][0]))
    later |= {"created_at": "2026-01-02T00:00:00Z"}
    later["result"][0]["value"]["choices"] = [POS]
    by_id["r3"]["annotations"].insert(0, later)
    plan = workspace.review.patch_dry_run(saved(tmp_path / "back.json", answered))
    assert [(row.id, row.action) for row, _ in plan.rows] == [("r3", "keep")]


def min_records(answered):
    """JSON_MIN of an export: a record for each annotation, answers beside the data."""
    found = []
    for task in answered:
        for each in task["annotations"]:
            answers = {}
            for one in each["result"]:
                (value,) = one["value"].values()
                answers[one["from_name"]] = (
                    value[0]
                    if isinstance(value, list) and len(value) == 1
                    else ({"choices": value} if one["type"] == "choices" else [one["value"]])
                )
            found.append(
                {
                    **task["data"],
                    "id": task["id"],
                    **answers,
                    "annotator": each["completed_by"],
                    "annotation_id": each["id"],
                    "created_at": each["created_at"],
                    "updated_at": each["created_at"],
                    "lead_time": 1.5,
                }
            )
    return found


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("name", ["min.json", "min.csv"])
def test_min_json_and_csv(tmp_path, monkeypatch, task, name):
    import csv

    make, kind, other, kept = TASKS[task]
    workspace = with_scores(make(tmp_path), monkeypatch)
    tasks, _ = sent(workspace, tmp_path, "label-studio")
    people = {1: {"r2": other, "r3": {"row": "remove"}}, 2: {"r2": other}}
    records = min_records(label_studio_answered(tasks, people, kind))
    if name.endswith("json"):
        file = saved(tmp_path / name, records)
    else:
        with (tmp_path / name).open("w", newline="") as out:
            writer = csv.DictWriter(
                out, sorted({key for each in records for key in each}), quoting=csv.QUOTE_NONNUMERIC
            )
            writer.writeheader()
            for each in records:
                writer.writerow(
                    {k: json.dumps(v) if isinstance(v, list | dict) else v for k, v in each.items()}
                )
        file = str(tmp_path / name)
    _, plan = workspace.review.import_patch(file)
    assert plan.kind == "label-studio"
    assert states(workspace) == {"r2": ("relabel", kept), "r3": ("remove", None)}
    assert workspace.review.states()["r2"].reason.endswith("(1, 2)")


def test_a_project_of_ones_own_is_known_by_text_and_question(tmp_path):
    workspace = classes(tmp_path)
    tasks = [{"data": {"text": f"text {i}", "label": NEG, "id": i}, "annotations": [
        {"result": [{"from_name": "sentiment", "type": "choices", "value": {"choices": [POS]}}],
         "completed_by": {"email": "a@x"}}]} for i in (2, 3, 99)]  # fmt: skip
    plan = workspace.review.patch_dry_run(saved(tmp_path / "own.json", tasks))
    assert [(row.id, row.action, row.label) for row, _ in plan.rows] == [
        ("r2", "relabel", POS), ("r3", "keep", None)
    ]  # fmt: skip
    assert "1 records name no training row" in plan.notes[0]
    records = min_records([{**each, "id": 1, "annotations": [{**each["annotations"][0], "id": 1,
                            "created_at": ""}]} for each in tasks])  # fmt: skip
    file = saved(tmp_path / "min.json", records)
    with pytest.raises(InputError, match="say which question asks for the label, with --question"):
        workspace.review.patch_dry_run(file)  # else the data's own label would be taken for an answer
    plan = workspace.review.patch_dry_run(file, reading=Reading(question="sentiment"))
    assert [row.action for row, _ in plan.rows] == ["relabel", "keep"]


def test_what_does_not_fit_is_left_out(tmp_path, monkeypatch):
    workspace = with_scores(classes(tmp_path), monkeypatch)
    tasks, _ = sent(workspace, tmp_path, "label-studio")
    answered = label_studio_answered(tasks, {"a": {"r1": NEG, "r3": "ugly", "r5": [NEG, POS]}})
    by_id = {each["data"]["row_id"]: each for each in answered}
    by_id["r1"]["data"] = {**by_id["r1"]["data"], "text": "another text"}
    by_id["r5"]["data"] = {**by_id["r5"]["data"]}
    lost = {**json.loads(json.dumps(by_id["r1"])), "data": {"row_id": "gone", "text": "x"}}
    plan = workspace.review.patch_dry_run(saved(tmp_path / "b.json", [*answered, lost]))
    outcomes = {row.id: outcome for row, outcome in plan.rows}
    assert outcomes == {"r1": "another row", "r3": "no class", "r5": "applies", "gone": "unknown id"}
    row = next(row for row, _ in plan.rows if row.id == "r5")
    assert row.action == "flag" and "several at once" in row.reason


def said_of(row, choices, who="a@x", **data):
    result = [{"from_name": "label", "type": "choices", "value": {"choices": choices}}]
    person = {"completed_by": {"email": who}} if who else {}
    return {"data": {"row_id": row, **data}, "annotations": [{"result": result, **person}]}


def test_a_set_with_an_unknown_label_is_not_the_set_without_it(tmp_path):
    workspace = label_sets(tmp_path)
    tasks = [said_of("r0", ["a", "new"], text="text 0"), said_of("r1", ["b"], text="text 1")]
    plan = workspace.review.patch_dry_run(saved(tmp_path / "sets.json", tasks))
    assert {row.id: outcome for row, outcome in plan.rows} == {"r0": "no class", "r1": "applies"}


def test_people_without_a_name_are_not_one_person(tmp_path):
    workspace = classes(tmp_path)
    task = said_of("r2", [POS], who="", text="text 2")
    task["annotations"] += said_of("r2", [NEG], who="")["annotations"]
    plan = workspace.review.patch_dry_run(saved(tmp_path / "ls.json", [task]))
    assert [row.action for row, _ in plan.rows] == ["flag"]
    flat = [{"id": "r2", "text": "text 2", "label.responses": [POS, NEG]}]
    plan = workspace.review.patch_dry_run(saved(tmp_path / "argilla.json", flat))
    ((row, _),) = plan.rows
    assert row.action == "flag" and "no agreement" in row.reason


def test_a_record_whose_text_cannot_be_compared_decides_nothing(tmp_path):
    workspace = classes(tmp_path)
    tasks = [said_of("r2", [POS], review="something else"), said_of("r3", [POS])]
    plan = workspace.review.patch_dry_run(saved(tmp_path / "other.json", tasks))
    assert {outcome for _, outcome in plan.rows} == {"another row"}


def test_corrections_of_one_turn_among_several(tmp_path, monkeypatch):
    workspace = with_scores(chats(tmp_path), monkeypatch)
    records, _ = sent(workspace, tmp_path, "argilla")
    first = next(each for each in records if each["id"] == "r1")
    assert first["suggestions"]["label"]["value"] == "Then 1." and first["metadata"]["turn"] == 3
    answered = argilla_answered(records, {"a": {"r1": '["x"]', "r2": " "}}, status="submitted")
    _, plan = workspace.review.import_patch(saved(tmp_path / "b.json", answered))
    assert {row.id: outcome for row, outcome in plan.rows} == {"r1": "applies", "r2": "no class"}
    label = workspace.review.states()["r1"].label
    context = workspace.train_split.texts_of(1)[0]
    assert [each.text for each in Conversation.of(context, label).learnt] == ["Answer 1.", '["x"]']


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ([{"a": 1}], "no decisions; a patch has id, action"),
        ([], "is empty"),
        ([{"data": {}, "annotations": {"a": 1}}], "item 1: no task of Label Studio"),
        ([{"data": {}, "annotations": [{"result": "x"}]}], "result of an annotation is no list"),
        ([{"fields": {}, "responses": {"label": [1]}}], "responses of 'label' are no list"),
        ([{"label.responses": ["a"], "label.responses.status": ["submitted", "draft"]}], "different lengths"),
        ([{"fields": {}, "responses": {}}, {"data": {}}], "item 2: is not of records of Argilla"),
    ],
)
def test_damaged_files_are_one_clear_line(tmp_path, content, words):
    workspace = classes(tmp_path)
    with pytest.raises(InputError, match=words) as error:
        workspace.review.patch_dry_run(saved(tmp_path / "b.json", content))
    assert "\n" not in str(error.value) and workspace.review.log() == []


def test_bombs_and_half_files(tmp_path):
    workspace = classes(tmp_path)
    for text in ("[" * 100_000, '[{"data": ' + '{"a":' * 50_000, '[{"data": {}, "annotations": []}', "\x00"):
        (tmp_path / "b.json").write_text(text)
        with pytest.raises(InputError):
            workspace.review.patch_dry_run(str(tmp_path / "b.json"))


@pytest.mark.parametrize(
    ("tool", "name", "words"),
    [
        ("argilla", "a.csv", "must end in .json"),
        ("doccano", "a.json", "must be one of argilla, label-studio, cleanlab"),
        ("cleanlab", "a.json", "must end in .csv"),
        ("argilla", "no/a.json", "there is no folder"),
        ("argilla", "t.json", "exists"),
        ("label-studio", "u.json", "u.config.xml: exists"),
    ],
)
def test_wrong_targets_write_nothing(tmp_path, monkeypatch, tool, name, words):
    workspace = with_scores(classes(tmp_path), monkeypatch)
    for each in ("t.json", "u.config.xml"):
        (tmp_path / each).write_text("")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(InputError, match=words):
        workspace.scores.send(tool, tmp_path / name)
    assert sorted(tmp_path.rglob("*")) == before


def test_json_lines_of_argilla(tmp_path, monkeypatch):
    workspace = with_scores(classes(tmp_path), monkeypatch)
    records, _ = sent(workspace, tmp_path, "argilla")
    file = jsonl(tmp_path / "b.jsonl", argilla_answered(records, {"a": {"r1": NEG}}, status="submitted"))
    for kind in (None, "argilla"):
        plan = workspace.review.patch_dry_run(file, reading=Reading(kind=kind))
        assert [(row.id, row.action, outcome) for row, outcome in plan.rows] == [("r1", "relabel", "applies")]
    with pytest.raises(InputError, match="line 1: is not of an export of Label Studio"):
        workspace.review.patch_dry_run(file, reading=Reading(kind="label-studio"))
    with pytest.raises(InputError, match="--from doccano: must be one of patch"):
        Reading(kind="doccano")
