import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from backend.errors import InputError
from backend.files import write_json
from backend.jobs.process import JobState, job_path, job_state, start_command
from backend.jobs.progress_file import PROGRESS_VARIABLE, progress_file


def until(done: Callable[[], object], seconds: float = 60) -> None:
    """Wait till something is so; a hang is a failure, not a test that never ends."""
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, f"not so after {seconds} seconds"
        time.sleep(0.01)


def wait(folder: Path, seconds: float = 60) -> JobState:
    until(lambda: (state := job_state(folder)) is not None and state.state != "running", seconds)
    state = job_state(folder)
    assert state is not None
    return state


def test_progress_and_success(tmp_path, tiny_workspace):
    folder = start_command(["verify", str(tiny_workspace.path)], tmp_path / "jobs")
    state = wait(folder)
    assert (state.state, state.error) == ("done", None)
    assert state.total > 0 and state.done == state.total and state.share == 1.0
    assert job_state(folder) == state


def test_failure_has_the_error_line(tmp_path):
    folder = start_command(["status", str(tmp_path / "nowhere")], tmp_path / "jobs")
    state = wait(folder)
    assert state.state == "failed" and "no workspace here" in (state.error or "")


def test_a_command_runs_once_at_a_time_and_its_end_is_noticed(tmp_path):
    args = ["demo"]
    sleeper = subprocess.Popen(["sleep", "60"], start_new_session=True)
    record = {"args": args, "pid": sleeper.pid, "created": psutil.Process(sleeper.pid).create_time()}
    folder = job_path(args, tmp_path)
    write_json(folder / "job.json", record)
    write_json(folder / "progress.json", {"state": "running", "stage": "s", "done": 1, "total": 4})
    assert job_state(folder) == JobState("running", "s", 1, 4)
    with pytest.raises(InputError, match="running already"):
        start_command(args, tmp_path)
    os.kill(sleeper.pid, signal.SIGKILL)
    assert wait(folder).state == "interrupted"


def test_two_clicks_at_once_start_one_process(tmp_path, monkeypatch):
    started: list[subprocess.Popen] = []
    real, together = subprocess.Popen, threading.Barrier(6)

    def slow_start(command, **options):
        process = real(["sleep", "60"], stdin=subprocess.PIPE, start_new_session=True)
        started.append(process)
        time.sleep(0.2)
        return process

    def click(_: int) -> str:
        together.wait()
        try:
            start_command(["demo"], tmp_path)
        except InputError as error:
            return str(error)
        return "started"

    monkeypatch.setattr("backend.jobs.process.subprocess.Popen", slow_start)
    try:
        with ThreadPoolExecutor(6) as clicks:
            answers = list(clicks.map(click, range(6)))
        assert len(started) == 1 and answers.count("started") == 1
        assert all("running already" in each for each in answers if each != "started")
    finally:
        for process in started:
            process.kill()


def test_another_process_of_the_same_number_is_not_the_job(tmp_path):
    write_json(tmp_path / "job.json", {"args": [], "pid": os.getpid(), "created": 1.0})
    assert job_state(tmp_path) == JobState("interrupted")


def command_that(tmp_path: Path, does: str) -> str:
    """A program that stands in for Python."""
    script = tmp_path / "command"
    script.write_text(f"#!/bin/sh\n{does}\n")
    script.chmod(0o755)
    return str(script)


def test_a_command_begins_once_its_record_names_it(tmp_path, monkeypatch):
    folder = job_path(["demo"], tmp_path)
    monkeypatch.setattr(
        "sys.executable", command_that(tmp_path, f"cp {folder}/job.json {folder}/seen; echo $$")
    )
    start_command(["demo"], tmp_path)
    until(lambda: "\n" in (folder / "stdout.log").read_text())
    assert json.loads((folder / "seen").read_text())["pid"] == int((folder / "stdout.log").read_text())


def test_a_server_killed_before_the_record_leaves_no_process(tmp_path):
    script = f"""
import os, sys
from pathlib import Path
import backend.jobs.process as process
sys.executable = {command_that(tmp_path, f"touch {tmp_path}/begun")!r}
process.write_json = lambda path, content: (print(content["pid"], flush=True), os._exit(9))
process.start_command(["demo"], Path({str(tmp_path)!r}))
"""
    server = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert server.returncode == 9
    until(lambda: not psutil.pid_exists(int(server.stdout)))
    assert not (tmp_path / "begun").exists() and job_state(job_path(["demo"], tmp_path)) is None


def test_what_the_job_before_reported_is_not_the_new_one_s(tmp_path):
    folder = job_path(["demo"], tmp_path)
    me = psutil.Process()
    write_json(folder / "job.json", {"args": ["demo"], "pid": me.pid, "created": me.create_time()})
    write_json(folder / "progress.json", {"state": "done", "stage": "s", "done": 4, "total": 4, "pid": 1})
    assert job_state(folder) == JobState("running")


def test_no_job(tmp_path):
    assert job_state(tmp_path / "none") is None


def test_progress_file_is_written_at_most_twice_a_second(tmp_path, monkeypatch):
    path = tmp_path / "p.json"
    monkeypatch.setenv(PROGRESS_VARIABLE, str(path))
    with progress_file() as listen:
        assert listen is not None
        for done in range(1000):
            listen("a", done, 1000)
        assert json.loads(path.read_text())["done"] == 0
        listen("b", 3, 5)
        assert json.loads(path.read_text()) | {"at": 0} == {
            "state": "running", "stage": "b", "done": 3, "total": 5,
            "seconds_left": None, "within": None, "error": None, "at": 0, "pid": os.getpid(),
        }  # fmt: skip
    assert json.loads(path.read_text())["state"] == "done"
    with pytest.raises(ValueError, match="bad"), progress_file():
        raise ValueError("bad thing\nmore")
    assert json.loads(path.read_text())["error"] == "bad thing"


def test_without_the_variable_nothing_is_written(monkeypatch):
    monkeypatch.delenv(PROGRESS_VARIABLE, raising=False)
    with progress_file() as listen:
        assert listen is None


def test_a_place_that_cannot_be_written_does_not_stop_the_work(monkeypatch, tmp_path):
    monkeypatch.setenv(PROGRESS_VARIABLE, str(tmp_path / "no" / "such" / "p.json"))
    with progress_file() as listen:
        assert listen is not None
        listen("a", 1, 2)
