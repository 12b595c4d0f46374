"""How fast work goes, and how long it will still take."""

import pytest

from backend import progress as progress_module
from backend.console import progress_bar
from backend.progress import Pace, remaining


@pytest.fixture
def clock(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(progress_module.time, "monotonic", lambda: now[0])
    return now


def test_rate_and_time_left_count_from_the_start_of_the_stage(clock):
    pace = Pace()
    assert pace.rate is None
    pace("rows", 40, 100)  # 40 were there already
    assert pace.rate is pace.seconds_left is None
    clock[0] += 1
    pace("rows", 50, 100)
    assert (pace.rate, pace.seconds_left) == (10.0, None)  # what comes first also loads and compiles
    clock[0] += 3
    pace("rows", 80, 100)
    assert (pace.rate, pace.seconds_left) == (10.0, 2.0)
    pace("index", 0, 5)
    assert pace.rate is None
    clock[0] += 1
    pace("index", 2, 5)
    pace("index", 3, 5)
    assert (pace.rate, pace.seconds_left) == (3.0, None)
    clock[0] += 2
    pace("index", 5, 5)
    assert (pace.rate, pace.seconds_left) == (5 / 3, 0.0)


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0.2, "1 s"), (40, "40 s"), (89, "89 s"), (91, "2 min"), (3600, "1 h 0 min"), (4900, "1 h 22 min")],
)
def test_time_for_a_person(seconds, shown):
    assert remaining(seconds) == shown


def test_lines_without_a_terminal_say_rate_and_time_left(clock, capsys):
    with progress_bar() as listen:
        listen("rows", 0, 100)
        clock[0] += 20
        listen("rows", 25, 100)
        clock[0] += 20
        listen("rows", 50, 100)
        clock[0] += 40
        listen("rows", 100, 100)
    assert capsys.readouterr().err.splitlines() == [
        "rows: 25 of 100, 1.2/s",
        "rows: 50 of 100, 1.2/s, 40 s left",
        "rows: 100 of 100, 1.2/s",
    ]
