"""The rate of a fast retraining is that of Trainer's linear schedule, with and without warm-up."""

import math

import pytest
import torch
from transformers import get_linear_schedule_with_warmup

from backend.evaluation.retrainer import _linear


@pytest.mark.parametrize("warmup", [0.0, 0.06, 0.5])
@pytest.mark.parametrize("steps", [1, 7, 50])
def test_against_transformers(steps, warmup):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    scheduler = get_linear_schedule_with_warmup(optimizer, math.ceil(steps * warmup), steps)
    for done in range(steps):
        assert _linear(done, steps, warmup) == pytest.approx(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
