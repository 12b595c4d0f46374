"""Jobs on the list: in order, stopped, taken off, damaged; what they said."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from backend.errors import InputError
from backend.files import write_json
from backend.jobs.listing import all_jobs, forget_job, job_of, log_tail
from backend.jobs.process import JobState, job_record, job_state, stop_job
from backend.jobs.progress_file import PROGRESS_VARIABLE, progress_file
from tests.jobs.test_process import wait


def recorded(folder: Path, pid: int, created: float | None, args: tuple[str, ...] = ("demo",)) -> Path:
    write_json(folder / "job.json", {"args": args, "pid": pid, "created": created})
    return folder


@pytest.fixture
def sleeper():
    process = subprocess.Popen(["sleep", "60"], start_new_session=True)
    yield process
    process.kill()
    process.wait()


def begun(process: subprocess.Popen) -> float:
    return psutil.Process(process.pid).create_time()


def test_running_jobs_come_first_then_the_newest(tmp_path, sleeper):
    for number, name in enumerate(("old", "new")):
        recorded(tmp_path / name, os.getpid(), 1.0, (name,))
        os.utime(tmp_path / name / "job.json", (number + 100, number + 100))
    recorded(tmp_path / "now", sleeper.pid, begun(sleeper), ("now",))
    os.utime(tmp_path / "now" / "job.json", (1, 1))
    (tmp_path / "no-job").mkdir()
    jobs = all_jobs(tmp_path)
    assert [job.args for job in jobs] == [("now",), ("new",), ("old",)]
    assert [job.state.state for job in jobs] == ["running", "interrupted", "interrupted"]
    assert [job.at for job in jobs] == [1, 101, 100]
    assert all_jobs(tmp_path / "none") == []


@pytest.mark.parametrize(
    "content", ["", "[1]", "{", '{"args": 3, "pid": 1, "created": 1}', '{"args": [], "pid": "1; rm"}']
)
def test_a_damaged_record_is_shown_and_can_go(tmp_path, content):
    folder = tmp_path / "a"
    folder.mkdir()
    (folder / "job.json").write_text(content)
    (job,) = all_jobs(tmp_path)
    assert (job.args, job.state.state) == ((), "failed") and "can't be read" in (job.state.error or "")
    assert job_state(folder) is None and not stop_job(folder)
    forget_job(folder)
    assert all_jobs(tmp_path) == [] and not folder.exists()


def test_damaged_progress_is_no_progress(tmp_path, sleeper):
    folder = recorded(tmp_path / "a", sleeper.pid, begun(sleeper))
    progress = {
        "state": "running",
        "stage": 3,
        "done": "x",
        "total": None,
        "within": [1],
        "seconds_left": "?",
    }
    write_json(folder / "progress.json", progress)
    assert job_state(folder) == JobState("running", "3")


def test_stopping_ends_our_process_only(tmp_path, sleeper):
    """A later process with the same number is another process, and so is one that is gone."""
    assert not stop_job(recorded(tmp_path / "other", sleeper.pid, begun(sleeper) - 1))
    assert not stop_job(recorded(tmp_path / "gone", 2**22 + 1, 1.0))
    assert not stop_job(tmp_path / "none")
    assert sleeper.poll() is None
    folder = recorded(tmp_path / "ours", sleeper.pid, begun(sleeper))
    assert not job_state(folder).stopping
    assert stop_job(folder)
    assert wait(folder).state == "interrupted"
    assert job_record(folder) is not None and not stop_job(folder)


def test_what_does_not_listen_can_be_ended(tmp_path):
    code = "import signal, time; signal.signal(15, signal.SIG_IGN); print(1, flush=True); time.sleep(60)"
    deaf = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    deaf.stdout.readline()
    folder = recorded(tmp_path / "a", deaf.pid, begun(deaf))
    assert stop_job(folder)
    time.sleep(0.2)
    assert job_state(folder) == JobState("running", stopping=True)
    assert stop_job(folder, at_once=True)
    assert wait(folder).state == "interrupted"


def test_a_stopped_command_sweeps_up_and_says_so(tmp_path):
    code = (
        "import time, pathlib\n"
        "from backend.jobs.progress_file import progress_file\n"
        "try:\n"
        "    with progress_file() as listen:\n"
        "        listen('work', 3, 10)\n"
        "        time.sleep(60)\n"
        "finally:\n"
        f"    pathlib.Path({str(tmp_path / 'swept')!r}).touch()\n"
    )
    place = tmp_path / "a" / "progress.json"
    place.parent.mkdir()
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        env={**os.environ, PROGRESS_VARIABLE: str(place)},
        stderr=subprocess.DEVNULL,
    )
    folder = recorded(tmp_path / "a", process.pid, begun(process))
    end = time.monotonic() + 30
    while (job_state(folder) or JobState("failed")).done != 3 and time.monotonic() < end:
        time.sleep(0.05)
    assert stop_job(folder)
    state = wait(folder)
    assert (state.state, state.stage, state.done, state.total) == ("interrupted", "work", 3, 10)
    process.wait(timeout=30)  # the file says so before the last of it is swept up
    assert (tmp_path / "swept").exists()


def test_the_handler_is_gone_after_the_work(tmp_path, monkeypatch):
    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setenv(PROGRESS_VARIABLE, str(tmp_path / "p.json"))
    with progress_file():
        assert signal.getsignal(signal.SIGTERM) is signal.default_int_handler
    assert signal.getsignal(signal.SIGTERM) == before


def test_a_running_job_stays_on_the_list(tmp_path, sleeper):
    folder = recorded(tmp_path / "a", sleeper.pid, begun(sleeper))
    with pytest.raises(InputError, match="is running"):
        forget_job(folder)
    assert job_of(folder) is not None
    sleeper.kill()
    sleeper.wait()
    forget_job(folder)
    assert job_of(folder) is None
    forget_job(folder)


def test_parts_of_a_long_stage_are_counted_together(tmp_path, monkeypatch, sleeper):
    folder = recorded(tmp_path / "a", sleeper.pid, begun(sleeper))
    monkeypatch.setenv(PROGRESS_VARIABLE, str(folder / "progress.json"))
    monkeypatch.setattr("os.getpid", lambda: sleeper.pid)
    with progress_file() as listen:
        listen("reading", 0, 5)
        listen("reading", 4, 5)  # not to its end: what follows is no part of it
        listen("trainings", 0, 4)
        assert job_state(folder).within is None
        listen("training", 0, 10)
        assert job_state(folder).within == ("trainings", 0, 4)
        listen("trainings", 1, 4)
        listen("training", 0, 10)
        state = job_state(folder)
        assert (state.stage, state.within, state.share) == ("training", ("trainings", 1, 4), 0.25)
        listen("trainings", 4, 4)
        listen("forecast", 1, 2)
        assert job_state(folder).within is None and job_state(folder).share == 0.5


def test_the_tail_is_plain_text(tmp_path):
    assert log_tail(tmp_path, "stderr") == ""
    (tmp_path / "stderr.log").write_bytes(b"one\r\n10%\r20%\r30%\n\x1b[31mred\x1b[0m \xff\x00\nlast")
    assert log_tail(tmp_path, "stderr") == "one\n30%\nred \ufffd\nlast"
    assert log_tail(tmp_path, "stderr", 1) == "last"
    (tmp_path / "stdout.log").write_text("".join(f"line {number}\n" for number in range(100_000)))
    tail = log_tail(tmp_path, "stdout", 10_000).split("\n")
    assert tail[-1] == "line 99999" and all(each.startswith("line ") for each in tail)
    assert len("\n".join(tail)) <= 64 * 1024


def test_the_record_of_a_job_is_read_as_written(tmp_path):
    folder = recorded(tmp_path / "a", 5, None, ("retrain", "ws"))
    record = job_record(folder)
    assert record is not None and record.args == ("retrain", "ws")
    assert json.loads((folder / "job.json").read_text())["pid"] == record.pid
