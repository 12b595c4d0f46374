"""A job's progress as a small JSON file: one process writes it, any other may read it."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from backend.jobs.stopping import terminated_like_interrupted
from backend.progress import Pace, Progress

PROGRESS_VARIABLE = "FIRSTWORD_PROGRESS"
SECONDS_BETWEEN_WRITES = 0.5
AS_ASKED = "as it was asked to"  # how a job ended that was stopped


@contextmanager
def progress_file() -> Iterator[Progress | None]:
    """Write what is reported, and how the block ends, to the file that ``FIRSTWORD_PROGRESS`` names.

    Yields None if the variable is not set. A file on a full disk or in a deleted folder is given up
    silently: watching must not end the work. Meanwhile a request to terminate is as good as Ctrl-C: what is
    half-written is swept away, and the file says that the work was interrupted.
    """
    place = os.environ.get(PROGRESS_VARIABLE)
    if not place:
        yield None
        return
    writer = _Writer(Path(place))
    try:
        with terminated_like_interrupted():
            yield writer
    except BaseException as error:
        writer.finish("interrupted" if isinstance(error, KeyboardInterrupt) else "failed", _line(error))
        raise
    writer.finish("done")


class _Writer:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.last: dict[str, Any] = {"stage": "", "done": 0, "total": 0}
        self.pace = Pace()
        self.outer = _Outer()
        self.written_at = 0.0
        self._write("running")

    def __call__(self, stage: str, done: int, total: int) -> None:
        new_stage = stage != self.last["stage"]
        self.pace(stage, done, total)
        within = self.outer.around(stage, done, total)
        left = self.pace.seconds_left if within is None else self.outer.seconds_left(done, total)
        self.last = {"stage": stage, "done": done, "total": total, "seconds_left": left, "within": within}
        if new_stage or time.monotonic() - self.written_at >= SECONDS_BETWEEN_WRITES:
            self._write("running")

    def finish(self, state: str, error: str | None = None) -> None:
        """Write how it ended."""
        self._write(state, error)

    def _write(self, state: str, error: str | None = None) -> None:
        self.written_at = time.monotonic()
        content = {"state": state, **self.last, "error": error, "at": time.time(), "pid": os.getpid()}
        temporary = self.path.with_suffix(".tmp")
        try:
            temporary.write_text(json.dumps(content), encoding="utf-8")
            temporary.replace(self.path)
        except OSError:
            return


class _Outer:
    """A stage that goes on while others come and go within it, as the trainings of a trial do.

    It is known by its beginning: nothing of it is done yet, and already another stage reports.
    """

    def __init__(self) -> None:
        self._stage, self._done, self._total, self._began = "", 0, 0, 0.0
        self._known = False

    def around(self, stage: str, done: int, total: int) -> list[Any] | None:
        """The stage around ``stage``, how much of it is done, and of how much; None if there is none."""
        other = stage != self._stage
        if other and self._done < self._total and (self._known or self._done == 0):
            self._known = True
            return [self._stage, self._done, self._total]
        if other:
            self._known, self._began = False, time.monotonic()
        self._stage, self._done, self._total = stage, done, total
        return None

    def seconds_left(self, done: int, total: int) -> float | None:
        """How long the whole takes at this rate, of whose current part ``done`` of ``total`` is done."""
        share = (self._done + (done / total if total > 0 else 0)) / self._total
        passed = time.monotonic() - self._began
        return passed * (1 - share) / share if share > 0 else None


def _line(error: BaseException) -> str:
    if isinstance(error, KeyboardInterrupt):
        return AS_ASKED
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
