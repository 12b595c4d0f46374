"""Gradients of a language model's rows: how fast beside the bare arithmetic and beside other libraries?

    python -m benchmarks.language_peers [--rows 60] [--repeats 3] [--contenders NAME ...]
    python -m benchmarks.language_peers --agree

The same chats (of ``--data``, evenly taken) as the same tokens, with the same tokens learnt, through the same
model in fp32 on the CPU. Each contender runs in a process of its own, a peer in an environment of its own
(made once under ``--environments``), and all take turns, so that what else a machine does hits all alike; a
ratio is the median of those of each turn. Loading the model and a pass over three short rows come before.
Peak memory is that of the contender's process.

What the contenders are, and what they keep, is said in the modules ``language_peers_*``. ``--agree`` compares
numbers instead: the gradients at the word table and at the output table of a small model, tied and untied.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import sys
import tempfile
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from benchmarks.language_peers_environments import python_of
from benchmarks.language_peers_job import Job, Matrix
from benchmarks.language_peers_process import Process, Stopped

NAMES = {
    "bare": "bare loop",
    "bare-learnt": "bare loop, logits of learnt tokens only",
    "firstword": "Firstword, four sides, int8",
    "bergson": "bergson, linear layers, 16 x 16 a layer and row",
    "bergson-tokens": "bergson, the same a token",
    "dattri-llm": "dattri-llm, word table",
    "dattri-llm-both": "dattri-llm, word table and output table",
}
_SHARED = Path("../shared/data")
_AGREE = ("firstword", "bergson", "dattri-llm")


@dataclass
class Outcome:
    """What became of one contender: turns in seconds, or what went wrong."""

    name: str
    seconds: list[float] = field(default_factory=list)
    cpu_seconds: list[float] = field(default_factory=list)
    found: dict[str, Any] = field(default_factory=dict)
    failure: str = ""


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    files = [_SHARED / "identity.jsonl.gz", _SHARED / "instructions.jsonl.gz"]
    parser.add_argument("--data", type=Path, nargs="+", default=files, help="JSONL of chats, gzipped")
    parser.add_argument("--model", default="smollm2")
    parser.add_argument("--attention", choices=("eager", "sdpa"), default="eager")
    parser.add_argument("--rows", type=int, default=60)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--limit", type=float, default=1800, help="seconds for one answer of a contender")
    parser.add_argument("--contenders", nargs="+", default=list(NAMES), choices=list(NAMES))
    parser.add_argument("--environments", type=Path, default=Path("cache/bench/language-peers"))
    parser.add_argument("--out", type=Path, default=Path("cache/bench"))
    parser.add_argument("--agree", action="store_true")
    parser.add_argument("--prepare", nargs=2, metavar=("HOME", "JSON"), help=argparse.SUPPRESS)
    return parser.parse_args()


def _start(options: argparse.Namespace, name: str, home: Path, *arguments: str) -> Process:
    """A worker of a contender; `Stopped` where its environment can't be made."""
    try:
        python = python_of(name, options.environments.absolute())
    except RuntimeError as error:
        raise Stopped(str(error)) from error
    scratch = home / f"scratch-{name}"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    command = [python, "-m", "benchmarks.language_peers_worker", name, str(scratch), *arguments]
    return Process(command, home / f"{name}.txt")


def measured(options: argparse.Namespace, home: Path) -> list[Outcome]:
    """All contenders, turn by turn."""
    outcomes = {name: Outcome(name) for name in options.contenders}
    running: dict[str, Process] = {}
    for name, outcome in outcomes.items():
        _say(f"{NAMES[name]}: starting")
        try:
            running[name] = _start(options, name, home, str(home / "all.json"), str(home / "warm-up.json"))
            outcome.found |= running[name].answer(options.limit)
        except Stopped as error:
            outcome.failure = str(error)
            running.pop(name, None)
    for turn in range(options.repeats):
        for name in list(running):
            _say(f"turn {turn + 1}: {NAMES[name]}")
            try:
                answer = running[name].answer(options.limit, "go")
            except Stopped as error:
                outcomes[name].failure = str(error)
                running.pop(name)
                continue
            outcomes[name].seconds.append(answer["seconds"])
            outcomes[name].cpu_seconds.append(answer["cpu_seconds"])
            outcomes[name].found |= answer
    for process in running.values():
        process.end()
    return list(outcomes.values())


