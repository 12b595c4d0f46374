"""Targets as a script gives them: text, a number, labels; what is none is refused and nothing is stored."""

import numpy as np
import pytest

from backend.errors import InputError


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


@pytest.mark.parametrize("given", [True, {"a": 1}, [1, 2], object()])
def test_what_is_no_target(regression_workspace, multilabel_workspace, given):
    for workspace in (regression_workspace, multilabel_workspace):
        with pytest.raises(InputError, match="is no label: give a text, a number or a list of labels"):
            workspace.review.relabel(workspace.train_split.ids[0], given)
        assert workspace.review.states() == {}
