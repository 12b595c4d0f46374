"""Commands of Firstword run in the background: each in a process of its own that outlives a page or a server.

A job is named by its command line: its files lie in ``<log_dir>/<digest of the arguments>/``
(``job.json``, ``progress.json``, ``stdout.log``, ``stderr.log``). The same command runs once at a time.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import psutil
from filelock import FileLock

from backend.errors import InputError
from backend.files import digest, write_json
from backend.jobs.progress_file import PROGRESS_VARIABLE

State = Literal["running", "done", "failed", "interrupted"]


@dataclass(frozen=True)
class JobState:
    """How far a job is; ``error`` is the line that says why it failed."""

    state: State
    stage: str = ""
    done: int = 0
    total: int = 0
    error: str | None = None
    seconds_left: float | None = None

    @property
    def share(self) -> float:
        """The part of the current stage that is done, 0 to 1."""
        return min(self.done / self.total, 1.0) if self.total > 0 else 0.0


def job_path(args: list[str], log_dir: Path) -> Path:
    """Where the files of the job ``python -m backend *args`` lie."""
    return log_dir / digest(args)


def start_command(args: list[str], log_dir: Path) -> Path:
    """Start ``python -m backend *args`` in the background and return the job's folder.

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
    (folder / "progress.json").unlink(missing_ok=True)
    environment = {**os.environ, PROGRESS_VARIABLE: str((folder / "progress.json").resolve())}
    with (folder / "stdout.log").open("wb") as out, (folder / "stderr.log").open("wb") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "backend", *args],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=errors,
            env=environment,
            start_new_session=True,
        )
    write_json(folder / "job.json", {"args": args, "pid": process.pid, "created": _created(process.pid)})


def job_state(folder: Path) -> JobState | None:
    """How far the job in ``folder`` is; None if none was ever started there."""
    record = _read(folder / "job.json")
    if record is None:
        return None
    progress = _read(folder / "progress.json") or {}
    position = (str(progress.get("stage", "")), int(progress.get("done", 0)), int(progress.get("total", 0)))
    ended = progress.get("state")
    if ended in ("done", "failed", "interrupted"):
        _alive(record)  # collects the ended process
        return JobState(ended, *position, progress.get("error"))
    if _alive(record):
        return JobState("running", *position, seconds_left=progress.get("seconds_left"))
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


def jobs_of(command: str, log_dir: Path) -> list[list[str]]:
    """The arguments of every job of a command that was ever started here, newest first."""
    records = [_read(path) for path in sorted(log_dir.glob("*/job.json"), key=_time, reverse=True)]
    found = [list(map(str, record.get("args", []))) for record in records if record]
    return [args for args in found if args[:1] == [command]]


def forget_job(args: list[str], log_dir: Path) -> None:
    """Delete the record of a job that has ended; what it made stays. `InputError` if it is running."""
    folder = job_path(args, log_dir)
    state = job_state(folder)
    if state and state.state == "running":
        raise InputError(f"`{' '.join(args)[:200]}` is running; it can be forgotten when it has ended")
    shutil.rmtree(folder, ignore_errors=True)


def _time(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _alive(record: dict[str, Any]) -> bool:
    pid = int(record["pid"])
    with suppress(OSError):  # started by an earlier server: not ours to collect
        os.waitpid(pid, os.WNOHANG)
    created = _created(pid)
    return created is not None and created == record["created"]


def _created(pid: int) -> float | None:
    """When the process ``pid`` began; None if it is gone. Tells it from a later one of the same number."""
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else process.create_time()
    except psutil.Error:
        return None


def _read(path: Path) -> dict[str, Any] | None:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def _last_line(path: Path) -> str:
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    except OSError:
        return ""
    return lines[-1] if lines else ""
