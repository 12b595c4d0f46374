"""`FairLock`: who waits gets it, though another takes it again and again."""

from __future__ import annotations

import threading

import pytest

from backend.fair_lock import FairLock


def test_one_who_waits_comes_before_the_next_step():
    lock, waiting, had = FairLock(), threading.Event(), threading.Event()

    def other() -> None:
        waiting.set()
        with lock:
            had.set()

    thread = threading.Thread(target=other)
    with lock:
        thread.start()
        assert waiting.wait(60)
        while not lock._waiting:  # it is in the queue now
            pass
    with lock:  # the next step begins after the other was let in
        assert had.is_set()
    thread.join(60)


def test_it_is_reentrant_and_for_one_thread_at_a_time():
    lock, inside, most = FairLock(), [0], [0]

    def steps() -> None:
        for _ in range(200):
            with lock, lock:
                inside[0] += 1
                most[0] = max(most[0], inside[0])
                inside[0] -= 1

    threads = [threading.Thread(target=steps) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(120)
    assert most == [1] and not any(each.is_alive() for each in threads)


def test_an_error_inside_gives_it_back():
    lock = FairLock()
    with pytest.raises(ValueError), lock:
        raise ValueError
    taken: list[bool] = []
    thread = threading.Thread(target=lambda: taken.append(lock.__enter__() is None))
    thread.start()
    thread.join(60)
    assert taken == [True]
