"""All jobs that were ever started and not taken off the list, with what they said."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from backend.errors import InputError
from backend.jobs.process import JobState, job_record, job_state

_TAIL_BYTES = 64 * 1024
_CONTROLS = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|[\x00-\x08\x0b-\x1f\x7f]")
_DAMAGED = JobState("failed", error="the record of this job can't be read")


@dataclass(frozen=True)
class Job:
    """A job on the list; ``args`` is empty where its record can't be read. ``at``: when it was started."""

    folder: Path
    args: tuple[str, ...]
    state: JobState
    at: float


def all_jobs(log_dir: Path, command: str | None = None) -> list[Job]:
    """Running ones first, then the newest; all, or those of one command."""
    found = [job for path in log_dir.glob("*/job.json") if (job := _job(path.parent)) is not None]
    if command is not None:
        found = [job for job in found if job.args[:1] == (command,)]
    return sorted(found, key=lambda job: (job.state.state != "running", -job.at, job.folder.name))


def job_of(folder: Path) -> Job | None:
    """The job in ``folder``; None if it is not on the list."""
    return _job(folder) if (folder / "job.json").is_file() else None


def _job(folder: Path) -> Job | None:
    try:
        at = (folder / "job.json").stat().st_mtime
    except OSError:  # taken off the list meanwhile
        return None
    record, state = job_record(folder), job_state(folder)
    if record is None or state is None:
        return Job(folder, (), _DAMAGED, at)
    return Job(folder, record.args, state, at)


def forget_job(folder: Path) -> None:
    """Take a job off the list and delete what it said; `InputError` while it runs."""
    if not folder.is_dir():
        return
    try:
        with FileLock(folder / ".lock", timeout=2):
            state = job_state(folder)
            if state is not None and state.state == "running":
                raise InputError("this job is running; stop it first")
            (folder / "job.json").unlink(missing_ok=True)  # first: nothing half-deleted stays on the list
            shutil.rmtree(folder, ignore_errors=True)
    except Timeout as error:
        raise InputError("this job is being started; try again in a moment") from error


def log_tail(folder: Path, name: str, lines: int = 200) -> str:
    """The last lines of ``stdout`` or ``stderr`` as plain text; nothing where it said nothing.

    Of a line that was written over and over, as a progress bar's, the last state is kept.
    """
    try:
        with (folder / f"{name}.log").open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(size - _TAIL_BYTES, 0))
            text = file.read(_TAIL_BYTES).decode("utf-8", errors="replace")
    except OSError:
        return ""
    last = [line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n")]
    if size > _TAIL_BYTES:
        last = last[1:] or last  # the first is cut off
    return "\n".join(_CONTROLS.sub("", line) for line in last[-lines:]).strip("\n")
