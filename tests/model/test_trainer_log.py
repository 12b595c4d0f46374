import math

import numpy as np
import pytest
import torch
import transformers as hf

from backend.files import read_json
from backend.model.rates import interpolated, mean_rate
from backend.model.trainer_log import TrainerLog


def log(*entries):
    return TrainerLog.read({"log_history": list(entries)})


def rate(step, value, **more):
    return {"step": step, "learning_rate": value, **more}


def mean(log, after, upto):
    """By lines between what is logged."""
    return mean_rate(interpolated(log.knots(), log.max_steps), after, upto)


def schedule(name, total, peak=5e-5, warmup=0) -> list[float]:
    """The rate of every update; of step s at index s - 1."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=peak)
    scheduler = hf.get_scheduler(name, optimizer, warmup, total)
    rates = []
    for _ in range(total):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return rates


def logged(rates, every) -> TrainerLog:
    return log(*(rate(step, rates[step - 1]) for step in range(every, len(rates) + 1, every)))


@pytest.mark.parametrize(
    ("name", "warmup"), [("linear", 0), ("linear", 60), ("cosine", 0), ("cosine", 60), ("constant", 0)]
)
@pytest.mark.parametrize("ends", [(100, 200, 300), (37, 45, 222, 290)])
def test_mean_rates_are_those_of_the_schedule(name, warmup, ends):
    rates = schedule(name, 300, warmup=warmup)
    found = logged(rates, 10)
    for after, upto in zip((0, *ends), ends, strict=False):
        assert mean(found, after, upto) == pytest.approx(np.mean(rates[after:upto]), rel=0.03)


@pytest.mark.parametrize(("name", "within"), [("linear", 1e-6), ("constant", 1e-6), ("cosine", 0.1)])
def test_mean_rates_where_each_epoch_is_logged_once(name, within):
    rates = schedule(name, 300)
    found = logged(rates, 100)
    means = [mean(found, *interval) for interval in ((0, 100), (100, 200))]
    assert means == pytest.approx([np.mean(rates[:100]), np.mean(rates[100:200])], rel=within)
    if name == "linear":
        assert [*means, mean(found, 200, 300)] == pytest.approx([4.18e-5, 2.51e-5, 8.4e-6], rel=0.01)


def test_rates_before_the_first_and_after_the_last_logged():
    found = log(rate(100, 4.0), rate(110, 6.0))
    assert mean(found, 0, 10) == 0.0  # a warm-up: the line would be negative here
    assert mean(found, 89, 90) == 2.0
    assert mean(found, 500, 600) == 6.0
    assert mean(log(rate(100, 4.0)), 0, 10) == 4.0
    assert mean(found, 0, 0) == 0.0  # a single checkpoint whose step is not known
    assert mean(found, 0, 10**15) == pytest.approx(6.0, rel=1e-4)


def test_means_over_intervals():
    found = log(
        rate(10, 4.0, loss=1.0), rate(20, 3.0, loss=0.5), rate(30, 2.0, loss=0.3), {"step": 30, "x": 1}
    )
    assert mean(found, 0, 20) == pytest.approx(3.95)
    assert mean(found, 20, 30) == pytest.approx(2.45)
    assert found.mean_loss(10, 30) == pytest.approx(0.4)
    assert found.mean_loss(30, 40) is None
    assert found.last_step == 30


def test_rates_are_interpolated_where_none_was_logged():
    found = log(rate(10, 4.0), rate(30, 2.0))
    assert mean(found, 10, 20) == pytest.approx(3.45)  # mean of steps 11 to 20
    assert mean(found, 30, 40) == pytest.approx(1.45)  # goes on falling: steps 31 to 40
    assert mean(log(rate(10, 2.0), rate(30, 4.0)), 30, 40) == 4.0  # a rising one is held


def test_logging_every_500_steps_gives_the_true_weights_of_a_linear_run():
    """Trainer's default: the last 300 of 1,300 steps have no logged rate."""
    true = [5e-5 * (1 - step / 1300) for step in range(1300)]
    history = [rate(step, true[step - 1]) for step in (500, 1000)]
    found = TrainerLog.read({"max_steps": 1300, "log_history": history})
    for after, upto in ((0, 500), (500, 1000), (1000, 1300)):
        assert mean(found, after, upto) == pytest.approx(sum(true[after:upto]) / (upto - after), rel=1e-3)


def test_a_resumed_run_logs_again_and_the_later_wins():
    found = log(rate(10, 5.0), rate(20, 4.0), rate(25, 9.0), rate(20, 3.0), rate(30, 2.0))
    assert found.rates == [(10, 5.0), (20, 3.0), (30, 2.0)]


@pytest.mark.parametrize(
    "state",
    [
        None,
        {},
        {"log_history": None},
        {"log_history": {"a": 1}},
        {"log_history": [None, 3, [], {"step": "10", "learning_rate": 1.0}, {"learning_rate": 1.0}]},
        {"log_history": [rate(10, None), rate(20, math.nan), rate(30, "1"), rate(-1, 1.0)]},
    ],
)
def test_unusable_entries_are_passed_over(state):
    assert TrainerLog.read(state) == TrainerLog()


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b"[" * 100_000])
def test_damaged_json(tmp_path, content):
    (tmp_path / "x.json").write_bytes(content)
    assert read_json(tmp_path / "x.json") is None
    assert read_json(tmp_path / "nothing.json") is None
