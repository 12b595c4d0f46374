"""A worker of `benchmarks.language_peers` from outside: a line in, a line of JSON out."""

from __future__ import annotations

import json
import os
import select
import subprocess
from pathlib import Path
from typing import Any

_ENVIRONMENT = {
    "TOKENIZERS_PARALLELISM": "false",
    "HF_HUB_OFFLINE": "1",
    "PYTHONWARNINGS": "ignore",
    "GOMP_SPINCOUNT": os.environ.get("GOMP_SPINCOUNT", "10000"),  # as Firstword sets it, for all
}


class Stopped(Exception):
    """The worker ended or took too long; says why."""


class Process:
    """A running worker; what it prints besides goes to ``log``."""

    def __init__(self, command: list[str], log: Path) -> None:
        self._log = log
        with log.open("w", encoding="utf-8") as errors:
            self._child = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                env={**os.environ, **_ENVIRONMENT},
            )

    def answer(self, limit: float, word: str | None = None) -> dict[str, Any]:
        """Its next line, to ``word`` where one is said; `Stopped` if none comes within ``limit`` seconds."""
        assert self._child.stdin is not None and self._child.stdout is not None
        try:
            if word is not None:
                print(word, file=self._child.stdin, flush=True)
            ready = select.select([self._child.stdout], [], [], limit)[0]
            line = self._child.stdout.readline() if ready else ""
        except BaseException as error:
            self.end()
            if isinstance(error, BrokenPipeError):
                raise Stopped(self._last_words()) from error
            raise
        if line:
            return json.loads(line)
        self.end()
        raise Stopped(self._last_words() if ready else f"> {limit:.0f} s")

    def finish(self, limit: float) -> None:
        """Wait for its end, which must be a good one."""
        try:
            if self._child.wait(limit):
                raise SystemExit(self._log.read_text(encoding="utf-8", errors="replace"))
        finally:
            self.end()

    def end(self) -> None:
        """Kill it if it still runs."""
        self._child.kill()
        self._child.wait()

    def _last_words(self) -> str:
        said = self._log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return said[-1] if said else f"exit {self._child.returncode}"
