"""An attribution method of your own: training rows that share rare words with the query.

    python examples/own_method.py

As an extension, the command line and the app know it, too:

    FIRSTWORD_EXTENSIONS=examples/own_method.py firstword explain WORKSPACE --text "..." --method rare-words
"""

import json
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np

from firstword import Workspace
from firstword.extend import Asked, Columns, Similarity, register_method


class RareWords(Similarity):
    """Shared words count by how rare they are; signed by whether labels agree."""

    name = "rare-words"
    title = "Rare words"
    formula = "sum over shared words of 1 / (rows that have the word)"
    source = "this file"
    cost = "milliseconds"
    limits = "knows nothing of the model"
    scores = ("label", "plain")  # the first is the default; `Similarity` knows "residual", too

    def similarities(self, asked: Asked) -> np.ndarray:
        """Of every training row with the query: float64 (n)."""
        return np.array([sum(each.values()) for each in self._shared(asked)], dtype=np.float64)

    def terms(self, asked: Asked, positions: np.ndarray) -> list[dict[str, float]]:
        """What each shared word adds, for the rows at ``positions``: this is how words get their part."""
        shared = self._shared(asked)
        return [shared[each] for each in positions.tolist()]

    def _shared(self, asked: Asked) -> list[dict[str, float]]:
        rows = [set(text.lower().split()) for text in asked.engine.train.texts]
        counts = Counter(word for words in rows for word in words)
        query = set(" ".join(asked.said).lower().split())
        return [{word: 1 / counts[word] for word in sorted(words & query)} for words in rows]


register_method(RareWords())

ROWS = (
    *(("a gorgeous and witty film", "good"), ("warm and witty", "good"), ("gorgeous pictures", "good")),
    *(("a tender story", "good"), ("a fine film", "good"), ("bright and quick", "good")),
    *(("a dull film", "bad"), ("noisy and long", "bad"), ("a witty idea , badly told", "bad")),
    *(("a tired story", "bad"), ("cold and slow", "bad"), ("nothing in it is new", "bad")),
)


def main() -> None:
    """Ask it beside the method that Firstword is about, after a fine-tuning of a few steps."""
    with tempfile.TemporaryDirectory() as scratch:
        source = Path(scratch) / "reviews.jsonl"
        rows = [{"text": text, "label": label} for text, label in ROWS * 2]
        source.write_text("".join(json.dumps(each) + "\n" for each in rows), encoding="utf-8")
        workspace, _ = Workspace.create(
            Path(scratch) / "reviews",
            train=str(source),
            eval="0.25",
            model="minilm",
            layers=1,
            columns=Columns("text", "label"),
        )
        workspace.train(workspace.planned_settings({"epochs": 2, "lr": 1e-3, "batch_size": 8}))
        workspace.precompute()
        for method in ("rare-words", "we"):
            best = workspace.explain("a witty film", method=method, k=3).proponents[0]
            words = ", ".join(f"{each.word} {each.score:+.3g}" for each in best.words)
            print(f"{method}: {best.text!r} ({best.label}), by its words {words}")


if __name__ == "__main__":
    main()
