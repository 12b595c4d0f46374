"""Answers go out in the pretraining-tda viewer's JSON Lines, and those of any tool are held against ours."""

import json

import pytest

from backend.errors import InputError
from backend.workspace import Workspace


@pytest.fixture(scope="module")
def written(tiny_template, tmp_path_factory):
    out = tmp_path_factory.mktemp("viewer") / "a.jsonl"
    workspace = Workspace.open(tiny_template)
    assert workspace.explain_many(out, k=4) == 20
    return workspace, out, [json.loads(each) for each in out.read_text().splitlines()]


def changed(path, lines, **more):
    path.write_text("".join(json.dumps({**each, **more}) + "\n" for each in lines))
    return str(path)


def test_lines_are_the_answers_of_explain(written):
    workspace, _, lines = written
    assert [each["example_id"] for each in lines] == workspace.eval_split.ids
    for line in lines[:3]:
        answer = workspace.explain(row=line["example_id"], split="eval", k=4)
        assert (
            line["inputs_plaintext"] == answer.query.text and line["targets_plaintext"] == answer.query.label
        )
        for end, one in ((answer.proponents, "proponent"), (answer.opponents, "opponent")):
            assert line[f"{one}_ids"] == [each.id for each in end]
            assert line[f"{one}_scores"] == pytest.approx([each.score for each in end], rel=1e-4)
            assert line[f"{one}s"] == [f"{each.text} [{each.label}]" for each in end]


def test_our_own_file_overlaps_wholly_and_another_as_counted(written, tmp_path):
    workspace, out, lines = written
    found = workspace.compare_answers(str(out), k=4)
    assert (found.queries, found.proponents, found.opponents, found.strangers) == (20, 1.0, 1.0, 0.0)
    swapped = [{**each, "proponent_ids": [*each["proponent_ids"][:1], "x", "y", "z"]} for each in lines]
    for each in swapped:  # a method without opponents
        del each["opponent_ids"]
    found = workspace.compare_answers(changed(tmp_path / "b.jsonl", swapped), k=4)
    assert (found.proponents, found.opponents, found.strangers) == (0.25, None, 0.75)
    found = workspace.compare_answers(changed(tmp_path / "c.jsonl", swapped), k=1)
    assert (found.proponents, found.strangers) == (1.0, 0.0)
    mixed = [{**each, "proponent_ids": each["proponent_ids"][::-1],
              "proponent_scores": each["proponent_scores"][::-1]} for each in lines]  # fmt: skip
    assert workspace.compare_answers(changed(tmp_path / "d.jsonl", mixed), k=1).proponents == 1.0


def test_other_queries_are_left_out_and_counted(written, tmp_path):
    workspace, _, lines = written
    odd = [
        {**lines[0], "inputs_plaintext": "other"},
        {**lines[1], "targets_plaintext": "neither"},
        *lines[2:],
    ]
    found = workspace.compare_answers(changed(tmp_path / "b.jsonl", odd), k=4)
    assert found.queries == 18 and list(found.left_out.values()) == [1, 1]
    assert len(found.lines()) == 3
    with pytest.raises(InputError, match="no query of the file can be compared: 20 no row here"):
        workspace.compare_answers(changed(tmp_path / "c.jsonl", lines, example_id="no"))


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"inputs_plaintext": 1}, "line 1: inputs_plaintext is no text"),
        ({"proponent_ids": None}, "line 1: there are no proponent_ids"),
        ({"proponent_ids": "a"}, "proponent_ids is no list of ids"),
        ({"proponent_scores": [1]}, "proponent_ids and proponent_scores are not equally many"),
        ({"opponent_scores": [None] * 4}, "opponent_scores holds what is no number"),
    ],
)
def test_what_is_no_such_file(written, tmp_path, more, words):
    workspace, _, lines = written
    with pytest.raises(InputError, match=words):
        workspace.compare_answers(changed(tmp_path / "b.jsonl", lines, **more))


def test_nothing_is_overwritten(written):
    workspace, out, _ = written
    with pytest.raises(InputError, match="exists already"):
        workspace.explain_many(out)
