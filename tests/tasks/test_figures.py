"""Figures and doubts of tasks: where all is right, where nothing can be told, where there is one label."""

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score
from transformers import BertConfig

from backend.console import print_json
from backend.data.targets.label_sets import LabelSetSpace
from backend.data.targets.number_space import NumberSpace
from backend.tasks.multilabel import TASK as MULTILABEL
from backend.tasks.registry import mark, task_named
from backend.tasks.regression import TASK as REGRESSION


def figures(task, space, outputs, targets):
    return {each.name: each.value for each in task.figures(space, np.float32(outputs), targets)}


@given(st.integers(1, 4), st.integers(2, 12), st.data())
@settings(max_examples=60, deadline=None)
def test_f1_is_that_of_sklearn(n_labels, n_rows, data):
    space = LabelSetSpace(tuple("abcd"[:n_labels]))
    draw = st.lists(st.lists(st.sampled_from([0.0, 1.0]), min_size=n_labels, max_size=n_labels),
                    min_size=n_rows, max_size=n_rows)  # fmt: skip
    given_, said = np.float32(data.draw(draw)), np.float32(data.draw(draw))
    found = figures(MULTILABEL, space, 0.1 + 0.8 * said, space.targets(given_))
    there = np.flatnonzero(given_.any(axis=0))
    each = [f1_score(given_[:, k], said[:, k], zero_division=0) for k in there]
    assert found["macro_f1"] == pytest.approx(np.mean(each) if len(each) else 0)
    flat = f1_score(given_.ravel(), said.ravel(), zero_division=0)
    assert found["micro_f1"] == pytest.approx(flat)


@pytest.mark.parametrize("names", [("a",), ("a", "b")])
def test_a_model_that_is_always_right_is_not_doubted(names):
    space = LabelSetSpace(names)
    targets = ["a", "a", "a", "(none)"]  # a is in most rows: chance is high
    outputs = np.clip(space.numbers(targets), 0.1, 0.9)
    assert MULTILABEL.doubt(space, outputs, targets) is None
    found = figures(MULTILABEL, space, outputs, targets)
    assert found["micro_f1"] == found["map"] == found["exact"] == 1


def test_a_model_that_says_the_same_of_all_is_doubted():
    space = LabelSetSpace(("a", "b"))
    outputs = np.full((40, 2), 0.6, dtype=np.float32)
    assert "hardly told apart" in MULTILABEL.doubt(space, outputs, ["a", "b"] * 20)


def test_a_rank_correlation_that_can_not_be_told_is_no_zero(capsys):
    space = NumberSpace(0, 1, 2)
    found = figures(REGRESSION, space, [[1.0], [1.0]], ["0", "2"])
    assert math.isnan(found["spearman"]) and found["mae"] == 1
    print_json({"figures": found, "more": [math.inf, 1.5]})
    printed = json.loads(capsys.readouterr().out)
    assert printed["figures"]["spearman"] is None and printed["more"] == [None, 1.5]


def test_a_mark_of_an_earlier_task_is_taken_away():
    config = BertConfig()
    config.firstword_task = "counts"
    mark(config, task_named("regression"))
    assert not hasattr(config, "firstword_task") and config.problem_type == "regression"
