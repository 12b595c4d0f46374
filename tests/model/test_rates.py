"""Rates between the known ones, schedules through them, and options for runs that say none."""

import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import get_scheduler

from backend.errors import InputError
from backend.model.rates import changes_in_steps, held, joined, mean_rate, restarts
from backend.model.recognised import recognised
from backend.model.schedules import SCHEDULES, Schedule, given_schedule
from backend.model.trainer_log import TrainerLog, logs_ahead

QUICK = settings(max_examples=40, deadline=None)


@st.composite
def plateaus(draw):
    """True rates of a plateau schedule, and the steps of its evaluations, after which alone they change."""
    every, count = draw(st.integers(2, 6)), draw(st.integers(3, 8))
    factor = draw(st.sampled_from([0.1, 0.5, 0.9]))
    drops = [False, False, *draw(st.lists(st.booleans(), min_size=count - 2, max_size=count - 2))]
    rates, now = [], 0.03
    for dropped in drops:
        rates += [now] * every
        now *= factor if dropped else 1
    return every, factor, rates


@QUICK
@given(plateaus(), st.integers(0, 10), st.integers(1, 20))
def test_a_rate_that_changes_at_evaluations_is_held_between_them(plateau, after, length):
    every, factor, rates = plateau
    evaluations = list(range(every, len(rates) + 1, every))
    logged = [(step, rates[step - 1]) for step in evaluations]
    upto = min(after + length, len(rates))
    after = min(after, upto - 1)
    mean = mean_rate(held(logged, evaluations, factor), after, upto)
    assert mean == pytest.approx(np.mean(rates[after:upto]), rel=1e-9)
    history = [{"step": step, "learning_rate": rate, "eval_loss": 1.0} for step, rate in logged]
    log = TrainerLog.read({"log_history": history}, ahead=True)
    assert log.evaluated == evaluations and log.knots(stepwise=True) == logged
    if changes_in_steps(logged):  # older versions write it before the schedule acts, too
        assert log.knots() == logged


def test_several_drops_between_two_logged_rates_each_have_their_evaluation():
    curve = held([(10, 1.0), (40, 0.01)], [10, 20, 30, 40], 0.1)
    assert curve(np.array([10, 20, 21, 30, 31, 40.0])) == pytest.approx([1, 1, 0.1, 0.1, 0.01, 0.01])
    assert held([(10, 1.0), (40, 0.5)], [])(np.array([10, 11.0])) == pytest.approx([1, 0.5])
    assert held([(10, 0.5), (20, 1.0), (30, 0.0)], [15, 25])(np.array([15, 16, 25, 26.0])) == pytest.approx(
        [0.5, 1, 1, 0]
    )


@pytest.mark.parametrize(
    ("rates", "steps"),
    [
        ([3, 3, 3, 0.3, 0.03, 0.003], True),
        ([3, 3, 2, 2, 1, 1], True),  # other factors, but each is held
        ([3, 3, 2.9, 2.9], True),
        ([3, 3, 0.3], False),  # a step, or the corner of a line
        ([3, 3, 3, 2.9, 2.8, 2.7], False),  # constant, then a line
        ([3, 2, 1], False),
        ([1, 2, 3, 3, 3], False),  # a warm-up
        ([3, 3, 3], False),
        ([3, 3, 0.3, 3], False),
        ([3], False),
    ],
)
def test_what_counts_as_a_schedule_in_steps(rates, steps):
    assert changes_in_steps([(10 * step, rate) for step, rate in enumerate(rates)]) == steps


