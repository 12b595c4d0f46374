"""A command that is terminated ends as with Ctrl-C, and says what becomes of its work."""

import signal
import subprocess
import sys
import time

import pytest

from backend.files import write_json
from backend.jobs.process import job_state
from backend.jobs.stopping import what_is_kept
from tests.conftest import tiny_rows, write_rows

SLOW = """
import signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job would ignore it
from backend import build, cli
def slowly(*given, **options):
    print("begun", flush=True)
    time.sleep(60)
build.build_workspace = slowly
sys.argv = ["backend", *sys.argv[1:]]
cli.main()
"""


@pytest.mark.parametrize("asked", [signal.SIGTERM, signal.SIGINT])
def test_build_says_how_to_go_on_when_it_is_stopped(tmp_path, asked):
    source = write_rows(tmp_path / "train.jsonl", tiny_rows(10))
    options = ["--train", str(source), "--text", "text", "--label", "label"]
    command = [sys.executable, "-c", SLOW, "build", str(tmp_path / "ws"), *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stdout.readline() == "begun\n"
        process.send_signal(asked)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert said.splitlines() == [
        "error: stopped; what was finished is kept, and the same command goes on from there; "
        "a fine-tuning that was cut off begins anew"
    ]


def test_what_can_not_go_on_does_not_promise_it():
    assert what_is_kept(["init", "ws"]) == what_is_kept([]) == "what was finished is kept"
    assert what_is_kept(["scores", "ws"]).endswith("the same command goes on from there")


@pytest.mark.parametrize("progress", [None, {"state": "running", "stage": "s", "done": 1, "total": 4}])
def test_a_job_that_ended_without_a_word_after_it_was_asked_to_was_stopped(tmp_path, progress):
    process = subprocess.Popen(["true"])
    process.wait()
    write_json(tmp_path / "job.json", {"args": ["scores", "ws"], "pid": process.pid, "created": time.time()})
    (tmp_path / "stderr.log").write_text("error: stopped; what was finished is kept")
    if progress:
        write_json(tmp_path / "progress.json", progress)
    (tmp_path / "stopping").touch()
    state = job_state(tmp_path)
    assert state is not None
    assert (state.state, state.error) == ("interrupted", "as it was asked to")
    (tmp_path / "stopping").unlink()
    without = job_state(tmp_path)
    assert without is not None and without.state == ("interrupted" if progress else "failed")
