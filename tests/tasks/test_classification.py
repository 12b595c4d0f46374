"""The loss of classification by its formula, and which task a model is of."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from backend.manifest import TaskInfo
from backend.model.loading import load_classifier
from backend.tasks.causal_lm import IGNORED, next_token_losses
from backend.tasks.classification import TASK
from backend.tasks.registry import all_tasks, task_of
from tests.factories import SENTENCES, tiny

LOGITS = st.lists(st.lists(st.floats(-30, 30), min_size=3, max_size=3), min_size=1, max_size=5)


@given(LOGITS, st.data())
def test_losses_by_their_formula(values, data):
    logits = torch.tensor(values, dtype=torch.float64)
    targets = data.draw(st.lists(st.integers(0, 2), min_size=len(values), max_size=len(values)))
    exact = [
        float(np.log(np.exp(row).sum()) - row[target]) for row, target in zip(values, targets, strict=True)
    ]
    assert TASK.losses(logits, torch.tensor(targets)).tolist() == pytest.approx(exact, abs=1e-9)
    assert TASK.predicted(np.array(values)).tolist() == [row.index(max(row)) for row in values]


def test_a_token_that_is_not_trained_on_has_no_loss():
    logits = torch.randn(2, 4, 7, generator=torch.Generator().manual_seed(0))
    following = torch.tensor([[1, 2, IGNORED, 3], [IGNORED, 0, 6, 5]])
    found = next_token_losses(logits, following)
    exact = -logits.log_softmax(-1).gather(-1, following.clamp(min=0)[..., None])[..., 0]
    assert torch.allclose(found, exact * (following != IGNORED))


def test_a_model_says_its_task(tmp_path):
    source = tiny("bert", tmp_path / "model", SENTENCES)
    assert task_of(load_classifier(source, task=TaskInfo(classes=("a", "b")))) is TASK
    assert all_tasks()["classification"] is TASK
    model = load_classifier(source)
    model.config.problem_type = "diffusion"
    with pytest.raises(ValueError, match="diffusion"):
        task_of(model)