@QUICK
@given(
    st.sampled_from(["linear", "cosine", "inverse_sqrt"]),
    st.integers(20, 400),
    st.floats(1e-6, 1e-1),
    st.data(),
)
def test_a_schedule_through_all_known_rates_is_that_of_the_run(name, total, peak, data):
    warmup = data.draw(st.integers(0, total // 2))
    true = Schedule(name, peak, warmup, total)
    steps = sorted(data.draw(st.sets(st.integers(1, total), min_size=5, max_size=9)))
    knots = list(zip(steps, true(np.array(steps)).tolist(), strict=True))
    found = recognised(peak, knots, total)
    if found is not None:
        every = np.arange(1, total + 1)
        still = all(rate in (0, peak) for _, rate in knots)  # nothing of a slope is known
        assert still or found(every) == pytest.approx(true(every), abs=1e-5 * peak)
    assert recognised(peak, [*knots, (steps[-1] + 1, 2 * peak)], total) is None


def test_a_long_run_is_recognised_by_its_checkpoints():
    true = Schedule("linear", 5e-5, 1000, 10_000)
    steps = np.array([2001, 4001, 6001, 10_001])
    assert recognised(5e-5, list(zip(steps.tolist(), true(steps).tolist(), strict=True)), 10_000) == true


@pytest.mark.parametrize(
    "true",
    [
        Schedule("linear", 5e-5, 137, 1300),
        Schedule("cosine", 5e-5, 60, 1300),
        Schedule("cosine", 5e-5, 0, 1300),
        Schedule("constant_with_warmup", 5e-5, 137, 1300),
    ],
)
def test_three_logged_rates_around_the_peak_tell_a_warm_up(true):
    steps = np.array([100, 200, 300, 500, 900])
    assert recognised(None, list(zip(steps.tolist(), true(steps).tolist(), strict=True)), 1300) == true


def test_what_does_not_tell_a_schedule():
    half = [(11, 0.5), (21, 0.0)]  # linear and cosine meet there
    assert recognised(1.0, half, 20) is None
    assert recognised(1.0, [(11, 0.4)], 20) is None  # any warm-up could be had for one rate
    # a line, whatever led to it
    assert recognised(None, [(3, 0.9), (6, 0.75), (9, 0.6)], 20) == Schedule("linear", 1.0, 0, 20)
    assert recognised(None, half, 20) is recognised(None, [(3, 0.0), (6, 0.0), (9, 0.0)], 20) is None
    assert recognised(0.0, half, 20) is recognised(1.0, [], 20) is recognised(1.0, half, 0) is None
    assert recognised(1.0, [(5, 1.0), (9, 1.0)], 20) == Schedule("constant_with_warmup", 1.0, 0, 20)


def test_parts_of_a_run_and_restarts():
    curve = joined(
        [(10, lambda points: 0 * points), (20, lambda points: 0 * points + 1)], lambda p: 0 * p + 2
    )
    assert curve(np.array([1, 10, 11, 20, 21])).tolist() == [0, 0, 1, 1, 2]
    assert restarts([(5, 4.0), (10, 3.0), (15, 9.0), (20, 8.0)]) == [(10, 15)]
    assert restarts([(5, 1.0), (10, 3.0), (15, 9.0), (20, 8.0)]) == []


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_given_schedule_is_that_of_transformers(name):
    schedule = given_schedule(1e-3, name, 0 if name == "constant" else 5).schedule(40)
    rates = schedule(np.arange(1, 41))
    assert rates.max() == pytest.approx(1e-3) and (rates >= 0).all()


@pytest.mark.parametrize("warmup", [0, 1, 7])
@pytest.mark.parametrize(
    ("name", "option", "said"),
    [
        *((name, None, {}) for name in SCHEDULES),
        ("cosine_with_restarts", 3, {"num_cycles": 3}),
        ("polynomial", 2.5, {"power": 2.5}),
        ("cosine_with_min_lr", 0.1, {"min_lr_rate": 0.1}),
        ("warmup_stable_decay", 9, {"num_decay_steps": 9}),
    ],
)
def test_shapes_are_those_of_transformers(name, option, said, warmup):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1e-3)
    scheduler = get_scheduler(name, optimizer, warmup, 40, said)
    factor = scheduler.lr_lambdas[0]
    steps = np.arange(1, 42)
    true = [1e-3 * factor(step - 1) for step in steps.tolist()]
    assert Schedule(name, 1e-3, warmup, 40, option)(steps) == pytest.approx(true, rel=1e-12, abs=1e-18)


@pytest.mark.parametrize("name", ["linear", "cosine", "inverse_sqrt", "constant_with_warmup"])
@pytest.mark.parametrize("peak", [5e-5, None])
def test_a_run_that_logged_every_step_is_recognised_by_few_of_them(name, peak, monkeypatch):
    true, steps = Schedule(name, 5e-5, 1500, 20_000), np.arange(1, 20_001)
    tried = []
    call = Schedule.__call__
    monkeypatch.setattr(
        Schedule, "__call__", lambda self, points: (tried.append(len(points)), call(self, points))[1]
    )
    knots = list(zip(steps.tolist(), true(steps).tolist(), strict=True))
    assert recognised(peak, knots, 20_000) == true
    assert sum(tried) < 100 * len(steps)  # all of them only for what passes through the few
    knots[777] = (778, 2e-6)  # one rate off the curve, wherever it is
    assert recognised(peak, knots, 20_000) is None


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((None, "linear", None), "--schedule: give the highest rate"),
        ((None, None, 5), "--warmup-steps: give the highest rate"),
        ((0.0, None, None), "--learning-rate 0: must be above 0"),
        ((float("nan"), None, None), "--learning-rate nan: must be above 0"),
        ((1e-3, "lin\near", None), "must be one of linear, cosine"),
        ((1e-3, None, -1), "--warmup-steps -1: must be at least 0"),
    ],
)
def test_wrong_options_are_one_line(options, said):
    with pytest.raises(InputError, match=said) as caught:
        given_schedule(*options)
    assert "\n" not in str(caught.value)
    assert given_schedule(None, None, None) is None
    with pytest.raises(InputError, match="planned only 40 steps"):
        given_schedule(1e-3, "linear", 40).schedule(40)


@pytest.mark.parametrize(
    ("version", "ahead"),
    [("4.46.3", True), ("4.50.3", True), ("4.51.0", False), ("5.23.0", False), ("x", None), (5, None)],
)
def test_which_versions_log_the_next_rate(version, ahead, tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"transformers_version": version}))
    assert logs_ahead(tmp_path / "none", tmp_path) is ahead


def test_numbers_that_no_float_holds_are_passed_over():
    history = [{"step": 10**400, "learning_rate": 1.0}, {"step": 3, "learning_rate": 10**400, "loss": 1.0}]
    log = TrainerLog.read({"max_steps": 10**400, "log_history": history})
    assert (log.rates, log.losses, log.max_steps) == ([], [(3, 1.0)], None)


@pytest.mark.parametrize("rate", [-1e-3, 1e4, 1e300, float("nan")])
def test_what_can_be_no_learning_rate_is_passed_over(rate):
    history = [{"step": 3, "learning_rate": rate, "loss": 1.0}, {"step": 6, "learning_rate": 1e-3}]
    log = TrainerLog.read({"log_history": history})
    assert (log.rates, log.losses) == ([(6, 1e-3)], [(3, 1.0)])
