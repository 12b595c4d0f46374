"""Targets as a script gives them: text, a number, labels; what is none is refused and nothing is stored."""

import numpy as np
import pytest

from backend.errors import InputError
from tests.conftest import write_rows


@pytest.mark.parametrize("given", [3.25, np.float32(3.25), "3.25", " 3.25 "])
def test_numbers(regression_workspace, given):
    row = regression_workspace.train_split.ids[0]
    regression_workspace.review.relabel(row, given)
    assert regression_workspace.review.states()[row].label == "3.25"


@pytest.mark.parametrize("given", [["plot", "music"], ("music", "plot"), {"plot", "music"}, "plot; music"])
def test_labels(multilabel_workspace, given):
    row = next(
        name
        for name, target in zip(
            multilabel_workspace.train_split.ids, multilabel_workspace.train_split.labels, strict=True
        )
        if target != "music; plot"
    )
    multilabel_workspace.review.relabel(row, given)
    assert multilabel_workspace.review.states()[row].label == "music; plot"


def test_no_label_at_all_has_to_be_said(multilabel_workspace):
    train = multilabel_workspace.train_split
    row = next(name for name, target in zip(train.ids, train.labels, strict=True) if target != "(none)")
    for empty in ("", " ", None):
        with pytest.raises(InputError, match=r"relabel: no label was given; a row without any is '\(none\)'"):
            multilabel_workspace.review.relabel(row, empty)
    assert multilabel_workspace.review.states() == {}
    multilabel_workspace.review.relabel(row, [])
    assert multilabel_workspace.review.states()[row].label == "(none)"


def test_a_question_in_python_takes_a_number(regression_workspace):
    row = regression_workspace.eval_split.ids[0]
    by_number, by_text = (regression_workspace.explain(row=row, label=each, k=2) for each in (4, "4"))
    assert by_number.proponents == by_text.proponents
    with pytest.raises(InputError, match="is no label: give a text, a number"):
        regression_workspace.explain(row=row, label=object())


def test_right_or_wrong_is_refused_where_numbers_are_neither(regression_workspace):
    with pytest.raises(InputError, match="correct: no prediction of this task is right or wrong"):
        _ = regression_workspace.predictions("eval").correct


def test_numbers_beyond_those_of_the_data_are_stored_and_said(inside, regression_workspace, tmp_path):
    workspace = regression_workspace
    said = "70 is beyond the numbers that the training rows came with, 1.5 to 5"
    first, second = workspace.train_split.ids[:2]
    assert said in inside("relabel", workspace.path, first, "70").stderr
    assert "warning" not in inside("relabel", workspace.path, second, "4.5").stderr
    patch = tmp_path / "patch.csv"
    inside("export", workspace.path, "--what", "patch", "--format", "csv", "--out", patch)
    inside("undo", workspace.path)
    inside("undo", workspace.path)
    again = inside("import-patch", workspace.path, patch).stderr
    assert again.count("warning") == 1 and f"{first}: {said}" in again
    more = write_rows(
        tmp_path / "more.jsonl", [{"id": "n1", "text": "a new film", "label": 70, "source": "a"}]
    )
    assert said in inside("append", workspace.path, "--train", more, "--dry-run").stdout


@pytest.mark.parametrize("given", [True, {"a": 1}, [1, 2], object()])
def test_what_is_no_target(regression_workspace, multilabel_workspace, given):
    for workspace in (regression_workspace, multilabel_workspace):
        with pytest.raises(InputError, match="is no label: give a text, a number or a list of labels"):
            workspace.review.relabel(workspace.train_split.ids[0], given)
        assert workspace.review.states() == {}