def table(outcomes: list[Outcome], job: Job) -> str:
    """Markdown."""
    lines = [
        "| | tokens/s | learnt tokens/s | of the bare loop (least to most) | by processor time | peak, GiB "
        "| kept, KB a token |",
        "|---|---|---|---|---|---|---|",
    ]
    bare = next((each for each in outcomes if each.name == "bare"), Outcome("bare"))
    for each in outcomes:
        if not each.seconds:
            lines.append(f"| {NAMES[each.name]} | did not run: {each.failure} | | | | | |")
            continue
        middle = statistics.median(each.seconds)
        share, of_work = _share(bare.seconds, each.seconds), _share(bare.cpu_seconds, each.cpu_seconds)
        ended = f" ({len(each.seconds)} turns, then {each.failure})" if each.failure else ""
        name = NAMES[each.name] + ended
        lines.append(
            f"| {name} | {job.tokens / middle:,.0f} | {job.learnt / middle:,.0f} | {share} "
            f"| {of_work} "
            f"| {each.found['peak_gib']:.1f} | {each.found['kept'] / job.tokens / 1e3:,.1f} |"
        )
    return "\n".join(lines)


def _share(bare: list[float], own: list[float]) -> str:
    ratios = sorted(first / second for first, second in zip(bare, own, strict=False))
    return f"{statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})" if ratios else ""


def agreement(options: argparse.Namespace, home: Path) -> str:
    """Markdown: how far the peers' products of gradients are from ours, of the largest."""
    lines = ["| | side | untied | tied |", "|---|---|---|---|"]
    kinds = ("untied", "tied")
    found = {(name, kind): _scores(options, name, home, kind) for name in _AGREE for kind in kinds}
    for name in _AGREE[1:]:
        for side in ("read", "written"):
            cells = [_off(found[name, kind], found["firstword", kind], side) for kind in kinds]
            lines.append(f"| {name} | {side} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _scores(options: argparse.Namespace, name: str, home: Path, kind: str) -> dict[str, Matrix] | str:
    try:
        process = _start(options, name, home, str(home / f"{kind}.json"))
        return process.answer(options.limit)["scores"]
    except Stopped as error:
        return str(error)


def _off(theirs: dict[str, Matrix] | str, ours: dict[str, Matrix] | str, side: str) -> str:
    if isinstance(theirs, str) or isinstance(ours, str):
        return f"did not run: {theirs if isinstance(theirs, str) else ours}"
    if side not in theirs:
        return "has none"
    pairs = [pair for rows in zip(theirs[side], ours[side], strict=True) for pair in zip(*rows, strict=True)]
    return f"{max(abs(one - two) for one, two in pairs) / max(abs(two) for _, two in pairs):.0e}"


def _prepare(home: Path, wanted: dict[str, Any]) -> None:
    from benchmarks import language_peers_firstword as ours

    if wanted["agree"]:
        ours.small_jobs(home)
        return
    sources = [Path(each) for each in wanted["data"]]
    whole, warm_up = ours.prepare_rows(sources, wanted["rows"], wanted["model"], wanted["attention"], home)
    whole.write(home / "all.json")
    warm_up.write(home / "warm-up.json")


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> None:
    """Measure, or compare numbers."""
    options = _options()
    if options.prepare:
        _prepare(Path(options.prepare[0]), json.loads(options.prepare[1]))
        return
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch)
        wanted = {key: getattr(options, key) for key in ("agree", "rows", "model", "attention")}
        wanted["data"] = list(map(str, options.data))
        command = [
            sys.executable,
            "-m",
            "benchmarks.language_peers",
            "--prepare",
            scratch,
            json.dumps(wanted),
        ]
        Process(command, home / "prepare.txt").finish(options.limit)
        if options.agree:
            print(agreement(options, home))
            return
        job = Job.read(home / "all.json")
        outcomes = measured(options, home)
    where = f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, {date.today()}"
    print(f"{options.model}, {len(job.ids)} rows, {job.tokens:,} tokens, {job.learnt:,} learnt; {where}\n")
    print(table(outcomes, job))
    options.out.mkdir(parents=True, exist_ok=True)
    raw = {each.name: {**each.found, "turns": each.seconds, "failure": each.failure} for each in outcomes}
    (options.out / "language_peers.json").write_text(json.dumps(raw, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
