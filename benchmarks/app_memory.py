"""Whether the app holds on to what it no longer needs: its server's memory before and after finished jobs.

    python -m benchmarks.app_memory WORKSPACE [--idle 3] [--job "scores --only contradicted_in_eval"] [...]
        [--pages overview,inspect,pair,review,explore,scores]

In a copy of the workspace (hard links; beside it, so that both lie on one disk) and a real browser. Rounds:
every page is opened twice, Pair with other rows each time; ``--idle`` such rounds without a job come first.
Before each of the others a job is started in the folder of the app's jobs, and watched on the Jobs page until
it is done. A line for each round: the server's own memory at its end, and the peak of the resident memory
within it (files that are mapped included), as the kernel counts them. Writes ``HOME/app_memory.json``.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from backend.jobs.process import job_state, start_command
from backend.workspace import Workspace
from benchmarks.pages import Addresses
from benchmarks.report import HOME, machine
from tests.e2e.screenshots import LOG
from tests.e2e.server import browsing, serving, settled

JOBS = ("scores --only contradicted_in_eval", "influence", "scores --only influence_on_errors")
PAGES = "overview,inspect,pair,review,explore,scores"


@contextmanager
def linked_copy(workspace: Path) -> Iterator[Path]:
    """The workspace by hard links, without its decisions: what a job writes is the copy's alone."""
    with tempfile.TemporaryDirectory(dir=workspace.resolve().parent, prefix=".app_memory.") as scratch:
        copy = Path(scratch) / workspace.name
        shutil.copytree(workspace, copy, copy_function=os.link, ignore=shutil.ignore_patterns(f"*{LOG}*"))
        yield copy


def memory(process: psutil.Process) -> dict[str, float]:
    """MB: ``own``, anonymous memory now; ``peak``, resident since the last call, which begins it anew."""
    status = dict(
        line.split(":", 1)
        for line in Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8").splitlines()
    )
    Path(f"/proc/{process.pid}/clear_refs").write_text("5", encoding="utf-8")  # resets the peak
    return {name: int(status[key].split()[0]) / 1024 for name, key in (("own", "RssAnon"), ("peak", "VmHWM"))}


def visited(page: Any, address: str, places: Addresses, names: list[str], round_: int) -> None:
    """Every page, twice."""
    for number in (2 * round_, 2 * round_ + 1):
        for name in names:
            page.goto(f"{address}/{places.page(name, number)}")
            page.wait_for_selector("h1")
            settled(page)


def finished(page: Any, address: str, workspace: Path, job: str, log_dir: Path) -> float:
    """Start the job, watch it on the Jobs page until it is done; its seconds."""
    start = time.perf_counter()
    command, *more = job.split()
    folder = start_command([command, str(workspace), *more], log_dir)
    page.goto(f"{address}/jobs")
    while (state := job_state(folder)) is None or state.state == "running":
        page.wait_for_timeout(500)
    assert state.state == "done", state
    return time.perf_counter() - start


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("workspace", type=Path)
    parser.add_argument("--job", action="append", help="a command and its options; repeatable")
    parser.add_argument("--idle", type=int, default=3)
    parser.add_argument("--pages", default=PAGES)
    options = parser.parse_args()
    rounds: list[dict[str, Any]] = []
    with (
        linked_copy(options.workspace) as copy,
        tempfile.TemporaryDirectory() as home,
        serving(copy, home=Path(home)) as address,
        browsing() as page,
    ):
        port = address.rpartition(":")[2]
        (process,) = (each for each in psutil.Process().children() if port in each.cmdline())
        places, names = Addresses(Workspace.open(copy)), options.pages.split(",")
        for number, job in enumerate([*[None] * options.idle, *(options.job or JOBS)]):
            seconds = finished(page, address, copy, job, Path(home) / "cache" / "jobs") if job else None
            visited(page, address, places, names, number)
            rounds.append({"after": job or "no job", "job_seconds": seconds, **memory(process)})
            print(
                f"after {job or 'no job':40} own {rounds[-1]['own']:,.0f} MB, "
                f"peak {rounds[-1]['peak']:,.0f} MB",
                flush=True,
            )
    HOME.mkdir(parents=True, exist_ok=True)
    content = {"machine": machine(), "workspace": str(options.workspace), "rounds": rounds}
    (HOME / "app_memory.json").write_text(json.dumps(content, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
