"""What other work on the machine is said to cost."""

import pytest

from backend.other_work import OtherWork, other_work_line


@pytest.mark.parametrize(
    ("used", "processors", "words"),
    [
        (0.1, 2, None),
        (1.0, 2, "1.0 of 2 processors: expect up to 2.0 times"),
        (1.4, 2, "1.4 of 2 processors: expect up to 3.3 times"),
        (7.9, 4, "4.0 of 4 processors: expect up to 8.0 times"),
        (3.0, 16, "3.0 of 16 processors: expect up to 1.2 times"),
    ],
)
def test_the_remark(used, processors, words):
    said = other_work_line(used, processors)
    assert said is None if words is None else words in (said or "")


def test_what_this_process_does_itself_is_not_other_work(monkeypatch):
    clock = iter([(100.0, 10.0, 0.0), (106.0, 14.0, 4.0)])  # busy, own, time

    def next_reading():
        busy, own, at = next(clock)
        monkeypatch.setattr("backend.other_work._busy", lambda: busy)
        monkeypatch.setattr("backend.other_work._own", lambda: own)
        monkeypatch.setattr("backend.other_work.time.monotonic", lambda: at)

    next_reading()
    watched = OtherWork()
    next_reading()
    assert watched.processors() == pytest.approx((6.0 - 4.0) / 4.0)
