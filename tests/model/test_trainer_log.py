import math

import pytest

from backend.model.trainer_log import TrainerLog, read_json


def log(*entries):
    return TrainerLog.read({"log_history": list(entries)})


def rate(step, value, **more):
    return {"step": step, "learning_rate": value, **more}


def test_means_over_intervals():
    found = log(
        rate(10, 4.0, loss=1.0), rate(20, 3.0, loss=0.5), rate(30, 2.0, loss=0.3), {"step": 30, "x": 1}
    )
    assert found.mean_rate(0, 20) == (3.5, True)
    assert found.mean_rate(20, 30) == (2.0, True)
    assert found.mean_loss(10, 30) == pytest.approx(0.4)
    assert found.mean_loss(30, 40) is None
    assert found.last_step == 30


def test_rates_are_interpolated_where_none_was_logged():
    found = log(rate(10, 4.0), rate(30, 2.0))
    value, logged = found.mean_rate(10, 20)
    assert not logged and value == pytest.approx(3.45, rel=1e-6)  # mean of steps 11 to 20
    assert found.mean_rate(30, 40) == (2.0, False)


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
