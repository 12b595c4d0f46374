"""How long literal matches take: ``python -m benchmarks.matches [--rows N]``.

Chats made of the words of a Zipf law, a tenth of them with a boilerplate answer that goes on differently, as
real ones have it.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
import pyarrow as pa

from backend.data.columns import ID, LABEL, TEXT
from backend.data.conversation import Conversation, Turn
from backend.data.dataset import Split
from backend.folder import Folder
from backend.manifest import DataInfo, Manifest, ModelInfo, TaskInfo
from backend.matches.index import open_index
from backend.matches.match import match, spans_of
from backend.matches.pattern import pattern_of

T = TypeVar("T")
BOILERPLATE = "I'm sorry, but as an assistant I cannot do that for you. What I can do, however, is this:"
SYLLABLES = ("wa", "ke", "lo", "mi", "tu", "ra", "ne", "so", "pi", "du", "fa", "gi")
SYSTEM = "You are a helpful assistant that answers in a few words."


def main() -> None:
    """Print seconds, bytes and memory."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--words", type=int, default=60, help="of an answer")
    given = parser.parse_args()
    rng = np.random.default_rng(0)
    rows = [_chat(rng, place, given.words) for place in range(given.rows)]
    size = sum(len(turn.text) for each in rows for turn in each.turns)
    print(f"{given.rows:,} rows, {size / 1e6:,.0f} M characters")
    with tempfile.TemporaryDirectory() as scratch:
        folder, train = _workspace(Path(scratch), rows)
        answer = rows[7].turns[-1].text
        del rows
        for fold in (False, True):
            start = time.perf_counter()
            open_index(folder, train, fold)
            print(f"index, fold={fold}: {time.perf_counter() - start:.1f} s")
        size = sum(each.stat().st_size for each in folder.matches.rglob("*") if each.is_file())
        print(f"on disk, both: {size / 1e6:,.0f} MB; {_peak():,.0f} MB at most in memory")
        start = time.perf_counter()
        index = open_index(folder, train)
        print(f"opened again: {time.perf_counter() - start:.3f} s")
        questions: dict[str, tuple[str, int, int]] = {
            "a rare word": _whole(answer.split()[-1]),
            "six words": _whole(" ".join(answer.split()[-6:])),
            "the commonest word": _whole("wa"),
            "boilerplate": _whole(BOILERPLATE),
            "a letter inside words": ("xbx", 1, 2),
            "no match": _whole("never said by anyone"),
        }
        for name, asked in questions.items():
            found, seconds = _timed(lambda: match(index, train, pattern_of(*asked, False)))  # noqa: B023
            print(f"{name}: {seconds * 1000:.0f} ms, {found.found.rows:,} rows")
        long = " ".join([answer] * (500 // given.words + 1))
        for name, text in (("an answer", answer), ("500 words", long)):
            spans, seconds = _timed(lambda: spans_of(index, train, text, train.ids[7]))  # noqa: B023
            print(f"parts of {name}: {seconds * 1000:.0f} ms, {len(spans)} parts")


def _whole(text: str) -> tuple[str, int, int]:
    return text, 0, len(text)


def _timed(ask: Callable[[], T]) -> tuple[T, float]:
    seconds = []
    for _ in range(5):
        start = time.perf_counter()
        found = ask()
        seconds.append(time.perf_counter() - start)
    return found, statistics.median(seconds)


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _words(rng: np.random.Generator, count: int) -> str:
    names = [
        "".join(SYLLABLES[int(digit, 13) % 12] for digit in np.base_repr(each, 12))
        for each in _zipf(rng, count)
    ]
    return " ".join(names)


def _zipf(rng: np.random.Generator, count: int) -> list[int]:
    return np.minimum(rng.zipf(1.25, count) - 1, 200_000).tolist()


def _chat(rng: np.random.Generator, place: int, words: int) -> Conversation:
    said = _words(rng, words)
    answer = f"{BOILERPLATE} {said}" if place % 10 == 0 else said
    turns = (
        Turn(0, "system", SYSTEM),
        Turn(1, "user", _words(rng, 15) + "?"),
        Turn(2, "assistant", answer, True),
    )
    return Conversation(turns, chat=True)


def _workspace(path: Path, rows: list[Conversation]) -> tuple[Folder, Split]:
    table = pa.table(
        {
            ID: [f"r{place}" for place in range(len(rows))],
            LABEL: [each.target().text() for each in rows],
            TEXT: [each.context() for each in rows],
        }
    )
    folder = Folder(path)
    info = DataInfo(fingerprint="made", text="m", label="m", form="messages", n_train=len(rows), n_eval=0)
    task = TaskInfo(name="causal-lm", loss="answers")
    folder.write_manifest(Manifest(data=info, task=task, model=ModelInfo(name="none")))
    folder.record("data", id="made")
    return folder, Split("train", table, info, task)


if __name__ == "__main__":
    main()
