"""Which learning rate a language model's adapter learns at: loss per token on held-out rows.

python -m benchmarks.language_rates ../shared/data/identity.jsonl.gz --rates 3e-4 1e-3 3e-3
"""

from __future__ import annotations

import argparse
import gzip
import json
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from backend.data.conversation import Conversation, Reading, Turn
from backend.data.examples import Examples
from backend.manifest import TaskInfo
from backend.model.training import train
from backend.model.training_settings import TrainingSettings


def conversations(source: Path) -> Examples:
    """Chats of a file of messages, in a random order that is always the same."""
    with gzip.open(source, "rt", encoding="utf-8") as lines:
        messages = [json.loads(line)["messages"] for line in lines]
    rows = [
        Conversation(
            tuple(
                Turn(at, each["role"], each["content"], each["role"] == "assistant")
                for at, each in enumerate(chat)
            ),
            chat=True,
        )
        for chat in messages
    ]
    order = np.random.default_rng(0).permutation(len(rows))
    contexts = [rows[at].context() for at in order]
    return Examples((contexts,), [rows[at].target().text() for at in order], Reading())


def main() -> None:
    """Train once a rate and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path)
    parser.add_argument("--model", default="smollm2")
    parser.add_argument("--rates", type=float, nargs="+", default=[3e-4, 1e-3, 3e-3])
    parser.add_argument("--rows", type=int, default=40)
    parser.add_argument("--held-out", type=int, default=20)
    parser.add_argument("--epochs", type=float, default=2)
    parser.add_argument("--batch-size", type=int, default=4)
    parser.add_argument("--rank", type=int, default=16, help="0: all weights")
    options = parser.parse_args()
    rows = conversations(options.source)
    plain = TrainingSettings(
        epochs=options.epochs,
        batch_size=options.batch_size,
        rank=options.rank or None,
        max_length=512,
        checkpoints=1,
        dynamics=False,
        warmup=0.06,
    )
    for rate in options.rates:
        with tempfile.TemporaryDirectory() as home:
            print(_line(home, rows, replace(plain, lr=rate), options), flush=True)


def _line(home: str, rows: Examples, settings: TrainingSettings, options: Any) -> str:
    began = time.perf_counter()
    made = train(
        Path(home) / "run",
        model=options.model,
        layers=None,
        task=TaskInfo(name="causal-lm", loss="answers"),
        training=rows.part(0, options.rows),
        evaluation=rows.part(options.rows, options.rows + options.held_out),
        settings=settings,
    )
    return (
        f"rate {settings.lr:g}: loss per token on held-out rows {made.before[0].value:.3f} before, "
        f"{made.measured[0].value:.3f} after {made.steps} steps; last training loss "
        f"{made.losses[-1][1]:.3f}; {time.perf_counter() - began:.0f} s"
    )


if __name__ == "__main__":
    main()
