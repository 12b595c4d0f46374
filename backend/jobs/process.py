"""Commands of Firstword run in the background: each in a process of its own that outlives a page or a server.

A job is named by its command line: its files lie in ``<log_dir>/<digest of the arguments>/``
(``job.json``, ``progress.json``, ``stdout.log``, ``stderr.log``, and ``stopping`` once it was asked to stop).
The same command runs once at a time.
"""

from __future__ import annotations

import json
import os
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import psutil
from filelock import FileLock

from backend.errors import InputError
from backend.files import digest, read_json, write_json
from backend.home import HOME
from backend.jobs.progress_file import AS_ASKED, PROGRESS_VARIABLE
from backend.program import called, environment

LOGS = HOME / ".jobs"  # where the app keeps its jobs
State = Literal["running", "done", "failed", "interrupted"]
_STOPPING = "stopping"
_WAITING = 'read -r word && exec "$@" </dev/null'  # without a word, it ends


@dataclass(frozen=True)
class JobState:
    """How far a job is; ``error`` is the line that says why it failed.

    ``stopping``: it was asked to stop and has not ended yet. ``within``: of a stage made of many parts, such
    as the trainings of a trial: its name, how many parts are done, and of how many.
    """

    state: State
    stage: str = ""
    done: int = 0
    total: int = 0
    error: str | None = None
    seconds_left: float | None = None
    stopping: bool = False
    within: tuple[str, int, int] | None = None

    @property
    def share(self) -> float:
        """The part of the work in hand that is done, 0 to 1."""
        part = _share(self.done, self.total)
        if self.within is None:
            return part
        _, done, total = self.within
        return _share(done + part, total)


@dataclass(frozen=True)
class JobRecord:
    """What was started: the arguments, the process, and when that process began (seconds since 1970)."""

    args: tuple[str, ...]
    pid: int
    created: float | None


def job_path(args: list[str], log_dir: Path) -> Path:
    """Where the files of the job ``firstword *args`` lie."""
    return log_dir / digest(args)


def start_command(args: list[str], log_dir: Path) -> Path:
    """Start ``firstword *args`` in the background and return the job's folder.

    Raises:
        InputError: if the same command is running already.
    """
    folder = job_path(args, log_dir)
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / ".lock"):  # two clicks at the same moment: the second waits, then sees the first
        state = job_state(folder)
        if state and state.state == "running":
            raise InputError(f"`{' '.join(args)}` is running already; wait for it")
        _start(args, folder)
    return folder


def _start(args: list[str], folder: Path) -> None:
    """The process waits for a word before it begins, which comes once its record names it.

    A server that is killed before leaves no process that nobody knows of.
    """
    env = {**environment(), PROGRESS_VARIABLE: str((folder / "progress.json").resolve())}
    with (folder / "stdout.log").open("wb") as out, (folder / "stderr.log").open("wb") as errors:
        process = subprocess.Popen(
            ["sh", "-c", _WAITING, "sh", *called(args)],
            stdin=subprocess.PIPE,
            stdout=out,
            stderr=errors,
            env=env,
            start_new_session=True,
        )
    word = process.stdin
    assert word is not None
    with word:
        write_json(folder / "job.json", {"args": args, "pid": process.pid, "created": _created(process.pid)})
        for name in ("progress.json", _STOPPING):
            (folder / name).unlink(missing_ok=True)
        word.write(b"begin\n")


def job_record(folder: Path) -> JobRecord | None:
    """What was started in ``folder``; None if nothing was or its record can't be read."""
    content = read_json(folder / "job.json") or {}
    args, pid, created = content.get("args"), content.get("pid"), content.get("created")
    if not isinstance(args, list) or not all(isinstance(each, str) for each in args):
        return None
    if type(pid) is not int or pid <= 0 or not isinstance(created, int | float | None):
        return None
    return JobRecord(tuple(args), pid, created)


def job_state(folder: Path) -> JobState | None:
    """How far the job in ``folder`` is; None if none was ever started there."""
    record = job_record(folder)
    if record is None:
        return None
    progress = read_json(folder / "progress.json") or {}
    if progress.get("pid", record.pid) != record.pid:  # of the job before
        progress = {}
    position = (str(progress.get("stage", "")), _count(progress.get("done")), _count(progress.get("total")))
    ended = progress.get("state")
    if ended in ("done", "failed", "interrupted"):
        _alive(record)  # collects the ended process
        error = progress.get("error")
        return JobState(ended, *position, None if error is None else str(error))
    if _alive(record):
        left = progress.get("seconds_left")
        return JobState(
            "running",
            *position,
            seconds_left=left if isinstance(left, int | float) else None,
            stopping=(folder / _STOPPING).exists(),
            within=_within(progress.get("within")),
        )
    if (folder / _STOPPING).exists():  # it was ended, or asked before it could listen
        return JobState("interrupted", *position, AS_ASKED)
    last_words = "" if progress else _last_line(folder / "stderr.log")
    return JobState("failed" if last_words else "interrupted", *position, last_words or None)


def job_result(folder: Path) -> Any:
    """What a finished job printed with ``--json``; None as long as it is not done, or printed no JSON."""
    state = job_state(folder)
    if state is None or state.state != "done":
        return None
    try:
        return json.loads((folder / "stdout.log").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def stop_job(folder: Path, at_once: bool = False) -> bool:
    """Ask the job's process to stop: it ends as with Ctrl-C, and what is done is kept.

    ``at_once`` ends it without asking: for one that does not listen. Returns whether there was something to
    stop; another process that has the number by now is left alone.
    """
    record = job_record(folder)
    if record is None or not _alive(record):
        return False
    (folder / _STOPPING).touch()
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(record.pid)
        if process.create_time() != record.created:
            return False
        process.kill() if at_once else process.terminate()  # psutil compares number and beginning once more
        return True
    return False


def _share(done: float, total: int) -> float:
    return min(max(done / total, 0.0), 1.0) if total > 0 else 0.0


def _count(value: Any) -> int:
    return value if isinstance(value, int) else 0


def _within(value: Any) -> tuple[str, int, int] | None:
    if not isinstance(value, list) or len(value) != 3:
        return None
    return str(value[0]), _count(value[1]), _count(value[2])


def _alive(record: JobRecord) -> bool:
    with suppress(OSError):  # started by an earlier server: not ours to collect
        os.waitpid(record.pid, os.WNOHANG)
    created = _created(record.pid)
    return created is not None and created == record.created


def _created(pid: int) -> float | None:
    """When the process ``pid`` began; None if it is gone. Tells it from a later one of the same number."""
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else process.create_time()
    except psutil.Error:
        return None


def _last_line(path: Path) -> str:
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    except OSError:
        return ""
    return lines[-1] if lines else ""
