"""What one training came to, kept on disk under a key of everything that determines it.

``retrains/outcomes/KEY.safetensors`` holds probabilities, ``KEY.json`` the recipe's log; an arm that was
trained once with a seed is never trained again with it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from backend.files import replacing, write_json


@dataclass(frozen=True)
class Outcome:
    """``evaluation`` float32 (n_eval, K): probabilities of all eval rows; ``queries`` float32 (q, K): of
    typed texts; ``logs``: what each phase's recipe recorded; ``seconds``: how long the trainings took.

    Of language models the outputs are summed losses and numbers of tokens, of eval rows and of words asked
    about; ``written``: what the model answers to each prompt, None to one that leaves it no room.
    """

    evaluation: np.ndarray
    queries: np.ndarray
    logs: list[dict[str, Any]]
    seconds: float
    written: list[str | None] = field(default_factory=list)


def read_outcome(home: Path, key: str) -> Outcome | None:
    """The outcome of that key; None if it is not there or damaged."""
    try:
        with safe_open(home / f"{key}.safetensors", "np") as file:
            evaluation, queries = file.get_tensor("evaluation"), file.get_tensor("queries")
        record = json.loads((home / f"{key}.json").read_text(encoding="utf-8"))
        seconds, written = float(record["seconds"]), list(record.get("written", []))
        return Outcome(evaluation, queries, record["logs"], seconds, written)
    except (OSError, SafetensorError, ValueError, KeyError, TypeError):
        return None


def write_outcome(home: Path, key: str, outcome: Outcome) -> None:
    """Write it; the probabilities last, so that they stand for the whole."""
    answers = {"written": outcome.written} if outcome.written else {}
    write_json(home / f"{key}.json", {"seconds": outcome.seconds, "logs": outcome.logs, **answers})
    with replacing(home / f"{key}.safetensors") as temporary:
        save_file({"evaluation": outcome.evaluation, "queries": outcome.queries}, temporary)
