"""What all benchmark scripts share: medians with their spread, the machine, Markdown on stdout, JSON on
disk."""

from __future__ import annotations

import json
import os
import platform
import resource
import statistics
import threading
import time
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import torch

HOME = Path("cache/bench")


def machine() -> dict[str, Any]:
    """Processor, cores, torch version, date."""
    info = Path("/proc/cpuinfo")
    names = [line.partition(":")[2].strip() for line in info.read_text().splitlines() if "model name" in line]
    return {
        "processor": names[0] if names else platform.machine(),
        "cores": os.cpu_count(),
        "vector": "AMX"
        if torch.cpu.get_capabilities().get("amx_bf16")
        else torch.backends.cpu.get_cpu_capability(),
        "torch": torch.__version__,
        "date": str(date.today()),
    }


def repeated(work: Callable[[], Any], times: int = 5, warm_up: int = 1) -> list[float]:
    """Seconds of each of ``times`` runs of ``work``, after ``warm_up`` more."""
    found = []
    for number in range(warm_up + times):
        start = time.perf_counter()
        work()
        if number >= warm_up:
            found.append(time.perf_counter() - start)
    return found


def spread(values: Sequence[float], digits: int = 0) -> str:
    """Median and, in brackets, least and most."""
    middle = statistics.median(values)
    return f"{middle:,.{digits}f} ({min(values):,.{digits}f}-{max(values):,.{digits}f})"


def peak_mb() -> float:
    """The most memory that this process has had so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


class OwnMemory:
    """The most memory, in MB, that this process has had of its own while the block ran, sampled.

    What files are mapped for is not in it: the system takes that back whenever it likes.
    """

    def __enter__(self) -> OwnMemory:
        self.peak_mb, self._done = 0.0, threading.Event()
        self._watch = threading.Thread(target=self._sample)
        self._watch.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._watch.join()

    def _sample(self) -> None:
        while not self._done.wait(0.05):
            lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
            own = next(int(line.split()[1]) for line in lines if line.startswith("RssAnon"))
            self.peak_mb = max(self.peak_mb, own / 1024)


def publish(
    name: str, title: str, header: Sequence[str], rows: Sequence[Sequence[Any]], raw: Any, home: Path
) -> None:
    """Print a Markdown table; write it and all raw figures to ``home/name.json``."""
    here = machine()
    where = "{processor}, {cores} cores, {vector}, torch {torch}, {date}".format(**here)
    print(f"\n{title}; {where}\n")
    print("| " + " | ".join(header) + " |")
    print("|" + "---|" * len(header))
    for row in rows:
        print("| " + " | ".join(str(cell) for cell in row) + " |")
    home.mkdir(parents=True, exist_ok=True)
    content = {"machine": here, "header": header, "rows": rows, "raw": raw}
    (home / f"{name}.json").write_text(json.dumps(content, indent=2, default=str), encoding="utf-8")
