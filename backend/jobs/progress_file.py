"""A job's progress as a small JSON file: one process writes it, any other may read it."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from backend.progress import Pace, Progress

PROGRESS_VARIABLE = "FIRSTWORD_PROGRESS"
SECONDS_BETWEEN_WRITES = 0.5


@contextmanager
def progress_file() -> Iterator[Progress | None]:
    """Write what is reported, and how the block ends, to the file that ``FIRSTWORD_PROGRESS`` names.

    Yields None if the variable is not set. A file on a full disk or in a deleted folder is given up
    silently: watching must not end the work.
    """
    place = os.environ.get(PROGRESS_VARIABLE)
    if not place:
        yield None
        return
    writer = _Writer(Path(place))
    try:
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
        self.written_at = 0.0
        self._write("running")

    def __call__(self, stage: str, done: int, total: int) -> None:
        new_stage = stage != self.last["stage"]
        self.pace(stage, done, total)
        self.last = {"stage": stage, "done": done, "total": total, "seconds_left": self.pace.seconds_left}
        if new_stage or time.monotonic() - self.written_at >= SECONDS_BETWEEN_WRITES:
            self._write("running")

    def finish(self, state: str, error: str | None = None) -> None:
        """Write how it ended."""
        self._write(state, error)

    def _write(self, state: str, error: str | None = None) -> None:
        self.written_at = time.monotonic()
        content = {"state": state, **self.last, "error": error, "at": time.time()}
        temporary = self.path.with_suffix(".tmp")
        try:
            temporary.write_text(json.dumps(content), encoding="utf-8")
            temporary.replace(self.path)
        except OSError:
            return


def _line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
