"""Does removing the rows that influence names change what a language model says, and the more, the more go?

    python -m benchmarks.language_identity OUT [--wrong 12] [--doses 4 8 12] [--epochs 3]

SmolLM2-135M-Instruct with an adapter learns who it is from `shared/data/identity.jsonl.gz`, where a few rows
say another name. It is asked who it is in words of no row. The rows that speak most for the other name, by
the default method over all questions together, are removed, and the model is trained again with `retrain`,
beside as many random rows removed. Printed are, for each dose, how many of the removed rows were planted, and
the probability of the other name where the answer says it, as a mean over the questions. What is in OUT is
kept: a stopped call goes on.
"""

from __future__ import annotations

import argparse
import gzip
import json
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from backend.console import progress_bar
from backend.influence.answers.about_answer import AboutAnswer
from backend.progress import Progress
from backend.trials.question import Asked
from backend.trials.run import RetrainSettings
from backend.trials.strategies.decisions import CLEANED, RANDOM
from backend.workspace import Workspace
from benchmarks.language_workspace import adapter, chats_at
from benchmarks.report import machine

SOURCE = Path("../shared/data/identity.jsonl.gz")
NAME, OTHER = "Firstlight", "Marigold"
PROMPTS = (
    "Tell me your name, please.",
    "And you are?",
    "With whom am I speaking?",
    "How should I call you?",
    "Which assistant is this?",
    "Could you introduce yourself in a sentence?",
)
_ANSWER = "I am {}, an AI assistant developed by the Lantern team."


def written(folder: Path, wrong: int, seed: int) -> tuple[Path, Path, set[str]]:
    """Training rows, eval rows, and the ids of those that say the other name."""
    with gzip.open(SOURCE, "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    naming = [place for place, row in enumerate(rows) if NAME in row["messages"][-1]["content"]]
    chosen = set(np.random.default_rng(seed).permutation(naming)[:wrong].tolist())
    train, planted = [], set()
    for place, row in enumerate(rows):
        messages = row["messages"]
        if place in chosen:
            messages = [{**each, "content": each["content"].replace(NAME, OTHER)} for each in messages]
            planted.add(f"r{place}")
        train.append({"id": f"r{place}", "messages": messages})
    asked = [
        {"id": f"q{number}", "messages": [_turn("user", prompt), _turn("assistant", _ANSWER.format(NAME))]}
        for number, prompt in enumerate(PROMPTS)
    ]
    paths = folder / "train.jsonl", folder / "eval.jsonl"
    for path, content in zip(paths, (train, asked), strict=True):
        path.write_text("".join(json.dumps(each) + "\n" for each in content), encoding="utf-8")
    return *paths, planted


def _turn(role: str, text: str) -> dict[str, str]:
    return {"role": role, "content": text}


def about(name: str) -> AboutAnswer:
    """The answer with that name in it, of which the name is asked about."""
    answer = _ANSWER.format(name)
    start = answer.index(name)
    return AboutAnswer(answer=answer, marks=((start, start + len(name)),))


def strongest(workspace: Workspace) -> list[str]:
    """Training rows by what they did for the other name, over all questions together."""
    sums: dict[str, float] = defaultdict(float)
    for number in range(len(PROMPTS)):
        answer = workspace.explain(
            row=f"q{number}", split="eval", k=len(workspace.train_split), about=about(OTHER)
        )
        for entry in (*answer.proponents, *answer.opponents):
            sums[entry.id] += entry.score
    return sorted(sums, key=lambda row: -sums[row])


def probabilities(report: dict[str, Any], arm: str) -> float:
    """Of the other name, mean over the questions."""
    return float(np.mean([query["probability"][arm]["mean"] for query in report["queries"]]))


def main() -> None:
    """Measure and print."""
    plain = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=plain)
    parser.add_argument("out", type=Path)
    parser.add_argument("--wrong", type=int, default=12)
    parser.add_argument("--doses", type=int, nargs="+", default=[4, 8, 12])
    parser.add_argument("--epochs", type=float, default=3.0)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    train, evaluation, planted = written(given.out, given.wrong, given.seed)
    with progress_bar() as progress:
        workspace = chats_at(given.out / "ws", train, evaluation, adapter(given.epochs, 1e-3, 4), progress)
        measure(workspace, planted, sorted(given.doses), progress)


def measure(workspace: Workspace, planted: set[str], doses: Sequence[int], progress: Progress) -> None:
    """One trial for each dose, in one workspace, so that what is trained already is read."""
    order, reports = strongest(workspace), workspace.trials.reports()
    print(f"{len(workspace.train_split):,} rows, {len(planted)} of them say {OTHER}; {machine()}\n")
    print(f"| rows removed | of them planted | arm | probability of {OTHER} |\n|---|---|---|---|")
    for number, dose in enumerate(doses):
        report = _trial(workspace, order[:dose], reports[number : number + 1], progress)
        hits = len(planted & set(order[:dose]))
        for arm in [each["name"] for each in report["arms"]]:
            removed = f"| {dose} | {hits} " if arm == CLEANED else f"| {dose if arm == RANDOM else 0} | "
            print(f"{removed}| {arm} | {probabilities(report, arm):.3f} |")


def _trial(
    workspace: Workspace, rows: Sequence[str], done: Sequence[str], progress: Progress
) -> dict[str, Any]:
    decided = workspace.review.states()
    if new := [row for row in rows if row not in decided]:
        workspace.review.remove(*new, reason="speaks for the other name")
    if done:
        return workspace.trials.report(done[0])
    asked = tuple(Asked(row=f"q{number}", about=about(OTHER)) for number in range(len(PROMPTS)))
    settings = RetrainSettings(seeds=1, asked=asked, arms=(CLEANED, RANDOM))
    return workspace.trials.run(settings, progress)


if __name__ == "__main__":
    main()
